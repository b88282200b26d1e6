// See rollup.h. Keys are built in one string each: this runs for every login.
#include "proxy/audit/inventory/rollup.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "proxy/audit/json_text.h"

namespace postern::audit::inventory {

namespace {

constexpr std::size_t kMostListed = 64;  // entries of one list out of a ClientHello, as in lines
constexpr std::size_t kUsualKey = 256;

std::int64_t milliseconds(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

bool is_plain(char c) { return static_cast<unsigned char>(c - 1) < 0x7f; }

// Appends text that a client controls as the log's lines have it, read back: valid UTF-8, bounded;
// and without NUL, which ends columns. Once more over its own result it changes nothing.
void append_text(std::string& out, std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out += text.substr(0, kMostText);
    return;
  }
  std::string json;
  append_json_text(json, text);
  auto read_back = nlohmann::json::parse(json, nullptr, false).get<std::string>();
  std::replace(read_back.begin(), read_back.end(), kEndOfColumn, '?');
  out += read_back;
}

class Key {
 public:
  explicit Key(std::int64_t time) {
    out_.reserve(kUsualKey);
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(time)).count();
    fmt::format_to(std::back_inserter(out_), "{}", day);
    end_column();
  }
  Key& add(std::string_view text) {
    append_text(out_, text);
    return end_column();
  }
  // DOMAIN\user: events bound both parts by themselves.
  Key& add_user(std::string_view user) {
    const auto backslash = user.find('\\');
    if (backslash != std::string_view::npos && backslash > 0 && backslash + 1 < user.size()) {
      append_text(out_, user.substr(0, backslash));
      out_ += '\\';
      user.remove_prefix(backslash + 1);
    }
    return add(user);
  }
  Key& add(const net::Address& address) {
    if (address.is_v4()) {
      const auto& octets = address.octets();
      fmt::format_to(std::back_inserter(out_), "{}.{}.{}.{}", octets[12], octets[13], octets[14],
                     octets[15]);
    } else {
      auto network = address.octets();
      std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
      std::array<char, INET6_ADDRSTRLEN> text{};
      inet_ntop(AF_INET6, network.data(), text.data(), text.size());
      out_ += text.data();
      out_ += "/64";
    }
    return end_column();
  }
  std::string take() { return std::move(out_); }

 private:
  Key& end_column() {
    out_ += kEndOfColumn;
    return *this;
  }
  std::string out_;
};

// Widens what was seen from when to when.
template <typename Seen>
void see(Seen& seen, std::int64_t time, bool is_new) {
  seen.first_seen = is_new ? time : std::min(seen.first_seen, time);
  seen.last_seen = is_new ? time : std::max(seen.last_seen, time);
}

Tally& row(Rows& rows, Key key, std::int64_t time) {
  const auto [found, is_new] = rows.try_emplace(key.take());
  see(found->second, time, is_new);
  return found->second;
}

bool is_grease(std::uint16_t number) {
  return (number & 0x0f0f) == 0x0a0a && (number >> 8) == (number & 0xff);
}

std::string list_text(std::span<const std::uint16_t> numbers) {
  std::string out = "[";
  for (const auto number : numbers.first(std::min(numbers.size(), kMostListed))) {
    if (is_grease(number)) continue;
    if (out.size() > 1) out += ',';
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  return out + "]";
}

enum class Source { login, failed_handshake };

void add_fingerprint(Rollup& rollup, std::string_view ja4, const Hello* hello, Source source,
                     std::int64_t time) {
  if (ja4.empty()) return;
  std::string key;
  append_text(key, ja4);
  const auto [found, is_new] = rollup.fingerprints.try_emplace(std::move(key));
  auto& fingerprint = found->second;
  see(fingerprint, time, is_new);
  if (hello == nullptr) return;
  fingerprint.is_of_login |= source == Source::login;
  if (!fingerprint.versions.empty()) return;
  fingerprint.versions = list_text(hello->versions);
  fingerprint.ciphers = list_text(hello->ciphers);
  fingerprint.curves = list_text(hello->groups);
  fingerprint.signature_algorithms = list_text(hello->signature_algorithms);
}

Tally& login_row(Rollup& rollup, const SessionPart& session, const LoginPart& login,
                 std::string_view rule, std::int64_t time) {
  static const Tls kNoTls{};
  const auto& tls = session.tls ? *session.tls : kNoTls;
  Key key(time);
  if (login.user_hash.empty()) {
    key.add_user(login.user).add("0");
  } else {
    key.add(login.user_hash).add("1");
  }
  key.add(session.listener)
      .add(session.source)
      .add(session.client_name)
      .add(session.client_name.empty() ? std::string_view() : session.client_named_by)
      .add(session.protocol)
      .add(name_of(session.security))
      .add(tls.version)
      .add(tls.cipher)
      .add(tls.curve)
      .add(tls.ja4)
      .add(login.mechanism)
      .add(rule);
  return row(rollup.logins, std::move(key), time);
}

// The functions below are one for each kind of event; those that are not for the inventory give
// false.

bool add_body(Rollup& rollup, const LoginEvent& event, std::int64_t time, std::string_view) {
  auto& [successes, failures, refused, warned, exposed] =
      login_row(rollup, event.session, event.login, event.rule, time).counts;
  ++(event.success ? successes : failures);
  if (event.success && event.verdict == "warn") ++warned;
  if (event.login.secret_exposed) ++exposed;
  if (event.session.tls) {
    add_fingerprint(rollup, event.session.tls->ja4, event.hello.get(), Source::login, time);
  }
  return true;
}

bool add_body(Rollup& rollup, const LoginRefusedEvent& event, std::int64_t time, std::string_view) {
  auto& [successes, failures, refused, warned, exposed] =
      login_row(rollup, event.session, event.login, event.rule, time).counts;
  ++refused;
  if (event.login.secret_exposed) ++exposed;
  if (event.session.tls) {
    add_fingerprint(rollup, event.session.tls->ja4, nullptr, Source::login, time);
  }
  return true;
}

bool add_body(Rollup& rollup, const SessionAbandonedEvent& event, std::int64_t time,
              std::string_view) {
  Key key(time);
  key.add(event.session.listener)
      .add(event.session.source)
      .add(name_of(event.session.security))
      .add(event.last_command)
      .add(event.reason);
  ++row(rollup.abandoned, std::move(key), time).counts[0];
  return true;
}

bool add_body(Rollup& rollup, const HandshakeEvent& event, std::int64_t time, std::string_view) {
  if (event.reason.empty()) return false;
  Key key(time);
  key.add(event.session.listener).add(event.session.source).add(event.reason).add(event.ja4);
  ++row(rollup.handshake_failures, std::move(key), time).counts[0];
  add_fingerprint(rollup, event.ja4, &event.hello, Source::failed_handshake, time);
  return true;
}

bool add_body(Rollup& rollup, const NodeEvent& event, std::int64_t time, std::string_view node) {
  if (event.action != "start" && event.action != "stop") return false;
  rollup.run_marks.push_back({event.action == "start" ? RunMark::Kind::start : RunMark::Kind::stop,
                              time, std::string(node)});
  return true;
}

bool add_body(Rollup& rollup, const GapEvent& event, std::int64_t time, std::string_view node) {
  rollup.gaps.push_back(
      {time, std::string(node), std::string(event.reason), static_cast<std::int64_t>(event.lost)});
  return true;
}

bool add_body(Rollup&, const SessionEndEvent&, std::int64_t, std::string_view) { return false; }
bool add_body(Rollup&, const SessionNotice&, std::int64_t, std::string_view) { return false; }
bool add_body(Rollup&, const PolicyEvent&, std::int64_t, std::string_view) { return false; }
bool add_body(Rollup&, const CertificateEvent&, std::int64_t, std::string_view) { return false; }

}  // namespace

bool is_for_inventory(const Event& event) {
  const auto& body = event.body;
  if (const auto* handshake = std::get_if<HandshakeEvent>(&body)) return !handshake->reason.empty();
  return !std::holds_alternative<SessionEndEvent>(body) &&
         !std::holds_alternative<SessionNotice>(body) &&
         !std::holds_alternative<PolicyEvent>(body) &&
         !std::holds_alternative<CertificateEvent>(body);
}

void Rollup::add(const Event& event, std::string_view node) {
  const auto time = milliseconds(event.time);
  const bool is_taken =
      std::visit([&](const auto& body) { return add_body(*this, body, time, node); }, event.body);
  if (is_taken) ++events;
}

}  // namespace postern::audit::inventory
