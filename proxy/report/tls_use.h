// Which TLS is in use, and which failed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/report/reader.h"

namespace postern::report {

// Versions, suites and groups of the logins that succeeded, each with its share: the inventory that
// PCI DSS 4.0.1 requirement 12.3.3 asks for. Clear text is one of the rows.
Section tls_in_use(Reader& reader, std::size_t most);
// The same by version alone, for a plot.
Section versions_in_use(Reader& reader);
// Handshakes that failed, by reason and by the versions that the client offered.
Section handshake_failures(Reader& reader, std::size_t most);

// A fingerprint's list, "[772,771]": its numbers. Empty where it is no such list.
std::vector<std::uint16_t> numbers_of(std::string_view json);

}  // namespace postern::report
