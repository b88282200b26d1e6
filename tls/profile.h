// Versions, and the cipher suites and groups that a context serves. conf/reference.yaml lists the
// profiles for people, and a test compares.
#pragma once

#include <string>
#include <vector>

namespace postern::tls {

enum class Version { tls1_0, tls1_1, tls1_2, tls1_3 };

// From intermediate on each serves what the one before does and, less preferred, more. All of TLS
// 1.3's suites are in each.
enum class Profile {
  modern,        // intermediate's; that it is for TLS 1.3 is for the lowest version to say
  intermediate,  // ECDHE with AEAD
  legacy,        // ECDHE with AES-CBC and SHA-1 too, and P-521
  island,        // RSA key exchange and 3DES too: no forward secrecy, for few and known clients
};

// Whether ECDHE with AES-CBC is served: TLS 1.0 and 1.1 have nothing else with forward secrecy, so a
// lowest version below 1.2 brings it into every profile.
constexpr bool has_cbc(Profile profile, Version min_version) {
  return profile >= Profile::legacy || min_version < Version::tls1_2;
}

// By preference, in BoringSSL's syntax for TLS 1.2 and before; in TLS 1.3 its order goes by what
// hardware both sides have.
std::string suites_of(Profile profile, Version min_version);
// Groups for the key exchange by preference: "X25519", "P-256" … Joined by colons they are BoringSSL's
// list.
std::vector<std::string> group_names(Profile profile);
std::string groups_of(Profile profile);
// Whether the hybrid group X25519MLKEM768 is among them: all have it, or none.
bool has_hybrid();

}  // namespace postern::tls
