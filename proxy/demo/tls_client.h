// A blocking mail client's connection: clear text at first, TLS when it is told to. The tour of
// `postern demo` speaks through it, from outside, as any mail program would.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tls/error.h"

namespace postern::demo {

class TlsClient {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024;
  // A server that says nothing for this long has ended.
  static constexpr std::chrono::seconds kPatience{10};

  // Connects to 127.0.0.1. Blocks; so do all others here.
  static tls::Result<std::unique_ptr<TlsClient>> connect(std::uint16_t port);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  // Says goodbye in TLS, and closes.
  ~TlsClient();

  // The TLS handshake. The server's certificate must be the one in `trusted_pem`, or be issued by
  // it, and bear `server_name`. Gives "", or what went wrong. Bytes that the server has sent in
  // clear text already, and nobody has read, are an error: they could be anyone's.
  std::string start_tls(const std::string& trusted_pem, const std::string& server_name);

  // False when the server has ended.
  bool send(std::string_view bytes);
  // The next line, without its newline; none when the server has ended, or the line is too long.
  std::optional<std::string> read_line();

  // "TLSv1.3" and the cipher's IANA name; "" in clear text.
  std::string version() const;
  std::string cipher() const;

 private:
  struct Native;
  explicit TlsClient(std::unique_ptr<Native> native);

  std::unique_ptr<Native> native_;
};

}  // namespace postern::demo
