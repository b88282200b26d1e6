// See run.h.
#include "proxy/commands/run.h"

#include <csignal>
#include <iostream>
#include <memory>
#include <utility>
#include <variant>

#include "proxy/commands/audit_files.h"
#include "proxy/commands/dates.h"
#include "proxy/commands/name_hash.h"
#include "proxy/commands/process.h"
#include "proxy/commands/settings_file.h"
#include "proxy/commands/version.h"
#include "proxy/log.h"
#include "proxy/net/clock.h"
#include "proxy/server/server.h"

namespace postern::commands {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds kLookEvery{50};  // whether the last session has ended
constexpr milliseconds kLookAtDateEvery{60'000};
// After the farewells: what sessions need to deliver them (they drain for two seconds at most).
constexpr milliseconds kFarewellTime{3000};

// Descriptors that a session needs: one for each side.
constexpr std::size_t kDescriptorsASession = 2;

// Waits until all has ended, the time is up, or a signal comes. Whether all has ended.
bool wait_for_end(const server::Server& server, audit::Log& audit, milliseconds most) {
  const auto until = Steady::now() + most;
  while (!server.is_finished()) {
    if (Steady::now() >= until) return false;
    const int signal = await_signal(kLookEvery);
    if (signal == SIGUSR1) audit.reopen();
    if (signal == SIGTERM || signal == SIGINT) {
      log::info("second signal: ending at once");
      return false;
    }
  }
  return true;
}

void serve_until_signal(server::Server& server, const conf::Settings& settings, Dates& dates,
                        audit::Log& audit) {
  for (;;) {
    dates.announce(net::wall_clock());
    const int signal = await_signal(dates.pause(net::wall_clock(), kLookAtDateEvery));
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGUSR1) audit.reopen();
    if (signal == SIGHUP) log::warn("SIGHUP: reloading is not supported yet; nothing was changed");
  }
  log::info("draining: {} connections, for {} s at most", server.connections(),
            std::chrono::duration_cast<std::chrono::seconds>(settings.shutdown_grace).count());
  server.drain();
  const auto began = Steady::now();
  if (wait_for_end(server, audit, settings.shutdown_grace)) return;
  const bool was_hurried = Steady::now() - began < settings.shutdown_grace;
  server.end_sessions();
  if (!was_hurried) wait_for_end(server, audit, kFarewellTime);
}

}  // namespace

int run(const std::string& settings_path) {
  forbid_memory_dumps();
  auto prepared = prepare(settings_path, std::cerr);
  if (!prepared) return 1;
  const auto& settings = *prepared->settings;
  log::set_level(settings.log_level);
  take_over_signals();

  const auto descriptors = raise_descriptor_limit();
  if (descriptors < kDescriptorsASession * settings.limits.connections) {
    log::warn("limits.connections is {}, but {} descriptors allow about {} sessions",
              settings.limits.connections, descriptors, descriptors / kDescriptorsASession);
  }
  const auto workers = server::worker_count(settings);
  auto bound = server::bind_listeners(settings, workers);
  if (const auto* errors = std::get_if<std::vector<std::string>>(&bound)) {
    for (const auto& error : *errors) std::cerr << error << "\n";
    return 1;
  }
  if (const auto error = drop_privileges(settings)) {
    std::cerr << *error << "\n";
    return 1;
  }
  forbid_memory_dumps();  // changing the user has allowed them again
  auto opened = open_audit(settings);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    std::cerr << *error << "\n";
    return 1;
  }
  const auto name_hash = make_name_hash(settings);
  if (const auto* error = std::get_if<std::string>(&name_hash)) {
    std::cerr << *error << "\n";
    return 1;
  }
  auto& opened_audit = std::get<Audit>(opened);
  auto& audit = *opened_audit.log;
  audit.record_start();
  {
    auto& listening = std::get<server::Bound>(bound);
    for (const auto& one : listening.all) {
      log::info("listener {} on {}", settings.listeners[one.service].name, one.address.text());
    }
    server::Server server(settings, prepared->services, std::move(listening), audit,
                          std::get<tls::KeyedHash>(name_hash));
    log::info("{}: ready, {} workers", version_line(), workers);
    Dates dates(settings, audit);
    serve_until_signal(server, settings, dates, audit);
  }
  audit.record({net::wall_clock(), audit::NodeEvent{"stop"}});
  audit.close();
  opened_audit.inventory.reset();
  if (const auto lost = audit.lost(); lost > 0) {
    log::error("ended; the audit has lost {} events in this run", lost);
  } else {
    log::info("ended");
  }
  return 0;
}

}  // namespace postern::commands
