// A blocking connection to a backend, in clear or by TLS as its settings say, for `postern check`.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/link.h"
#include "proxy/demo/connection.h"
#include "proxy/net/bind.h"
#include "tls/client_engine.h"

namespace postern::commands {

class ProbeConnection {
 public:
  // Takes over a connected, blocking socket.
  explicit ProbeConnection(net::Socket socket) : connection_(socket.take()) {}

  // Begins TLS with the `server`th of the backend's servers, which is the one connected to: "" or why
  // not, in words. What was said in clear, and of TLS, is appended to `lines`.
  std::string secure(const backend::Backend& backend, std::size_t server,
                     std::chrono::milliseconds patience, std::vector<std::string>& lines);

  // The next line with its LF; none when the server has ended, says nothing for so long, or the line is
  // longer than `most`.
  std::optional<std::string> read_line(std::size_t most, std::chrono::milliseconds patience);
  bool send(std::string_view bytes);

 private:
  std::string upgrade(const backend::Backend& backend, std::chrono::milliseconds patience,
                      std::vector<std::string>& lines);

  demo::Connection connection_;
  std::unique_ptr<tls::ClientEngine> engine_;
  std::string heard_;  // decrypted, not read yet
};

}  // namespace postern::commands
