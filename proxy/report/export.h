// `postern audit export`: the inventory's rows as they are, for other tools.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "proxy/report/formats.h"
#include "proxy/report/reader.h"

namespace postern::report {

bool is_table(std::string_view name);
std::string table_names();  // "login, fingerprint, …"

// Writes a table's rows, one after the other: CSV with a heading, or a JSON object a line. The
// reader's filter holds for what has a day, a listener and an address. Ask reader.error() afterwards.
void export_table(Reader& reader, std::string_view name, Format format, std::ostream& out);

}  // namespace postern::report
