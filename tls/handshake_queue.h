// The handshakes of one worker, one step in each turn of its loop: a storm of ClientHellos, each a
// quarter of a millisecond and more, must not keep the sessions waiting that are already there.
//
//   receive() in a handshake --the turn has a step left, nobody waits--> goes on
//             |                                                        ^
//             +--else--> waits for its turn --take_turn(), in order----+
//
//   goes on --the key is slow--> waits for its signature (key_offload.h) --take_turn()--> goes on
//
// Handshakes that have begun come before new ones, but behind kMostBegun of them one new one comes:
// clients that send theirs octet by octet must not keep others out. While kMostSigning signatures are
// under way none begins, so that the threads that sign get the processor, and what they have to do
// stays bounded; those that wait keep what the client sent. So none is refused, and nothing is ever
// signed on the loop: that would be the stall that this is here for.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <utility>

#include "tls/key_offload.h"

namespace postern::tls {

// Whoever owns an engine that waits.
class HandshakeUser {
 public:
  // The engine may go on: it is to be called with receive(""). May destroy it.
  virtual void on_turn() = 0;

 protected:
  ~HandshakeUser() = default;
};

struct Handshake;  // an engine's, in native.h

// Lives on its worker's thread; outlives the engines that queue.
class HandshakeQueue {
 public:
  static constexpr std::size_t kMostSteps = 1;    // a turn
  static constexpr std::size_t kMostBegun = 8;    // in a row, while new ones wait
  static constexpr std::size_t kMostSigning = 2;  // one is made, one waits: its thread never rests

  // `bell` is rung, from any thread, when take_turn() has something to do that it did not have when
  // it was called last.
  HandshakeQueue(KeyOffload& offload, std::function<void()> bell)
      : offload_(offload), desk_(std::move(bell)) {}
  HandshakeQueue(const HandshakeQueue&) = delete;
  HandshakeQueue& operator=(const HandshakeQueue&) = delete;

  // At each turn of the loop, before it waits: calls those whose turn it is. True where more is to
  // do at once, so that the loop must not wait.
  bool take_turn();

  // For engines: whether one may go on now; else it waits, until it is called or goes.
  bool may_step(const Handshake& handshake) const;
  void step() { ++steps_; }
  void await_turn(Handshake& handshake);
  void ask(Handshake& handshake, KeyOperationPtr operation);
  void leave(Handshake& handshake);

 private:
  bool call_next();

  KeyOffload& offload_;
  KeyOffload::Desk desk_;
  std::list<Handshake*> begun_;  // both: who waits for its turn
  std::list<Handshake*> new_;
  std::size_t steps_ = 0;           // in this turn
  std::size_t begun_in_a_row_ = 0;  // called since the last new one
  std::size_t signing_ = 0;         // asked for and not taken
};

}  // namespace postern::tls
