// One simulation: a few sessions on one worker, with their clients, backends and network, from the
// first connection to the last end. What must hold is checked all along.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "proxy/session/session.h"
#include "test/sim/actor.h"
#include "test/sim/memory.h"
#include "test/sim/plan.h"
#include "test/sim/schedule.h"
#include "test/sim/sim_net.h"
#include "test/sim/tally.h"
#include "test/sim/trace.h"
#include "tls/key_offload.h"

namespace postern::sim {

class World final : session::Host, audit::Sink, Watch, Backends {
 public:
  // All follows from the seed.
  World(std::uint64_t seed, Trace::Output output, Tally& tally);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override;

  // Runs it to its end. What went wrong; "" where nothing did.
  std::string run();
  std::uint64_t hash() const { return trace_.hash(); }

 private:
  // A session with all around it.
  struct Case {
    Plan plan;
    std::shared_ptr<session::Service> service;
    std::unique_ptr<Actor> client;
    struct Connected {
      std::size_t part = 0;  // of the plan's
      Connection* connection = nullptr;
      std::unique_ptr<Actor> actor;
      bool is_secured = false;  // dialled when the client's TLS was up
    };
    std::vector<Connected> backends;
    Connection* connection = nullptr;  // the client's
    std::unique_ptr<session::Session> session;
    std::size_t dials = 0;
    bool is_retired = false;
    bool is_over = false;
    std::vector<std::string> end_reasons;
    std::vector<std::string> abandoned;  // the reasons of these events
    // For the bounds in time, as they look from outside: when each of these was.
    session::State state = session::State::accepted;
    Moment entered = 0;        // the state
    Moment active = 0;         // the last that moved
    Moment dialled = 0;        // the last dial
    Moment linked = 0;         // the last connection to a backend
    Moment heard = 0;          // its first octets; 0: none yet
    Moment written = 0;        // the last that was queued had left
    bool has_settled = false;  // it logged in
    bool client_ended = false;
    bool backend_ended = false;
  };

  // What a session needs.
  net::Clock& clock() override { return schedule_; }
  net::TimerQueue& timers() override { return timers_; }
  net::Dialer& dialer() override { return net_; }
  audit::Sink& audit() override { return *this; }
  session::Scratch& scratch() override { return scratch_; }
  session::Remembered& remembered() override { return *remembered_; }
  tls::HandshakeQueue& handshakes() override { return handshakes_; }
  std::string hash_of(std::string_view user) override;
  void retire(session::Session& session) override;
  void record(audit::Event event) override;
  bool is_failing() const override { return audit_fails_; }

  // What the network tells.
  void before_call(int session, Call call) override;
  void after_call(int session) override;
  void enter_net() override;
  void leave_net() override;
  void fail(int session, std::string what) override;
  DialFate on_dial(const net::Address& address) override;
  int session_of(const net::Address& address) override;
  void on_connected(int session, Connection& connection) override;

  void make_case(int index);
  void begin(Case& one);
  void apply(Case& one, const Fault& fault);
  void turn();
  void destroy_retired();
  void run_timers();
  void run_handshakes();
  void after_all_calls();
  // bounds.cc
  void check_bounds(Moment until);
  void check_memory(int session);
  Moment longest(const Case& one) const;
  Moment longest_before_login(const Case& one) const;
  // check.cc
  void check_scratch(int session);
  void check_marks(Case& one);
  void check_event(const audit::Event& event);
  void check_logins(const Case& one, const audit::Event& event);
  void check_over(Case& one);
  void check_end();

  Schedule schedule_;
  Random random_;
  Trace trace_;
  Stage stage_;
  net::TimerQueue timers_;
  tls::KeyOffload key_offload_{0};
  tls::HandshakeQueue handshakes_{key_offload_, [] {}};
  std::size_t signatures_due_ = 0;  // by the schedule
  SimNet net_;
  Tally& tally_;
  session::Scratch& scratch_;
  std::unique_ptr<session::Remembered> remembered_;
  std::vector<std::unique_ptr<Case>> cases_;
  std::vector<int> charged_;  // the accounts that calls are made for, innermost last
  std::array<std::size_t, memory::kMostSessions> held_before_{};  // by RSA's key
  const bool audit_fails_;  // then no login may pass: all listeners say on_failure: refuse
  int idle_rings_ = 0;      // of timers, in a row, at one moment
  std::string failure_;
};

}  // namespace postern::sim
