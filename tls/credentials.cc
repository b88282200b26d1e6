// See credentials.h.
#include "tls/credentials.h"

#include <algorithm>

#include "tls/native.h"
#include "tls/pem.h"
#include "tls/private_key.h"
#include "tls/secret_file.h"

namespace postern::tls {

namespace {

using Chain = std::vector<bssl::UniquePtr<X509>>;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// One line, all that is not printable ASCII escaped.
std::string text_of(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE) < 0 ||
      BIO_mem_contents(bio.get(), &bytes, &size) == 0) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// Before 1970 and after 2262 at the ends of what the clock can say.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  using Days = std::chrono::duration<int, std::ratio<86400>>;
  constexpr int kMaxDays = 100'000;
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 0) return {};
  return std::chrono::system_clock::time_point(Days(std::clamp(days, 0, kMaxDays))) +
         std::chrono::seconds(seconds);
}

std::string common_name(const X509* leaf) {
  const auto* subject = X509_get_subject_name(leaf);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
}

std::vector<std::string> names_of(const X509* leaf) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  if (alternatives) {
    for (const GENERAL_NAME* name : alternatives.get()) {
      if (name->type == GEN_DNS) names.push_back(lower(text_of(name->d.dNSName)));
    }
  } else if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0) {
    if (auto name = common_name(leaf); !name.empty()) names.push_back(lower(std::move(name)));
  }
  return names;
}

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

bool belongs_to(const EVP_PKEY* key, X509* certificate) {
  const bssl::UniquePtr<EVP_PKEY> leaf_key(X509_get_pubkey(certificate));
  return leaf_key && EVP_PKEY_cmp(leaf_key.get(), key) == 1;
}

bool names_as_issuer(const X509* subject, const X509* issuer) {
  return X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0;
}

// True too where BoringSSL does not know the algorithm (an old one, which clients may know).
bool signed_by(X509* subject, X509* issuer) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(issuer));
  if (!key) return false;
  ERR_clear_error();
  if (X509_verify(subject, key.get()) == 1) return true;
  const auto error = ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_ASN1 &&
         (ERR_GET_REASON(error) == ASN1_R_UNKNOWN_SIGNATURE_ALGORITHM ||
          ERR_GET_REASON(error) == ASN1_R_UNKNOWN_MESSAGE_DIGEST_ALGORITHM);
}

// "" where the key is the leaf's.
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

// "" where each certificate is followed by its issuer.
std::string order_fault(const Chain& chain, const std::string& name) {
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

// What a client must offer for this leaf; none with RSA.
ClientNeed need_of(const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) return {SSL_SIGN_ED25519, 0};
  if (EVP_PKEY_id(key) != EVP_PKEY_EC) return {};
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_secp384r1:
      return {SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_CURVE_SECP384R1};
    case NID_secp521r1:
      return {SSL_SIGN_ECDSA_SECP521R1_SHA512, SSL_CURVE_SECP521R1};
    default:
      return {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_CURVE_SECP256R1};
  }
}

// Null when out of memory.
bssl::UniquePtr<CRYPTO_BUFFER> buffer_of(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size < 0) return nullptr;
  bssl::UniquePtr<CRYPTO_BUFFER> buffer(
      CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
  OPENSSL_free(der);
  return buffer;
}

}  // namespace

Credentials::Credentials(std::unique_ptr<Native> native) : native_(std::move(native)) {}
Credentials::~Credentials() = default;

const std::vector<std::string>& Credentials::names() const { return native_->names; }
const std::string& Credentials::subject() const { return native_->subject; }
std::chrono::system_clock::time_point Credentials::not_before() const {
  return native_->not_before;
}
std::chrono::system_clock::time_point Credentials::not_after() const { return native_->not_after; }

struct Credentials::Texts {
  std::string_view chain;
  std::string_view key;
  std::string chain_name;
  std::string key_name;
  Passphrase passphrase;
};

Result<std::shared_ptr<const Credentials>> Credentials::load(const CredentialFiles& files) {
  const auto chain = read_file(files.chain, kMaxFile);
  if (!chain) return chain.error();
  const auto key = read_secret_file(files.key, kMaxFile, files.secrets, "the key");
  if (!key) return key.error();
  Texts texts{chain->text, key->text, files.chain, files.key, {}};
  if (files.passphrase.empty()) return make(texts);
  const auto passphrase =
      read_secret_file(files.passphrase, kMaxPassphraseFile, files.secrets, "the passphrase");
  if (!passphrase) return passphrase.error();
  if (passphrase->text.size() > kMaxPassphraseFile) {
    return Error{files.passphrase + " is too large for a passphrase (over 4 KiB)"};
  }
  texts.passphrase = {first_line(passphrase->text), files.passphrase};
  if (texts.passphrase.text.empty()) {
    return Error{"no passphrase in " + files.passphrase + ": its first line is empty"};
  }
  return make(texts);
}

Result<std::shared_ptr<const Credentials>> Credentials::parse(std::string_view chain_pem,
                                                              std::string_view key_pem,
                                                              const std::string& chain_name,
                                                              const std::string& key_name) {
  return make({chain_pem, key_pem, chain_name, key_name, {}});
}

Result<std::shared_ptr<const Credentials>> Credentials::make(const Texts& texts) {
  const auto& [chain_pem, key_pem, chain_name, key_name, passphrase] = texts;
  for (const auto& [pem, name] : {std::pair(chain_pem, chain_name), std::pair(key_pem, key_name)}) {
    if (pem.size() > kMaxFile) return Error{name + " is too large for a PEM file (over 1 MiB)"};
  }
  const auto chain = parse_chain(chain_pem, chain_name);
  if (!chain) return chain.error();
  auto key = parse_key(key_pem, key_name, passphrase);
  if (!key) return key.error();
  for (const auto& fault :
       {key_fault(*chain, key->get(), chain_name, key_name), order_fault(*chain, chain_name)}) {
    ERR_clear_error();
    if (!fault.empty()) return Error{fault};
  }

  auto native = std::make_unique<Native>();
  for (const auto& certificate : *chain) {
    native->chain.push_back(buffer_of(certificate.get()));
    if (!native->chain.back()) return Error{chain_name + ": out of memory"};
  }
  const X509* leaf = chain->front().get();
  native->names = names_of(leaf);
  native->subject = text_of(X509_get_subject_name(leaf));
  native->not_before = time_of(X509_get0_notBefore(leaf));
  native->not_after = time_of(X509_get0_notAfter(leaf));
  native->need = need_of(key->get());
  native->signs_slowly = EVP_PKEY_id(key->get()) == EVP_PKEY_RSA;
  native->key = std::move(*key);
  return std::shared_ptr<const Credentials>(new Credentials(std::move(native)));
}

}  // namespace postern::tls
