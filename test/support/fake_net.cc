// See fake_net.h.
#include "test/support/fake_net.h"

#include <stdexcept>

namespace postern::test {

class FakeStream final : public net::Stream {
 public:
  explicit FakeStream(std::shared_ptr<FakePeer> peer) : peer_(std::move(peer)) {
    peer_->stream_ = this;
  }
  void attach(net::StreamUser& user) override { peer_->user_ = &user; }
  void start_reading() override { peer_->is_reading_ = true; }
  void stop_reading() override { peer_->is_reading_ = false; }
  bool is_at_end() override {
    if (!peer_->is_reading_ || !std::exchange(peer_->end_follows_, false)) return false;
    peer_->is_reading_ = false;
    return true;
  }
  void write(std::string_view bytes) override {
    ++peer_->writes_;
    if (peer_->is_shut_ || peer_->shut_wanted_) throw std::logic_error("write after shut_write");
    peer_->is_broken_ |= peer_->breaks_at_write_;
    if (peer_->is_broken_) return;
    (peer_->is_clogged_ ? peer_->queue_ : peer_->received_).append(bytes);
  }
  std::size_t queued() const override { return peer_->queue_.size(); }
  bool is_broken() const override { return peer_->is_broken_; }
  void shut_write() override {
    if (peer_->queue_.empty()) {
      peer_->is_shut_ = true;
    } else {
      peer_->shut_wanted_ = true;
    }
  }
  void reset_on_close() override {}
  net::Address local() const override { return *net::Address::parse("127.0.0.1", 143); }
  net::Address peer() const override { return *net::Address::parse("127.0.0.1", 50000); }

 private:
  void release() override {
    peer_->is_closed_ = true;
    peer_->user_ = nullptr;
    delete this;
  }
  std::shared_ptr<FakePeer> peer_;
};

void FakePeer::send(std::string_view bytes) {
  if (is_closed_) return;
  if (!is_reading_) throw std::logic_error("the owner does not read");
  read_ = bytes;
  user_->on_read(*stream_, read_);
}

void FakePeer::end() {
  if (is_closed_) return;
  is_reading_ = false;
  user_->on_end(*stream_);
}

void FakePeer::end_with(std::string_view bytes) {
  end_follows_ = true;
  send(bytes);
  if (std::exchange(end_follows_, false)) end();
}

void FakePeer::reset(int code) {
  if (is_closed_) return;
  is_reading_ = false;
  user_->on_broken(*stream_, net::Error{code});
}

void FakePeer::unclog() {
  is_clogged_ = false;
  received_ += std::exchange(queue_, {});
  is_shut_ |= shut_wanted_;
  if (user_ != nullptr) user_->on_written(*stream_);
}

std::pair<net::StreamPtr, std::shared_ptr<FakePeer>> make_stream() {
  auto peer = std::make_shared<FakePeer>();
  return {net::StreamPtr(new FakeStream(peer)), peer};
}

class FakeDial final : public net::Dial {
 public:
  FakeDial(FakeDialer& dialer, net::DialUser& user) : dialer_(dialer), user_(&user) {}
  ~FakeDial() override {
    if (dialer_.user_ == user_) dialer_.user_ = nullptr;
  }
  void say(std::string_view bytes) override { dialer_.opening_ = bytes; }
  bool hand_over() override {
    if (!std::exchange(dialer_.is_silent_, false)) return false;
    dialer_.succeed();
    return true;
  }

 private:
  FakeDialer& dialer_;
  net::DialUser* user_;
};

std::unique_ptr<net::Dial> FakeDialer::dial(const net::Address& address, net::DialUser& user) {
  user_ = &user;
  address_ = address;
  opening_.clear();
  ++dials_;
  return std::make_unique<FakeDial>(*this, user);
}

std::shared_ptr<FakePeer> FakeDialer::succeed() {
  auto [stream, peer] = make_stream();
  if (!opening_.empty()) stream->write(opening_);
  std::exchange(user_, nullptr)->on_dialled(std::move(stream));
  return peer;
}

void FakeDialer::fail(int code) {
  // The callback may dial again.
  std::exchange(user_, nullptr)->on_dial_failed(net::Error{code});
}

}  // namespace postern::test
