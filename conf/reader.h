// Reading a tree with its places: each value knows its path, each complaint goes to the findings,
// and no key of a mapping passes unseen.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/findings.h"
#include "conf/settings.h"
#include "conf/tree.h"
#include "conf/values.h"

namespace postern::conf {

// later: known, and refused as not supported yet.
enum class Standing { read, later };

struct Key {
  std::string_view name;
  Standing standing = Standing::read;
};

// One word that may stand for a value; without a value it is not supported yet.
template <class T>
struct Choice {
  std::string_view word;
  std::optional<T> value;
};

class Fields;

// A node, its path ("listeners[].tls") and where complaints go. The tree and the findings must
// outlive it.
class Value {
 public:
  Value(const Node& node, std::string path, Findings& findings)
      : node_(&node), path_(std::move(path)), findings_(&findings) {}

  Place place() const { return node_->place; }
  const std::string& path() const { return path_; }
  bool is_list() const { return node_->kind == Node::Kind::sequence; }
  bool is_scalar(std::string_view text) const {
    return node_->kind == Node::Kind::scalar && node_->text == text;
  }
  bool is_empty_list() const { return is_list() && node_->items.empty(); }

  // "PATH: expected EXPECTED, found …", at this value.
  void expected(std::string_view expected) const;
  void not_supported_yet() const;
  void error(const std::string& message) const {
    findings_->error(place(), path_ + ": " + message);
  }

  // Text on one line. None (and reported) where it is something else.
  std::optional<std::string> text(std::string_view expected) const;

  // The items of a list, 1 to `most`. Empty (and reported) where it is something else.
  std::vector<Value> items(std::string_view expected, std::size_t most) const;

  // A mapping of `keys` alone: others are reported with the nearest one, later ones as such. None
  // (and reported) where it is no mapping.
  std::optional<Fields> fields(std::string_view expected, std::span<const Key> keys) const;

  // The entries of a mapping whose keys are names of the file's own, 1 to `most`.
  std::vector<std::pair<Value, const Entry*>> entries(std::string_view expected,
                                                      std::size_t most) const;

  // parse(text), or none and reported.
  template <class T>
  std::optional<T> parsed(const std::function<Parsed<T>(std::string_view)>& parse) const {
    if (node_->kind != Node::Kind::scalar) {
      expected(parse(std::string_view("\0", 1)).expected);  // which nothing takes
      return std::nullopt;
    }
    Parsed<T> parsed = parse(node_->text);
    if (!parsed.value) expected(parsed.expected);
    return std::move(parsed.value);
  }

  // The choice that this is, or none and reported.
  template <class T>
  std::optional<T> chosen(std::span<const Choice<T>> choices) const {
    std::vector<std::string_view> words;
    for (const auto& choice : choices) {
      if (node_->kind == Node::Kind::scalar && node_->text == choice.word) {
        if (!choice.value) word_not_supported_yet();
        return choice.value;
      }
      if (choice.value) words.push_back(choice.word);
    }
    expected_word(words);
    return std::nullopt;
  }

 private:
  void word_not_supported_yet() const;
  void expected_word(std::span<const std::string_view> words) const;

  const Node* node_;
  std::string path_;
  Findings* findings_;
};

// A mapping whose keys have been checked.
class Fields {
 public:
  Fields(const Node& node, std::string path, Findings& findings)
      : node_(&node), path_(std::move(path)), findings_(&findings) {}

  Place place() const { return node_->place; }

  // None: it is not there.
  std::optional<Value> find(std::string_view key) const;
  // None, and reported at the mapping's start: it is not there.
  std::optional<Value> need(std::string_view key, std::string_view expected) const;

  // Reads a key that may be left out into `out`. Gives where its value stands; line 0: it does not
  // stand there, or is not valid, and `out` is as it was.
  template <class T, class Parse>
  Place read(std::string_view key, Parse parse, T& out) const {
    const auto value = find(key);
    return value ? keep(*value, value->parsed<T>(parse), out) : Place{};
  }
  template <class T, std::size_t n>
  Place choose(std::string_view key, const Choice<T> (&choices)[n], T& out) const {
    const auto value = find(key);
    return value ? keep(*value, value->chosen(std::span<const Choice<T>>(choices)), out) : Place{};
  }

  // The same for keys that must stand there; `expected` is for their absence.
  template <class T, class Parse>
  Place read_needed(std::string_view key, std::string_view expected, Parse parse, T& out) const {
    const auto value = need(key, expected);
    return value ? keep(*value, value->parsed<T>(parse), out) : Place{};
  }
  template <class T, std::size_t n>
  Place choose_needed(std::string_view key, std::string_view expected,
                      const Choice<T> (&choices)[n], T& out) const {
    const auto value = need(key, expected);
    return value ? keep(*value, value->chosen(std::span<const Choice<T>>(choices)), out) : Place{};
  }

 private:
  template <class T>
  static Place keep(const Value& value, std::optional<T> read, T& out) {
    if (!read) return {};
    out = std::move(*read);
    return value.place();
  }

  const Node* node_;
  std::string path_;
  Findings* findings_;
};

// "a, b or c".
std::string listed(std::span<const std::string_view> words);

}  // namespace postern::conf
