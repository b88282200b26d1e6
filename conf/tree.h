// YAML text as a small tree in which everything knows where it stands.
//
// It is built from yaml-cpp's events and not from its nodes: those keep the first of two equal keys
// in silence, give an alias the place of its anchor, and expand it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/findings.h"
#include "conf/settings.h"
#include "conf/source.h"

namespace postern::conf {

inline constexpr std::size_t kDeepest = 32;       // lists and mappings inside each other
inline constexpr std::size_t kMostNodes = 50000;  // of one file

struct Entry;

struct Node {
  // refused: an error has been reported for it, and nothing further is to be said.
  enum class Kind { null, scalar, sequence, mapping, refused };

  Kind kind = Kind::null;
  Place place;                 // of its first character; of its key where it is null
  std::string text;            // of a scalar, quotes and escapes resolved
  std::vector<Node> items;     // of a sequence
  std::vector<Entry> entries;  // of a mapping; each key once
};

struct Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

// The file's one document. Faults go to `findings`: bad syntax, a second document, duplicate keys,
// keys that are no text, anchors, aliases, merge keys, tags, too deep or too many nodes. None where
// reading had to stop; an empty file gives a null node. Never throws for its input.
std::optional<Node> read_tree(const Source& source, Findings& findings);

}  // namespace postern::conf
