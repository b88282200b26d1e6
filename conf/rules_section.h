// The section `rules`, and the keys about logins that a rule and a listener have in common.
#pragma once

#include <cstddef>

#include "conf/draft.h"
#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

inline constexpr std::size_t kMostRules = 1000;
inline constexpr std::size_t kMostPrefixes = 1000;  // of one rule, or of accept_proxy
inline constexpr std::size_t kMostUsers = 1000;     // of one rule
inline constexpr std::size_t kLongestPattern = 256;
inline constexpr std::size_t kLongestNote = 256;  // owner and reason

// Appends the rules and their places; the names of listeners are left to check().
void read_rules(const Value& value, Draft& draft);

// cleartext_login, refuse_from and refuse_share, with their places.
void read_login_policy(const Fields& fields, LoginPolicy& logins);

}  // namespace postern::conf
