// Reading a tree: kinds, keys, and the words of complaints.
#include "conf/reader.h"

#include <algorithm>

#include "conf/nearest.h"
#include "conf/source.h"

namespace postern::conf {
namespace {

std::string below(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string found_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::scalar:
      return shown(node.text);
    case Node::Kind::sequence:
      return node.items.empty() ? "an empty list" : "a list";
    case Node::Kind::mapping:
      return node.entries.empty() ? "an empty mapping" : "a mapping";
    case Node::Kind::null:
    case Node::Kind::refused:
      break;
  }
  return "nothing";
}

bool is_one_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(character_length(text), 1);
    if (is_control(text)) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string unknown_key(const std::string& path, const std::string& key,
                        std::span<const Key> keys) {
  std::vector<std::string_view> names;
  for (const auto& known : keys) names.push_back(known.name);
  const std::string start = "unknown key " + shown(key);
  if (const auto near = nearest(key, names); !near.empty())
    return start + "; did you mean `" + std::string(near) + "`?";
  names.clear();
  for (const auto& known : keys)
    if (known.standing == Standing::read) names.push_back(known.name);
  return start + (path.empty() ? "" : " in " + path) + "; expected " + listed(names);
}

}  // namespace

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

void Value::expected(std::string_view expected) const {
  if (node_->kind == Node::Kind::refused) return;
  const std::string start = path_.empty() ? "" : path_ + ": ";
  findings_->error(place(),
                   start + "expected " + std::string(expected) + ", found " + found_text(*node_));
}

void Value::not_supported_yet() const { error("not supported yet"); }

void Value::word_not_supported_yet() const { error(shown(node_->text) + ": not supported yet"); }

void Value::expected_word(std::span<const std::string_view> words) const {
  expected(listed(words));
}

std::optional<std::string> Value::text(std::string_view expected_text) const {
  if (node_->kind == Node::Kind::scalar && !node_->text.empty() && is_one_line(node_->text))
    return node_->text;
  expected(expected_text);
  return std::nullopt;
}

std::vector<Value> Value::items(std::string_view expected_text, std::size_t most) const {
  std::vector<Value> out;
  if (!is_list() || node_->items.empty()) {
    expected(expected_text);
  } else if (node_->items.size() > most) {
    error("expected at most " + std::to_string(most) + " items, found " +
          std::to_string(node_->items.size()));
  } else {
    for (const auto& item : node_->items) out.emplace_back(item, path_ + "[]", *findings_);
  }
  return out;
}

std::optional<Fields> Value::fields(std::string_view expected_text,
                                    std::span<const Key> keys) const {
  if (node_->kind != Node::Kind::mapping) {
    expected(expected_text);
    return std::nullopt;
  }
  for (const auto& entry : node_->entries) {
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const Key& known) { return known.name == entry.key; });
    if (key == keys.end())
      findings_->error(entry.place, unknown_key(path_, entry.key, keys));
    else if (key->standing == Standing::later)
      findings_->error(entry.place, below(path_, entry.key) + ": not supported yet");
  }
  return Fields(*node_, path_, *findings_);
}

std::vector<std::pair<Value, const Entry*>> Value::entries(std::string_view expected_text,
                                                           std::size_t most) const {
  std::vector<std::pair<Value, const Entry*>> out;
  if (node_->kind != Node::Kind::mapping || node_->entries.empty()) {
    expected(expected_text);
  } else if (node_->entries.size() > most) {
    error("expected at most " + std::to_string(most) + " entries, found " +
          std::to_string(node_->entries.size()));
  } else {
    for (const auto& entry : node_->entries) {
      // The key is only part of a path once its owner has found it to be a name.
      const std::string key = entry.key.size() <= 64 && is_one_line(entry.key) ? entry.key : "?";
      out.emplace_back(Value(entry.value, below(path_, key), *findings_), &entry);
    }
  }
  return out;
}

std::optional<Value> Fields::find(std::string_view key) const {
  const auto entry = std::find_if(node_->entries.begin(), node_->entries.end(),
                                  [&](const Entry& e) { return e.key == key; });
  if (entry == node_->entries.end()) return std::nullopt;
  return Value(entry->value, below(path_, key), *findings_);
}

std::optional<Value> Fields::need(std::string_view key, std::string_view expected) const {
  auto value = find(key);
  if (!value)
    findings_->error(place(), below(path_, key) + " is missing; expected " + std::string(expected));
  return value;
}

}  // namespace postern::conf
