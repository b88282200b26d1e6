// The line buffer, held against a slow model that keeps all bytes. The input: an octet for the limit,
// then pieces: an octet for the length of a piece, the piece, and octets that say what is asked of the
// buffer while the piece is open: 0 nothing more, 1 a line, 2 whether it is too long, 3 and a number:
// take so many, 4 a look, 5 forget all.
//
// Invariants: each line, run and size is the model's; a line is never longer than the limit; a run is a
// beginning of what is there, and empty only where nothing is; what is kept is what was not taken.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/line_buffer.h"
#include "test/fuzz/demand.h"

using postern::protocols::LineBuffer;
using postern::test::demand;

namespace {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}
  bool empty() const { return rest_.empty(); }
  std::size_t octet() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  std::string piece() {
    const auto size = std::min(octet(), rest_.size());
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

class Play {
 public:
  explicit Play(std::size_t limit) : limit_(limit), buffer_(limit) {}

  void feed(Input& input) {
    const auto piece = input.piece();  // must stay valid until close()
    model_ += piece;
    buffer_.open(piece);
    while (const auto asked = input.octet() % 6) ask(asked, input);
    buffer_.close();
    demand(buffer_.size() == model_.size(), "what was not taken is kept");
  }

  void finish() { demand(buffer_.take_rest() == model_, "the rest"); }

 private:
  void ask(std::size_t asked, Input& input) {
    const auto end = model_.find('\n');
    const bool is_long = (end == std::string::npos ? model_.size() : end + 1) > limit_;
    switch (asked) {
      case 1: {
        const auto line = buffer_.line();
        demand(line.has_value() == (end != std::string::npos && !is_long),
               "whether a line is there");
        if (!line) break;
        demand(*line == model_.substr(0, end + 1), "the line");
        model_.erase(0, end + 1);
        break;
      }
      case 2:
        demand(buffer_.too_long() == is_long, "whether it is too long");
        break;
      case 3: {
        const auto most = input.octet();
        take(buffer_.take(most), most);
        break;
      }
      case 4: {
        const auto run = buffer_.peek();
        demand(model_.starts_with(run), "a look at what is there");
        demand(run.empty() == model_.empty(), "a look at something");
        break;
      }
      case 5:
        buffer_.clear();
        model_.clear();
        break;
      default:
        break;
    }
    demand(buffer_.size() == model_.size() && buffer_.empty() == model_.empty(), "the size");
  }

  void take(std::string_view run, std::size_t most) {
    demand(run.size() <= most && model_.starts_with(run), "a run of what is there");
    demand(run.empty() == (model_.empty() || most == 0), "a run of something");
    model_.erase(0, run.size());
  }

  std::size_t limit_;
  LineBuffer buffer_;
  std::string model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Play play(input.octet());
  while (!input.empty()) play.feed(input);
  play.finish();
  return 0;
}
