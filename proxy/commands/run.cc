// See run.h.
#include "proxy/commands/run.h"

#include <iostream>
#include <memory>
#include <utility>
#include <variant>

#include "proxy/commands/audit_files.h"
#include "proxy/commands/name_hash.h"
#include "proxy/commands/process.h"
#include "proxy/commands/serving.h"
#include "proxy/commands/settings_file.h"
#include "proxy/commands/version.h"
#include "proxy/log.h"
#include "proxy/net/clock.h"
#include "proxy/server/certificate_files.h"
#include "proxy/server/server.h"

namespace postern::commands {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds kLookEvery{50};  // whether the last session has ended
// After the farewells: what sessions need to deliver them (they drain for two seconds at most).
constexpr milliseconds kFarewellTime{3000};

// Descriptors that a session needs: one for each side.
constexpr std::size_t kDescriptorsASession = 2;

// Waits until all has ended, the time is up, or a signal comes. Whether all has ended.
bool wait_for_end(const server::Server& server, Serving& serving, milliseconds most) {
  const auto until = Steady::now() + most;
  while (!server.is_finished()) {
    if (Steady::now() >= until) return false;
    if (serving.await_end(kLookEvery) != 0) {
      log::info("second signal: ending at once");
      return false;
    }
  }
  return true;
}

void serve_until_signal(server::Server& server, const conf::Settings& settings, Serving& serving) {
  serving.await_end();
  log::info("draining: {} connections, for {} s at most", server.connections(),
            std::chrono::duration_cast<std::chrono::seconds>(settings.shutdown_grace).count());
  server.drain();
  const auto began = Steady::now();
  if (wait_for_end(server, serving, settings.shutdown_grace)) return;
  const bool was_hurried = Steady::now() - began < settings.shutdown_grace;
  server.end_sessions();
  if (!was_hurried) wait_for_end(server, serving, kFarewellTime);
}

}  // namespace

int run(const std::string& settings_path) {
  hold_signals_of_service();
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
  for (const auto& warning : server::unreadable_files(settings)) log::warn("{}", warning);
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
  auto control = open_control_socket(settings);
  if (const auto* error = std::get_if<std::string>(&control)) {
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
    // Before the server: it counts the descriptors that are left for sessions.
    Serving serving(settings, prepared->services, audit, std::move(std::get<0>(control)));
    server::Server server(settings, prepared->services, std::move(listening), audit,
                          std::get<tls::KeyedHash>(name_hash));
    log::info("{}: ready, {} workers", version_line(), workers);
    serving.watch(server);
    serve_until_signal(server, settings, serving);
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
