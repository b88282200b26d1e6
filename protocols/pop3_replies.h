// Every reply that postern itself gives in POP3. The texts stand here and nowhere else.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "protocols/dialogue.h"

namespace postern::protocols {

enum class Pop3Reply : std::size_t {
  greeting,
  gate_capa,
  own_capa,
  own_capa_without_logins,
  noop,
  goodbye,
  begin_tls,
  stls_argument,
  stls_active,
  stls_not_offered,
  stls_first,
  login_needs_tls,
  login_refused,
  login_needs_certificate,
  login_unavailable,
  unknown_command,
  bad_syntax,
  line_too_long,
  too_many_errors,
  too_many_commands,
  backend_unreachable,
  backend_timeout,
  backend_lost,
  backend_unreadable,
  shutting_down,
  login_timeout,
  idle_timeout,
  too_many_connections,
  out_of_resources,
  tls_on_clear_port,
  clear_on_tls_port,
  old_tls_1_0,
  old_tls_1_1,
  old_tls_1_2,
};

struct Pop3ReplyRow {
  Pop3Reply reply;
  std::string_view text;
};

// RFC 1939 section 3, response codes by RFC 2449 section 8 and RFC 3206. {host} stands for the
// listener's name. Some old clients look for the word POP3 right behind the greeting's +OK.
inline constexpr std::array kPop3Replies{
    Pop3ReplyRow{Pop3Reply::greeting, "+OK POP3 {host} ready\r\n"},
    Pop3ReplyRow{Pop3Reply::gate_capa,
                 "+OK Capability list follows\r\nSTLS\r\nRESP-CODES\r\n.\r\n"},
    Pop3ReplyRow{Pop3Reply::own_capa, "+OK Capability list follows\r\nUSER\r\nSTLS\r\n.\r\n"},
    Pop3ReplyRow{Pop3Reply::own_capa_without_logins,
                 "+OK Capability list follows\r\nSTLS\r\n.\r\n"},
    Pop3ReplyRow{Pop3Reply::noop, "+OK\r\n"},
    Pop3ReplyRow{Pop3Reply::goodbye, "+OK Goodbye\r\n"},
    Pop3ReplyRow{Pop3Reply::begin_tls, "+OK Begin TLS negotiation\r\n"},
    Pop3ReplyRow{Pop3Reply::stls_argument, "-ERR STLS takes no argument\r\n"},
    Pop3ReplyRow{Pop3Reply::stls_active, "-ERR Command not permitted when TLS active\r\n"},
    Pop3ReplyRow{Pop3Reply::stls_not_offered, "-ERR STLS is not offered here\r\n"},
    Pop3ReplyRow{Pop3Reply::stls_first, "-ERR Command not permitted before STLS\r\n"},
    Pop3ReplyRow{Pop3Reply::login_needs_tls,
                 "-ERR [AUTH] Logins need encryption here: "
                 "turn on SSL/TLS or STARTTLS in your mail program\r\n"},
    Pop3ReplyRow{Pop3Reply::login_refused, "-ERR [AUTH] This login is not permitted here\r\n"},
    Pop3ReplyRow{Pop3Reply::login_needs_certificate,
                 "-ERR [AUTH] This login needs a client certificate: "
                 "choose yours in your mail program\r\n"},
    Pop3ReplyRow{Pop3Reply::login_unavailable,
                 "-ERR [SYS/TEMP] Logging in is not possible at the moment, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::unknown_command, "-ERR Unknown command\r\n"},
    Pop3ReplyRow{Pop3Reply::bad_syntax, "-ERR Malformed command line\r\n"},
    Pop3ReplyRow{Pop3Reply::line_too_long, "-ERR Command line too long\r\n"},
    Pop3ReplyRow{Pop3Reply::too_many_errors, "-ERR Too many refused commands, goodbye\r\n"},
    Pop3ReplyRow{Pop3Reply::too_many_commands, "-ERR Too many commands before TLS, goodbye\r\n"},
    Pop3ReplyRow{Pop3Reply::backend_unreachable,
                 "-ERR [SYS/TEMP] The mail server cannot be reached, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::backend_timeout,
                 "-ERR [SYS/TEMP] The mail server does not answer, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::backend_lost,
                 "-ERR [SYS/TEMP] The mail server closed the connection, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::backend_unreadable,
                 "-ERR [SYS/TEMP] The mail server's answer made no sense, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::shutting_down,
                 "-ERR [SYS/TEMP] Going down for maintenance, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::login_timeout, "-ERR Nobody logged in for too long, goodbye\r\n"},
    Pop3ReplyRow{Pop3Reply::idle_timeout, "-ERR Idle for too long, goodbye\r\n"},
    Pop3ReplyRow{Pop3Reply::too_many_connections,
                 "-ERR [SYS/TEMP] Too many connections, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::out_of_resources,
                 "-ERR [SYS/TEMP] Out of resources, try again later\r\n"},
    Pop3ReplyRow{Pop3Reply::tls_on_clear_port,
                 "-ERR This port begins in clear text: "
                 "use STARTTLS (STLS), or the port for SSL/TLS\r\n"},
    Pop3ReplyRow{Pop3Reply::clear_on_tls_port,
                 "-ERR This port speaks TLS from the first byte: use SSL/TLS\r\n"},
    Pop3ReplyRow{Pop3Reply::old_tls_1_0,
                 "-ERR [SYS/PERM] TLS 1.0 is not supported any more, "
                 "this server needs a later version\r\n"},
    Pop3ReplyRow{Pop3Reply::old_tls_1_1,
                 "-ERR [SYS/PERM] TLS 1.1 is not supported any more, "
                 "this server needs a later version\r\n"},
    Pop3ReplyRow{Pop3Reply::old_tls_1_2,
                 "-ERR [SYS/PERM] TLS 1.2 is not supported any more, "
                 "this server needs a later version\r\n"},
};

// The text of a reply, its CRLF included; constant.
constexpr std::string_view text_of(Pop3Reply reply) {
  return kPop3Replies[static_cast<std::size_t>(reply)].text;
}

// The words that end a session, its CRLF included.
Pop3Reply pop3_farewell_reply(Farewell why);
std::string pop3_farewell(Farewell why, const Options& options);

// Says a reply: with the listener's name in it, and help where it refuses the client.
void say_pop3(Pop3Reply reply, const Options& options, Steps& out);

}  // namespace postern::protocols
