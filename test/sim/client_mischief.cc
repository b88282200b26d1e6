// Clients that are broken, impatient or hostile. See mischief.h.
#include <algorithm>
#include <string>
#include <vector>

#include "test/sim/base64.h"
#include "test/sim/mischief.h"

namespace postern::sim {

using protocols::Protocol;

namespace {

bool is_smtp(const Plan& plan) {
  return plan.protocol == Protocol::smtp || plan.protocol == Protocol::submission;
}

bool is_tls(const Op& op) {
  return op.kind == Op::Kind::start_tls || op.kind == Op::Kind::glued_tls;
}

Script::iterator find_tls(Script& script) {
  return std::find_if(script.begin(), script.end(), is_tls);
}

// Commands that must come to nothing when they stand behind STARTTLS.
std::string injected(const Plan& plan) {
  const auto& mark = plan.marks.before;
  switch (plan.protocol) {
    case Protocol::imap:
      return "x1 LOGIN " + mark + " b\r\nx2 SELECT " + mark + "\r\n";
    case Protocol::pop3:
      return "USER " + mark + "\r\nPASS " + mark + "\r\n";
    default:
      return "EHLO " + mark + "\r\nMAIL FROM:<a@" + mark + ">\r\nRCPT TO:<b@" + mark +
             ">\r\nDATA\r\n" + mark + "\r\n.\r\n";
  }
}

// A record that looks like TLS.
std::string record(Random& random) {
  std::string bytes("\x16\x03\x01", 3);
  const auto size = random.between(1, 600);
  bytes += static_cast<char>(size >> 8);
  bytes += static_cast<char>(size);
  for (std::uint64_t i = 0; i < size; ++i) bytes += static_cast<char>(random.next());
  return bytes;
}

std::string noise(Random& random) {
  std::string bytes;
  for (auto left = random.between(1, 300); left > 0; --left) {
    bytes += static_cast<char>(random.next());
  }
  return bytes;
}

// All that was to be said is said at once, nothing is waited for; TLS stays where it was.
void pipeline(Random&, Plan& plan) {
  Script script;
  for (auto& op : plan.client) {
    if (op.kind == Op::Kind::hear || op.kind == Op::Kind::reply) continue;
    const bool joins =
        op.kind == Op::Kind::say && !script.empty() && script.back().kind == Op::Kind::say;
    if (joins) {
      script.back().text += op.text;
    } else {
      script.push_back(op);
    }
  }
  plan.client = script;
}

// Something stands behind STARTTLS, in the same segment or in a later one, or in the midst of it.
void inject(Random& random, Plan& plan) {
  auto& script = plan.client;
  auto tls = find_tls(script);
  if (tls == script.end()) return pipeline(random, plan);
  if (tls->kind == Op::Kind::glued_tls) {
    if (random.one_in(2)) {
      tls->text += injected(plan);  // clear text between the line and the ClientHello
      return;
    }
    const auto upgrade = *tls;
    const auto place = tls - script.begin();
    *tls = say(upgrade.text);
    tls = script.insert(script.begin() + place + 1, only(Op::Kind::start_tls));
  }
  const auto place = tls - script.begin();
  // The command stands before the TLS, and its answer between them.
  const auto command = std::find_if(std::make_reverse_iterator(tls), script.rend(),
                                    [](const Op& op) { return op.kind == Op::Kind::say; });
  if (command == script.rend()) {
    script.insert(script.begin() + place, say(injected(plan)));
    return;
  }
  auto& text = command->text;
  const auto later = script.begin() + place;
  switch (random.below(5)) {
    case 0:
      text += injected(plan);
      break;
    case 1:
      script.insert(later, say(injected(plan)));
      break;
    case 2: {  // within the CRLF
      text.pop_back();
      const auto index = script.size() - static_cast<std::size_t>(command - script.rbegin());
      script.insert(script.begin() + static_cast<std::ptrdiff_t>(index),
                    {wait(1000), say("\n" + injected(plan))});
      break;
    }
    case 3:
      text = text.substr(0, text.size() - 2) + "\n" + injected(plan);
      break;
    default:
      text += random.one_in(2) ? std::string(1, '\0') : text;
      break;
  }
}

// The handshake goes wrong.
void spoil_handshake(Random& random, Plan& plan) {
  auto& script = plan.client;
  const auto tls = find_tls(script);
  if (tls == script.end()) {
    insert(random, script, {.kind = Op::Kind::raw, .text = record(random)});
    return;
  }
  if (tls->kind == Op::Kind::glued_tls) {
    tls->text += random.one_in(2) ? record(random) : noise(random);
    return;
  }
  const auto place = tls - script.begin();
  switch (random.below(6)) {
    case 0:
      *tls = {.kind = Op::Kind::raw, .text = record(random)};
      break;
    case 1:
      *tls = {.kind = Op::Kind::raw, .text = noise(random)};
      break;
    case 2:  // half a record
      *tls = {.kind = Op::Kind::raw, .text = record(random).substr(0, 5)};
      script.insert(script.begin() + place + 1, only(Op::Kind::stall));
      break;
    case 3:
      plan.tls.trusts_server = false;
      plan.tls.session = nullptr;
      break;
    case 4:
      plan.tls.max_version = plan.tls.min_version =
          static_cast<std::uint16_t>(random.between(0x0301, 0x0302));
      plan.tls.session = nullptr;
      if (random.one_in(2)) plan.settings.listeners.front().tls.old_tls = conf::OldTls::explain;
      break;
    default:
      *tls = only(Op::Kind::stall);
      break;
  }
}

// Junk where TLS is up, or clear text goes.
void babble(Random& random, Plan& plan) {
  const auto bytes = random.one_in(2) ? noise(random) : record(random);
  insert(random, plan.client, {.kind = Op::Kind::raw, .text = bytes});
}

// TLS at once, whatever the port is.
void begin_with_tls(Random&, Plan& plan) {
  plan.client.insert(plan.client.begin(), only(Op::Kind::start_tls));
  plan.begins_in_tls = plan.mode == conf::TlsMode::automatic;
}

void say_wrong_lines(Random& random, Plan& plan) {
  const std::vector<std::string> lines = {"NOOP\n",
                                          "NOOP\rNOOP\r\n",
                                          std::string("NO\0OP\r\n", 7),
                                          "\r\n",
                                          " \r\n",
                                          "x NOOP\n",
                                          "STARTTLS now\r\n",
                                          "STLS now\r\n",
                                          "x STARTTLS now\r\n",
                                          "STARTTLS\r\n",
                                          "STLS\r\n",
                                          "x STARTTLS\r\n",
                                          "x LOGIN {99999999}\r\n",
                                          "x LOGIN {99999999+}\r\n",
                                          "BDAT 5\r\n",
                                          "BDAT 99999999999999999999\r\n",
                                          "XCLIENT ADDR=127.0.0.1\r\n",
                                          "*\r\n",
                                          "AUTH\r\n",
                                          "x AUTHENTICATE\r\n",
                                          "\r\n.\r\n",
                                          "x NOOP {3}\r\n",
                                          "x NOOP {3+}\r\nabc\r\n"};
  for (auto left = random.between(1, 3); left > 0; --left) {
    insert(random, plan.client, say(random.one_of(lines)));
  }
}

void say_too_much(Random& random, Plan& plan) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += is_smtp(plan) ? "VRFY x\r\n" : "STLS x\r\n";
  switch (random.below(4)) {
    case 0:
      return insert(random, plan.client, say(many));
    case 1:
      plan.client.insert(plan.client.begin() + (random.one_in(2) ? 0 : 1), say(many));
      return;
    case 2:  // a line without an end
      return insert(random, plan.client,
                    {.kind = Op::Kind::flood, .text = "x", .out = {.size = 300'000}});
    default:  // commands without an end
      return insert(
          random, plan.client,
          {.kind = Op::Kind::flood,
           .text = is_smtp(plan) ? "NOOP\r\n" : "x NOOP\r\n",
           .out = {.size = random.between(1'000, random.one_in(4) ? 1'500'000 : 200'000)}});
  }
}

// Every way to log in, wherever it stands: in clear too.
void log_in(Random& random, Plan& plan) {
  const auto& marks = plan.marks;
  std::vector<std::string> ways;
  switch (plan.protocol) {
    case Protocol::imap: {
      const auto size = std::to_string(marks.secret.size());
      ways = {
          "l LOGIN " + marks.user + " " + marks.secret + "\r\n",
          "l LOGIN " + marks.user + " {" + size + "+}\r\n" + marks.secret + "\r\n",
          "l LOGIN {" + std::to_string(marks.user.size()) + "+}\r\n" + marks.user + " {" + size +
              "}\r\n" + marks.secret + "\r\n",
          "l LOGIN {" + std::to_string(marks.user.size()) + "}\r\n" + marks.user + " " +
              marks.secret + "\r\n",
          "l AUTHENTICATE PLAIN " + marks.secret_plain + "\r\n",
          "l AUTHENTICATE PLAIN\r\n" + marks.secret_plain + "\r\n",
          "l AUTHENTICATE LOGIN\r\n" + base64(marks.user) + "\r\n" + marks.secret_base64 + "\r\n"};
      break;
    }
    case Protocol::pop3:
      ways = {"USER " + marks.user + "\r\nPASS " + marks.secret + "\r\n",
              "PASS " + marks.secret + "\r\n", "AUTH PLAIN " + marks.secret_plain + "\r\n",
              "AUTH PLAIN\r\n" + marks.secret_plain + "\r\n",
              "AUTH LOGIN\r\n" + base64(marks.user) + "\r\n" + marks.secret_base64 + "\r\n"};
      break;
    default:
      ways = {"AUTH PLAIN " + marks.secret_plain + "\r\n",
              "AUTH PLAIN\r\n" + marks.secret_plain + "\r\n",
              "AUTH LOGIN\r\n" + base64(marks.user) + "\r\n" + marks.secret_base64 + "\r\n",
              "EHLO x\r\nAUTH PLAIN " + marks.secret_plain + "\r\n"};
      break;
  }
  // Not into a message, whose text may be anything.
  const auto mail = std::find_if(plan.client.begin(), plan.client.end(), [](const Op& op) {
    return op.kind == Op::Kind::say_body || op.text.starts_with("MAIL");
  });
  const auto places = static_cast<std::uint64_t>(mail - plan.client.begin()) + 1;
  for (auto left = random.between(1, 3); left > 0; --left) {
    plan.client.insert(plan.client.begin() + static_cast<std::ptrdiff_t>(random.below(places)),
                       say(random.one_of(ways)));
  }
}

// A message with newlines that some servers take for its end.
void smuggle(Random& random, Plan& plan) {
  const auto& mark = plan.marks.user;
  const std::vector<std::string> texts = {
      "a\n.\r\nMAIL FROM:<" + mark + ">\r\n", "a\r\n.\nMAIL FROM:<" + mark + ">\r\n",
      "a\r.\r\nRCPT TO:<" + mark + ">\r\n", std::string("a\r\n\0.\r\n", 7), "a\n"};
  plan.client_trust = Trust::nothing;
  if (is_smtp(plan)) {
    const auto body = std::find_if(plan.client.begin(), plan.client.end(),
                                   [](const Op& op) { return op.kind == Op::Kind::say_body; });
    if (body != plan.client.end()) {
      plan.client.insert(body + (random.one_in(2) ? 1 : 0), say(random.one_of(texts)));
      return;
    }
  }
  insert(random, plan.client, say(random.one_of(texts)));
}

// A mechanism that may agree on a security layer, and then the layer.
void agree_on_layer(Random& random, Plan& plan) {
  if (!is_smtp(plan) || plan.backends.empty()) return log_in(random, plan);
  const auto quit = std::find_if(plan.client.begin(), plan.client.end(),
                                 [](const Op& op) { return op.text == "QUIT\r\n"; });
  if (quit == plan.client.end()) return log_in(random, plan);
  auto& backend = plan.backends.back().script;
  const auto there = std::find_if(backend.begin(), backend.end(),
                                  [](const Op& op) { return op.text == "QUIT\r\n"; });
  if (there == backend.end()) return log_in(random, plan);
  plan.client.insert(quit, {say("AUTH GSSAPI\r\n"), hear("334 \r\n"), say("dG9rZW4=\r\n"),
                            hear("235 in\r\n"), say(std::string("\0\0\0\4abcd", 8))});
  backend.insert(
      there, {hear("AUTH GSSAPI\r\n"), say("334 \r\n"), hear("dG9rZW4=\r\n"), say("235 in\r\n")});
}

// Hears nothing for a time, or ever, while it goes on.
void be_deaf(Random& random, Plan& plan) {
  insert(random, plan.client, only(Op::Kind::deaf));
  if (random.one_in(2)) plan.client.push_back(only(Op::Kind::stall));
  if (random.one_in(2)) {
    plan.client.push_back(wait(static_cast<Moment>(random.below(90'000'000))));
    plan.client.push_back(only(Op::Kind::listening));
  }
  std::erase_if(plan.client, [&](const Op& op) {
    return (op.kind == Op::Kind::hear || op.kind == Op::Kind::reply) && random.one_in(2);
  });
}

// Its TLS is too old, which it is told in words.
void be_old(Random& random, Plan& plan) {
  plan.tls.max_version = plan.tls.min_version =
      static_cast<std::uint16_t>(random.between(0x0301, 0x0302));
  plan.tls.session = nullptr;
  plan.tls.algorithms.clear();
  plan.settings.listeners.front().tls.old_tls = conf::OldTls::explain;
}

void break_client_off(Random& random, Plan& plan) { break_off(random, plan.client); }

struct Way {
  std::string_view name;
  void (*spoil)(Random&, Plan&);
};
constexpr std::array<Way, 13> kWays = {{{"client breaks off", break_client_off},
                                        {"client pipelines", pipeline},
                                        {"client injects", inject},
                                        {"client spoils handshake", spoil_handshake},
                                        {"client babbles", babble},
                                        {"client begins with TLS", begin_with_tls},
                                        {"client says wrong lines", say_wrong_lines},
                                        {"client says too much", say_too_much},
                                        {"client logs in everywhere", log_in},
                                        {"client smuggles", smuggle},
                                        {"client agrees on layer", agree_on_layer},
                                        {"client is old", be_old},
                                        {"client is deaf", be_deaf}}};

}  // namespace

void spoil_client(Random& random, Plan& plan) {
  trust_nobody(plan);
  const auto& way = random.one_of(kWays);
  plan.name = way.name;
  way.spoil(random, plan);
  plan.is_garbled = way.spoil == say_wrong_lines;
  if (random.one_in(6)) {
    random.one_of(kWays).spoil(random, plan);
    plan.is_garbled = true;
  }
  // The user is refused by a rule, though others may log in.
  if (random.one_in(4) && plan.opened_by.empty()) {
    auto& settings = plan.settings;
    settings.rules.clear();
    auto& rule = settings.rules.emplace_back();
    rule.name = "refused user";
    rule.users = {plan.marks.user};
    rule.logins.cleartext_login = conf::CleartextLogin::refuse;
    settings.listeners.front().logins = {};
    settings.listeners.front().logins.cleartext_login = conf::CleartextLogin::observe;
    // Garbled logins name nobody, so their secrets may pass.
    plan.clear_logins = ClearLogins::allowed;
  }
}

}  // namespace postern::sim
