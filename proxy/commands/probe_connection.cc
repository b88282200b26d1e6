// See probe_connection.h.
#include "proxy/commands/probe_connection.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocols/backend_upgrade.h"
#include "tls/octets.h"

namespace postern::commands {

namespace {

constexpr std::string_view kSilent = "it closed the connection, or said nothing in time";

// As lines of a conversation, printable.
void show(std::string_view mark, std::string_view bytes, std::vector<std::string>& lines) {
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\n'), bytes.size() - 1);
    std::string line(bytes.substr(0, end + 1));
    bytes.remove_prefix(end + 1);
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    lines.push_back(std::string(mark) + line);
  }
}

}  // namespace

std::string ProbeConnection::upgrade(const backend::Backend& backend,
                                     std::chrono::milliseconds patience,
                                     std::vector<std::string>& lines) {
  using State = protocols::BackendUpgrade::State;
  const auto upgrade = protocols::make_backend_upgrade(backend.protocol, backend.hostname);
  while (upgrade->state() == State::greeting || upgrade->state() == State::asking) {
    std::optional<std::string> bytes;
    if (connection_.wait(patience)) bytes = connection_.read_some();
    if (!bytes) return std::string(kSilent);
    show("< ", *bytes, lines);
    std::string commands;
    upgrade->feed(*bytes, commands);
    show("> ", commands, lines);
    connection_.send(commands);
  }
  heard_ = upgrade->greeting();
  return std::string(protocols::words_for(upgrade->failure()));
}

std::string ProbeConnection::secure(const backend::Backend& backend, std::size_t server,
                                    std::chrono::milliseconds patience,
                                    std::vector<std::string>& lines) {
  using State = tls::ClientEngine::State;
  if (backend.security->upgrade() == backend::Security::Upgrade::starttls) {
    if (auto fault = upgrade(backend, patience, lines); !fault.empty()) return fault;
  }
  engine_ = std::make_unique<tls::ClientEngine>(backend.security->context(server));
  tls::Octets plain;
  std::string output;
  engine_->start(output);
  while (engine_->state() == State::handshaking) {
    connection_.send(std::exchange(output, {}));
    std::optional<std::string> bytes;
    if (connection_.wait(patience)) bytes = connection_.read_some();
    if (!bytes) return std::string(kSilent);
    engine_->receive(*bytes, plain, output);
  }
  connection_.send(output);
  if (engine_->state() == State::failed) return engine_->failure_text();
  heard_.append(plain.view());
  const auto& facts = engine_->facts();
  const auto certificate = engine_->certificate();
  lines.push_back(
      fmt::format("TLS {}, {}{}", facts.version, facts.cipher, facts.resumed ? ", resumed" : ""));
  lines.push_back(fmt::format("certificate for {}, until {:%Y-%m-%d}; pin: {}", certificate.names,
                              certificate.not_after, tls::text_of(certificate.pin)));
  return {};
}

std::optional<std::string> ProbeConnection::read_line(std::size_t most,
                                                      std::chrono::milliseconds patience) {
  if (engine_ == nullptr) {
    return connection_.wait(patience) ? connection_.read_line(most) : std::nullopt;
  }
  auto end = heard_.find('\n');
  while (end == std::string::npos) {
    if (heard_.size() > most || !connection_.wait(patience)) return std::nullopt;
    const auto bytes = connection_.read_some();
    if (!bytes) return std::nullopt;
    tls::Octets plain;
    std::string output;
    engine_->receive(*bytes, plain, output);
    connection_.send(output);
    heard_.append(plain.view());
    end = heard_.find('\n');
    if (end == std::string::npos && engine_->state() != tls::ClientEngine::State::open) {
      return std::nullopt;
    }
  }
  auto line = heard_.substr(0, end + 1);
  heard_.erase(0, end + 1);
  return line;
}

bool ProbeConnection::send(std::string_view bytes) {
  if (engine_ == nullptr) return connection_.send(bytes);
  std::string output;
  engine_->seal(bytes, output);
  return connection_.send(output);
}

}  // namespace postern::commands
