// See explanation.h.
#include "proxy/commands/explanation.h"

#include <fmt/format.h>

#include <algorithm>

#include "conf/dates.h"
#include "conf/lowest_versions.h"
#include "conf/words.h"
#include "protocols/dialogue.h"
#include "protocols/help.h"
#include "protocols/imap_replies.h"
#include "protocols/pop3_replies.h"
#include "protocols/smtp_replies.h"
#include "proxy/session/service.h"

namespace postern::commands {

namespace {

using conf::Protocol;
using conf::TlsMode;
using policy::Name;
using policy::Verdict;

// The ways to log in that show the name before the secret.
std::string_view name_first(Protocol protocol) {
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return "AUTH LOGIN";
    case Protocol::imap:
      return "LOGIN with synchronising literals, AUTHENTICATE LOGIN";
    case Protocol::pop3:
      return "USER, AUTH LOGIN";
  }
  __builtin_unreachable();
}

protocols::Farewell farewell_for(conf::TlsVersion version) {
  switch (version) {
    case conf::TlsVersion::tls1_0:
      return protocols::Farewell::old_tls_1_0;
    case conf::TlsVersion::tls1_1:
      return protocols::Farewell::old_tls_1_1;
    case conf::TlsVersion::tls1_2:
    case conf::TlsVersion::tls1_3:
      return protocols::Farewell::old_tls_1_2;
  }
  __builtin_unreachable();
}

bool is_closed(TlsMode mode) { return mode == TlsMode::required || mode == TlsMode::implicit; }

// Makes one explanation.
class Maker {
 public:
  Maker(const conf::Settings& settings, const LoginCase& login)
      : settings_(settings),
        login_(login),
        listener_(settings.listeners[login.client.listener]),
        options_{.hostname = settings.hostname,
                 .line_length = {},
                 .hidden_verbs = {},
                 .refusal_text = settings.refusal.text,
                 .help_url = settings.refusal.help_url} {}

  Explanation make() {
    made_.admission = policy::admit(settings_, login_.at, login_.client);
    made_.decision = policy::judge_login(settings_, question(name()), &made_.path);
    made_.key = key();
    made_.told = told();
    made_.acts = acts();
    add_notes();
    return std::move(made_);
  }

 private:
  bool is_clear() const { return !login_.tls_version; }
  bool refuses() const { return made_.decision.verdict == Verdict::refuse; }
  TlsMode mode() const { return made_.admission.tls_mode; }

  // The rule that gave the verdict.
  const conf::Rule* matched() const {
    if (made_.path.empty()) return nullptr;
    const auto& last = made_.path.back();
    const bool has_one =
        last.match == policy::Match::matched ||
        (last.match == policy::Match::possible && last.rule->name == made_.decision.rule);
    return has_one ? last.rule : nullptr;
  }

  // An empty name is no name that a server could read: whoever sends it may be anybody.
  Name name() const {
    if (!login_.user) return Name::awaited;
    return login_.user->empty() ? Name::unreadable : Name::known;
  }

  policy::Question question(Name name) const {
    policy::Question asked;
    asked.now = login_.at;
    asked.client = login_.client;
    if (!is_clear()) {
      const bool is_implicit = mode() == TlsMode::implicit ||
                               (made_.admission.recognises_tls && mode() == TlsMode::none);
      asked.security = is_implicit ? policy::Security::implicit : policy::Security::starttls;
    }
    asked.tls_version = login_.tls_version;
    asked.has_certificate = login_.has_certificate;
    asked.name = name;
    if (name == Name::known) asked.user = *login_.user;
    return asked;
  }

  bool is_key(const conf::Place& place) const {
    return place.line > 0 && place.line == made_.decision.place.line &&
           place.column == made_.decision.place.column;
  }

  // The rule that holds from the first byte on; null where it is the listener alone.
  const conf::Rule* admitting() const {
    const auto found =
        std::find_if(settings_.rules.begin(), settings_.rules.end(),
                     [&](const auto& rule) { return rule.name == made_.admission.rule; });
    return found == settings_.rules.end() ? nullptr : &*found;
  }

  // What gave the lowest version.
  std::string_view version_key() const {
    const auto versions = conf::lowest_versions(listener_, admitting());
    if (std::any_of(versions.rising.begin(), versions.rising.end(),
                    [&](const auto& each) { return is_key(each.place); }))
      return "min_version_from";
    return is_key(made_.admission.profile_place) ? "profile" : "min_version";
  }

  std::string_view key() const {
    if (made_.decision.reason == policy::Reason::tls_version) return version_key();
    if (made_.decision.reason == policy::Reason::certificate) return "certificate";
    if (!is_clear()) return "";
    if (is_closed(mode())) return "tls";
    if (made_.decision.is_by_share) return "refuse_share";
    const auto* const rule = matched();
    const bool is_dated = is_key(listener_.logins.refuse_from_place) ||
                          (rule != nullptr && is_key(rule->logins.refuse_from_place));
    return is_dated ? "refuse_from" : "cleartext_login";
  }

  std::string told() const {
    std::string line = whole_told();
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
    return line;
  }

  std::string whole_told() const {
    const auto protocol = session::protocol_of(listener_.protocol);
    if (made_.decision.reason == policy::Reason::tls_version) {
      if (listener_.tls.old_tls == conf::OldTls::alert) return "";
      return protocols::farewell_line(protocol, farewell_for(*login_.tls_version), options_);
    }
    if (made_.decision.verdict == Verdict::warn) return warning();
    if (!refuses()) return "";
    if (mode() == TlsMode::implicit && is_clear())
      return protocols::farewell_line(protocol, protocols::Farewell::clear_on_tls_port, options_);
    return protocols::with_help(refusal(), options_);
  }

  std::string_view refusal() const {
    using protocols::ImapText;
    using protocols::Pop3Reply;
    using protocols::SmtpReply;
    switch (listener_.protocol) {
      case Protocol::smtp:
      case Protocol::submission:
        if (!is_clear()) return protocols::smtp_text(SmtpReply::auth_needs_certificate);
        return protocols::smtp_text(mode() == TlsMode::required ? SmtpReply::starttls_first
                                                                : SmtpReply::auth_needs_tls);
      case Protocol::imap:
        return protocols::imap_text(is_clear() ? ImapText::tagged_privacy_required
                                               : ImapText::tagged_certificate_needed);
      case Protocol::pop3:
        return protocols::text_of(is_clear() ? Pop3Reply::login_needs_tls
                                             : Pop3Reply::login_needs_certificate);
    }
    __builtin_unreachable();
  }

  // Of a login whose secret crosses the wire readable.
  std::string warning() const {
    if (listener_.protocol == Protocol::imap) {
      return protocols::with_help(protocols::imap_text(protocols::ImapText::warn_secret), options_);
    }
    protocols::Login login;
    login.sends_secret = true;
    return protocols::with_warning("", 0, login, options_);
  }

  std::string acts() const {
    if (made_.decision.reason == policy::Reason::tls_version) {
      return listener_.tls.old_tls == conf::OldTls::alert
                 ? "in the handshake, which ends with an alert"
                 : "right behind the handshake, as the first answer";
    }
    if (!is_clear()) return refuses() ? acts_by_name() : "";
    if (mode() == TlsMode::implicit) return "at the first byte that is no TLS";
    if (mode() == TlsMode::required) return "at the first command of a login";
    return acts_by_name();
  }

  // Where the name decides, or would: what a login without one gets says how far it comes.
  std::string acts_by_name() const {
    const auto unnamed = question(Name::awaited);
    const bool is_refused_unnamed =
        policy::judge_login(settings_, unnamed).verdict == Verdict::refuse;
    const auto first = name_first(listener_.protocol);
    if (is_refused_unnamed && refuses()) {
      if (!login_.user || !policy::may_depend_on_user(settings_, unnamed))
        return "before the exchange starts";
      return fmt::format(
          "once the name is known and before the secret where the name comes first ({}); all other "
          "mechanisms before the exchange starts",
          first);
    }
    if (is_refused_unnamed) {
      return fmt::format(
          "once the name is known, where it comes first ({}); all other mechanisms are refused "
          "before the exchange starts",
          first);
    }
    if (refuses()) {
      return fmt::format(
          "once the name is known and before the secret where the name comes first ({}); with all "
          "other mechanisms before the response is passed on",
          first);
    }
    return made_.decision.verdict == Verdict::warn ? "with the answer to a login that succeeded"
                                                   : "";
  }

  void add_notes() {
    auto& notes = made_.notes;
    if (made_.admission.recognises_tls) {
      notes.emplace_back(
          "TLS from the first byte is taken on the same port: the listener is `auto`");
    } else if (!is_clear() && mode() == TlsMode::none) {
      notes.emplace_back("no TLS is offered here");
    }
    if (login_.tls_version && *login_.tls_version > listener_.tls.max_version) {
      notes.push_back(fmt::format("no handshake comes to TLS {}: max_version is {}",
                                  conf::word(*login_.tls_version),
                                  conf::word(listener_.tls.max_version)));
    }
    if (made_.admission.may_splice && made_.decision.reason == policy::Reason::tls_version)
      notes.emplace_back("handed on to legacy_servers, untouched: legacy_tls is `splice`");
    if (made_.admission.opens_island)
      notes.push_back(
          fmt::format("rule {} serves RSA key exchange and 3DES", made_.admission.rule));
    add_rise();
    if (made_.admission.opens_required)
      notes.push_back(
          fmt::format("rule {} lets clear text in on a `required` listener", made_.admission.rule));
    if (listener_.tls.client_certificates == conf::ClientCertificates::require && !is_clear() &&
        !login_.has_certificate) {
      notes.emplace_back(
          "no handshake comes through without a client certificate: see --certificate");
    }
    if (login_.has_certificate &&
        listener_.tls.client_certificates == conf::ClientCertificates::none) {
      notes.emplace_back("no client certificate is asked for here");
    }
    if (name() == Name::unreadable && is_clear() && !is_closed(mode())) {
      notes.emplace_back(
          "an empty name gets the strictest verdict that any user could get here, as each name "
          "does "
          "that servers may read in different ways");
    }
    if (!login_.user && may_vary())
      notes.emplace_back("without a name, rules for users and refuse_share do not act: see --user");
  }

  // The next day on which the lowest version rises.
  void add_rise() {
    auto later = login_;
    for (const auto& dated : conf::lowest_versions(listener_, admitting()).rising) {
      if (login_.at >= dated.from) continue;
      later.at = dated.from;
      const auto then = policy::admit(settings_, later.at, login_.client).min_version;
      if (then <= made_.admission.min_version) continue;
      made_.notes.push_back(fmt::format("min_version rises to {} on {}", conf::word(then),
                                        conf::date_text(dated.from)));
      return;
    }
  }

  // Whether a name could change the verdict.
  bool may_vary() const {
    if (is_clear() && is_closed(mode())) return false;
    for (const auto& step : made_.path) {
      if (step.match == policy::Match::user_unknown &&
          (is_clear() || step.rule->needs_certificate)) {
        return true;
      }
    }
    if (!is_clear()) return false;
    const auto* const rule = matched();
    return (rule != nullptr && rule->logins.refuse_share) || listener_.logins.refuse_share;
  }

  const conf::Settings& settings_;
  const LoginCase& login_;
  const conf::Listener& listener_;
  protocols::Options options_;
  Explanation made_;
};

}  // namespace

Explanation explanation_of(const conf::Settings& settings, const LoginCase& login) {
  return Maker(settings, login).make();
}

std::string_view reason_of(policy::Match match) {
  switch (match) {
    case policy::Match::matched:
      return "matches";
    case policy::Match::expired:
      return "passed over: its last day is over";
    case policy::Match::other_listener:
      return "passed over: for other listeners";
    case policy::Match::other_address:
      return "passed over: for other addresses";
    case policy::Match::other_user:
      return "passed over: for other users";
    case policy::Match::user_unknown:
      return "passed over: for users, and no name is known";
    case policy::Match::possible:
      return "may match: for users, and the name can be read in more ways than one";
  }
  __builtin_unreachable();
}

std::string_view name_of(policy::Match match) {
  switch (match) {
    case policy::Match::matched:
      return "matched";
    case policy::Match::expired:
      return "expired";
    case policy::Match::other_listener:
      return "other_listener";
    case policy::Match::other_address:
      return "other_address";
    case policy::Match::other_user:
      return "other_user";
    case policy::Match::user_unknown:
      return "user_unknown";
    case policy::Match::possible:
      return "possible";
  }
  __builtin_unreachable();
}

}  // namespace postern::commands
