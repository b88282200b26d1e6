// Logins in POP3: held until judged, followed to their answer, refused in each place.
#include <catch2/catch.hpp>
#include <string>

#include "test/protocols/pop3_play.h"

using namespace postern::protocols;
using namespace postern::test;

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

TEST_CASE("a PASS behind a USER that the backend refused is judged; refused too, it adds nothing") {
  // Whose it is nobody knows: the backend may remember another name.
  const std::string start =
      "tried USER user=a secret\nB: USER a\\r\\n\nanswered USER user=a secret failure\n"
      "C: -ERR who\\r\\n\ntried USER secret\nB: PASS b\\r\\n\nC: ";
  const auto sent = client("USER a\r\nPASS b\r\n");
  REQUIRE(greeted(kTls, {sent, backend("-ERR who\r\n-ERR no\r\n")}) == start + "-ERR no\\r\\n\n");
  REQUIRE(greeted(kTls, {sent, backend("-ERR who\r\n+OK in\r\n")}) ==
          start + "+OK in\\r\\n\nanswered USER secret success\npassthrough\n");
  // Neither an earlier USER nor another way to log in makes it somebody's.
  for (const std::string between : {"USER c\r\n", "APOP c d\r\n", "AUTH X\r\n"}) {
    const auto transcript = greeted(kTls, {client("USER a\r\n" + between + "PASS b\r\n"),
                                           backend("+OK\r\n-ERR no\r\n"), backend("+OK in\r\n")});
    REQUIRE(
        transcript.ends_with("tried USER secret\nB: PASS b\\r\\n\nC: +OK in\\r\\n\n"
                             "answered USER secret success\npassthrough\n"));
  }
  REQUIRE(
      greeted(kTls, {client("USER a\r\nUSER c\r\nPASS b\r\n"), backend("+OK\r\n+OK\r\n+OK in\r\n")})
          .ends_with("answered USER user=c secret success\npassthrough\n"));
}

TEST_CASE("a PASS without USER is a try of its own: a server may remember the last name") {
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nPASS c\r\n"),
                         backend("+OK\r\n-ERR no\r\n+OK in\r\n")}) ==
          "tried USER user=a secret\nB: USER a\\r\\n\nC: +OK\\r\\n\nB: PASS b\\r\\n\n"
          "answered USER user=a secret failure\nC: -ERR no\\r\\n\n"
          "tried USER secret\nB: PASS c\\r\\n\nC: +OK in\\r\\n\nanswered USER secret success\n"
          "passthrough\n");
  REQUIRE(greeted(kTls, {client("PASS c\r\n")}, always(Verdict::refuse)) ==
          "tried USER secret\nC: " + kRefused + "\n");
}

TEST_CASE("a refused USER never reaches the backend, nor does any PASS behind it, in both texts") {
  REQUIRE(greeted(kRefuse, {client("USER a\r\nPASS b\r\nPASS c\r\n")}, always(Verdict::refuse)) ==
          "tried USER user=a secret\nC: " + kNeedsTls + kNeedsTls + kNeedsTls + "\n");
  REQUIRE(greeted(kTls, {client("USER a\r\nPASS b\r\nUSER c\r\n")}, refuses_user("a")) ==
          "tried USER user=a secret\nC: " + kRefused + kRefused +
              "\ntried USER user=c secret\nB: USER c\\r\\n\n");
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
  REQUIRE(greeted(kTls, {client("APOP jdoe c4c9\r\n")}, always(Verdict::refuse)) ==
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

TEST_CASE("a password pipelined behind a refused AUTH never reaches the backend as a command") {
  const Actions actions = {client("AUTH LOGIN\r\namRvZQ==\r\ndGVzdC1vbmx5\r\nNOOP\r\nXYZZY\r\n"),
                           backend("-ERR\r\n")};
  const std::string strays = "-ERR Unknown command\\r\\n-ERR Unknown command\\r\\n\n";
  REQUIRE(greeted(kTls, actions) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nanswered AUTH-LOGIN secret failure\n"
          "C: -ERR\\r\\n" +
              strays + "B: NOOP\\r\\nXYZZY\\r\\n\n");
  REQUIRE(greeted(kObserve, actions, always(Verdict::refuse))
              .starts_with("tried AUTH-LOGIN secret\nC: " + kNeedsTls + strays +
                           "B: NOOP\\r\\nXYZZY\\r\\n\n"));
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

TEST_CASE("a backend that goes on behind the client's own * ends the session") {
  REQUIRE(greeted(kTls, {client("AUTH LOGIN\r\n"), backend("+\r\n"), client("*\r\namRvZQ==\r\n"),
                         backend("+ VXNlcm5hbWU6\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: +\\r\\n\nB: *\\r\\n\n" + kUnreadable +
              "end backend_protocol\n");
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
                "tried NTLM\nB: TlRMTVNTUAADAAAA\\r\\n\nC: +OK in\\r\\n\nanswered NTLM success\n"
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

TEST_CASE("the order of commands is told before the first login, once, and never an argument") {
  const auto named = [](const std::string& commands) {
    const auto text =
        play_whole(kTls, {backend("+OK\r\n"), client(commands)}, always(Verdict::refuse));
    const auto at = text.find("named commands ");
    if (at == std::string::npos) return std::string();
    REQUIRE(text.find("named", at + 1) == std::string::npos);
    REQUIRE(text.find("\ntried", at) == text.find('\n', at));
    return text.substr(at + 15, text.find('\n', at) - at - 15);
  };
  REQUIRE(named("CAPA\r\nuser joe\r\nPASS pw\r\nAPOP joe 12\r\n") == "CAPA USER");
  REQUIRE(named("AUTH\r\nCAPA\r\nAUTH PLAIN AGpvZQBwdw==\r\n") == "AUTH CAPA AUTH");
  REQUIRE(named("secret word\r\nUSER joe\r\n") == "? USER");
  REQUIRE(named("CAPA\r\nNOOP\r\n").empty());
  std::string many;
  for (int i = 0; i < 20; ++i) many += "XCLIENT\r\n";
  REQUIRE(named(many + "USER joe\r\n").size() == 63);
}
