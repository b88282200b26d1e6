// IANA's names for the numbers of a ClientHello.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::audit {

// Each gives the number as "0x1234" where it has no name here.
std::string version_name(std::uint16_t number);  // "1.2"
std::string cipher_name(std::uint16_t number);   // "TLS_AES_128_GCM_SHA256"
// And back; none where the name is not known here.
std::optional<std::uint16_t> cipher_number(std::string_view name);
std::string group_name(std::uint16_t number);  // "x25519"
std::string signature_algorithm_name(std::uint16_t number);

}  // namespace postern::audit
