// A certificate chain with its private key, checked together. Immutable; shared by all workers.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tls/error.h"

namespace postern::tls {

class Credentials {
 public:
  // Reads a PEM chain (leaf first) and a PEM private key from files, and checks that the key
  // belongs to the leaf, that each certificate is followed by its issuer, and that all parse. The
  // error names the file, what is wrong and, where there is one, the cure. An expired leaf is no
  // error here: see not_after(). Call it before privileges are dropped.
  static Result<std::shared_ptr<const Credentials>> load(const std::string& chain_path,
                                                         const std::string& key_path);
  // The same from PEM text; `chain_name` and `key_name` stand in for the paths in messages.
  static Result<std::shared_ptr<const Credentials>> parse(std::string_view chain_pem,
                                                          std::string_view key_pem,
                                                          const std::string& chain_name,
                                                          const std::string& key_name);
  ~Credentials();

  // The leaf's DNS names (subjectAltName; the common name only where there is none), lower case,
  // wildcards as "*.example.com".
  const std::vector<std::string>& names() const;
  std::chrono::system_clock::time_point not_before() const;
  std::chrono::system_clock::time_point not_after() const;
  // The leaf's subject, one line, for people.
  const std::string& subject() const;

  struct Native;  // BoringSSL's side, for this room only
  const Native& native() const { return *native_; }

 private:
  explicit Credentials(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

// A self-signed certificate for `names` (first one is the common name; "127.0.0.1" and the like
// become IP addresses), ECDSA P-256, valid from an hour ago for 30 days: for demos and tests.
struct PemPair {
  std::string chain;
  std::string key;
};
PemPair make_throwaway_certificate(const std::vector<std::string>& names);

}  // namespace postern::tls
