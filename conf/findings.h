// The errors and warnings found so far in one settings file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "conf/diagnostic.h"
#include "conf/settings.h"

namespace postern::conf {

class Source;

// Of one file; what comes after these is only counted, so that a hostile file costs no memory.
inline constexpr std::size_t kMostFindings = 1000;
inline constexpr std::size_t kMostShown = 100;

class Findings {
 public:
  // Messages have no newline: whatever comes from the file stands in them as shown().
  void error(Place place, std::string message);
  void warning(Place place, std::string message);
  bool has_errors() const { return has_errors_; }

  // All of them in the order of the file, those without a place first, with the lines of `source`;
  // at most kMostShown, then one line that says how many more there are. Leaves nothing behind.
  std::vector<Diagnostic> take(const std::string& file, const Source& source);

 private:
  void add(Severity severity, Place place, std::string message);

  std::vector<Diagnostic> found_;
  std::size_t count_ = 0;
  bool has_errors_ = false;
};

}  // namespace postern::conf
