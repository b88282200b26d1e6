// SNI, tickets and clients' certificates in the settings file: what is read, and what is wrong with it.
#include "conf/tls_clients_section.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder
using namespace std::chrono_literals;

namespace {

// A file with `tls` and with the keys of one listener with TLS; what it has is on lines 1 and 2.
std::string file_with(const std::string& tls, const std::string& listener = "",
                      const std::string& rules = "") {
  return "tls: {" + tls + "}\nlisteners: [{name: a, protocol: imap, address: \"0.0.0.0:143\", " +
         "backend: ex, tls: required" + (listener.empty() ? "" : ", " + listener) +
         "}]\nbackends: {ex: {servers: [\"192.0.2.10:143\"]}}\ncertificates: [{chain: a, key: "
         "b}]\n" +
         (rules.empty() ? "" : "rules: [" + rules + "]\n");
}

Settings settings_of(const std::string& text) {
  auto loaded = load_text(text, "/etc/postern/p.yaml");
  INFO(text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  REQUIRE(loaded.diagnostics.empty());
  return *loaded.settings;
}

// The first lines of all faults, without their places' columns: "2: message|".
std::string messages(const std::string& text) {
  std::string all;
  for (const auto& diagnostic : load_text(text, "p.yaml").diagnostics)
    all += std::to_string(diagnostic.place.line) + ": " + diagnostic.message + "|";
  return all;
}

// The first line of the one fault.
std::string fault(const std::string& text) {
  const auto all = faults(text);
  return all.substr(0, all.find('\n'));
}

constexpr const char* kMissing =
    "client_certificates without client_ca; expected the path of a PEM file with the authorities "
    "that "
    "sign them|";
constexpr const char* kIdle = " never acts without client_certificates request or require|";

}  // namespace

TEST_CASE("a listener's SNI is the top level's where it does not state it") {
  const auto settings = settings_of(file_with("sni: strict"));
  CHECK(settings.tls.sni == Sni::strict);
  CHECK(settings.listeners[0].tls.sni == Sni::strict);
  CHECK(settings_of(file_with("sni: strict", "sni: any")).listeners[0].tls.sni == Sni::any);
  CHECK(fault(file_with("sni: exact")) ==
        "p.yaml:1:12: tls.sni: expected any or strict, found `exact`");
}

TEST_CASE("a listener's tickets are the top level's, key by key, where it does not state them") {
  const auto settings = settings_of(
      file_with("tickets: {secret_file: fleet.secret, rotate: 6h}", "tickets: {rotate: 90m}"));
  CHECK(settings.tls.tickets.secret_file == "/etc/postern/fleet.secret");
  CHECK(settings.tls.tickets.rotate == 6h);
  const auto& own = settings.listeners[0].tls.tickets;
  CHECK(own.secret_file == "/etc/postern/fleet.secret");
  CHECK(own.secret_file_place.line == 1);
  CHECK(own.rotate == 90min);
  const auto without = settings_of(
      file_with("tickets: {secret_file: fleet.secret}", "tickets: {secret_file: \"\"}"));
  CHECK(without.listeners[0].tls.tickets.secret_file.empty());
  CHECK(without.listeners[0].tls.tickets.rotate == 12h);
}

TEST_CASE("tickets that are wrong say what was expected") {
  const std::string rotation =
      "p.yaml:1:25: tls.tickets.rotate: expected whole seconds from 1s to 7d, with their unit s, "
      "m, h "
      "or d, found ";
  for (const auto* const wrong : {"999ms", "1500ms", "8d", "12", "0s", "-1s", "1.5h", "[1h]"}) {
    INFO(wrong);
    CHECK_THAT(fault(file_with(std::string("tickets: {rotate: ") + wrong + "}")),
               Catch::StartsWith(rotation));
  }
  CHECK(settings_of(file_with("tickets: {rotate: 7d}")).tls.tickets.rotate == 168h);
  CHECK(settings_of(file_with("tickets: {rotate: 3000ms}")).tls.tickets.rotate == 3s);
  CHECK(fault(file_with("tickets: 12h")) ==
        "p.yaml:1:16: tls.tickets: expected a mapping with secret_file and rotate, found `12h`");
  CHECK(fault(file_with("tickets: {secret: a}")) ==
        "p.yaml:1:17: unknown key `secret` in tls.tickets; expected secret_file or rotate");
}

TEST_CASE(
    "what is asked of clients' certificates is the top level's where a listener does not say") {
  const auto settings = settings_of(
      file_with("client_certificates: request, client_ca: people.pem, client_crl: gone.crl",
                "client_certificates: require, client_crl: \"\""));
  CHECK(settings.tls.client_certificates == ClientCertificates::request);
  CHECK(settings.tls.client_ca == "/etc/postern/people.pem");
  CHECK(settings.tls.client_crl == "/etc/postern/gone.crl");
  const auto& own = settings.listeners[0].tls;
  CHECK(own.client_certificates == ClientCertificates::require);
  CHECK(own.client_ca == "/etc/postern/people.pem");
  CHECK(own.client_ca_place.line == 1);
  CHECK(own.client_crl.empty());
  CHECK(own.client_crl_place.line == 2);
}

TEST_CASE(
    "certificates that nobody could have signed are an error, at the key that asks for them") {
  CHECK(messages(file_with("client_certificates: request")) == std::string("1: ") + kMissing);
  CHECK(messages(file_with("", "client_certificates: require")) == std::string("2: ") + kMissing);
  CHECK(messages(file_with("client_certificates: request, client_ca: a.pem", "client_ca: \"\"")) ==
        std::string("2: ") + kMissing);
  CHECK(messages(file_with("client_certificates: request, client_ca: \"\"", "client_ca: a.pem"))
            .empty());
  // Where one of the keys is not valid, nothing else is known.
  CHECK(
      fault(file_with("client_certificates: required")) ==
      "p.yaml:1:28: tls.client_certificates: expected none, request or require, found `required`");
  CHECK(messages(file_with("client_certificates: maybe, client_ca: a.pem")).find('|') ==
        messages(file_with("client_certificates: maybe, client_ca: a.pem")).size() - 1);
  CHECK(messages(file_with("client_certificates: require, client_ca: [a]"))
            .find("without client_ca") == std::string::npos);
}

TEST_CASE("authorities that nobody asks for never act") {
  CHECK(messages(file_with("client_ca: a.pem, client_crl: b.pem")) ==
        std::string("1: client_ca") + kIdle + "1: client_crl" + kIdle);
  CHECK(messages(file_with("client_ca: a.pem", "client_certificates: request")).empty());
  CHECK(messages(file_with("client_certificates: require, client_ca: a.pem",
                           "client_certificates: none, client_crl: c.pem")) ==
        std::string("1: client_ca") + kIdle + "2: client_crl" + kIdle);
}

TEST_CASE("SNI, tickets and certificates of a listener without TLS never act") {
  const std::string text =
      "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", backend: ex, tls: none, "
      "sni: strict, tickets: {rotate: 1h}, client_certificates: request, client_ca: a.pem}]\n"
      "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n";
  CHECK(messages(text) ==
        "1: sni never acts with `tls: none`|1: tickets never acts with `tls: none`|1: "
        "client_certificates never acts with `tls: none`|");
}

TEST_CASE("a rule that needs a certificate says something, and only one word") {
  const std::string asks = "client_certificates: request, client_ca: a.pem";
  const auto settings = settings_of(file_with(asks, "", "{name: r, certificate: required}"));
  CHECK(settings.rules[0].needs_certificate);
  CHECK(settings.rules[0].certificate_place.line == 5);
  CHECK(fault(file_with(asks, "", "{name: r, certificate: optional}")) ==
        "p.yaml:5:32: rules[].certificate: expected required, found `optional`");
}

TEST_CASE("a certificate that no client can show where a rule needs one") {
  const std::string rule = "{name: r, certificate: required}";
  CHECK(messages(file_with("", "", rule)) ==
        "5: `certificate: required` can never be met: none of its listeners asks for one; expected "
        "client_certificates request or require there|");
  const std::string two =
      "listeners:\n"
      "  - {name: a, protocol: imap, address: \"0.0.0.0:143\", backend: ex, tls: required, "
      "client_certificates: request, client_ca: a.pem}\n"
      "  - {name: b, protocol: imap, address: \"0.0.0.0:993\", backend: ex, tls: implicit}\n"
      "backends: {ex: {servers: [\"192.0.2.10:143\"]}}\ncertificates: [{chain: a, key: b}]\n"
      "rules:\n  - {name: r, certificate: required";
  CHECK(
      messages(two + "}\n") ==
      "7: listener `b` asks for no certificate, so that no login which this rule matches is taken "
      "there; expected client_certificates request or require, or `listeners` without it|");
  CHECK(messages(two + ", listeners: [a]}\n").empty());
  CHECK(messages(two + ", listeners: [a], cleartext_login: warn}\n") ==
        "7: cleartext_login never acts with `certificate: required`: no login passes without TLS|");
}
