// What the policy says of this client and its logins.
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "proxy/session/session.h"

namespace postern::session {

namespace {

// As Facts::version has it.
std::optional<conf::TlsVersion> version_of(std::string_view name) {
  if (name == "1.3") return conf::TlsVersion::tls1_3;
  if (name == "1.2") return conf::TlsVersion::tls1_2;
  if (name == "1.1") return conf::TlsVersion::tls1_1;
  if (name == "1.0") return conf::TlsVersion::tls1_0;
  return std::nullopt;
}

// The client gives the name alone, and is asked for the secret only then. All others carry both
// together.
bool asks_name_first(std::string_view mechanism) {
  return mechanism == "AUTH-LOGIN" || mechanism == "LOGIN";
}

// EXTERNAL, in whatever spelling a backend might take for it: what is no letter of a mechanism's name
// (RFC 4422 section 3.1) may end it there.
bool is_external(std::string_view mechanism) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  mechanism.remove_prefix(std::min(mechanism.find_first_of(kLetters), mechanism.size()));
  return mechanism.substr(0, mechanism.find_first_not_of(kLetters)) == "EXTERNAL";
}

policy::Name name_in(const protocols::LoginTried& step) {
  if (!step.login.user.empty()) return policy::Name::known;
  if (step.name_follows) return policy::Name::awaited;
  return step.name_hidden ? policy::Name::hidden : policy::Name::unreadable;
}

}  // namespace

void Session::admit() {
  const auto admission =
      policy::admit(*service_->settings, question_about(policy::Name::awaited).now,
                    {service_->index, source_.octets()});
  terms_ = {
      admission.tls_mode,      {admission.min_version, admission.profile, admission.opens_island},
      admission.bare_newlines, admission.recognises_tls,
      admission.may_splice,    admission.opened_by()};
}

// Where a user's rule may allow what is refused without a name, the lists still show no login:
// whoever cannot do TLS has been set up by hand.
bool Session::offers_logins() const {
  const auto decision =
      policy::judge_login(*service_->settings, question_about(policy::Name::awaited));
  return decision.verdict != policy::Verdict::refuse;
}

policy::Question Session::question_about(policy::Name name, std::string_view user) const {
  policy::Question question;
  question.now = std::chrono::floor<std::chrono::seconds>(host_.clock().wall());
  question.client = {service_->index, source_.octets()};
  question.security = security_;
  if (engine_ != nullptr) {
    question.tls_version = version_of(engine_->facts().version);
    question.has_certificate = engine_->facts().client_certificate != nullptr;
  }
  question.name = name;
  question.user = user;
  return question;
}

void Session::take(const protocols::LoginTried& step) {
  const auto& settings = *service_->settings;
  const auto question = question_about(name_in(step), step.login.user);
  attempt_ = std::make_unique<Attempt>();
  attempt_->tried_at = host_.clock().exact();
  attempt_->decision = policy::judge_login(settings, question);
  auto& decision = attempt_->decision;
  switch (decision.verdict) {
    case policy::Verdict::allow:
      attempt_->verdict = protocols::Verdict::allow;
      break;
    case policy::Verdict::warn:
      attempt_->verdict = host_.remembered().warned.contains(warning_key(step.login), today())
                              ? protocols::Verdict::allow
                              : protocols::Verdict::warn;
      break;
    case policy::Verdict::refuse:
      // As far as the name alone: then it is judged again.
      if (question.name == policy::Name::awaited && asks_name_first(step.login.mechanism) &&
          policy::may_depend_on_user(settings, question)) {
        decision.verdict = policy::Verdict::allow;
        decision.reason = policy::Reason::none;
        attempt_->verdict = protocols::Verdict::allow;
        break;
      }
      attempt_->verdict = decision.reason == policy::Reason::certificate
                              ? protocols::Verdict::needs_certificate
                              : protocols::Verdict::refuse;
      break;
  }
  if (decision.verdict != policy::Verdict::refuse && borrows_certificate(step.login)) {
    decision.verdict = policy::Verdict::refuse;
    decision.reason = policy::Reason::external;
    attempt_->verdict = protocols::Verdict::never;
  }
  if (decision.verdict != policy::Verdict::refuse && must_not_pass_unrecorded()) {
    decision.verdict = policy::Verdict::refuse;
    decision.reason = policy::Reason::audit;
    attempt_->verdict = protocols::Verdict::unavailable;
  }
  if (decision.verdict != policy::Verdict::refuse) return;
  const bool is_exposed = step.secret_sent && security_ == policy::Security::cleartext;
  record_refused(step.login, decision, is_exposed ? Exposure::secret : Exposure::none);
}

// EXTERNAL logs in whom the TLS certificate names, and the one that the backend sees is postern's:
// anybody would be postern there.
bool Session::borrows_certificate(const protocols::Login& login) const {
  const auto* const security = service_->backend.security.get();
  return security != nullptr && security->shows_certificate() && is_external(login.mechanism);
}

bool Session::must_not_pass_unrecorded() const {
  return service_->settings->audit.on_failure == conf::OnFailure::refuse &&
         host_.audit().is_failing();
}

void Session::take(const protocols::LoginAnswered& step) {
  Attempt attempt;
  attempt.tried_at = host_.clock().exact();
  if (attempt_ != nullptr) attempt = *attempt_;
  attempt_.reset();
  record_login(step.login, step.outcome, attempt);
  if (step.outcome != protocols::Outcome::success) return;
  has_settled_ = has_logged_in_ = true;
  if (attempt.verdict == protocols::Verdict::warn) {
    host_.remembered().warned.insert(warning_key(step.login), today());
  }
}

// A gate has no login to allow, whatever the policy has come to say since it began.
void Session::take(const protocols::LoginRefused& step) {
  const auto name = step.login.user.empty() ? policy::Name::awaited : policy::Name::known;
  auto decision = policy::judge_login(*service_->settings, question_about(name, step.login.user));
  if (decision.verdict != policy::Verdict::refuse) decision.reason = policy::Reason::cleartext;
  record_refused(step.login, decision, step.exposed ? Exposure::secret : Exposure::none);
}

// Who has been warned: the user, or where the mechanism hides the name, the address. The hash's key
// is secret, so nobody can choose a name that keeps somebody else's warning away.
std::uint64_t Session::warning_key(const protocols::Login& login) const {
  std::string who = login.user.empty() ? source_.ip() : login.user;
  for (auto& c : who) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto hex = host_.hash_of(who);
  std::uint64_t key = 0;
  std::from_chars(hex.data(), hex.data() + std::min<std::size_t>(hex.size(), 16), key, 16);
  return key;
}

policy::SeenTable::Period Session::today() const {
  return std::chrono::floor<std::chrono::days>(host_.clock().wall()).time_since_epoch().count();
}

}  // namespace postern::session
