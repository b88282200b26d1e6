// Any text as a settings file. It must never throw or crash; it has settings exactly where it has
// no error; every diagnostic has one line of text, a place inside the file, and stands in order;
// what settings hold is what the rest of postern relies on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "conf/load.h"
#include "conf/prefixes.h"
#include "conf/source.h"

namespace {

using namespace postern::conf;  // NOLINT: a target for the whole folder

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_one_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0 || (text[0] != '\t' && is_control(text))) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check(const Diagnostic& diagnostic, std::size_t size) {
  require(!diagnostic.message.empty() && diagnostic.message.size() < 2000);
  require(is_one_line(diagnostic.message) && is_one_line(diagnostic.line));
  require(diagnostic.place.line >= 0 && diagnostic.place.column >= 0);
  require(static_cast<std::size_t>(diagnostic.place.line) <= size + 2);
  require(static_cast<std::size_t>(diagnostic.place.column) <= size + 2);
  require(!text_of(diagnostic).empty());
}

// It goes into replies as it is.
bool is_reply_text(std::string_view text) {
  return text.size() <= 160 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void check(const LoginPolicy& logins) {
  require(logins.cleartext_login.has_value() == (logins.cleartext_login_place.line > 0));
  require(logins.refuse_from.has_value() == (logins.refuse_from_place.line > 0));
  require(logins.refuse_share.has_value() == (logins.refuse_share_place.line > 0));
  require(!logins.refuse_share || logins.refuse_share->value <= Share::kAll);
}

void check(const Rule& rule, const Settings& settings) {
  require(!rule.name.empty() && rule.name != "listener");
  check(rule.logins);
  for (const auto index : rule.listeners) require(index < settings.listeners.size());
  for (const auto& prefix : rule.from) {
    require(prefix.length <= 128);
    require(parse_prefix(prefix_text(prefix)).value == prefix);
  }
  const bool is_early = rule.tls_mode || rule.min_version || rule.min_version_from ||
                        rule.profile || rule.bare_newlines;
  require(rule.users.empty() || !is_early);
  if (rule.profile == Profile::legacy) {
    require(!rule.from.empty());
    for (const auto& prefix : rule.from) require(!is_everybody(prefix));
  }
  require(rule.tls_mode != TlsMode::implicit);
}

void check(const Settings& settings) {
  require(!settings.hostname.empty());
  require(!settings.backends.empty() && !settings.listeners.empty());
  require(settings.audit.logs.size() <= 8 && settings.audit.keep.count() > 0);
  require(is_reply_text(settings.refusal.text) && is_reply_text(settings.refusal.help_url));
  require(settings.limits.connections > 0 && settings.limits.connections_per_ip > 0);
  require(settings.limits.idle_timeout.count() > 0 && settings.limits.login_timeout.count() > 0);
  require(settings.limits.line_length >= 1024 && settings.limits.line_length <= 1024 * 1024);
  for (const auto& backend : settings.backends) {
    require(!backend.name.empty() && !backend.servers.empty());
    for (const auto& server : backend.servers) require(!server.host.empty() && server.port != 0);
  }
  for (const auto& listener : settings.listeners) {
    require(!listener.name.empty() && !listener.addresses.empty());
    require(listener.backend < settings.backends.size());
    require(listener.tls.min_version <= listener.tls.max_version);
    const DatedVersion* before = nullptr;
    for (const auto& dated : listener.tls.min_version_from) {
      require(dated.version <= listener.tls.max_version);
      require(before == nullptr || (before->version < dated.version && before->from < dated.from));
      before = &dated;
    }
    require(listener.tls_mode == TlsMode::none || !settings.certificates.empty());
    check(listener.logins);
  }
  for (const auto& rule : settings.rules) check(rule, settings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = load_text(text, "p.yaml");
  bool has_error = false;
  Place last;
  for (const auto& diagnostic : loaded.diagnostics) {
    check(diagnostic, size);
    has_error = has_error || diagnostic.severity == Severity::error;
    const Place place = diagnostic.place;
    if (place.line == 0) continue;
    require(place.line > last.line || (place.line == last.line && place.column >= last.column));
    last = place;
  }
  require(has_error != loaded.settings.has_value());
  if (loaded.settings) check(*loaded.settings);
  return 0;
}
