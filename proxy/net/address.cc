// See address.h.
#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace postern::net {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<Address> Address::parse(const std::string& ip, std::uint16_t port) {
  Address address;
  address.port_ = port;
  in_addr v4{};
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.octets_.begin());
    std::memcpy(address.octets_.data() + kMappedPrefix.size(), &v4, sizeof v4);
    return address;
  }
  if (inet_pton(AF_INET6, ip.c_str(), address.octets_.data()) == 1) return address;
  return std::nullopt;
}

Address Address::from(const sockaddr* address) {
  Address result;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), result.octets_.begin());
    std::memcpy(result.octets_.data() + kMappedPrefix.size(), &v4.sin_addr, sizeof v4.sin_addr);
    result.port_ = ntohs(v4.sin_port);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(result.octets_.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    result.port_ = ntohs(v6.sin6_port);
  }
  return result;
}

Address Address::of_socket(int socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  return getsockname(socket, address, &length) == 0 ? from(address) : Address();
}

Address Address::of_peer(int socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  return getpeername(socket, address, &length) == 0 ? from(address) : Address();
}

socklen_t Address::to(sockaddr_storage& out) const {
  out = {};
  if (is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port_);
    std::memcpy(&v4.sin_addr, octets_.data() + kMappedPrefix.size(), sizeof v4.sin_addr);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port_);
  std::memcpy(&v6.sin6_addr, octets_.data(), octets_.size());
  std::memcpy(&out, &v6, sizeof v6);
  return sizeof v6;
}

bool Address::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), octets_.begin());
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, octets_.data() + kMappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, octets_.data(), text.data(), text.size());
  }
  return text.data();
}

std::string Address::text() const {
  return (is_v4() ? ip() : "[" + ip() + "]") + ":" + std::to_string(port_);
}

}  // namespace postern::net
