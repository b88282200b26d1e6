// Whatever the policy grants a client has a context, with just what it grants.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "conf/dates.h"
#include "conf/load.h"
#include "conf/prefixes.h"
#include "proxy/policy/policy.h"
#include "proxy/server/tls_loader.h"
#include "test/proxy/audit/temporary_folder.h"
#include "tls/credentials.h"

namespace postern::test {

TEST_CASE("each listener has a context for all that the policy may grant there") {
  const TemporaryFolder folder;
  const auto pair = tls::make_throwaway_certificate({"mail.example.com"});
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.file(name)) << text;
    std::filesystem::permissions(folder.file(name), std::filesystem::perms(0600));
  };
  write("a.pem", pair.chain);
  write("a.key", pair.key);
  write("p.yaml",
        "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n"
        "certificates: [{chain: a.pem, key: a.key}]\n"
        "tls: {min_version_from: {1.3: 2028-01-01}}\n"
        "listeners:\n"
        "  - {name: a, protocol: imap, address: \"127.0.0.1:993\", tls: implicit, backend: ex}\n"
        "  - {name: b, protocol: pop3, address: \"127.0.0.1:110\", tls: optional, backend: ex, "
        "profile: legacy, min_version: 1.0, min_version_from: {1.1: 2026-01-01, 1.3: 2027-06-01}, "
        "cleartext_login: warn}\n"
        "  - {name: c, protocol: smtp, address: \"127.0.0.1:25\", tls: required, backend: ex, "
        "profile: modern}\n"
        "  - {name: d, protocol: smtp, address: \"127.0.0.1:26\", tls: none, backend: ex}\n"
        "rules:\n"
        "  - {name: r1, from: [192.0.2.1], min_version: 1.0}\n"
        "  - {name: r2, from: [192.0.2.2], profile: legacy}\n"
        "  - {name: r3, from: [192.0.2.3], profile: legacy, min_version: 1.0}\n"
        "  - {name: r4, from: [192.0.2.4], profile: modern, listeners: [a, b]}\n"
        "  - {name: r5, from: [192.0.2.5], profile: intermediate}\n"
        "  - {name: r6, users: [x], cleartext_login: refuse}\n"
        "  - {name: r7, from: [192.0.2.7], tls: optional, listeners: [d], profile: legacy}\n"
        "  - {name: r8, from: [192.0.2.8], listeners: [a, b], min_version: 1.1, min_version_from: "
        "{1.2: 2026-12-01, 1.3: 2028-01-01}}\n"
        "  - {name: r9, from: [192.0.2.9], listeners: [a, b], min_version_from: {1.3: "
        "2026-01-01}}\n");
  const auto loaded = conf::load_file(folder.file("p.yaml"));
  INFO(conf::text_of(loaded.diagnostics));
  REQUIRE(loaded.settings);
  const auto& settings = *loaded.settings;
  auto tls = server::TlsLoader(std::make_shared<const conf::Settings>(settings)).load();
  REQUIRE(tls.errors.empty());
  REQUIRE(tls.warnings.size() == 3);  // of each rule that wants an RSA certificate
  CHECK(
      tls.warnings[0] ==
      folder.file("p.yaml") +
          ":11:44: rule r2: RSA key exchange and 3DES need an RSA certificate, and there is none");
  const session::CurrentTls current(std::move(tls.snapshot));
  std::size_t islands = 0;
  for (std::size_t listener = 0; listener < settings.listeners.size(); ++listener) {
    for (const std::string when : {"2025-01-01", "2026-11-26", "2027-07-01", "2029-01-01"}) {
      for (int host = 0; host < 10; ++host) {
        const auto address = "192.0.2." + std::to_string(host);
        const auto admission =
            policy::admit(settings, *conf::parse_moment(when).value,
                          {listener, *conf::parse_address_octets(address).value});
        if (admission.tls_mode == conf::TlsMode::none) continue;
        INFO(settings.listeners[listener].name << " " << when << " " << address);
        const auto context = current.find(
            listener, {admission.min_version, admission.profile, admission.opens_island});
        REQUIRE(context != nullptr);
        const auto& serving = context->serving();
        CHECK(static_cast<int>(serving.min_version) == static_cast<int>(admission.min_version));
        if (admission.opens_island) {
          CHECK(serving.profile == tls::Profile::island);
          ++islands;
        } else {
          CHECK(static_cast<int>(serving.profile) == static_cast<int>(admission.profile));
        }
      }
    }
  }
  CHECK(islands > 10);
}

}  // namespace postern::test
