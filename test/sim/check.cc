// What must hold in every simulation. See world.h.
#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <variant>

#include "proxy/audit/event_json.h"
#include "test/sim/memory.h"
#include "test/sim/world.h"

namespace postern::sim {

// Memory that all sessions share is empty between calls.
void World::check_scratch(int session) {
  const auto& scratch = scratch_;
  if (!scratch.said.empty() || !scratch.decrypted.empty() || !scratch.to_client.empty() ||
      !scratch.to_backend.empty() || !scratch.steps.empty()) {
    fail(session, "the memory that sessions share is not empty after a call");
  }
}

// No secret in any event; one end for each session, with one reason.
void World::check_event(const audit::Event& event) {
  const auto* const part = audit::session_of(event.body);
  if (part == nullptr || part->id.size() != 2 || part->id[0] != 's') {
    return fail(-1, "an event of no session");
  }
  const int session = part->id[1] - '0';
  auto& one = *cases_[static_cast<std::size_t>(session)];
  if (one.is_over) fail(session, "an event after its end");
  std::string line;
  static audit::LineWriter writer({"sim", "0"});
  writer.append(line, event, 1);
  trace_.note(schedule_.moment(), session * 10, "event", 0, line);
  ++tally_.actions[std::string(audit::action_of(event.body))];
  const auto& marks = one.plan.marks;
  for (const auto& secret : {marks.secret, marks.secret_base64, marks.secret_plain}) {
    if (line.find(secret) != std::string::npos) fail(session, "a secret is in an event: " + line);
  }
  if (part->opened_by != one.plan.opened_by) fail(session, "an event of another rule: " + line);
  check_logins(one, event);
  if (const auto* const login = std::get_if<audit::LoginEvent>(&event.body)) {
    one.has_settled = one.has_settled || login->success;
  }
  if (const auto* const abandoned = std::get_if<audit::SessionAbandonedEvent>(&event.body)) {
    one.abandoned.emplace_back(abandoned->reason);
  }
  if (const auto* const end = std::get_if<audit::SessionEndEvent>(&event.body)) {
    if (one.abandoned.size() > 1 ||
        (!one.abandoned.empty() && one.abandoned.front() != end->reason)) {
      fail(session, "abandoned twice, or for another reason than it ended");
    }
    one.end_reasons.emplace_back(end->reason);
    ++tally_.ends[std::string(end->reason)];
  }
}

// No name where it must not be: of a failed login, or where names are hashed.
void World::check_logins(const Case& one, const audit::Event& event) {
  const int session = one.plan.session;
  const bool hides_names = one.plan.settings.audit.usernames == conf::Usernames::hashed;
  if (const auto* const login = std::get_if<audit::LoginEvent>(&event.body)) {
    const bool is_named = !login->login.user.empty();
    if (is_named && (hides_names || !login->success)) fail(session, "a login's name is shown");
    if (login->verdict == "refuse") fail(session, "a refused login was answered by the backend");
  }
  if (const auto* const refused = std::get_if<audit::LoginRefusedEvent>(&event.body)) {
    if (hides_names && !refused->login.user.empty()) fail(session, "a refused name is shown");
    if (refused->reason.empty()) fail(session, "a login was refused without a reason");
  }
}

// Where what was said came.
void World::check_marks(Case& one) {
  const auto& plan = one.plan;
  const auto& marks = plan.marks;
  const int session = plan.session;
  const auto holds = [](const std::string& heard, const std::string& mark) {
    return heard.find(mark) != std::string::npos;
  };
  if (plan.is_secure_only() && holds(one.client->heard_in_clear(), marks.backend)) {
    fail(session, "the client heard a backend before TLS was up");
  }
  for (const auto& backend : one.backends) {
    if (backend.actor == nullptr) continue;
    const auto& heard = backend.actor->heard_in_clear();
    if (backend.is_secured && !plan.is_garbled && !plan.begins_in_tls &&
        holds(heard, marks.before)) {
      fail(session, "a backend heard behind TLS what was said before it");
    }
    const bool is_refused =
        audit_fails_ || (!backend.is_secured && plan.clear_logins == ClearLogins::refused);
    if (!is_refused || plan.is_garbled) continue;
    for (const auto& secret : {marks.secret, marks.secret_base64, marks.secret_plain}) {
      if (holds(heard, secret)) fail(session, "a secret went to a backend though it was refused");
    }
  }
}

// The session has ended and been destroyed.
void World::check_over(Case& one) {
  const int session = one.plan.session;
  ++tally_.sessions;
  if (one.client->resumed()) ++tally_.resumed;
  if (one.end_reasons.size() != 1) {
    fail(session, fmt::format("it has {} session-end events", one.end_reasons.size()));
  }
  if (net_.open_streams(session) > 0) fail(session, "it left a stream open");
  if (net_.open_dials(session) > 0) fail(session, "it left a dial running");
  if (one.state != session::State::closed) fail(session, "it was retired before it had closed");
}

// All sessions have ended, and nothing is going to happen any more.
void World::check_end() {
  if (timers_.next()) fail(-1, "a timer is still armed");
  for (auto& each : cases_) {
    auto& one = *each;
    const auto& plan = one.plan;
    if (!one.is_over) fail(plan.session, "it has not ended: nothing would ever end it");
    check_marks(one);
    if (!plan.must_succeed() || !failure_.empty()) continue;
    ++tally_.succeeded;
    if (!one.client->is_through())
      fail(plan.session, "client stopped at " + one.client->position());
    for (const auto& backend : one.backends) {
      if (backend.actor != nullptr && !backend.actor->is_through() &&
          plan.backends[backend.part].trust == Trust::everything) {
        fail(plan.session, "backend stopped at " + backend.actor->position());
      }
    }
    if (one.backends.size() != plan.backends.size())
      fail(plan.session, "not all servers were dialled");
    const auto& reason = one.end_reasons.front();
    if (std::none_of(plan.ends.begin(), plan.ends.end(),
                     [&](auto end) { return session::name_of(end) == reason; })) {
      fail(plan.session, "it ended with " + reason);
    }
  }
  // BoringSSL renews the blinding of an RSA key now and then, and keeps it with the key.
  constexpr std::size_t kBlinding = 1024;
  const bool has_used_rsa = std::any_of(cases_.begin(), cases_.end(), [](const auto& one) {
    return one->plan.tls.session == nullptr;
  });
  const std::size_t kept = has_used_rsa ? kBlinding : 0;
  cases_.clear();
  remembered_.reset();
  timers_ = {};
  ERR_clear_error();  // BoringSSL's, with their texts: the next session's first call would
  for (int i = 0; i < memory::kMostSessions; ++i) {
    const auto left =
        memory::held(i) - std::min(memory::held(i), held_before_[static_cast<std::size_t>(i)]);
    if (left > kept) fail(-1, fmt::format("{} octets were not given back", left));
  }
}

}  // namespace postern::sim
