// Base64 as SASL responses carry it (RFC 4648 section 4).
#pragma once

#include <string>
#include <string_view>

namespace postern::protocols {

// Decodes `text` into `into`, which is wiped first and may hold a secret afterwards: the caller
// wipes it. False, with `into` empty: a character outside the alphabet, data behind the padding, or
// an impossible length. What lenient servers take is taken too, so that a sloppy spelling hides
// nothing: missing padding, blanks, stray bits at the end. Bounds: the caller's.
bool decode_base64(std::string_view text, std::string& into);

}  // namespace postern::protocols
