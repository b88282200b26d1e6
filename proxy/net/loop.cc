// See loop.h.
#include "proxy/net/loop.h"

#include <cassert>
#include <utility>

#include "proxy/net/uv_dialer.h"

namespace postern::net {

Loop::Loop() {
  uv_loop_init(&loop_);
  uv_timer_init(&loop_, &timer_);
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &busy_);
  uv_async_init(&loop_, &wakeup_,
                [](uv_async_t* handle) { static_cast<Loop*>(handle->data)->run_posted(); });
  timer_.data = prepare_.data = wakeup_.data = this;
  // The last thing before the loop waits: let go of what has ended, and set the alarm for the
  // earliest timer. So however often timers move within one turn, the alarm is set once.
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto& self = *static_cast<Loop*>(handle->data);
    if (self.before_waiting_) self.before_waiting_();
    self.rearm();
    if (self.stopping_) uv_stop(&self.loop_);
  });
}

Loop::~Loop() {
  before_waiting_ = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&busy_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&wakeup_), nullptr);
  // Until all close callbacks have come; a stop that was posted late ends the first run at once.
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
  }
  [[maybe_unused]] const int left = uv_loop_close(&loop_);
  assert(left == 0);
}

void Loop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
  stopping_ = false;
}

void Loop::stop() {
  stopping_ = true;
  uv_stop(&loop_);
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  wake();
}

void Loop::set_busy(bool is_busy) {
  if (is_busy == std::exchange(is_busy_, is_busy)) return;
  if (is_busy) {
    uv_idle_start(&busy_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&busy_);
  }
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void Loop::rearm() {
  const auto next = timers_.next();
  if (!next) {
    if (armed_for_ >= Instant(0)) uv_timer_stop(&timer_);
    armed_for_ = Instant(-1);
    return;
  }
  if (*next == armed_for_) return;
  armed_for_ = *next;
  const auto wait = *next > now() ? *next - now() : Instant(0);
  uv_timer_start(
      &timer_,
      [](uv_timer_t* handle) {
        auto& self = *static_cast<Loop*>(handle->data);
        self.armed_for_ = Instant(-1);
        self.timers_.run(self.now());
      },
      static_cast<std::uint64_t>(wait.count()), 0);
}

std::unique_ptr<Dial> Loop::dial(const Address& address, DialUser& user) {
  return std::make_unique<UvDial>(*this, address, user);
}

std::string library_version() { return uv_version_string(); }

}  // namespace postern::net
