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
  std::string record() const {
    std::string body = two_octets(version) + std::string(32, 'r') + '\0';
    body += two_octets(2 * ciphers.size()) + numbers(ciphers) + std::string("\1\0", 2);
    std::string all;
    for (const auto& [type, content] : extensions) {
      all += two_octets(type) + two_octets(content.size()) + content;
    }
    if (!extensions.empty()) body += two_octets(all.size()) + all;
    const auto message = std::string("\1\0", 2) + two_octets(body.size()) + body;
    return std::string("\x16\x03\x01") + two_octets(message.size()) + message;
  }
};

}  // namespace postern::test
