// See logs.h.
#include "proxy/report/logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>

#include "conf/load.h"
#include "proxy/audit/inventory/import.h"

namespace postern::report {

std::vector<std::string> files_of(const LogsRequest& request, std::ostream& messages) {
  if (!request.files.empty()) return request.files;
  const auto path = log_of(request.config, messages);
  if (path.empty()) return {};
  return {path};
}

bool each_file(const std::vector<std::string>& files, std::ostream& messages,
               const std::function<bool(std::istream&, const std::string&)>& read) {
  return std::all_of(files.begin(), files.end(), [&](const auto& path) {
    if (path == "-") return read(std::cin, path);
    std::ifstream in(path, std::ios::binary);
    if (in) return read(in, path);
    messages << fmt::format("postern audit: {} cannot be read\n", path);
    return false;
  });
}

std::string log_of(const std::string& config, std::ostream& messages) {
  const auto loaded = conf::load_file(config);
  if (!loaded.settings) {
    messages << conf::text_of(loaded.diagnostics);
    return "";
  }
  for (const auto& log : loaded.settings->audit.logs) {
    if (log.kind == conf::AuditLog::Kind::file) return log.path;
  }
  messages << fmt::format("postern audit: {} writes its audit log to no file\n", config);
  return "";
}

int import_command(const LogsRequest& request, std::ostream& out, std::ostream& messages) {
  const auto files = files_of(request, messages);
  if (files.empty()) return 1;
  auto begun = audit::inventory::Import::begin(request.inventory);
  if (const auto* const error = std::get_if<std::string>(&begun)) {
    messages << fmt::format("postern audit import: {}: {}\n", request.inventory, *error);
    return 1;
  }
  auto& import = *std::get<0>(begun);
  const bool is_read = each_file(files, messages, [&](std::istream& in, const std::string&) {
    const auto error = import.read(in);
    if (!error) return true;
    messages << fmt::format("postern audit import: {}: {}\n", request.inventory, *error);
    return false;
  });
  const auto& counts = import.counts();
  out << fmt::format(
      "{} lines: {} into the inventory, {} that it does not hold, {} not understood\n",
      counts.lines, counts.taken, counts.not_wanted, counts.not_understood);
  return is_read ? 0 : 1;
}

}  // namespace postern::report
