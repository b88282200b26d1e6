// One event loop: libuv's, with the timers, the shared read buffer and the dialler of a worker.
#pragma once

#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/net/clock.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"

namespace postern::net {

// Lives on one thread, but for post(). Streams and dials are gone before it is.
class Loop final : public Clock, public Dialer {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() override;

  // Runs until stop(). Timers whose moment has come run at each turn.
  void run();
  void stop();
  // Runs `task` on the loop's thread soon. From any thread.
  void post(std::function<void()> task);
  // Ends its waiting: a turn begins soon. From any thread.
  void wake() { uv_async_send(&wakeup_); }
  // Whether it is to wait for nothing: another turn follows at once.
  void set_busy(bool is_busy);
  // Runs now what was posted. On the loop's thread, or once run() has returned for good.
  void run_posted();
  // Called at each turn of the loop before it waits: the time to destroy what has ended.
  void before_waiting(std::function<void()> task) { before_waiting_ = std::move(task); }

  Instant now() const override { return Instant(uv_now(&loop_)); }
  std::chrono::nanoseconds exact() const override { return std::chrono::nanoseconds(uv_hrtime()); }
  std::chrono::system_clock::time_point wall() const override { return wall_clock(); }
  std::unique_ptr<Dial> dial(const Address& address, DialUser& user) override;

  TimerQueue& timers() { return timers_; }
  uv_loop_t* native() { return &loop_; }
  // All streams of the loop read into this: an idle one holds no buffer.
  uv_buf_t read_buffer() { return uv_buf_init(read_buffer_.data(), kReadBuffer); }

 private:
  void rearm();

  static constexpr unsigned kReadBuffer = 64 * 1024;  // larger gave nothing, 16 KiB half

  uv_loop_t loop_{};
  uv_timer_t timer_{};
  uv_prepare_t prepare_{};
  uv_idle_t busy_{};  // while it runs libuv does not wait
  uv_async_t wakeup_{};
  TimerQueue timers_;
  Instant armed_for_{-1};  // the moment timer_ is set to; negative: not set
  std::function<void()> before_waiting_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  bool is_busy_ = false;
  bool stopping_ = false;
  std::array<char, kReadBuffer> read_buffer_;
};

// "1.44.2"
std::string library_version();

}  // namespace postern::net
