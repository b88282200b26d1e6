// Base64 as SASL responses carry it (RFC 4648 section 4).
#pragma once

#include <string>
#include <string_view>

namespace postern::protocols {

// Decodes `text` into `into`, which is wiped first and may hold a secret afterwards: the caller
// wipes it. What lenient servers take is taken too where all that take it read the same: missing
// padding, stray bits at the end, blanks around the text. False, with `into` empty, where they would
// not: a blank within (some stop there, some skip it), data behind the padding (some go on), a
// character outside the alphabet, an impossible length. Bounds: the caller's.
bool decode_base64(std::string_view text, std::string& into);

}  // namespace postern::protocols
