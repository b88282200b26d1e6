// A ClientHello written by hand (RFC 8446 section 4.1.2), for what no TLS library sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::test {

inline std::string two_octets(std::size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

inline std::string numbers(const std::vector<std::uint16_t>& all) {
  std::string text;
  for (const auto number : all) text += two_octets(number);
  return text;
}

// One in SSLv2's format (RFC 5246 appendix E.2): RC4 of SSLv2 and of SSLv3, AES-256; or other suites, of
// three octets each.
inline std::string sslv2_hello(std::uint16_t version,
                               const std::string& suites = std::string("\x01\0\x80\0\0\x04\0\0\x35",
                                                                       9)) {
  const auto body = "\1" + two_octets(version) + two_octets(suites.size()) + two_octets(0) +
                    two_octets(16) + suites + std::string(16, 'c');
  return two_octets(0x8000 | body.size()) + body;
}

struct Hello {
  std::uint16_t version = 0x0303;
  std::vector<std::uint16_t> ciphers = {0xc02b};
  std::vector<std::pair<std::uint16_t, std::string>> extensions;  // in order; type and body

  Hello& extension(std::uint16_t type, const std::string& body = {}) {
    extensions.emplace_back(type, body);
    return *this;
  }
  Hello& versions(const std::vector<std::uint16_t>& all) {
    return extension(0x002b, static_cast<char>(2 * all.size()) + numbers(all));
  }
  Hello& algorithms(const std::vector<std::uint16_t>& all) {
    return extension(0x000d, two_octets(2 * all.size()) + numbers(all));
  }
  Hello& groups(const std::vector<std::uint16_t>& all) {
    return extension(0x000a, two_octets(2 * all.size()) + numbers(all));
  }
  Hello& server_name(const std::string& name) {
    const auto entry = '\0' + two_octets(name.size()) + name;
    return extension(0x0000, two_octets(entry.size()) + entry);
  }
  Hello& alpn(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += static_cast<char>(name.size()) + name;
    return extension(0x0010, two_octets(list.size()) + list);
  }

  // In one record.
  std::string record() const { return in_records(message()); }

  // In records of `size` octets each.
  static std::string in_records(const std::string& message, std::size_t size = 16384) {
    std::string all;
    for (std::size_t at = 0; at < message.size(); at += size) {
      const auto piece = message.substr(at, size);
      all += std::string("\x16\x03\x01") + two_octets(piece.size()) + piece;
    }
    return all;
  }

  // The handshake message.
  std::string message() const {
    std::string body = two_octets(version) + std::string(32, 'r') + '\0';
    body += two_octets(2 * ciphers.size()) + numbers(ciphers) + std::string("\1\0", 2);
    std::string all;
    for (const auto& [type, content] : extensions) {
      all += two_octets(type) + two_octets(content.size()) + content;
    }
    if (!extensions.empty()) body += two_octets(all.size()) + all;
    return std::string("\1\0", 2) + two_octets(body.size()) + body;
  }
};

}  // namespace postern::test
