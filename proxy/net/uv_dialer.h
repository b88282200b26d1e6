// Connecting over libuv.
#pragma once

#include <memory>

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::net {

class UvStream;

// One attempt to connect. Destroying it closes the socket.
//
// All that is dialled here greets first, or answers what say() has said, so it is that which is waited for: one wait, where
// waiting for the connection would be another, with system calls of its own. So on_dialled() comes
// with the first octets, which the stream's new user gets right behind it.
class UvDial final : public Dial, StreamUser {
 public:
  UvDial(Loop& loop, const Address& address, DialUser& user);
  ~UvDial() override;

  bool hand_over() override;
  void say(std::string_view bytes) override;

 private:
  void on_read(Stream& stream, std::span<char> bytes) override;
  void on_end(Stream& stream) override;
  void on_broken(Stream& stream, Error error) override;
  void on_written(Stream&) override {}
  void fail_later(int error);

  Loop& loop_;
  DialUser& user_;
  UvStream* const stream_;
  bool awaits_answer_ = false;        // to what say() has said
  StreamPtr held_;                    // the same, until it is handed over
  std::shared_ptr<UvDial*> waiting_;  // for the turn that tells of a failure at once
};

}  // namespace postern::net
