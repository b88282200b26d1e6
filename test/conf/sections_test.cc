// One complaint for each way in which a value can be wrong, whole messages each.
#include "conf/sections.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

// The faults of one more line before a good rest: all on that line, one for each of `messages`
// ("column: message").
std::string on_first_line(const std::string& line, std::initializer_list<std::string> messages) {
  std::string out;
  for (const auto& message : messages) {
    const auto column = std::stoul(message);
    out += "p.yaml:1:" + message + "\n" + line + "\n" + std::string(column - 1, ' ') + "^\n";
  }
  return out;
}

void require_faults(const std::string& line, std::initializer_list<std::string> messages) {
  REQUIRE(faults_before_rest(line + "\n") == on_first_line(line, messages));
}

// A file with one listener, in which `keys` stand behind its name.
std::string with_listener(const std::string& keys) {
  return "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\nlisteners: [{name: mx, " + keys + "}]\n";
}

std::string on_listener_line(const std::string& keys, const std::string& message) {
  const std::string line = "listeners: [{name: mx, " + keys + "}]";
  const auto column = std::stoul(message);
  return "p.yaml:2:" + message + "\n" + line + "\n" + std::string(column - 1, ' ') + "^\n";
}

}  // namespace

TEST_CASE("an unknown key gets the nearest one, or all there are") {
  require_faults("hostnam: a", {"1: unknown key `hostnam`; did you mean `hostname`?"});
  require_faults("limits: {connection: 1, foo: 1}",
                 {"10: unknown key `connection`; did you mean `connections`?",
                  "25: unknown key `foo` in limits; expected connections, connections_per_ip, "
                  "handshake_timeout, login_timeout, idle_timeout or line_length"});
}

TEST_CASE("a key that comes later is offered, too, and never taken") {
  require_faults("stat: []", {"1: unknown key `stat`; did you mean `state`?"});
  require_faults("state: []", {"1: state: not supported yet"});
}

TEST_CASE("what is required is missed at the start of its mapping, all at once") {
  REQUIRE(faults("# a file\n\nuser: a\n") ==
          "p.yaml:3:1: backends is missing; expected a mapping of backends, each name with its "
          "servers\n"
          "user: a\n"
          "^\n"
          "p.yaml:3:1: listeners is missing; expected a list of listeners\n"
          "user: a\n"
          "^\n");
  REQUIRE(faults("backends:\n  ex:\n    balance: first\nlisteners:\n  - alpn: off\n") ==
          "p.yaml:3:5: backends.ex.servers is missing; expected a list of servers, such as "
          "[\"192.0.2.10:25\"]\n"
          "    balance: first\n"
          "    ^\n"
          "p.yaml:5:5: listeners[].name is missing; expected a name for logs and events\n"
          "  - alpn: off\n"
          "    ^\n"
          "p.yaml:5:5: listeners[].protocol is missing; expected smtp, submission, imap or pop3\n"
          "  - alpn: off\n"
          "    ^\n"
          "p.yaml:5:5: listeners[].address is missing; expected a numeric address and a port, such "
          "as 0.0.0.0:25 or [::]:25\n"
          "  - alpn: off\n"
          "    ^\n"
          "p.yaml:5:5: listeners[].tls is missing; expected implicit, required, optional, none or "
          "auto\n"
          "  - alpn: off\n"
          "    ^\n"
          "p.yaml:5:5: listeners[].backend is missing; expected the name of a backend\n"
          "  - alpn: off\n"
          "    ^\n");
  require_faults(
      "certificates: [{}]",
      {"16: certificates[].chain is missing; expected the path of a PEM file, leaf first",
       "16: certificates[].key is missing; expected the path of the private key"});
}

TEST_CASE("a mapping, a list or text in the place of another is named") {
  require_faults("log: info", {"6: log: expected a mapping with level, found `info`"});
  require_faults("log: [level]", {"6: log: expected a mapping with level, found a list"});
  require_faults("log:", {"1: log: expected a mapping with level, found nothing"});
  require_faults("log: {level: {}}",
                 {"14: log.level: expected debug, info, warn or error, found an empty mapping"});
  require_faults("user: [a]",
                 {"7: user: expected the name of a user of this system, found a list"});
  require_faults("user: ~", {"1: user: expected the name of a user of this system, found nothing"});
  require_faults("user: ''", {"7: user: expected the name of a user of this system, found ``"});
  require_faults("certificates: {chain: a, key: b}",
                 {"15: certificates: expected a list of certificates, each with chain and key, "
                  "found a mapping"});
  require_faults("certificates: [a.pem]",
                 {"16: certificates[]: expected a mapping with chain and key, found `a.pem`"});
  require_faults("certificates: []",
                 {"15: certificates: expected a list of certificates, each with chain and key, "
                  "found an empty list"});
  require_faults("smtp: {hide: VRFY}",
                 {"14: smtp.hide: expected a list of SMTP verbs, such as [VRFY, EXPN], found "
                  "`VRFY`"});
  require_faults("tls: required", {"6: tls: expected a mapping of TLS settings, found `required`"});
}

TEST_CASE("values of a certificate that are wrong") {
  const std::string begin = "certificates: [{chain: a, key: b, ";
  const std::string at = std::to_string(begin.size() + 1 + std::string("passphrase_file: ").size());
  for (const std::string name : {"", "a/b", "../a", ".", "..", "a b", "\xc3\xa4"}) {
    require_faults(begin + "passphrase_file: \"credential:" + name + "\"}]",
                   {at +
                    ": certificates[].passphrase_file: expected credential:NAME, of letters, "
                    "digits, `.`, `_` and `-`, found `credential:" +
                    name + "`"});
  }
  require_faults(begin + "passphrase_file: \"\"}]",
                 {at + ": certificates[].passphrase_file: expected a path of at most 4096 octets, "
                       "without control characters, found ``"});
  require_faults(begin + "key_permissions: 0640}]",
                 {at + ": certificates[].key_permissions: expected strict or any, found `0640`"});
}

TEST_CASE("values of the top that are wrong") {
  require_faults("hostname: a_b",
                 {"11: hostname: expected a host name of letters, digits, hyphens and dots, such "
                  "as mail.example.com, found `a_b`"});
  require_faults("workers: 257",
                 {"10: workers: expected auto or a whole number from 1 to 256, found `257`"});
  require_faults("workers: many",
                 {"10: workers: expected auto or a whole number from 1 to 256, found `many`"});
  require_faults("shutdown_grace: 60",
                 {"17: shutdown_grace: expected a time from 0s to 30d, with its unit ms, s, m, h "
                  "or d, found `60`"});
  require_faults("tls: {min_version: 1.4, max_version: TLSv1.3, alpn: on}",
                 {"20: tls.min_version: expected 1.0, 1.1, 1.2 or 1.3, found `1.4`",
                  "38: tls.max_version: expected 1.0, 1.1, 1.2 or 1.3, found `TLSv1.3`",
                  "53: tls.alpn: expected strict or off, found `on`"});
  require_faults("log: {level: loud}",
                 {"14: log.level: expected debug, info, warn or error, found `loud`"});
}

TEST_CASE("limits out of their range") {
  const std::string count = "expected a whole number from 1 to 1000000, found ";
  const std::string time =
      "expected a time from 1ms to 30d, with its unit ms, s, m, h or d, found ";
  require_faults("limits: {connections: 0}", {"23: limits.connections: " + count + "`0`"});
  require_faults("limits: {connections_per_ip: 1000001}",
                 {"30: limits.connections_per_ip: " + count + "`1000001`"});
  require_faults("limits: {handshake_timeout: 0s}",
                 {"29: limits.handshake_timeout: " + time + "`0s`"});
  require_faults("limits: {login_timeout: 0ms}", {"25: limits.login_timeout: " + time + "`0ms`"});
  require_faults("limits: {idle_timeout: 31d}", {"24: limits.idle_timeout: " + time + "`31d`"});
  const std::string size =
      "23: limits.line_length: expected a size from 1KiB to 1MiB, with its unit B, KiB, MiB or "
      "GiB, found ";
  require_faults("limits: {line_length: 1023B}", {size + "`1023B`"});
  require_faults("limits: {line_length: 1025KiB}", {size + "`1025KiB`"});
  require_faults("limits: {line_length: 65536}", {size + "`65536`"});
}

TEST_CASE("verbs without which no session works cannot be hidden, in any case of letters") {
  for (const std::string verb : {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT", "RSET", "NOOP",
                                 "AUTH", "STARTTLS", "ehlo", "StartTLS"})
    REQUIRE(faults_before_rest("smtp: {hide: [" + verb + "]}\n")
                .find("p.yaml:1:15: smtp.hide[]: expected a verb that sessions can do without, "
                      "found `" +
                      verb + "`\n") != std::string::npos);
}

TEST_CASE("a backend's values that are wrong") {
  REQUIRE(faults("backends:\n"
                 "  ex: {servers: [\"192.0.2.10\"], balance: last, connect_timeout: 0s}\n"
                 "  e x: {servers: []}\n"
                 "  ey: {servers: \"192.0.2.10:25\"}\n"
                 "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none, "
                 "backend: ex}]\n") ==
          "p.yaml:2:18: backends.ex.servers[]: expected an address or host name and a port, such "
          "as 192.0.2.10:25, [2001:db8::1]:25 or mail.internal:25, found `192.0.2.10`\n"
          "  ex: {servers: [\"192.0.2.10\"], balance: last, connect_timeout: 0s}\n"
          "                 ^\n"
          "p.yaml:2:42: backends.ex.balance: expected first, found `last`\n"
          "  ex: {servers: [\"192.0.2.10\"], balance: last, connect_timeout: 0s}\n"
          "                                         ^\n"
          "p.yaml:2:65: backends.ex.connect_timeout: expected a time from 1ms to 30d, with its "
          "unit ms, s, m, h or d, found `0s`\n"
          "  ex: {servers: [\"192.0.2.10\"], balance: last, connect_timeout: 0s}\n"
          "                                                                ^\n"
          "p.yaml:3:3: backend `e x`: expected a name of 1 to 64 letters, digits, `.`, `_` and "
          "`-`\n"
          "  e x: {servers: []}\n"
          "  ^\n"
          "p.yaml:3:3: warning: backend `e x` is used by no listener\n"
          "  e x: {servers: []}\n"
          "  ^\n"
          "p.yaml:3:18: backends.e x.servers: expected a list of servers, such as "
          "[\"192.0.2.10:25\"], found an empty list\n"
          "  e x: {servers: []}\n"
          "                 ^\n"
          "p.yaml:4:3: warning: backend `ey` is used by no listener\n"
          "  ey: {servers: \"192.0.2.10:25\"}\n"
          "  ^\n"
          "p.yaml:4:17: backends.ey.servers: expected a list of servers, such as "
          "[\"192.0.2.10:25\"], found `192.0.2.10:25`\n"
          "  ey: {servers: \"192.0.2.10:25\"}\n"
          "                ^\n");
}

TEST_CASE("a listener's values that are wrong") {
  const auto check = [](const std::string& keys, const std::string& message) {
    REQUIRE(faults(with_listener(keys)) == on_listener_line(keys, message));
  };
  check("protocol: nntp, address: \"0.0.0.0:25\", tls: none, backend: ex",
        "34: listeners[].protocol: expected smtp, submission, imap or pop3, found `nntp`");
  check("protocol: smtp, address: \"localhost:25\", tls: none, backend: ex",
        "49: listeners[].address: expected a numeric address and a port, such as 0.0.0.0:25 or "
        "[::]:25, found `localhost:25`");
  check("protocol: smtp, address: [\"0.0.0.0:0\"], tls: none, backend: ex",
        "50: listeners[].address[]: expected a port from 1 to 65535 behind the address, found "
        "`0.0.0.0:0`");
  check("protocol: smtp, address: {}, tls: none, backend: ex",
        "49: listeners[].address: expected a numeric address and a port, such as 0.0.0.0:25 or "
        "[::]:25, found an empty mapping");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: yes, backend: ex",
        "68: listeners[].tls: expected implicit, required, optional, none or auto, found `yes`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: [ex]",
        "83: listeners[].backend: expected 1 to 64 letters, digits, `.`, `_` and `-`, found a "
        "list");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, cleartext_login: allow",
        "104: listeners[].cleartext_login: expected refuse, warn or observe, found `allow`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, bare_newlines: fix",
        "102: listeners[].bare_newlines: expected reject or pass, found `fix`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, old_tls: refuse",
        "96: listeners[].old_tls: expected alert or explain, found `refuse`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, refuse_from: soon",
        "100: listeners[].refuse_from: expected a date as YYYY-MM-DD, such as 2027-03-01, found "
        "`soon`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, refuse_from: ",
        "87: listeners[].refuse_from: expected a date as YYYY-MM-DD, such as 2027-03-01, found "
        "nothing");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, refuse_share: 10",
        "101: listeners[].refuse_share: expected a share from 0% to 100%, such as 10% or 0.5%, "
        "found `10`");
  check("protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: ex, refuse_share: ''",
        "101: listeners[].refuse_share: expected a share from 0% to 100%, such as 10% or 0.5%, "
        "found ``");
}

TEST_CASE("an audit log that is none, or stands there twice") {
  const std::string expected =
      "expected stdout, file:PATH, syslog, journald or a list of these, or off, found ";
  require_faults("audit: {log: stderr}", {"14: audit.log: " + expected + "`stderr`"});
  require_faults("audit: {log: 'file:'}",
                 {"14: audit.log: expected a path behind `file:`, found `file:`"});
  require_faults("audit: {log: []}", {"14: audit.log: " + expected + "an empty list"});
  require_faults("audit: {log: }", {"9: audit.log: " + expected + "nothing"});
  require_faults("audit: {log: [stdout, 'file:a', 'file:./b', 'file:a']}",
                 {"45: audit.log[]: stands in the list already; expected each target once"});
  require_faults("audit: {log: [syslog, syslog]}",
                 {"23: audit.log[]: stands in the list already; expected each target once"});
  require_faults("audit: {log: [stdout, off]}",
                 {"23: audit.log[]: `off` stands in a list; expected it alone"});
}

TEST_CASE("an admin socket that cannot be") {
  require_faults("admin: {socket: 7.5, http: '127.0.0.1:9180'}",
                 {"22: admin.http: not supported yet"});
  const std::string long_name(108, 's');
  require_faults(
      "admin: {socket: " + long_name + "}",
      {"17: admin.socket: `" + long_name + "` is too long; expected a path of at most 107 octets"});
  require_faults("admin: {socket: }",
                 {"9: admin.socket: expected a path of at most 4096 octets, without control "
                  "characters, found nothing"});
  require_faults("admin: off", {"8: admin: expected a mapping of admin settings, found `off`"});
}

TEST_CASE("audit settings that are wrong") {
  require_faults("audit: {inventory: logins.db}",
                 {"20: audit.inventory: expected sqlite:PATH or none, found `logins.db`"});
  require_faults("audit: {inventory: 'sqlite:'}",
                 {"20: audit.inventory: expected a path behind `sqlite:`, found `sqlite:`"});
  require_faults("audit: {inventory: ''}",
                 {"20: audit.inventory: expected sqlite:PATH or none, found ``"});
  require_faults("audit: {inventory: 'redis://192.0.2.7:6379/0'}",
                 {"20: audit.inventory: `redis:`: not supported yet"});
  require_faults(
      "audit: {inventory: 'sqlite:a', log: 'file:a'}",
      {"20: audit.inventory: is the file of audit.log, too; expected a file of its own"});
  const std::string days = "15: audit.keep: expected days from 1d to 36500d, found ";
  for (const std::string text : {"400", "0d", "36501d", "12h", "-1d", "01d", "1.5d", "d"})
    require_faults("audit: {keep: " + text + "}", {days + "`" + text + "`"});
  require_faults("audit: {usernames: none, handshakes: off, chain: yes}",
                 {"20: audit.usernames: expected plain or hashed, found `none`",
                  "38: audit.handshakes: expected failed or all, found `off`",
                  "50: audit.chain: expected off or on, found `yes`"});
  require_faults("audit: {on_failure: stop}",
                 {"21: audit.on_failure: expected continue or refuse, found `stop`"});
  require_faults(
      "audit: {log: off, inventory: none, on_failure: refuse}",
      {"48: audit.on_failure: `refuse` with neither log nor inventory; expected one that "
       "can be written"});
  require_faults("audit: syslog",
                 {"8: audit: expected a mapping of audit settings, found `syslog`"});
}

TEST_CASE("a refusal is short and plain, so that it fits into any reply") {
  const std::string text =
      "17: refusal.text: expected at most 160 characters of printable ASCII on one line, found ";
  require_faults("refusal: {text: \"a\\r\\nb\"}", {text + "`a??b`"});
  require_faults("refusal: {text: \"a\\tb\"}", {text + "`a?b`"});
  require_faults("refusal: {text: \"caf\xC3\xA9\"}", {text + "`caf\xC3\xA9`"});
  require_faults("refusal: {text: " + std::string(161, 'x') + "}",
                 {text + "`" + std::string(60, 'x') + "...`"});
  require_faults("refusal: {text: " + std::string(160, 'x') + "}", {});
  require_faults("refusal: {text: }",
                 {"11: refusal.text: expected at most 160 characters of printable ASCII on one "
                  "line, found nothing"});
  const std::string url =
      "21: refusal.help_url: expected an http:// or https:// address of at most 160 characters of "
      "printable ASCII, found ";
  for (const std::string& wrong :
       {std::string("ftp://a"), std::string("https://"), std::string("http://"),
        std::string("https://a b"), std::string("mail.example.com")})
    require_faults("refusal: {help_url: '" + wrong + "'}", {url + "`" + wrong + "`"});
  require_faults("refusal: {help_url: 'https://" + std::string(153, 'x') + "'}",
                 {url + "`https://" + std::string(52, 'x') + "...`"});
  require_faults("refusal: {help_url: 'https://" + std::string(152, 'x') + "'}", {});
  require_faults("refusal: {text: '', help_url: ''}", {});
  require_faults("refusal: Ask",
                 {"10: refusal: expected a mapping with text and help_url, found `Ask`"});
}

TEST_CASE("lists and mappings have a most") {
  std::string addresses = "[";
  for (int i = 1; i <= 17; ++i) addresses += "\"127.0.0.1:" + std::to_string(i) + "\",";
  REQUIRE(
      faults(with_listener("protocol: smtp, address: " + addresses + "], tls: none, backend: ex"))
          .find("p.yaml:2:49: listeners[].address: expected at most 16 items, found 17\n") == 0);
  std::string backends = "backends:\n";
  for (int i = 0; i < 257; ++i)
    backends += "  b" + std::to_string(i) + ": {servers: [\"192.0.2.1:25\"]}\n";
  REQUIRE(faults(backends + "listeners: [{name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: "
                            "none, backend: b0}]\n") ==
          "p.yaml:2:3: backends: expected at most 256 entries, found 257\n"
          "  b0: {servers: [\"192.0.2.1:25\"]}\n"
          "  ^\n");
}
