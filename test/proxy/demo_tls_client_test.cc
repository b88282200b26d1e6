// The tour's blocking client, against a TLS server made of the tls room's engine.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "proxy/demo/tls_client.h"
#include "tls/engine.h"
#include "tls/server_context.h"

namespace {

using postern::demo::TlsClient;
namespace tls = postern::tls;

constexpr std::string_view kUpgrade = "STARTTLS\r\n";

// Serves one client: says `greeting` in clear text, reads kUpgrade, says `go_ahead`, and from the
// handshake on gives each byte back.
class Upgrading {
 public:
  Upgrading(const tls::PemPair& pair, std::string go_ahead) : go_ahead_(std::move(go_ahead)) {
    auto credentials = tls::Credentials::parse(pair.chain, pair.key, "chain", "key");
    REQUIRE(credentials.ok());
    tls::ServerOptions options;
    options.credentials = {*credentials};
    options.ticket_keys = std::make_shared<const tls::TicketKeys>(
        std::chrono::hours(1), [] { return std::chrono::seconds(1'000'000'000); });
    auto context = tls::ServerContext::make(options);
    REQUIRE(context.ok());
    context_ = *context;
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listening_, plain, length) == 0);
    REQUIRE(listen(listening_, 1) == 0);
    REQUIRE(getsockname(listening_, plain, &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  Upgrading(const Upgrading&) = delete;
  Upgrading& operator=(const Upgrading&) = delete;
  ~Upgrading() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
  }

  std::uint16_t port() const { return port_; }

 private:
  static bool send_all(int client, const std::string& bytes) {
    return bytes.empty() || send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                                static_cast<ssize_t>(bytes.size());
  }
  void serve() {
    const int client = accept(listening_, nullptr, nullptr);
    std::array<char, 16384> buffer;
    tls::Engine engine(context_);
    std::string command;
    ssize_t got = 0;
    while (client >= 0 && (got = recv(client, buffer.data(), buffer.size(), 0)) > 0) {
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      std::string output;
      if (command != kUpgrade) {
        command += bytes;
        output = command == kUpgrade ? go_ahead_ : "";
      } else {
        postern::tls::Octets plain;
        const auto state = engine.receive(bytes, plain, output);
        if (state == tls::Engine::State::open && !plain.empty()) {
          engine.seal(plain, output);
        }
      }
      if (!send_all(client, output)) {
        break;
      }
    }
    close(client);
  }

  std::shared_ptr<const tls::ServerContext> context_;
  std::string go_ahead_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::unique_ptr<TlsClient> upgraded_to(const Upgrading& server) {
  auto client = TlsClient::connect(server.port());
  REQUIRE(client.ok());
  REQUIRE((*client)->send(kUpgrade));
  CHECK((*client)->read_line() == "220 go");
  CHECK((*client)->version().empty());
  return std::move(*client);
}

TEST_CASE("the tour's client goes from clear text to TLS, and reads lines in both") {
  const tls::PemPair pair = tls::make_throwaway_certificate({"mail.example.com", "127.0.0.1"});
  const Upgrading server(pair, "220 go\r\n");
  const auto client = upgraded_to(server);
  CHECK(client->start_tls(pair.chain, "mail.example.com").empty());
  CHECK(client->version() == "TLSv1.3");
  CHECK(client->cipher().starts_with("TLS_"));
  const std::string longest(50'000, 'x');
  REQUIRE(client->send("one\r\ntwo\n" + longest + "\r\n"));
  CHECK(client->read_line() == "one");
  CHECK(client->read_line() == "two");
  CHECK(client->read_line() == longest);
}

TEST_CASE("the tour's client trusts no other certificate, and none for another name") {
  const tls::PemPair pair = tls::make_throwaway_certificate({"mail.example.com"});
  const tls::PemPair other = tls::make_throwaway_certificate({"mail.example.com"});
  {
    const Upgrading server(pair, "220 go\r\n");
    CHECK(upgraded_to(server)->start_tls(pair.chain, "mail.example.net") ==
          "certificate: Hostname mismatch");
  }
  {
    const Upgrading server(pair, "220 go\r\n");
    CHECK(upgraded_to(server)
              ->start_tls(other.chain, "mail.example.com")
              .starts_with("certificate: "));
  }
  const Upgrading server(pair, "220 go\r\n");
  CHECK(upgraded_to(server)
            ->start_tls("no PEM", "mail.example.com")
            .starts_with("the trusted certificate: "));
}

TEST_CASE("the tour's client takes no bytes that came in clear text behind the go-ahead") {
  const tls::PemPair pair = tls::make_throwaway_certificate({"mail.example.com"});
  const Upgrading server(pair, "220 go\r\n250 injected\r\n");
  CHECK(upgraded_to(server)->start_tls(pair.chain, "mail.example.com") ==
        "the server sent bytes in clear text before the handshake");
}

TEST_CASE("the tour's client says why it cannot connect") {
  // A port that was just free.
  std::uint16_t port = 0;
  {
    const Upgrading server(tls::make_throwaway_certificate({"a.example"}), "");
    port = server.port();
  }
  const auto client = TlsClient::connect(port);
  REQUIRE_FALSE(client.ok());
  CHECK(client.error().message ==
        "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

}  // namespace
