// The tree from yaml-cpp's events.
#include "conf/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <unordered_map>

namespace postern::conf {
namespace {

// Whether quoted text, beginning with its quote, has its closing one. yaml-cpp takes the end of the
// file for it where a newline stands before: everything in between would be gone in silence.
bool has_end_of_quotes(std::string_view text) {
  const char quote = text[0];
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return true;
      ++i;  // '' is one in single quotes
    }
  }
  return false;
}

// Leaves yaml-cpp's parser from inside an event; the reason is among the findings.
struct Stop {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Source& source, Findings& findings) : source_(source), findings_(findings) {}

  bool has_document() const { return has_document_; }
  Node take() { return std::move(root_); }
  // The innermost list or mapping that is still open.
  const Node* open() const { return frames_.empty() ? nullptr : &frames_.back().node; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_)
      stop(place(mark), "a second document begins here; expected one document in the file");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(begin(Node::Kind::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    findings_.error(place(mark), "aliases are not supported; expected the value itself");
    add(begin(Node::Kind::refused, mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    Node node = begin(Node::Kind::scalar, mark);
    node.text = value;
    check_tag(tag, node);
    const auto text = source_.from(mark.line, mark.column);
    const bool is_quoted = text.starts_with('"') || text.starts_with('\'');
    if (is_quoted && !has_end_of_quotes(text))
      stop(node.place, "these quotes have no end; expected the closing one");
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    push(begin(Node::Kind::sequence, mark), tag);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    push(begin(Node::Kind::mapping, mark), tag);
  }
  void OnMapEnd() override { pop(); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    findings_.error(place(mark), "anchors are not supported; expected the value alone");
  }

 private:
  struct Frame {
    Node node;
    std::optional<Node> key;                      // of a mapping: its value is awaited
    std::unordered_map<std::string, Place> seen;  // keys of a mapping
  };

  Place place(const YAML::Mark& mark) const { return source_.place(mark.line, mark.column); }

  [[noreturn]] void stop(Place where, std::string message) {
    findings_.error(where, std::move(message));
    throw Stop{};
  }

  Node begin(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.place = place(mark);
    if (++nodes_ > kMostNodes)
      stop(node.place, "more than " + std::to_string(kMostNodes) + " values; expected fewer");
    return node;
  }

  // yaml-cpp gives "?" for what has no tag, "!" for what is quoted.
  void check_tag(const std::string& tag, const Node& node) {
    if (!tag.empty() && tag != "?" && tag != "!")
      findings_.error(node.place, "tags are not supported; expected the value alone");
  }

  void push(Node node, const std::string& tag) {
    if (frames_.size() == kDeepest)
      stop(node.place,
           "nested deeper than " + std::to_string(kDeepest) + " levels; expected fewer");
    check_tag(tag, node);
    frames_.push_back({std::move(node), std::nullopt, {}});
  }

  void pop() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      frame.key = std::move(node);
    } else {
      add_entry(frame, std::move(node));
      frame.key.reset();
    }
  }

  void add_entry(Frame& frame, Node value) {
    const Node& key = *frame.key;
    if (key.kind == Node::Kind::refused) return;
    if (key.kind != Node::Kind::scalar)
      return findings_.error(key.place, "a key that is no text; expected the name of a setting");
    if (key.text == "<<")
      return findings_.error(key.place,
                             "merge keys (`<<`) are not supported; expected the keys themselves");
    const auto [first, is_new] = frame.seen.emplace(key.text, key.place);
    if (!is_new)
      return findings_.error(key.place, "key " + shown(key.text) + " stands on line " +
                                            std::to_string(first->second.line) +
                                            " already; expected it once");
    if (value.kind == Node::Kind::null) value.place = key.place;
    frame.node.entries.push_back({key.text, key.place, std::move(value)});
  }

  const Source& source_;
  Findings& findings_;
  std::vector<Frame> frames_;
  Node root_;
  bool has_document_ = false;
  std::size_t nodes_ = 0;
};

// yaml-cpp's words for the usual mistakes are hard to act on; these say what to do.
struct Cure {
  std::string_view yaml;
  std::string_view text;
};
constexpr std::array kCures = {
    Cure{"illegal map value",
         "a value where none can stand; expected `key: value` on a line of its "
         "own, or quotes around text with `: `"},
    Cure{"end of map not found",
         "this does not belong to the mapping above; expected `key: value` "
         "in the same column as the other keys"},
    Cure{"end of sequence not found",
         "this does not belong to the list above; expected `- ` in the "
         "same column as the other items"},
    Cure{"illegal block entry",
         "a `- ` where no list item can stand; expected it on a line of its "
         "own"},
    Cure{"illegal flow end", "a bracket that closes nothing; expected its opening one before"},
    Cure{"unknown token", "a character that no plain text begins with; expected quotes around it"},
    Cure{"the referenced anchor is not defined",
         "aliases are not supported; expected the value itself"},
};

void report(const YAML::Exception& error, const TreeBuilder& builder, const Source& source,
            Findings& findings) {
  Place place = source.place(error.mark.line, error.mark.column);
  // yaml-cpp gives the file's start or its end here: name the bracket that was left open instead.
  if (const Node* open = builder.open(); open != nullptr && error.msg.ends_with("flow not found"))
    return findings.error(open->place, open->kind == Node::Kind::sequence
                                           ? "this list has no end; expected `,` or `]`"
                                           : "this mapping has no end; expected `,` or `}`");
  const auto* cure = std::find_if(kCures.begin(), kCures.end(),
                                  [&](const Cure& row) { return row.yaml == error.msg; });
  if (cure != kCures.end()) return findings.error(place, std::string(cure->text));
  findings.error(place, "no valid YAML: " + shown(error.msg) + "; expected YAML 1.2");
}

}  // namespace

std::optional<Node> read_tree(const Source& source, Findings& findings) {
  TreeBuilder builder(source, findings);
  try {
    std::istringstream text{std::string(source.text()) + "\n"};
    YAML::Parser parser(text);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Stop&) {
  } catch (const YAML::Exception& error) {
    report(error, builder, source, findings);
  }
  return std::nullopt;
}

}  // namespace postern::conf
