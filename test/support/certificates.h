// Makes certificates and keys for tests: RSA and ECDSA, signed by one another, and broken ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace postern::test {

enum class KeyKind { rsa, p224, p256, p384, p521, ed25519 };

// A certificate with its key.
class Issued {
 public:
  struct Native;
  explicit Issued(std::shared_ptr<const Native> native) : native_(std::move(native)) {}

  std::string certificate() const;  // PEM
  std::string key() const;          // PEM, PKCS#8
  // PEM, "RSA PRIVATE KEY" or "EC PRIVATE KEY"; "" for Ed25519, which has no such form.
  std::string traditional_key() const;
  // PEM, PKCS#8 under a passphrase, by PBES2 with PBKDF2.
  std::string encrypted_key(std::string passphrase) const;
  std::string certificate_der() const;
  const Native& native() const { return *native_; }

 private:
  std::shared_ptr<const Native> native_;
};

struct IssueOptions {
  std::string common_name = {};
  // Or addresses, of mail too; behind "DNS:" it is a host's name in any case. Empty: no subjectAltName.
  std::vector<std::string> dns_names = {};
  KeyKind kind = KeyKind::p256;
  const Issued* key_of = nullptr;  // has the key already: many certificates take less time
  const Issued* issuer = nullptr;  // null: self-signed
  bool is_ca = false;
  long long not_before = 1'700'000'000;  // seconds since 1970
  long long not_after = 2'000'000'000;
  bool may_sign = true;  // false: a keyUsage without digitalSignature
  unsigned serial = 7;
  int rsa_bits = 2048;        // with KeyKind::rsa
  bool uses_sha1 = false;     // in the issuer's signature
  bool answers_ocsp = false;  // an extendedKeyUsage for OCSP alone: RFC 6960 section 4.2.2.2
  bool needs_staple = false;  // "must staple": RFC 7633
  std::string purpose = {};   // extendedKeyUsage, as OpenSSL names it: "clientAuth"; "" for none
};

Issued issue(const IssueOptions& options);

// A list of the certificates that `issuer` has revoked (RFC 5280 section 5), by their serial numbers. PEM.
std::string revocations(const Issued& issuer, const std::vector<unsigned>& serials,
                        long long next_update = 2'000'000'000);

}  // namespace postern::test
