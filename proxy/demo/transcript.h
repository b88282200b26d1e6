// What the tour prints: numbered steps, the lines of both sides, and what was checked.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace postern::demo {

// How it may look. The default is plain ASCII, right for files and pipes.
struct Look {
  bool has_colours = false;
  bool has_unicode = false;
};

// Colours where standard output is a terminal (NO_COLOR and TERM=dumb are respected), and signs
// beyond ASCII where the locale's environment variables name UTF-8 as well.
Look look_of_standard_output();

class Transcript {
 public:
  // `out` must outlive it. Each line is flushed, so that it shows as it happens.
  Transcript(std::ostream& out, Look look) : out_(out), look_(look) {}

  // Begins the next step.
  void step(std::string_view title);
  void client(std::string_view line) { speak("C: ", line); }
  void server(std::string_view line) { speak("S: ", line); }
  // Something to know, between the lines.
  void note(std::string_view text);
  // Says whether something is as it should be, and remembers it. Gives `is_so` back.
  bool check(bool is_so, std::string_view what);
  // The last line, with the count of checks.
  void sum_up();
  bool all_good() const { return failed_ == 0 && checked_ > 0; }

 private:
  void speak(std::string_view who, std::string_view line);
  std::string painted(std::string_view colour, std::string_view text) const;

  std::ostream& out_;
  Look look_;
  int steps_ = 0;
  int checked_ = 0;
  int failed_ = 0;
};

}  // namespace postern::demo
