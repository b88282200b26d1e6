// All words that postern itself says to an IMAP client, in one table.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace postern::protocols {

// Rows named tagged_… follow the command's tag and a space.
enum class ImapText {
  gate_greeting,
  gate_capabilities,
  gate_id,
  gate_bye,
  tagged_capability_ok,
  tagged_noop_ok,
  tagged_id_ok,
  tagged_logout_ok,
  tagged_starttls_ok,
  tagged_starttls_bad,
  tagged_no_arguments,
  tagged_unknown,
  tagged_bad_arguments,
  tagged_literal_too_big,
  tagged_privacy_required,
  tagged_not_allowed,
  tagged_certificate_needed,
  tagged_unavailable,
  secret_exposed,
  bad_command,
  go_ahead,
  cancel,
  bye_line_too_long,
  bye_bad_syntax,
  bye_too_many_errors,
  bye_too_many_commands,
  bye_backend_preauth,
  bye_backend_protocol,
  bye_backend_unreachable,
  bye_backend_lost,
  bye_shutting_down,
  bye_login_timeout,
  bye_idle_timeout,
  bye_too_many_connections,
  bye_out_of_resources,
  bye_tls_on_clear_port,
  bye_clear_on_tls_port,
  bye_old_tls_1_0,
  bye_old_tls_1_1,
  bye_old_tls_1_2,
  warn_secret,
  warn_login,
};

struct ImapRow {
  ImapText name;
  std::string_view text;  // {host} stands for the listener's name
};

// In the order of ImapText. Response codes: RFC 5530, 9051 section 7.1, 7888.
inline constexpr std::array kImapRows = {
    ImapRow{ImapText::gate_greeting,
            "* OK [CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS] {host} ready\r\n"},
    ImapRow{ImapText::gate_capabilities, "* CAPABILITY IMAP4rev1 ID LOGINDISABLED STARTTLS\r\n"},
    ImapRow{ImapText::gate_id, "* ID NIL\r\n"},
    ImapRow{ImapText::gate_bye, "* BYE {host} closes the connection\r\n"},
    ImapRow{ImapText::tagged_capability_ok, "OK CAPABILITY completed\r\n"},
    ImapRow{ImapText::tagged_noop_ok, "OK NOOP completed\r\n"},
    ImapRow{ImapText::tagged_id_ok, "OK ID completed\r\n"},
    ImapRow{ImapText::tagged_logout_ok, "OK LOGOUT completed\r\n"},
    ImapRow{ImapText::tagged_starttls_ok, "OK Begin TLS negotiation now\r\n"},
    ImapRow{ImapText::tagged_starttls_bad, "BAD STARTTLS is not available here\r\n"},
    ImapRow{ImapText::tagged_no_arguments, "BAD This command takes no arguments\r\n"},
    ImapRow{ImapText::tagged_unknown, "BAD No such command before STARTTLS and login\r\n"},
    ImapRow{ImapText::tagged_bad_arguments, "BAD The arguments cannot be read\r\n"},
    ImapRow{ImapText::tagged_literal_too_big, "BAD [TOOBIG] The literal is too long\r\n"},
    ImapRow{ImapText::tagged_privacy_required,
            "NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS\r\n"},
    ImapRow{ImapText::tagged_not_allowed,
            "NO [AUTHORIZATIONFAILED] This login is not allowed here\r\n"},
    ImapRow{ImapText::tagged_certificate_needed,
            "NO [AUTHORIZATIONFAILED] This login needs a client certificate: choose yours in your "
            "mail program\r\n"},
    ImapRow{ImapText::tagged_unavailable,
            "NO [UNAVAILABLE] Logging in is not possible at the moment, try again later\r\n"},
    ImapRow{ImapText::secret_exposed,
            "* BAD [ALERT] Your password was sent without encryption although this server does not "
            "take it so: it was exposed. Please change it, and switch TLS on in your mail "
            "program.\r\n"},
    ImapRow{ImapText::bad_command, "* BAD No tag and command in this line\r\n"},
    ImapRow{ImapText::go_ahead, "+ Ready for the literal\r\n"},
    ImapRow{ImapText::cancel, "*\r\n"},  // to the backend (RFC 9051 section 6.2.2)
    ImapRow{ImapText::bye_line_too_long, "* BYE The command is too long\r\n"},
    ImapRow{ImapText::bye_bad_syntax, "* BYE A line may hold no bare CR, bare LF or NUL\r\n"},
    ImapRow{ImapText::bye_too_many_errors, "* BYE Too many bad commands\r\n"},
    ImapRow{ImapText::bye_too_many_commands, "* BYE Too many commands before TLS\r\n"},
    ImapRow{ImapText::bye_backend_preauth,
            "* BYE [UNAVAILABLE] The mail server logged the connection in by itself\r\n"},
    ImapRow{ImapText::bye_backend_protocol,
            "* BYE [UNAVAILABLE] The mail server gave an answer that cannot be used\r\n"},
    ImapRow{ImapText::bye_backend_unreachable,
            "* BYE [UNAVAILABLE] The mail server cannot be reached\r\n"},
    ImapRow{ImapText::bye_backend_lost,
            "* BYE [UNAVAILABLE] The connection to the mail server was lost\r\n"},
    ImapRow{ImapText::bye_shutting_down, "* BYE [UNAVAILABLE] Shutting down, try again later\r\n"},
    ImapRow{ImapText::bye_login_timeout, "* BYE The login took too long\r\n"},
    ImapRow{ImapText::bye_idle_timeout, "* BYE Idle for too long\r\n"},
    ImapRow{ImapText::bye_too_many_connections, "* BYE [UNAVAILABLE] Too many connections\r\n"},
    ImapRow{ImapText::bye_out_of_resources, "* BYE [UNAVAILABLE] Out of resources\r\n"},
    ImapRow{ImapText::bye_tls_on_clear_port,
            "* BYE TLS begins on this port with STARTTLS, not at once\r\n"},
    ImapRow{ImapText::bye_clear_on_tls_port, "* BYE This port takes TLS from the first octet\r\n"},
    ImapRow{ImapText::bye_old_tls_1_0,
            "* BYE [ALERT] TLS 1.0 is not supported any more, this server needs a later "
            "version\r\n"},
    ImapRow{ImapText::bye_old_tls_1_1,
            "* BYE [ALERT] TLS 1.1 is not supported any more, this server needs a later "
            "version\r\n"},
    ImapRow{ImapText::bye_old_tls_1_2,
            "* BYE [ALERT] TLS 1.2 is not supported any more, this server needs a later "
            "version\r\n"},
    ImapRow{ImapText::warn_secret,
            "* OK [ALERT] Your password came without encryption, which will be refused soon: "
            "switch TLS on in your mail program\r\n"},
    ImapRow{ImapText::warn_login,
            "* OK [ALERT] Your login came without encryption, which will be refused soon: "
            "switch TLS on in your mail program\r\n"},
};

constexpr std::string_view imap_text(ImapText name) {
  return kImapRows[static_cast<std::size_t>(name)].text;
}

}  // namespace postern::protocols
