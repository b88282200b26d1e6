// See source_dir.h.
#include "test/support/source_dir.h"

namespace postern::test {

std::string source_dir() { return POSTERN_SOURCE_DIR; }

}  // namespace postern::test
