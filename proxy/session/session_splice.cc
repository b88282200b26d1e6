// A client whose ClientHello shares nothing with postern (SSLv3, DHE or RC4 alone) on a listener with
// `legacy_tls: splice`: it is handed on, from its first byte on, to the backend's own TLS port. Its session
// is encrypted from there to the client, so that nothing more than its length is seen here.
//
// A hello in SSLv2's format, on any listener, is kept until it is whole: BoringSSL gets it where
// what it offers is served, as in the island; else its event says what that would need.
#include <utility>

#include "proxy/session/first_bytes.h"
#include "proxy/session/session.h"
#include "tls/sslv2_hello.h"

namespace postern::session {

namespace {

// A ClientHello is one message of 16 KiB at most (BoringSSL's bound), its head, and those of the few records
// that it stands in.
constexpr std::size_t kMostKept = 16 * 1024 + 4 + 64 * 5;

constexpr std::string_view kNotTls = "not_tls";  // as of the engine's failures

// To a client of `version` (as on the wire), which knows no TLS records before an answer comes.
std::string handshake_failure(std::uint16_t version) {
  constexpr std::string_view kAlert("\x15\x03\0\0\x02\x02\x28", 7);  // RFC 8446 section 6.2
  std::string alert(kAlert);
  alert[2] = static_cast<char>(version);
  return alert;
}

}  // namespace

// Nothing but the event of it would tell that a client was handed on, and maybe logged in.
bool Session::may_splice() const {
  return terms_.may_splice && security_ == policy::Security::implicit &&
         !must_not_pass_unrecorded();
}

void Session::give_up_splicing() {
  first_flight_.reset();
  engine_->answer_all();
}

// Keeps `bytes`, which have come now. False where they are dealt with: more is to come first, or the session
// was handed on, or refused. Else the engine is to get `bytes`; where others had been kept from it,
// together with these, in `whole`.
bool Session::keep_first_flight(std::string_view& bytes, std::string& whole) {
  auto& kept = *first_flight_;
  // The engine takes no hello of SSLv2 unasked, so it gets nothing of what may become one.
  const bool was_held = begins_like_sslv2(kept);
  kept += bytes;
  const bool is_too_long = kept.size() > kMostKept;
  if (begins_like_sslv2(kept) && !is_too_long) {
    tls::Offer offer;
    switch (tls::read_sslv2_hello(kept, offer)) {
      case tls::Sslv2Hello::begun:
        return false;
      case tls::Sslv2Hello::for_ssl_tls:
        if (!take_sslv2_hello(offer)) return false;
        break;
      case tls::Sslv2Hello::for_sslv2:
        // It is led to no server: that version protects nothing, and lets who breaks it read other
        // sessions (DROWN). So there is nothing that it would need.
        record_handshake_failed(kNotTls, &offer, {});
        end(EndReason::handshake_failed, Manner::polite);
        return false;
      case tls::Sslv2Hello::none:
        break;
    }
  }
  const bool is_given_up = is_too_long || begins_like_sslv2(kept) || !may_splice();
  if (was_held) bytes = whole = kept;
  if (is_given_up) give_up_splicing();
  return true;
}

// Whether the engine is to get it: what it offers is served there. That is with RSA key exchange alone, as
// it has no groups to offer.
bool Session::take_sslv2_hello(const tls::Offer& offer) {
  const auto lack = engine_->lack(offer);
  if (lack.kind == tls::Lack::Kind::nothing && !offer.is_cut) {
    engine_->take_sslv2_hello();
    return true;
  }
  has_heard_client_ = true;
  if (may_splice()) {
    splice(offer);
    return false;
  }
  record_handshake_failed(kNotTls, &offer, lack);
  host_.scratch().to_client += handshake_failure(offer.versions.front());
  end(EndReason::handshake_failed, Manner::polite);
  return false;
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
