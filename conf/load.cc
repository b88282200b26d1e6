// From text or file to Settings.
#include "conf/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>

#include "conf/check.h"
#include "conf/draft.h"
#include "conf/findings.h"
#include "conf/sections.h"
#include "conf/source.h"
#include "conf/tree.h"

namespace postern::conf {
namespace {

Loaded refused(const std::string& path, std::string message) {
  return {std::nullopt, {{Severity::error, path, {}, std::move(message), ""}}};
}

Loaded load(std::string_view text, const std::string& file) {
  const Source source(text);
  Findings findings;
  Draft draft;
  bool is_valid = false;
  if (source.is_clean(findings)) {
    if (const auto root = read_tree(source, findings)) {
      if (root->kind == Node::Kind::null) {
        findings.error({}, "nothing in it; expected backends and listeners");
      } else {
        draft = read_sections(*root, file, findings);
        check(draft, findings);
      }
      is_valid = !findings.has_errors();
    }
  }
  Loaded loaded;
  loaded.diagnostics = findings.take(file, source);
  if (is_valid) loaded.settings = std::move(draft.settings);
  return loaded;
}

// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Loaded load_text(std::string_view text, const std::string& file) {
  try {
    return load(text, file);
  } catch (const std::exception& error) {  // out of memory; nothing else is known to get here
    return refused(file, std::string("cannot be loaded: ") + error.what());
  }
}

Loaded load_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0)
    return refused(path, "cannot be opened: " + reason(errno) + "; expected the settings file");
  struct stat status {};
  if (fstat(file.number(), &status) == 0 && S_ISDIR(status.st_mode))
    return refused(path, "is a folder; expected the settings file");
  std::string text;
  std::array<char, 16 * 1024> piece{};
  while (text.size() <= kLargestFile) {
    const ssize_t size = read(file.number(), piece.data(), piece.size());
    if (size == 0) return load_text(text, path);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return refused(path, "cannot be read: " + reason(errno));
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
  return load_text(text, path);  // which refuses it by its size
}

}  // namespace postern::conf
