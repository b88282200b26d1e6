// JA4 of anything that a ClientHello may list: five lists of numbers and names, in turn, each behind an
// octet for its length.
//
// Invariants: 36 letters, digits and underscores in their places; the order of ciphers and extensions
// does not count, nor does GREASE wherever it stands; another cipher makes another fingerprint.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "test/fuzz/demand.h"
#include "tls/ja4.h"

using namespace postern::tls;
using postern::test::demand;

namespace {

std::size_t take_octet(std::string_view& input) {
  if (input.empty()) return 0;
  const auto value = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  return value;
}

std::vector<std::uint16_t> take_numbers(std::string_view& input) {
  std::vector<std::uint16_t> numbers(take_octet(input) % 120);
  for (auto& number : numbers) {
    const auto high = take_octet(input);
    number = static_cast<std::uint16_t>(high << 8U | take_octet(input));
  }
  return numbers;
}

void check_form(std::string_view text) {
  demand(text.size() == Ja4::kSize && text[0] == 't', "a fingerprint's length");
  demand(text[10] == '_' && text[23] == '_', "a fingerprint's parts");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    demand(i == 10 || i == 23 || (c >= '0' && c <= '9') || is_letter, "letters and digits");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Ja4Parts parts;
  parts.versions = take_numbers(input);
  parts.ciphers = take_numbers(input);
  parts.extensions = take_numbers(input);
  parts.signature_algorithms = take_numbers(input);
  for (auto names = take_octet(input) % 8; names > 0; --names) {
    const auto wanted = take_octet(input);
    const auto length = std::min(wanted, input.size());
    parts.alpn.emplace_back(input.substr(0, length));
    input.remove_prefix(length);
  }
  const auto fingerprint = ja4_of(parts);
  check_form(fingerprint.text());

  auto other = parts;
  std::reverse(other.ciphers.begin(), other.ciphers.end());
  std::reverse(other.extensions.begin(), other.extensions.end());
  demand(ja4_of(other).characters == fingerprint.characters, "the order does not count");
  for (auto* list :
       {&other.versions, &other.ciphers, &other.extensions, &other.signature_algorithms}) {
    list->insert(list->begin(), 0x7a7a);
  }
  demand(ja4_of(other).characters == fingerprint.characters, "GREASE does not count");
  other.ciphers.push_back(0x1301);
  demand(ja4_of(other).characters != fingerprint.characters, "a cipher counts");
  return 0;
}
