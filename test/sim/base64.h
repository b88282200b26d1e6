// Base64 for the actors' logins (RFC 4648 section 4).
#pragma once

#include <string>
#include <string_view>

namespace postern::sim {

inline std::string base64(std::string_view octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const auto octet = [&](std::size_t place) {
      return place < octets.size() ? static_cast<unsigned char>(octets[place]) : 0U;
    };
    const auto group = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j > octets.size() ? '=' : kAlphabet[(group >> (18 - 6 * j)) & 63];
    }
  }
  return text;
}

}  // namespace postern::sim
