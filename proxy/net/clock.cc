// See clock.h.
#include "proxy/net/clock.h"

namespace postern::net {

std::chrono::system_clock::time_point wall_clock() { return std::chrono::system_clock::now(); }

}  // namespace postern::net
