// One blocking TCP connection with lines: what the sessions of the legacy mail server speak over.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::demo {

// Owns its descriptor. One thread uses it; only shut() may come from another one.
class Connection {
 public:
  // A peer that says nothing, or takes nothing, for this long has ended (the default).
  static constexpr std::chrono::minutes kIdle{10};

  explicit Connection(int descriptor, std::chrono::milliseconds patience = kIdle)
      : descriptor_(descriptor), patience_(patience) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The next line with its LF; none when the peer has ended, or the line is longer than `most`.
  std::optional<std::string> read_line(std::size_t most);
  // The next octets up to and including an LF, but at most `most`; none when the peer has ended.
  std::optional<std::string> read_piece(std::size_t most);
  // What is there next, at least one octet; none when the peer has ended.
  std::optional<std::string> read_some();
  // Appends the next `count` octets to `to`; false when the peer ends before them.
  bool read_octets(std::size_t count, std::string& to);
  // Waits until there is input, or the peer has ended; false when `patience` is over.
  bool wait(std::chrono::milliseconds patience);
  // Whether everything that came has been read.
  bool is_drained() const { return taken_ == input_.size(); }
  // Sends all of it; false when the peer has ended.
  bool send(std::string_view bytes);

  // Ends politely: no more is sent, and what still comes is thrown away for a moment (a reset
  // would destroy the last reply on its way).
  void finish();
  // Ends at once, whatever another thread waits for here.
  void shut();

 private:
  bool fill();

  int descriptor_;
  std::chrono::milliseconds patience_;
  std::string input_;
  std::size_t taken_ = 0;
};

}  // namespace postern::demo
