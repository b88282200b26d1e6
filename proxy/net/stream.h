// The doors to the network: a connected stream and a dialler, as interfaces. libuv is one maker
// (uv_stream, uv_dialer); a simulation can be another. Everything here lives on one loop's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/net/address.h"

namespace postern::net {

// An error of the operating system, as libuv counts them: negative errno values.
struct Error {
  int code = 0;
  // "connection refused"
  std::string text() const;
  // Descriptors, buffers or memory ran out.
  bool is_exhaustion() const;
};

class Stream;

// Whoever owns a stream. A callback may release the stream that it came from.
class StreamUser {
 public:
  // Bytes came; they are gone when this returns. The user may overwrite them, and does where they
  // may hold a secret: others read into the same memory.
  virtual void on_read(Stream& stream, std::span<char> bytes) = 0;
  // The peer sends no more. Reading has stopped.
  virtual void on_end(Stream& stream) = 0;
  // The stream is broken; nothing can be read or written any more.
  virtual void on_broken(Stream& stream, Error error) = 0;
  // All that was queued has left. Not called for what write() could send at once.
  virtual void on_written(Stream& stream) = 0;

 protected:
  ~StreamUser() = default;
};

// One connected stream of bytes. Its owner lets go of it by destroying the StreamPtr, at any
// time: it is closed, what is queued is lost, and no callback comes any more.
class Stream {
 public:
  virtual void attach(StreamUser& user) = 0;
  // Both do nothing where that is so already.
  virtual void start_reading() = 0;
  virtual void stop_reading() = 0;
  // Sends at once what the system takes, and queues a copy of the rest. Nothing happens on a broken
  // stream. Not after shut_write().
  virtual void write(std::string_view bytes) = 0;
  // Whether nothing more is to be read but the end; then reading has stopped, and on_end() does not
  // come. A system call: for whoever has just read what may have been the last.
  virtual bool is_at_end() { return false; }
  // Octets queued.
  virtual std::size_t queued() const = 0;
  // A write failed at once: look here after write(); no callback comes for it.
  virtual bool is_broken() const = 0;
  // In on_broken(): why in words, printable ASCII, where the peer refused TLS before anything came by
  // it; else empty.
  virtual std::string_view why_refused() const { return {}; }
  // Ends this direction once all that was queued has left.
  virtual void shut_write() = 0;
  // write() and shut_write(): where it can be, the end goes in the same segment.
  virtual void write_last(std::string_view bytes) {
    if (!bytes.empty()) write(bytes);
    shut_write();
  }
  // The next closing resets the connection, so that the peer knows that it was cut.
  virtual void reset_on_close() = 0;
  virtual Address local() const = 0;
  virtual Address peer() const = 0;

 protected:
  friend struct StreamRelease;
  virtual ~Stream() = default;
  // Closes it; the object goes when the maker is through with it.
  virtual void release() = 0;
};

struct StreamRelease {
  void operator()(Stream* stream) const { stream->release(); }
};
using StreamPtr = std::unique_ptr<Stream, StreamRelease>;

// Whoever asked for a connection.
class DialUser {
 public:
  // `stream` is connected (or broke since); its first octets may follow at once. May destroy
  // the dial.
  virtual void on_dialled(StreamPtr stream) = 0;
  virtual void on_dial_failed(Error error) = 0;

 protected:
  ~DialUser() = default;
};

// A running attempt: destroying it gives it up, and no callback comes any more.
class Dial {
 public:
  virtual ~Dial() = default;
  // The time is up. Where the connection stands, and its other end only has not said anything yet, it
  // is handed over: on_dialled() comes within this call. Whether it was.
  virtual bool hand_over() { return false; }
  // Right behind dial(), once: the client speaks first here, so `bytes` go out as soon as the connection
  // stands, and what on_dialled() waits for is the answer. A peer that ends or resets the connection
  // instead of one comes as on_dial_failed(), with ECONNRESET.
  virtual void say(std::string_view bytes) = 0;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // Begins to connect. A callback comes later, never from within this call. No time limit.
  virtual std::unique_ptr<Dial> dial(const Address& address, DialUser& user) = 0;
};

}  // namespace postern::net
