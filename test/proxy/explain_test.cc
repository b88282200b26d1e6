// What `postern explain` says, whole texts each.
#include "proxy/commands/explain.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "conf/dates.h"
#include "conf/load.h"
#include "conf/prefixes.h"
#include "proxy/commands/explanation.h"

using namespace postern;
using commands::LoginCase;
using conf::TlsVersion;

namespace {

constexpr std::string_view kSettings = R"(hostname: mail.example.com
certificates: [{chain: a, key: b}]
backends: {ex: {servers: ["192.0.2.10:25"]}}
listeners:
  - name: imap
    protocol: imap
    address: "0.0.0.0:143"
    tls: optional
    cleartext_login: warn
    refuse_from: 2027-03-01
    backend: ex
  - {name: submission, protocol: submission, address: "0.0.0.0:587", tls: required, backend: ex}
  - {name: imaps, protocol: imap, address: "0.0.0.0:993", tls: implicit, old_tls: explain, backend: ex}
  - {name: pop3, protocol: pop3, address: "0.0.0.0:110", tls: optional, backend: ex}
  - {name: any, protocol: imap, address: "0.0.0.0:2143", tls: auto, backend: ex}
  - {name: old, protocol: imap, address: "0.0.0.0:2993", tls: implicit, legacy_tls: splice, legacy_servers: ["192.0.2.10:993"], backend: ex}
rules:
  - {name: hall, from: ["192.0.2.64/28"], listeners: [submission], tls: optional, cleartext_login: observe, until: 2027-06-30}
  - {name: robots, users: ["svc-*"], listeners: [imap], cleartext_login: refuse}
  - {name: boss, users: [anna], listeners: [pop3], cleartext_login: observe}
refusal: {text: "Ask room 12.", help_url: "https://help.example.com/"}
)";

const conf::Settings& settings() {
  static const auto loaded = conf::load_text(kSettings, "p.yaml");
  INFO(conf::text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

LoginCase login(std::size_t listener, std::string_view from, std::optional<std::string> user = {},
                std::optional<TlsVersion> tls = {}, std::string_view at = "2026-11-25") {
  return {{listener, *conf::parse_address_octets(from).value},
          std::move(user),
          tls,
          *conf::parse_moment(at).value};
}

commands::Explanation explained(const LoginCase& one) {
  return commands::explanation_of(settings(), one);
}

bool has(const std::string& text, std::string_view piece) {
  return text.find(piece) != std::string::npos;
}

}  // namespace

TEST_CASE("explain names the case, each rule, the admission, and the verdict with its key") {
  REQUIRE(explanation_text(settings(), login(0, "192.0.2.7", "svc-scan")) ==
          "listener imap (imap), from 192.0.2.7, user `svc-scan`, without TLS, at "
          "2026-11-25T00:00:00Z\n"
          "rules\n"
          "  p.yaml:18:5 hall: passed over: for other listeners\n"
          "  p.yaml:19:5 robots: matches\n"
          "admission\n"
          "  tls          optional (p.yaml:8:10)\n"
          "  min_version  1.2 (the default)\n"
          "  profile      intermediate (the default)\n"
          "  old_tls      alert\n"
          "  rule         listener\n"
          "verdict: refuse\n"
          "  reason       rule\n"
          "  key          cleartext_login (p.yaml:19:74)\n"
          "  rule         robots\n"
          "  told         NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS. "
          "Ask room 12. See https://help.example.com/\n"
          "  acts         once the name is known and before the secret where the name comes first "
          "(LOGIN with synchronising literals, AUTHENTICATE LOGIN); with all other mechanisms "
          "before the response is passed on\n");
}

TEST_CASE("explain says of an auto listener what holds in clear, and that TLS is taken, too") {
  const auto text = explanation_text(settings(), login(4, "192.0.2.7", "anna"));
  CHECK(has(text, "  tls          auto (p.yaml:15:"));
  CHECK(has(text, "verdict: refuse\n"));
  CHECK(has(text, "  note         TLS from the first byte is taken on the same port"));
  CHECK(explained(login(4, "192.0.2.7", "anna", TlsVersion::tls1_2)).decision.verdict ==
        policy::Verdict::allow);
}

TEST_CASE("explain says where TLS that is too old is handed on") {
  CHECK(has(explanation_text(settings(), login(5, "192.0.2.7", {}, TlsVersion::tls1_0)),
            "  note         handed on to legacy_servers, untouched: legacy_tls is `splice`"));
  CHECK_FALSE(has(explanation_text(settings(), login(5, "192.0.2.7", {}, TlsVersion::tls1_2)),
                  "handed on"));
  CHECK_FALSE(has(explanation_text(settings(), login(2, "192.0.2.7", {}, TlsVersion::tls1_0)),
                  "handed on"));
}

TEST_CASE("explain judges an empty name as one that may be anybody's") {
  const auto robots = explained(login(0, "192.0.2.7", ""));
  CHECK(robots.decision.verdict == policy::Verdict::refuse);
  CHECK(robots.decision.rule == "robots");
  CHECK(robots.key == "cleartext_login");
  const auto text = explanation_text(settings(), login(0, "192.0.2.7", ""));
  CHECK(has(text, "robots: may match: for users, and the name can be read in more ways than one"));
  CHECK(has(text, "note         an empty name gets the strictest verdict"));
  CHECK_FALSE(has(text, "none matches"));
  // A rule that lets somebody in lets nobody in without a name.
  const auto boss = explained(login(3, "192.0.2.7", ""));
  CHECK(boss.decision.verdict == policy::Verdict::refuse);
  CHECK(boss.decision.rule == policy::kNoRule);
}

TEST_CASE("explain says the same as one JSON object") {
  const auto json = nlohmann::json::parse(explanation_json(settings(), login(0, "192.0.2.7", "x")));
  CHECK(json["listener"] == "imap");
  CHECK(json["protocol"] == "imap");
  CHECK(json["from"] == "192.0.2.7");
  CHECK(json["user"] == "x");
  CHECK(json["tls"] == "none");
  CHECK(json["at"] == "2026-11-25T00:00:00Z");
  CHECK(json["verdict"] == "warn");
  CHECK(json["reason"] == "");
  CHECK(json["rule"] == "listener");
  CHECK(json["key"] == "cleartext_login");
  CHECK(json["place"]["file"] == "p.yaml");
  CHECK(json["place"]["line"] == 9);
  CHECK(json["place"]["column"] == 22);
  CHECK(json["rules"].size() == 3);
  CHECK(json["rules"][1]["match"] == "other_user");
  CHECK(json["admission"]["tls"] == "optional");
  CHECK(json["admission"]["min_version_place"].is_null());
  CHECK(has(json["told"], "[ALERT]"));
  CHECK(has(json["told"], "See https://help.example.com/"));
}

TEST_CASE("explain gives the date its day") {
  const auto made = explained(login(0, "192.0.2.7", "x", {}, "2027-03-01"));
  CHECK(made.decision.verdict == policy::Verdict::refuse);
  CHECK(made.key == "refuse_from");
  CHECK(made.decision.place.line == 10);
}

TEST_CASE("explain follows a rule that opens a required listener, until its last day") {
  const auto open = explained(login(1, "192.0.2.70", "x"));
  CHECK(open.decision.verdict == policy::Verdict::allow);
  REQUIRE(open.notes.size() == 1);
  CHECK(open.notes[0] == "rule hall lets clear text in on a `required` listener");
  const auto over = explained(login(1, "192.0.2.70", "x", {}, "2027-07-01"));
  CHECK(over.decision.verdict == policy::Verdict::refuse);
  CHECK(over.key == "tls");
  CHECK(over.told ==
        "530 5.7.0 Must issue a STARTTLS command first. Ask room 12. See "
        "https://help.example.com/");
  CHECK(over.acts == "at the first command of a login");
  CHECK(over.path[0].match == policy::Match::expired);
}

TEST_CASE("explain says how TLS that is too old is told") {
  const auto alert = explained(login(0, "192.0.2.7", "x", TlsVersion::tls1_1));
  CHECK(alert.key == "min_version");
  CHECK(alert.told.empty());
  CHECK(alert.acts == "in the handshake, which ends with an alert");
  const auto words = explained(login(2, "192.0.2.7", "x", TlsVersion::tls1_0));
  CHECK(has(words.told, "TLS 1.0 is not supported"));
  CHECK(words.acts == "right behind the handshake, as the first answer");
  const auto clear = explained(login(2, "192.0.2.7"));
  CHECK(has(clear.told, "This port takes TLS from the first octet"));
  CHECK(clear.acts == "at the first byte that is no TLS");
}

TEST_CASE("explain says when a rule for users acts, as far as the protocol lets it") {
  // Without a name it is refused: other ways to log in never start.
  const auto anna = explained(login(3, "192.0.2.7", "anna"));
  CHECK(anna.decision.verdict == policy::Verdict::allow);
  CHECK(anna.acts ==
        "once the name is known, where it comes first (USER, AUTH LOGIN); all other mechanisms are "
        "refused before the exchange starts");
  const auto bob = explained(login(3, "192.0.2.7", "bob"));
  CHECK(bob.decision.verdict == policy::Verdict::refuse);
  CHECK(has(bob.told, "-ERR [AUTH] Logins need encryption here"));
  CHECK(bob.acts ==
        "once the name is known and before the secret where the name comes first (USER, AUTH "
        "LOGIN); all other mechanisms before the exchange starts");
  const auto nobody = explained(login(3, "192.0.2.7"));
  CHECK(nobody.acts == "before the exchange starts");
  REQUIRE(nobody.notes.size() == 1);
  CHECK(nobody.notes[0] ==
        "without a name, rules for users and refuse_share do not act: see --user");
}

TEST_CASE("a hostile name breaks neither the text nor the JSON") {
  const std::string name = "a\r\nverdict: allow\xff\x1b[2J";
  const auto text = explanation_text(settings(), login(0, "192.0.2.7", name));
  CHECK_FALSE(has(text, "\r"));
  CHECK_FALSE(has(text, "\nverdict: allow"));
  CHECK_FALSE(has(text, "\x1b"));
  CHECK(nlohmann::json::parse(explanation_json(settings(), login(0, "192.0.2.7", name)))["user"]
            .is_string());
}

TEST_CASE("explain: a rule that needs a client certificate, with one and without") {
  const auto loaded = conf::load_text(R"(certificates: [{chain: a, key: b}]
backends: {ex: {servers: ["192.0.2.10:25"]}}
listeners:
  - {name: imaps, protocol: imap, address: "0.0.0.0:993", tls: implicit, client_certificates: request, client_ca: ca.pem, backend: ex}
  - {name: smtps, protocol: submission, address: "0.0.0.0:465", tls: implicit, client_certificates: require, client_ca: ca.pem, backend: ex}
  - {name: pop3s, protocol: pop3, address: "0.0.0.0:995", tls: implicit, client_certificates: request, client_ca: ca.pem, backend: ex}
rules:
  - {name: admins, users: ["adm-*"], certificate: required}
)",
                                      "p.yaml");
  INFO(conf::text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  const std::string words[] = {
      "NO [AUTHORIZATIONFAILED] This login needs a client certificate: choose yours in your mail "
      "program",
      "535 5.7.8 This login needs a client certificate: choose yours in your mail program",
      "-ERR [AUTH] This login needs a client certificate: choose yours in your mail program"};
  for (std::size_t i = 0; i < 3; ++i) {
    auto one = login(i, "192.0.2.7", "adm-anna", TlsVersion::tls1_3);
    const auto without = commands::explanation_of(*loaded.settings, one);
    CHECK(without.decision.verdict == policy::Verdict::refuse);
    CHECK(without.key == "certificate");
    CHECK(without.decision.place.line == 8);
    CHECK(without.told == words[i]);
    CHECK(has(without.acts, "once the name is known"));
    CHECK(without.notes.size() == (i == 1 ? 1 : 0));
    one.has_certificate = true;
    const auto with_one = commands::explanation_of(*loaded.settings, one);
    CHECK(with_one.decision.verdict == policy::Verdict::allow);
    CHECK(with_one.key.empty());
    CHECK(with_one.notes.empty());
    CHECK(has(explanation_text(*loaded.settings, one), "TLS 1.3 with a client certificate, at"));
    CHECK(nlohmann::json::parse(explanation_json(*loaded.settings, one))["certificate"] == true);
    one.user.reset();
    CHECK(has(commands::explanation_of(*loaded.settings, one).notes.at(0), "without a name"));
  }
}
