// End reasons have names that a log's reader can rely on.
#include "proxy/session/end_reason.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace postern;
using session::EndReason;

TEST_CASE("every end reason has a name of its own, in lower case words") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(EndReason::shutdown); ++i) {
    const auto name = session::name_of(static_cast<EndReason>(i));
    REQUIRE_FALSE(name.empty());
    REQUIRE(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    REQUIRE(names.insert(name).second);
  }
}

TEST_CASE("a farewell takes the reason for which it was asked, other causes have their own") {
  REQUIRE(session::reason_of(protocols::Cause::farewell, EndReason::idle_timeout) ==
          EndReason::idle_timeout);
  REQUIRE(session::reason_of(protocols::Cause::bare_newline, EndReason::idle_timeout) ==
          EndReason::bare_newline);
}
