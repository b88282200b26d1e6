// First bytes of a connection that may be a ClientHello in SSLv2's format.
//
// Invariants: octet by octet it is `begun` for a while, then something for ever, whatever follows; an
// offer is given with a whole hello only; it is no longer than its own length says.
#include <cstdint>
#include <string_view>

#include "test/fuzz/demand.h"
#include "tls/sslv2_hello.h"

using namespace postern::tls;
using postern::test::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 1024;
  const std::string_view input(reinterpret_cast<const char*>(data), size < kMost ? size : kMost);
  auto last = Sslv2Hello::begun;
  for (std::size_t length = 0; length <= input.size(); ++length) {
    Offer offer;
    const auto now = read_sslv2_hello(input.substr(0, length), offer);
    const bool is_whole = now == Sslv2Hello::for_sslv2 || now == Sslv2Hello::for_ssl_tls;
    demand(last == Sslv2Hello::begun || now == last, "what is known stays so");
    demand(is_whole == !offer.versions.empty(), "an offer with a whole hello");
    demand(is_whole || offer.ciphers.empty(), "no suites without one");
    demand(offer.ciphers.size() * 3 <= length, "no more suites than there are octets");
    last = now;
  }
  return 0;
}
