// Session ticket keys: rotating, shared by all workers of the process.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tls/error.h"

namespace postern::tls {

struct SecretFiles;

// Ticket keys derived (HKDF, RFC 5869) from a secret and a time slot, so that nothing has to be
// stored or exchanged: the present slot's keys seal new tickets (RFC 5077 section 4), and those of
// the slots before and after it (a clock that was set back, or another node's that is ahead) open too.
// What ends a ticket is its slot alone, but for server_context.cc's exceptions. Thread-safe.
class TicketKeys {
 public:
  // A week, whatever the slots: RFC 8446 section 4.6.1.
  static constexpr std::chrono::seconds kLongestTicket{604800};
  // What a secret has at least. It is not stretched, so octets that nobody can guess are wanted.
  static constexpr std::size_t kShortestSecret = 32;
  static constexpr std::size_t kLongestSecret = 64 * 1024;

  // With a random secret: this process only. `rotate`: the length of a slot, at least a second. `now`
  // gives seconds since the epoch and is called from any thread; tests replace it.
  TicketKeys(std::chrono::seconds rotate, std::function<std::chrono::seconds()> now);
  // With one that several processes have: where `rotate` is equal too, and their clocks are not more
  // than a slot apart, each opens the others' tickets. `secret` is of any kind and length, and not kept.
  TicketKeys(std::string_view secret, std::chrono::seconds rotate,
             std::function<std::chrono::seconds()> now);
  // The same with what a file holds, octet by octet: kShortestSecret to kLongestSecret. The file is as
  // tight as a key's must be: `rule`. Blocking; the error names the file.
  static Result<std::shared_ptr<const TicketKeys>> load(const std::string& path,
                                                        const SecretFiles& rule,
                                                        std::chrono::seconds rotate,
                                                        std::function<std::chrono::seconds()> now);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // How long a ticket is good for at least, whenever in its slot it was sealed: what clients are told.
  // The slot's length, up to kLongestTicket.
  std::chrono::seconds lifetime() const;

  struct Native;
  const Native& native() const { return *native_; }

 private:
  std::unique_ptr<Native> native_;
};

}  // namespace postern::tls
