// What a good file gives: defaults, every key, paths; and files that cannot be read.
#include "conf/load.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "conf/prefixes.h"
#include "conf/values.h"
#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of everything in it
using namespace std::chrono_literals;

namespace {

// The settings of a text that has neither errors nor warnings.
Settings settings_of(std::string_view text, const std::string& file = "p.yaml") {
  const auto loaded = load_text(text, file);
  INFO(text_of(loaded.diagnostics));
  REQUIRE(loaded.diagnostics.empty());
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

std::vector<std::string> texts(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> out;
  for (const auto& endpoint : endpoints) out.push_back(endpoint_text(endpoint));
  return out;
}

// A folder of its own below the system's one for temporary files, gone at the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "postern-load-test-XXXXXX") {
    std::string name = path_.string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a listener names the balancers whose PROXY header it takes; by default nobody") {
  const std::string head =
      "backends: {b: {servers: [\"192.0.2.10:25\"]}}\n"
      "listeners:\n"
      "  - {name: mx, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: b";
  CHECK(settings_of(head + "}\n").listeners[0].accept_proxy.empty());
  const auto settings =
      settings_of(head + ", accept_proxy: [192.0.2.4, 198.51.100.0/24, \"2001:db8::/32\"]}\n");
  const auto& balancers = settings.listeners[0].accept_proxy;
  REQUIRE(balancers.size() == 3);
  CHECK(prefix_text(balancers[0]) == "192.0.2.4");
  CHECK(prefix_text(balancers[1]) == "198.51.100.0/24");
  CHECK(prefix_text(balancers[2]) == "2001:db8::/32");

  for (const std::string everybody : {"0.0.0.0/0", "\"::/0\""}) {
    const auto loaded = load_text(head + ", accept_proxy: [" + everybody + "]}\n", "p.yaml");
    CHECK(loaded.settings);
    CHECK(text_of(loaded.diagnostics)
              .find("warning: accept_proxy takes the PROXY header from "
                    "everybody") != std::string::npos);
  }
  for (const std::string bad : {"[192.0.2.1/24]", "[mail.example.com]", "yes"}) {
    CHECK_FALSE(load_text(head + ", accept_proxy: " + bad + "}\n", "p.yaml").settings);
  }
}

TEST_CASE("only backends and listeners are required; the rest has its default") {
  const auto settings = settings_of(kRest);
  CHECK(settings.file == "p.yaml");
  CHECK(parse_host_name(settings.hostname).value == settings.hostname);
  CHECK(settings.workers == 0);
  CHECK(settings.user.empty());
  CHECK(settings.user_place.line == 0);
  CHECK(settings.certificates.empty());
  CHECK(settings.tls.min_version == TlsVersion::tls1_2);
  CHECK(settings.tls.max_version == TlsVersion::tls1_3);
  CHECK(settings.tls.alpn == Alpn::strict);
  REQUIRE(settings.backends.size() == 1);
  CHECK(settings.backends[0].connect_timeout == 5s);
  CHECK(settings.backends[0].greeting_timeout == 60s);
  REQUIRE(settings.listeners.size() == 1);
  CHECK(!settings.listeners[0].logins.cleartext_login);
  CHECK(settings.listeners[0].bare_newlines == BareNewlines::reject);
  CHECK(settings.limits.connections == 50000);
  CHECK(settings.limits.connections_per_ip == 1000);
  CHECK(settings.limits.handshake_timeout == 10s);
  CHECK(settings.limits.login_timeout == 60s);
  CHECK(settings.limits.idle_timeout == 35min);
  CHECK(settings.limits.line_length == 65536);
  CHECK(settings.smtp.bare_newlines == BareNewlines::reject);
  CHECK(settings.smtp.hide.size() == 16);
  REQUIRE(settings.audit.logs.size() == 1);
  CHECK(settings.audit.logs[0].kind == AuditLog::Kind::standard_output);
  CHECK(settings.log_level == LogLevel::info);
  CHECK(settings.shutdown_grace == 60s);
}

TEST_CASE("every key that is read arrives, whatever the order of sections") {
  const auto settings = settings_of(R"(
listeners:
  - name: a
    protocol: submission
    address: ["127.0.0.1:587", "[::1]:587"]
    tls: required
    min_version: "1.2"
    max_version: "1.2"
    alpn: strict
    bare_newlines: reject
    backend: second
  - {name: b, protocol: smtp, address: 127.0.0.1:25, tls: optional, cleartext_login: warn, backend: first}
  - {name: c, protocol: imap, address: 127.0.0.1:143, tls: none, cleartext_login: observe, backend: first}
  - {name: d, protocol: pop3, address: 127.0.0.1:995, tls: implicit, backend: first}
backends:
  first: {servers: [10.0.0.1:25]}
  second:
    servers: ["10.0.0.2:25", "[2001:db8::2]:25", "Old.Example:25"]
    balance: first
    connect_timeout: 200ms
    greeting_timeout: 2m
smtp: {bare_newlines: pass, hide: [vrfy, XCLIENT, XFORWARD, XPROXY, XPROXYFROM, XPROXYTO, XSESSIONPARAMS,
                                   XSHADOW, XSHADOWREQUEST, Vrfy]}
tls: {min_version: "1.3", max_version: 1.3, alpn: off}
certificates:
  - {chain: certs/a.pem, key: /etc/a.key}
  - {chain: "b.pem", key: 'b.key', passphrase_file: "credential:b.phrase-1", key_permissions: any}
  - {chain: c.pem, key: c.key, passphrase_file: c.phrase, ocsp: c.ocsp}
limits:
  connections: 100
  connections_per_ip: 100
  handshake_timeout: 1s
  login_timeout: 2s
  idle_timeout: 1h
  line_length: 1KiB
audit: {log: [stdout, "file:log/audit.jsonl", "file:/var/log/audit.jsonl", syslog, journald],
        inventory: "sqlite:db/logins.db", keep: 90d, usernames: hashed, handshakes: all, chain: on,
        on_failure: refuse}
refusal: {text: "Ask the help desk.", help_url: "https://help.example.net/tls"}
log: {level: debug}
user: nobody
workers: 2
hostname: Mail.Example.com
shutdown_grace: 0s
)",
                                    "/etc/postern/p.yaml");
  CHECK(settings.file == "/etc/postern/p.yaml");
  CHECK(settings.hostname == "mail.example.com");
  CHECK(settings.workers == 2);
  CHECK(settings.user == "nobody");
  CHECK(settings.user_place.line == 41);
  CHECK(settings.user_place.column == 7);
  CHECK(settings.tls.min_version == TlsVersion::tls1_3);
  CHECK(settings.tls.max_version == TlsVersion::tls1_3);
  CHECK(settings.tls.alpn == Alpn::off);
  CHECK(settings.log_level == LogLevel::debug);
  CHECK(settings.shutdown_grace == 0s);

  REQUIRE(settings.certificates.size() == 3);
  CHECK(settings.certificates[0].chain == "/etc/postern/certs/a.pem");
  CHECK(settings.certificates[0].key == "/etc/a.key");
  CHECK(settings.certificates[0].place.line == 26);
  CHECK(settings.certificates[1].chain == "/etc/postern/b.pem");
  CHECK(settings.certificates[1].key == "/etc/postern/b.key");
  CHECK(settings.certificates[0].passphrase_file.empty());
  CHECK(settings.certificates[0].key_permissions == KeyPermissions::strict);
  CHECK(settings.certificates[1].passphrase_file == "credential:b.phrase-1");
  CHECK(settings.certificates[1].key_permissions == KeyPermissions::any);
  CHECK(settings.certificates[2].passphrase_file == "/etc/postern/c.phrase");
  CHECK(settings.certificates[0].ocsp.empty());
  CHECK(settings.certificates[2].ocsp == "/etc/postern/c.ocsp");

  REQUIRE(settings.backends.size() == 2);
  CHECK(settings.backends[0].name == "first");
  CHECK(settings.backends[1].name == "second");
  CHECK(texts(settings.backends[1].servers) ==
        std::vector<std::string>{"10.0.0.2:25", "[2001:db8::2]:25", "old.example:25"});
  CHECK(settings.backends[1].connect_timeout == 200ms);
  CHECK(settings.backends[1].greeting_timeout == 2min);
  CHECK(settings.backends[1].place.line == 17);

  REQUIRE(settings.listeners.size() == 4);
  const auto& [a, b, c, d] = std::tie(settings.listeners[0], settings.listeners[1],
                                      settings.listeners[2], settings.listeners[3]);
  CHECK(a.name == "a");
  CHECK(a.protocol == Protocol::submission);
  CHECK(texts(a.addresses) == std::vector<std::string>{"127.0.0.1:587", "[::1]:587"});
  CHECK(a.tls_mode == TlsMode::required);
  CHECK(a.tls.min_version == TlsVersion::tls1_2);
  CHECK(a.tls.max_version == TlsVersion::tls1_2);
  CHECK(a.tls.alpn == Alpn::strict);
  CHECK(a.bare_newlines == BareNewlines::reject);
  CHECK(a.backend == 1);
  CHECK(a.place.line == 3);
  CHECK(b.protocol == Protocol::smtp);
  CHECK(b.tls_mode == TlsMode::optional);
  CHECK(b.logins.cleartext_login == CleartextLogin::warn);
  CHECK(b.tls.min_version == TlsVersion::tls1_3);
  CHECK(b.tls.alpn == Alpn::off);
  CHECK(b.bare_newlines == BareNewlines::pass);
  CHECK(b.backend == 0);
  CHECK(c.protocol == Protocol::imap);
  CHECK(c.tls_mode == TlsMode::none);
  CHECK(c.logins.cleartext_login == CleartextLogin::observe);
  CHECK(d.protocol == Protocol::pop3);
  CHECK(d.tls_mode == TlsMode::implicit);

  CHECK(settings.limits.connections == 100);
  CHECK(settings.limits.connections_per_ip == 100);
  CHECK(settings.limits.handshake_timeout == 1s);
  CHECK(settings.limits.login_timeout == 2s);
  CHECK(settings.limits.idle_timeout == 1h);
  CHECK(settings.limits.line_length == 1024);
  CHECK(settings.smtp.bare_newlines == BareNewlines::pass);
  CHECK(settings.smtp.hide == std::vector<std::string>{"VRFY", "XCLIENT", "XFORWARD", "XPROXY",
                                                       "XPROXYFROM", "XPROXYTO", "XSESSIONPARAMS",
                                                       "XSHADOW", "XSHADOWREQUEST"});
  REQUIRE(settings.audit.logs.size() == 5);
  CHECK(settings.audit.logs[0].kind == AuditLog::Kind::standard_output);
  CHECK(settings.audit.logs[1].kind == AuditLog::Kind::file);
  CHECK(settings.audit.logs[1].path == "/etc/postern/log/audit.jsonl");
  CHECK(settings.audit.logs[2].path == "/var/log/audit.jsonl");
  CHECK(settings.audit.logs[3].kind == AuditLog::Kind::syslog);
  CHECK(settings.audit.logs[4].kind == AuditLog::Kind::journald);
  CHECK(settings.audit.inventory == "/etc/postern/db/logins.db");
  CHECK(settings.audit.inventory_place.line == 37);
  CHECK(settings.audit.keep == std::chrono::days(90));
  CHECK(settings.audit.usernames == Usernames::hashed);
  CHECK(settings.audit.handshakes == Handshakes::all);
  CHECK(settings.audit.chain == Chain::on);
  CHECK(settings.audit.on_failure == OnFailure::refuse);
  CHECK(settings.refusal.text == "Ask the help desk.");
  CHECK(settings.refusal.help_url == "https://help.example.net/tls");
}

TEST_CASE("no audit log and no inventory, when the file says so") {
  const auto settings = settings_of("audit: {log: off, inventory: none}\n" + std::string(kRest));
  CHECK(settings.audit.logs.empty());
  CHECK(settings.audit.inventory.empty());
  CHECK(settings.audit.inventory_place.line == 1);
}

TEST_CASE("a settings file without a folder leaves relative paths as they are") {
  const auto settings = settings_of(
      "certificates: [{chain: a.pem, key: ../a.key}]\naudit: {log: \"file:a.jsonl\"}\n" +
      std::string(kRest));
  CHECK(settings.certificates[0].chain == "a.pem");
  CHECK(settings.certificates[0].key == "../a.key");
  CHECK(settings.audit.logs[0].path == "a.jsonl");
}

TEST_CASE("a file is read, and its path stands in its messages") {
  const Folder folder;
  const std::string path = (folder.path() / "p.yaml").string();
  std::ofstream(path) << kRest << "certificates: [{chain: a.pem, key: a.key}]\n";
  const auto loaded = load_file(path);
  REQUIRE(loaded.settings);
  CHECK(loaded.settings->certificates[0].key == (folder.path() / "a.key").string());
  std::ofstream(path) << "usr: a\n" << kRest;
  CHECK(text_of(load_file(path).diagnostics) ==
        path + ":1:1: unknown key `usr`; did you mean `user`?\nusr: a\n^\n");
}

TEST_CASE("what cannot be read as a file says why") {
  const Folder folder;
  const std::string path = folder.path().string();
  CHECK(text_of(load_file(path).diagnostics) ==
        path + ": is a folder; expected the settings file\n");
  CHECK(text_of(load_file(path + "/p.yaml").diagnostics) ==
        path +
            "/p.yaml: cannot be opened: No such file or directory; expected the settings "
            "file\n");
  CHECK_FALSE(load_file(path).settings);
  CHECK_FALSE(load_file("").settings);
}

TEST_CASE("a file without an end is refused by its size") {
  CHECK(text_of(load_file("/dev/zero").diagnostics) ==
        "/dev/zero: larger than 1 MiB; expected a settings file\n");
}

TEST_CASE("a warning alone does not stop loading") {
  const auto loaded = load_text("limits: {idle_timeout: 1m}\n" + std::string(kRest), "p.yaml");
  CHECK(loaded.settings);
  CHECK(loaded.diagnostics.size() == 1);
}
