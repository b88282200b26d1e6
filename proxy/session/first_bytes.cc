// See first_bytes.h.
#include "proxy/session/first_bytes.h"

#include <algorithm>
#include <cstddef>

namespace postern::session {

namespace {

constexpr char kHandshakeRecord = 0x16;
constexpr char kMajorVersion = 0x03;
constexpr unsigned char kSslv2HeaderBit = 0x80;  // a two-octet header without padding
constexpr std::size_t kSslv2Type = 2;            // where it stands
constexpr char kSslv2ClientHello = 0x01;

bool ends_with_word(std::string_view bytes, std::string_view upper) {
  if (bytes.size() < upper.size()) return false;
  bytes.remove_prefix(bytes.size() - upper.size());
  return std::equal(bytes.begin(), bytes.end(), upper.begin(), [](char c, char wanted) {
    return (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) == wanted;
  });
}

}  // namespace

bool looks_like_tls(std::string_view first_bytes) {
  if (first_bytes.empty()) return false;
  if (first_bytes[0] == kHandshakeRecord) {
    return first_bytes.size() == 1 || first_bytes[1] == kMajorVersion;
  }
  return first_bytes.size() > kSslv2Type && begins_like_sslv2(first_bytes) &&
         first_bytes[kSslv2Type] == kSslv2ClientHello;
}

bool begins_like_sslv2(std::string_view first_bytes) {
  return !first_bytes.empty() &&
         (static_cast<unsigned char>(first_bytes[0]) & kSslv2HeaderBit) != 0;
}

bool may_become_tls(std::string_view first_bytes) {
  return looks_like_tls(first_bytes) ||
         (first_bytes.size() <= kSslv2Type && begins_like_sslv2(first_bytes));
}

bool looks_like_farewell(std::string_view bytes) {
  if (!bytes.ends_with("\r\n")) return false;
  bytes.remove_suffix(2);
  return ends_with_word(bytes, "QUIT") || ends_with_word(bytes, "LOGOUT");
}

}  // namespace postern::session
