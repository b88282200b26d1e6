// See proxy_header.h.
#include "proxy/net/proxy_header.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace postern::net {

namespace {

using Ends = ProxyHeader::Ends;

// ---------------------------------------------------------------- version 1: section 2.1

constexpr std::string_view kV1Begin = "PROXY ";
constexpr std::string_view kUnknown = "UNKNOWN";

// Takes the text up to the next space, or all; and that space.
std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// 0 to 65535 in decimal digits, without leading zeros.
std::optional<std::uint16_t> port_from(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

// Of the family that the line names.
std::optional<Address> address_from(std::string_view ip, std::string_view port, bool is_v6) {
  const auto number = port_from(port);
  if (!number || (ip.find(':') != std::string_view::npos) != is_v6) return std::nullopt;
  return Address::parse(std::string(ip), *number);
}

std::optional<Ends> ends_from(std::string_view words, bool is_v6) {
  // No two spaces, none at the end: each word is there, and there are four.
  const auto source = take_word(words);
  const auto destination = take_word(words);
  const auto source_port = take_word(words);
  if (words.find(' ') != std::string_view::npos) return std::nullopt;
  const auto from = address_from(source, source_port, is_v6);
  const auto to = address_from(destination, words, is_v6);
  if (!from || !to) return std::nullopt;
  return Ends{*from, *to};
}

// ---------------------------------------------------------------- version 2: section 2.2

constexpr std::string_view kV2Begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kV2Head = 16;
constexpr unsigned kVersion2 = 2;
constexpr unsigned kLocal = 0;
constexpr unsigned kProxy = 1;
constexpr unsigned kMostFamilies = 3;    // unspecified, IPv4, IPv6, UNIX
constexpr unsigned kMostTransports = 2;  // unspecified, stream, datagram
constexpr unsigned kTcp4 = 0x11;
constexpr unsigned kTcp6 = 0x21;

// How many octets the two addresses and ports have that are read; 0: none is.
std::size_t addresses_size(unsigned transport) {
  if (transport == kTcp4) return 12;
  return transport == kTcp6 ? 36 : 0;
}

Address v4_at(const char* ip, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::memcpy(&address.sin_addr, ip, sizeof address.sin_addr);
  std::memcpy(&address.sin_port, port, sizeof address.sin_port);
  return Address::from(reinterpret_cast<const sockaddr*>(&address));
}

Address v6_at(const char* ip, const char* port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  std::memcpy(&address.sin6_addr, ip, sizeof address.sin6_addr);
  std::memcpy(&address.sin6_port, port, sizeof address.sin6_port);
  return Address::from(reinterpret_cast<const sockaddr*>(&address));
}

unsigned octet(char c) { return static_cast<unsigned char>(c); }

}  // namespace

std::size_t ProxyHeader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (state_ == State::reading && taken < bytes.size()) {
    if (to_skip_ > 0 && size_ == wanted_) {
      const auto skipped = std::min(to_skip_, bytes.size() - taken);
      to_skip_ -= skipped;
      taken += skipped;
      if (to_skip_ == 0) end_v2();
      continue;
    }
    take(bytes[taken++]);
  }
  return taken;
}

void ProxyHeader::take(char octet) {
  const bool is_v1 = size_ == 0 ? octet == kV1Begin.front() : head_[0] == kV1Begin.front();
  if (is_v1) {
    take_v1(octet);
  } else {
    take_v2(octet);
  }
}

void ProxyHeader::take_v1(char octet) {
  if (size_ < kV1Begin.size() && octet != kV1Begin[size_]) return fail();
  const bool is_behind_cr = size_ > 0 && head_[size_ - 1] == '\r';
  if (is_behind_cr != (octet == '\n')) return fail();
  // Nothing but printable ASCII: of what is none the end need not be awaited.
  if (octet != '\r' && octet != '\n' && (octet < ' ' || octet > '~')) return fail();
  head_[size_++] = octet;
  if (octet == '\n') return end_v1();
  if (size_ == head_.size()) fail();
}

void ProxyHeader::end_v1() {
  std::string_view words(head_.data(), size_ - 2);
  words.remove_prefix(kV1Begin.size());
  const auto family = take_word(words);
  if (family == kUnknown) {
    // What follows is to be ignored, whatever it is.
    state_ = State::complete;
    return;
  }
  if (family != "TCP4" && family != "TCP6") return fail();
  ends_ = ends_from(words, family == "TCP6");
  state_ = ends_ ? State::complete : State::broken;
}

void ProxyHeader::take_v2(char octet) {
  if (size_ < kV2Begin.size() && octet != kV2Begin[size_]) return fail();
  head_[size_++] = octet;
  if (size_ == kV2Head) begin_v2_body();
  if (size_ >= kV2Head && size_ == wanted_ && to_skip_ == 0 && state_ == State::reading) end_v2();
}

void ProxyHeader::begin_v2_body() {
  const auto version = octet(head_[12]) >> 4;
  const auto command = octet(head_[12]) & 0x0f;
  const auto transport = octet(head_[13]);
  const std::size_t body = octet(head_[14]) << 8 | octet(head_[15]);
  if (version != kVersion2 || command > kProxy || body > kLongestV2Body) return fail();
  std::size_t addresses = 0;
  // A LOCAL one's family and addresses are not looked at.
  if (command != kLocal) {
    if (transport >> 4 > kMostFamilies || (transport & 0x0f) > kMostTransports) return fail();
    addresses = addresses_size(transport);
    if (body < addresses) return fail();
  }
  wanted_ = kV2Head + addresses;
  to_skip_ = body - addresses;
}

void ProxyHeader::end_v2() {
  const char* const at = head_.data() + kV2Head;
  if (wanted_ == kV2Head + addresses_size(kTcp4)) {
    ends_ = Ends{v4_at(at, at + 8), v4_at(at + 4, at + 10)};
  } else if (wanted_ == kV2Head + addresses_size(kTcp6)) {
    ends_ = Ends{v6_at(at, at + 32), v6_at(at + 16, at + 34)};
  }
  state_ = State::complete;
}

}  // namespace postern::net
