// Rules against each other and against listeners, whole messages each.
#include "conf/check_rules.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

constexpr const char* kBackends = "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n";
constexpr const char* kCertificates = "certificates: [{chain: a.pem, key: a.key}]\n";

struct Row {
  std::string listener;  // keys besides name, address and backend; "" for `kOptional`
  std::vector<std::string> rules = {};
  std::size_t wrong = 0;     // which rule the message is for; behind the last: the listener
  std::string at = "";       // where in it; the first one
  std::string message = "";  // "" for none at all
};

constexpr const char* kOptional = "protocol: imap, tls: optional, cleartext_login: warn";

std::string listener_line(const std::string& keys) {
  return "  - {name: in, address: \"0.0.0.0:143\", backend: ex, " +
         (keys.empty() ? kOptional : keys) + "}";
}

// The rules begin on line 4.
void require(const Row& row, const std::string& certificates = kCertificates) {
  std::string text = kBackends + certificates + "rules:" + (row.rules.empty() ? " []" : "") + "\n";
  std::vector<std::string> lines;
  for (const auto& rule : row.rules) lines.push_back("  - {" + rule + "}");
  lines.push_back(listener_line(row.listener));
  for (std::size_t i = 0; i < row.rules.size(); ++i) text += lines[i] + "\n";
  text += "listeners:\n" + lines.back() + "\n";
  std::string expected;
  if (!row.message.empty()) {
    const std::string& line = lines[row.wrong];
    const std::size_t column = line.find(row.at);
    const std::size_t number =
        (certificates.empty() ? 3 : 4) + row.wrong + (row.wrong == row.rules.size() ? 1 : 0);
    REQUIRE(column != std::string::npos);
    expected = "p.yaml:" + std::to_string(number) + ":" + std::to_string(column + 1) + ": " +
               row.message + "\n" + line + "\n" + std::string(column, ' ') + "^\n";
  }
  INFO(text);
  REQUIRE(faults(text) == expected);
}

}  // namespace

TEST_CASE("a rule's name is its own, and not the word for no rule") {
  require({"",
           {"name: a, users: [u], cleartext_login: observe",
            "name: a, users: [v], cleartext_login: observe"},
           1,
           "a,",
           "rule `a` stands on line 4 already; expected a name of its own"});
  require({"",
           {"name: listener, cleartext_login: observe"},
           0,
           "listener",
           "a rule named `listener`; expected another name: events say so where no rule matched"});
}

TEST_CASE("a rule names listeners that exist; the nearest is offered") {
  require({"",
           {"name: a, listeners: [in, inn], cleartext_login: observe"},
           0,
           "inn",
           "no listener `inn`; did you mean `in`?"});
  require({"",
           {"name: a, listeners: [elsewhere], cleartext_login: observe"},
           0,
           "elsewhere",
           "no listener `elsewhere`; expected the name of one of `listeners`"});
  require({"", {"name: a, listeners: [in], cleartext_login: observe"}});
}

TEST_CASE("a listener whose name is not valid may be the one that a rule means") {
  REQUIRE(faults(std::string(kBackends) +
                 "rules: [{name: a, listeners: [b], cleartext_login: warn}]\nlisteners: [{name: b "
                 "c, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex}]\n")
              .find("no listener") == std::string::npos);
}

TEST_CASE("what holds from the first byte on cannot stand in a rule for users") {
  for (const std::string key : {"tls: required", "min_version: 1.0", "profile: modern",
                                "profile: legacy", "bare_newlines: pass"})
    require({"protocol: submission, tls: optional",
             {"name: a, users: [u], " + key},
             0,
             key.substr(key.find(' ') + 1),
             "`" + key.substr(0, key.find(':')) +
                 "` with `users` can never act: it holds before a name is known; expected it in a "
                 "rule without `users`"});
}

TEST_CASE("a rule's min_version above its listener's max_version") {
  require({"protocol: imap, tls: optional, max_version: 1.2",
           {"name: a, min_version: 1.3"},
           0,
           "1.3",
           "min_version is above max_version of listener `in`; expected one that is not "
           "above it"});
  require({"protocol: imap, tls: optional, max_version: 1.3", {"name: a, min_version: 1.3"}});
  require({"", {"name: a, min_version: 1.2"}});
}

TEST_CASE("a rule's tls that cannot change anything never acts") {
  for (const std::string mode : {"required", "optional", "none"})
    require({"protocol: imap, tls: implicit",
             {"name: a, tls: " + mode},
             0,
             mode,
             "warning: tls never acts: TLS begins at once on its listeners"});
  require({"protocol: imap, tls: none, cleartext_login: warn",
           {"name: a, tls: none"},
           0,
           "none",
           "warning: tls never acts: its listeners have no TLS"});
  require({"protocol: imap, tls: none, cleartext_login: warn", {"name: a, tls: required"}});
  require({"", {"name: a, tls: none"}});
}

TEST_CASE("a rule's tls required on an auto listener that does not wait takes no TLS at once") {
  for (const std::string wait : {"", ", auto_wait: 1ms"})
    require({"protocol: imap, tls: auto" + wait, {"name: a, tls: required"}});
  for (const std::string mode : {"optional", "none"})
    require({"protocol: imap, tls: auto, auto_wait: 0ms", {"name: a, tls: " + mode}});
  require({"protocol: imap, tls: auto, auto_wait: 0ms",
           {"name: a, tls: required"},
           0,
           "required",
           "warning: `tls: required` takes no TLS from the first byte on listener `in`, which "
           "greets at "
           "once with `auto_wait: 0ms`; expected a longer auto_wait there"});
}

TEST_CASE("a rule's min_version and bare_newlines where there is no TLS and no mail") {
  require({"protocol: imap, tls: none, cleartext_login: warn",
           {"name: a, min_version: 1.3"},
           0,
           "1.3",
           "warning: min_version never acts: its clients have no TLS"});
  require({"protocol: imap, tls: none, cleartext_login: warn",
           {"name: a, min_version: 1.3, tls: optional"}});
  require({"",
           {"name: a, bare_newlines: pass"},
           0,
           "pass",
           "warning: bare_newlines never acts outside smtp and submission"});
}

TEST_CASE("a rule about clear logins where none can come never acts") {
  const std::string message = " never acts: no login comes without TLS there";
  for (const std::string mode : {"implicit", "required"}) {
    const std::string listener = "protocol: imap, tls: " + mode;
    require({listener,
             {"name: a, cleartext_login: observe"},
             0,
             "observe",
             "warning: cleartext_login" + message});
    require({listener,
             {"name: a, users: [u], refuse_from: 2027-01-01"},
             0,
             "2027",
             "warning: refuse_from" + message});
    require({listener, {"name: a, refuse_share: 5%"}, 0, "5%", "warning: refuse_share" + message});
  }
  require({"",
           {"name: a, tls: required, cleartext_login: observe"},
           0,
           "observe",
           "warning: cleartext_login" + message});
  require({"protocol: imap, tls: required",
           {"name: a, tls: optional, from: [192.0.2.7], cleartext_login: observe"}});
}

TEST_CASE("a rule for users acts where another one opens the listener") {
  require({"protocol: imap, tls: required",
           {"name: a, users: [u], cleartext_login: observe",
            "name: b, tls: optional, from: [192.0.2.7]"}});
}

TEST_CASE("dates and shares where clear logins are refused anyway never act") {
  const std::string with = " never acts with `cleartext_login: refuse`";
  require({"",
           {"name: a, cleartext_login: refuse, refuse_from: 2027-01-01"},
           0,
           "2027",
           "warning: refuse_from" + with});
  require({"",
           {"name: a, cleartext_login: refuse, refuse_share: 100%"},
           0,
           "100%",
           "warning: refuse_share" + with});
  require({"protocol: smtp, tls: optional",
           {"name: a, refuse_from: 2027-01-01"},
           0,
           "2027",
           "warning: refuse_from" + with + ", which its listeners have"});
  require({"", {"name: a, refuse_from: 2027-01-01, refuse_share: 100%"}});
  const auto a = [&](const std::string& key, const std::string& login, const std::string& end) {
    require({"protocol: smtp, tls: optional, " + login + key,
             {},
             0,
             key.substr(key.find(' ') + 1),
             "warning: " + key.substr(0, key.find(':')) + with + end});
  };
  a("refuse_from: 2027-01-01", "cleartext_login: refuse, ", "");
  a("refuse_share: 5%", "", ", the default");
}

TEST_CASE("a listener's dates and shares where no login comes without TLS never act") {
  for (const std::string key : {"refuse_from: 2027-01-01", "refuse_share: 5%"})
    require({"protocol: imap, tls: required, " + key,
             {},
             0,
             key.substr(key.find(' ') + 1),
             "warning: " + key.substr(0, key.find(':')) +
                 " never acts with `tls: required`: no login comes without TLS there"});
}

TEST_CASE("a listener's keys that only a rule brings to life are no mistake") {
  require({"protocol: imap, tls: required, cleartext_login: observe, refuse_from: 2027-01-01",
           {"name: a, from: [192.0.2.7], tls: optional"}});
  require(
      {"protocol: imap, tls: none, cleartext_login: observe, min_version: 1.3, old_tls: explain",
       {"name: a, from: [192.0.2.7], tls: optional"}});
  require({"protocol: imap, tls: none, cleartext_login: observe, old_tls: explain",
           {},
           0,
           "explain",
           "warning: old_tls never acts with `tls: none`"});
}

TEST_CASE("nobody can log in, unless a rule lets somebody") {
  const std::string listener = "protocol: imap, tls: none";
  const std::string message =
      "nobody can log in: `tls: none` with `cleartext_login: refuse` (the default); expected "
      "another "
      "tls mode, or cleartext_login warn or observe";
  require({listener, {}, 0, "none", message});
  require({listener, {"name: a, users: [u], cleartext_login: refuse"}, 1, "none", message});
  require({listener, {"name: a, users: [u], cleartext_login: observe"}});
  require({listener, {"name: a, from: [192.0.2.7], cleartext_login: warn"}});
  require({listener, {"name: a, from: [192.0.2.7], tls: required"}});
}

TEST_CASE("a rule that gives a listener TLS needs a certificate") {
  const std::string listener = "protocol: imap, tls: none, cleartext_login: warn";
  for (const std::string mode : {"required", "optional"})
    require(
        {listener,
         {"name: a, from: [192.0.2.7], tls: " + mode},
         0,
         mode,
         "`tls: " + mode + "` without a certificate; expected `certificates` with chain and key"},
        "");
  require({listener, {"name: a, from: [192.0.2.7], cleartext_login: observe"}}, "");
}

TEST_CASE("an end in the past is no mistake") {
  require({"", {"name: a, cleartext_login: observe, until: 1999-12-31"}});
  require({"protocol: imap, tls: optional, cleartext_login: warn, refuse_from: 1999-12-31", {}});
}

TEST_CASE("a rule behind one that takes all it would never acts") {
  const std::string clear = ", cleartext_login: observe";
  const auto hidden = [&](const std::string& first, const std::string& second) {
    require({"",
             {"name: a" + first + clear, "name: b" + second + clear},
             1,
             "b,",
             "warning: rule `b` never acts: rule `a` on line 4 matches before it"});
  };
  const auto seen = [&](const std::string& first, const std::string& second) {
    require({"", {"name: a" + first + clear, "name: b" + second + clear}});
  };
  hidden("", "");
  hidden("", ", from: [192.0.2.7]");
  hidden("", ", users: [u]");
  hidden(", from: [192.0.2.0/24]", ", from: [192.0.2.7, 192.0.2.128/25]");
  hidden(", from: [\"::/0\", 192.0.2.0/24]", ", from: [\"2001:db8::/32\", 192.0.2.7]");
  hidden(", users: [v, u]", ", users: [U, u]");
  hidden(", users: ['*']", ", users: [u]");
  hidden(", listeners: [in]", ", listeners: [in, in]");
  hidden(", until: 2027-01-02", ", until: 2027-01-01");
  hidden(", until: 2027-01-02", ", until: 2027-01-02");
  seen(", from: [192.0.2.7]", "");
  seen(", from: [192.0.2.0/25]", ", from: [192.0.2.0/24]");
  seen(", from: [\"::/0\"]", ", from: [192.0.2.7]");
  seen(", users: [u]", "");
  seen(", users: ['*']", "");  // there may be no name
  seen(", users: [u]", ", users: [u, v]");
  seen(", listeners: [in]", "");
  seen(", until: 2027-01-01", "");
  seen(", until: 2027-01-01", ", until: 2027-01-02");
}
