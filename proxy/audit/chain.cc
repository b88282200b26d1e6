// See chain.h. Fields are looked for as the writer puts them: a quote inside a value is always
// escaped, so no value can hold a key with its quotes.
#include "proxy/audit/chain.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "tls/digest.h"

namespace postern::audit {

namespace {

// What stands behind a key, up to the quote, comma or brace that ends it; "" where it is not there.
std::string_view value_of(std::string_view line, std::string_view key) {
  const auto at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find_first_of("\",}"));
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

std::string chain_value_after(std::string_view line) { return tls::sha256_hex(line); }

struct ChainVerifier::Fields {
  std::uint64_t sequence = 0;  // 0: this is no audit line
  std::string_view chain;
  std::uint64_t lost = 0;
  bool is_overflow = false;  // the log's own queue was full: the events before this line are lost

  explicit Fields(std::string_view line) {
    if (!line.starts_with(R"({"@timestamp":")") || !line.ends_with('}')) return;
    sequence = number_of(value_of(line, R"("event.sequence":)"));
    chain = value_of(line, R"("postern.chain":")");
    if (value_of(line, R"("event.action":")") != "audit-gap") return;
    lost = number_of(value_of(line, R"("postern.lost":)"));
    is_overflow = value_of(line, R"("event.reason":")") == "queue_full";
  }
};

ChainFault ChainVerifier::fault(ChainFault::Kind kind, std::string what) const {
  return {kind, lines_, std::move(what)};
}

std::optional<ChainFault> ChainVerifier::feed(std::string_view line) {
  ++lines_;
  const Fields fields(line);
  std::optional<ChainFault> found;
  if (fields.sequence == 0) {
    ++torn_;
    is_torn_ = true;
  } else {
    found = judge(fields);
    if (fields.sequence == 1 || runs_ == 0) ++runs_;
    if (!fields.chain.empty()) ++chained_;
    lost_ += fields.lost;
    sequence_ = fields.sequence;
    is_chained_ = !fields.chain.empty();
    is_torn_ = false;
  }
  last_hash_ = chain_value_after(line);
  return found;
}

std::optional<ChainFault> ChainVerifier::judge(const Fields& fields) {
  using Kind = ChainFault::Kind;
  if (last_hash_.empty()) {
    is_from_the_beginning_ =
        fields.chain.empty() ? fields.sequence == 1 : fields.chain == kChainBegin;
    return std::nullopt;
  }
  if (fields.chain.empty()) {
    if (is_chained_) return fault(Kind::unchained, "carries no hash, though those before it do");
    return judge_sequence(fields);
  }
  if (fields.chain == last_hash_) return judge_sequence(fields);
  if (is_torn_) {
    --torn_;
    return ChainFault{Kind::unreadable, lines_ - 1,
                      "is no audit line, and the one behind it does not vouch for it"};
  }
  if (fields.chain == kChainBegin) {
    return fault(Kind::cut, "begins a chain of its own, though lines stand before it");
  }
  if (fields.sequence == 1) {
    return fault(Kind::cut,
                 "begins a run, but does not vouch for the line before it: the end of the run "
                 "before is missing, or its last line was changed");
  }
  if (auto wrong = judge_sequence(fields)) return wrong;
  return fault(
      Kind::edited,
      "does not vouch for the line before it: one of the two was changed, none is missing");
}

std::optional<ChainFault> ChainVerifier::judge_sequence(const Fields& fields) const {
  if (sequence_ == 0 || fields.sequence == 1 || fields.sequence == sequence_ + 1) {
    return std::nullopt;
  }
  if (fields.sequence <= sequence_) {
    return fault(
        ChainFault::Kind::misplaced,
        fmt::format("has event.sequence {}, but stands behind {}", fields.sequence, sequence_));
  }
  const auto missing = fields.sequence - sequence_ - 1;
  if (fields.is_overflow && fields.lost == missing) return std::nullopt;
  return fault(ChainFault::Kind::missing,
               fmt::format("{} missing before it: event.sequence goes from {} to {}", missing,
                           sequence_, fields.sequence));
}

}  // namespace postern::audit
