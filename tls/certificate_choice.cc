// See certificate_choice.h.
#include "tls/certificate_choice.h"

#include <algorithm>
#include <array>

#include "tls/engine.h"
#include "tls/native.h"

namespace postern::tls {

namespace {

constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
constexpr std::uint16_t kEd25519 = 0x0807;  // RFC 8446 section 4.2.3

// The ECDHE_ECDSA suites that BoringSSL has; they serve Ed25519 keys too (RFC 8422 section 2.2).
constexpr std::array<std::uint16_t, 3> kEcdsaAeadSuites = {0xc02b, 0xc02c, 0xcca9};
constexpr std::array<std::uint16_t, 2> kEcdsaCbcSuites = {0xc009, 0xc00a};

bool has(const std::vector<std::uint16_t>& list, std::uint16_t number) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

// A suite that is not served makes no handshake: with it alone RSA is the only way.
bool offers_ecdsa(const Offer& offer, Suites suites) {
  const auto is_offered = [&](std::uint16_t number) { return has(offer.ciphers, number); };
  return std::any_of(kEcdsaAeadSuites.begin(), kEcdsaAeadSuites.end(), is_offered) ||
         (suites == Suites::aead_and_cbc &&
          std::any_of(kEcdsaCbcSuites.begin(), kEcdsaCbcSuites.end(), is_offered));
}

bool can_use(const Offer& offer, const ClientNeed& need, Suites suites) {
  const bool tls13 = has(offer.versions, kTls13);
  const bool suite = offers_ecdsa(offer, suites);
  // A client without the list of algorithms is of TLS 1.1 or before: SHA-1 (RFC 5246 7.4.1.4.1),
  // which Ed25519 does not go with.
  const bool algorithm =
      offer.signature_algorithms.empty()
          ? !tls13 && !has(offer.versions, kTls12) && need.signature_algorithm != kEd25519
          : has(offer.signature_algorithms, need.signature_algorithm);
  // Without a list of groups BoringSSL does no ECDHE, so that RSA key exchange is left.
  const bool group = !offer.groups.empty() && (need.group == 0 || has(offer.groups, need.group));
  // In TLS 1.3 the algorithm alone decides; but a client of both versions may yet get TLS 1.2.
  return algorithm && group && (suite || (tls13 && !has(offer.versions, kTls12)));
}

}  // namespace

CertificateChoice::CertificateChoice(std::vector<std::shared_ptr<const Credentials>> all)
    : all_(std::move(all)) {
  const auto sorted = [](std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto default_names = sorted(all_.front()->names());
  for (std::size_t i = 0; i < all_.size(); ++i) {
    auto names = sorted(all_[i]->names());
    if (i == 0 || (!names.empty() && names == default_names)) default_.push_back(i);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const auto& name : names) by_name_[name].push_back(i);
  }
}

const CertificateChoice::Group* CertificateChoice::find(std::string_view server_name) const {
  if (const auto exact = by_name_.find(std::string(server_name)); exact != by_name_.end()) {
    return &exact->second;
  }
  // RFC 6125 section 6.4.3: the asterisk stands for one whole label, the leftmost.
  const auto dot = server_name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto wildcard = by_name_.find(std::string("*").append(server_name.substr(dot)));
  return wildcard == by_name_.end() ? nullptr : &wildcard->second;
}

const CertificateChoice::Group& CertificateChoice::group_for(std::string_view server_name) const {
  const auto* const group = server_name.empty() ? nullptr : find(server_name);
  return group == nullptr ? default_ : *group;
}

const Credentials& CertificateChoice::choose(const Offer& offer, Suites suites) const {
  const Group& group = group_for(offer.server_name);
  const auto is_rsa = [&](std::size_t i) {
    return all_[i]->native().need.signature_algorithm == 0;
  };
  auto chosen = std::find_if(group.begin(), group.end(), [&](std::size_t i) {
    return !is_rsa(i) && can_use(offer, all_[i]->native().need, suites);
  });
  if (chosen == group.end()) chosen = std::find_if(group.begin(), group.end(), is_rsa);
  return *all_[chosen == group.end() ? group.front() : *chosen];
}

}  // namespace postern::tls
