// See actor.h.
#include "test/sim/actor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace postern::sim {

namespace {

// How postern ends a conversation, or answers for a backend that it has lost.
constexpr std::array<std::string_view, 6> kFarewells = {"421 ",   "451 ",  "454 ",
                                                        "* BYE ", "-ERR ", "554 "};

// A body's octets go out in pieces, while no more than this waits.
constexpr std::size_t kMostQueued = 64 * 1024;
constexpr std::size_t kPiece = 8 * 1024;
// An actor whose other end has gone closes soon.
constexpr Moment kLeave = 500;

}  // namespace

Actor::Actor(const Stage& stage, int session, int who, Trust trust, Script script,
             const test::TlsClientOptions& tls)
    : stage_(stage),
      session_(session),
      who_(who),
      trust_(trust),
      script_(std::move(script)),
      tls_options_(tls) {}

Actor::~Actor() = default;

void Actor::begin(net::StreamPtr stream) {
  stream_ = std::move(stream);
  stream_->attach(*this);
  stream_->start_reading();
  // Not from within postern's dial.
  stage_.schedule.after(1, [this] { advance(); });
}

std::string Actor::position() const {
  if (is_through()) return "the end";
  const auto& op = script_[step_];
  return fmt::format("step {} of {} (kind {}, \"{}\")", step_ + 1, script_.size(),
                     static_cast<int>(op.kind), shown(op.text));
}

bool Actor::may_be_secured() const {
  return tls_ != nullptr && !is_glued_ && (tls_->connected() || flights_ >= 2);
}

bool Actor::may_write() const {
  return stream_ != nullptr && !is_shut_ && !has_vanished_ && !stream_->is_broken();
}

void Actor::wrong(const std::string& what) {
  stage_.watch.fail(session_, fmt::format("{} at {}: {}", who_ % 10 == 1 ? "client" : "backend",
                                          position(), what));
  step_ = script_.size();
}

// Where the network may fail, postern's own words may stand in place of what was to come.
bool Actor::is_farewell(std::string_view heard) const {
  return trust_ == Trust::octets &&
         std::any_of(kFarewells.begin(), kFarewells.end(), [&](std::string_view words) {
           const auto size = std::min(words.size(), heard.size());
           return words.substr(0, size) == heard.substr(0, size);
         });
}

// What came is not what was to come.
void Actor::hear_other(std::string_view heard) {
  if (is_farewell(heard)) {
    step_ = script_.size();
  } else {
    wrong("heard \"" + shown(heard) + "\"");
  }
}

// -------------------------------------------------------------------------- what happened

void Actor::on_read(net::Stream&, std::span<char> bytes) {
  const std::string_view octets(bytes.data(), bytes.size());
  if (is_glued_) {
    raw_.append(octets);
    heard_in_clear_.append(
        octets.substr(0, kMostKept - std::min(kMostKept, heard_in_clear_.size())));
  } else if (tls_ != nullptr) {
    tls_->receive(octets);
    flush_tls();
    take(tls_->take_received());
  } else {
    take(octets);
  }
  advance();
}

void Actor::take(std::string_view plain) {
  if (plain.empty()) return;
  stage_.trace.note(stage_.schedule.moment(), who_, "hears", plain.size(), plain);
  auto& kept = tls_ == nullptr ? heard_in_clear_ : heard_;
  kept.append(plain.substr(0, kMostKept - std::min(kMostKept, kept.size())));
  in_.append(plain);
  // Whoever trusts nothing may be sent anything.
  if (!is_strict() && in_.size() > kMostKept) in_.erase(0, in_.size() - kMostKept);
}

void Actor::on_end(net::Stream&) {
  has_ended_ = true;
  advance();
}

void Actor::on_broken(net::Stream&, net::Error) {
  if (trust_ == Trust::everything && !is_through()) wrong("the connection broke");
  has_ended_ = true;
  let_go(0);
}

void Actor::on_written(net::Stream&) { advance(); }

// ------------------------------------------------------------------------- the script

void Actor::advance() {
  if (is_advancing_) return;
  is_advancing_ = true;
  while (stream_ != nullptr && !is_letting_go_ && !has_vanished_ && !is_through() &&
         run(script_[step_])) {
    if (is_through()) break;
    ++step_;
    sent_ = received_ = 0;
    has_waited_ = false;
  }
  is_advancing_ = false;
  if (stream_ == nullptr || is_letting_go_ || has_vanished_) return;
  if (is_through()) {
    if (stream_->queued() == 0) let_go(kLeave);  // else once it has left
    return;
  }
  if (!has_ended_) return;
  const auto kind = script_[step_].kind;
  if (kind == Op::Kind::wait || kind == Op::Kind::say_body || kind == Op::Kind::deaf) return;
  if (trust_ == Trust::everything) wrong("the other side has ended");
  let_go(kLeave);
}

// Whether the step is done.
bool Actor::run(const Op& op) {
  switch (op.kind) {
    case Op::Kind::say:
      send(op.text);
      return true;
    case Op::Kind::hear:
      return run_hear(op);
    case Op::Kind::reply:
      return run_reply(op);
    case Op::Kind::start_tls:
      return run_tls();
    case Op::Kind::glued_tls:
      return run_glued_tls(op);
    case Op::Kind::say_body:
      return run_out(op.out);
    case Op::Kind::hear_body:
      return run_in(op.in);
    case Op::Kind::exchange: {
      const bool is_sent = run_out(op.out);
      return run_in(op.in) && is_sent;
    }
    case Op::Kind::half_close:
      if (tls_ != nullptr && tls_->connected() && may_write()) {
        tls_->close();
        flush_tls();
      }
      if (may_write()) stream_->shut_write();
      is_shut_ = true;
      return true;
    case Op::Kind::hear_end:
      if (is_strict() && !in_.empty()) hear_other(in_);
      return has_ended_;
    case Op::Kind::wait:
      return run_wait(op);
    case Op::Kind::hear_anything:
      if (in_.empty()) return false;
      in_.clear();
      return true;
    case Op::Kind::raw:
      if (may_write()) stream_->write(op.text);
      return true;
    case Op::Kind::deaf:
      stream_->stop_reading();
      return true;
    case Op::Kind::listening:
      stream_->start_reading();
      return true;
    case Op::Kind::stall:
      return false;
    case Op::Kind::vanish:
      stream_->stop_reading();
      has_vanished_ = true;
      return false;
    case Op::Kind::flood:
      return run_flood(op);
    case Op::Kind::close:
      let_go(0);
      return false;
    case Op::Kind::reset:
      stream_->reset_on_close();
      let_go(0);
      return false;
  }
  __builtin_unreachable();
}

bool Actor::run_hear(const Op& op) {
  if (!is_strict()) {
    if (in_.find('\n') == std::string::npos && in_.size() < op.text.size()) return false;
    in_.clear();
    return true;
  }
  const auto size = std::min(in_.size(), op.text.size());
  if (in_.compare(0, size, op.text, 0, size) != 0) {
    hear_other(in_);
    return true;
  }
  if (size < op.text.size()) return false;
  in_.erase(0, size);
  return true;
}

// Takes whole lines up to the last of a reply.
bool Actor::run_reply(const Op& op) {
  for (;;) {
    const auto end = in_.find('\n');
    if (end == std::string::npos) return false;
    if (!is_strict()) {
      in_.clear();
      return true;
    }
    const auto line = in_.substr(0, end + 1);
    in_.erase(0, end + 1);
    const bool is_as_wanted = line.starts_with(op.text);
    bool is_last = true;
    switch (op.until) {
      case Reply::smtp:
        is_last = line.size() < 4 || line[3] != '-';
        if (!is_as_wanted) hear_other(line);
        break;
      case Reply::imap:
        // An untagged line that is not waited for stands before the one that is.
        if (!is_as_wanted && line.starts_with("* ")) continue;
        if (!is_as_wanted) hear_other(line);
        break;
      case Reply::pop3_list:
        if (received_ == 0 && !is_as_wanted) hear_other(line);
        received_ += line.size();
        is_last = line == ".\r\n";
        break;
      case Reply::pop3:
        if (!is_as_wanted) hear_other(line);
        break;
    }
    if (is_last || is_through()) return true;
  }
}

bool Actor::run_wait(const Op& op) {
  if (has_waited_) return true;
  if (is_waiting_) return false;
  is_waiting_ = true;
  stage_.schedule.after(op.time, [this] {
    is_waiting_ = false;
    has_waited_ = true;
    advance();
  });
  return false;
}

// ------------------------------------------------------------------------------- bytes

void Actor::send(std::string_view plain) {
  if (!may_write()) return;
  stage_.trace.note(stage_.schedule.moment(), who_, "says", plain.size(), plain);
  if (tls_ == nullptr) {
    stream_->write(plain);
  } else if (tls_->connected() && !tls_->failed() && !plain.empty()) {
    tls_->send(plain);
    flush_tls();
  }
}

void Actor::flush_tls() {
  const auto output = tls_->take_output();
  if (output.empty()) return;
  if (!tls_->connected() || flights_ < 2) ++flights_;
  if (may_write()) stream_->write(output);
}

bool Actor::run_out(const Body& body) {
  while (sent_ < body.size && may_write() && stream_->queued() < kMostQueued) {
    const auto piece = body.piece(sent_, stage_.random.between(1, kPiece));
    sent_ += piece.size();
    send(piece);
  }
  // Towards one that has gone there is no more to do.
  return sent_ == body.size || (!may_write() && !is_strict());
}

bool Actor::run_in(const Body& body) {
  const auto size = std::min(in_.size(), body.size - received_);
  const auto holds = [&](std::size_t most) {
    return body.holds(received_, std::string_view(in_).substr(0, most));
  };
  if (is_strict() && !holds(size)) {
    std::size_t good = 0;
    while (holds(good + 1)) ++good;
    if (is_farewell(std::string_view(in_).substr(good))) {
      step_ = script_.size();
      return true;
    }
    wrong(fmt::format("octets {} to {} of a body are not what was sent", received_,
                      received_ + size));
    return true;
  }
  in_.erase(0, size);
  received_ += size;
  return received_ == body.size;
}

bool Actor::run_flood(const Op& op) {
  while (sent_ < op.out.size && may_write() && stream_->queued() < kMostQueued) {
    std::string piece;
    while (piece.size() < kPiece) piece += op.text;
    sent_ += piece.size();
    send(piece);
    if (tls_ != nullptr && !tls_->connected()) return true;
  }
  return sent_ >= op.out.size || !may_write();
}

// --------------------------------------------------------------------------------- TLS

void Actor::begin_tls() {
  tls_ = std::make_unique<test::TlsClient>(tls_options_);
  tls_->receive("");
}

bool Actor::run_tls() {
  if (tls_ == nullptr) {
    if (is_strict() && !in_.empty()) {
      wrong("clear text came behind the go-ahead: " + shown(in_));
      return true;
    }
    in_.clear();
    begin_tls();
    flush_tls();
  }
  if (tls_->failed() && trust_ == Trust::everything) {
    wrong("the handshake failed: " + tls_->error());
    return true;
  }
  return tls_->connected() || (tls_->failed() && !is_strict());
}

bool Actor::run_glued_tls(const Op& op) {
  if (tls_ == nullptr) {
    begin_tls();
    ++flights_;
    is_glued_ = true;
    stage_.trace.note(stage_.schedule.moment(), who_, "says and begins", op.text.size(), op.text);
    if (may_write()) stream_->write(op.text + tls_->take_output());
  }
  if (is_glued_ && !take_go_ahead(op)) return false;
  return run_tls();
}

bool Actor::take_go_ahead(const Op& op) {
  const auto end = raw_.find('\n');
  if (end == std::string::npos) return false;
  if (is_strict() && !raw_.starts_with(op.other)) {
    hear_other(raw_);
    return true;
  }
  is_glued_ = false;
  const auto rest = raw_.substr(end + 1);
  raw_.clear();
  tls_->receive(rest);
  flush_tls();
  take(tls_->take_received());
  return true;
}

// ------------------------------------------------------------------------------ the end

void Actor::let_go(Moment delay) {
  if (is_letting_go_ || stream_ == nullptr) return;
  is_letting_go_ = true;
  stage_.schedule.after(delay, [this] {
    stage_.trace.note(stage_.schedule.moment(), who_, "closes");
    stream_.reset();
  });
}

}  // namespace postern::sim
