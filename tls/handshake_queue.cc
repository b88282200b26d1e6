// See handshake_queue.h.
#include "tls/handshake_queue.h"

#include <utility>

#include "tls/native.h"

namespace postern::tls {

Handshake::~Handshake() {
  if (wait != Wait::none) queue->leave(*this);
}

bool HandshakeQueue::may_step(const Handshake& handshake) const {
  return steps_ < kMostSteps && begun_.empty() &&
         (handshake.has_begun() || (new_.empty() && signing_ < kMostSigning));
}

void HandshakeQueue::await_turn(Handshake& handshake) {
  handshake.wait = Handshake::Wait::turn;
  auto& waiting = handshake.has_begun() ? begun_ : new_;
  handshake.at = waiting.insert(waiting.end(), &handshake);
}

void HandshakeQueue::ask(Handshake& handshake, KeyOperationPtr operation) {
  ++signing_;
  handshake.wait = Handshake::Wait::key;
  operation->desk = &desk_;
  operation->handshake = &handshake;
  handshake.operation = std::move(operation);
  offload_.ask(handshake.operation);
}

void HandshakeQueue::leave(Handshake& handshake) {
  if (std::exchange(handshake.wait, Handshake::Wait::none) == Handshake::Wait::turn) {
    (handshake.has_begun() ? begun_ : new_).erase(handshake.at);
  } else {
    offload_.drop(handshake.operation);
    --signing_;
  }
}

bool HandshakeQueue::take_turn() {
  steps_ = 0;
  while (steps_ < kMostSteps) {
    if (!call_next()) return false;
    ++steps_;
  }
  return true;
}

// The next that may go on; false where there is none.
bool HandshakeQueue::call_next() {
  Handshake* next = nullptr;
  if (signing_ > 0) {
    if (const auto operation = offload_.take_done(desk_)) {
      --signing_;
      next = operation->handshake;
    }
  }
  if (next == nullptr) {
    const bool is_new = !new_.empty() && signing_ < kMostSigning &&
                        (begun_.empty() || begun_in_a_row_ >= kMostBegun);
    auto& waiting = is_new ? new_ : begun_;
    if (waiting.empty()) return false;
    begun_in_a_row_ = is_new ? 0 : begun_in_a_row_ + 1;
    next = waiting.front();
    waiting.pop_front();
  }
  next->wait = Handshake::Wait::none;
  next->user->on_turn();
  return true;
}

}  // namespace postern::tls
