// See tls_stream.h.
#include "proxy/backend/tls_stream.h"

#include <cerrno>
#include <string>
#include <utility>

#include "tls/octets.h"

namespace postern::backend {

namespace {

// Memory for the time of a call, of which a thread keeps one piece: so that no stream holds any, and a
// call within a call has its own.
template <class Buffer>
class Lent {
 public:
  Lent() : buffer_(std::exchange(spare(), {})) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    buffer_.clear();
    if (buffer_.capacity() > spare().capacity()) spare() = std::move(buffer_);
  }
  Buffer& operator*() { return buffer_; }
  Buffer* operator->() { return &buffer_; }

 private:
  static Buffer& spare() {
    static thread_local Buffer kept;
    return kept;
  }
  Buffer buffer_;
};

}  // namespace

TlsStream::TlsStream(net::StreamPtr inner, std::unique_ptr<tls::ClientEngine> engine)
    : inner_(std::move(inner)), engine_(std::move(engine)) {
  inner_->attach(*this);
}

void TlsStream::pass_on(std::span<char> bytes) {
  const auto alive = life();
  if (!bytes.empty()) user_->on_read(*this, bytes);
  if (alive.expired()) return;
  switch (engine_->state()) {
    case tls::ClientEngine::State::ended:
      if (std::exchange(has_ended_, true)) return;
      inner_->stop_reading();
      user_->on_end(*this);
      break;
    case tls::ClientEngine::State::failed:
      break_off();
      break;
    case tls::ClientEngine::State::handshaking:
    case tls::ClientEngine::State::open:
      break;
  }
}

void TlsStream::on_read(net::Stream&, std::span<char> bytes) {
  Lent<tls::Octets> plain;
  {
    Lent<std::string> answer;  // of TLS itself: a key update, an alert
    engine_->receive({bytes.data(), bytes.size()}, *plain, *answer);
    if (!is_shut_) inner_->write(*answer);
  }
  if (plain->size() > 0) has_heard_ = true;
  pass_on({plain->data(), plain->size()});
}

void TlsStream::on_end(net::Stream&) {
  if (has_ended_) return;
  if (!is_shut_) return break_off();
  has_ended_ = true;
  user_->on_end(*this);
}

void TlsStream::on_broken(net::Stream&, net::Error error) {
  is_broken_ = true;
  user_->on_broken(*this, error);
}

void TlsStream::on_written(net::Stream&) { user_->on_written(*this); }

void TlsStream::break_off() {
  if (std::exchange(is_broken_, true)) return;
  inner_->stop_reading();
  user_->on_broken(*this, net::Error{-ECONNRESET});
}

// In TLS 1.3 a server sees the client's certificate only when the handshake is over for the client.
std::string_view TlsStream::why_refused() const {
  const bool is_refusal = engine_->failure() == tls::ClientFailure::handshake && !has_heard_;
  return is_refusal ? std::string_view(engine_->failure_text()) : std::string_view();
}

void TlsStream::write(std::string_view bytes) {
  if (is_broken() || is_shut_ || bytes.empty()) return;
  Lent<std::string> cipher;
  engine_->seal(bytes, *cipher);
  if (engine_->state() == tls::ClientEngine::State::failed) {
    is_broken_ = true;
    return;
  }
  inner_->write(*cipher);
}

void TlsStream::shut_write() {
  if (std::exchange(is_shut_, true) || is_broken()) return;
  Lent<std::string> last;
  engine_->close(*last);
  inner_->write_last(*last);
}

void TlsStream::reset_on_close() {
  is_reset_ = true;
  inner_->reset_on_close();
}

// close_notify goes where nothing stands in its way; nobody waits for it.
void TlsStream::release() {
  if (!is_shut_ && !is_reset_ && !is_broken() && inner_->queued() == 0) {
    Lent<std::string> last;
    engine_->close(*last);
    inner_->write(*last);
  }
  delete this;
}

}  // namespace postern::backend
