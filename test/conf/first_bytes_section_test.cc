// Keys of a listener for what comes first from its clients.
#include "conf/first_bytes_section.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder
using namespace std::chrono_literals;

namespace {

// A listener with these keys, and what follows it.
std::string file(const std::string& keys, const std::string& rest = "") {
  return "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n"
         "certificates: [{chain: a.pem, key: a.key}]\n"
         "listeners: [{name: a, protocol: imap, address: \"0.0.0.0:143\", " +
         keys + ", backend: ex}]\n" + rest;
}

// The messages alone, each with its line break.
std::string messages(const std::string& text) {
  std::string all;
  for (const auto& diagnostic : load_text(text, "p.yaml").diagnostics) {
    all += diagnostic.message + "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("tls: auto, with or without auto_wait") {
  const auto loaded = load_text(file("tls: auto"), "p.yaml");
  REQUIRE(loaded.diagnostics.empty());
  REQUIRE(loaded.settings->listeners[0].tls_mode == TlsMode::automatic);
  REQUIRE(loaded.settings->listeners[0].auto_wait == 200ms);
  for (const auto& [text, wait] : {std::pair("0ms", 0ms), std::pair("10s", 10'000ms)}) {
    const auto other = load_text(file("tls: auto, auto_wait: " + std::string(text)), "p.yaml");
    REQUIRE(other.diagnostics.empty());
    REQUIRE(other.settings->listeners[0].auto_wait == wait);
  }
}

TEST_CASE("auto_wait is no longer than anybody would wait for a greeting") {
  REQUIRE(messages(file("tls: auto, auto_wait: 11s")) ==
          "listeners[].auto_wait: expected a time from 0s to 10s, with its unit ms, s, m, h or d, "
          "found `11s`\n");
}

TEST_CASE("auto_wait without tls: auto never acts") {
  REQUIRE(messages(file("tls: optional, auto_wait: 1s")) ==
          "auto_wait never acts with `tls: optional`; expected it with `auto`\n");
}

TEST_CASE("an auto listener needs a certificate, and its logins in clear have their keys") {
  auto text = file("tls: auto");
  text.erase(text.find("certificates"), text.find("listeners") - text.find("certificates"));
  REQUIRE(messages(text) ==
          "`tls: auto` without a certificate; expected `certificates` with chain and key\n");
  REQUIRE(messages(file("tls: auto, cleartext_login: warn, refuse_from: 2031-01-01, "
                        "min_version: \"1.3\", alpn: \"off\""))
              .empty());
}

TEST_CASE("auto is no mode of a rule; the others hold in clear, beside TLS from the first byte") {
  REQUIRE(messages(file("tls: auto", "rules: [{name: r, tls: auto}]")) ==
          "rules[].tls: expected required, optional or none, found `auto`\n");
  REQUIRE(
      messages(file("tls: auto", "rules: [{name: r, tls: none, min_version: \"1.3\"}]")).empty());
  REQUIRE(messages(file("tls: auto, max_version: \"1.2\"",
                        "rules: [{name: r, tls: none, min_version: \"1.3\"}]")) ==
          "min_version is above max_version of listener `a`; expected one that is not above it\n");
}

TEST_CASE("legacy_tls: splice, with the servers in their order") {
  const auto loaded =
      load_text(file("tls: implicit, legacy_tls: splice, legacy_servers: [\"192.0.2.10:993\", "
                     "\"old.internal:993\"]"),
                "p.yaml");
  REQUIRE(loaded.diagnostics.empty());
  const auto& listener = loaded.settings->listeners[0];
  REQUIRE(listener.legacy_tls == LegacyTls::splice);
  REQUIRE(listener.legacy_servers ==
          std::vector<Endpoint>{{"192.0.2.10", 993}, {"old.internal", 993}});
  REQUIRE(load_text(file("tls: implicit"), "p.yaml").settings->listeners[0].legacy_tls ==
          LegacyTls::refuse);
  REQUIRE(messages(file("tls: implicit, legacy_tls: refuse")).empty());
}

TEST_CASE("legacy_tls and legacy_servers need each other, and TLS from the first byte") {
  const std::string servers = ", legacy_servers: [\"192.0.2.10:993\"]";
  REQUIRE(messages(file("tls: implicit, legacy_tls: splice")) ==
          "`legacy_tls: splice` without legacy_servers; expected the old servers' own TLS ports\n");
  for (const std::string keys : {"tls: implicit", "tls: implicit, legacy_tls: refuse"}) {
    REQUIRE(messages(file(keys + servers)) ==
            "legacy_servers without `legacy_tls: splice`; expected both or none\n");
  }
  for (const std::string mode : {"optional", "required", "auto", "none"}) {
    REQUIRE(
        messages(file("cleartext_login: observe, tls: " + mode + ", legacy_tls: splice" + servers))
            .find("`legacy_tls: splice` with `tls: " + mode +
                  "`; expected it with `implicit`, where TLS comes first\n") != std::string::npos);
  }
  REQUIRE(
      messages(file("tls: implicit, legacy_tls: splice, legacy_servers: []"))
          .starts_with("listeners[].legacy_servers: expected a list of the old servers' own TLS "
                       "ports"));
}

TEST_CASE("splice leaves nobody to whom old TLS could be explained") {
  REQUIRE(messages(file("tls: implicit, old_tls: explain, legacy_tls: splice, legacy_servers: "
                        "[\"192.0.2.10:993\"]")) ==
          "`old_tls: explain` never acts with `legacy_tls: splice`: who is too old is handed on\n");
}

TEST_CASE("a legacy server that is postern's own listener is an error") {
  REQUIRE(messages(file("tls: implicit, legacy_tls: splice, legacy_servers: "
                        "[\"192.0.2.10:993\", \"127.0.0.1:143\"]")) ==
          "127.0.0.1:143 is postern's own listener `a`; expected the server behind it\n");
}
