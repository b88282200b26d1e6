// See uv_dialer.h.
#include "proxy/net/uv_dialer.h"

#include <cerrno>
#include <utility>

#include "proxy/net/uv_stream.h"

namespace postern::net {

UvDial::UvDial(Loop& loop, const Address& address, DialUser& user)
    : loop_(loop), user_(user), stream_(new UvStream(loop)), held_(stream_) {
  stream_->attach(*this);
  const int error = stream_->connect(address);
  if (error == 0) {
    stream_->start_reading();
    return;
  }
  fail_later(error);  // no descriptor, no route
}

// The asker hears of it as of all others: not from within its own call.
void UvDial::fail_later(int error) {
  stream_->stop_reading();
  waiting_ = std::make_shared<UvDial*>(this);
  loop_.post([waiting = waiting_, error] {
    if (*waiting != nullptr) (*waiting)->user_.on_dial_failed(Error{error});
  });
}

void UvDial::say(std::string_view bytes) {
  if (waiting_ != nullptr) return;
  awaits_answer_ = true;
  stream_->write(bytes);
  if (stream_->is_broken()) fail_later(-ECONNREFUSED);  // at once, and without a word why
}

UvDial::~UvDial() {
  if (waiting_ != nullptr) *waiting_ = nullptr;
}

// Behind on_dialled() this object may be gone; the stream's memory stays until a later turn.
void UvDial::on_read(Stream&, std::span<char> bytes) {
  auto& stream = *stream_;
  user_.on_dialled(std::move(held_));
  stream.pass_on(bytes);
}

// It hung up without a word: its user sees that as soon as it reads.
void UvDial::on_end(Stream&) {
  if (awaits_answer_) return user_.on_dial_failed(Error{-ECONNRESET});
  user_.on_dialled(std::move(held_));
}

void UvDial::on_broken(Stream&, Error error) {
  if (error.code == -ECONNRESET && !awaits_answer_) {
    // It was there, and its user sees that it broke.
    user_.on_dialled(std::move(held_));
  } else {
    user_.on_dial_failed(error);
  }
}

bool UvDial::hand_over() {
  if (!stream_->is_connected()) return false;
  user_.on_dialled(std::move(held_));
  return true;
}

}  // namespace postern::net
