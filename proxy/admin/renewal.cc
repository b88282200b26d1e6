// See renewal.h.
#include "proxy/admin/renewal.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "proxy/log.h"
#include "proxy/net/clock.h"
#include "tls/leaf.h"

namespace postern::admin {

namespace {

using Digests = std::unordered_set<std::string>;

Digests digests_of(const std::vector<server::LoadedCertificate>& certificates) {
  Digests digests;
  for (const auto& each : certificates) digests.insert(tls::facts_of(*each.credentials).digest);
  return digests;
}

std::string words_of(const server::LoadedCertificate& certificate) {
  const auto& credentials = *certificate.credentials;
  return fmt::format("{}: valid until {:%Y-%m-%d} ({})", name_of(credentials),
                     credentials.not_after(), certificate.setting->chain);
}

audit::CertificateEvent event_of(const server::LoadedCertificate& certificate) {
  const auto& credentials = *certificate.credentials;
  audit::CertificateEvent event{"certificate-change", "success"};
  event.file = certificate.setting->chain;
  event.names = credentials.names();
  event.serial = tls::facts_of(credentials).serial;
  event.not_after = credentials.not_after();
  return event;
}

}  // namespace

std::string name_of(const tls::Credentials& credentials) {
  const auto& names = credentials.names();
  return names.empty() ? credentials.subject() : fmt::format("{}", fmt::join(names, ", "));
}

Renewal::Renewal(Doors doors, server::TlsSources sources, Steady::time_point now)
    : doors_(std::move(doors)),
      sources_(std::move(sources)),
      last_read_(sources_.files),
      // Between reading them at start and being watched they may have changed.
      next_look_(now) {}

void Renewal::on_change(Steady::time_point now) {
  if (!first_change_) first_change_ = now;
  last_change_ = now;
}

bool Renewal::is_settled(Steady::time_point now) const {
  return first_change_ && (now >= last_change_ + kQuiet || now >= *first_change_ + kMostUnrest);
}

Steady::time_point Renewal::due() const {
  auto due = next_look_;
  if (first_change_) {
    due = std::min({due, last_change_ + kQuiet, *first_change_ + kMostUnrest});
  }
  return second_try_ ? std::min(due, *second_try_) : due;
}

void Renewal::turn(Steady::time_point now) {
  const bool is_second_try = second_try_ && now >= *second_try_;
  if (!is_second_try && !is_settled(now) && now < next_look_) return;
  first_change_.reset();
  next_look_ = now + kLookEvery;
  if (differ(last_read_, doors_.look())) {
    log::info("files of certificates have changed");
    attempt(is_second_try ? Try::last : Try::first, now);
  } else if (is_second_try) {
    attempt(Try::last, now);
  } else if (is_behind() && !second_try_) {
    attempt(Try::again, now);
  }
}

Renewal::Outcome Renewal::reload(const std::string& asker) {
  log::info("{}: reading the certificates anew (other settings take a restart)", asker);
  return attempt(Try::last, Steady::now());
}

Renewal::Outcome Renewal::attempt(Try which, Steady::time_point now) {
  auto loaded = doors_.load(sources_);
  check_times(loaded);
  last_read_ = loaded.sources.files;
  const auto second_try = second_try_.value_or(now + kSecondTry);
  second_try_.reset();
  Outcome outcome;
  outcome.errors = std::move(loaded.errors);
  outcome.warnings = std::move(loaded.warnings);
  if (which != Try::again || outcome.errors.empty()) {
    for (const auto& warning : outcome.warnings) log::warn("{}", warning);
  }
  if (outcome.errors.empty()) {
    take(std::move(loaded), outcome);
  } else if (which == Try::first) {
    second_try_ = second_try;  // the first of several: files that keep changing do not put it off
    last_errors_ = outcome.errors;
    for (const auto& error : outcome.errors) log::warn("{}", error);
    log::warn("the certificates from before are served on; trying again in {} s",
              std::chrono::duration_cast<std::chrono::seconds>(kSecondTry).count());
  } else if (which == Try::last || outcome.errors != last_errors_) {
    refuse(outcome.errors);
  }
  return outcome;
}

void Renewal::refuse(const std::vector<std::string>& errors) {
  ++failures_;
  last_errors_ = errors;
  for (const auto& error : errors) log::error("{}", error);
  log::error("THE NEW CERTIFICATES ARE NOT TAKEN: those from before are served on");
  audit::CertificateEvent event{"certificate-change", "failure"};
  event.reason = "not_taken";
  event.message = fmt::format("{}", fmt::join(errors, "; "));
  doors_.audit.record({net::wall_clock(), std::move(event)});
}

// One that has expired, or whose time has not come, is taken at start alone, where there is no other.
// It may stay beside others that are renewed.
void Renewal::check_times(server::LoadedTls& loaded) const {
  const auto now = net::wall_clock();
  const auto served = digests_of(sources_.certificates);
  for (const auto& [setting, credentials] : loaded.sources.certificates) {
    const bool has_ended = credentials->not_after() < now;
    if (!has_ended && credentials->not_before() <= now) continue;
    if (served.contains(tls::facts_of(*credentials).digest)) continue;
    loaded.errors.push_back(
        fmt::format("{}:{}:{}: {}: the new certificate {} {:%Y-%m-%d}", doors_.settings_file,
                    setting->place.line, setting->place.column, setting->chain,
                    has_ended ? "has expired on" : "is not valid before",
                    has_ended ? credentials->not_after() : credentials->not_before()));
  }
}

// Those that are other than before, without the chains and keys of certificates, which are told by name.
std::vector<std::string> Renewal::new_files(const server::TlsSources& sources) const {
  std::unordered_set<std::string> told;
  for (const auto& certificate : sources.certificates) {
    for (const auto* path : {&certificate.setting->chain, &certificate.setting->key,
                             &certificate.setting->passphrase_file}) {
      told.insert(*path);
    }
    // A response that was not fit was warned of.
    for (const auto& before : sources_.certificates) {
      if (before.setting == certificate.setting &&
          before.credentials->staple_until() == certificate.credentials->staple_until()) {
        told.insert(certificate.setting->ocsp);
      }
    }
  }
  std::vector<std::string> found;
  for (std::size_t i = 0; i < doors_.paths.size(); ++i) {
    const auto& path = doors_.paths[i];
    if (told.contains(path) || !server::differ({sources_.files[i]}, {sources.files[i]})) continue;
    found.push_back(path);
  }
  return found;
}

void Renewal::take(server::LoadedTls loaded, Outcome& outcome) {
  last_errors_.clear();
  const auto before = digests_of(sources_.certificates);
  const auto others = new_files(loaded.sources);
  sources_ = std::move(loaded.sources);
  doors_.serve(std::move(loaded.snapshot), sources_);
  ++successes_;
  for (const auto& certificate : sources_.certificates) {
    if (before.contains(tls::facts_of(*certificate.credentials).digest)) continue;
    outcome.changed.push_back(words_of(certificate));
    log::info("new certificate for {}", outcome.changed.back());
    doors_.audit.record({net::wall_clock(), event_of(certificate)});
  }
  for (const auto& path : others) {
    outcome.changed.push_back("what is now in " + path);
    log::info("{} is taken", outcome.changed.back());
    audit::CertificateEvent event{"certificate-change", "success"};
    event.file = path;
    doors_.audit.record({net::wall_clock(), std::move(event)});
  }
  if (outcome.changed.empty()) log::info("read anew: all certificates are as before");
}

}  // namespace postern::admin
