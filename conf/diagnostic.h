// What is wrong with a settings file, and where.
#pragma once

#include <string>
#include <vector>

#include "conf/settings.h"

namespace postern::conf {

enum class Severity { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  Place place;          // line 0: the file as a whole
  std::string message;  // what is wrong and what was expected; no newline
  std::string line;     // the source line, for the caret; "" where there is none
};

// "file:line:column: message", then the line and a caret under its column, each ending in \n; a
// warning has "warning: " before its message. Tabs in the line stay tabs above the caret too, so
// that it stands right. Pure.
std::string text_of(const Diagnostic& diagnostic);
std::string text_of(const std::vector<Diagnostic>& diagnostics);

}  // namespace postern::conf
