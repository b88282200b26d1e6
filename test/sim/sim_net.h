// The second maker of Stream and Dialer: connections in memory, seeded, on the simulated clock.
// Both ends are streams: one is postern's, the other an actor's. They keep the rules of uv_stream:
// what write() cannot send at once is queued, on_written() comes later and only for what was
// queued, queued() falls by whole writes, nothing is called back from within a call.
//
// A wrong use of the interface by postern (a write behind shut_write(), a use after the release)
// fails the simulation; so does what its owner never let go of.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/stream.h"
#include "test/sim/random.h"
#include "test/sim/schedule.h"
#include "test/sim/trace.h"

namespace postern::sim {

// Hears of all that goes into postern and of all that it does wrong.
class Watch {
 public:
  enum class Call {
    client_read,
    backend_read,
    client_end,
    backend_end,
    broken,
    written,
    linked,
    link_failed,
    other,
  };
  // Around each call into postern for `session`.
  virtual void before_call(int session, Call call) = 0;
  virtual void after_call(int session) = 0;
  // Around what the simulation itself does within such a call.
  virtual void enter_net() = 0;
  virtual void leave_net() = 0;
  virtual void fail(int session, std::string what) = 0;

 protected:
  ~Watch() = default;
};

// How a connection behaves. Times in microseconds, sizes in octets.
struct Manners {
  Moment latency = 100;
  Moment jitter = 0;               // more, by chance, never out of order
  std::size_t window = 65'536;     // taken from a sender and not yet read by the receiver
  std::size_t most_taken = 0;      // by one write, at most, by chance; 0: as much as fits
  std::size_t most_read = 65'536;  // by one read, at most, by chance
  std::size_t dribbled = 0;        // of the first octets of a direction: they come one by one
};

// What every part of one simulation shares.
struct Stage {
  Schedule& schedule;
  Random& random;
  Trace& trace;
  Watch& watch;
};

class Connection;

// One end of a connection. Lives as long as its connection, so that late uses are seen.
class End final : public net::Stream {
 public:
  enum class Side { postern, actor };
  End(Connection& connection, Side side, const net::Address& local, const net::Address& peer)
      : connection_(connection), side_(side), local_(local), peer_(peer) {}

  void attach(net::StreamUser& user) override;
  void start_reading() override;
  void stop_reading() override;
  bool is_at_end() override;
  void write(std::string_view bytes) override;
  std::size_t queued() const override { return queued_; }
  bool is_broken() const override { return is_broken_; }
  void shut_write() override;
  void reset_on_close() override { resets_ = true; }
  net::Address local() const override { return local_; }
  net::Address peer() const override { return peer_; }

  bool is_released() const { return is_released_; }

 private:
  friend class Connection;
  struct Segment {
    std::string bytes;
    enum class Flag { none, end, reset } flag = Flag::none;
  };

  void release() override;
  bool check_use(std::string_view what);
  std::size_t transmit(std::string_view bytes);
  void post(Segment segment);
  void arrive();
  void pump();
  void finish_write();
  void plan_delivery(Moment delay);
  void deliver();
  void deliver_bytes();
  void break_it(int code);
  void call(Watch::Call call, const std::function<void()>& work);
  End& other() const;
  int who() const;
  bool is_clients() const;

  Connection& connection_;
  const Side side_;
  const net::Address local_;
  const net::Address peer_;
  net::StreamUser* user_ = nullptr;

  // What this end sends.
  std::string writing_;      // the write that the system is at
  std::string waiting_;      // behind it
  std::size_t written_ = 0;  // of writing_
  std::size_t queued_ = 0;
  std::size_t unread_ = 0;  // sent, not read by the other end yet
  bool is_pumping_ = false;
  bool shut_wanted_ = false;
  bool is_shut_ = false;
  // What it receives.
  std::deque<Segment> coming_;
  Moment last_arrival_ = 0;
  std::string arrived_;
  std::size_t taken_ = 0;   // of arrived_
  std::uint64_t read_ = 0;  // in all
  bool end_arrived_ = false;
  bool reset_arrived_ = false;
  bool is_reading_ = false;
  bool is_delivering_ = false;

  bool is_broken_ = false;
  bool is_released_ = false;
  bool resets_ = false;
};

class Connection {
 public:
  // `session`: whose it is; `who`: as the trace names it.
  Connection(const Stage& stage, int session, int who, const Manners& manners,
             const net::Address& postern, const net::Address& actor);

  End& postern() { return ends_[0]; }
  const End& postern() const { return ends_[0]; }
  End& actor() { return ends_[1]; }
  int session() const { return session_; }
  // Nothing arrives until then, in the direction towards `side`.
  void clog(End::Side side, Moment until);
  // It breaks for both.
  void cut();

 private:
  friend class End;
  const Stage& stage_;
  const int session_;
  const int who_;  // in the trace
  const Manners manners_;
  std::array<Moment, 2> clogged_until_{};  // towards postern, towards the actor
  std::array<End, 2> ends_;
};

// What becomes of a dial.
struct DialFate {
  enum class Kind { connected, refused, exhausted, ignored, gone_at_once } kind = Kind::connected;
  Moment delay = 100;
  Manners manners = {};
};

// Who answers dials.
class Backends {
 public:
  virtual DialFate on_dial(const net::Address& address) = 0;
  virtual int session_of(const net::Address& address) = 0;
  virtual void on_connected(int session, Connection& connection) = 0;

 protected:
  ~Backends() = default;
};

class SimNet final : public net::Dialer {
 public:
  SimNet(const Stage& stage, Backends& backends) : stage_(stage), backends_(backends) {}

  std::unique_ptr<net::Dial> dial(const net::Address& address, net::DialUser& user) override;
  // A client's connection to postern.
  Connection& connect(int session, const Manners& manners, const net::Address& postern,
                      const net::Address& client);

  // What postern's owner has not let go of, of one session.
  std::size_t open_streams(int session) const;
  std::size_t open_dials(int session) const;
  std::size_t queued(int session) const;

 private:
  class Attempt;
  struct Dialling {
    net::DialUser* user;  // null once answered or given up
    int session;
    net::Address address;
    std::string opening = {};  // what postern says first
  };
  void answer(std::size_t index, const DialFate& fate);

  const Stage& stage_;
  Backends& backends_;
  std::deque<Connection> connections_;
  std::deque<Dialling> dials_;
  std::uint16_t next_port_ = 40'000;
};

}  // namespace postern::sim
