// What the process as a whole is set to before it serves: limits, privileges, core dumps, signals.
#pragma once

#include <optional>
#include <string>

#include "conf/settings.h"

namespace postern::commands {

// Raises the limit of descriptors to the hard one; gives it.
std::size_t raise_descriptor_limit();

// No core dump, and no other process of the same user may look into this one: passwords pass here.
void forbid_memory_dumps();

// Started as root: changes to the settings' user, or to `postern` where that user exists, for
// good. The error says what failed. Does nothing for others.
std::optional<std::string> drop_privileges(const conf::Settings& settings);

// Blocks those that mean something to a running postern alone, SIGHUP and SIGUSR1: a reload that is
// asked for while it still starts must not end it. For the first line of a command.
void hold_signals_of_service();
// Blocks all that await_signal() takes. Before any thread starts: they inherit it.
void take_over_signals();
// Readable while one of them waits for await_signal(): for poll(2).
class SignalDescriptor {
 public:
  SignalDescriptor();
  SignalDescriptor(const SignalDescriptor&) = delete;
  SignalDescriptor& operator=(const SignalDescriptor&) = delete;
  ~SignalDescriptor();
  int get() const { return descriptor_; }  // -1: out of descriptors

 private:
  const int descriptor_;
};
// The next of SIGTERM, SIGINT, SIGHUP and SIGUSR1 within the time; 0 where none came.
int await_signal(std::chrono::milliseconds most);

}  // namespace postern::commands
