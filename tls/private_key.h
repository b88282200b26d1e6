// Reads private keys from PEM, encrypted ones too. For this room's own files only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tls/boringssl.h"
#include "tls/error.h"
#include "tls/pem.h"

namespace postern::tls {

// What opens an encrypted key; `name` is where it comes from, for messages. Nothing is opened with an
// empty name.
struct Passphrase {
  std::string_view text;
  std::string name;
};

// The first line of a file, without its end. The view is into `file`.
std::string_view first_line(std::string_view file);

// The first private key of a PEM text: PKCS#8, or an older form of its own; RSA, ECDSA or Ed25519.
// PKCS#8 may be encrypted (RFC 5958 section 3) by what BoringSSL knows: not by scrypt. The error
// names `name`, what is wrong and the cure; nothing of the key stands in it.
Result<bssl::UniquePtr<EVP_PKEY>> parse_key(std::string_view pem, const std::string& name,
                                            const Passphrase& passphrase);

// What stands in a file that lacks what it should hold; `cure` is for a file in DER.
std::string what_else(std::string_view text, const std::vector<PemBlock>& blocks,
                      const std::string& cure);

}  // namespace postern::tls
