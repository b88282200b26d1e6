// An IP address with a port: 18 octets instead of a sockaddr_storage.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace postern::net {

// An IPv4 address is kept, and compares, as the IPv4-mapped IPv6 address that it also may come as
// from a socket of both families (RFC 4291 2.5.5.2): so `[::]:25` sees IPv4 clients as IPv4.
class Address {
 public:
  Address() = default;
  // From numeric text, without brackets; none where it is no address.
  static std::optional<Address> parse(const std::string& ip, std::uint16_t port);
  // From a socket's address; the unspecified address where the family is another.
  static Address from(const sockaddr* address);
  // The address of a socket's own end, and of its peer.
  static Address of_socket(int socket);
  static Address of_peer(int socket);

  // For system calls; gives the length. An IPv4 address becomes AF_INET.
  socklen_t to(sockaddr_storage& out) const;

  bool is_v4() const;
  std::uint16_t port() const { return port_; }
  // The 16 octets without the port: a key for counting by address.
  const std::array<std::uint8_t, 16>& octets() const { return octets_; }
  // Numeric, without brackets and port: "192.0.2.1", "2001:db8::1".
  std::string ip() const;
  // "192.0.2.1:25", "[2001:db8::1]:25".
  std::string text() const;

  bool operator==(const Address&) const = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  std::uint16_t port_ = 0;
};

}  // namespace postern::net
