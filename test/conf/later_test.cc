// What later versions will know is refused as such, one complaint a key, and never ignored.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "conf/keys.h"
#include "test/conf/faults.h"
#include "test/support/source_dir.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

std::string contents(const std::string& path) {
  std::ifstream file(postern::test::source_dir() + "/" + path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "line: message" for each diagnostic.
std::vector<std::string> summary(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const auto& diagnostic : loaded.diagnostics)
    out.push_back(std::to_string(diagnostic.place.line) + ": " + diagnostic.message);
  return out;
}

std::vector<std::string> names(std::span<const Key> keys, Standing standing) {
  std::vector<std::string> out;
  for (const auto& key : keys)
    if (key.standing == standing) out.emplace_back(key.name);
  return out;
}

// A mapping of the file: its keys, and a file in which KEY stands in such a mapping.
struct Mapping {
  std::string path;
  std::span<const Key> keys;
  std::string text;
};

std::vector<Mapping> mappings() {
  const std::string backends = "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n";
  const std::string listeners =
      "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: optional, backend: "
      "ex}]\n";
  const std::string certificates = "certificates: [{chain: a, key: b}]\n";
  const std::string rest = backends + listeners;
  return {
      {"", kTopKeys, "KEY: x\n" + certificates + rest},
      {"certificates[].", kCertificateKeys, "certificates: [{chain: a, key: b, KEY: x}]\n" + rest},
      {"tls.", kTlsKeys, "tls: {KEY: x}\n" + certificates + rest},
      {"backends.ex.", kBackendKeys,
       "backends: {ex: {servers: [\"192.0.2.10:25\"], KEY: x}}\n" + certificates + listeners},
      {"backends.ex.verify.", kVerifyKeys,
       "backends: {ex: {servers: [\"192.0.2.10:25\"], tls: implicit, verify: {KEY: x}}}\n" +
           certificates + listeners},
      {"backends.ex.client_certificate.", kClientCertificateKeys,
       "backends: {ex: {servers: [\"192.0.2.10:25\"], client_certificate: {KEY: x}}}\n" +
           certificates + listeners},
      {"listeners[].", kListenerKeys,
       "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: optional, backend: ex, "
       "KEY: x}]\n" +
           certificates + backends},
      {"rules[].", kRuleKeys,
       "rules: [{name: r, cleartext_login: warn, KEY: x}]\n" + certificates + rest},
      {"refusal.", kRefusalKeys, "refusal: {KEY: x}\n" + certificates + rest},
      {"limits.", kLimitsKeys, "limits: {KEY: x}\n" + certificates + rest},
      {"smtp.", kSmtpKeys, "smtp: {KEY: x}\n" + certificates + rest},
      {"audit.", kAuditKeys, "audit: {KEY: x}\n" + certificates + rest},
      {"admin.", kAdminKeys, "admin: {KEY: x}\n" + certificates + rest},
      {"log.", kLogKeys, "log: {KEY: x}\n" + certificates + rest},
  };
}

}  // namespace

TEST_CASE("a file with every key gets one complaint for each that comes later, and no other") {
  const auto loaded = load_text(contents("test/conf/data/whole.yaml"), "whole.yaml");
  REQUIRE_FALSE(loaded.settings);
  const std::vector<std::string> later = {
      "26: backends.post.balance: `client_ip`",
      "31: backends.post.source",
      "34: backends.post.health",
      "35: backends.post.client_address",
      "36: backends.pages.balance: `least_connections`",
      "37: backends.more.balance: `round_robin`",
      "41: listeners[].address[]: `systemd:`",
      "63: listeners[].protocol: `lmtp`",
      "64: listeners[].protocol: `managesieve`",
      "66: listeners[].protocol: `http`",
      "70: listeners[].http",
      "92: limits.failed_logins",
      "105: state",
      "106: admin.http",
      "106: admin.token_file",
  };
  std::vector<std::string> expected;
  for (const auto& line : later) expected.push_back(line + ": not supported yet");
  REQUIRE(summary(loaded) == expected);
}

TEST_CASE("each later key by itself gets exactly one complaint, at its place") {
  std::size_t count = 0;
  for (const auto& mapping : mappings()) {
    for (const auto& name : names(mapping.keys, Standing::later)) {
      std::string text = mapping.text;
      const std::size_t at = text.find("KEY");
      text.replace(at, 3, name);
      const std::string line = text.substr(0, text.find('\n'));
      REQUIRE(faults(text) == "p.yaml:1:" + std::to_string(at + 1) + ": " + mapping.path + name +
                                  ": not supported yet\n" + line + "\n" + std::string(at, ' ') +
                                  "^\n");
      ++count;
    }
  }
  REQUIRE(count > 0);
}

TEST_CASE("the file with every key has every key") {
  const std::string text = contents("test/conf/data/whole.yaml");
  for (const auto& mapping : mappings())
    for (const auto& key : mapping.keys)
      REQUIRE(text.find(std::string(key.name) + ":") != std::string::npos);
}

TEST_CASE("the reference loads without error or warning") {
  const auto loaded = load_text(contents("conf/reference.yaml"), "reference.yaml");
  REQUIRE(text_of(loaded.diagnostics).empty());
  REQUIRE(loaded.settings);
}

TEST_CASE("what the reference says by example is the default") {
  const auto loaded = load_text(contents("conf/reference.yaml"), "reference.yaml");
  REQUIRE(loaded.settings);
  const Settings& reference = *loaded.settings;
  const Settings defaults;
  CHECK(reference.workers == defaults.workers);
  CHECK(reference.tls.profile == defaults.tls.profile);
  CHECK(reference.tls.min_version == defaults.tls.min_version);
  CHECK(reference.tls.min_version_from.empty());
  CHECK(reference.tls.max_version == defaults.tls.max_version);
  CHECK(reference.tls.alpn == defaults.tls.alpn);
  CHECK(reference.tls.sni == defaults.tls.sni);
  CHECK(reference.tls.tickets.secret_file == defaults.tls.tickets.secret_file);
  CHECK(reference.tls.tickets.rotate == defaults.tls.tickets.rotate);
  CHECK(reference.tls.client_certificates == defaults.tls.client_certificates);
  CHECK(reference.tls.client_ca == defaults.tls.client_ca);
  CHECK(reference.tls.old_tls == defaults.tls.old_tls);
  CHECK(reference.backends[0].connect_timeout == Backend{}.connect_timeout);
  CHECK(reference.backends[0].greeting_timeout == Backend{}.greeting_timeout);
  CHECK(reference.listeners[0].logins.cleartext_login == CleartextLogin::refuse);
  CHECK(reference.listeners[0].bare_newlines == Listener{}.bare_newlines);
  CHECK(reference.limits.connections == defaults.limits.connections);
  CHECK(reference.limits.connections_per_ip == defaults.limits.connections_per_ip);
  CHECK(reference.limits.handshake_timeout == defaults.limits.handshake_timeout);
  CHECK(reference.limits.login_timeout == defaults.limits.login_timeout);
  CHECK(reference.limits.idle_timeout == defaults.limits.idle_timeout);
  CHECK(reference.limits.line_length == defaults.limits.line_length);
  CHECK(reference.smtp.bare_newlines == defaults.smtp.bare_newlines);
  CHECK(reference.smtp.hide == defaults.smtp.hide);
  CHECK(reference.audit.logs.size() == 1);
  CHECK(reference.audit.logs[0].kind == defaults.audit.logs[0].kind);
  CHECK(reference.audit.inventory == defaults.audit.inventory);
  CHECK(reference.audit.keep == defaults.audit.keep);
  CHECK(reference.audit.usernames == defaults.audit.usernames);
  CHECK(reference.audit.handshakes == defaults.audit.handshakes);
  CHECK(reference.audit.chain == defaults.audit.chain);
  CHECK(reference.audit.on_failure == defaults.audit.on_failure);
  CHECK(reference.admin.socket == defaults.admin.socket);
  CHECK(reference.refusal.text == defaults.refusal.text);
  CHECK(reference.refusal.help_url == defaults.refusal.help_url);
  CHECK(reference.log_level == defaults.log_level);
  CHECK(reference.shutdown_grace == defaults.shutdown_grace);
}

TEST_CASE(
    "the reference names every key: those that are read, and as comments those that are not") {
  const std::string text = contents("conf/reference.yaml");
  std::string read;
  std::string later;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    const std::string line = text.substr(start, end - start);
    (line.find("not supported yet") == std::string::npos ? read : later) += line + "\n";
    start = end + 1;
  }
  for (const auto& mapping : mappings()) {
    for (const auto& name : names(mapping.keys, Standing::read)) {
      INFO(mapping.path << name);
      CHECK(read.find(name + ":") != std::string::npos);
    }
    for (const auto& name : names(mapping.keys, Standing::later)) {
      INFO(mapping.path << name);
      CHECK(later.find("# " + name + ":") != std::string::npos);
    }
  }
}
