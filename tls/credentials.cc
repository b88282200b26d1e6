// See credentials.h.
#include "tls/credentials.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tls/certificate.h"
#include "tls/chain.h"
#include "tls/install.h"
#include "tls/native.h"
#include "tls/private_key.h"
#include "tls/secret_file.h"

namespace postern::tls {

namespace {

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

// A signature by any other key takes longer than the way to another thread and back.
bool signs_slowly(const EVP_PKEY* key) {
  constexpr int kQuickCurve = 256;  // bits
  return EVP_PKEY_id(key) == EVP_PKEY_RSA ||
         (EVP_PKEY_id(key) == EVP_PKEY_EC && EVP_PKEY_bits(key) > kQuickCurve);
}

// Tried here, so that it cannot fail for the first time in a handshake.
bool is_usable(const Credentials::Native& native) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  const bool is_installed = context && install(native, context.get(), SSL_CTX_set_chain_and_key);
  ERR_clear_error();
  return is_installed;
}

Result<Staple> load_staple(const CredentialFiles& files, X509* leaf, X509* issuer) {
  const auto text = read_file(files.staple, kMaxStaple);
  if (!text) return text.error();
  if (issuer == nullptr) {
    return Error{files.staple + " cannot be checked: the certificate's issuer is not in " +
                 files.chain};
  }
  return read_staple(text->text, files.staple, leaf, issuer);
}

// Whether the staple of `before` may be sent with this leaf, still.
bool is_still_good(const Credentials::Native& native, const Credentials* before,
                   std::chrono::system_clock::time_point now) {
  if (before == nullptr || !before->native().staple) return false;
  const auto* const leaf = native.chain.front().get();
  const auto* const its_leaf = before->native().chain.front().get();
  return CRYPTO_BUFFER_len(leaf) == CRYPTO_BUFFER_len(its_leaf) &&
         std::memcmp(CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_data(its_leaf),
                     CRYPTO_BUFFER_len(leaf)) == 0 &&
         before->native().staple->until > now;
}

// One that is not fit, or not there yet, is no reason to serve nothing, or not the one from before.
void add_staple(const CredentialFiles& files, const Credentials* before,
                std::chrono::system_clock::time_point now, Credentials::Native& native) {
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(native.chain.front().get()));
  if (!leaf) return;
  if (!files.staple.empty()) {
    const auto is_root = is_self_signed(leaf.get());
    const bssl::UniquePtr<X509> issuer(native.chain.size() > 1
                                           ? X509_parse_from_buffer(native.chain[1].get())
                                           : (is_root ? bssl::UpRef(leaf).release() : nullptr));
    auto staple = load_staple(files, leaf.get(), issuer.get());
    if (staple) {
      native.staple = std::move(*staple);
      native.staple_name = files.staple;
    } else if (is_still_good(native, before, now)) {
      native.staple = before->native().staple;
      native.staple_name = before->native().staple_name;
      native.weaknesses.push_back(staple.error().message +
                                  ": not taken; the one from before, good until " +
                                  minute_text(native.staple->until) + " UTC, is sent on");
    } else {
      native.weaknesses.push_back(staple.error().message + ": not sent");
    }
  }
  if (!native.staple && needs_staple(leaf.get())) {
    native.weaknesses.push_back("the certificate in " + files.chain + " (" + native.subject +
                                ") demands a staple, and there is none to be sent: clients that "
                                "look for it refuse the certificate");
  }
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

std::string Credentials::key_kind() const { return kind_of(native_->key.get()); }
std::optional<std::chrono::system_clock::time_point> Credentials::staple_until() const {
  if (!native_->staple) return std::nullopt;
  return native_->staple->until;
}
std::optional<Credentials::IssuerEnd> Credentials::issuer_end() const {
  const auto first =
      std::min_element(native_->issuers.begin(), native_->issuers.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (first == native_->issuers.end() || first->second >= native_->not_after) return std::nullopt;
  return IssuerEnd{first->first, first->second};
}
const std::vector<std::string>& Credentials::notes() const { return native_->oddities; }

std::vector<std::string> Credentials::warnings(std::chrono::system_clock::time_point now) const {
  auto all = native_->weaknesses;
  for (const auto& [title, end] : native_->issuers) {
    if (end < now) all.push_back(title + " has expired on " + date_text(end));
  }
  if (const auto& staple = native_->staple) {
    if (staple->until <= now) {
      all.push_back(native_->staple_name + " has expired on " + minute_text(staple->until) +
                    " UTC: not sent");
    } else if (now < staple->from) {
      all.push_back(native_->staple_name + " does not hold before " + minute_text(staple->from) +
                    " UTC: not sent until then");
    }
  }
  return all;
}

struct Credentials::Texts {
  std::string_view chain;
  std::string_view key;
  std::string chain_name;
  std::string key_name;
  Passphrase passphrase;
};

Result<std::shared_ptr<const Credentials>> Credentials::load(
    const CredentialFiles& files, const Credentials* before,
    std::chrono::system_clock::time_point now) {
  const auto chain = read_file(files.chain, kMaxFile);
  if (!chain) return chain.error();
  const auto key = read_secret_file(files.key, kMaxFile, files.secrets, "the key");
  if (!key) return key.error();
  Texts texts{chain->text, key->text, files.chain, files.key, {}};
  Result<FileText> passphrase = FileText();
  if (!files.passphrase.empty()) {
    passphrase =
        read_secret_file(files.passphrase, kMaxPassphraseFile, files.secrets, "the passphrase");
    if (!passphrase) return passphrase.error();
    if (passphrase->text.size() > kMaxPassphraseFile) {
      return Error{files.passphrase + " is too large for a passphrase (over 4 KiB)"};
    }
    texts.passphrase = {first_line(passphrase->text), files.passphrase};
    if (texts.passphrase.text.empty()) {
      return Error{"no passphrase in " + files.passphrase + ": its first line is empty"};
    }
  }
  auto native = make(texts);
  if (!native) return native.error();
  add_staple(files, before, now, **native);
  return std::shared_ptr<const Credentials>(new Credentials(std::move(*native)));
}

Result<std::shared_ptr<const Credentials>> Credentials::parse(std::string_view chain_pem,
                                                              std::string_view key_pem,
                                                              const std::string& chain_name,
                                                              const std::string& key_name) {
  auto native = make({chain_pem, key_pem, chain_name, key_name, {}});
  if (!native) return native.error();
  return std::shared_ptr<const Credentials>(new Credentials(std::move(*native)));
}

Result<std::unique_ptr<Credentials::Native>> Credentials::make(const Texts& texts) {
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
  native->signs_slowly = signs_slowly(key->get());
  native->key = std::move(*key);
  if (!is_usable(*native)) {
    return Error{"TLS cannot use " + title_of(*chain, 0, chain_name) +
                 ": its key usage forbids signing, or its kind of key is not supported"};
  }
  native->weaknesses = weaknesses(*chain, chain_name);
  native->oddities = oddities(*chain, chain_name);
  for (std::size_t i = 1; i < chain->size(); ++i) {
    native->issuers.emplace_back(title_of(*chain, i, chain_name),
                                 time_of(X509_get0_notAfter((*chain)[i].get())));
  }
  return native;
}

}  // namespace postern::tls
