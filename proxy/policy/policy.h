// The policy: pure functions from values (settings, time, listener, address, user, TLS) to a
// verdict and the key of the settings that gave it. The live proxy, `explain` and `what-if` all call
// these.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "conf/settings.h"

namespace postern::policy {

using Moment = std::chrono::sys_seconds;

// How the client's bytes come.
// `passthrough`: a TLS session of the backend's own, of which nothing is seen here.
enum class Security { cleartext, starttls, implicit, passthrough };

enum class Verdict { allow, warn, refuse };

// Why it refuses: no TLS, TLS too old, no certificate of the client's where a rule needs one, or a rule
// of its own says so. The last two are never the policy's: `external` is SASL EXTERNAL towards a backend
// that is shown postern's own certificate, and would log in postern; `audit`: no login passes
// while the audit cannot be written, where `audit.on_failure` says so.
enum class Reason { none, cleartext, tls_version, certificate, rule, external, audit };

// As events name them: allow, warn, refuse; "" (none), cleartext, tls_version, certificate, rule,
// external_borrows_certificate, audit.
std::string_view name_of(Verdict verdict);
std::string_view name_of(Reason reason);

// `rule` where no rule matched.
inline constexpr std::string_view kNoRule = "listener";

// Who connects, and where.
struct Client {
  std::size_t listener = 0;  // index into Settings::listeners
  conf::AddressOctets address{};
};

// What holds for a connection from its first byte on: by the first rule without `users` for this
// listener and address; what that does not say, and all where there is none, by the listener.
struct Admission {
  conf::TlsMode tls_mode{};  // never automatic
  // TLS from the first byte is taken, too: the listener is `auto`, and `tls_mode` is what holds in
  // clear (`optional` where no rule says otherwise).
  bool recognises_tls = false;
  conf::TlsVersion min_version{};
  conf::Profile profile{};
  conf::BareNewlines bare_newlines{};
  std::string_view rule = kNoRule;  // valid as long as the settings, as in Decision
  conf::Place tls_mode_place;       // of the key that gave the mode; likewise the next
  conf::Place min_version_place;
  conf::Place profile_place;
  // A ClientHello of which nothing is served may go to the listener's legacy servers. Not where a rule
  // for this address wants more than the listener does: a higher min_version, or, be it for some
  // users only, a client certificate.
  bool may_splice = false;
  bool opens_required = false;  // a rule lets clear text in on a `required` listener
  bool opens_island = false;    // a rule serves RSA key exchange and 3DES

  // The rule, where it opens one of these: each event of such a session names it. Else "".
  std::string_view opened_by() const {
    const bool may_have_tls = tls_mode != conf::TlsMode::none || recognises_tls;
    return opens_required || (opens_island && may_have_tls) ? rule : "";
  }
};
Admission admit(const conf::Settings& settings, Moment now, const Client& client);

// The user's name at the time of the question.
enum class Name {
  awaited,  // will be known before the login is passed on
  known,
  hidden,      // the mechanism does not show it
  unreadable,  // servers may read it in different ways, or it is empty: it may be anybody
};

struct Question {
  Moment now{};
  Client client = {};
  Security security = Security::cleartext;
  std::optional<conf::TlsVersion> tls_version = std::nullopt;  // under TLS
  Name name = Name::awaited;
  std::string_view user = {};    // as typed, where known
  bool has_certificate = false;  // of the client's own, and it was verified
};

struct Decision {
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::none;
  std::string_view rule = kNoRule;  // the rule that matched, whatever it said
  conf::Place place;                // of the key that gave the verdict; line 0: a default
  bool is_by_share = false;         // refused by `refuse_share`: another hour may allow it
};

// How a rule was passed over, or not.
enum class Match {
  matched,
  expired,
  other_listener,
  other_address,
  other_user,
  user_unknown,
  possible,  // for users, and the name may be read as one of theirs and as none
};
struct PathStep {
  const conf::Rule* rule = nullptr;
  Match match = Match::matched;
};
using Path = std::vector<PathStep>;

// May this client log in? While the name is awaited, rules for users and `refuse_share` do not act
// yet; where it is hidden, rules for users never do. An unreadable name gets the strictest verdict
// that any user could get here; and one of several words, of which some servers take the first
// alone, the stricter of both. `refuse_share` goes by the address for all that are not known.
// With `path` it also gives the rules looked at, in their order, up to the one that gave the verdict.
Decision judge_login(const conf::Settings& settings, const Question& question,
                     Path* path = nullptr);

// Whether some rule for users might allow what is refused while the name is awaited. Rules behind one
// that takes every name are never asked.
bool may_depend_on_user(const conf::Settings& settings, const Question& question);

// Something in the settings that begins or ends to act on a day.
struct DatedChange {
  enum class Kind { rule_expires, refusal_begins, version_rises } kind{};
  conf::Date on;          // acts from the beginning of this day
  std::string_view name;  // of the rule or the listener
  bool is_rule = false;
  conf::Place place;
  conf::TlsVersion version{};  // from then on the lowest, with version_rises
};
// All of them, the earliest first.
std::vector<DatedChange> dated_changes(const conf::Settings& settings);

}  // namespace postern::policy
