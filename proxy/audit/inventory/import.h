// Makes an inventory from the lines of the audit log.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/audit/events.h"
#include "proxy/audit/inventory/rollup.h"
#include "proxy/audit/inventory/store.h"

namespace postern::audit::inventory {

// Reads events back from their lines, as far as the inventory wants to know of them. What it gives
// refers to texts in it.
class LineReader {
 public:
  struct Line {
    Event event;
    std::string node;  // observer.name
  };
  enum class Other {
    not_wanted,      // an event that the inventory does not hold
    not_understood,  // no event of postern, or cut off
  };
  std::variant<Line, Other> read(std::string_view line);

 private:
  // Events hold constants as views; those that are read live here. None: there are too many for
  // constants.
  std::optional<std::string_view> constant(const std::string& text);
  std::set<std::string, std::less<>> constants_;
};

class Import {
 public:
  struct Counts {
    std::uint64_t lines = 0;
    std::uint64_t taken = 0;           // into the inventory
    std::uint64_t not_wanted = 0;      // events that it does not hold
    std::uint64_t not_understood = 0;  // cut off, damaged, or no event
  };

  // Begins a new database at `path`. One that is there is an error: what it holds already would be
  // counted twice.
  static std::variant<std::unique_ptr<Import>, std::string> begin(const std::string& path);

  // Takes all lines of a log; the order of several logs does not matter. An error: it could not be
  // written; nothing more should be read then.
  std::optional<std::string> read(std::istream& log);

  const Counts& counts() const { return counts_; }

 private:
  Import(std::string path, WriterLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void take(std::string_view line);
  std::optional<std::string> write();

  const std::string path_;
  const WriterLock lock_;
  std::unique_ptr<Store> store_;  // opened when the name of a node is known
  LineReader reader_;
  Rollup pending_;
  std::string node_;
  Counts counts_;
};

}  // namespace postern::audit::inventory
