// A stream over a libuv TCP handle.
#pragma once

#include <uv.h>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::net {

class UvStream final : public Stream {
 public:
  // A stream with nothing behind it yet. Comes and goes by StreamPtr alone.
  explicit UvStream(Loop& loop);

  // Takes over a connected, non-blocking socket. On an error (of libuv) the caller keeps it.
  int open(int socket);
  // Begins to connect; libuv's error where that fails at once. It stands when the first octets come;
  // else on_broken() says why not.
  int connect(const Address& address);
  // Whether the other end has accepted it. A system call.
  bool is_connected() const;
  // Octets that its user has read, but are for the one whom it handed the stream to meanwhile.
  void pass_on(std::span<char> bytes);

  void attach(StreamUser& user) override { user_ = &user; }
  void start_reading() override;
  void stop_reading() override;
  void write(std::string_view bytes) override;
  bool is_at_end() override;
  std::size_t queued() const override { return queued_; }
  bool is_broken() const override { return is_broken_; }
  void shut_write() override;
  void write_last(std::string_view bytes) override;
  void reset_on_close() override { reset_on_close_ = true; }
  Address local() const override;
  Address peer() const override;

 private:
  struct Write;  // a write that libuv is at, with its bytes
  ~UvStream() override;
  void release() override;
  int begin_write(std::string bytes);
  void queue(std::string_view bytes);
  void on_write_done(std::size_t size, int status);
  void stop_polling();
  int socket() const;

  Loop& loop_;
  uv_tcp_t handle_{};
  StreamUser* user_ = nullptr;  // null once released
  std::size_t queued_ = 0;
  std::string waiting_;  // behind the write that libuv is at: one at a time, however many come
  bool is_reading_ = false;
  bool is_polled_ = false;  // libuv reads, or finds that nobody wants it
  bool is_broken_ = false;
  bool shut_when_written_ = false;
  bool reset_on_close_ = false;
};

}  // namespace postern::net
