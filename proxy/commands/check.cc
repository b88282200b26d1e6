// See check.h.
#include "proxy/commands/check.h"

#include <fmt/format.h>

#include <iostream>
#include <set>
#include <utility>

#include "proxy/commands/backend_probe.h"
#include "proxy/commands/settings_file.h"
#include "proxy/commands/tls_summary.h"

namespace postern::commands {

namespace {

// Dials each server of each backend once a protocol. Whether all of them answered.
bool connect_all(const Prepared& prepared) {
  bool all_answered = true;
  std::set<std::pair<std::string, protocols::Protocol>> done;
  for (const auto& service : prepared.services.list) {
    auto protocol = service->protocol;
    if (protocol == protocols::Protocol::submission) protocol = protocols::Protocol::smtp;
    if (!done.insert({service->backend.name, protocol}).second) continue;
    const auto& backend = service->backend;
    for (std::size_t i = 0; i < backend.servers.size(); ++i) {
      std::cout << fmt::format("\nbackend {} at {} ({}):\n", backend.name,
                               backend.servers[i].text(), protocols::name_of(protocol));
      const auto report = probe_backend(protocol, backend, i, prepared.settings->hostname);
      for (const auto& line : report.lines) std::cout << "  " << line << "\n";
      for (const auto& warning : report.warnings) std::cout << "  WARNING: " << warning << "\n";
      all_answered = all_answered && report.has_answered;
    }
  }
  return all_answered;
}

}  // namespace

int check(const CheckRequest& request) {
  const auto prepared = prepare(request.settings_path, std::cerr);
  if (!prepared) return 1;
  const auto& settings = *prepared->settings;
  for (const auto& note : prepared->services.notes) std::cout << "note: " << note << "\n";
  std::cout << fmt::format("{}: ok: {} listeners, {} backends, {} certificates\n", settings.file,
                           settings.listeners.size(), settings.backends.size(),
                           settings.certificates.size());
  if (request.verbose) std::cout << tls_summary(settings, *prepared->services.tls->get());
  if (request.connect && !connect_all(*prepared)) return 1;
  return 0;
}

}  // namespace postern::commands
