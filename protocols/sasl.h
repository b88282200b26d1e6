// Reads one SASL exchange from outside: which mechanism, who logs in. It takes the client's
// responses, base64 as they stand on the wire, and learns the name; it never keeps a secret.
#pragma once

#include <string_view>

#include "protocols/ntlm.h"
#include "protocols/steps.h"

namespace postern::protocols {

// One exchange (RFC 4422). Framing (=, *, tags, reply codes) is the caller's.
class SaslExchange {
 public:
  // `mechanism` as the client wrote it, any case.
  explicit SaslExchange(std::string_view mechanism);

  // Takes the client's next response, its initial one included: base64 without line ending; empty
  // for an empty response (the caller turns a lone `=` into that). A `*` must not come here.
  // Gives whether the login must be judged again before this response is passed on: a name has come,
  // or is taken back, or this was the last response that could have brought it.
  bool response(std::string_view base64);

  // The login as known by now. `mechanism` and `sends_secret` are right from the start.
  const Login& login() const { return login_; }

  // Whether the password or token itself has come in a response so far.
  bool has_sent_secret() const { return has_sent_secret_; }

  // Whether the name is not known yet, and every response that can log in is still to come and will
  // bring it, or else make response() say so.
  bool name_follows() const { return name_follows_; }

  // Whether the mechanism keeps the name to itself. Where there is no name although it neither does
  // nor the name follows, nobody can say whom the server takes the client for: what came has not
  // the form that all servers read alike, or two responses name two users.
  bool hides_name() const { return hides_name_; }

 private:
  // What a response says of the name.
  enum class Told { name, nothing, hidden, unreadable };
  Told read(std::string_view base64, Login& read);
  Told take_offer(NtlmLetters offered);

  Login login_;
  int responses_ = 0;
  bool has_sent_secret_ = false;
  bool name_follows_ = false;
  bool hides_name_ = false;
  bool is_unreadable_ = false;  // for good
  NtlmLetters offered_ = NtlmLetters::unknown;
};

}  // namespace postern::protocols
