// See sim_net.h. This file: the ends of a connection; sim_dialer.cc: dials.
#include "test/sim/sim_net.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace postern::sim {

namespace {

// As the loop's buffer: all streams read into it, and a user must not look at it later.
constexpr std::size_t kReadBuffer = 64 * 1024;
std::string& read_buffer() {
  static std::string buffer(kReadBuffer, '\0');
  return buffer;
}

constexpr char kPoison = '\xdb';

// Marks the time in which the simulation works although postern has called it.
class InNet {
 public:
  explicit InNet(Watch& watch) : watch_(watch) { watch_.enter_net(); }
  InNet(const InNet&) = delete;
  InNet& operator=(const InNet&) = delete;
  ~InNet() { watch_.leave_net(); }

 private:
  Watch& watch_;
};

std::size_t index_of(End::Side side) { return side == End::Side::postern ? 0 : 1; }

}  // namespace

Connection::Connection(const Stage& stage, int session, int who, const Manners& manners,
                       const net::Address& postern, const net::Address& actor)
    : stage_(stage),
      session_(session),
      who_(who),
      manners_(manners),
      ends_{End(*this, End::Side::postern, postern, actor),
            End(*this, End::Side::actor, actor, postern)} {}

void Connection::clog(End::Side side, Moment until) {
  stage_.trace.note(stage_.schedule.moment(), who_, "clogged", index_of(side));
  clogged_until_[index_of(side)] = until;
}

void Connection::cut() {
  stage_.trace.note(stage_.schedule.moment(), who_, "cut");
  for (auto& end : ends_) {
    end.coming_.clear();
    end.reset_arrived_ = true;
    end.plan_delivery(0);
    end.pump();
  }
}

End& End::other() const { return connection_.ends_[1 - index_of(side_)]; }

int End::who() const { return connection_.who_; }

bool End::is_clients() const { return connection_.who_ % 10 == 1; }

// Whether the owner may still use it: else postern has made a mistake.
bool End::check_use(std::string_view what) {
  if (!is_released_) return true;
  connection_.stage_.watch.fail(connection_.session_, std::string(what) + " after the release");
  return false;
}

void End::attach(net::StreamUser& user) {
  check_use("attach");
  user_ = &user;
}

void End::start_reading() {
  if (!check_use("start_reading") || is_reading_ || is_broken_) return;
  is_reading_ = true;
  const InNet here(connection_.stage_.watch);
  plan_delivery(0);
}

void End::stop_reading() {
  if (check_use("stop_reading")) is_reading_ = false;
}

bool End::is_at_end() {
  if (!check_use("is_at_end") || !is_reading_ || is_broken_ || reset_arrived_ || !end_arrived_ ||
      taken_ < arrived_.size()) {
    return false;
  }
  is_reading_ = false;
  connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "at its end",
                                index_of(side_));
  return true;
}

void End::write(std::string_view bytes) {
  if (!check_use("write") || bytes.empty()) return;
  const InNet here(connection_.stage_.watch);
  if (shut_wanted_) {
    connection_.stage_.watch.fail(connection_.session_, "write after shut_write");
    return;
  }
  if (is_broken_) return;
  if (reset_arrived_) {
    is_broken_ = true;
    return;
  }
  if (side_ == Side::postern) {
    connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "postern writes",
                                  bytes.size());
  }
  if (queued_ == 0) {
    bytes.remove_prefix(transmit(bytes));
    if (bytes.empty()) return;
    writing_.assign(bytes);
    written_ = 0;
  } else {
    waiting_.append(bytes);
  }
  queued_ += bytes.size();
  connection_.stage_.schedule.after(1, [this] { pump(); });
}

// Puts on the wire what the window and chance allow; gives its size.
std::size_t End::transmit(std::string_view bytes) {
  const auto& manners = connection_.manners_;
  auto most = std::min(bytes.size(), manners.window - std::min(manners.window, unread_));
  if (manners.most_taken > 0) {
    most = std::min<std::size_t>(most, connection_.stage_.random.between(1, manners.most_taken));
  }
  if (most == 0) return 0;
  unread_ += most;
  post({std::string(bytes.substr(0, most)), Segment::Flag::none});
  return most;
}

// Sends to the other end; in order.
void End::post(Segment segment) {
  auto& stage = connection_.stage_;
  const auto& manners = connection_.manners_;
  auto& to = other();
  auto when = stage.schedule.moment() + manners.latency;
  if (manners.jitter > 0)
    when += static_cast<Moment>(stage.random.below(static_cast<std::uint64_t>(manners.jitter)));
  when = std::max({when, to.last_arrival_, connection_.clogged_until_[index_of(to.side_)]});
  to.last_arrival_ = when;
  to.coming_.push_back(std::move(segment));
  stage.schedule.after(when - stage.schedule.moment(), [&to] { to.arrive(); });
}

void End::arrive() {
  if (coming_.empty()) return;  // it was cut meanwhile
  auto segment = std::move(coming_.front());
  coming_.pop_front();
  if (is_released_) {
    // Nobody is there: the system answers with a reset.
    if (!segment.bytes.empty() && !other().is_released_) post({{}, Segment::Flag::reset});
    return;
  }
  if (segment.flag == Segment::Flag::end) end_arrived_ = true;
  if (segment.flag == Segment::Flag::reset) {
    reset_arrived_ = true;
    pump();
  }
  arrived_.append(segment.bytes);
  plan_delivery(0);
}

// The system can take more of what is queued, or sees that it never will.
void End::pump() {
  if (is_pumping_ || is_released_ || is_broken_ || queued_ == 0) return;
  if (reset_arrived_) {
    is_pumping_ = true;
    connection_.stage_.schedule.after(1, [this] {
      is_pumping_ = false;
      break_it(-EPIPE);
    });
    return;
  }
  written_ += transmit(std::string_view(writing_).substr(written_));
  if (written_ == writing_.size()) {
    finish_write();
  } else if (unread_ < connection_.manners_.window) {
    is_pumping_ = true;
    connection_.stage_.schedule.after(50, [this] {
      is_pumping_ = false;
      pump();
    });
  }
}

void End::finish_write() {
  queued_ -= writing_.size();
  writing_ = std::exchange(waiting_, {});
  written_ = 0;
  if (queued_ > 0) {
    connection_.stage_.schedule.after(1, [this] { pump(); });
    return;
  }
  if (shut_wanted_ && !is_shut_) {
    is_shut_ = true;
    post({{}, Segment::Flag::end});
  }
  connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "written",
                                index_of(side_));
  call(Watch::Call::written, [this] { user_->on_written(*this); });
}

void End::shut_write() {
  if (!check_use("shut_write") || is_broken_ || shut_wanted_) return;
  const InNet here(connection_.stage_.watch);
  shut_wanted_ = true;
  if (queued_ > 0) return;
  is_shut_ = true;
  post({{}, Segment::Flag::end});
}

void End::plan_delivery(Moment delay) {
  const bool has_news = taken_ < arrived_.size() || end_arrived_ || reset_arrived_;
  if (is_delivering_ || !is_reading_ || is_broken_ || !has_news) return;
  is_delivering_ = true;
  connection_.stage_.schedule.after(delay, [this] {
    is_delivering_ = false;
    deliver();
  });
}

void End::deliver() {
  if (!is_reading_ || is_released_ || is_broken_) return;
  if (taken_ < arrived_.size()) {
    deliver_bytes();
  } else if (reset_arrived_) {
    break_it(-ECONNRESET);
  } else {
    is_reading_ = false;
    connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "ended",
                                  index_of(side_));
    call(is_clients() ? Watch::Call::client_end : Watch::Call::backend_end,
         [this] { user_->on_end(*this); });
  }
}

void End::deliver_bytes() {
  auto& stage = connection_.stage_;
  const auto& manners = connection_.manners_;
  auto size = std::min(arrived_.size() - taken_, kReadBuffer);
  if (read_ < manners.dribbled) {
    size = 1;
  } else if (size > 1) {
    size = std::min<std::size_t>(size, stage.random.between(1, manners.most_read));
  }
  auto& buffer = read_buffer();
  arrived_.copy(buffer.data(), size, taken_);
  taken_ += size;
  read_ += size;
  if (taken_ == arrived_.size()) {
    arrived_.clear();
    taken_ = 0;
  }
  auto& sender = other();
  sender.unread_ -= std::min(sender.unread_, size);
  if (sender.queued_ > 0) stage.schedule.after(manners.latency, [&sender] { sender.pump(); });
  stage.trace.note(stage.schedule.moment(), who(),
                   side_ == Side::postern ? "postern reads" : "actor reads", size);
  call(is_clients() ? Watch::Call::client_read : Watch::Call::backend_read, [&] {
    user_->on_read(*this, {buffer.data(), size});
  });
  std::fill_n(buffer.begin(), size, kPoison);
  plan_delivery(manners.most_read < kReadBuffer ? static_cast<Moment>(stage.random.below(200)) : 1);
}

void End::break_it(int code) {
  if (is_released_ || is_broken_) return;
  is_broken_ = true;
  is_reading_ = false;
  connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "broken",
                                index_of(side_));
  call(Watch::Call::broken, [this, code] { user_->on_broken(*this, net::Error{code}); });
}

// Calls back whoever owns it, if anybody does.
void End::call(Watch::Call call, const std::function<void()>& work) {
  if (is_released_ || user_ == nullptr) return;
  if (side_ == Side::actor) return work();
  auto& watch = connection_.stage_.watch;
  watch.before_call(connection_.session_, call);
  work();
  watch.after_call(connection_.session_);
}

void End::release() {
  if (!check_use("release")) return;
  const InNet here(connection_.stage_.watch);
  connection_.stage_.trace.note(connection_.stage_.schedule.moment(), who(), "released",
                                index_of(side_));
  is_released_ = true;
  is_reading_ = false;
  user_ = nullptr;
  queued_ = 0;
  std::string().swap(writing_);
  std::string().swap(waiting_);
  if (is_broken_ || reset_arrived_) return;
  if (resets_ || taken_ < arrived_.size()) {
    post({{}, Segment::Flag::reset});
  } else if (!is_shut_) {
    post({{}, Segment::Flag::end});
  }
}

}  // namespace postern::sim
