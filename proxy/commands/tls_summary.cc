// See tls_summary.h.
#include "proxy/commands/tls_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <vector>

#include "conf/dates.h"
#include "conf/lowest_versions.h"
#include "conf/values.h"
#include "conf/words.h"
#include "tls/server_context.h"

namespace postern::commands {

namespace {

using Context = std::shared_ptr<const tls::ServerContext>;

constexpr std::string_view kTls13Suites =
    "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256";

// Two contexts of one title serve the same suites and groups.
std::string title_of(const session::TlsTerms& terms, const tls::ServerContext& context) {
  std::string title(conf::word(terms.profile));
  const auto& serving = context.serving();
  if (serving.min_version == tls::Version::tls1_3) return title + " in TLS 1.3";
  if (terms.is_island) {
    title += " with RSA key exchange and 3DES";
  } else if (terms.profile != conf::Profile::legacy && serving.min_version < tls::Version::tls1_2) {
    title += " with CBC, for TLS below 1.2";
  }
  if (serving.max_version < tls::Version::tls1_3) title += ", without TLS 1.3";
  return title;
}

std::vector<std::string> texts_of(const std::vector<conf::Endpoint>& endpoints) {
  std::vector<std::string> texts;
  for (const auto& endpoint : endpoints) texts.push_back(conf::endpoint_text(endpoint));
  return texts;
}

class Summary {
 public:
  Summary(const conf::Settings& settings, const session::TlsSnapshot& snapshot)
      : settings_(settings), snapshot_(snapshot) {}

  std::string make() {
    for (std::size_t i = 0; i < settings_.listeners.size(); ++i) add_listener(i);
    for (const auto& [title, context] : served_) add_lists(title, *context);
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  Context find(std::size_t listener, const session::TlsTerms& terms) const {
    for (const auto& [served, context] : snapshot_[listener])
      if (served == terms) return context;
    return nullptr;
  }

  // "TLS 1.2 to 1.3, intermediate"
  std::string words_for(std::size_t listener, const session::TlsTerms& terms) {
    const auto context = find(listener, terms);
    if (context == nullptr) return "no TLS";
    auto title = title_of(terms, *context);
    served_.emplace(title, context);
    const auto max = settings_.listeners[listener].tls.max_version;
    const auto versions =
        terms.min_version == max
            ? fmt::format("TLS {}", conf::word(max))
            : fmt::format("TLS {} to {}", conf::word(terms.min_version), conf::word(max));
    return fmt::format("{}, {}", versions, title);
  }

  void add_listener(std::size_t index) {
    const auto& listener = settings_.listeners[index];
    add("listener {} ({}, {}): ", listener.name, conf::word(listener.protocol),
        conf::word(listener.tls_mode));
    if (snapshot_[index].empty()) return add("no TLS\n");
    const auto& tls = listener.tls;
    const bool has_own = listener.tls_mode != conf::TlsMode::none;
    add("{}\n", has_own ? words_for(index, {tls.min_version, tls.profile, false}) : "no TLS");
    for (const auto& dated : tls.min_version_from) {
      if (!has_own || dated.version <= tls.min_version) continue;
      add("  from {} on: {}\n", conf::date_text(dated.from),
          words_for(index, {dated.version, tls.profile, false}));
    }
    if (listener.legacy_tls == conf::LegacyTls::splice) {
      add("  who shares none of it, untouched (legacy_tls: splice): to {}\n",
          fmt::join(texts_of(listener.legacy_servers), ", "));
    }
    for (const auto& rule : settings_.rules) {
      const auto& at = rule.listeners;
      if (!at.empty() && std::find(at.begin(), at.end(), index) == at.end()) continue;
      const bool gives_tls = !has_own && rule.tls_mode && *rule.tls_mode != conf::TlsMode::none;
      if (!conf::states_versions(rule) && !rule.profile && !gives_tls) continue;
      const auto lowest = conf::lowest_versions(listener, &rule);
      session::TlsTerms terms{lowest.version, rule.profile.value_or(tls.profile),
                              rule.profile == conf::Profile::legacy};
      add("  by rule {}: {}\n", rule.name, words_for(index, terms));
      for (const auto& dated : lowest.rising) {
        if (dated.version <= lowest.version || (rule.until && dated.from > *rule.until)) continue;
        terms.min_version = dated.version;
        add("    from {} on: {}\n", conf::date_text(dated.from), words_for(index, terms));
      }
    }
  }

  void add_lists(const std::string& title, const tls::ServerContext& context) {
    const auto& serving = context.serving();
    add("{}:\n", title);
    if (serving.max_version == tls::Version::tls1_3) add("  {}\n", kTls13Suites);
    if (serving.min_version < tls::Version::tls1_3) {
      for (const auto& suite : context.suites()) add("  {}\n", suite);
    }
    add("  groups: {}\n", fmt::join(tls::group_names(serving.profile), ", "));
  }

  const conf::Settings& settings_;
  const session::TlsSnapshot& snapshot_;
  std::string out_;
  std::map<std::string, Context> served_;  // by title
};

}  // namespace

std::string tls_summary(const conf::Settings& settings, const session::TlsSnapshot& snapshot) {
  return Summary(settings, snapshot).make();
}

}  // namespace postern::commands
