// What is wrong with versions and profiles.
#include "conf/check_tls.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "conf/dates.h"
#include "conf/prefixes.h"
#include "conf/source.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

// The island is for named networks.
void warn_of_old(TlsVersion version, Place place, Findings& findings) {
  if (version >= TlsVersion::tls1_2) return;
  findings.warning(place, "min_version " + std::string(word(version)) +
                              " is for everybody here; expected it in a rule with `from`, the "
                              "networks of those that need it");
}

// The keys of `tls`, or of one listener: those that it has itself have a place.
class TlsCheck {
 public:
  TlsCheck(const Tls& tls, const TlsPlaces& places, Findings& findings)
      : tls_(tls), places_(places), findings_(findings) {}

  void run() const {
    if (tls_.profile == Profile::modern && tls_.max_version < TlsVersion::tls1_3) {
      return say(
          first_of(places_.profile, places_.max_version),
          "`profile: modern` is for TLS 1.3, above max_version; expected another profile, or "
          "max_version 1.3");
    }
    if (tls_.min_version > tls_.max_version) {
      return say(first_of(places_.min_version, places_.max_version),
                 "min_version is above max_version; expected one that is not above it");
    }
    check_dates();
  }

 private:
  static Place first_of(Place one, Place other) { return is_stated(one) ? one : other; }

  // Not where the keys are another's, who is told.
  void say(Place place, const std::string& message) const {
    if (is_stated(place)) findings_.error(place, message);
  }

  void check_dates() const {
    const bool is_own = is_stated(places_.min_version_from);
    const DatedVersion* before = nullptr;
    for (const auto& dated : tls_.min_version_from) {
      if (dated.version > tls_.max_version) {
        return say(is_own ? dated.place : places_.max_version,
                   rise_text(dated) + " is above max_version; expected one that is not above it");
      }
      const auto version = before == nullptr ? tls_.min_version : before->version;
      if (is_own && (dated.version <= version || (before && dated.from == before->from))) {
        return say(dated.place, raises_nothing_text(dated, version));
      }
      before = &dated;
    }
  }

  const Tls& tls_;
  const TlsPlaces& places_;
  Findings& findings_;
};

}  // namespace

std::string rise_text(const DatedVersion& dated) {
  return "min_version " + std::string(word(dated.version)) + " from " + date_text(dated.from) +
         " on";
}

std::string raises_nothing_text(const DatedVersion& dated, TlsVersion version) {
  return rise_text(dated) + " raises nothing: " + std::string(word(version)) +
         " holds by then; expected a higher version on a later day";
}

void check_tls(const Draft& draft, Findings& findings) {
  const auto check = [&](const Tls& tls, const TlsPlaces& places, bool is_used) {
    TlsCheck(tls, places, findings).run();
    if (is_used && is_stated(places.min_version))
      warn_of_old(tls.min_version, places.min_version, findings);
  };
  check(draft.settings.tls, draft.tls, true);
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    const auto& listener = draft.settings.listeners[i];
    check(listener.tls, draft.listeners[i].tls, listener.tls_mode != TlsMode::none);
  }
}

namespace {

// Nobody's own networks are so wide, and several of these are everybody.
bool is_too_wide(const Prefix& prefix) {
  constexpr unsigned kIpv4 = 96;  // the bits in front of one
  return prefix.length < (is_ipv4(prefix) ? kIpv4 + 8 : 16);
}

}  // namespace

void check_island(const Rule& rule, const RulePlaces& places, Findings& findings) {
  if (rule.min_version && rule.from.empty() && places.is_whole && !places.names_users)
    warn_of_old(*rule.min_version, rule.min_version_place, findings);
  if (rule.profile != Profile::legacy || places.names_users) return;
  if (rule.from.empty()) {
    if (places.is_whole)
      findings.error(rule.profile_place,
                     "`profile: legacy` in a rule without `from` would open RSA key exchange and "
                     "3DES to everybody; expected `from` with the networks of the old devices");
    return;
  }
  for (std::size_t i = 0; i < rule.from.size(); ++i) {
    if (is_too_wide(rule.from[i]))
      findings.error(
          places.from[i],
          prefix_text(rule.from[i]) +
              " is too wide: `profile: legacy` in a rule opens RSA key exchange and 3DES; expected "
              "the networks of the old devices, /8 or longer (of IPv6 /16)");
  }
}

}  // namespace postern::conf
