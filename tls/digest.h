// SHA-256 (FIPS 180-4) of texts, for who must not know BoringSSL.
#pragma once

#include <string>
#include <string_view>

namespace postern::tls {

// 64 hexadecimal digits in lower case. Any thread.
std::string sha256_hex(std::string_view text);

}  // namespace postern::tls
