// See event_json.h. Keys are written in the order of the contract: each function below adds its
// part of it, top to bottom, and skips what its event does not have.
#include "proxy/audit/event_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/audit/tls_names.h"

namespace postern::audit {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostClientText = 256;  // octets of one client-controlled value
constexpr std::size_t kMostListed = 64;       // entries of one list out of a ClientHello

std::string time_text(WallTime time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", seconds, (milliseconds - seconds).count());
}

std::string_view name_of(Security security) {
  switch (security) {
    case Security::cleartext:
      return "cleartext";
    case Security::starttls:
      return "starttls";
    case Security::implicit:
      return "implicit";
  }
  __builtin_unreachable();
}

// Cuts text that a client controls; a character of several octets is not cut in two.
std::string bounded(std::string_view text) {
  if (text.size() <= kMostClientText) return std::string(text);
  auto end = kMostClientText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

void put_text(Json& json, const char* key, std::string_view text) {
  if (!text.empty()) json[key] = bounded(text);
}

// What every event begins with.
struct Head {
  std::string_view level = "info";
  std::string_view action;
  std::string_view category;
  std::string_view outcome;
  std::string_view reason;
  std::optional<std::chrono::nanoseconds> duration;
};

Head head_of(const LoginEvent& event) {
  return {"info", "login",       "authentication", event.success ? "success" : "failure",
          "",     event.duration};
}
Head head_of(const LoginRefusedEvent& event) {
  return {"warn", "login-refused", "authentication", "failure", event.reason, std::nullopt};
}
Head head_of(const SessionEndEvent& event) {
  return {"info", "session-end", "session", "", event.reason, event.duration};
}
Head head_of(const SessionAbandonedEvent& event) {
  return {"info", "session-abandoned", "session", "", event.reason, std::nullopt};
}
Head head_of(const HandshakeEvent& event) {
  const bool is_failure = !event.reason.empty();
  return {is_failure ? "warn" : "info",       "tls-handshake", "network",
          is_failure ? "failure" : "success", event.reason,    std::nullopt};
}
Head head_of(const SessionNotice& event) {
  return {"warn", event.action, "network", "failure", event.reason, std::nullopt};
}
Head head_of(const NodeEvent& event) {
  return {"info", event.action, "process", "", "", std::nullopt};
}
Head head_of(const PolicyEvent& event) {
  return {"info", event.action, "configuration", "", event.reason, std::nullopt};
}
Head head_of(const GapEvent& event) {
  return {"error", "audit-gap", "process", "", event.reason, std::nullopt};
}

const SessionPart* session_of(const EventBody& body) {
  return std::visit(
      [](const auto& event) -> const SessionPart* {
        if constexpr (requires { event.session; }) {
          return &event.session;
        } else {
          return nullptr;
        }
      },
      body);
}

void put_address(Json& json, const char* ip, const char* port, const net::Address& address) {
  json[ip] = address.ip();
  json[port] = address.port();
}

void put_session(Json& json, const SessionPart& session) {
  json["postern.session_id"] = session.id;
  json["postern.listener"] = session.listener;
  json["network.protocol"] = session.protocol;
  put_address(json, "source.ip", "source.port", session.source);
  put_address(json, "destination.ip", "destination.port", session.destination);
  if (session.server) {
    json["postern.backend.name"] = session.server->name;
    put_address(json, "postern.backend.ip", "postern.backend.port", session.server->address);
    json["postern.backend.source_port"] = session.server->source_port;
  }
  json["postern.security"] = name_of(session.security);
  json["postern.starttls.offered"] = session.starttls_offered;
  json["postern.starttls.used"] = session.starttls_used;
  if (session.tls) {
    put_text(json, "tls.version", session.tls->version);
    put_text(json, "tls.cipher", session.tls->cipher);
    put_text(json, "tls.curve", session.tls->curve);
    json["tls.resumed"] = session.tls->resumed;
    put_text(json, "tls.next_protocol", session.tls->alpn);
  }
}

void put_list(Json& json, const char* key, const std::vector<std::uint16_t>& numbers,
              std::string (*name)(std::uint16_t)) {
  if (numbers.empty()) return;
  auto list = Json::array();
  for (std::size_t i = 0; i < std::min(numbers.size(), kMostListed); ++i) {
    list.push_back(name(numbers[i]));
  }
  json[key] = std::move(list);
}

void put_login(Json& json, const LoginPart& login) {
  json["postern.auth.mechanism"] = login.mechanism;
  json["postern.auth.secret_exposed"] = login.secret_exposed;
}

// Between the session's keys and what the client controls.
void put_middle(Json& json, const LoginEvent& event) {
  put_login(json, event.login);
  json["postern.policy.verdict"] = event.verdict;
  json["postern.policy.rule"] = event.rule;
}
void put_middle(Json& json, const LoginRefusedEvent& event) {
  put_login(json, event.login);
  json["postern.policy.verdict"] = "refuse";
  json["postern.policy.rule"] = event.rule;
}
void put_middle(Json& json, const SessionEndEvent& event) {
  json["bytes.in"] = event.bytes_in;
  json["bytes.out"] = event.bytes_out;
}
void put_middle(Json&, const SessionAbandonedEvent&) {}
void put_middle(Json& json, const HandshakeEvent& event) {
  put_text(json, "tls.client.ja4", event.ja4);
  put_list(json, "tls.client.supported_versions", event.hello.versions, version_name);
  put_list(json, "tls.client.supported_ciphers", event.hello.ciphers, cipher_name);
  put_list(json, "tls.client.supported_groups", event.hello.groups, group_name);
  put_list(json, "tls.client.signature_algorithms", event.hello.signature_algorithms,
           signature_algorithm_name);
}
void put_middle(Json&, const SessionNotice&) {}
void put_middle(Json&, const NodeEvent&) {}
void put_middle(Json& json, const PolicyEvent& event) { json["postern.policy.rule"] = event.rule; }
void put_middle(Json& json, const GapEvent& event) { json["postern.lost"] = event.lost; }

// DOMAIN\user: the domain has a key of its own.
void put_user(Json& json, const LoginPart& login) {
  const auto backslash = login.user.find('\\');
  if (backslash != std::string::npos && backslash > 0 && backslash + 1 < login.user.size()) {
    put_text(json, "user.name", std::string_view(login.user).substr(backslash + 1));
    put_text(json, "user.domain", std::string_view(login.user).substr(0, backslash));
  } else {
    put_text(json, "user.name", login.user);
  }
  put_text(json, "user.hash", login.user_hash);
  put_text(json, "user.effective.name", login.effective);
}

void put_client_text(Json& json, const EventBody& body) {
  const auto* const session = session_of(body);
  if (const auto* failed = std::get_if<HandshakeEvent>(&body);
      failed != nullptr && !failed->reason.empty()) {
    put_text(json, "tls.client.server_name", failed->server_name);
  } else if (session != nullptr && session->tls) {
    put_text(json, "tls.client.server_name", session->tls->server_name);
  }
  if (const auto* login = std::get_if<LoginEvent>(&body)) put_user(json, login->login);
  if (const auto* refused = std::get_if<LoginRefusedEvent>(&body)) put_user(json, refused->login);
  if (const auto* end = std::get_if<SessionEndEvent>(&body)) {
    put_text(json, "postern.last_command", end->last_command);
  }
  if (const auto* abandoned = std::get_if<SessionAbandonedEvent>(&body)) {
    put_text(json, "postern.last_command", abandoned->last_command);
  }
  if (session != nullptr && !session->client_name.empty()) {
    put_text(json, "user_agent.original", session->client_name);
    json["postern.client.source"] = session->client_named_by;
  }
}

}  // namespace

std::string json_line(const Event& event, std::uint64_t sequence, const Observer& observer) {
  Json json;
  const auto head = std::visit([](const auto& body) { return head_of(body); }, event.body);
  json["@timestamp"] = time_text(event.time);
  json["log.level"] = head.level;
  json["event.action"] = head.action;
  json["event.category"] = head.category;
  put_text(json, "event.outcome", head.outcome);
  put_text(json, "event.reason", head.reason);
  if (head.duration) json["event.duration"] = head.duration->count();
  json["event.sequence"] = sequence;
  json["observer.name"] = observer.name;
  json["observer.version"] = observer.version;
  if (const auto* session = session_of(event.body)) put_session(json, *session);
  std::visit([&](const auto& body) { put_middle(json, body); }, event.body);
  put_client_text(json, event.body);
  // ASCII only, and octets that are no UTF-8 replaced: whatever a client sends, it stays one line
  // of valid JSON.
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace postern::audit
