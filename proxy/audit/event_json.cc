// See event_json.h. Keys are written in the order of the contract: each function below adds its
// part of it, top to bottom, and skips what its event does not have. Appending to one string, with
// the keys as constants, costs a small part of what building a document first does.
#include "proxy/audit/event_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <functional>
#include <optional>
#include <utility>

#include "proxy/audit/json_text.h"
#include "proxy/audit/tls_names.h"

namespace postern::audit {

namespace {

constexpr std::size_t kMostListed = 64;  // entries of one list out of a ClientHello

// Each `key` below is `,"name":`, so that it is one copy. Only the first one of a line has no comma.
using Key = std::string_view;

void append_number(std::string& out, std::integral auto number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

void put_number(std::string& out, Key key, std::integral auto number) {
  out += key;
  append_number(out, number);
}

void put_flag(std::string& out, Key key, bool value) {
  out += key;
  out += value ? "true" : "false";
}

// A value that is unknown leaves no key.
void put_text(std::string& out, Key key, std::string_view text) {
  if (text.empty()) return;
  out += key;
  append_json_text(out, text);
}

void put_address(std::string& out, Key ip, Key port, const net::Address& address) {
  out += ip;
  out += '"';
  if (address.is_v4()) {
    const auto& octets = address.octets();
    std::array<char, 16> text;  // 255.255.255.255
    auto* at = text.data();
    for (std::size_t i = 12; i < octets.size(); ++i) {
      if (i > 12) *at++ = '.';
      at = std::to_chars(at, text.data() + text.size(), octets[i]).ptr;
    }
    out.append(text.data(), at);
  } else {
    out += address.ip();
  }
  out += '"';
  put_number(out, port, address.port());
}

// What every event begins with.
struct Head {
  Level level = Level::info;
  std::string_view action;
  std::string_view category;
  std::string_view outcome;
  std::string_view reason;
  std::optional<std::chrono::nanoseconds> duration;
};

Head head_of(const LoginEvent& event) {
  return {Level::info, "login",       "authentication", event.success ? "success" : "failure",
          "",          event.duration};
}
Head head_of(const LoginRefusedEvent& event) {
  return {Level::warn, "login-refused", "authentication", "failure", event.reason, std::nullopt};
}
Head head_of(const SessionEndEvent& event) {
  return {Level::info, "session-end", "session", "", event.reason, event.duration};
}
Head head_of(const SessionAbandonedEvent& event) {
  return {Level::info, "session-abandoned", "session", "", event.reason, std::nullopt};
}
Head head_of(const HandshakeEvent& event) {
  const bool is_failure = !event.reason.empty();
  if (event.reason == kSpliced) {
    return {Level::info, "tls-handshake", "network", "unknown", event.reason, std::nullopt};
  }
  return {is_failure ? Level::warn : Level::info, "tls-handshake", "network",
          is_failure ? "failure" : "success",     event.reason,    std::nullopt};
}
Head head_of(const SessionNotice& event) {
  if (event.is_served) {
    return {Level::info, event.action, "network", "success", event.reason, std::nullopt};
  }
  return {Level::warn, event.action, "network", "failure", event.reason, std::nullopt};
}
Head head_of(const NodeEvent& event) {
  return {Level::info, event.action, "process", "", "", std::nullopt};
}
Head head_of(const PolicyEvent& event) {
  return {Level::info, event.action, "configuration", "", event.reason, std::nullopt};
}
// A renewal that fails, and a certificate that has ended, want somebody to come.
Head head_of(const CertificateEvent& event) {
  const bool is_change = !event.outcome.empty();
  const auto level = event.outcome == "success" ? Level::info
                     : is_change                ? Level::error
                                                : Level::warn;
  return {level, event.action, "configuration", event.outcome, event.reason, std::nullopt};
}
Head head_of(const GapEvent& event) {
  return {Level::error, "audit-gap", "process", "", event.reason, std::nullopt};
}

Head head_of(const EventBody& body) {
  return std::visit([](const auto& event) { return head_of(event); }, body);
}

void put_session(std::string& out, const SessionPart& session) {
  put_text(out, R"(,"postern.session_id":)", session.id);
  put_text(out, R"(,"postern.listener":)", session.listener);
  put_text(out, R"(,"network.protocol":)", session.protocol);
  put_address(out, R"(,"source.ip":)", R"(,"source.port":)", session.source);
  if (session.forwarded_by) {
    put_text(out, R"(,"network.forwarded_ip":)", session.forwarded_by->ip());
  }
  put_address(out, R"(,"destination.ip":)", R"(,"destination.port":)", session.destination);
  if (session.server) {
    put_text(out, R"(,"postern.backend.name":)", session.server->name);
    put_address(out, R"(,"postern.backend.ip":)", R"(,"postern.backend.port":)",
                session.server->address);
    if (session.server->source_port != 0) {
      put_number(out, R"(,"postern.backend.source_port":)", session.server->source_port);
    }
  }
  if (session.server_tls) {
    put_text(out, R"(,"postern.backend.tls.version":)", session.server_tls->version);
    put_text(out, R"(,"postern.backend.tls.cipher":)", session.server_tls->cipher);
    put_flag(out, R"(,"postern.backend.tls.resumed":)", session.server_tls->resumed);
  }
  put_text(out, R"(,"postern.security":)", name_of(session.security));
  put_flag(out, R"(,"postern.starttls.offered":)", session.starttls_offered);
  put_flag(out, R"(,"postern.starttls.used":)", session.starttls_used);
  if (session.tls) {
    put_text(out, R"(,"tls.version":)", session.tls->version);
    put_text(out, R"(,"tls.cipher":)", session.tls->cipher);
    put_text(out, R"(,"tls.curve":)", session.tls->curve);
    put_flag(out, R"(,"tls.resumed":)", session.tls->resumed);
    put_text(out, R"(,"tls.next_protocol":)", session.tls->alpn);
  }
  if (session.certificate) {
    put_text(out, R"(,"tls.client.hash.sha256":)", session.certificate->sha256);
  }
}

template <typename Item, typename Name>
void put_list(std::string& out, Key key, const std::vector<Item>& items, Name name) {
  if (items.empty()) return;
  out += key;
  char separator = '[';
  for (std::size_t i = 0; i < std::min(items.size(), kMostListed); ++i) {
    out += std::exchange(separator, ',');
    append_json_text(out, name(items[i]));
  }
  out += ']';
}

void put_fingerprint(std::string& out, std::string_view ja4) {
  put_text(out, R"(,"tls.client.ja4":)", ja4);
}

void put_hello(std::string& out, const Hello& hello) {
  put_list(out, R"(,"tls.client.supported_versions":)", hello.versions, version_name);
  put_list(out, R"(,"tls.client.supported_ciphers":)", hello.ciphers, cipher_name);
  put_list(out, R"(,"tls.client.supported_groups":)", hello.groups, group_name);
  put_list(out, R"(,"tls.client.signature_algorithms":)", hello.signature_algorithms,
           signature_algorithm_name);
}

void put_rule(std::string& out, std::string_view rule) {
  put_text(out, R"(,"postern.policy.rule":)", rule);
}

void put_login(std::string& out, const LoginPart& login, std::string_view verdict,
               std::string_view rule) {
  put_text(out, R"(,"postern.auth.mechanism":)", login.mechanism);
  put_flag(out, R"(,"postern.auth.secret_exposed":)", login.secret_exposed);
  put_text(out, R"(,"postern.policy.verdict":)", verdict);
  put_rule(out, rule);
}

// Between the session's keys and what the client controls. The rule that opened a listener is named
// in every event; in that of a login the rule of its own verdict has that place.
void put_middle(std::string& out, const LoginEvent& event) {
  if (event.session.tls) put_fingerprint(out, event.session.tls->ja4);
  if (event.hello != nullptr) put_hello(out, *event.hello);
  put_login(out, event.login, event.verdict, event.rule);
}
void put_middle(std::string& out, const LoginRefusedEvent& event) {
  if (event.session.tls) put_fingerprint(out, event.session.tls->ja4);
  put_login(out, event.login, "refuse", event.rule);
}
void put_middle(std::string& out, const SessionEndEvent& event) {
  put_rule(out, event.session.opened_by);
  put_number(out, R"(,"bytes.in":)", event.bytes_in);
  put_number(out, R"(,"bytes.out":)", event.bytes_out);
}
void put_middle(std::string& out, const SessionAbandonedEvent& event) {
  put_rule(out, event.session.opened_by);
}
void put_middle(std::string& out, const HandshakeEvent& event) {
  if (!event.reason.empty()) {
    put_fingerprint(out, event.ja4);
    put_hello(out, event.hello);
    put_text(out, R"(,"postern.tls.needs":)", event.needs);
  } else if (event.session.tls) {
    put_fingerprint(out, event.session.tls->ja4);
  }
  put_rule(out, event.session.opened_by);
}
void put_middle(std::string& out, const SessionNotice& event) {
  put_rule(out, event.session.opened_by);
  put_text(out, R"(,"message":)", event.message);
}
void put_middle(std::string&, const NodeEvent&) {}
void put_middle(std::string& out, const PolicyEvent& event) { put_rule(out, event.rule); }
void put_middle(std::string& out, const CertificateEvent& event) {
  put_text(out, R"(,"file.path":)", event.file);
  put_list(out, R"(,"tls.server.x509.alternative_names":)", event.names, std::identity{});
  put_text(out, R"(,"tls.server.x509.serial_number":)", event.serial);
  if (event.not_after) {
    put_text(out, R"(,"tls.server.not_after":)",
             fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z",
                         std::chrono::floor<std::chrono::seconds>(*event.not_after)));
  }
  put_text(out, R"(,"message":)", event.message);
}
void put_middle(std::string& out, const GapEvent& event) {
  if (event.lost > 0) put_number(out, R"(,"postern.lost":)", event.lost);
}

void put_certificate(std::string& out, const ClientCertificate& certificate) {
  put_text(out, R"(,"tls.client.subject":)", certificate.subject);
  put_text(out, R"(,"tls.client.issuer":)", certificate.issuer);
  if (certificate.names.empty()) return;
  out += R"(,"tls.client.x509.alternative_names":)";
  char separator = '[';
  for (const auto& name : certificate.names) {
    out += std::exchange(separator, ',');
    append_json_text(out, name);
  }
  out += ']';
}

// DOMAIN\user: the domain has a key of its own.
void put_user(std::string& out, const LoginPart& login) {
  const std::string_view user = login.user;
  const auto backslash = user.find('\\');
  const bool has_domain =
      backslash != std::string_view::npos && backslash > 0 && backslash + 1 < user.size();
  put_text(out, R"(,"user.name":)", has_domain ? user.substr(backslash + 1) : user);
  if (has_domain) put_text(out, R"(,"user.domain":)", user.substr(0, backslash));
  put_text(out, R"(,"user.hash":)", login.user_hash);
  put_text(out, R"(,"user.effective.name":)", login.effective);
}

template <typename Body>
void put_client_text(std::string& out, const Body& event) {
  std::string_view server_name;
  if (event.session.tls) server_name = event.session.tls->server_name;
  if constexpr (std::same_as<Body, HandshakeEvent>) {
    if (!event.reason.empty()) server_name = event.server_name;
  }
  put_text(out, R"(,"tls.client.server_name":)", server_name);
  if (event.session.certificate) put_certificate(out, *event.session.certificate);
  if constexpr (requires { event.login; }) put_user(out, event.login);
  if constexpr (requires { event.last_command; }) {
    put_text(out, R"(,"postern.last_command":)", event.last_command);
  }
  if (!event.session.client_name.empty()) {
    put_text(out, R"(,"user_agent.original":)", event.session.client_name);
    put_text(out, R"(,"postern.client.source":)", event.session.client_named_by);
  }
}

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  __builtin_unreachable();
}

Level level_of(const EventBody& body) { return head_of(body).level; }

std::string_view action_of(const EventBody& body) { return head_of(body).action; }

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

LineWriter::LineWriter(const Observer& observer) {
  put_text(observer_, R"(,"observer.name":)", observer.name);
  put_text(observer_, R"(,"observer.version":)", observer.version);
}

// Taking a date apart costs more than the rest of a line, and many events share their second.
void LineWriter::append_time(std::string& out, WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != second_of_ || second_.empty()) {
    second_ = fmt::format("{:%Y-%m-%dT%H:%M:%S}", second);
    second_of_ = second;
  }
  const auto part = std::chrono::floor<std::chrono::milliseconds>(time - second).count();
  const auto digit = [part](long of) { return static_cast<char>('0' + part / of % 10); };
  const std::array<char, 5> rest = {'.', digit(100), digit(10), digit(1), 'Z'};
  out += second_;
  out.append(rest.data(), rest.size());
}

void LineWriter::append(std::string& out, const Event& event, std::uint64_t sequence,
                        std::string_view chain) {
  const auto head = head_of(event.body);
  out += R"({"@timestamp":")";
  append_time(out, event.time);
  out += R"(","log.level":")";
  out += name_of(head.level);
  out += '"';
  put_text(out, R"(,"event.action":)", head.action);
  put_text(out, R"(,"event.category":)", head.category);
  put_text(out, R"(,"event.outcome":)", head.outcome);
  put_text(out, R"(,"event.reason":)", head.reason);
  if (head.duration) put_number(out, R"(,"event.duration":)", head.duration->count());
  put_number(out, R"(,"event.sequence":)", sequence);
  out += observer_;
  put_text(out, R"(,"postern.chain":)", chain);
  std::visit(
      [&out](const auto& body) {
        if constexpr (requires { body.session; }) put_session(out, body.session);
        put_middle(out, body);
        if constexpr (requires { body.session; }) put_client_text(out, body);
      },
      event.body);
  out += "}\n";
}

}  // namespace postern::audit
