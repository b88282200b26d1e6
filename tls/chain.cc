// See chain.h.
#include "tls/chain.h"

#include <algorithm>
#include <cstdint>

#include "tls/certificate.h"
#include "tls/credentials.h"
#include "tls/pem.h"
#include "tls/private_key.h"

namespace postern::tls {

namespace {

constexpr int kShortestRsa = 2048;  // bits; what clients refuse below

bool belongs_to(const EVP_PKEY* key, X509* certificate) {
  const bssl::UniquePtr<EVP_PKEY> leaf_key(X509_get_pubkey(certificate));
  return leaf_key && EVP_PKEY_cmp(leaf_key.get(), key) == 1;
}

// True too where BoringSSL does not know the algorithm (an old one, which clients may know).
bool signed_by(X509* subject, X509* issuer) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(issuer));
  if (!key) return false;
  ERR_clear_error();
  if (X509_verify(subject, key.get()) == 1) return true;
  const auto error = ERR_peek_error();
  if (ERR_GET_LIB(error) != ERR_LIB_ASN1) return false;
  switch (ERR_GET_REASON(error)) {
    case ASN1_R_UNKNOWN_SIGNATURE_ALGORITHM:
    case ASN1_R_UNKNOWN_MESSAGE_DIGEST_ALGORITHM:
    case ASN1_R_DIGEST_AND_KEY_TYPE_NOT_SUPPORTED:  // newer ones, of MD5
      return true;
    default:
      return false;
  }
}

bool is_signed_weakly(const X509* certificate) {
  switch (X509_get_signature_nid(certificate)) {
    case NID_md5WithRSAEncryption:
    case NID_sha1WithRSAEncryption:
    case NID_ecdsa_with_SHA1:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Chain> parse_chain(std::string_view pem, const std::string& name) {
  const auto blocks = read_pem(pem, name);
  if (!blocks) return blocks.error();
  Chain chain;
  bool has_key = false;
  for (const auto& block : *blocks) {
    has_key |= block.is_key();
    if (!block.is_certificate()) continue;
    if (chain.size() == Credentials::kMaxChain) {
      return Error{name + " has more than " + std::to_string(Credentials::kMaxChain) +
                   " certificates; it should hold the server's own and its intermediates only"};
    }
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.der.data());
    const auto* const end = at + block.der.size();
    bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(block.der.size())));
    if (!certificate || at != end) {
      return Error{"certificate " + std::to_string(chain.size() + 1) + " in " + name +
                   " is no valid X.509 certificate"};
    }
    chain.push_back(std::move(certificate));
  }
  if (!chain.empty()) return chain;
  if (has_key) {
    return Error{name + " holds a private key and no certificate: are chain and key swapped?"};
  }
  return Error{"no certificate in " + name + ": " +
               what_else(pem, *blocks, "openssl x509 -inform der -in FILE -out FILE.pem")};
}

std::string key_fault(const Chain& chain, const EVP_PKEY* key, const std::string& chain_name,
                      const std::string& key_name) {
  const auto owner = std::find_if(chain.begin(), chain.end(), [&](const auto& certificate) {
    return belongs_to(key, certificate.get());
  });
  if (owner == chain.begin()) return {};
  const auto fault = "the key in " + key_name + " does not belong to the first certificate in " +
                     chain_name + " (" + text_of(X509_get_subject_name(chain.front().get())) + ")";
  if (owner == chain.end()) return fault;
  return fault + " but to number " + std::to_string(owner - chain.begin() + 1) +
         ": wrong order; the server's own certificate comes first, then each one's issuer";
}

std::string order_fault(const Chain& chain, const std::string& name) {
  X509* const leaf = chain.front().get();
  if (chain.size() > 1 && is_self_signed(leaf) && signed_by(leaf, leaf)) {
    return "the first certificate in " + name + " (" + text_of(X509_get_subject_name(leaf)) +
           ") is signed by itself, but others follow it: it needs none, or is not the server's own";
  }
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    X509* const subject = chain[i].get();
    X509* const next = chain[i + 1].get();
    const auto numbers = "certificate " + std::to_string(i + 2) + " in " + name + " (" +
                         text_of(X509_get_subject_name(next)) + ") is not the issuer of number " +
                         std::to_string(i + 1);
    if (!names_as_issuer(subject, next)) {
      const auto issuer = std::find_if(chain.begin(), chain.end(), [&](const auto& each) {
        return each.get() != subject && names_as_issuer(subject, each.get());
      });
      const auto wanted = " (" + text_of(X509_get_issuer_name(subject)) + ")";
      return numbers + (issuer == chain.end()
                            ? ": that one's issuer" + wanted + " is missing"
                            : ", which is number " + std::to_string(issuer - chain.begin() + 1) +
                                  wanted + ": wrong order");
    }
    if (!signed_by(subject, next)) {
      return numbers + ", though it has that name: number " + std::to_string(i + 1) +
             " was signed by another key";
    }
  }
  return {};
}

std::string title_of(const Chain& chain, std::size_t index, const std::string& name) {
  const auto number = chain.size() == 1 ? "" : " " + std::to_string(index + 1);
  return (number.empty() ? "the certificate" : "certificate" + number) + " in " + name + " (" +
         text_of(X509_get_subject_name(chain[index].get())) + ")";
}

std::vector<std::string> weaknesses(const Chain& chain, const std::string& name) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    X509* const certificate = chain[i].get();
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
    if (key && EVP_PKEY_id(key.get()) == EVP_PKEY_RSA && EVP_PKEY_bits(key.get()) < kShortestRsa) {
      all.push_back(title_of(chain, i, name) + " has an " + kind_of(key.get()) +
                    " key: clients refuse less than 2048 bits");
    }
    // A root's own signature is looked at by nobody.
    if (is_signed_weakly(certificate) && !is_self_signed(certificate)) {
      all.push_back(title_of(chain, i, name) + " is signed with SHA-1 or MD5: clients refuse it");
    }
  }
  if (!has_names(chain.front().get())) {
    all.push_back(title_of(chain, 0, name) + " is for no name: clients that verify refuse it");
  }
  return all;
}

std::vector<std::string> oddities(const Chain& chain, const std::string& name) {
  std::vector<std::string> all;
  const auto* const leaf = chain.front().get();
  if (!has_alternative_names(leaf) && has_names(leaf)) {
    all.push_back(title_of(chain, 0, name) +
                  " has its name as a common name only: clients of today look at subjectAltName");
  }
  if (chain.size() > 1 && is_self_signed(chain.back().get())) {
    all.push_back(title_of(chain, chain.size() - 1, name) +
                  " is a root, which need not be sent: clients have it, or do not trust it");
  }
  return all;
}

}  // namespace postern::tls
