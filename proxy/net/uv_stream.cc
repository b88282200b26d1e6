// See uv_stream.h.
#include "proxy/net/uv_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "proxy/net/bind.h"
#include "proxy/net/socket_options.h"

namespace postern::net {

namespace {

constexpr std::size_t kLeastQueue = 1024;

// Bytes that are kept may be a password on its way to the backend.
void wipe(std::string& bytes) { explicit_bzero(bytes.data(), bytes.size()); }

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

UvStream::~UvStream() { wipe(waiting_); }

int UvStream::open(int socket) { return uv_tcp_open(&handle_, socket); }

int UvStream::connect(const Address& address) {
  sockaddr_storage storage{};
  const auto length = address.to(storage);
  Socket socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return -errno;
  set_stream_options(socket.get());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 &&
      errno != EINPROGRESS) {
    return -errno;
  }
  const int error = open(socket.get());
  if (error == 0) socket.take();
  return error;
}

bool UvStream::is_connected() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(socket(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_CLOSE;
}

void UvStream::pass_on(std::span<char> bytes) {
  if (user_ != nullptr) user_->on_read(*this, bytes);
}

int UvStream::socket() const {
  uv_os_fd_t descriptor = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &descriptor);
  return descriptor;
}

void UvStream::start_reading() {
  if (is_reading_ || is_broken_) return;
  is_reading_ = true;
  if (std::exchange(is_polled_, true)) return;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&handle_),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        const auto& self = *static_cast<UvStream*>(handle->data);
        *buffer = self.is_reading_ ? self.loop_.read_buffer() : uv_buf_init(nullptr, 0);
      },
      [](uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) {
        auto& self = *static_cast<UvStream*>(handle->data);
        if (self.user_ == nullptr || size == 0) return;
        // Nothing was read, or libuv has seen the end behind the last bytes: it will be seen again.
        if (!self.is_reading_) return self.stop_polling();
        if (size > 0) {
          self.user_->on_read(self, {buffer->base, static_cast<std::size_t>(size)});
          return;
        }
        self.stop_polling();
        if (size == UV_EOF) {
          self.user_->on_end(self);
        } else {
          self.is_broken_ = true;
          self.user_->on_broken(self, Error{static_cast<int>(size)});
        }
      });
}

// libuv hears of it when something comes: most who stop go on within the same turn, which would cost
// two system calls, since libuv then does not know any more what it has told the kernel.
void UvStream::stop_reading() { is_reading_ = false; }

void UvStream::stop_polling() {
  is_reading_ = is_polled_ = false;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&handle_));
}

bool UvStream::is_at_end() {
  char octet = 0;
  if (!is_reading_ || recv(socket(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) != 0) return false;
  stop_polling();
  return true;
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
  if (queued_ > 0) {
    queue(bytes);
  } else if (begin_write(std::string(bytes)) != 0) {
    is_broken_ = true;
    return;
  }
  queued_ += bytes.size();
}

// Hands bytes to libuv; its error where it does not take them.
int UvStream::begin_write(std::string bytes) {
  auto write = std::make_unique<Write>(Write{{}, *this, std::move(bytes)});
  write->request.data = write.get();
  const auto buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const auto done = [](uv_write_t* request, int status) {
    const std::unique_ptr<Write> ended(static_cast<Write*>(request->data));
    wipe(ended->bytes);
    ended->stream.on_write_done(ended->bytes.size(), status);
  };
  const int error =
      uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&handle_), &buffer, 1, done);
  if (error == 0) static_cast<void>(write.release());  // the callback takes it back
  return error;
}

// Grows without leaving what it held behind.
void UvStream::queue(std::string_view bytes) {
  const auto size = waiting_.size() + bytes.size();
  if (size > waiting_.capacity()) {
    std::string larger;
    larger.reserve(std::max({size, 2 * waiting_.capacity(), kLeastQueue}));
    larger.append(waiting_);
    wipe(waiting_);
    waiting_.swap(larger);
  }
  waiting_.append(bytes);
}

void UvStream::on_write_done(std::size_t size, int status) {
  queued_ -= size;
  if (user_ == nullptr || is_broken_) return;
  if (status == 0 && !waiting_.empty()) status = begin_write(std::exchange(waiting_, {}));
  if (status != 0) {
    is_broken_ = true;
    stop_polling();
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

void UvStream::write_last(std::string_view bytes) {
  if (!is_broken_ && queued_ == 0 && !bytes.empty()) {
    // MSG_MORE: it waits for what comes next, which is the end.
    const auto sent =
        send(socket(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  write(bytes);
  shut_write();
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
