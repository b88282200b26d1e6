// Small pieces of text that the sessions of the legacy mail server share.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace postern::demo {

// ASCII upper case.
std::string upper(std::string_view text);
bool equals_ignoring_case(std::string_view left, std::string_view right);
// Takes the word up to the next space, and the spaces behind it, off the front of `text`.
std::string_view take_word(std::string_view& text);
// A line without its CRLF or LF.
std::string_view without_newline(std::string_view line);
// Whole decimal number of up to nine digits; -1 for anything else.
long number_from(std::string_view digits);

// RFC 4648 base64, padded. Decoding gives "" for anything malformed.
std::string base64(std::string_view bytes);
std::string from_base64(std::string_view text);

// "Wed, 21 Jul 2010 19:04:24 +0000" (RFC 5322), in UTC.
std::string mail_date(std::chrono::system_clock::time_point time);
// "21-Jul-2010 19:04:24 +0000" (RFC 3501's date-time), in UTC.
std::string imap_date(std::chrono::system_clock::time_point time);

}  // namespace postern::demo
