// A network and a clock in the test's hands: it plays the peers, one callback at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/clock.h"
#include "proxy/net/stream.h"

namespace postern::test {

class FakeClock final : public net::Clock {
 public:
  net::Instant now() const override { return now_; }
  std::chrono::nanoseconds exact() const override { return now_; }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point(std::chrono::hours(24) * 20000 + now_ + jumped_);
  }
  void advance(net::Instant by) { now_ += by; }
  void jump(net::Instant by) { jumped_ += by; }  // the date alone

 private:
  net::Instant jumped_{0};
  net::Instant now_{1000};
};

// The peer's end of a stream: what the owner did shows here, and outlives the stream.
class FakePeer {
 public:
  // The peer sends; the owner must be reading.
  void send(std::string_view bytes);
  // The peer ends its direction, or the connection breaks.
  void end();
  // It sends, and the end comes with it.
  void end_with(std::string_view bytes);
  void reset(int code);
  // The peer stops taking bytes: writes queue up; then it takes them all.
  void clog() { is_clogged_ = true; }
  void unclog();
  // The next write fails at once, as the system says it of a connection that is gone.
  void break_at_write() { breaks_at_write_ = true; }

  // All that the owner has sent, and since the last call.
  const std::string& received() const { return received_; }
  std::string take() { return std::exchange(received_, {}); }
  // What the owner left of what it has just read, in the memory that others read into, too.
  const std::string& left_of_read() const { return read_; }
  int writes() const { return writes_; }  // of the owner
  bool is_being_read() const { return is_reading_; }
  bool is_shut() const { return is_shut_; }      // the owner has ended its direction
  bool is_closed() const { return is_closed_; }  // the owner has let go
  std::size_t queued() const { return queue_.size(); }

 private:
  friend class FakeStream;
  net::Stream* stream_ = nullptr;
  net::StreamUser* user_ = nullptr;
  std::string received_;
  std::string read_;
  std::string queue_;
  int writes_ = 0;
  bool end_follows_ = false;
  bool is_reading_ = false;
  bool is_clogged_ = false;
  bool breaks_at_write_ = false;
  bool is_broken_ = false;
  bool shut_wanted_ = false;
  bool is_shut_ = false;
  bool is_closed_ = false;
};

// A connected stream and the peer that the test plays.
std::pair<net::StreamPtr, std::shared_ptr<FakePeer>> make_stream();

// Dials when the test says so.
class FakeDialer final : public net::Dialer {
 public:
  // It stands, but the other end says nothing: it is there when it is asked for.
  void connect_silently() { is_silent_ = true; }
  std::unique_ptr<net::Dial> dial(const net::Address& address, net::DialUser& user) override;

  bool is_dialling() const { return user_ != nullptr; }
  int dials() const { return dials_; }
  const net::Address& address() const { return address_; }
  std::shared_ptr<FakePeer> succeed();
  void fail(int code);

 private:
  friend class FakeDial;
  bool is_silent_ = false;
  net::DialUser* user_ = nullptr;  // null once answered or given up
  net::Address address_;
  std::string opening_;
  int dials_ = 0;
};

}  // namespace postern::test
