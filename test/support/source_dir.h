// Where the project's files are: for tests that read its data, or its sources.
#pragma once

#include <string>

namespace postern::test {

// The absolute path of the project's folder, without a slash at its end. Only source_dir.cc is
// compiled with it, so that a compiler cache serves clones in other folders.
std::string source_dir();

}  // namespace postern::test
