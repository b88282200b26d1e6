// NTLM and SPNEGO messages as they are, without the base64 that hides them from sasl_fuzz; and base64
// itself, which the input is taken for, too.
//
// Invariants: a name is UTF-8 and bounded by what the message holds; the inner token is a part of the
// outer one; it is not read beyond the message, wherever its offsets point; base64 gives three octets
// for four letters at most, and nothing where it fails.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base64.h"
#include "protocols/ntlm.h"
#include "protocols/user_name.h"
#include "test/fuzz/demand.h"

using namespace postern::protocols;
using postern::test::demand;

namespace {

void check(std::string_view message) {
  const auto name = ntlm_name(message);
  if (!name) return;
  // UTF-16 in two octets may take three in UTF-8, and so may a letter of an old code page.
  demand(name->size() <= 3 * 2 * message.size() + 1, "a name is no longer than the message");
  demand(utf8_or_latin1(*name) == *name, "a name is UTF-8");
  demand(readable_user_name(*name).size() <= kMaxUserName, "a bounded name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap and without a byte to spare, so that a read behind it is seen.
  const std::vector<char> copy(data, data + size);
  const std::string_view message(copy.data(), copy.size());
  check(message);
  if (const auto inner = spnego_response_token(message)) {
    demand(inner->empty() || (inner->data() >= message.data() &&
                              inner->data() + inner->size() <= message.data() + message.size()),
           "the inner token is a part of the outer one");
    check(*inner);
  }
  std::string decoded = "before";
  const bool is_base64 = decode_base64(message, decoded);
  demand(is_base64 || decoded.empty(), "nothing where it fails");
  demand(decoded.size() <= message.size() / 4 * 3 + 3, "three octets for four letters");
  const auto text = user_name(message);
  demand(text.size() <= kMaxUserName && utf8_or_latin1(text) == text, "a user's name");
  return 0;
}
