// SNI in the settings file: what is read, and what is wrong with it.
#include "conf/tls_clients_section.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

// A file with `tls` and with the keys of one listener with TLS; what it has is on line 1 and 2.
std::string file_with(const std::string& tls, const std::string& listener = "") {
  return "tls: {" + tls + "}\nlisteners: [{name: a, protocol: imap, address: \"0.0.0.0:143\", " +
         "backend: ex, tls: required" + (listener.empty() ? "" : ", " + listener) +
         "}]\nbackends: {ex: {servers: [\"192.0.2.10:143\"]}}\ncertificates: [{chain: a, key: "
         "b}]\n";
}

Settings settings_of(const std::string& text) {
  auto loaded = load_text(text, "/etc/postern/p.yaml");
  INFO(text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  REQUIRE(loaded.diagnostics.empty());
  return *loaded.settings;
}

// The first line of the one fault.
std::string fault(const std::string& text) {
  const auto all = faults(text);
  return all.substr(0, all.find('\n'));
}

}  // namespace

TEST_CASE("a listener's SNI is the top level's where it does not state it") {
  const auto settings = settings_of(file_with("sni: strict"));
  CHECK(settings.tls.sni == Sni::strict);
  CHECK(settings.listeners[0].tls.sni == Sni::strict);
  CHECK(settings_of(file_with("sni: strict", "sni: any")).listeners[0].tls.sni == Sni::any);
}

TEST_CASE("SNI that is wrong says what was expected") {
  CHECK(fault(file_with("sni: exact")) ==
        "p.yaml:1:12: tls.sni: expected any or strict, found `exact`");
}

TEST_CASE("SNI of a listener without TLS never acts") {
  const std::string text =
      "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", backend: ex, tls: none, "
      "sni: strict}]\n"
      "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n";
  CHECK(fault(text) == "p.yaml:1:91: warning: sni never acts with `tls: none`");
}
