// Parts of all from text.
#pragma once

#include <string>
#include <string_view>

#include "conf/settings.h"
#include "conf/values.h"

namespace postern::conf {

// "10%", "0.5%", "12.25%": from 0% to 100%, two decimals at most.
Parsed<Share> parse_share(std::string_view text);

// "10%", "0.5%", "12.25%".
std::string share_text(Share share);

}  // namespace postern::conf
