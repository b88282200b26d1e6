// What the main thread does while workers serve: it takes signals, renews certificates, and says
// when something dated begins to act.
#pragma once

#include <chrono>

#include "conf/settings.h"
#include "proxy/admin/file_watch.h"
#include "proxy/admin/renewal.h"
#include "proxy/audit/log.h"
#include "proxy/commands/dates.h"
#include "proxy/commands/process.h"
#include "proxy/server/services.h"

namespace postern::commands {

// All that it is made from outlives it. After take_over_signals().
class Serving {
 public:
  Serving(const conf::Settings& settings, server::Services& services, audit::Log& audit);
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // Does what is due until SIGTERM or SIGINT comes (then it gives that), or the time is up (then 0).
  int await_end(std::chrono::milliseconds most);
  // The same without a limit.
  int await_end();

 private:
  int await(admin::Steady::time_point until);
  admin::Steady::time_point next() const;
  void wait(admin::Steady::time_point until);
  void take(int signal);

  audit::Log& audit_;
  Dates dates_;
  admin::FileWatch watch_;
  admin::Renewal renewal_;
  const SignalDescriptor signals_;
};

}  // namespace postern::commands
