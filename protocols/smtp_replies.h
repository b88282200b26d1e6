// Every reply that postern itself gives in SMTP: this table and nowhere else. Reply codes are those
// of RFC 5321 4.2 and RFC 4954 6, enhanced codes those of RFC 3463 and RFC 4954.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace postern::protocols {

enum class SmtpReply {
  // Of the gate alone.
  greeting,
  ehlo,
  helo,
  ok,
  bye,
  help,
  starttls_first,
  // Refusals, after which the session goes on.
  unrecognized,
  not_implemented,
  starttls_argument,
  starttls_active,
  auth_argument,
  auth_needs_tls,
  auth_refused,
  auth_needs_certificate,
  auth_unavailable,
  bdat_not_offered,
  // The go-ahead, after which TLS begins.
  go_ahead,
  // Last words to a client that went wrong.
  line_too_long,
  bad_syntax,
  bad_chunk,
  early_message,
  bare_newline,
  too_many_errors,
  too_many_commands,
  // Last words where the backend went wrong.
  backend_fault,
  backend_unreachable,
  backend_lost,
  // Last words that the session asks for.
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

struct SmtpReplyRow {
  SmtpReply reply;
  std::string_view text;  // whole, its CRLF included; {host} stands for the listener's name
};

inline constexpr std::array kSmtpReplies = {
    SmtpReplyRow{SmtpReply::greeting, "220 {host} ESMTP\r\n"},
    SmtpReplyRow{SmtpReply::ehlo, "250-{host}\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n"},
    SmtpReplyRow{SmtpReply::helo, "250 {host}\r\n"},
    SmtpReplyRow{SmtpReply::ok, "250 2.0.0 OK\r\n"},
    SmtpReplyRow{SmtpReply::bye, "221 2.0.0 Bye\r\n"},
    SmtpReplyRow{SmtpReply::help, "214 2.0.0 EHLO HELO STARTTLS NOOP RSET HELP QUIT\r\n"},
    SmtpReplyRow{SmtpReply::starttls_first, "530 5.7.0 Must issue a STARTTLS command first\r\n"},
    SmtpReplyRow{SmtpReply::unrecognized, "500 5.5.2 Command not recognized\r\n"},
    SmtpReplyRow{SmtpReply::not_implemented, "502 5.5.1 Command not implemented\r\n"},
    SmtpReplyRow{SmtpReply::starttls_argument, "501 5.5.4 STARTTLS takes no argument\r\n"},
    SmtpReplyRow{SmtpReply::starttls_active, "503 5.5.1 TLS is already active\r\n"},
    SmtpReplyRow{SmtpReply::auth_argument, "501 5.5.4 AUTH needs a mechanism\r\n"},
    SmtpReplyRow{SmtpReply::auth_needs_tls,
                 "538 5.7.11 Encryption required for requested authentication mechanism\r\n"},
    SmtpReplyRow{SmtpReply::auth_refused, "535 5.7.8 Authentication refused\r\n"},
    SmtpReplyRow{SmtpReply::auth_needs_certificate,
                 "535 5.7.8 This login needs a client certificate: choose yours in your mail "
                 "program\r\n"},
    SmtpReplyRow{SmtpReply::auth_unavailable, "454 4.7.0 Temporary authentication failure\r\n"},
    SmtpReplyRow{SmtpReply::bdat_not_offered, "503 5.5.1 BDAT is not offered here\r\n"},
    SmtpReplyRow{SmtpReply::go_ahead, "220 2.0.0 Ready to start TLS\r\n"},
    SmtpReplyRow{SmtpReply::line_too_long, "500 5.5.2 Line too long, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::bad_syntax,
                 "500 5.5.2 Bare CR, bare LF or NUL in a command, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::bad_chunk, "501 5.5.4 Bad chunk size, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::early_message,
                 "503 5.5.1 The message came although it is not taken, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::bare_newline,
                 "521 5.5.2 Bare CR or bare LF in the message, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::too_many_errors, "421 4.7.0 Too many errors, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::too_many_commands,
                 "421 4.7.0 Too many commands before TLS, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::backend_fault,
                 "421 4.3.0 Mail server gave no valid reply, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::backend_unreachable,
                 "421 4.3.2 Mail server is not available, try again later\r\n"},
    SmtpReplyRow{SmtpReply::backend_lost, "421 4.4.2 Connection to the mail server was lost\r\n"},
    SmtpReplyRow{SmtpReply::shutting_down, "421 4.3.2 Service is shutting down\r\n"},
    SmtpReplyRow{SmtpReply::login_timeout, "421 4.4.2 No login in time, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::idle_timeout, "421 4.4.2 Idle for too long, closing connection\r\n"},
    SmtpReplyRow{SmtpReply::too_many_connections,
                 "421 4.7.0 Too many connections, try again later\r\n"},
    SmtpReplyRow{SmtpReply::out_of_resources,
                 "421 4.3.2 Out of system resources, try again later\r\n"},
    SmtpReplyRow{SmtpReply::tls_on_clear_port,
                 "421 4.7.0 TLS on this port begins with STARTTLS\r\n"},
    SmtpReplyRow{SmtpReply::clear_on_tls_port,
                 "421 4.7.0 This port speaks TLS from the first octet\r\n"},
    SmtpReplyRow{SmtpReply::old_tls_1_0,
                 "421 4.7.66 {host} TLS 1.0 is not supported any more, this server needs a later "
                 "version\r\n"},
    SmtpReplyRow{SmtpReply::old_tls_1_1,
                 "421 4.7.66 {host} TLS 1.1 is not supported any more, this server needs a later "
                 "version\r\n"},
    SmtpReplyRow{SmtpReply::old_tls_1_2,
                 "421 4.7.66 {host} TLS 1.2 is not supported any more, this server needs a later "
                 "version\r\n"},
};

// The text of a reply. The table is in the order of the enumeration.
constexpr std::string_view smtp_text(SmtpReply reply) {
  return kSmtpReplies[static_cast<std::size_t>(reply)].text;
}

}  // namespace postern::protocols
