// See demo.h.
#include "proxy/commands/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "proxy/commands/audit.h"
#include "proxy/commands/audit_files.h"
#include "proxy/commands/process.h"
#include "proxy/commands/settings_file.h"
#include "proxy/demo/legacy_server.h"
#include "proxy/demo/tour.h"
#include "proxy/log.h"
#include "proxy/net/bind.h"
#include "proxy/net/clock.h"
#include "proxy/server/server.h"
#include "tls/credentials.h"

namespace postern::commands {

namespace {

namespace fs = std::filesystem;

constexpr const char* kHost = "mail.example.com";
constexpr const char* kDomain = "example.com";

// The demonstration's listeners; the port is the protocol's own, moved up by 10000.
struct Row {
  const char* name;
  const char* protocol;
  const char* tls;
  const char* backend;
  std::uint16_t preferred_port;
};
constexpr std::array kRows = {
    Row{"mx", "smtp", "optional", "old-smtp", 10025},
    Row{"submission", "submission", "required", "old-smtp", 10587},
    Row{"submissions", "submission", "implicit", "old-smtp", 10465},
    Row{"imap", "imap", "required", "old-imap", 10143},
    Row{"imaps", "imap", "implicit", "old-imap", 10993},
    Row{"pop3", "pop3", "required", "old-pop3", 10110},
    Row{"pop3s", "pop3", "implicit", "old-pop3", 10995},
    Row{"imap-observed", "imap", "optional", "old-imap", 11143},
};
enum RowIndex { mx, submission, submissions, imap, imaps, pop3, pop3s, imap_observed };

// A folder that goes with all that lies in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto name = (fs::temp_directory_path() / "postern-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw fs::filesystem_error("mkdtemp", name, {});
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw fs::filesystem_error("cannot write", path, {});
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The preferred port where it is free, else another; 0 where there is none.
std::uint16_t free_port(std::uint16_t preferred) {
  for (const std::uint16_t port : {preferred, std::uint16_t{0}}) {
    const auto bound = net::bind_all(*net::Address::parse("127.0.0.1", port), 1);
    if (const auto* sockets = std::get_if<std::vector<net::Socket>>(&bound)) {
      return net::Address::of_socket(sockets->front().get()).port();
    }
  }
  return 0;
}

std::string settings_text(const demo::LegacyPorts& old) {
  auto text = fmt::format(
      "hostname: {}\n"
      "workers: 1\n"
      "certificates:\n"
      "  - {{chain: certificate.pem, key: key.pem}}\n"
      "backends:\n"
      "  old-smtp: {{servers: [\"127.0.0.1:{}\"]}}\n"
      "  old-imap: {{servers: [\"127.0.0.1:{}\"]}}\n"
      "  old-pop3: {{servers: [\"127.0.0.1:{}\"]}}\n"
      "listeners:\n",
      kHost, old.smtp, old.imap, old.pop3);
  for (const auto& row : kRows) {
    text += fmt::format(
        "  - {{name: {}, protocol: {}, address: \"127.0.0.1:{}\", tls: {}, backend: {}{}}}\n",
        row.name, row.protocol, free_port(row.preferred_port), row.tls, row.backend,
        std::string_view(row.tls) == "optional" ? ", cleartext_login: observe" : "");
  }
  return text + "audit: {log: \"file:audit.jsonl\", inventory: \"sqlite:inventory.db\"}\n";
}

void print_invitation(const std::array<std::uint16_t, kRows.size()>& ports,
                      const demo::LegacyOptions& old, const fs::path& certificate,
                      const fs::path& settings, const fs::path& audit) {
  std::cout << "\nIt stays up until Ctrl-C. All on 127.0.0.1:\n\n";
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    std::cout << fmt::format("  {:<14} {:<11} tls: {:<9} port {}\n", kRows[i].name,
                             kRows[i].protocol, kRows[i].tls, ports[i]);
  }
  std::cout << fmt::format(
      "\nLog in as {} with the password {}. To try:\n\n"
      "  openssl s_client -quiet -crlf -connect 127.0.0.1:{} -CAfile {}\n"
      "  openssl s_client -crlf -starttls imap -connect 127.0.0.1:{} -CAfile {}\n"
      "  curl --cacert {} --resolve {}:{}:127.0.0.1 -u {}:{} 'imaps://{}:{}/INBOX;MAILINDEX=1'\n"
      "  swaks --server 127.0.0.1:{} --tls --auth LOGIN --auth-user {} --auth-password {} "
      "--from {}@{} --to {}@{}\n"
      "  curl -u {}:{} 'imap://127.0.0.1:{}/'        # in clear: recorded as exposed\n"
      "\n"
      "Its settings:   {}\n"
      "Its audit log:  tail -f {}\n"
      "Its inventory:  postern audit report --config {}\n",
      old.user, old.password, ports[imaps], certificate.string(), ports[imap], certificate.string(),
      certificate.string(), kHost, ports[imaps], old.user, old.password, kHost, ports[imaps],
      ports[submission], old.user, old.password, old.user, kDomain, old.user, kDomain, old.user,
      old.password, ports[imap_observed], settings.string(), audit.string(), settings.string());
  std::cout.flush();
}

int demonstrate(const DemoRequest& request) {
  take_over_signals();
  log::set_level(conf::LogLevel::warn);
  const demo::LegacyOptions old{.hostname = "legacy.example.com",
                                .user = "anna",
                                .password = "fortress",
                                .now = net::wall_clock};
  const auto legacy = demo::LegacyServer::start(old);
  if (!legacy) {
    std::cerr << "postern demo: " << legacy.error().message << "\n";
    return 1;
  }
  const TemporaryFolder folder;
  const auto certificate = folder / "certificate.pem";
  const auto settings_path = folder / "postern.yaml";
  const auto audit_path = folder / "audit.jsonl";
  const auto pair = tls::make_throwaway_certificate({kHost, "localhost", "127.0.0.1"});
  write_file(certificate, pair.chain);
  write_file(folder / "key.pem", pair.key);
  write_file(settings_path, settings_text((*legacy)->ports()));

  const auto prepared = prepare(settings_path.string(), std::cerr);
  if (!prepared) return 1;
  const auto& settings = *prepared->settings;
  auto bound = server::bind_listeners(settings, settings.workers);
  auto opened = open_audit(settings);
  if (!std::holds_alternative<server::Bound>(bound) || !std::holds_alternative<Audit>(opened)) {
    std::cerr << "postern demo: cannot listen on 127.0.0.1, or not write to " << audit_path.string()
              << "\n";
    return 1;
  }
  auto& listening = std::get<server::Bound>(bound);
  std::array<std::uint16_t, kRows.size()> ports{};
  for (const auto& one : listening.all) ports.at(one.service) = one.address.port();
  const server::Server server(settings, prepared->services, std::move(listening),
                              *std::get<Audit>(opened).log, tls::KeyedHash());

  const demo::TourSetting setting{
      .ports = {.imap = ports[imap],
                .imaps = ports[imaps],
                .pop3 = ports[pop3],
                .pop3s = ports[pop3s],
                .submission = ports[submission],
                .imap_observed = ports[imap_observed]},
      .server_name = kHost,
      .trusted_pem = pair.chain,
      .user = old.user,
      .password = old.password,
      .address = old.user + "@" + kDomain,
      .audit_lines = [&audit_path] { return read_file(audit_path); },
      .cleartext_report =
          [&settings_path] {
            return audit_output(
                {"report", "--config", settings_path.string(), "--section", "cleartext"});
          },
  };
  const bool is_good = demo::tour(setting, std::cout, demo::look_of_standard_output());
  if (!request.once) {
    print_invitation(ports, old, certificate, settings_path, audit_path);
    while (await_signal(std::chrono::hours(1)) == 0) {
    }
  }
  return is_good ? 0 : 1;
}

}  // namespace

int demo(const DemoRequest& request) {
  try {
    return demonstrate(request);
  } catch (const fs::filesystem_error& error) {
    std::cerr << "postern demo: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace postern::commands
