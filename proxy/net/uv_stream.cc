// See uv_stream.h.
#include "proxy/net/uv_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace postern::net {

namespace {

// Both peers: five minutes until the first keepalive probe, and as long for bytes that the peer's
// system does not acknowledge. Far longer than any hiccup, far shorter than TCP's own patience.
constexpr int kKeepaliveSeconds = 300;
constexpr int kUserTimeoutMilliseconds = 300'000;

}  // namespace

std::string Error::text() const { return uv_strerror(code); }

bool Error::is_exhaustion() const {
  return code == UV_EMFILE || code == UV_ENFILE || code == UV_ENOBUFS || code == UV_ENOMEM;
}

// uv_write's bytes must live until its callback.
struct UvStream::Write {
  uv_write_t request{};
  UvStream& stream;
  std::string bytes;
};

UvStream::UvStream(Loop& loop) : loop_(loop) {
  uv_tcp_init(loop.native(), &handle_);
  handle_.data = this;
}

int UvStream::open(int socket) {
  const int error = uv_tcp_open(&handle_, socket);
  if (error == 0) set_options();
  return error;
}

void UvStream::set_options() {
  uv_tcp_nodelay(&handle_, 1);
  uv_tcp_keepalive(&handle_, 1, kKeepaliveSeconds);
  setsockopt(socket(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMilliseconds,
             sizeof kUserTimeoutMilliseconds);
}

int UvStream::socket() const {
  uv_os_fd_t descriptor = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &descriptor);
  return descriptor;
}

void UvStream::start_reading() {
  if (is_reading_ || is_broken_) return;
  is_reading_ = true;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&handle_),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        *buffer = static_cast<UvStream*>(handle->data)->loop_.read_buffer();
      },
      [](uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) {
        auto& self = *static_cast<UvStream*>(handle->data);
        if (self.user_ == nullptr || size == 0) return;
        if (size > 0) {
          self.user_->on_read(self, {buffer->base, static_cast<std::size_t>(size)});
          return;
        }
        self.stop_reading();
        if (size == UV_EOF) {
          self.user_->on_end(self);
        } else {
          self.is_broken_ = true;
          self.user_->on_broken(self, Error{static_cast<int>(size)});
        }
      });
}

void UvStream::stop_reading() {
  if (!is_reading_) return;
  is_reading_ = false;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&handle_));
}

void UvStream::write(std::string_view bytes) {
  if (is_broken_ || bytes.empty()) return;
  auto* const stream = reinterpret_cast<uv_stream_t*>(&handle_);
  if (queued_ == 0) {
    // uv_buf_t wants a pointer to non-const; a write does not change what it points to.
    const auto buffer =
        uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    const int sent = uv_try_write(stream, &buffer, 1);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (bytes.empty()) return;
    } else if (sent != UV_EAGAIN) {
      is_broken_ = true;
      return;
    }
  }
  auto write = std::make_unique<Write>(Write{{}, *this, std::string(bytes)});
  write->request.data = write.get();
  const auto buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const int error =
      uv_write(&write->request, stream, &buffer, 1, [](uv_write_t* request, int status) {
        const std::unique_ptr<Write> done(static_cast<Write*>(request->data));
        // It may have been a password on its way to the backend.
        explicit_bzero(done->bytes.data(), done->bytes.size());
        done->stream.on_write_done(done->bytes.size(), status);
      });
  if (error != 0) {
    is_broken_ = true;
    return;
  }
  queued_ += bytes.size();
  write.release();  // the callback takes it back
}

void UvStream::on_write_done(std::size_t size, int status) {
  queued_ -= size;
  if (user_ == nullptr) return;
  if (status != 0) {
    if (is_broken_) return;
    is_broken_ = true;
    stop_reading();
    user_->on_broken(*this, Error{status});
    return;
  }
  if (queued_ > 0) return;
  if (shut_when_written_) ::shutdown(socket(), SHUT_WR);
  user_->on_written(*this);
}

void UvStream::shut_write() {
  if (is_broken_) return;
  // Nothing is queued in libuv, so the system call may come at once, without a request of its own.
  if (queued_ == 0) {
    ::shutdown(socket(), SHUT_WR);
  } else {
    shut_when_written_ = true;
  }
}

Address UvStream::local() const { return Address::of_socket(socket()); }

Address UvStream::peer() const { return Address::of_peer(socket()); }

void UvStream::release() {
  user_ = nullptr;
  is_reading_ = false;
  const auto on_closed = [](uv_handle_t* handle) { delete static_cast<UvStream*>(handle->data); };
  if (reset_on_close_ && !uv_is_closing(reinterpret_cast<uv_handle_t*>(&handle_)) &&
      uv_tcp_close_reset(&handle_, on_closed) == 0) {
    return;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), on_closed);
}

}  // namespace postern::net
