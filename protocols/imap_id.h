// The IMAP ID command (RFC 2971): what the client calls itself, and the fields that it may not
// send.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocols/imap_lexer.h"

namespace postern::protocols {

struct ImapId {
  std::string name;  // "name version" as far as given, at most 255 octets
  bool cut = false;  // a field had to go
};

// Reads a whole ID command. None: its argument is neither NIL nor a list of pairs. Where fields
// must go, `edited` becomes the command without them, all else byte for byte as it was; otherwise
// it is left alone. The fields by which a backend lets a proxy name the client go, since the
// backend trusts postern's address: x-originating-ip, x-session-id, x-proxy-ttl, x-connected-*,
// x-forward-*.
std::optional<ImapId> read_imap_id(const ImapCommand& command, ImapCommand& edited);

}  // namespace postern::protocols
