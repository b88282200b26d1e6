// JA4: FoxIO's fingerprint of a TLS client, from what its ClientHello lists. Programs are told apart
// by it where they give no name of their own, as in POP3.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tls {

// A fingerprint's characters, such as "t13d1516h2_8daaf6152771_e5627efa2ab1". Kept by value, as it
// outlives the handshake in every session.
struct Ja4 {
  static constexpr std::size_t kSize = 36;

  // Empty before a ClientHello came. ASCII letters, digits and underscores, whatever was sent.
  std::string_view text() const { return {characters.data(), characters[0] == '\0' ? 0 : kSize}; }

  std::array<char, kSize> characters{};
};

// What counts of a ClientHello, numbers as on the wire and in its order, GREASE (RFC 8701) included.
struct Ja4Parts {
  std::vector<std::uint16_t> versions;    // its supported_versions, or the one that it is of
  std::vector<std::uint16_t> ciphers;     // signalling values (RFC 5746, RFC 7507) included
  std::vector<std::uint16_t> extensions;  // the types of all
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::string> alpn;
};

// By FoxIO's technical details of JA4 (2023, with the rules of 2024 for ALPN names that are no
// ASCII). GREASE counts for nothing wherever it stands, an ALPN name of it included.
Ja4 ja4_of(const Ja4Parts& parts);

}  // namespace postern::tls
