// See import.h. A line becomes the same typed event that it was made from, so that what follows is
// the way of a live event.
#include "proxy/audit/inventory/import.h"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "proxy/audit/tls_names.h"

namespace postern::audit::inventory {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestLine = 64 << 10;
constexpr std::size_t kMostConstants = 1000;
constexpr std::size_t kBatchEvents = 10'000;

std::string text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

// "2026-11-24T20:00:00.123Z".
std::optional<WallTime> time_of(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !is_digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t size) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  using namespace std::chrono;
  const year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2))));
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(number(11, 2)) + minutes(number(14, 2)) + seconds(number(17, 2)) +
         milliseconds(number(20, 3));
}

// The numbers behind the names that `name` gives, the other way round.
using Numbers = std::unordered_map<std::string, std::uint16_t>;
Numbers numbers_of(std::string (*name)(std::uint16_t)) {
  Numbers numbers;
  for (std::uint32_t number = 0; number <= 0xffff; ++number) {
    const auto short_number = static_cast<std::uint16_t>(number);
    numbers.emplace(name(short_number), short_number);
  }
  return numbers;
}

std::vector<std::uint16_t> list(const Json& json, const char* key, const Numbers& numbers) {
  std::vector<std::uint16_t> out;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) return out;
  for (const auto& entry : *found) {
    if (!entry.is_string()) continue;
    const auto number = numbers.find(entry.get_ref<const std::string&>());
    if (number != numbers.end()) out.push_back(number->second);
  }
  return out;
}

Hello hello_of(const Json& json) {
  static const Numbers kVersions = numbers_of(version_name);
  static const Numbers kCiphers = numbers_of(cipher_name);
  static const Numbers kGroups = numbers_of(group_name);
  static const Numbers kSignatures = numbers_of(signature_algorithm_name);
  return {list(json, "tls.client.supported_versions", kVersions),
          list(json, "tls.client.supported_ciphers", kCiphers),
          list(json, "tls.client.supported_groups", kGroups),
          list(json, "tls.client.signature_algorithms", kSignatures)};
}

bool has_hello(const Json& json) {
  return json.contains("tls.client.supported_versions") ||
         json.contains("tls.client.supported_ciphers") ||
         json.contains("tls.client.supported_groups") ||
         json.contains("tls.client.signature_algorithms");
}

std::optional<Security> security_of(std::string_view name) {
  if (name == "cleartext") return Security::cleartext;
  if (name == "starttls") return Security::starttls;
  if (name == "implicit") return Security::implicit;
  if (name == "passthrough") return Security::passthrough;
  return std::nullopt;
}

LoginPart login_of(const Json& json) {
  LoginPart login;
  login.mechanism = text(json, "postern.auth.mechanism");
  login.secret_exposed = flag(json, "postern.auth.secret_exposed");
  login.user = text(json, "user.name");
  if (const auto domain = text(json, "user.domain"); !domain.empty()) {
    login.user = domain + "\\" + login.user;
  }
  login.user_hash = text(json, "user.hash");
  return login;
}

}  // namespace

std::optional<std::string_view> LineReader::constant(const std::string& text) {
  const auto known = constants_.find(text);
  if (known != constants_.end()) return *known;
  if (constants_.size() >= kMostConstants) return std::nullopt;
  return *constants_.insert(text).first;
}

std::variant<LineReader::Line, LineReader::Other> LineReader::read(std::string_view line) {
  const auto json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return Other::not_understood;
  const auto time = time_of(text(json, "@timestamp"));
  const auto action = text(json, "event.action");
  auto node = text(json, "observer.name");
  if (!time || action.empty() || node.empty()) return Other::not_understood;

  const auto reason = constant(text(json, "event.reason"));
  if (!reason) return Other::not_understood;
  const auto line_of = [&](EventBody body) {
    return Line{{*time, std::move(body)}, std::move(node)};
  };
  if (action == "start") return line_of(NodeEvent{"start"});
  if (action == "stop") return line_of(NodeEvent{"stop"});
  if (action == "audit-gap") {
    const auto lost = json.find("postern.lost");
    const bool is_known = lost != json.end() && lost->is_number_unsigned();
    return line_of(GapEvent{*reason, is_known ? lost->get<std::uint64_t>() : 0});
  }
  const bool is_handshake = action == "tls-handshake";
  if (action != "login" && action != "login-refused" && action != "session-abandoned" &&
      !(is_handshake && text(json, "event.outcome") != "success")) {
    return Other::not_wanted;
  }

  SessionPart session;
  session.listener = text(json, "postern.listener");
  const auto protocol = constant(text(json, "network.protocol"));
  const auto source = net::Address::parse(text(json, "source.ip"), 0);
  const auto security = security_of(text(json, "postern.security"));
  const auto named_by = constant(text(json, "postern.client.source"));
  if (session.listener.empty() || !protocol || !source || !security || !named_by) {
    return Other::not_understood;
  }
  session.protocol = *protocol;
  session.source = *source;
  session.security = *security;
  session.client_name = text(json, "user_agent.original");
  session.client_named_by = *named_by;
  if (action == "session-abandoned") {
    return line_of(
        SessionAbandonedEvent{std::move(session), *reason, text(json, "postern.last_command")});
  }
  const auto ja4 = text(json, "tls.client.ja4");
  if (is_handshake) {
    return line_of(HandshakeEvent{std::move(session), *reason, hello_of(json), ja4, ""});
  }

  if (json.contains("tls.version")) {
    session.tls.emplace();
    session.tls->version = text(json, "tls.version");
    session.tls->cipher = text(json, "tls.cipher");
    session.tls->curve = text(json, "tls.curve");
    session.tls->ja4 = ja4;
  }
  const auto rule = text(json, "postern.policy.rule");
  if (action == "login-refused") {
    return line_of(LoginRefusedEvent{std::move(session), login_of(json), *reason, rule});
  }
  LoginEvent event;
  event.session = std::move(session);
  event.login = login_of(json);
  event.success = text(json, "event.outcome") == "success";
  event.verdict = text(json, "postern.policy.verdict");
  event.rule = rule;
  if (has_hello(json)) event.hello = std::make_shared<const Hello>(hello_of(json));
  return line_of(std::move(event));
}

std::variant<std::unique_ptr<Import>, std::string> Import::begin(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return "is there already; import into a new file, and put that in its place";
  }
  auto lock = WriterLock::take(path);
  if (auto* failure = std::get_if<std::string>(&lock)) return std::move(*failure);
  return std::unique_ptr<Import>(new Import(path, std::move(std::get<WriterLock>(lock))));
}

void Import::take(std::string_view line) {
  ++counts_.lines;
  auto read = reader_.read(line);
  if (const auto* other = std::get_if<LineReader::Other>(&read)) {
    ++(*other == LineReader::Other::not_wanted ? counts_.not_wanted : counts_.not_understood);
    return;
  }
  const auto& [event, node] = std::get<LineReader::Line>(read);
  if (node_.empty()) node_ = node;
  pending_.add(event, node);
  ++counts_.taken;
}

std::optional<std::string> Import::write() {
  if (store_ == nullptr) {
    auto opened = Store::open(path_, node_);
    if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
    store_ = std::move(std::get<std::unique_ptr<Store>>(opened));
  }
  auto error = store_->write(pending_);
  pending_ = {};
  return error;
}

std::optional<std::string> Import::read(std::istream& log) {
  // Lines of any length, with a bounded memory: what is too long is no event.
  std::string line(kLongestLine, '\0');
  while (log.good()) {
    log.getline(line.data(), static_cast<std::streamsize>(line.size()));
    const auto size = static_cast<std::size_t>(log.gcount());
    if (log.bad() || (log.eof() && size == 0)) break;
    if (log.fail() && !log.eof()) {
      log.clear();
      log.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      ++counts_.lines;
      ++counts_.not_understood;
      continue;
    }
    // gcount() counts the newline, which is not stored.
    take(std::string_view(line.data(), log.eof() ? size : size - 1));
    if (pending_.events >= kBatchEvents) {
      if (auto error = write()) return error;
    }
  }
  return write();
}

}  // namespace postern::audit::inventory
