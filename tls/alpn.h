// Which ALPN protocol to answer with (RFC 7301), and when to refuse a client for what it offers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::tls {

enum class AlpnMode { strict, off };
enum class AlpnVerdict { answer_ours, go_on_without, refuse };

// `offered` are the client's protocols in its order, `ours` is the listener's ("" where none is
// registered for it). Ours is taken wherever it is offered. Otherwise, in strict mode, a client is
// refused when all that it offers are protocols known to be others: a browser or another mail
// client was led to the wrong port (ALPACA). Names that are not registered go on without ALPN, as
// mail programs that send such exist; GREASE names (RFC 8701) count for nothing.
AlpnVerdict judge_alpn(const std::vector<std::string>& offered, std::string_view ours,
                       AlpnMode mode);

}  // namespace postern::tls
