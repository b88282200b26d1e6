// What a list of certificates tells of one, beside what Credentials itself has.
#pragma once

#include <string>

#include "tls/credentials.h"

namespace postern::tls {

struct LeafFacts {
  std::string serial;    // hexadecimal, lower case
  std::string issuer;    // one line of printable ASCII
  std::string key_kind;  // "RSA 2048", "ECDSA P-256", "Ed25519"
  // SHA-256 of the whole chain, hexadecimal: equal where the same certificates are served.
  std::string digest;
};

// Takes the leaf apart anew: for lists and reloads, not for each handshake. Fields that cannot be
// made (lack of memory) stay empty.
LeafFacts facts_of(const Credentials& credentials);

}  // namespace postern::tls
