// See plan.h.
#include "test/sim/plan.h"

#include <fmt/format.h>

#include "test/sim/base64.h"
#include "test/sim/conversation.h"
#include "test/sim/mischief.h"
#include "test/sim/tls_kit.h"

namespace postern::sim {

using conf::TlsMode;
using protocols::Protocol;
using namespace std::chrono_literals;

namespace {

Marks make_marks(Random& random) {
  Marks marks;
  marks.user = "user" + hex(random.next());
  marks.secret = "Secret" + hex(random.next());
  marks.secret_base64 = base64(marks.secret);
  marks.secret_plain =
      base64(std::string(1, '\0') + marks.user + std::string(1, '\0') + marks.secret);
  marks.before = "before" + hex(random.next()) + ".example";
  marks.backend = "backend" + hex(random.next());
  return marks;
}

// A sound network: slow perhaps, and in small pieces.
Manners sound_manners(Random& random) {
  Manners manners;
  manners.latency =
      static_cast<Moment>(random.one_in(4) ? random.between(1, 150'000) : random.between(1, 2'000));
  manners.jitter = random.one_in(2) ? 0 : static_cast<Moment>(random.between(1, 5'000));
  if (random.one_in(3)) manners.window = random.between(2'000, 65'536);
  if (random.one_in(3)) manners.most_taken = random.between(500, 20'000);
  if (random.one_in(2)) manners.most_read = random.between(500, 20'000);
  if (random.one_in(3)) manners.dribbled = random.between(1, 400);
  return manners;
}

// What the settings say of logins in clear, in one of the ways to say it.
void set_policy(Random& random, Plan& plan) {
  using conf::CleartextLogin;
  auto& settings = plan.settings;
  auto& listener = settings.listeners.front();
  const auto today = conf::Date(std::chrono::days(Schedule::kFirstDay));
  plan.clear_logins = static_cast<ClearLogins>(random.below(3));
  const auto said = plan.clear_logins == ClearLogins::allowed  ? CleartextLogin::observe
                    : plan.clear_logins == ClearLogins::warned ? CleartextLogin::warn
                                                               : CleartextLogin::refuse;
  listener.logins.cleartext_login = said;
  if (random.one_in(4)) listener.logins.refuse_from = today + std::chrono::days(1);
  if (plan.clear_logins == ClearLogins::refused && random.one_in(2)) {
    listener.logins.cleartext_login = CleartextLogin::observe;
    listener.logins.refuse_from = today - std::chrono::days(random.below(2));
  }
  if (random.one_in(3)) {
    auto& other = settings.rules.emplace_back();
    other.name = "another user";
    other.users = {"nobody*"};
    other.logins.cleartext_login = CleartextLogin::refuse;
  }
  if (random.one_in(3)) {
    auto& mine = settings.rules.emplace_back();
    mine.name = "this user";
    mine.users = {plan.marks.user};
    mine.logins.cleartext_login = said;
    plan.is_by_user_rule = true;
    // Without a name it is refused; with it, not.
    if (plan.clear_logins != ClearLogins::refused) {
      listener.logins.cleartext_login = CleartextLogin::refuse;
      listener.logins.refuse_from.reset();
    }
  }
  if (plan.mode == TlsMode::optional && random.one_in(4)) {
    auto& opening = settings.rules.emplace_back();
    opening.name = plan.opened_by = "opened for an address";
    opening.tls_mode = TlsMode::optional;
    listener.tls_mode = TlsMode::required;
  }
  if (plan.mode == TlsMode::required && random.one_in(4)) {
    auto& past = settings.rules.emplace_back();
    past.name = "expired";
    past.tls_mode = TlsMode::none;
    past.until = today - std::chrono::days(1);
  }
}

// Who begins with TLS must be able to within the wait, from as far as a sound network may be.
void set_auto(Random& random, Plan& plan) {
  plan.begins_in_tls = random.one_in(2);
  auto& wait = plan.settings.listeners.front().auto_wait;
  if (random.one_in(2)) wait = std::chrono::milliseconds(random.between(180, 2'000));
  if (!plan.begins_in_tls && random.one_in(4)) wait = 0ms;
}

void set_settings(Random& random, Plan& plan) {
  auto& settings = plan.settings;
  settings.hostname = "mail.example.com";
  auto& listener = settings.listeners.emplace_back();
  listener.name = fmt::format("listener{}", plan.session);
  listener.tls_mode = plan.mode;
  if (plan.mode == TlsMode::automatic) set_auto(random, plan);
  settings.limits.login_timeout = random.one_in(2) ? 60s : 30s;
  settings.limits.idle_timeout = random.one_in(2) ? 35min : 2min;
  settings.limits.line_length = random.one_in(2) ? 65'536 : 4'096;
  if (random.one_in(3)) settings.audit.handshakes = conf::Handshakes::all;
  if (random.one_in(3)) settings.audit.usernames = conf::Usernames::hashed;
  set_policy(random, plan);
}

// Most of them are not honest: that is where the ends are many.
void spoil(Random& random, Plan& plan) {
  plan.name = "honest";
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      break;
    case 3:
      spoil_network(random, plan);
      break;
    case 4:
    case 5:
    case 6:
      spoil_client(random, plan);
      break;
    case 7:
    case 8:
      spoil_backends(random, plan);
      break;
    default:
      spoil_backends(random, plan);
      spoil_client(random, plan);
      plan.name = "nobody is honest";
      break;
  }
  if (random.one_in(20)) {
    if (plan.must_succeed()) spoil_network(random, plan);
    plan.name += ", shut down";
    plan.shut_down = static_cast<Moment>(random.below(random.one_in(2) ? 20'000 : 2'000'000));
  }
}

}  // namespace

Plan make_plan(Random& random, int session) {
  constexpr std::array kProtocols = {Protocol::smtp, Protocol::submission, Protocol::imap,
                                     Protocol::pop3};
  constexpr std::array kModes = {TlsMode::required,  TlsMode::required, TlsMode::optional,
                                 TlsMode::optional,  TlsMode::implicit, TlsMode::none,
                                 TlsMode::automatic, TlsMode::automatic};
  Plan plan;
  plan.session = session;
  plan.begins = static_cast<Moment>(random.below(2'000'000));
  plan.protocol = random.one_of(kProtocols);
  plan.mode = random.one_of(kModes);
  plan.marks = make_marks(random);
  plan.servers = random.between(1, 3);
  plan.tls = TlsKit::instance().client(random);
  plan.client_manners = sound_manners(random);
  set_settings(random, plan);
  Conversation(random, plan).write();
  for (auto& part : plan.backends) part.fate.manners = sound_manners(random);
  spoil(random, plan);
  return plan;
}

}  // namespace postern::sim
