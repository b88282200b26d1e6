// See requests.h.
#include "proxy/admin/requests.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "proxy/admin/certificate_list.h"
#include "proxy/admin/metrics.h"

namespace postern::admin {

namespace {

using Json = nlohmann::json;

// Texts come from certificates and paths, and need not be UTF-8.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string refusal(const std::string& why) {
  return line_of({{"ok", false}, {"errors", Json::array({why})}});
}

std::int64_t seconds(audit::WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

std::string Requests::answer(std::string_view request) {
  const auto json = Json::parse(request, nullptr, false);
  const auto command = json.is_object() ? json.find("command") : json.end();
  if (!json.is_object() || command == json.end() || !command->is_string()) {
    return refusal("the request is no JSON object with a command");
  }
  const auto& name = command->get_ref<const std::string&>();
  if (name == "certificates.list") return list();
  if (name == "certificates.reload") return reload();
  if (name == "metrics") return metrics();
  return refusal("this postern knows no command " + name);
}

std::string Requests::list() const {
  auto certificates = Json::array();
  for (const auto& each :
       list_of(sources_.settings, sources_.renewal.certificates(), *sources_.served.get())) {
    certificates.push_back({{"names", each.names},
                            {"key", each.key},
                            {"issuer", each.issuer},
                            {"serial", each.serial},
                            {"file", each.file},
                            {"not_before", seconds(each.not_before)},
                            {"not_after", seconds(each.not_after)},
                            {"listeners", each.listeners}});
  }
  return line_of({{"ok", true}, {"certificates", std::move(certificates)}});
}

std::string Requests::reload() {
  const auto outcome = sources_.renewal.reload("postern certificates reload");
  if (!outcome.errors.empty()) return line_of({{"ok", false}, {"errors", outcome.errors}});
  return line_of({{"ok", true}, {"changed", outcome.changed}, {"warnings", outcome.warnings}});
}

std::string Requests::metrics() const {
  Metrics metrics;
  metrics.version = sources_.version;
  metrics.connections = sources_.connections();
  metrics.events_lost = sources_.events_lost();
  metrics.reloads_good = sources_.renewal.successes();
  metrics.reloads_bad = sources_.renewal.failures();
  metrics.certificates =
      list_of(sources_.settings, sources_.renewal.certificates(), *sources_.served.get());
  return line_of({{"ok", true}, {"text", text_of(metrics)}});
}

}  // namespace postern::admin
