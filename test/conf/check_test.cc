// Cross-references and contradictions, whole messages each.
#include "conf/check.h"

#include <catch2/catch.hpp>
#include <string>

#include "test/conf/faults.h"

using namespace postern::conf;  // NOLINT: a test of the folder

namespace {

// A caret's line under `line`, at the first place of `what` in it.
std::string caret(const std::string& line, const std::string& what) {
  const std::size_t at = line.find(what);
  REQUIRE(at != std::string::npos);
  return line + "\n" + std::string(at, ' ') + "^\n";
}

// "p.yaml:LINE:COLUMN: MESSAGE", the line and the caret at the first place of `what` in it.
std::string fault(int number, const std::string& line, const std::string& what,
                  const std::string& message) {
  return "p.yaml:" + std::to_string(number) + ":" + std::to_string(line.find(what) + 1) + ": " +
         message + "\n" + caret(line, what);
}

constexpr const char* kBackends = "backends: {ex: {servers: [\"192.0.2.10:25\"]}}\n";
constexpr const char* kCertificates = "certificates: [{chain: a.pem, key: a.key}]\n";

std::string listener(const std::string& keys) { return "  - {" + keys + ", backend: ex}"; }

// Faults of a file with a backend, a certificate and these listeners, which begin on line 4.
std::string with_listeners(const std::string& a, const std::string& b = "",
                           const std::string& before = "") {
  return faults(kBackends + std::string(kCertificates) + "listeners:\n" + a + "\n" +
                (b.empty() ? "" : b + "\n") + before);
}

}  // namespace

TEST_CASE("two listeners of one name") {
  const auto a = listener("name: in, protocol: smtp, address: \"0.0.0.0:25\", tls: none");
  const auto b = listener("name: in, protocol: smtp, address: \"0.0.0.0:26\", tls: none");
  REQUIRE(with_listeners(a, b) ==
          fault(5, b, "in,", "listener `in` stands on line 4 already; expected a name of its own"));
}

TEST_CASE("a backend that is none: the nearest name, or where names stand") {
  const std::string a =
      "  - {name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: exx}";
  REQUIRE(with_listeners(a) == fault(4, a, "exx", "no backend `exx`; did you mean `ex`?"));
  const std::string b =
      "  - {name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none, backend: other}";
  REQUIRE(with_listeners(b) ==
          fault(4, b, "other", "no backend `other`; expected a name that stands under `backends`"));
}

TEST_CASE("a backend that no listener uses is a warning") {
  const std::string unused = "  old: {servers: [\"192.0.2.11:25\"]}";
  REQUIRE(faults("backends:\n  ex: {servers: [\"192.0.2.10:25\"]}\n" + unused + "\nlisteners:\n" +
                 listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none") + "\n") ==
          fault(3, unused, "old", "warning: backend `old` is used by no listener"));
}

TEST_CASE("a backend that is not valid is still one that listeners may name") {
  REQUIRE(faults("backends: {ex: {servers: [x]}}\nlisteners:\n" +
                 listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none") + "\n")
              .find("no backend") == std::string::npos);
}

TEST_CASE("any TLS needs a certificate, said once, at the first listener that has TLS") {
  for (const std::string mode : {"implicit", "required", "optional"}) {
    const auto a = listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none");
    const auto b = listener("name: b, protocol: smtp, address: \"0.0.0.0:26\", tls: " + mode);
    const auto c = listener("name: c, protocol: smtp, address: \"0.0.0.0:27\", tls: " + mode);
    REQUIRE(faults(std::string(kBackends) + "listeners:\n" + a + "\n" + b + "\n" + c + "\n") ==
            fault(4, b, mode,
                  "`tls: " + mode +
                      "` without a certificate; expected `certificates` with chain and key"));
  }
  REQUIRE(faults(kRest).empty());
}

TEST_CASE("two listeners on one address and port, wildcards included") {
  const auto taken = [](const std::string& first, const std::string& second) {
    const auto a = listener("name: a, protocol: smtp, address: \"" + first + "\", tls: none");
    const auto b = listener("name: b, protocol: smtp, address: \"" + second + "\", tls: none");
    REQUIRE(with_listeners(a, b) == fault(5, b, "\"" + second,
                                          second + " is taken by " + first +
                                              " on line 4; expected a free address and port"));
  };
  taken("192.0.2.1:25", "192.0.2.1:25");
  taken("0.0.0.0:25", "192.0.2.1:25");
  taken("192.0.2.1:25", "0.0.0.0:25");
  taken("[::]:25", "192.0.2.1:25");
  taken("[2001:db8::1]:25", "[::]:25");
  taken("0.0.0.0:25", "[::]:25");
  const auto free = [](const std::string& first, const std::string& second) {
    REQUIRE(
        with_listeners(listener("name: a, protocol: smtp, address: \"" + first + "\", tls: none"),
                       listener("name: b, protocol: smtp, address: \"" + second + "\", tls: none"))
            .empty());
  };
  free("0.0.0.0:25", "0.0.0.0:26");
  free("192.0.2.1:25", "192.0.2.2:25");
  free("0.0.0.0:25", "[2001:db8::1]:25");
}

TEST_CASE("two addresses of one listener may not overlap either, however they are written") {
  const auto a = listener(
      "name: a, protocol: smtp, address: [\"[2001:db8::1]:25\", \"[2001:DB8:0::01]:25\"], tls: "
      "none");
  REQUIRE(with_listeners(a) == fault(4, a, "\"[2001:DB8",
                                     "[2001:db8::1]:25 is taken by "
                                     "[2001:db8::1]:25 on line 4; expected a "
                                     "free address and port"));
}

TEST_CASE("min_version above max_version, in tls, on a listener, and between the two") {
  const std::string message = "min_version is above max_version; expected one that is not above it";
  const std::string both = "tls: {max_version: 1.2, min_version: 1.3}";
  REQUIRE(faults_before_rest(both + "\n") == fault(1, both, "1.3}", message));
  const std::string max = "tls: {max_version: 1.1}";
  REQUIRE(faults_before_rest(max + "\n") == fault(1, max, "1.1}", message));
  const auto a =
      listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: optional, min_version: 1.3");
  REQUIRE(with_listeners(a, "", "tls: {max_version: 1.2}\n") == fault(4, a, "1.3", message));
  const auto b =
      listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: optional, max_version: 1.1");
  REQUIRE(with_listeners(b) == fault(4, b, "1.1", message));
}

TEST_CASE("cleartext_login where no login comes without TLS never acts") {
  for (const std::string mode : {"implicit", "required"}) {
    const auto a = listener("name: a, protocol: imap, address: \"0.0.0.0:143\", tls: " + mode +
                            ", cleartext_login: warn");
    REQUIRE(with_listeners(a) == fault(4, a, "warn",
                                       "warning: cleartext_login never acts with `tls: " + mode +
                                           "`: no login comes without TLS there"));
  }
}

TEST_CASE("TLS keys without TLS, and bare_newlines outside mail, never act") {
  const auto a = listener(
      "name: a, protocol: imap, address: \"0.0.0.0:143\", tls: none, cleartext_login: warn, "
      "min_version: 1.0, max_version: 1.1, alpn: off, bare_newlines: pass");
  REQUIRE(with_listeners(a) ==
          fault(4, a, "1.0", "warning: min_version never acts with `tls: none`") +
              fault(4, a, "1.1", "warning: max_version never acts with `tls: none`") +
              fault(4, a, "off", "warning: alpn never acts with `tls: none`") +
              fault(4, a, "pass", "warning: bare_newlines never acts outside smtp and submission"));
}

TEST_CASE("where nobody could log in is an error, but mail between servers needs no login") {
  const std::string message = "nobody can log in: `tls: none` with `cleartext_login: refuse`";
  const std::string rest = "; expected another tls mode, or cleartext_login warn or observe";
  for (const std::string protocol : {"imap", "pop3", "submission"}) {
    const auto a =
        listener("name: a, protocol: " + protocol + ", address: \"0.0.0.0:143\", tls: none");
    REQUIRE(with_listeners(a) == fault(4, a, "none", message + " (the default)" + rest));
    const auto b = listener("name: a, protocol: " + protocol +
                            ", address: \"0.0.0.0:143\", tls: none, cleartext_login: refuse");
    REQUIRE(with_listeners(b) == fault(4, b, "refuse", message + rest));
  }
  REQUIRE(with_listeners(listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none, "
                                  "cleartext_login: refuse"))
              .empty());
}

TEST_CASE("connections_per_ip above connections never acts") {
  const std::string line = "limits: {connections: 10, connections_per_ip: 11}";
  REQUIRE(
      faults_before_rest(line + "\n") ==
      fault(1, line, "11", "warning: connections_per_ip never acts: it is above connections, 10"));
  REQUIRE(faults_before_rest("limits: {connections: 10, connections_per_ip: 10}\n").empty());
  REQUIRE(faults_before_rest("limits: {connections: 10}\n").empty());
}

TEST_CASE("an idle_timeout below what the protocol promises is a warning") {
  const auto idle = [](const std::string& protocol, const std::string& time) {
    return with_listeners(
        listener("name: a, protocol: " + protocol + ", address: \"0.0.0.0:99\", tls: required"), "",
        "limits: {idle_timeout: " + time + "}\n");
  };
  const auto warned = [](const std::string& time, const std::string& rule) {
    return fault(5, "limits: {idle_timeout: " + time + "}", time,
                 "warning: idle_timeout is " + time + "; " + rule);
  };
  REQUIRE(idle("imap", "29m") ==
          warned("29m", "RFC 9051 section 5.4 asks for 30m at least on IMAP"));
  REQUIRE(idle("imap", "30m").empty());
  REQUIRE(idle("pop3", "9m") == warned("9m", "RFC 1939 section 3 asks for 10m at least on POP3"));
  REQUIRE(idle("pop3", "10m").empty());
  REQUIRE(idle("submission", "4m") ==
          warned("4m", "RFC 5321 section 4.5.3.2 asks for 5m at least on SMTP"));
  REQUIRE(idle("smtp", "5m").empty());
}

TEST_CASE("verbs by which a client speaks for another should stay hidden") {
  const std::string line = "smtp: {hide: [VRFY, XCLIENT, XFORWARD, XSHADOW, XSHADOWREQUEST]}";
  REQUIRE(faults_before_rest(line + "\n") ==
          fault(1, line, "[VRFY",
                "warning: a backend that trusts postern takes these from any client: XPROXY, "
                "XPROXYFROM, XPROXYTO, XSESSIONPARAMS; expected them in hide"));
  REQUIRE(faults_before_rest("smtp: {hide: []}\n").find("XCLIENT, XFORWARD, XPROXY, ") !=
          std::string::npos);
}

TEST_CASE("a backend that is postern itself is an error") {
  const auto loop = [](const std::string& address, const std::string& server) {
    const std::string backends =
        "backends: {ex: {servers: [\"192.0.2.99:25\", \"" + server + "\"]}}";
    REQUIRE(faults(backends + "\nlisteners:\n" +
                   listener("name: a, protocol: smtp, address: \"" + address + "\", tls: none") +
                   "\n") == fault(1, backends, "\"" + server,
                                  server + " is postern's own listener `a`; expected the server "
                                           "behind it"));
  };
  loop("192.0.2.1:25", "192.0.2.1:25");
  loop("0.0.0.0:25", "127.0.0.1:25");
  loop("0.0.0.0:25", "127.9.9.9:25");
  loop("0.0.0.0:25", "localhost:25");
  loop("127.0.0.1:25", "localhost:25");
  loop("[::]:25", "[::1]:25");
  loop("[::1]:25", "localhost:25");
  loop("0.0.0.0:25", "0.0.0.0:25");
  loop("127.0.0.1:25", "0.0.0.0:25");
}

TEST_CASE("a backend on another port or machine is none of postern's listeners") {
  const auto none = [](const std::string& address, const std::string& server) {
    REQUIRE(faults("backends: {ex: {servers: [\"" + server + "\"]}}\nlisteners:\n" +
                   listener("name: a, protocol: smtp, address: \"" + address + "\", tls: none") +
                   "\n")
                .empty());
  };
  none("0.0.0.0:25", "127.0.0.1:2525");
  none("0.0.0.0:25", "192.0.2.10:25");
  none("192.0.2.1:25", "127.0.0.1:25");
  none("192.0.2.1:25", "localhost:25");
  none("127.0.0.1:25", "127.0.0.2:25");
}

TEST_CASE("a backend under postern's own name is a warning") {
  const std::string backends = "backends: {ex: {servers: [\"Mail.example.com:25\"]}}";
  REQUIRE(faults("hostname: mail.example.com\n" + backends + "\nlisteners:\n" +
                 listener("name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: none") + "\n") ==
          fault(2, backends, "\"Mail",
                "warning: mail.example.com:25 is postern's own listener `a` where this name is "
                "this machine's; expected the server behind it"));
}

TEST_CASE("errors of every kind come at once, in the order of the file") {
  const std::string a =
      "  - {name: a, protocol: smtp, address: \"0.0.0.0:25\", tls: implicit, backend: exx}";
  REQUIRE(faults("usr: a\nlisteners:\n" + a + "\nlimits: {idle_timeout: 1m, connections: 0}\n" +
                 kBackends + "log: {level: loud}\n") ==
          fault(1, "usr: a", "usr", "unknown key `usr`; did you mean `user`?") +
              fault(3, a, "implicit",
                    "`tls: implicit` without a certificate; expected `certificates` with chain "
                    "and key") +
              fault(3, a, "exx", "no backend `exx`; did you mean `ex`?") +
              fault(4, "limits: {idle_timeout: 1m, connections: 0}", "1m",
                    "warning: idle_timeout is 1m; RFC 5321 section 4.5.3.2 asks for 5m at least "
                    "on SMTP") +
              fault(4, "limits: {idle_timeout: 1m, connections: 0}", "0}",
                    "limits.connections: expected a whole number from 1 to 1000000, found `0`") +
              fault(6, "log: {level: loud}", "loud",
                    "log.level: expected debug, info, warn or error, found `loud`"));
}
