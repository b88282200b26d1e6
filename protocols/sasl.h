// Reads one SASL exchange from outside: which mechanism, who logs in. It takes the client's
// responses, base64 as they stand on the wire, and learns the name; it never keeps a secret.
#pragma once

#include <string_view>

#include "protocols/steps.h"

namespace postern::protocols {

// One exchange (RFC 4422). Framing (=, *, tags, reply codes) is the caller's.
class SaslExchange {
 public:
  // `mechanism` as the client wrote it, any case.
  explicit SaslExchange(std::string_view mechanism);

  // Takes the client's next response, its initial one included: base64 without line ending; empty
  // for an empty response (the caller turns a lone `=` into that). A `*` must not come here.
  // Afterwards login() may know more. Text that cannot be decoded teaches nothing. Gives whether
  // the login must be judged again before this response is passed on: a name has come, or it was
  // the last one that could have brought it.
  bool response(std::string_view base64);

  // The login as known by now. `mechanism` and `sends_secret` are right from the start.
  const Login& login() const { return login_; }

  // Whether the password or token itself has come in a response so far.
  bool has_sent_secret() const { return has_sent_secret_; }

  // Whether the name is not known yet, and every response that can log in is still to come and will
  // bring it, or else make response() say so.
  bool name_follows() const { return name_follows_; }

 private:
  Login login_;
  int responses_ = 0;
  bool has_sent_secret_ = false;
  bool name_follows_ = false;
};

}  // namespace postern::protocols
