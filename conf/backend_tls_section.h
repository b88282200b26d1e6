// A backend's keys about TLS: tls, verify, pin, client_certificate.
#pragma once

#include <filesystem>
#include <string_view>

#include "conf/findings.h"
#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

inline constexpr std::size_t kMostPins = 16;  // of one backend

// Reads them, and says where they contradict each other. Relative paths are from `folder`.
void read_backend_tls(const Fields& fields, const std::filesystem::path& folder, Backend& backend,
                      Findings& findings);

// 64 hexadecimal digits, or 44 characters of Base64 with or without the `sha256//` that curl writes
// before them.
Parsed<Pin> parse_pin(std::string_view text);

}  // namespace postern::conf
