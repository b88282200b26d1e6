// The hash chain of the audit log (`audit.chain: on`): making it and checking it. Pure.
//
// Each line carries `postern.chain`: the SHA-256 of the line before it, without its newline, in
// hexadecimal. Whoever changes, adds or takes out a line in the middle breaks it there. It is not
// keyed: who can write the file can make all that follows anew, and can cut its end off. Against
// that helps a second target elsewhere (syslog), or a note of last_hash(): each line vouches for all
// before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::audit {

// What the first line of a chain carries.
inline constexpr std::string_view kChainBegin =
    "0000000000000000000000000000000000000000000000000000000000000000";

// What the line after this one carries; `line` without its newline.
std::string chain_value_after(std::string_view line);

// Something wrong with a log, at one of its lines.
struct ChainFault {
  enum class Kind {
    edited,     // this line or the one before was changed, though none is missing between them
    missing,    // lines that stood before this one are gone
    cut,        // the end of an earlier run is gone: this line begins a run, or a chain of its own
    misplaced,  // this line was written before the one that it stands behind: moved or repeated
    unchained,  // this line carries no hash, but those before it do
    unreadable  // this is no audit line, and the one after it does not vouch for it
  };
  Kind kind = Kind::edited;
  std::uint64_t line = 0;  // counted from 1 over all lines fed
  std::string what;        // for people, without anything that the line holds but numbers
};

// Checks lines in the order in which they were written, those of several (rotated) files one after
// the other. Beside the hashes it checks the sequence numbers, so it finds missing lines of a log
// without a chain too. A restart (`event.sequence` 1) is no fault, nor is a loss that the log has
// announced itself (`audit-gap`, queue_full), nor a line torn by a crash that the chain goes on
// from. The first line fed may stand in the middle of a chain.
class ChainVerifier {
 public:
  // Takes the next line, without its newline. After a fault it goes on from that line.
  std::optional<ChainFault> feed(std::string_view line);

  std::uint64_t lines() const { return lines_; }
  std::uint64_t chained() const { return chained_; }  // of them with a hash
  std::uint64_t runs() const { return runs_; }        // of the program, the first one included
  std::uint64_t torn() const { return torn_; }        // lines that a crash left without their end
  std::uint64_t lost() const { return lost_; }        // events that the log says it lost
  // Whether the first line begins a chain, or without one a run: nothing is missing before it.
  bool is_from_the_beginning() const { return is_from_the_beginning_; }
  // Of the last line: a note of it, kept elsewhere, vouches for all before it. "" before any.
  const std::string& last_hash() const { return last_hash_; }

 private:
  struct Fields;
  std::optional<ChainFault> judge(const Fields& fields);
  std::optional<ChainFault> judge_sequence(const Fields& fields) const;
  ChainFault fault(ChainFault::Kind kind, std::string what) const;

  std::uint64_t lines_ = 0;
  std::uint64_t chained_ = 0;
  std::uint64_t runs_ = 0;
  std::uint64_t torn_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t sequence_ = 0;  // of the last audit line; 0: none yet
  bool is_chained_ = false;     // the last audit line carries a hash
  bool is_torn_ = false;        // the last line is no audit line
  bool is_from_the_beginning_ = false;
  std::string last_hash_;
};

}  // namespace postern::audit
