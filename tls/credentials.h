// A certificate chain with its private key, checked together. Immutable; shared by all workers.
// X.509 as of RFC 5280, PEM as of RFC 7468.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/error.h"

namespace postern::tls {

// What is asked of a file that holds a secret, unless it may be loose: that only its owner may write
// it, only its owner and its group read it, and that it belongs to root or to the user of this process.
struct SecretFiles {
  bool may_be_loose = false;
  // Another user whose files are taken: the one that the process becomes.
  std::optional<unsigned> owner = {};
  // How settings say that it may be loose, for the error; "": they cannot.
  std::string_view setting = "key_permissions: any";
};

// Paths.
struct CredentialFiles {
  std::string chain;
  std::string key;
  std::string passphrase = {};  // whose first line opens the key; "": none
  std::string staple = {};      // an OCSP response for the leaf, in DER; "": none
  SecretFiles secrets = {};     // for the key and the passphrase
};

class Credentials {
 public:
  static constexpr std::size_t kMaxFile = 1024 * 1024;
  static constexpr std::size_t kMaxChain = 16;
  static constexpr std::size_t kMaxPassphraseFile = 4096;

  // Reads a PEM chain (leaf first) and a PEM private key from files, and checks that the key
  // belongs to the leaf, that each certificate is followed by its issuer, that all parse, and that
  // TLS can use them. Both
  // may be one file. The error names the file, what is wrong and, where there is one, the cure. An
  // expired leaf is no error here: see not_after(); nor is a staple that cannot be sent: see
  // warnings(). Call it before privileges are dropped. Files
  // are read up to kMaxFile bytes, chains up to kMaxChain certificates. Blocking.
  //
  // `before`: what was loaded from these files earlier, or null. Where the new staple is not fit, but
  // that one's for the same leaf still holds `now`, it goes on.
  static Result<std::shared_ptr<const Credentials>> load(
      const CredentialFiles& files, const Credentials* before = nullptr,
      std::chrono::system_clock::time_point now = {});
  // The same from PEM text, whose key is not encrypted; `chain_name` and `key_name` stand in for the
  // paths in messages.
  static Result<std::shared_ptr<const Credentials>> parse(std::string_view chain_pem,
                                                          std::string_view key_pem,
                                                          const std::string& chain_name,
                                                          const std::string& key_name);
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  ~Credentials();

  // The leaf's DNS names (subjectAltName; the common name only where there is no such extension:
  // RFC 6125 section 6.4.4), lower case, wildcards as "*.example.com".
  const std::vector<std::string>& names() const;
  std::chrono::system_clock::time_point not_before() const;
  std::chrono::system_clock::time_point not_after() const;
  // The leaf's subject, one line of printable ASCII, for people.
  const std::string& subject() const;
  std::string key_kind() const;  // "RSA 2048", "ECDSA P-256", "Ed25519"
  // Until when the staple is sent; none where there is none, or it is not fit to be sent.
  std::optional<std::chrono::system_clock::time_point> staple_until() const;

  // The first of the issuers in the chain to end, where that is before the leaf does: what to call it
  // and when. Clients refuse the leaf from then on.
  struct IssuerEnd {
    std::string title;
    std::chrono::system_clock::time_point at;
  };
  std::optional<IssuerEnd> issuer_end() const;

  // What clients may take offence at, and what of it is not sent: a weak key or signature, no name, an
  // issuer in the chain that has expired, a staple that is foreign, revoked, old or broken. Each names
  // its file. The leaf's own time is left to not_before() and not_after().
  std::vector<std::string> warnings(std::chrono::system_clock::time_point now) const;
  // What is odd, and does no harm: a root that is sent, a name in the common name alone.
  const std::vector<std::string>& notes() const;

  struct Native;  // BoringSSL's side, for this room only
  const Native& native() const { return *native_; }

 private:
  struct Texts;

  explicit Credentials(std::unique_ptr<Native> native);
  static Result<std::unique_ptr<Native>> make(const Texts& texts);

  std::unique_ptr<Native> native_;
};

struct PemPair {
  std::string chain;
  std::string key;
};

// A self-signed certificate for `names` (at least one; the first is the common name where it fits;
// "127.0.0.1" and the like become IP addresses), ECDSA P-256, valid from an hour ago for 30 days:
// for demos and tests. Both texts are empty where BoringSSL fails, which is lack of memory.
PemPair make_throwaway_certificate(const std::vector<std::string>& names);

}  // namespace postern::tls
