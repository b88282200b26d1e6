// See line_buffer.h.
#include "protocols/line_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace postern::protocols {

void wipe(std::string& bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

namespace {

// RFC 9110 section 9.3, RFC 5789; PRI begins HTTP/2 (RFC 9113 section 3.4).
constexpr std::array<std::string_view, 10> kHttpMethods = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"};

// "METHOD target HTTP/version"; `line` without its CRLF.
bool begins_http_request(std::string_view line) {
  const auto last = line.rfind(' ');
  if (last == std::string_view::npos || !line.substr(last + 1).starts_with("HTTP/")) return false;
  const auto first = line.find(' ');
  const auto* const found =
      std::find(kHttpMethods.begin(), kHttpMethods.end(), line.substr(0, first));
  return first < last && found != kHttpMethods.end();
}

// Appends; where the string must move, its old memory is wiped.
void append(std::string& bytes, std::string_view more) {
  const auto needed = bytes.size() + more.size();
  if (needed > bytes.capacity()) {
    std::string bigger;
    bigger.reserve(std::max(needed, 2 * bytes.size()));
    bigger = bytes;
    wipe(bytes);
    bytes.swap(bigger);
  }
  bytes.append(more);
}

}  // namespace

LineBuffer::~LineBuffer() { wipe(kept_); }

void LineBuffer::open(std::string_view bytes) {
  drop_taken();
  fresh_ = bytes;
}

std::optional<std::string_view> LineBuffer::line() {
  drop_taken();
  if (waiting().empty()) {
    const auto end = fresh_.substr(0, limit_).find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto found = fresh_.substr(0, end + 1);
    fresh_.remove_prefix(end + 1);
    return found;
  }
  // A line that began in an earlier piece: look at what was not searched yet, then at the new one.
  auto end = waiting().find('\n', searched_);
  if (end == std::string_view::npos) {
    searched_ = waiting().size();
    const auto in_fresh = fresh_.find('\n');
    if (in_fresh == std::string_view::npos || searched_ + in_fresh + 1 > limit_) {
      return std::nullopt;
    }
    append(kept_, fresh_.substr(0, in_fresh + 1));
    fresh_.remove_prefix(in_fresh + 1);
    end = waiting().size() - 1;
  }
  if (end + 1 > limit_) return std::nullopt;
  taken_ = end + 1;
  return waiting().substr(0, taken_);
}

bool LineBuffer::too_long() {
  drop_taken();
  if (size() <= limit_) return false;
  const auto kept = waiting();
  if (kept.substr(0, limit_).find('\n') != std::string_view::npos) return false;
  if (kept.size() >= limit_) return true;
  return fresh_.substr(0, limit_ - kept.size()).find('\n') == std::string_view::npos;
}

std::string_view LineBuffer::take(std::size_t most) {
  drop_taken();
  if (const auto kept = waiting(); !kept.empty()) {
    taken_ = std::min(most, kept.size());
    return kept.substr(0, taken_);
  }
  const auto run = fresh_.substr(0, most);
  fresh_.remove_prefix(run.size());
  return run;
}

std::string_view LineBuffer::peek() {
  drop_taken();
  return waiting().empty() ? fresh_ : waiting();
}

void LineBuffer::close() {
  drop_taken();
  append(kept_, fresh_);
  fresh_ = {};
}

std::string LineBuffer::take_rest() {
  close();
  std::string rest(waiting());
  clear();
  return rest;
}

void LineBuffer::clear() {
  wipe(kept_);
  front_ = taken_ = searched_ = 0;
  fresh_ = {};
}

void LineBuffer::drop_taken() {
  if (taken_ == 0) return;
  explicit_bzero(kept_.data() + front_, taken_);
  front_ += taken_;
  taken_ = searched_ = 0;
  if (front_ == kept_.size()) {
    std::string().swap(kept_);  // an idle session holds no buffer
    front_ = 0;
  } else if (front_ > kept_.size() / 2) {
    const auto left = kept_.size() - front_;
    std::memmove(kept_.data(), kept_.data() + front_, left);
    explicit_bzero(kept_.data() + left, front_);
    kept_.resize(left);
    front_ = 0;
  }
}

std::string_view without_newline(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_clean_line(std::string_view line) {
  if (!line.ends_with("\r\n")) return false;
  line.remove_suffix(2);
  return line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos &&
         !begins_http_request(line);
}

}  // namespace postern::protocols
