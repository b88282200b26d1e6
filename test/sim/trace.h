// What happened in one simulation: its hash, which two runs of one seed must share, and its words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::sim {

// A moment of the simulated clock, in microseconds.
using Moment = std::int64_t;

class Trace {
 public:
  enum class Output { hash, print };
  explicit Trace(Output output) : output_(output) {}

  // `who` is a session's number and side, `what` a constant, `text` what it was about: of it only
  // what is the same in every run, so no ciphertext.
  void note(Moment when, int who, std::string_view what, std::uint64_t number = 0,
            std::string_view text = {});
  std::uint64_t hash() const { return hash_; }

 private:
  void mix_in(std::uint64_t number);

  const Output output_;
  std::uint64_t hash_ = 0;
};

// `text` with everything but printable ASCII escaped, cut to a line.
std::string shown(std::string_view text);

}  // namespace postern::sim
