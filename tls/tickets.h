// Session ticket keys: rotating, shared by all workers of the process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace postern::tls {

// Ticket keys derived (HKDF) from a secret and a time slot, so that nothing has to be stored or
// exchanged: a slot's key seals new tickets, and the slots before and after it are accepted too.
// The secret is random here (this process only). Thread-safe; immutable.
class TicketKeys {
 public:
  // `rotate`: the length of a slot. `now` gives seconds since the epoch and is called from any
  // thread; tests replace it.
  TicketKeys(std::chrono::seconds rotate, std::function<std::chrono::seconds()> now);
  ~TicketKeys();

  struct Native;
  const Native& native() const { return *native_; }

 private:
  std::unique_ptr<Native> native_;
};

}  // namespace postern::tls
