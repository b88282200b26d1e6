// The JSON line of each event, whole.
#include "proxy/audit/event_json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

using namespace postern;
using namespace std::chrono_literals;

namespace {

const audit::Observer kObserver{"mail.example.com", "0.1.0"};
const audit::WallTime kTime = audit::WallTime(1795550400123ms);  // 2026-11-24 20:00:00.123 UTC

audit::SessionPart session_part() {
  audit::SessionPart part;
  part.id = "1a-0-7";
  part.listener = "imaps";
  part.protocol = "imap";
  part.source = *net::Address::parse("192.0.2.7", 50000);
  part.destination = *net::Address::parse("192.0.2.1", 993);
  part.server = audit::Server{"old", *net::Address::parse("192.0.2.10", 143), 40001};
  part.security = audit::Security::implicit;
  part.tls =
      audit::Tls{"1.3", "TLS_AES_128_GCM_SHA256", "x25519", "imap", "mail.example.com", false};
  part.client_name = "Mail 1.0";
  part.client_named_by = "imap_id";
  return part;
}

std::string line_of(audit::EventBody body) {
  audit::LineWriter writer(kObserver);
  std::string line;
  writer.append(line, {kTime, std::move(body)}, 42);
  return line;
}

}  // namespace

TEST_CASE("a login's line, key by key, what the client controls last") {
  audit::LoginEvent event;
  event.session = session_part();
  event.login = {"PLAIN", false, "CONTOSO\\jdoe", "", "shared.box"};
  event.success = true;
  event.duration = 5ms;
  event.verdict = "allow";
  event.rule = "listener";
  REQUIRE(
      line_of(event) ==
      R"({"@timestamp":"2026-11-24T20:00:00.123Z","log.level":"info","event.action":"login",)"
      R"("event.category":"authentication","event.outcome":"success","event.duration":5000000,)"
      R"("event.sequence":42,"observer.name":"mail.example.com","observer.version":"0.1.0",)"
      R"("postern.session_id":"1a-0-7","postern.listener":"imaps","network.protocol":"imap",)"
      R"("source.ip":"192.0.2.7","source.port":50000,"destination.ip":"192.0.2.1",)"
      R"("destination.port":993,"postern.backend.name":"old","postern.backend.ip":"192.0.2.10",)"
      R"("postern.backend.port":143,"postern.backend.source_port":40001,)"
      R"("postern.security":"implicit","postern.starttls.offered":false,)"
      R"("postern.starttls.used":false,"tls.version":"1.3","tls.cipher":"TLS_AES_128_GCM_SHA256",)"
      R"("tls.curve":"x25519","tls.resumed":false,"tls.next_protocol":"imap",)"
      R"("postern.auth.mechanism":"PLAIN","postern.auth.secret_exposed":false,)"
      R"("postern.policy.verdict":"allow","postern.policy.rule":"listener",)"
      R"("tls.client.server_name":"mail.example.com","user.name":"jdoe","user.domain":"CONTOSO",)"
      R"("user.effective.name":"shared.box","user_agent.original":"Mail 1.0",)"
      R"("postern.client.source":"imap_id"})"
      "\n");
}

TEST_CASE("a session's end in clear text leaves out what is not known") {
  audit::SessionEndEvent event;
  event.session.id = "1a-0-8";
  event.session.listener = "mx";
  event.session.protocol = "smtp";
  event.session.source = *net::Address::parse("2001:db8::7", 50001);
  event.session.destination = *net::Address::parse("2001:db8::1", 25);
  event.session.starttls_offered = true;
  event.reason = "client_closed";
  event.duration = 1500ms;
  event.bytes_in = 12;
  event.bytes_out = 345;
  event.last_command = "EHLO";
  REQUIRE(
      line_of(event) ==
      R"({"@timestamp":"2026-11-24T20:00:00.123Z","log.level":"info",)"
      R"("event.action":"session-end","event.category":"session","event.reason":"client_closed",)"
      R"("event.duration":1500000000,"event.sequence":42,"observer.name":"mail.example.com",)"
      R"("observer.version":"0.1.0","postern.session_id":"1a-0-8","postern.listener":"mx",)"
      R"("network.protocol":"smtp","source.ip":"2001:db8::7","source.port":50001,)"
      R"("destination.ip":"2001:db8::1","destination.port":25,"postern.security":"cleartext",)"
      R"("postern.starttls.offered":true,"postern.starttls.used":false,"bytes.in":12,)"
      R"("bytes.out":345,"postern.last_command":"EHLO"})"
      "\n");
}

TEST_CASE("a failed login's name stands as its hash, never as typed") {
  audit::LoginEvent event;
  event.session = session_part();
  event.login.mechanism = "LOGIN";
  event.login.user_hash = "00ff";
  const auto json = nlohmann::json::parse(line_of(event));
  REQUIRE(json["user.hash"] == "00ff");
  REQUIRE_FALSE(json.contains("user.name"));
  REQUIRE(json["event.outcome"] == "failure");
}

TEST_CASE("a hostile user name stays one line, one value, ASCII, and at most 256 octets") {
  const std::string hostile = "a\",\"event.outcome\":\"success\n{\"x\":1}\xff\xc3\xa9" +
                              std::string(1000, 'x') + "\xe2\x80";
  audit::LoginEvent event;
  event.session = session_part();
  event.login.user = hostile;
  event.rule = "listener";
  const auto line = line_of(event);
  REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
  REQUIRE(std::all_of(line.begin(), line.end(),
                      [](unsigned char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
  const auto json = nlohmann::json::parse(line);
  REQUIRE(json["event.outcome"] == "failure");
  REQUIRE(json["user.name"].get<std::string>().size() <= 256);
  // By the line's beginning nothing can be forged: the name stands behind all constants.
  REQUIRE(line.find("\"user.name\"") > line.find("\"postern.policy.rule\""));
}

TEST_CASE("a failed handshake tells what the client offered, by name where there is one") {
  audit::HandshakeEvent event;
  event.session = session_part();
  event.session.tls.reset();
  event.reason = "no_shared_version";
  event.hello.versions = {0x0301};
  event.hello.ciphers = {0x000a, 0x1234};
  event.hello.groups = {0x0017};
  event.server_name = "old.example.com";
  const auto json = nlohmann::json::parse(line_of(event));
  REQUIRE(json["event.action"] == "tls-handshake");
  REQUIRE(json["tls.client.supported_versions"] == nlohmann::json({"1.0"}));
  REQUIRE(json["tls.client.supported_ciphers"] ==
          nlohmann::json({"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "0x1234"}));
  REQUIRE(json["tls.client.supported_groups"] == nlohmann::json({"secp256r1"}));
  REQUIRE_FALSE(json.contains("tls.client.signature_algorithms"));
  REQUIRE(json["tls.client.server_name"] == "old.example.com");
}

TEST_CASE("the fingerprint stands on every login under TLS, the lists at its first sight") {
  audit::LoginEvent event;
  event.session = session_part();
  event.session.tls->ja4 = "t13d1516h2_8daaf6152771_02713d6af862";
  auto json = nlohmann::json::parse(line_of(event));
  REQUIRE(json["tls.client.ja4"] == "t13d1516h2_8daaf6152771_02713d6af862");
  REQUIRE_FALSE(json.contains("tls.client.supported_ciphers"));
  audit::Hello hello;
  hello.ciphers = {0x1301};
  event.hello = std::make_shared<const audit::Hello>(hello);
  json = nlohmann::json::parse(line_of(event));
  REQUIRE(json["tls.client.supported_ciphers"] == nlohmann::json({"TLS_AES_128_GCM_SHA256"}));
  audit::SessionEndEvent end;
  end.session = event.session;
  REQUIRE_FALSE(nlohmann::json::parse(line_of(end)).contains("tls.client.ja4"));
}

TEST_CASE("the rule that opens a listener is named in every event, a login's own rule before it") {
  audit::SessionEndEvent end;
  end.session = session_part();
  end.session.opened_by = "hall-scanners";
  REQUIRE(nlohmann::json::parse(line_of(end))["postern.policy.rule"] == "hall-scanners");
  audit::LoginEvent login;
  login.session = end.session;
  login.rule = "service-accounts";
  REQUIRE(nlohmann::json::parse(line_of(login))["postern.policy.rule"] == "service-accounts");
}

TEST_CASE("the chain's hash stands behind the observer, before all that differs by session") {
  audit::LineWriter writer(kObserver);
  std::string line;
  writer.append(line, {kTime, audit::NodeEvent{"start"}}, 1, std::string(64, '0'));
  REQUIRE(line == R"({"@timestamp":"2026-11-24T20:00:00.123Z","log.level":"info",)"
                  R"("event.action":"start","event.category":"process","event.sequence":1,)"
                  R"("observer.name":"mail.example.com","observer.version":"0.1.0",)"
                  R"("postern.chain":")" +
                      std::string(64, '0') + "\"}\n");
}

TEST_CASE("times keep their milliseconds when the second stays, turns, or goes back") {
  audit::LineWriter writer(kObserver);
  const auto begin_of = [&writer](std::chrono::milliseconds time) {
    std::string line;
    writer.append(line, {audit::WallTime(time), audit::NodeEvent{"start"}}, 1);
    return line.substr(15, 24);
  };
  REQUIRE(begin_of(0ms) == "1970-01-01T00:00:00.000Z");
  REQUIRE(begin_of(1795550400007ms) == "2026-11-24T20:00:00.007Z");
  REQUIRE(begin_of(1795550400999ms) == "2026-11-24T20:00:00.999Z");
  REQUIRE(begin_of(1795550401000ms) == "2026-11-24T20:00:01.000Z");
  REQUIRE(begin_of(1795550399999ms) == "2026-11-24T19:59:59.999Z");
}
