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

// The same of ECDHE_RSA, and RSA key exchange.
constexpr std::array<std::uint16_t, 3> kRsaAeadSuites = {0xc02f, 0xc030, 0xcca8};
constexpr std::array<std::uint16_t, 7> kOtherRsaSuites = {0xc013, 0xc014, 0x009c, 0x009d,
                                                          0x002f, 0x0035, 0x000a};
// PSS, and PKCS #1 of SHA-2 and of SHA-1.
constexpr std::array<std::uint16_t, 7> kRsaAlgorithms = {0x0804, 0x0805, 0x0806, 0x0401,
                                                         0x0501, 0x0601, 0x0201};

bool has(const std::vector<std::uint16_t>& list, std::uint16_t number) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

template <typename Wanted>
bool has_any(const std::vector<std::uint16_t>& list, const Wanted& wanted) {
  return std::find_first_of(list.begin(), list.end(), wanted.begin(), wanted.end()) != list.end();
}

// A suite that is not served makes no handshake: with it alone RSA is the only way.
bool offers_ecdsa(const Offer& offer, Suites suites) {
  return has_any(offer.ciphers, kEcdsaAeadSuites) ||
         (suites == Suites::aead_and_cbc && has_any(offer.ciphers, kEcdsaCbcSuites));
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

// In TLS 1.3 the key's own curve need not be among the groups. Not for certain where TLS 1.2 may come
// of it; but better than a certificate of another name.
bool may_use(const Offer& offer, const ClientNeed& need) {
  return has(offer.versions, kTls13) && has(offer.signature_algorithms, need.signature_algorithm);
}

bool takes_rsa_signatures(const Offer& offer) {
  return offer.signature_algorithms.empty() || has_any(offer.signature_algorithms, kRsaAlgorithms);
}

// Roughly: whether there is a way at all, of any version and profile.
bool can_use_rsa(const Offer& offer) {
  return takes_rsa_signatures(offer) &&
         (has(offer.versions, kTls13) || has_any(offer.ciphers, kRsaAeadSuites) ||
          has_any(offer.ciphers, kOtherRsaSuites));
}

bool can_use_rsa_with_aead(const Offer& offer) {
  const auto has_them = [](std::uint16_t version) { return version >= kTls12; };
  return takes_rsa_signatures(offer) && !offer.groups.empty() &&
         has_any(offer.ciphers, kRsaAeadSuites) &&
         std::any_of(offer.versions.begin(), offer.versions.end(), has_them);
}

bool is_rsa(const Credentials& credentials) {
  return credentials.native().need.signature_algorithm == 0;
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
    const auto is_alike = [&](std::size_t other) {
      return all_[other]->native().need == all_[i]->native().need;
    };
    if (std::none_of(any_.begin(), any_.end(), is_alike)) any_.push_back(i);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const auto& name : names) by_name_[name].push_back(i);
  }
}

const CertificateChoice::Group* CertificateChoice::exact(std::string_view server_name) const {
  const auto group = by_name_.find(std::string(server_name));
  return group == by_name_.end() ? nullptr : &group->second;
}

const CertificateChoice::Group* CertificateChoice::wildcard(std::string_view server_name) const {
  // RFC 6125 section 6.4.3: the asterisk stands for one whole label, the leftmost.
  const auto dot = server_name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  return exact(std::string("*").append(server_name.substr(dot)));
}

const Credentials* CertificateChoice::first_rsa(const Group& group) const {
  const auto rsa =
      std::find_if(group.begin(), group.end(), [&](std::size_t i) { return is_rsa(*all_[i]); });
  return rsa == group.end() ? nullptr : all_[*rsa].get();
}

// Null where the client can use none of them.
const Credentials* CertificateChoice::choose(const Group& group, const Offer& offer,
                                             Suites suites) const {
  const auto* const rsa = can_use_rsa(offer) ? first_rsa(group) : nullptr;
  if (rsa != nullptr && can_use_rsa_with_aead(offer)) suites = Suites::aead;
  const auto other = std::find_if(group.begin(), group.end(), [&](std::size_t i) {
    return !is_rsa(*all_[i]) && can_use(offer, all_[i]->native().need, suites);
  });
  if (other != group.end()) return all_[*other].get();
  if (rsa != nullptr) return rsa;
  const auto last = std::find_if(group.begin(), group.end(), [&](std::size_t i) {
    return !is_rsa(*all_[i]) && may_use(offer, all_[i]->native().need);
  });
  return last == group.end() ? nullptr : all_[*last].get();
}

const Credentials& CertificateChoice::choose(const Offer& offer, Suites suites) const {
  const auto& name = offer.server_name;
  const std::array<const Group*, 4> groups = {name.empty() ? nullptr : exact(name),
                                              name.empty() ? nullptr : wildcard(name), &default_,
                                              &any_};
  for (const auto* const group : groups) {
    const auto* const chosen = group == nullptr ? nullptr : choose(*group, offer, suites);
    if (chosen != nullptr) return *chosen;
  }
  const auto* const first = groups[0] != nullptr   ? groups[0]
                            : groups[1] != nullptr ? groups[1]
                                                   : groups[2];
  const auto* const rsa = first_rsa(*first);
  return rsa != nullptr ? *rsa : *all_[first->front()];
}

}  // namespace postern::tls
