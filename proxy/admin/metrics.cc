// See metrics.h.
#include "proxy/admin/metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iterator>
#include <string_view>

namespace postern::admin {

namespace {

// A label's value.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + '"';
}

class Writer {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
  }
  template <class Value>
  void add(const std::string& labels, Value value) {
    fmt::format_to(std::back_inserter(out_), "{}{} {}\n", name_,
                   labels.empty() ? "" : "{" + labels + "}", value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string_view name_;
  std::string out_;
};

}  // namespace

std::string text_of(const Metrics& metrics) {
  Writer out;
  out.begin("postern_info", "gauge", "This version, always 1.");
  out.add("version=" + quoted(metrics.version), 1);
  out.begin("postern_connections", "gauge", "Clients that are connected.");
  out.add("", metrics.connections);
  out.begin("postern_audit_lost_events_total", "counter", "Audit events that were lost.");
  out.add("", metrics.events_lost);
  out.begin("postern_certificate_reloads_total", "counter",
            "Times that certificates were read anew; failure: those from before are served on.");
  out.add("outcome=\"success\"", metrics.reloads_good);
  out.add("outcome=\"failure\"", metrics.reloads_bad);
  if (metrics.certificates.empty()) return out.take();
  out.begin(
      "postern_certificate_not_after_seconds", "gauge",
      "When a served certificate, or an issuer in its chain, expires, in seconds since 1970.");
  for (const auto& each : metrics.certificates) {
    const auto end =
        std::chrono::duration_cast<std::chrono::seconds>(each.chain_end.time_since_epoch());
    out.add(fmt::format("names={},serial={},file={}",
                        quoted(fmt::format("{}", fmt::join(each.names, ","))), quoted(each.serial),
                        quoted(each.file)),
            end.count());
  }
  return out.take();
}

}  // namespace postern::admin
