// What the load generator and its sink agree upon.
#pragma once

namespace postern::bench {

enum class Protocol { imap, smtp, pop3 };

}  // namespace postern::bench
