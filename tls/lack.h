// Whether a context can serve a client, by what its ClientHello offers, and what it would take where
// it cannot. Pure: BoringSSL itself judges the handshake, and tells no more than that it failed.
#pragma once

#include <optional>

#include "tls/profile.h"

namespace postern::tls {

struct Offer;

// The kinds of key in a context's certificates.
struct KeyKinds {
  bool rsa = false;
  bool ecdsa = false;
  bool ed25519 = false;
};

// What a context serves.
struct Serving {
  Profile profile = Profile::intermediate;
  Version min_version = Version::tls1_2;
  Version max_version = Version::tls1_3;
  KeyKinds keys;
};

struct Lack {
  enum class Kind {
    nothing,      // it can be served
    terms,        // served with the two below
    rsa_key,      // and with an RSA certificate
    max_version,  // it knows only versions above the highest one that is served
    everything,   // whatever the settings: SSLv3, or suites (DHE, RC4), groups and algorithms that
                  // BoringSSL does not have
  };
  Kind kind = Kind::nothing;
  // Where it must be lower, and where it must be weaker: the mildest that does.
  std::optional<Version> min_version = std::nullopt;
  std::optional<Profile> profile = std::nullopt;

  bool operator==(const Lack&) const = default;
};

// A client is served with the highest version that both have, or not at all; so that version is the
// one for which `profile` is asked.
Lack lack_of(const Serving& serving, const Offer& offer);

}  // namespace postern::tls
