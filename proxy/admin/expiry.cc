// See expiry.h.
#include "proxy/admin/expiry.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "proxy/admin/renewal.h"
#include "proxy/log.h"
#include "tls/leaf.h"

namespace postern::admin {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;

// How many thresholds before this end have passed.
std::size_t passed(audit::WallTime end, audit::WallTime now) {
  const auto next = std::find_if(Expiry::kThresholds.begin(), Expiry::kThresholds.end(),
                                 [&](days before) { return now < end - before; });
  return static_cast<std::size_t>(next - Expiry::kThresholds.begin());
}

std::string words_of(audit::WallTime end, audit::WallTime now) {
  const auto on =
      fmt::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::floor<std::chrono::minutes>(end));
  if (now >= end) return fmt::format("it has expired on {}", on);
  const auto left = std::chrono::floor<days>(end - now).count();
  if (left == 0) return fmt::format("it expires in less than a day, on {}", on);
  return fmt::format("it expires in {} {}, on {}", left, left == 1 ? "day" : "days", on);
}

}  // namespace

void Expiry::add(const server::LoadedCertificate& certificate, const std::string& digest,
                 End::Kind kind, audit::WallTime at, std::string what) {
  auto identity =
      fmt::format("{} {} {}", digest, static_cast<int>(kind),
                  std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  // A response has a few days from the beginning: of it only the end is told.
  const std::size_t told = kind == End::Kind::staple ? kThresholds.size() - 1 : 0;
  all_.push_back({certificate, kind, at, std::move(what), std::move(identity), told});
}

void Expiry::serve(const std::vector<server::LoadedCertificate>& certificates) {
  const auto before = std::exchange(all_, {});
  for (const auto& certificate : certificates) {
    const auto& [setting, credentials] = certificate;
    const auto digest = tls::facts_of(*credentials).digest;
    add(certificate, digest, End::Kind::certificate, credentials->not_after(),
        fmt::format("the certificate of {} ({})", name_of(*credentials), setting->chain));
    if (const auto issuer = credentials->issuer_end()) {
      add(certificate, digest, End::Kind::issuer, issuer->at,
          fmt::format("{}, an issuer of the certificate of {}", issuer->title,
                      name_of(*credentials)));
    }
    if (const auto until = credentials->staple_until()) {
      add(certificate, digest, End::Kind::staple, *until,
          fmt::format("the OCSP response in {}", setting->ocsp));
    }
  }
  std::unordered_map<std::string, std::size_t> told;
  for (const auto& each : before) told.emplace(each.identity, each.told);
  for (auto& each : all_) {
    if (const auto found = told.find(each.identity); found != told.end()) each.told = found->second;
  }
}

void Expiry::announce(audit::WallTime now) {
  for (auto& each : all_) {
    // Where the clock was far ahead, what was told is not true, and comes again.
    if (each.kind != End::Kind::staple) {
      each.told = std::min(each.told, passed(each.at, now + kJitter));
    }
    const auto so_far = passed(each.at, now);
    if (so_far <= each.told) continue;
    each.told = so_far;
    tell(each, now);
  }
}

void Expiry::tell(const End& end, audit::WallTime now) {
  const auto& [setting, credentials] = end.certificate;
  const auto words = words_of(end.at, now);
  audit::CertificateEvent event{"certificate-expiry", ""};
  event.reason = now >= end.at ? "expired" : "expires";
  event.file = end.kind == End::Kind::staple ? setting->ocsp : setting->chain;
  event.names = credentials->names();
  event.serial = tls::facts_of(*credentials).serial;
  event.not_after = end.at;
  event.message = fmt::format("{}: {}{}", end.what, words,
                              end.kind == End::Kind::staple ? ", and is not sent any more" : "");
  log::warn("{}", event.message);
  audit_.record({now, std::move(event)});
}

milliseconds Expiry::pause(audit::WallTime now, milliseconds most) const {
  auto pause = most;
  for (const auto& each : all_) {
    const auto end = each.at;
    const auto next = std::max(passed(end, now), each.told);
    if (next == kThresholds.size()) continue;
    // A millisecond more, so that it has passed for certain.
    const auto left = std::chrono::ceil<milliseconds>(end - kThresholds[next] - now);
    pause = std::min(pause, std::max(left + milliseconds(1), milliseconds(0)));
  }
  return pause;
}

}  // namespace postern::admin
