// Reads the arguments of LOGIN and AUTHENTICATE (RFC 9051 section 6.2.2, 6.2.3; RFC 4959).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocols/imap_lexer.h"
#include "protocols/steps.h"

namespace postern::protocols {

// What is known of a LOGIN when one of its lines has ended.
struct LoginArguments {
  enum class Stage {
    name_announced,      // the name comes as a literal, whose octets are not there yet
    password_announced,  // the password, or more, comes as a literal
    whole,
  };
  Stage stage = Stage::whole;
  Login login;  // `user` as soon as it is there; read leniently, never from a broken string
  bool exposed = false;  // the password is there, or comes without waiting for a "+"
};

LoginArguments read_login(const ImapCommand& command);

// Writes a LOGIN's name, where not all servers read it alike, as the quoted string that all read as
// read_login() did: an atom with what no atom may hold (CONTOSO\jdoe), a quoted string with a lone
// backslash in it ("CONTOSO\jdoe"), as people and old programs write them. Only for a command of
// which read_login() gives a user.
void write_login_name(ImapCommand& command);

// `text` is all behind the verb. None: no mechanism's name, or more than an initial response.
struct AuthenticateArguments {
  std::string_view mechanism;
  std::optional<std::string_view> initial_response;  // base64; "" for the "=" of an empty one
};
std::optional<AuthenticateArguments> read_authenticate(std::string_view text);

}  // namespace postern::protocols
