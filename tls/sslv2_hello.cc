// See sslv2_hello.h.
#include "tls/sslv2_hello.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace postern::tls {

namespace {

// Two octets of length, of which the highest bit is set; then type, version, and three lengths.
constexpr std::size_t kLengthSize = 2;
constexpr std::size_t kHeadSize = kLengthSize + 9;
constexpr std::uint8_t kLengthBit = 0x80;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kSslv2Major = 0;  // 0.2, where SSLv3 and all TLS are 3.x
constexpr std::uint8_t kMajor = 3;
constexpr std::size_t kSuiteSize = 3;
constexpr std::size_t kLeastChallenge = 16;
constexpr std::size_t kMostChallenge = 32;
constexpr std::size_t kSessionId = 16;

class Octets16 {
 public:
  explicit Octets16(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t at(std::size_t index) const { return static_cast<std::uint8_t>(bytes_[index]); }
  std::uint16_t pair(std::size_t index) const {
    return static_cast<std::uint16_t>(at(index) << 8 | at(index + 1));
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

bool has_wrong_begin(const Octets16& octets) {
  if (octets.size() > 0 && (octets.at(0) & kLengthBit) == 0) return true;
  if (octets.size() > 2 && octets.at(2) != kClientHello) return true;
  return octets.size() > 3 && octets.at(3) != kSslv2Major && octets.at(3) != kMajor;
}

}  // namespace

Sslv2Hello read_sslv2_hello(std::string_view first_bytes, Offer& offer) {
  const Octets16 octets(first_bytes);
  if (has_wrong_begin(octets)) return Sslv2Hello::none;
  if (octets.size() < kHeadSize) return Sslv2Hello::begun;
  const std::size_t length = octets.pair(0) & ~(kLengthBit << 8);
  const std::size_t suites = octets.pair(5);
  const std::size_t session_id = octets.pair(7);
  const std::size_t challenge = octets.pair(9);
  const bool is_sound = suites > 0 && suites % kSuiteSize == 0 &&
                        (session_id == 0 || session_id == kSessionId) &&
                        challenge >= kLeastChallenge && challenge <= kMostChallenge &&
                        kHeadSize + suites + session_id + challenge == kLengthSize + length;
  if (!is_sound) return Sslv2Hello::none;
  if (octets.size() < kLengthSize + length) return Sslv2Hello::begun;
  offer.versions = {octets.pair(3)};
  for (std::size_t i = 0; i < suites; i += kSuiteSize) {
    if (octets.at(kHeadSize + i) != 0) continue;  // SSLv2's own
    offer.is_cut = offer.ciphers.size() == Offer::kMaxNumbers;
    if (!offer.is_cut) offer.ciphers.push_back(octets.pair(kHeadSize + i + 1));
  }
  return octets.at(3) == kMajor ? Sslv2Hello::for_ssl_tls : Sslv2Hello::for_sslv2;
}

}  // namespace postern::tls
