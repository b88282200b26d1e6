// See session_world.h.
#include "test/proxy/session/session_world.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "proxy/audit/event_json.h"
#include "test/support/tls_contexts.h"
#include "tls/credentials.h"

namespace postern::test {

namespace {

// Fails a test, and stops a fuzzer.
void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

std::shared_ptr<const session::CurrentTls> make_tls(tls::OldVersions old_versions,
                                                    const tls::PemPair& pair,
                                                    const WorldOptions& asked = {}) {
  auto credentials = tls::Credentials::parse(pair.chain, pair.key, "chain", "key");
  require(credentials.ok(), "a certificate");
  tls::ServerOptions options;
  options.credentials = {*credentials};
  options.old_versions = old_versions;
  if (asked.client_authority) {
    options.client_certificates = tls::ClientCertificates::request;
    options.client_authority = asked.client_authority;
  }
  return serve_each_version(std::move(options));
}

}  // namespace

SessionWorld::SessionWorld(const WorldOptions& options)
    : remembered_(options.remembered ? options.remembered
                                     : std::make_shared<session::Remembered>()),
      service_(std::make_shared<session::Service>()),
      source_(*net::Address::parse(options.source, 50000)),
      forwarded_(options.forwarded) {
  static const auto pair = tls::make_throwaway_certificate({"mail.example.com"});
  static const auto usual = make_tls(tls::OldVersions::refuse, pair);
  static const auto explaining = make_tls(tls::OldVersions::accept, pair);
  auto settings = std::make_shared<conf::Settings>();
  conf::Listener listener;
  listener.name = "test";
  listener.tls_mode = options.mode;
  listener.logins.cleartext_login = options.cleartext_login;
  settings->listeners.push_back(listener);
  if (options.legacy_servers > 0) {
    settings->listeners.front().legacy_tls = conf::LegacyTls::splice;
  }
  if (options.adjust) options.adjust(*settings);
  const bool explains = settings->listeners.front().tls.old_tls == conf::OldTls::explain;
  service_->tls = explains ? explaining : usual;
  if (options.client_authority) {
    service_->tls = make_tls(tls::OldVersions::refuse, pair, options);
  }
  if (!options.key.chain.empty()) {
    service_->tls = make_tls(tls::OldVersions::refuse, options.key);
  }
  service_->settings = std::move(settings);
  service_->protocol = options.protocol;
  service_->options.hostname = "mail.example.com";
  service_->options.line_length = options.line_length;
  service_->backend.name = "old";
  service_->backend.security = options.security;
  service_->backend.protocol = options.protocol;
  service_->backend.hostname = "mail.example.com";
  service_->backend.connect_timeout = std::chrono::seconds(5);
  service_->backend.greeting_timeout = std::chrono::seconds(60);
  for (std::size_t i = 0; i < options.servers; ++i) {
    service_->backend.servers.push_back(
        *net::Address::parse("127.0.1." + std::to_string(i + 1), 143));
  }
  service_->legacy = service_->backend;
  service_->legacy.servers.clear();
  service_->legacy.greeting_timeout = service_->legacy.connect_timeout;
  for (std::size_t i = 0; i < options.legacy_servers; ++i) {
    service_->legacy.servers.push_back(
        *net::Address::parse("127.0.2." + std::to_string(i + 1), 993));
  }
}

SessionWorld::~SessionWorld() = default;

void SessionWorld::begin() {
  auto [stream, peer] = make_stream();
  client_ = peer;
  session::Host& host = *this;
  session_ = std::make_unique<session::Session>(host, service_, source_, std::move(stream), "id",
                                                forwarded_);
  session_->begin();
}

void SessionWorld::pass(net::Instant time) {
  clock_.advance(time);
  timers_.run(clock_.now());
}

void SessionWorld::settle() {
  while (take_turn() || sign()) {
  }
}

void SessionWorld::shake_hands(const TlsClientOptions& options) {
  tls_ = std::make_unique<TlsClient>(options);
  tls_->receive("");
  for (int flight = 0; flight < 4 && !tls_->failed(); ++flight) {
    const auto output = tls_->take_output();
    if (output.empty()) break;
    client_->send(output);
    settle();
    tls_->receive(client_->take());
  }
  require(tls_->connected(), "the handshake failed");
}

void SessionWorld::say_in_tls(std::string_view bytes) {
  tls_->send(bytes);
  client_->send(tls_->take_output());
}

std::string SessionWorld::hear_in_tls() {
  tls_->receive(client_->take());
  return tls_->take_received();
}

void SessionWorld::record(audit::Event event) {
  std::string& line = lines_.emplace_back();
  audit::LineWriter({"mail.example.com", "0"}).append(line, event, 1);
  recorded_.push_back(std::move(event));
}

const std::vector<std::string>& SessionWorld::events() const {
  while (events_.size() < lines_.size()) {
    const auto json = nlohmann::json::parse(lines_[events_.size()]);
    auto text = json["event.action"].get<std::string>();
    if (json.contains("event.outcome") && json["event.category"] == "authentication") {
      text += " " + json["event.outcome"].get<std::string>();
    }
    if (json.contains("event.reason")) text += " " + json["event.reason"].get<std::string>();
    events_.push_back(text);
  }
  return events_;
}

std::string SessionWorld::hash_text(std::string_view user) {
  return fmt::format("{:016x}", std::hash<std::string_view>()(user));
}

std::string SessionWorld::end_reason() const {
  std::string reason;
  for (const auto& event : events()) {
    constexpr std::string_view kEnd = "session-end ";
    if (!event.starts_with(kEnd)) continue;
    require(reason.empty(), "a session ends once");
    reason = event.substr(kEnd.size());
  }
  return reason;
}

}  // namespace postern::test
