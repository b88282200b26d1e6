// See dates.h.
#include "proxy/commands/dates.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "conf/words.h"
#include "proxy/log.h"

namespace postern::commands {

namespace {

using std::chrono::milliseconds;

std::string day_text(conf::Date day) {
  return fmt::format("{:%Y-%m-%d}", std::chrono::system_clock::time_point(day));
}

}  // namespace

Dates::Dates(const conf::Settings& settings, audit::Sink& audit)
    : settings_(settings), audit_(audit), changes_(policy::dated_changes(settings)) {}

void Dates::announce(audit::WallTime now) {
  for (; told_ < changes_.size() && changes_[told_].on <= now; ++told_) {
    announce(changes_[told_], now);
  }
}

void Dates::announce(const policy::DatedChange& change, audit::WallTime now) {
  const auto place =
      fmt::format("{}:{}:{}", settings_.file, change.place.line, change.place.column);
  const std::string_view who = change.is_rule ? "rule" : "listener";
  audit::PolicyEvent event;
  event.rule = change.is_rule ? change.name : policy::kNoRule;
  switch (change.kind) {
    case policy::DatedChange::Kind::rule_expires:
      event.action = "rule-expired";
      event.reason = fmt::format("rule {} held until the end of {}", change.name,
                                 day_text(change.on - std::chrono::days(1)));
      log::warn("{}: {}: it no longer acts", place, event.reason);
      break;
    case policy::DatedChange::Kind::refusal_begins:
      event.action = "policy-change";
      event.reason = fmt::format("{} {}: logins without TLS are refused from {} on", who,
                                 change.name, day_text(change.on));
      log::info("{}: {}: this acts now", place, event.reason);
      break;
    case policy::DatedChange::Kind::version_rises:
      event.action = "policy-change";
      event.reason = fmt::format("{} {}: TLS below {} is refused from {} on", who, change.name,
                                 conf::word(change.version), day_text(change.on));
      log::info("{}: {}: this acts now", place, event.reason);
      break;
  }
  audit_.record({now, std::move(event)});
}

milliseconds Dates::pause(audit::WallTime now, milliseconds most) const {
  if (told_ == changes_.size()) return most;
  // A millisecond more, so that the day has begun for certain.
  const auto left = std::chrono::ceil<milliseconds>(changes_[told_].on - now) + milliseconds(1);
  return std::clamp(left, milliseconds(0), most);
}

}  // namespace postern::commands
