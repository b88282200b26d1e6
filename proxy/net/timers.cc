// See timers.h.
#include "proxy/net/timers.h"

#include <cassert>

namespace postern::net {

void Timer::arm(Instant when) {
  if (is_armed()) {
    if (when_ == when) return;
    queue_.remove(*this);
  }
  when_ = when;
  queue_.insert(*this);
}

void Timer::disarm() {
  if (is_armed()) queue_.remove(*this);
}

std::optional<Instant> TimerQueue::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->when_;
}

void TimerQueue::run(Instant now) {
  // At most as many as are armed now: one that re-arms itself for the past must not spin.
  for (std::size_t left = heap_.size(); left > 0 && !heap_.empty(); --left) {
    Timer& timer = *heap_.front();
    if (timer.when_ > now) return;
    remove(timer);
    timer.user_.on_timer();
  }
}

void TimerQueue::insert(Timer& timer) {
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void TimerQueue::remove(Timer& timer) {
  const auto index = timer.index_;
  assert(index < heap_.size() && heap_[index] == &timer);
  timer.index_ = Timer::kUnarmed;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::place(std::size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) {
  Timer* const timer = heap_[index];
  while (index > 0) {
    const auto parent = (index - 1) / 2;
    if (heap_[parent]->when_ <= timer->when_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void TimerQueue::sift_down(std::size_t index) {
  Timer* const timer = heap_[index];
  for (;;) {
    auto child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) ++child;
    if (heap_[child]->when_ >= timer->when_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, timer);
}

}  // namespace postern::net
