// The first configuration: it loads as it is, and nothing hostile gets into it.
#include "proxy/commands/init.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "conf/load.h"
#include "conf/values.h"

using postern::commands::fault_of;
using postern::commands::initial_settings;
using postern::commands::InitRequest;
namespace conf = postern::conf;

namespace {

conf::Settings settings_of(const InitRequest& request) {
  REQUIRE(fault_of(request).empty());
  const auto loaded = conf::load_text(initial_settings(request), "/etc/postern/postern.yaml");
  INFO(conf::text_of(loaded.diagnostics));
  REQUIRE(loaded.diagnostics.empty());
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

}  // namespace

TEST_CASE("the first configuration loads without error or warning, for names and addresses") {
  struct Row {
    const char* backend;
    const char* server;
  };
  for (const auto& [backend, server] :
       {Row{"192.0.2.10", "192.0.2.10:143"}, Row{"2001:DB8::10", "[2001:db8::10]:143"},
        Row{"[2001:db8::10]", "[2001:db8::10]:143"},
        Row{"Exchange.internal", "exchange.internal:143"}, Row{"old_mail", "old_mail:143"}}) {
    const auto settings = settings_of({"mail.example.com", backend, "", ""});
    CHECK(settings.hostname == "mail.example.com");
    REQUIRE(settings.backends.size() == 3);
    CHECK(conf::endpoint_text(settings.backends[1].servers.at(0)) == server);
  }
}

TEST_CASE("host names that YAML would read as something else stay names") {
  for (const std::string name : {"null", "yes", "true", "1e5", "0x1f", "a"})
    CHECK(settings_of({name, "192.0.2.10", "", ""}).hostname == name);
}

TEST_CASE("the first configuration has every protocol, each with its port and mode") {
  using conf::CleartextLogin;
  using conf::Protocol;
  using conf::TlsMode;
  struct Row {
    const char* name;
    Protocol protocol;
    int port;
    TlsMode mode;
    CleartextLogin cleartext_login;
    int backend_port;
  };
  const std::vector<Row> expected = {
      {"mx", Protocol::smtp, 25, TlsMode::optional, CleartextLogin::refuse, 25},
      {"submission", Protocol::submission, 587, TlsMode::required, CleartextLogin::refuse, 25},
      {"submissions", Protocol::submission, 465, TlsMode::implicit, CleartextLogin::refuse, 25},
      {"imap", Protocol::imap, 143, TlsMode::optional, CleartextLogin::observe, 143},
      {"imaps", Protocol::imap, 993, TlsMode::implicit, CleartextLogin::refuse, 143},
      {"pop3", Protocol::pop3, 110, TlsMode::optional, CleartextLogin::observe, 110},
      {"pop3s", Protocol::pop3, 995, TlsMode::implicit, CleartextLogin::refuse, 110},
  };
  const auto settings = settings_of({"mail.example.com", "192.0.2.10", "", ""});
  REQUIRE(settings.listeners.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& listener = settings.listeners[i];
    INFO(expected[i].name);
    CHECK(listener.name == expected[i].name);
    CHECK(listener.protocol == expected[i].protocol);
    CHECK(listener.addresses.at(0).port == expected[i].port);
    CHECK(listener.tls_mode == expected[i].mode);
    CHECK(listener.logins.cleartext_login.value_or(CleartextLogin::refuse) ==
          expected[i].cleartext_login);
    CHECK(settings.backends[listener.backend].servers.at(0).port == expected[i].backend_port);
  }
}

TEST_CASE("without paths the certificate is below /etc/postern; given paths arrive as they are") {
  auto settings = settings_of({"Mail.example.com", "192.0.2.10", "", ""});
  CHECK(settings.certificates.at(0).chain == "/etc/postern/certs/mail.example.com.pem");
  CHECK(settings.certificates.at(0).key == "/etc/postern/certs/mail.example.com.key");
  settings = settings_of(
      {"mail.example.com", "192.0.2.10", "/a \"b\" \\n #c: {d}'/\xC3\xBC.pem", "own/key.pem"});
  CHECK(settings.certificates.at(0).chain == "/a \"b\" \\n #c: {d}'/\xC3\xBC.pem");
  CHECK(settings.certificates.at(0).key == "/etc/postern/own/key.pem");
}

TEST_CASE("what has no place in a configuration is refused in words, and gives no text") {
  struct Row {
    InitRequest request;
    std::string fault;
  };
  const std::string name =
      "--hostname: expected a host name of letters, digits, hyphens and dots, such as "
      "mail.example.com, found ";
  const std::string host =
      "--backend: expected a host name or an address without a port, such as 192.0.2.10, found ";
  const std::string local =
      "--backend: expected another machine than this one, whose ports postern takes, found ";
  const std::string both = "--certificate and --key: expected both or neither";
  const std::string path =
      "expected a path of at most 4096 octets, without control characters, found ";
  const std::vector<Row> rows = {
      {{"", "192.0.2.10", "", ""}, name + "``"},
      {{"a\"\nuser: root", "192.0.2.10", "", ""}, name + "`a\"?user: root`"},
      {{"mail.example.com\r\n", "192.0.2.10", "", ""}, name + "`mail.example.com??`"},
      {{"@CHAIN@", "192.0.2.10", "", ""}, name + "`@CHAIN@`"},
      {{"192.0.2.1", "192.0.2.10", "", ""}, name + "`192.0.2.1`"},
      {{"mail", "", "", ""}, host + "``"},
      {{"mail", "192.0.2.10:25", "", ""}, host + "`192.0.2.10:25`"},
      {{"mail", "[192.0.2.10]", "", ""}, host + "`[192.0.2.10]`"},
      {{"mail", "old\"]}\n", "", ""}, host + "`old\"]}?`"},
      {{"mail", std::string("old\0x", 5), "", ""}, host + "`old?x`"},
      {{"mail", "fe80::1%eth0", "", ""}, host + "`fe80::1%eth0`"},
      {{"mail", "127.0.0.1", "", ""}, local + "`127.0.0.1`"},
      {{"mail", "LocalHost", "", ""}, local + "`LocalHost`"},
      {{"mail", "[0::1]", "", ""}, local + "`[0::1]`"},
      {{"mail", "0.0.0.0", "", ""}, local + "`0.0.0.0`"},
      {{"mail", "Mail", "", ""},
       "--backend: expected another name than --hostname, under which postern would dial itself; "
       "an address is safe, found `Mail`"},
      {{"mail", "old", "a.pem", ""}, both},
      {{"mail", "old", "", "a.key"}, both},
      {{"mail", "old", "a\n.pem", "a.key"}, "--certificate: " + path + "`a?.pem`"},
      {{"mail", "old", "a.pem", "a\xFF.key"}, "--key: " + path + "`a?.key`"},
  };
  for (const auto& [request, fault] : rows) {
    CHECK(fault_of(request) == fault);
    CHECK(initial_settings(request).empty());
  }
}

TEST_CASE("the first configuration is plain text of at most 100 columns") {
  const std::string text = initial_settings({"mail.example.com", "exchange.internal", "", ""});
  std::size_t column = 0;
  for (const char c : text) {
    column = c == '\n' ? 0 : column + 1;
    CHECK(column <= 100);
    CHECK((c == '\n' || (c >= ' ' && c <= '~')));
  }
  CHECK(text.find('@') == std::string::npos);
}
