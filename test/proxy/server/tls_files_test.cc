// Which files TLS is made of, and how a change of them is known.
#include "proxy/server/tls_files.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "test/proxy/audit/temporary_folder.h"

using namespace postern;
using server::FileState;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("tls files: every path that is read anew, once, and no systemd credential") {
  conf::Settings settings;
  settings.certificates = {{"a.pem", "a.key", "a.pass", "a.ocsp", {}, {}},
                           {"b.pem", "a.key", "credential:b", "", {}, {}}};
  auto& listener = settings.listeners.emplace_back();
  listener.tls.client_ca = "clients.pem";
  listener.tls.client_crl = "revoked.pem";
  listener.tls.tickets.secret_file = "tickets";
  settings.listeners.push_back(listener);
  auto& backend = settings.backends.emplace_back();
  backend.tls = conf::BackendTls::implicit;
  backend.verify.ca = "backends.pem";
  backend.client_certificate = conf::Certificate{"own.pem", "own.key", "", "", {}, {}};
  REQUIRE(server::tls_files(settings) ==
          std::vector<std::string>{"a.pem", "a.key", "a.pass", "a.ocsp", "b.pem", "clients.pem",
                                   "revoked.pem", "tickets", "backends.pem", "own.pem", "own.key"});
}

TEST_CASE("tls files: of a backend what its TLS takes, and none where that is off") {
  conf::Backend backend;
  backend.client_certificate = conf::Certificate{"own.pem", "own.key", "", "", {}, {}};
  CHECK(server::paths_of(backend).empty());
  backend.tls = conf::BackendTls::starttls;
  CHECK(server::paths_of(backend) ==
        std::vector<std::string>{server::system_trust(), "own.pem", "own.key"});
  backend.verify.is_on = false;
  CHECK(server::paths_of(backend) == std::vector<std::string>{"own.pem", "own.key"});
}

TEST_CASE("a file's state differs once it is written, replaced, removed or reached otherwise") {
  const test::TemporaryFolder folder;
  const auto path = folder.file("link");
  write(folder.file("one"), "1");
  write(folder.file("two"), "1");
  std::filesystem::create_symlink("one", path);
  const std::vector<std::string> paths = {path};
  const auto before = server::states_of(paths);
  REQUIRE(before[0].kind == FileState::Kind::there);
  REQUIRE_FALSE(server::differ(before, server::states_of(paths)));
  SECTION("written") { write(folder.file("one"), "22"); }
  SECTION("replaced") { std::filesystem::rename(folder.file("two"), folder.file("one")); }
  SECTION("removed") { std::filesystem::remove(folder.file("one")); }
  SECTION("a link that leads elsewhere") {
    std::filesystem::remove(path);
    std::filesystem::create_symlink("two", path);
  }
  REQUIRE(server::differ(before, server::states_of(paths)));
}

TEST_CASE("what this user may not look at has not changed; what is missing has") {
  const FileState there{FileState::Kind::there, 1, 2, 3, 4, 5};
  const FileState hidden{FileState::Kind::hidden};
  const FileState missing{};
  CHECK_FALSE(server::differ({there}, {hidden}));
  CHECK_FALSE(server::differ({hidden}, {hidden}));
  CHECK(server::differ({hidden}, {missing}));
  CHECK(server::differ({hidden}, {there}));  // whoever looks now may find another one
  CHECK(server::differ({there}, {missing}));
  CHECK(server::differ({missing}, {there}));
}
