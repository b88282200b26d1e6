// See first_bytes.h.
#include "proxy/session/first_bytes.h"

namespace postern::session {

namespace {

constexpr char kHandshakeRecord = 0x16;
constexpr char kMajorVersion = 0x03;
constexpr unsigned char kSslv2HeaderBit = 0x80;  // a two-octet header without padding
constexpr char kSslv2ClientHello = 0x01;

}  // namespace

bool looks_like_tls(std::string_view first_bytes) {
  if (first_bytes.empty()) return false;
  if (first_bytes[0] == kHandshakeRecord) {
    return first_bytes.size() == 1 || first_bytes[1] == kMajorVersion;
  }
  return first_bytes.size() >= 3 &&
         (static_cast<unsigned char>(first_bytes[0]) & kSslv2HeaderBit) != 0 &&
         first_bytes[2] == kSslv2ClientHello;
}

}  // namespace postern::session
