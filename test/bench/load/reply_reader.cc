// See reply_reader.h.
#include "test/bench/load/reply_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace postern::bench {
namespace {

constexpr std::size_t kMaxLine = 65536;

}  // namespace

std::int64_t announced_literal(std::string_view line, bool& waits) {
  if (line.empty() || line.back() != '}') return -1;
  const auto open = line.rfind('{');
  if (open == std::string_view::npos) return -1;
  auto digits = line.substr(open + 1, line.size() - open - 2);
  waits = digits.empty() || digits.back() != '+';
  if (!waits) digits.remove_suffix(1);
  std::int64_t length = -1;
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, length);
  return error == std::errc() && stop == end ? length : -1;
}

void ReplyReader::expect(Answer answer) {
  answer_ = answer;
  literal_octets_ = 0;
}

ReplyReader::Result ReplyReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto skipped = std::min<std::uint64_t>(literal_left_, bytes.size());
    literal_left_ -= skipped;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
    if (literal_left_ > 0) break;
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (line_.empty() || line_.back() != '\r') return Result::bad;
    line_.pop_back();
    last_ = std::exchange(line_, {});
    const auto result = judge(last_);
    if (result == Result::good && !bytes.empty()) return Result::bad;
    if (result != Result::more) return result;
  }
  return line_.size() > kMaxLine ? Result::bad : Result::more;
}

ReplyReader::Result ReplyReader::judge(std::string_view line) {
  switch (protocol_) {
    case Protocol::imap:
      return judge_imap(line);
    case Protocol::smtp:
      return judge_smtp(line);
    case Protocol::pop3:
      break;
  }
  return line.substr(0, 3) == "+OK" ? Result::good : Result::bad;
}

ReplyReader::Result ReplyReader::judge_imap(std::string_view line) {
  if (answer_ == Answer::greeting) {
    return line.substr(0, 4) == "* OK" ? Result::good : Result::bad;
  }
  if (line.substr(0, 2) == "a ") {
    return answer_ == Answer::success && line.substr(2, 2) == "OK" ? Result::good : Result::bad;
  }
  if (line.substr(0, 1) == "+") {
    return answer_ == Answer::go_ahead ? Result::good : Result::bad;
  }
  bool waits = false;
  const auto length = announced_literal(line, waits);
  if (length > 0) {
    literal_left_ = static_cast<std::uint64_t>(length);
    literal_octets_ += literal_left_;
  }
  return Result::more;
}

ReplyReader::Result ReplyReader::judge_smtp(std::string_view line) const {
  if (line.size() < 3 || line[0] != (answer_ == Answer::go_ahead ? '3' : '2')) return Result::bad;
  return line.size() > 3 && line[3] == '-' ? Result::more : Result::good;
}

}  // namespace postern::bench
