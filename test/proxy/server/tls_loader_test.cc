// From files of certificates to contexts: what is said of all of them together, and many at once.
#include "proxy/server/tls_loader.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proxy/server/certificate_names.h"
#include "test/support/certificates.h"
#include "test/tls/connection.h"

namespace postern::test {

namespace {

// A folder that goes with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    std::filesystem::permissions(path / name, std::filesystem::perms::owner_read);
    return (path / name).string();
  }
  std::filesystem::path path;
};

conf::Certificate setting_of(const std::string& chain, const std::string& key, int line = 0) {
  conf::Certificate setting;
  setting.chain = chain;
  setting.key = key;
  setting.place = {line, 5};
  return setting;
}

server::LoadedCertificate loaded(const conf::Certificate& setting, const IssueOptions& options) {
  const auto made = issue(options);
  return {&setting, *tls::Credentials::parse(made.certificate(), made.key(), "c", "k")};
}

}  // namespace

TEST_CASE(
    "names that two certificates have with one kind of key are never served from the second") {
  conf::Settings settings;
  settings.file = "p.yaml";
  settings.hostname = "mail.example.com";
  for (int line = 1; line <= 5; ++line) {
    settings.certificates.push_back(setting_of(std::to_string(line) + ".pem", "", line));
  }
  const std::vector<std::string> names = {"mail.example.com", "a.example.com", "b.example.com",
                                          "c.example.com"};
  const auto& at = settings.certificates;
  const auto warnings = server::name_warnings(
      settings, {loaded(at[0], {.dns_names = names}),
                 loaded(at[1], {.dns_names = names, .kind = KeyKind::rsa}),
                 loaded(at[2], {.dns_names = names, .kind = KeyKind::p384}),
                 loaded(at[3], {.dns_names = {"*.example.com", "mail.example.com"}}),
                 loaded(at[4], {.dns_names = names, .kind = KeyKind::rsa, .rsa_bits = 3072})});
  CHECK(warnings ==
        std::vector<std::string>{
            "p.yaml:4:5: 4.pem: never served for mail.example.com: the certificate on line 1 is "
            "for the same, with the same kind of key (ECDSA P-256)",
            "p.yaml:5:5: 5.pem: never served for a.example.com, b.example.com, c.example.com and 1 "
            "more: the certificate on line 2 is for the same, with the same kind of key (RSA)"});
}

TEST_CASE("a hostname that is stated and is a name of no certificate is warned of") {
  struct Row {
    std::string hostname;
    bool is_stated;
    bool is_warned_of;
  };
  const std::vector<Row> rows = {
      {"mail.example.com", true, false},
      {"a.example.org", true, false},
      {"example.org", true, true},
      {"a.b.example.org", true, true},
      {"other", true, true},
      {"other", false, false},
  };
  const conf::Certificate setting;
  const auto certificate = loaded(setting, {.dns_names = {"mail.example.com", "*.example.org"}});
  for (const auto& row : rows) {
    conf::Settings settings;
    settings.file = "p.yaml";
    settings.hostname = row.hostname;
    if (row.is_stated) settings.hostname_place = {2, 11};
    CHECK(server::name_warnings(settings, {}).empty());
    const auto warnings = server::name_warnings(settings, {certificate});
    if (!row.is_warned_of) {
      CHECK(warnings.empty());
    } else {
      CHECK(warnings == std::vector<std::string>{"p.yaml:2:11: hostname " + row.hostname +
                                                 " is a name of no certificate"});
    }
  }
}

TEST_CASE("a thousand certificates are loaded for many listeners, and each is found by its name") {
  constexpr std::size_t kMany = 1000;
  const Folder folder;
  auto settings = std::make_shared<conf::Settings>();
  settings->hostname = "mail.example.com";
  const auto first = issue({.common_name = "first", .dns_names = {"0.example.com"}});
  const auto key = folder.file("key.pem", first.key());
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto name = std::to_string(i) + ".example.com";
    const auto made = issue({.common_name = name, .dns_names = {name}, .key_of = &first});
    settings->certificates.push_back(
        setting_of(folder.file(std::to_string(i) + ".pem", made.certificate()), key));
  }
  for (std::size_t i = 0; i < 16; ++i) {
    conf::Listener listener;
    listener.tls_mode = conf::TlsMode::implicit;
    settings->listeners.push_back(listener);
  }
  const auto all = server::TlsLoader(settings).load();
  REQUIRE(all.errors.empty());
  REQUIRE(all.sources.certificates.size() == kMany);
  REQUIRE(all.snapshot.size() == 16);
  for (const std::size_t i : {0U, 1U, 500U, 999U}) {
    TlsClientOptions options;
    options.server_name = std::to_string(i) + ".example.com";
    const Connection connection(all.snapshot[i % 16].front().second, options);
    CHECK(connection.client.server_subject() == "CN = " + options.server_name);
  }
}

TEST_CASE("each fault of each certificate is said at its place, all at once") {
  const Folder folder;
  auto settings = std::make_shared<conf::Settings>();
  settings->file = "p.yaml";
  const auto good = issue({.common_name = "a", .dns_names = {"a.example.com"}});
  const auto other = issue({.common_name = "b", .dns_names = {"b.example.com"}});
  const auto chain = folder.file("a.pem", good.certificate());
  const auto key = folder.file("a.key", good.key());
  const auto other_key = folder.file("b.key", other.key());
  settings->certificates = {setting_of(chain, other_key, 3), setting_of(chain, key, 4),
                            setting_of(chain, key, 5)};
  settings->certificates[1].ocsp = chain;
  settings->certificates[2].passphrase_file = "credential:phrase";
  const auto all = server::TlsLoader(settings).load();
  REQUIRE(all.errors.size() == 2);
  CHECK(all.errors[0] == "p.yaml:3:5: the key in " + other_key +
                             " does not belong to the first certificate in " + chain + " (CN = a)");
  CHECK(all.errors[1].starts_with("p.yaml:5:5: there is no credential phrase"));
  REQUIRE(all.warnings.size() == 1);
  CHECK(all.warnings[0].starts_with("p.yaml:4:5: " + chain + " looks like PEM"));
}

}  // namespace postern::test
