// POP3 between client and backend until the login: whole transcripts, however cut.
#include "protocols/pop3_dialogue.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "test/support/cutter.h"

using namespace postern;
using namespace postern::protocols;
using test::backend;
using test::client;
using test::ended;

namespace {

using Actions = std::vector<test::Action>;

const Options& options() {
  static const Options kOptions = [] {
    Options made;
    made.line_length = 1000;
    return made;
  }();
  return kOptions;
}

constexpr Conditions kTls{};
constexpr Conditions kAfterStls{Transport::tls, Upgrade::not_offered, CleartextLogins::offered,
                                BackendGreeting::swallow};
// tls: none; tls: optional with logins in clear; tls: optional without.
constexpr Conditions kNone{Transport::cleartext, Upgrade::not_offered, CleartextLogins::offered,
                           BackendGreeting::pass};
constexpr Conditions kObserve{Transport::cleartext, Upgrade::offered, CleartextLogins::offered,
                              BackendGreeting::pass};
constexpr Conditions kRefuse{Transport::cleartext, Upgrade::offered, CleartextLogins::not_offered,
                             BackendGreeting::pass};

std::string run(const Conditions& conditions, const Actions& actions,
                const test::Policy& policy = test::always(Verdict::allow)) {
  return test::run([&] { return std::make_unique<Pop3Dialogue>(options(), conditions); }, actions,
                   policy);
}

// As run(), behind a greeting that is left out of the result.
std::string greeted(const Conditions& conditions, Actions actions,
                    const test::Policy& policy = test::always(Verdict::allow)) {
  actions.insert(actions.begin(), backend("+OK hello\r\n"));
  const std::string kGreeting = "C: +OK hello\\r\\n";
  auto text = run(conditions, actions, policy);
  REQUIRE(text.starts_with(kGreeting));
  text.erase(0, kGreeting.size());
  return text.starts_with('\n') ? text.substr(1) : "C: " + text;
}

test::Policy refuses_user(const std::string& user) {
  return
      [user](const Login& login) { return login.user == user ? Verdict::refuse : Verdict::allow; };
}

const std::string kNeedsTls =
    "-ERR [AUTH] Logins need encryption here: "
    "turn on SSL/TLS or STARTTLS in your mail program\\r\\n";
const std::string kRefused = "-ERR [AUTH] This login is not permitted here\\r\\n";
const std::string kLost =
    "C: -ERR [SYS/TEMP] The mail server closed the connection, try again later\\r\\n\n";
const std::string kUnreadable =
    "C: -ERR [SYS/TEMP] The mail server's answer made no sense, try again later\\r\\n\n";

}  // namespace

TEST_CASE("USER and PASS log in, the client's next commands wait for the answer, then bytes pass") {
  REQUIRE(greeted(kTls, {client("USER jdoe\r\n"), backend("+OK\r\n"),
                         client("PASS a b \r\nSTAT\r\nRETR 1\r\n"),
                         backend("+OK User successfully logged on.\r\n")}) ==
          "tried USER user=jdoe secret\nB: USER jdoe\\r\\n\nC: +OK\\r\\n\nB: PASS a b \\r\\n\n"
          "C: +OK User successfully logged on.\\r\\n\nanswered USER user=jdoe secret success\n"
          "B: STAT\\r\\nRETR 1\\r\\n\npassthrough\n");
}

TEST_CASE("all commands at once: each waits for its turn, none becomes another one's answer") {
  REQUIRE(greeted(kTls, {client("CAPA\r\nNOOP\r\nUSER jdoe\r\nPASS x\r\nSTAT\r\n"),
                         backend("+OK\r\nTOP\r\nSTLS\r\n.\r\n-ERR what\r\n+OK\r\n+OK in\r\n")}) ==
          "B: CAPA\\r\\nNOOP\\r\\n\ntried USER user=jdoe secret\nB: USER jdoe\\r\\n\n"
          "C: +OK\\r\\nTOP\\r\\n.\\r\\n-ERR what\\r\\n+OK\\r\\n\nB: PASS x\\r\\n\n"
          "C: +OK in\\r\\n\nanswered USER user=jdoe secret success\nB: STAT\\r\\n\npassthrough\n");
}

TEST_CASE("a refused password is a failed login and the session goes on to the next try") {
  REQUIRE(
      greeted(kTls, {client("USER a\r\nPASS b\r\nUSER c\r\n"), backend("+OK\r\n-ERR no\r\n")}) ==
      "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
      "answered USER user=a secret failure\nC: -ERR no\\r\\n\n"
      "tried USER user=c secret\nB: USER c\\r\\n\n");
}

TEST_CASE("a backend that refuses USER has answered the login, the PASS behind it adds nothing") {
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\n"), backend("-ERR who\r\n-ERR no\r\n")}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\nanswered USER user=a secret failure\n"
          "C: -ERR who\\r\\n\nB: PASS b\\r\\n\nC: -ERR no\\r\\n\n");
}

TEST_CASE("a PASS without USER is a try of its own: a server may remember the last name") {
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nPASS c\r\n"),
                         backend("+OK\r\n-ERR no\r\n+OK in\r\n")}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
          "answered USER user=a secret failure\nC: -ERR no\\r\\n\n"
          "tried USER secret\nB: PASS c\\r\\n\nC: +OK in\\r\\n\nanswered USER secret success\n"
          "passthrough\n");
  REQUIRE(greeted(kTls, {client("PASS c\r\n")}, test::always(Verdict::refuse)) ==
          "tried USER secret\nC: " + kRefused + "\n");
}

TEST_CASE("a refused USER never reaches the backend, nor does any PASS behind it, in both texts") {
  REQUIRE(
      greeted(kRefuse, {client("USER a\r\nPASS b\r\nPASS c\r\n")}, test::always(Verdict::refuse)) ==
      "tried USER user=a secret\nC: " + kNeedsTls + kNeedsTls + kNeedsTls + "\n");
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nUSER c\r\n")}, refuses_user("a")) ==
          "tried USER user=a secret\nC: " + kRefused + kRefused +
              "\ntried USER user=c secret\nB: USER c\\r\\n\n");
}

TEST_CASE("warn passes on as allow does") {
  REQUIRE(greeted(kObserve, {client("USER a\r\n")}, test::always(Verdict::warn)) ==
          "tried USER user=a secret\nB: USER a\\r\\n\n");
}

TEST_CASE("a name with blanks inside is one name") {
  REQUIRE(greeted(kTls, {client("user  Jane Doe \r\n")}) ==
          "tried USER user=Jane Doe secret\nB: user  Jane Doe \\r\\n\n");
}

TEST_CASE("APOP logs in or fails, and what stands behind it waits") {
  REQUIRE(greeted(kTls, {client("APOP jdoe c4c9\r\nSTAT\r\n"), backend("+OK in\r\n")}) ==
          "tried APOP user=jdoe\nB: APOP jdoe c4c9\\r\\n\nC: +OK in\\r\\n\n"
          "answered APOP user=jdoe success\nB: STAT\\r\\n\npassthrough\n");
  REQUIRE(greeted(kTls, {client("APOP jdoe c4c9\r\nSTAT\r\n"), backend("-ERR no\r\n")}) ==
          "tried APOP user=jdoe\nB: APOP jdoe c4c9\\r\\n\nanswered APOP user=jdoe failure\n"
          "C: -ERR no\\r\\n\nB: STAT\\r\\n\n");
  REQUIRE(greeted(kTls, {client("APOP jdoe c4c9\r\n")}, test::always(Verdict::refuse)) ==
          "tried APOP user=jdoe\nC: " + kRefused + "\n");
}

TEST_CASE("AUTH with an initial response is judged with its name before anything passes") {
  REQUIRE(greeted(kTls, {client("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n"), backend("+OK in\r\n")}) ==
          "tried PLAIN user=jdoe secret\nB: AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\\r\\n\n"
          "C: +OK in\\r\\n\nanswered PLAIN user=jdoe secret success\npassthrough\n");
  REQUIRE(greeted(kTls, {client("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n")}, refuses_user("jdoe")) ==
          "tried PLAIN user=jdoe secret\nC: " + kRefused + "\n");
}

TEST_CASE("AUTH without one is judged at the mechanism and again at the name, before it passes") {
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+ VXNlcm5hbWU6\r\n"),
                         client("amRvZQ==\r\n"), backend("+ UGFzc3dvcmQ6\r\n"),
                         client("dGVzdC1vbmx5\r\n"), backend("-ERR no\r\n"), client("NOOP\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: + VXNlcm5hbWU6\\r\\n\n"
          "tried AUTH-LOGIN user=jdoe secret\nB: amRvZQ==\\r\\n\nC: + UGFzc3dvcmQ6\\r\\n\n"
          "B: dGVzdC1vbmx5\\r\\n\nanswered AUTH-LOGIN user=jdoe secret failure\nC: -ERR no\\r\\n\n"
          "B: NOOP\\r\\n\n");
}

TEST_CASE("a password pipelined behind AUTH that the backend refuses is no command of postern's") {
  // The client broke the protocol: its line comes as a command, but is neither shown nor held.
  REQUIRE(greeted(kTls, {client("AUTH PLAIN\r\nAGpkb2UAdGVzdC1vbmx5\r\n"), backend("-ERR\r\n")}) ==
          "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nanswered PLAIN secret failure\nC: -ERR\\r\\n\n"
          "B: AGpkb2UAdGVzdC1vbmx5\\r\\n\n");
}

TEST_CASE("a refusal in mid-exchange cancels at the backend, swallows its answer, and goes on") {
  REQUIRE(greeted(kTls,
                  {client("AUTH PLAIN\r\n"), backend("+\r\n"), client("AGpkb2UAdGVzdC1vbmx5\r\n"),
                   client("USER other\r\n"), backend("-ERR cancelled\r\n"), backend("+OK\r\n")},
                  refuses_user("jdoe")) ==
          "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nC: +\\r\\n\ntried PLAIN user=jdoe secret\n"
          "B: *\\r\\n\nC: " +
              kRefused + "\ntried USER user=other secret\nB: USER other\\r\\n\nC: +OK\\r\\n\n");
}

TEST_CASE("a backend that says +OK to a cancelled exchange may have logged in: the session ends") {
  REQUIRE(greeted(kTls,
                  {client("AUTH PLAIN\r\n"), backend("+\r\n"), client("AGpkb2UAdGVzdC1vbmx5\r\n"),
                   backend("+OK\r\n")},
                  refuses_user("jdoe")) ==
          "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nC: +\\r\\n\ntried PLAIN user=jdoe secret\n"
          "B: *\\r\\n\n" +
              kUnreadable + "end backend_protocol\n");
}

TEST_CASE("the client's own * cancels, whatever the backend says to it") {
  for (const std::string answer : {"-ERR cancelled", "+OK fine"}) {
    REQUIRE(greeted(kTls, {client("AUTH CRAM-MD5\r\n"), backend("+ PDEuMkA+\r\n"),
                           client("*\r\nNOOP\r\n"), backend(answer + "\r\n")}) ==
            "tried CRAM-MD5\nB: AUTH CRAM-MD5\\r\\n\nC: + PDEuMkA+\\r\\n\nB: *\\r\\n\n"
            "answered CRAM-MD5 failure\nC: " +
                answer + "\\r\\n\nB: NOOP\\r\\n\n");
  }
}

TEST_CASE("an empty initial response and an empty later one are responses without a name") {
  REQUIRE(greeted(kTls, {client("AUTH XOAUTH2 =\r\n"), backend("+ e30=\r\n"), client("\r\n"),
                         backend("-ERR no\r\n")}) ==
          "tried XOAUTH2 secret\nB: AUTH XOAUTH2 =\\r\\n\nC: + e30=\\r\\n\nB: \\r\\n\n"
          "answered XOAUTH2 secret failure\nC: -ERR no\\r\\n\n");
}

TEST_CASE("an empty initial response is no go-ahead left open: +OK behind it is the login") {
  REQUIRE(greeted(kTls, {client("AUTH EXTERNAL =\r\n"), backend("+OK in\r\n")}) ==
          "tried EXTERNAL\nB: AUTH EXTERNAL =\\r\\n\nC: +OK in\\r\\n\nanswered EXTERNAL success\n"
          "passthrough\n");
}

TEST_CASE("+OK as the go-ahead to AUTH is no login; the one behind the last response is") {
  for (const std::string go_ahead : {"+OK", "+ OK", "+", "+ "}) {
    REQUIRE(greeted(kTls, {client("AUTH MSN\r\n"), backend(go_ahead + "\r\n"),
                           client("TlRMTVNTUAABAAAA\r\n"), backend("+ TlRMTVNTUAACAAAA\r\n"),
                           client("TlRMTVNTUAADAAAA\r\nSTAT\r\n"), backend("+OK in\r\n")}) ==
            "tried NTLM\nB: AUTH MSN\\r\\n\nC: " + go_ahead +
                "\\r\\n\nB: TlRMTVNTUAABAAAA\\r\\n\nC: + TlRMTVNTUAACAAAA\\r\\n\n"
                "B: TlRMTVNTUAADAAAA\\r\\n\nC: +OK in\\r\\n\nanswered NTLM success\n"
                "B: STAT\\r\\n\npassthrough\n");
  }
}

TEST_CASE("a line without a status word passes and ends the exchange, an error may follow it") {
  const std::string words = "The NTLM Authentication package has been disabled for this protocol.";
  const std::string start = "tried NTLM\nB: AUTH NTLM\\r\\n\nanswered NTLM failure\nC: " + words;
  REQUIRE(greeted(kTls, {client("AUTH NTLM\r\n"), backend(words + "\r\n"), client("QUIT\r\n")}) ==
          start + "\\r\\n\nB: QUIT\\r\\n\n");
  REQUIRE(greeted(kTls, {client("AUTH NTLM\r\n"), backend(words + "\r\n-ERR off\r\n"),
                         client("QUIT\r\n")}) == start + "\\r\\n-ERR off\\r\\n\nB: QUIT\\r\\n\n");
}

TEST_CASE("hMailServer's +ERR to PASS is no success") {
  REQUIRE(
      greeted(kTls, {client("USER a\r\nPASS b\r\n"), backend("+OK\r\n+ERR Server error\r\n")}) ==
      "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
      "answered USER user=a secret failure\nC: +ERR Server error\\r\\n\n");
}

TEST_CASE("the listing of a bare AUTH is edited; where logins need TLS postern refuses it itself") {
  REQUIRE(greeted(kTls, {client("AUTH\r\nNOOP\r\n"),
                         backend("+OK list\r\nNTLM\r\nEXTERNAL\r\n.\r\n+OK\r\n")}) ==
          "B: AUTH\\r\\nNOOP\\r\\n\nC: +OK list\\r\\nNTLM\\r\\n.\\r\\n+OK\\r\\n\n");
  REQUIRE(greeted(kTls, {client("AUTH\r\nNOOP\r\n"), backend("-ERR\r\n+OK\r\n")}) ==
          "B: AUTH\\r\\nNOOP\\r\\n\nC: -ERR\\r\\n+OK\\r\\n\n");
  REQUIRE(greeted(kRefuse, {client("AUTH\r\n")}) == "C: " + kNeedsTls + "\n");
}

TEST_CASE("CAPA is edited when it is complete, and a list without end is not collected for ever") {
  REQUIRE(greeted(kObserve, {client("CAPA\r\n"), backend("+OK\r\nSTLS\r\nUSER\r\n.\r\n")}) ==
          "B: CAPA\\r\\n\nC: +OK\\r\\nSTLS\\r\\nUSER\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kTls, {client("CAPA\r\n"), backend("+OK\r\nTOP\r\nSTL")}) == "B: CAPA\\r\\n\n");
  std::string endless = "+OK\r\n";
  while (endless.size() < 66 * 1024) endless += std::string(500, 'x') + "\r\n";
  REQUIRE(greeted(kTls, {client("CAPA\r\n"), backend(endless)}) ==
          "B: CAPA\\r\\n\n" + kUnreadable + "end backend_protocol\n");
}

TEST_CASE(
    "a backend without CAPA: postern lists STLS itself where it offers it, else -ERR passes") {
  const Actions actions{client("CAPA\r\n"), backend("-ERR what\r\n")};
  REQUIRE(greeted(kObserve, actions) ==
          "B: CAPA\\r\\n\nC: +OK Capability list follows\\r\\nUSER\\r\\nSTLS\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kRefuse, actions) ==
          "B: CAPA\\r\\n\nC: +OK Capability list follows\\r\\nSTLS\\r\\n.\\r\\n\n");
  REQUIRE(greeted(kNone, actions) == "B: CAPA\\r\\n\nC: -ERR what\\r\\n\n");
  REQUIRE(greeted(kTls, actions) == "B: CAPA\\r\\n\nC: -ERR what\\r\\n\n");
}

TEST_CASE("STLS waits for what is outstanding, then begins TLS with the bytes behind it kept") {
  REQUIRE(greeted(kObserve, {client("NOOP\r\nSTLS\r\nUSER a\r\n\x16"), backend("-ERR\r\n")}) ==
          "B: NOOP\\r\\n\nC: -ERR\\r\\n+OK Begin TLS negotiation\\r\\n\ntls USER a\\r\\n\\x16\n");
}

TEST_CASE(
    "STLS never reaches the backend: refused with an argument, under TLS, where not offered") {
  REQUIRE(greeted(kObserve, {client("STLS x\r\n")}) == "C: -ERR STLS takes no argument\\r\\n\n");
  REQUIRE(greeted(kTls, {client("STLS\r\n")}) ==
          "C: -ERR Command not permitted when TLS active\\r\\n\n");
  REQUIRE(greeted(kNone, {client("STLS\r\n")}) == "C: -ERR STLS is not offered here\\r\\n\n");
}

TEST_CASE("postern's own answers stand in their turn behind the backend's") {
  REQUIRE(
      greeted(kTls, {client("NOOP\r\nSTLS\r\nCAPA\r\nXCLIENT a\r\n"), backend("-ERR one\r\n"),
                     backend("+OK\r\nTOP\r\n.\r\n")}) ==
      "B: NOOP\\r\\nCAPA\\r\\n\nalarm hidden_verb XCLIENT\n"
      "C: -ERR one\\r\\n-ERR Command not permitted when TLS active\\r\\n+OK\\r\\nTOP\\r\\n.\\r\\n"
      "-ERR Unknown command\\r\\n\n");
}

TEST_CASE("commands that nobody knows, RPOP too, pass and have one line of answer") {
  REQUIRE(greeted(kTls,
                  {client("RPOP x\r\nXTND\r\n\r\n"), backend("-ERR 1\r\n-ERR 2\r\n-ERR 3\r\n")}) ==
          "B: RPOP x\\r\\nXTND\\r\\n\\r\\n\nC: -ERR 1\\r\\n-ERR 2\\r\\n-ERR 3\\r\\n\n");
}

TEST_CASE("a reply that nobody asked for is an alarm and the end") {
  const std::string end = "alarm response_injection reply without a command\n" + kUnreadable +
                          "end response_injection\n";
  REQUIRE(greeted(kTls, {backend("+OK injected\r\n")}) == end);
  REQUIRE(greeted(kObserve, {client("NOOP\r\n"), backend("+OK\r\n+OK\r\n")}) ==
          "B: NOOP\\r\\n\nC: +OK\\r\\n\n" + end);
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+ a\r\n+ b\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: + a\\r\\n\n" + end);
}

TEST_CASE("the greeting passes and the client's bytes wait for it") {
  REQUIRE(run(kTls, {client("NOOP\r\n"), backend("+OK hello <1.2@host>\r\n")}) ==
          "C: +OK hello <1.2@host>\\r\\n\nB: NOOP\\r\\n\n");
  REQUIRE(run(kAfterStls, {client("NOOP\r\n"), backend("+OK hello\r\n"), backend("+OK\r\n")}) ==
          "B: NOOP\\r\\n\nC: +OK\\r\\n\n");
}

TEST_CASE("APOP's timestamp stays where logins may be made, and is cut where they need TLS") {
  const auto greeting = backend("+OK <878968.26932@localhost>, POP3 server ready.\r\n");
  REQUIRE(run(kObserve, {greeting}) ==
          "C: +OK <878968.26932@localhost>, POP3 server ready.\\r\\n\n");
  REQUIRE(run(kRefuse, {greeting}) == "C: +OK , POP3 server ready.\\r\\n\n");
}

TEST_CASE(
    "a greeting that is no success passes and ends; behind STLS it answers the next command") {
  const auto busy = backend("-ERR too busy\r\n");
  REQUIRE(run(kTls, {busy}) == "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(run(kAfterStls, {busy}).empty());
  REQUIRE(run(kAfterStls, {busy, client("CAPA\r\nQUIT\r\n")}) ==
          "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(run(kAfterStls, {client("CAPA\r\n"), busy}) ==
          "C: -ERR too busy\\r\\n\nend backend_refused\n");
  REQUIRE(run(kAfterStls, {busy, ended(Side::backend), ended(Side::client)}) ==
          "end backend_refused\n");
  REQUIRE(run(kTls, {backend("220 smtp.example ESMTP\r\n")}) ==
          kUnreadable + "end backend_protocol\n");
  REQUIRE(run(kTls, {backend(std::string(70 * 1024, 'x'))}) ==
          kUnreadable + "end backend_protocol\n");
}

TEST_CASE("no backend: the client hears why, at once or as the answer to its next command") {
  const std::string unreachable =
      "C: -ERR [SYS/TEMP] The mail server cannot be reached, try again later\\r\\n\n"
      "end backend_unreachable\n";
  const std::string timeout =
      "C: -ERR [SYS/TEMP] The mail server does not answer, try again later\\r\\n\n"
      "end backend_timeout\n";
  const auto gone = [](Ending how) { return ended(Side::backend, how); };
  REQUIRE(run(kTls, {gone(Ending::unreachable)}) == unreachable);
  REQUIRE(run(kTls, {gone(Ending::timed_out)}) == timeout);
  REQUIRE(run(kTls, {gone(Ending::closed)}) == kLost + "end backend_closed\n");
  REQUIRE(run(kAfterStls, {gone(Ending::unreachable)}).empty());
  REQUIRE(run(kAfterStls, {gone(Ending::unreachable), client("USER a\r\n")}) == unreachable);
  REQUIRE(run(kAfterStls, {client("USER a\r\n"), gone(Ending::timed_out)}) == timeout);
}

TEST_CASE("QUIT passes, and the backend's closing behind its +OK is the client's quit") {
  REQUIRE(
      greeted(kTls, {client("QUIT\r\nNOOP\r\n"), backend("+OK bye\r\n"), ended(Side::backend)}) ==
      "B: QUIT\\r\\nNOOP\\r\\n\nC: +OK bye\\r\\n\nend client_quit\n");
  REQUIRE(greeted(kTls, {client("QUIT\r\n"), ended(Side::backend)}) ==
          "B: QUIT\\r\\n\n" + kLost + "end backend_closed\n");
  REQUIRE(greeted(kTls, {client("QUIT\r\n"), backend("-ERR no\r\n"), client("NOOP\r\n")}) ==
          "B: QUIT\\r\\n\nC: -ERR no\\r\\n\nB: NOOP\\r\\n\n");
}

TEST_CASE("a backend that dies before the login gives the client words, not silence") {
  REQUIRE(greeted(kTls, {ended(Side::backend)}) == kLost + "end backend_closed\n");
  REQUIRE(greeted(kTls, {client("USER a\r\n"), backend("+O"), ended(Side::backend)}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\n" + kLost + "end backend_closed\n");
}

TEST_CASE("the client's end is carried to the backend once all its commands are there") {
  REQUIRE(greeted(kTls, {client("NOOP\r\nhalf"), ended(Side::client), backend("+OK\r\n"),
                         ended(Side::backend)}) ==
          "B: NOOP\\r\\n\nshut backend\nC: +OK\\r\\n\nend backend_closed\n");
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nSTAT\r\n"), ended(Side::client),
                         backend("+OK\r\n"), backend("+OK in\r\n")}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
          "C: +OK in\\r\\n\nanswered USER user=a secret success\nB: STAT\\r\\n\nshut backend\n"
          "passthrough\n");
  REQUIRE(run(kTls, {client("NOOP\r\n"), ended(Side::client), backend("+OK hi\r\n")}) ==
          "C: +OK hi\\r\\n\nB: NOOP\\r\\n\nshut backend\n");
}

TEST_CASE("a client that goes before the greeting has nothing to say: the backend is let go") {
  REQUIRE(run(kTls, {ended(Side::client), backend("+OK hi\r\n")}) ==
          "shut backend\nC: +OK hi\\r\\n\n");
  REQUIRE(run(kAfterStls, {ended(Side::client)}) == "shut backend\n");
}

TEST_CASE("a malformed line never passes: the replies that are due come first, then the end") {
  for (const std::string_view line : {std::string_view("NOOP\n"), std::string_view("NO\rOP\r\n"),
                                      std::string_view("NO\0P\r\n", 6)}) {
    REQUIRE(
        greeted(kTls, {client("NOOP\r\n"), client(line), client("NOOP\r\n"), backend("+OK\r\n")}) ==
        "B: NOOP\\r\\n\nC: +OK\\r\\n-ERR Malformed command line\\r\\n\nend bad_syntax\n");
  }
}

TEST_CASE("a malformed or overlong SASL response ends at once: the backend waits, not the client") {
  const std::string start = "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: +\\r\\n";
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+\r\n"), client("amRv\nZQ==\r\n")}) ==
          start + "-ERR Malformed command line\\r\\n\nend bad_syntax\n");
  REQUIRE(
      greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+\r\n"), client(std::string(1001, 'a'))}) ==
      start +
          "\nalarm line_too_long command\nC: -ERR Command line too long\\r\\n\n"
          "end line_too_long\n");
}

TEST_CASE("a line of the limit passes, a longer one is an alarm and the end") {
  const std::string longest = std::string(998, 'a') + "\r\n";
  REQUIRE(greeted(kTls, {client(longest)}) == "B: " + std::string(998, 'a') + "\\r\\n\n");
  for (const auto* ending : {"\r\n", ""}) {
    REQUIRE(
        greeted(kTls, {client(std::string(1001, 'a') + ending)}) ==
        "alarm line_too_long command\nC: -ERR Command line too long\\r\\n\nend line_too_long\n");
  }
}

TEST_CASE("twenty refusals of postern's own are answered, the next one ends the session") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 20; ++i) {
    commands += "STLS\r\n";
    answers += "-ERR Command not permitted when TLS active\\r\\n";
  }
  REQUIRE(greeted(kTls, {client(commands + "STLS\r\nNOOP\r\n")}) ==
          "C: " + answers + "-ERR Too many refused commands, goodbye\\r\\n\nend too_many_errors\n");
}

TEST_CASE("many commands at once: postern keeps a bounded number outstanding and loses none") {
  std::string commands;
  std::string sent;
  std::string replies;
  for (int i = 0; i < 200; ++i) {
    commands += "NOOP\r\n";
    replies += "+OK\r\n";
  }
  const auto text = greeted(kTls, {client(commands), backend(replies)});
  std::size_t passed = 0;
  for (auto at = text.find("NOOP"); at != std::string::npos; at = text.find("NOOP", at + 1))
    ++passed;
  REQUIRE(passed == 200);
  REQUIRE(text.find("alarm") == std::string::npos);
  const auto first = text.substr(0, text.find("C: "));
  REQUIRE(first.size() == std::string_view("B: ").size() + 64 * 8 + 1);
}

TEST_CASE("farewell speaks before the login, is silent after it, and ends the session both times") {
  Pop3Dialogue dialogue(options(), kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  out.clear();
  dialogue.farewell(Farewell::shutting_down, out);
  REQUIRE(out.size() == 2);
  REQUIRE(std::get<Send>(out[0]).bytes ==
          "-ERR [SYS/TEMP] Going down for maintenance, try again later\r\n");
  REQUIRE(std::get<End>(out[1]).cause == Cause::farewell);
  REQUIRE_FALSE(dialogue.wants(Side::client));

  Pop3Dialogue logged_in(options(), kTls);
  logged_in.feed(Side::backend, "+OK\r\n", out);
  logged_in.feed(Side::client, "APOP a b\r\n", out);
  logged_in.decide(Verdict::allow, out);
  logged_in.feed(Side::backend, "+OK\r\n", out);
  REQUIRE(std::holds_alternative<PassThrough>(out[out.size() - 1]));
  REQUIRE(logged_in.last_command() == "APOP");
  out.clear();
  logged_in.farewell(Farewell::idle_timeout, out);
  REQUIRE(out.size() == 1);
  REQUIRE(std::get<End>(out[0]).cause == Cause::farewell);
}

TEST_CASE("bytes of the backend behind the login's +OK are sent before passthrough begins") {
  Pop3Dialogue dialogue(options(), kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  dialogue.feed(Side::client, "APOP a b\r\n", out);
  dialogue.decide(Verdict::allow, out);
  out.clear();
  dialogue.feed(Side::backend, "+OK\r\n* more", out);
  REQUIRE(out.size() == 4);
  REQUIRE(std::get<Send>(out[2]).bytes == "* more");
  REQUIRE(std::holds_alternative<PassThrough>(out[3]));
}

TEST_CASE("a client that sends before it may is not read without bound") {
  Pop3Dialogue dialogue(options(), kTls);
  Steps out;
  REQUIRE(dialogue.wants(Side::client));
  dialogue.feed(Side::client, std::string(1001, 'x'), out);
  REQUIRE_FALSE(dialogue.wants(Side::client));
  REQUIRE(dialogue.wants(Side::backend));
}

TEST_CASE("a line that has just the limit and no end yet is still read on") {
  Pop3Dialogue dialogue(options(), kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  dialogue.feed(Side::client, std::string(1000, 'x'), out);
  REQUIRE(dialogue.wants(Side::client));
}

TEST_CASE("the last command is a verb of POP3 or a question mark, never what a secret may be") {
  Pop3Dialogue dialogue(options(), kTls);
  Steps out;
  dialogue.feed(Side::backend, "+OK\r\n", out);
  REQUIRE(dialogue.last_command().empty());
  dialogue.feed(Side::client, "capa\r\n", out);
  REQUIRE(dialogue.last_command() == "CAPA");
  dialogue.feed(Side::client, "hunter2\r\n", out);
  REQUIRE(dialogue.last_command() == "?");
}
