// Tells, in the audit and in the log, when something dated in the settings begins to act.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/log.h"
#include "proxy/policy/policy.h"

namespace postern::commands {

// The policy itself looks at the date with each login; this only says so, once for each change.
class Dates {
 public:
  // Both outlive it.
  Dates(const conf::Settings& settings, audit::Sink& audit);

  // Tells of all that acts by `now` and was not told of yet: at first, also of the past.
  void announce(audit::WallTime now);
  // How long to wait until the next call: until the next change, at most `most`, since clocks jump.
  std::chrono::milliseconds pause(audit::WallTime now, std::chrono::milliseconds most) const;

 private:
  void announce(const policy::DatedChange& change, audit::WallTime now);

  const conf::Settings& settings_;
  audit::Sink& audit_;
  const std::vector<policy::DatedChange> changes_;
  std::size_t told_ = 0;  // of changes_, which are in their order
};

}  // namespace postern::commands
