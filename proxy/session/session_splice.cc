// A client whose ClientHello shares nothing with postern (SSLv3, DHE or RC4 alone) on a listener with
// `legacy_tls: splice`: it is handed on, from its first byte on, to the backend's own TLS port. Its session
// is encrypted from there to the client, so that nothing more than its length is seen here.
#include <utility>

#include "proxy/session/session.h"
#include "tls/sslv2_hello.h"

namespace postern::session {

namespace {

// A ClientHello is one message of 16 KiB at most (BoringSSL's bound), its head, and those of the few records
// that it stands in.
constexpr std::size_t kMostKept = 16 * 1024 + 4 + 64 * 5;

// Its first octet is the length's, with the highest bit set.
bool may_be_sslv2(std::string_view first_bytes) {
  return !first_bytes.empty() && static_cast<signed char>(first_bytes.front()) < 0;
}

}  // namespace

// Keeps `bytes`, which have come now. False where they are dealt with: more is to come first, or the session
// was handed on. Else the engine is to get `bytes`; where others had been kept from it, together with
// these, in `whole`.
bool Session::keep_for_splicing(std::string_view& bytes, std::string& whole) {
  auto& kept = *first_flight_;
  // The engine takes no hello of SSLv2, so it gets nothing of what may become one.
  const bool was_held = may_be_sslv2(kept);
  kept += bytes;
  // Nothing but the event of it would tell that a client was handed on, and maybe logged in.
  const bool is_barred = kept.size() > kMostKept || must_not_pass_unrecorded();
  if (kept.empty() && !is_barred) return true;
  tls::Offer offer;
  const auto hello = tls::read_sslv2_hello(kept, offer);
  if (hello == tls::Sslv2Hello::begun && !is_barred) return false;
  if (hello == tls::Sslv2Hello::for_ssl_tls && !is_barred) {
    has_heard_client_ = true;
    splice(offer);
    return false;
  }
  // A client of SSLv2 alone is led to no server: that version protects nothing, and lets who breaks it
  // read other sessions (DROWN).
  const bool is_given_up = is_barred || may_be_sslv2(kept);
  if (was_held) bytes = whole = kept;
  if (is_given_up) {
    first_flight_.reset();
    engine_->answer_all();
  }
  return true;
}

// `offer` may be the engine's.
void Session::splice(const tls::Offer& offer) {
  security_ = policy::Security::passthrough;
  record_spliced(offer);
  engine_.reset();
  enter(Event::unserved);
  has_settled_ = true;  // as far as can be seen
  passage_ = std::make_unique<protocols::Passage>();
  bytes_in_ += first_flight_->size();
  backend::LinkUser& self = *this;
  link_ = std::make_unique<backend::Link>(host_.dialer(), host_.clock(), host_.timers(),
                                          service_->legacy, self, std::move(*first_flight_));
  first_flight_.reset();
  link_->next();
}

}  // namespace postern::session
