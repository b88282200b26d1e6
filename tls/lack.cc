// See lack.h. Numbers are IANA's, as in ClientHellos.
#include "tls/lack.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tls/engine.h"

namespace postern::tls {

namespace {

using Numbers = std::vector<std::uint16_t>;
using Wanted = std::initializer_list<std::uint16_t>;

bool offers_one_of(const Numbers& offered, Wanted wanted) {
  return std::find_first_of(offered.begin(), offered.end(), wanted.begin(), wanted.end()) !=
         offered.end();
}

// BoringSSL's as of its API version 17, and the hybrid group, where it has that.
constexpr Wanted kTls13Suites = {0x1301, 0x1302, 0x1303};
constexpr Wanted kEcdsaAead = {0xc02b, 0xc02c, 0xcca9};
constexpr Wanted kEcdsaCbc = {0xc009, 0xc00a};
constexpr Wanted kRsaAead = {0xc02f, 0xc030, 0xcca8};
constexpr Wanted kRsaCbc = {0xc013, 0xc014};
constexpr Wanted kRsaKeyExchange = {0x009c, 0x009d, 0x002f, 0x0035, 0x000a};
constexpr Wanted kGroupsOfAll = {29, 23, 24};
constexpr Wanted kCurvesOfKeys = {23, 24};
constexpr std::uint16_t kP521 = 25;
constexpr std::uint16_t kHybrid = 0x11ec;  // X25519MLKEM768
constexpr Wanted kPss = {0x0804, 0x0805, 0x0806};
constexpr Wanted kPkcs1 = {0x0401, 0x0501, 0x0601, 0x0201};
constexpr Wanted kEcdsa = {0x0403, 0x0503, 0x0603};
constexpr Wanted kEcdsaSha1 = {0x0203};
constexpr Wanted kEd25519 = {0x0807};

constexpr std::uint16_t number_of(Version version) {
  return static_cast<std::uint16_t>(0x0301 + static_cast<int>(version));
}

// Whether the client offers one between both.
std::optional<Version> best_between(Version lowest, Version highest, const Offer& offer) {
  // A hello that names but one offers all before it, too; 1.3 stands in a list alone.
  const bool is_list = offer.versions.size() > 1;
  for (int at = static_cast<int>(highest); at >= static_cast<int>(lowest); --at) {
    const auto version = static_cast<Version>(at);
    const auto is_it = [&](std::uint16_t each) {
      return each == number_of(version) ||
             (!is_list && each > number_of(version) && each <= number_of(Version::tls1_2));
    };
    if (std::any_of(offer.versions.begin(), offer.versions.end(), is_it)) return version;
  }
  return std::nullopt;
}

bool shares_group(Profile profile, Version version, const Offer& offer) {
  return offers_one_of(offer.groups, kGroupsOfAll) ||
         (profile >= Profile::legacy && offers_one_of(offer.groups, {kP521})) ||
         (has_hybrid() && version == Version::tls1_3 && offers_one_of(offer.groups, {kHybrid}));
}

// A signature with a key of that kind; a client of TLS 1.1 or before has no say in it, and one of TLS
// 1.2 that says nothing takes SHA-1 (RFC 5246 section 7.4.1.4.1).
bool takes_rsa(Version version, const Offer& offer) {
  const auto& algorithms = offer.signature_algorithms;
  if (version == Version::tls1_3) return offers_one_of(algorithms, kPss);
  return version < Version::tls1_2 || algorithms.empty() || offers_one_of(algorithms, kPss) ||
         offers_one_of(algorithms, kPkcs1);
}

bool takes_ecdsa(Version version, const Offer& offer) {
  const auto& algorithms = offer.signature_algorithms;
  if (version == Version::tls1_3) return offers_one_of(algorithms, kEcdsa);
  // RFC 8422 section 5.1: the key's own curve must be among the client's groups.
  return offers_one_of(offer.groups, kCurvesOfKeys) &&
         (version < Version::tls1_2 || algorithms.empty() || offers_one_of(algorithms, kEcdsa) ||
          offers_one_of(algorithms, kEcdsaSha1));
}

bool takes_key(const KeyKinds& keys, Version version, const Offer& offer) {
  return (keys.rsa && takes_rsa(version, offer)) || (keys.ecdsa && takes_ecdsa(version, offer)) ||
         (keys.ed25519 && offers_one_of(offer.signature_algorithms, kEd25519));
}

bool serves_ecdhe(const Serving& serving, Version version, const Offer& offer) {
  if (!shares_group(serving.profile, version, offer)) return false;
  const auto& ciphers = offer.ciphers;
  const bool cbc = has_cbc(serving.profile, serving.min_version);
  const bool aead = version == Version::tls1_2;
  auto keys = serving.keys;
  keys.rsa = keys.rsa && ((aead && offers_one_of(ciphers, kRsaAead)) ||
                          (cbc && offers_one_of(ciphers, kRsaCbc)));
  const bool ecdsa =
      (aead && offers_one_of(ciphers, kEcdsaAead)) || (cbc && offers_one_of(ciphers, kEcdsaCbc));
  keys.ecdsa = keys.ecdsa && ecdsa;
  keys.ed25519 = keys.ed25519 && ecdsa;
  return takes_key(keys, version, offer);
}

bool serves(const Serving& serving, Version version, const Offer& offer) {
  if (version == Version::tls1_3) {
    return offers_one_of(offer.ciphers, kTls13Suites) &&
           shares_group(serving.profile, version, offer) && takes_key(serving.keys, version, offer);
  }
  return serves_ecdhe(serving, version, offer) ||
         (serving.profile == Profile::island && serving.keys.rsa &&
          offers_one_of(offer.ciphers, kRsaKeyExchange));
}

// The mildest profile that serves that version, no milder than the one that is served.
std::optional<Profile> mildest(Serving serving, Version version, const Offer& offer) {
  serving.min_version = std::min(serving.min_version, version);
  for (; !serves(serving, version, offer);
       serving.profile = static_cast<Profile>(static_cast<int>(serving.profile) + 1)) {
    if (serving.profile == Profile::island) return std::nullopt;
  }
  return serving.profile;
}

}  // namespace

Lack lack_of(const Serving& serving, const Offer& offer) {
  const auto version = best_between(Version::tls1_0, serving.max_version, offer);
  if (!version) {
    const bool is_newer = best_between(Version::tls1_0, Version::tls1_3, offer).has_value();
    return {is_newer ? Lack::Kind::max_version : Lack::Kind::everything};
  }
  Lack lack;
  auto profile = mildest(serving, *version, offer);
  if (!profile && !serving.keys.rsa) {
    auto with_rsa = serving;
    with_rsa.keys.rsa = true;
    profile = mildest(with_rsa, *version, offer);
    lack.kind = Lack::Kind::rsa_key;
  }
  if (!profile) return {Lack::Kind::everything};
  if (*profile != serving.profile) lack.profile = profile;
  if (*version < serving.min_version) lack.min_version = version;
  if (lack.kind == Lack::Kind::nothing && (lack.profile || lack.min_version)) {
    lack.kind = Lack::Kind::terms;
  }
  return lack;
}

}  // namespace postern::tls
