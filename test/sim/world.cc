// See world.h. Here: how a simulation runs; check.cc: what must hold.
#include "test/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "test/sim/memory.h"
#include "test/sim/mischief.h"
#include "test/sim/tls_kit.h"

namespace postern::sim {

namespace {

// No simulation needs more: it would be one that does not end, or that spins.
constexpr Moment kLongest = micros(std::chrono::hours(12));
constexpr std::uint64_t kMostTurns = 5'000'000;
// The account of timers, which are not one session's.
constexpr int kTimersAccount = memory::kMostSessions - 1;
constexpr std::size_t kMostCases = 4;
// Among others that wait, in microseconds.
constexpr Moment kLongestSignature = micros(std::chrono::milliseconds(200));
constexpr std::uint8_t kFirstNet = 10;  // backends of session n: 127.(10+n).0.x

session::Service make_service(const Plan& plan) {
  session::Service service;
  service.settings = std::make_shared<const conf::Settings>(plan.settings);
  service.protocol = plan.protocol;
  service.tls = TlsKit::instance().contexts(plan.settings.listeners.front().tls.old_tls);
  service.options.hostname = plan.settings.hostname;
  service.options.line_length = plan.settings.limits.line_length;
  for (const auto& verb : plan.settings.smtp.hide) service.options.hidden_verbs.insert(verb);
  service.backend.name = "old";
  service.backend.connect_timeout = std::chrono::seconds(5);
  service.backend.greeting_timeout = std::chrono::seconds(60);
  for (std::size_t i = 0; i < plan.servers; ++i) {
    service.backend.servers.push_back(
        *net::Address::parse(fmt::format("127.{}.0.{}", kFirstNet + plan.session, i + 1), 143));
  }
  return service;
}

// A worker's memory for its sessions, as it is when it has seen the most that one call may bring: what
// it has grown by is no session's. Empty between calls, so all simulations may have the same.
session::Scratch& worn_scratch() {
  static auto* const made = [] {
    constexpr std::size_t kMostSteps = 64 * 1024;
    auto* const scratch = new session::Scratch;
    for (std::size_t i = 0; i < kMostSteps; ++i) {
      scratch->steps.send_made(protocols::Side::client, "x");
    }
    scratch->steps.clear();
    scratch->decrypted.reserve(4 * session::Scratch::kReserved);
    for (auto* text : {&scratch->said, &scratch->to_client, &scratch->to_backend}) {
      text->reserve(4 * session::Scratch::kReserved);
    }
    return scratch;
  }();
  return *made;
}

}  // namespace

World::World(std::uint64_t seed, Trace::Output output, Tally& tally)
    : random_(seed),
      trace_(output),
      stage_{schedule_, random_, trace_, *this},
      net_(stage_, *this),
      tally_(tally),
      scratch_(worn_scratch()),
      remembered_(std::make_unique<session::Remembered>()),
      audit_fails_(random_.one_in(25)) {
  for (std::size_t i = 0; i < held_before_.size(); ++i) {
    held_before_[i] = memory::held(static_cast<int>(i));
  }
  const auto count = random_.between(1, kMostCases);
  for (std::uint64_t i = 0; i < count; ++i) make_case(static_cast<int>(i));
}

// What they let go of comes back here.
World::~World() { cases_.clear(); }

void World::make_case(int index) {
  auto one = std::make_unique<Case>();
  one->plan = make_plan(random_, index);
  if (audit_fails_) {
    trust_nobody(one->plan);
    one->plan.settings.audit.on_failure = conf::OnFailure::refuse;
    one->plan.name = "audit fails";
  }
  one->service = std::make_shared<session::Service>(make_service(one->plan));
  auto& made = *one;
  cases_.push_back(std::move(one));
  ++tally_.plans[made.plan.name];
  schedule_.after(made.plan.begins, [this, &made] { begin(made); });
}

void World::begin(Case& one) {
  const auto& plan = one.plan;
  const auto source = *net::Address::parse(fmt::format("192.0.2.{}", plan.session + 1), 50'000);
  trace_.note(schedule_.moment(), plan.session * 10, "begins", 0,
              fmt::format("{} {} mode {}", plan.name, protocols::name_of(plan.protocol),
                          static_cast<int>(plan.mode)));
  one.connection = &net_.connect(plan.session, plan.client_manners,
                                 *net::Address::parse("192.0.2.100", 143), source);
  one.client = std::make_unique<Actor>(stage_, plan.session, plan.session * 10 + 1,
                                       plan.client_trust, plan.client, plan.tls);
  one.client->begin(net::StreamPtr(&one.connection->actor()));
  for (const auto& fault : plan.faults) {
    schedule_.after(fault.at, [this, &one, fault] { apply(one, fault); });
  }
  if (plan.shut_down) {
    schedule_.after(*plan.shut_down, [this, &one] {
      if (one.session == nullptr || one.is_retired) return;
      const int session = one.plan.session;
      trace_.note(schedule_.moment(), session * 10, "shut down");
      before_call(session, Call::other);
      one.session->shut_down();
      after_call(session);
    });
  }
  one.entered = one.active = schedule_.moment();
  before_call(plan.session, Call::other);
  session::Host& self = *this;
  one.session = std::make_unique<session::Session>(self, one.service, source,
                                                   net::StreamPtr(&one.connection->postern()),
                                                   fmt::format("s{}", plan.session));
  one.session->begin();
  after_call(plan.session);
}

void World::apply(Case& one, const Fault& fault) {
  auto* connection = one.connection;
  if (fault.which == Fault::Which::backend) {
    connection = one.backends.empty() ? nullptr : one.backends.back().connection;
  }
  if (connection == nullptr) return;
  switch (fault.kind) {
    case Fault::Kind::cut:
      return connection->cut();
    case Fault::Kind::clog_to_postern:
      return connection->clog(End::Side::postern, schedule_.moment() + fault.lasts);
    case Fault::Kind::clog_to_actor:
      return connection->clog(End::Side::actor, schedule_.moment() + fault.lasts);
  }
}

// ------------------------------------------------------------------------------- the loop

std::string World::run() {
  for (std::uint64_t turns = 0; failure_.empty(); ++turns) {
    run_handshakes();
    destroy_retired();
    if (schedule_.empty() && !timers_.next()) break;
    if (turns > kMostTurns) fail(-1, "it does not end: events without end");
    if (schedule_.moment() > kLongest) fail(-1, "it does not end: hours have passed");
    turn();
  }
  if (failure_.empty()) check_end();
  ++tally_.worlds;
  return failure_;
}

// The next event, or the timers that are due.
void World::turn() {
  const auto timer = timers_.next();
  check_bounds(
      std::min(timer ? micros(*timer) : kLongest, schedule_.empty() ? kLongest : schedule_.next()));
  const bool timers_first = timer && (schedule_.empty() || micros(*timer) < schedule_.next() ||
                                      (micros(*timer) == schedule_.next() && random_.one_in(2)));
  if (!timers_first) {
    idle_rings_ = 0;
    return schedule_.run_next();
  }
  constexpr int kMostRings = 100;
  if (micros(*timer) > schedule_.moment()) idle_rings_ = 0;
  if (++idle_rings_ > kMostRings) fail(-1, "a timer is due all the time");
  schedule_.advance_to(std::max(schedule_.moment(), micros(*timer)));
  run_timers();
}

void World::run_timers() {
  trace_.note(schedule_.moment(), 0, "timers");
  const int before = memory::charge(kTimersAccount);
  timers_.run(schedule_.now());
  memory::charge(before);
  after_all_calls();
}

// As many turns of the loop as the handshakes want that wait for one. Signatures take their time.
void World::run_handshakes() {
  const int before = memory::charge(kTimersAccount);
  while (handshakes_.take_turn()) {
  }
  memory::charge(before);
  after_all_calls();
  for (; signatures_due_ < key_offload_.waiting(); ++signatures_due_) {
    schedule_.after(static_cast<Moment>(random_.between(1, kLongestSignature)), [this] {
      --signatures_due_;
      key_offload_.sign_next();
    });
  }
}

void World::after_all_calls() {
  for (auto& one : cases_) {
    if (one->session != nullptr && !one->is_over) after_call(one->plan.session);
  }
}

void World::destroy_retired() {
  for (auto& one : cases_) {
    if (!one->is_retired || one->session == nullptr) continue;
    one->session.reset();
    one->is_over = true;
    check_over(*one);
  }
}

// ---------------------------------------------------------------------- what a session needs

// FNV-1a: the same in every run.
std::string World::hash_of(std::string_view user) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : user) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hex(hash);
}

void World::retire(session::Session& session) {
  for (auto& one : cases_) {
    if (one->session.get() != &session) continue;
    if (std::exchange(one->is_retired, true)) fail(one->plan.session, "it was retired twice");
    return;
  }
  fail(-1, "a session was retired that is none");
}

void World::record(audit::Event event) {
  enter_net();
  check_event(event);
  leave_net();
}

// ------------------------------------------------------------------- what the network tells

void World::enter_net() { charged_.push_back(memory::charge(-1)); }

void World::leave_net() {
  memory::charge(charged_.back());
  charged_.pop_back();
}

void World::before_call(int session, Call call) {
  auto& one = *cases_[static_cast<std::size_t>(session)];
  if (one.is_over) fail(session, "it is called after its end");
  const auto now = schedule_.moment();
  if (call != Call::other && call != Call::link_failed) one.active = now;
  if (call == Call::linked) {
    one.linked = now;
    one.backend_ended = false;  // that was another's
  }
  if (call == Call::linked || call == Call::link_failed) one.heard = 0;
  if (call == Call::backend_read && one.heard == 0) one.heard = now;
  if (call == Call::written) one.written = now;
  if (call == Call::client_end) one.client_ended = true;
  if (call == Call::backend_end) one.backend_ended = true;
  memory::charge(session);
}

void World::after_call(int session) {
  memory::charge(-1);
  auto& one = *cases_[static_cast<std::size_t>(session)];
  check_scratch(session);
  if (one.session == nullptr) return;
  check_memory(session);
  const auto state = one.session->state();
  if (state != one.state) {
    tally_.passed(one.state, state);
    trace_.note(schedule_.moment(), session * 10, "state", static_cast<std::uint64_t>(state));
    one.state = state;
    one.entered = schedule_.moment();
    if (state == session::State::handshake) one.has_settled = one.backend_ended = false;
  }
}

void World::fail(int session, std::string what) {
  if (!failure_.empty()) return;
  failure_ = session < 0 ? std::move(what)
                         : fmt::format("session {} ({}): {}", session,
                                       cases_[static_cast<std::size_t>(session)]->plan.name, what);
  trace_.note(schedule_.moment(), std::max(session, 0) * 10, "FAILURE", 0, failure_);
}

int World::session_of(const net::Address& address) { return address.octets()[13] - kFirstNet; }

DialFate World::on_dial(const net::Address& address) {
  const int session = session_of(address);
  auto& one = *cases_[static_cast<std::size_t>(session)];
  const auto& plan = one.plan;
  if (plan.is_secure_only() && !one.client->may_be_secured()) {
    fail(session, "a backend was dialled before TLS was up");
  }
  if (one.dials >= plan.backends.size() && plan.must_succeed()) {
    fail(session, "a backend was dialled once too often");
  }
  if (plan.backends.empty()) return {.kind = DialFate::Kind::refused, .delay = 100, .manners = {}};
  one.dialled = schedule_.moment();
  one.heard = 0;
  const auto part = std::min(one.dials++, plan.backends.size() - 1);
  auto& made = one.backends.emplace_back();
  made.part = part;
  made.is_secured = one.client->may_be_secured();
  return plan.backends[part].fate;
}

void World::on_connected(int session, Connection& connection) {
  auto& one = *cases_[static_cast<std::size_t>(session)];
  // The one that was dialled last: those before it were given up.
  auto& made = one.backends.back();
  const auto& part = one.plan.backends[made.part];
  made.connection = &connection;
  made.actor = std::make_unique<Actor>(stage_, session, session * 10 + 2, part.trust, part.script,
                                       test::TlsClientOptions());
  made.actor->begin(net::StreamPtr(&connection.actor()));
}

}  // namespace postern::sim
