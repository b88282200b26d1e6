// A backend's keys about TLS: what they give, and every way in which they are wrong.
#include "conf/backend_tls_section.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

// SHA-256 of "postern".
constexpr const char* kBase64 = "tpbsGbHpU1b0XbjsRzYmbQjMqAtum8nbbcQVWwcPc3Y=";
constexpr const char* kHex = "b696ec19b1e95356f45db8ec4736266d08cca80b6e9bc9db6dc4155b070f7376";

std::string with_backend(const std::string& keys) {
  return "backends: {ex: {servers: [\"mail.internal:993\"], " + keys +
         "}}\n"
         "listeners: [{name: mx, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: "
         "ex}]\n";
}

Backend read(const std::string& keys) {
  const auto loaded = load_text(with_backend(keys), "/etc/postern/p.yaml");
  INFO(keys << "\n" << text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  return loaded.settings->backends[0];
}

// The one message of these keys, without its place and the line.
std::string fault(const std::string& keys) {
  const auto loaded = load_text(with_backend(keys), "p.yaml");
  REQUIRE(loaded.diagnostics.size() == 1);
  return loaded.diagnostics[0].message;
}

}  // namespace

TEST_CASE("a backend's TLS is off, and verified by the system's CAs where it is on") {
  CHECK(read("connect_timeout: 5s").tls == BackendTls::none);
  const auto implicit = read("tls: implicit");
  CHECK(implicit.tls == BackendTls::implicit);
  CHECK(implicit.verify.is_on);
  CHECK(implicit.verify.ca.empty());
  CHECK(implicit.verify.name.empty());
  CHECK(implicit.tls_place.line == 1);
  CHECK(read("tls: starttls").tls == BackendTls::starttls);
  const auto as_in_the_reference = read(
      "tls: none, verify: {ca: system, name: \"\"}, pin: [], "
      "client_certificate: {chain: \"\", key: \"\"}");
  CHECK_FALSE(as_in_the_reference.client_certificate);
  CHECK(as_in_the_reference.pins.empty());
}

TEST_CASE("who is expected: a CA of one's own, another name, a pinned key") {
  const auto own = read("tls: implicit, verify: {ca: house.pem, name: Old.Internal}");
  CHECK(own.verify.ca == "/etc/postern/house.pem");
  CHECK(own.verify.name == "old.internal");
  CHECK(read("tls: implicit, verify: {name: \"192.0.2.1\"}").verify.name == "192.0.2.1");
  CHECK(read("tls: implicit, verify: {name: \"2001:DB8:0::1\"}").verify.name == "2001:db8::1");
  const auto key = read("tls: implicit, client_certificate: {chain: /a.pem, key: b.key}");
  REQUIRE(key.client_certificate);
  CHECK(key.client_certificate->chain == "/a.pem");
  CHECK(key.client_certificate->key == "/etc/postern/b.key");

  const auto pinned = read(std::string("tls: implicit, pin: [\"") + kHex + "\"]");
  REQUIRE(pinned.pins.size() == 1);
  CHECK_FALSE(pinned.verify.is_on);  // the key is enough
  const auto both =
      read(std::string("tls: implicit, verify: {ca: system}, pin: [\"") + kHex + "\"]");
  CHECK(both.verify.is_on);
}

TEST_CASE("a pin in any of its spellings is the same") {
  const auto pin = parse_pin(kHex).value;
  REQUIRE(pin);
  CHECK((*pin)[0] == 0xb6);
  CHECK((*pin)[31] == 0x76);
  std::string upper = kHex;
  for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const auto& text :
       {std::string(kBase64), "sha256//" + std::string(kBase64), "sha256/" + std::string(kBase64),
        "sha256:" + std::string(kHex), upper}) {
    INFO(text);
    CHECK(parse_pin(text).value == pin);
  }
  const std::string base64 = kBase64;
  for (const auto& text :
       {std::string(), std::string("sha256//"), base64.substr(1), base64 + "=", "x" + base64,
        "sha256//sha256/" + base64, std::string(kHex).substr(1), std::string(kHex) + "0",
        std::string(64, 'g'), std::string(43, 'A') + "A",
        std::string(42, 'A') + "B=", std::string(43, '-') + "="}) {
    INFO(text);
    CHECK_FALSE(parse_pin(text).value);
  }
}

TEST_CASE("what is wrong with a backend's TLS is said where it stands") {
  const std::string pin = std::string("pin: [\"") + kHex + "\"]";
  const std::string without_tls =
      " of backend `ex` without TLS: all goes there in clear; expected `tls: implicit` or `tls: "
      "starttls` beside it";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tls: on", "backends.ex.tls: expected none, starttls or implicit, found `on`"},
      {"verify: off", "`verify`" + without_tls},
      {"tls: none, verify: {ca: a.pem}", "`verify`" + without_tls},
      {"verify: {name: x}", "`verify`" + without_tls},
      {pin, "`pin`" + without_tls},
      {"client_certificate: {chain: a, key: b}", "`client_certificate`" + without_tls},
      {"tls: implicit, verify: on",
       "backends.ex.verify: expected a mapping with ca and name, or `off`, found `on`"},
      {"tls: implicit, pin: [abc]",
       "backends.ex.pin[]: expected a SHA-256 sum in 64 hexadecimal digits or 44 characters of "
       "Base64, found `abc`"},
      {"tls: implicit, verify: {name: \"a b\"}",
       "backends.ex.verify.name: expected a host name or a numeric address, without port, found `a "
       "b`"},
      {"tls: implicit, client_certificate: {chain: a, key: \"\"}",
       "backends.ex.client_certificate: a chain without key"},
      {"tls: implicit, verify: {name: old.internal}, " + pin,
       "backend `ex`: the certificate is not compared with this name, as the `pin` stands for it; "
       "to "
       "have both, name a `ca` beside it"},
      {"tls: implicit, verify: off",
       "backend `ex`: whoever is on the way there can read and change everything, as no "
       "certificate "
       "is verified; give a CA or a `pin`"},
  };
  for (const auto& [keys, message] : cases) {
    INFO(keys);
    CHECK(fault(keys) == message);
  }
  for (const std::string verify : {"off", "{ca: system}", "{ca: system, name: old.internal}"}) {
    const auto keys = "tls: starttls, verify: " + verify + ", " + pin;
    CHECK(load_text(with_backend(keys), "p.yaml").diagnostics.empty());
  }
}
