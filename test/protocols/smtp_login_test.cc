// Logins in SMTP: held until judged, followed to their answer, refused in each place.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/protocols/smtp_play.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

const std::string kNeedsTls =
    "538 5.7.11 Encryption required for requested authentication mechanism\\r\\n";
const std::string kRefused = "535 5.7.8 Authentication refused\\r\\n";

// Refuses as soon as the name is known.
const Policy kRefuseNamed = [](const Login& login) {
  return login.user.empty() ? Verdict::allow : Verdict::refuse;
};

std::string play_clear(const std::vector<Action>& actions, const Policy& policy) {
  return play_greeted(actions, policy, optional_tls(CleartextLogins::offered));
}

}  // namespace

TEST_CASE("PLAIN with an initial response is judged with its name, then passed and answered") {
  const std::vector<Action> actions = {client("auth plain AGpkb2UAdGVzdC1vbmx5\r\n"),
                                       backend("235 2.7.0 Authentication successful.\r\n"),
                                       client("MAIL FROM:<a>\r\n")};
  for (const auto verdict : {Verdict::allow, Verdict::warn}) {
    REQUIRE(play_greeted(actions, always(verdict)) ==
            "tried PLAIN user=jdoe secret\n"
            "B: auth plain AGpkb2UAdGVzdC1vbmx5\\r\\n\n"
            "C: 235 2.7.0 Authentication successful.\\r\\n\n"
            "answered PLAIN user=jdoe secret success\n"
            "B: MAIL FROM:<a>\\r\\n\n");
  }
}

TEST_CASE("a backend's refusal is a failure, and the session goes on to another login") {
  for (const std::string refusal :
       {"535 5.7.3 Authentication unsuccessful", "454 4.7.0 later", "504 5.7.4 what?", "501 no"}) {
    REQUIRE(play_greeted({client("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n"), backend(refusal + "\r\n"),
                          client("AUTH NTLM\r\n"), backend("334 ntlm supported\r\n"),
                          client("*\r\n"), backend("501 5.7.0 aborted\r\n")}) ==
            "tried PLAIN user=jdoe secret\nB: AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\\r\\n\n"
            "C: " +
                refusal +
                "\\r\\n\nanswered PLAIN user=jdoe secret failure\n"
                "tried NTLM\nB: AUTH NTLM\\r\\n\nC: 334 ntlm supported\\r\\n\nB: *\\r\\n\n"
                "C: 501 5.7.0 aborted\\r\\n\nanswered NTLM failure\n");
  }
}

TEST_CASE("a backend that goes on behind the client's own *, or lets in, ends the session") {
  for (const std::string answer : {"334 VXNlcm5hbWU6", "235 in", "250 in"}) {
    REQUIRE(play_greeted({client("AUTH LOGIN\r\n"), backend("334 VXNlcm5hbWU6\r\n"),
                          client("*\r\namRvZQ==\r\n"), backend(answer + "\r\n")})
                .ends_with("B: *\\r\\n\n"
                           "C: 421 4.3.0 Mail server gave no valid reply, closing "
                           "connection\\r\\n\nend backend_protocol\n"));
  }
}

TEST_CASE("LOGIN is judged at its start and again when the name has come") {
  REQUIRE(play_greeted({client("AUTH LOGIN\r\n"), backend("334 VXNlcm5hbWU6\r\n"),
                        client("amRvZQ==\r\n"), backend("334 UGFzc3dvcmQ6\r\n"),
                        client("dGVzdC1vbmx5\r\n"), backend("235 Ok\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: 334 VXNlcm5hbWU6\\r\\n\n"
          "tried AUTH-LOGIN user=jdoe secret\nB: amRvZQ==\\r\\n\nC: 334 UGFzc3dvcmQ6\\r\\n\n"
          "B: dGVzdC1vbmx5\\r\\n\nC: 235 Ok\\r\\n\nanswered AUTH-LOGIN user=jdoe secret success\n");
  REQUIRE(play_greeted({client("AUTH LOGIN amRvZQ==\r\n"), backend("334 UGFzc3dvcmQ6\r\n"),
                        client("dGVzdC1vbmx5\r\n"), backend("235 Ok\r\n")}) ==
          "tried AUTH-LOGIN user=jdoe secret\nB: AUTH LOGIN amRvZQ==\\r\\n\n"
          "C: 334 UGFzc3dvcmQ6\\r\\n\nB: dGVzdC1vbmx5\\r\\n\nC: 235 Ok\\r\\n\n"
          "answered AUTH-LOGIN user=jdoe secret success\n");
}

TEST_CASE("responses sent without waiting stay in postern until the backend asks for each") {
  REQUIRE(play_greeted({client("AUTH LOGIN\r\namRvZQ==\r\ndGVzdC1vbmx5\r\nNOOP\r\n"),
                        backend("334 VXNlcm5hbWU6\r\n"), backend("334 UGFzc3dvcmQ6\r\n"),
                        backend("235 Ok\r\n"), backend("250 ok\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: 334 VXNlcm5hbWU6\\r\\n\n"
          "tried AUTH-LOGIN user=jdoe secret\nB: amRvZQ==\\r\\n\nC: 334 UGFzc3dvcmQ6\\r\\n\n"
          "B: dGVzdC1vbmx5\\r\\n\nC: 235 Ok\\r\\n\nanswered AUTH-LOGIN user=jdoe secret success\n"
          "B: NOOP\\r\\n\nC: 250 ok\\r\\n\n");
}

TEST_CASE("a password behind a refused AUTH never reaches the backend as a command") {
  const std::string answered =
      "C: 504 5.7.4 Unrecognized\\r\\n\nanswered AUTH-LOGIN secret failure\n";
  REQUIRE(play_greeted({client("AUTH LOGIN\r\namRvZQ==\r\ndGVzdC1vbmx5\r\nNOOP\r\nXYZZY\r\n"),
                        backend("504 5.7.4 Unrecognized\r\n")}) ==
          "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\n" + answered +
              "C: 500 5.5.2 Command not recognized\\r\\n500 5.5.2 Command not recognized\\r\\n\n"
              "B: NOOP\\r\\nXYZZY\\r\\n\n");
  REQUIRE(play_clear({client("AUTH LOGIN\r\namRvZQ==\r\ndGVzdC1vbmx5\r\nNOOP\r\n")},
                     always(Verdict::refuse)) ==
          "tried AUTH-LOGIN secret\nC: " + kNeedsTls +
              "500 5.5.2 Command not recognized\\r\\n500 5.5.2 Command not recognized\\r\\n\n"
              "B: NOOP\\r\\n\n");
}

TEST_CASE(
    "a login refused at its start never reaches the backend, and the words fit the transport") {
  const std::vector<Action> actions = {
      client("NOOP\r\nAUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\nRSET\r\n"), backend("250 one\r\n"),
      backend("250 two\r\n")};
  const std::string start =
      "B: NOOP\\r\\n\ntried PLAIN user=jdoe secret\nB: RSET\\r\\n\nC: 250 one\\r\\n";
  REQUIRE(play_clear(actions, always(Verdict::refuse)) == start + kNeedsTls + "250 two\\r\\n\n");
  REQUIRE(play_greeted(actions, always(Verdict::refuse)) == start + kRefused + "250 two\\r\\n\n");
}

TEST_CASE("a login refused in the middle is cancelled at the backend, whose answer is swallowed") {
  const std::vector<Action> actions = {client("AUTH LOGIN\r\n"),
                                       backend("334 VXNlcm5hbWU6\r\n"),
                                       client("amRvZQ==\r\nNOOP\r\n"),
                                       backend("501-5.7.0 Authen\r\n"),
                                       backend("501 tication aborted\r\n"),
                                       backend("250 ok\r\n")};
  const std::string start =
      "tried AUTH-LOGIN secret\nB: AUTH LOGIN\\r\\n\nC: 334 VXNlcm5hbWU6\\r\\n\n"
      "tried AUTH-LOGIN user=jdoe secret\nB: *\\r\\n\nC: ";
  REQUIRE(play_greeted(actions, kRefuseNamed) ==
          start + kRefused + "\nB: NOOP\\r\\n\nC: 250 ok\\r\\n\n");
  REQUIRE(play_clear(actions, kRefuseNamed) ==
          start + kNeedsTls + "\nB: NOOP\\r\\n\nC: 250 ok\\r\\n\n");
}

TEST_CASE("PLAIN without an initial response: the name is judged before the secret is passed on") {
  REQUIRE(play_greeted({client("AUTH PLAIN\r\n"), backend("334 Log on\r\n"),
                        client("AGpkb2UAdGVzdC1vbmx5\r\n"), backend("501 aborted\r\n")},
                       kRefuseNamed) ==
          "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nC: 334 Log on\\r\\n\n"
          "tried PLAIN user=jdoe secret\nB: *\\r\\n\nC: " +
              kRefused + "\n");
}

TEST_CASE("a backend that lets a cancelled login in ends the session") {
  for (const std::string answer : {"235 welcome", "334 go on"}) {
    REQUIRE(play_greeted({client("AUTH PLAIN\r\n"), backend("334 \r\n"),
                          client("AGpkb2UAdGVzdC1vbmx5\r\n"), backend(answer + "\r\n")},
                         kRefuseNamed) ==
            "tried PLAIN secret\nB: AUTH PLAIN\\r\\n\nC: 334 \\r\\n\n"
            "tried PLAIN user=jdoe secret\nB: *\\r\\n\n"
            "C: 421 4.3.0 Mail server gave no valid reply, closing connection\\r\\n\n"
            "end backend_protocol\n");
  }
}

TEST_CASE("empty responses, an empty initial response and prose challenges pass unchanged") {
  REQUIRE(play_greeted({client("AUTH EXTERNAL =\r\n"), backend("334 \r\n"), client("\r\n"),
                        backend("235 ok\r\n")}) ==
          "tried EXTERNAL\nB: AUTH EXTERNAL =\\r\\n\nC: 334 \\r\\n\nB: \\r\\n\nC: 235 ok\\r\\n\n"
          "answered EXTERNAL success\n");
  REQUIRE(play_greeted({client("AUTH GSSAPI\r\n"), backend("334 GSSAPI supported\r\n"),
                        client("YIIabc\r\n"), backend("334\r\n"), client("\r\n"),
                        backend("535 no\r\n")}) ==
          "tried GSSAPI\nB: AUTH GSSAPI\\r\\n\nC: 334 GSSAPI supported\\r\\n\nB: YIIabc\\r\\n\n"
          "C: 334\\r\\n\nB: \\r\\n\nC: 535 no\\r\\n\nanswered GSSAPI failure\n");
}

TEST_CASE("AUTH without a mechanism is answered by postern and is no login") {
  REQUIRE(play_greeted({client("AUTH\r\n")}) == "C: 501 5.5.4 AUTH needs a mechanism\\r\\n\n");
}

TEST_CASE("X-EXPS is a login like AUTH where it is not hidden") {
  auto options = smtp_options();
  options.hidden_verbs.clear();
  REQUIRE(play_greeted({client("X-EXPS LOGIN\r\n"), backend("334 VXNlcm5hbWU6\r\n"),
                        client("*\r\n"), backend("501 x\r\n")},
                       always(Verdict::allow), after_starttls(), options) ==
          "tried AUTH-LOGIN secret\nB: X-EXPS LOGIN\\r\\n\nC: 334 VXNlcm5hbWU6\\r\\n\nB: *\\r\\n\n"
          "C: 501 x\\r\\n\nanswered AUTH-LOGIN secret failure\n");
}

TEST_CASE("a response over the limit or with a bare CR ends the session and is not passed on") {
  REQUIRE(play_greeted({client("AUTH NTLM\r\n"), backend("334 \r\n"),
                        client(std::string(2000, 'A') + "\r\n")}) ==
          "tried NTLM\nB: AUTH NTLM\\r\\n\nC: 334 \\r\\n\nalarm line_too_long command\n"
          "C: 500 5.5.2 Line too long, closing connection\\r\\n\nend line_too_long\n");
  REQUIRE(play_greeted({client("AUTH NTLM\r\n"), backend("334 \r\n"), client("AA\rAA\r\n")}) ==
          "tried NTLM\nB: AUTH NTLM\\r\\n\n"
          "C: 334 \\r\\n500 5.5.2 Bare CR, bare LF or NUL in a command, closing connection\\r\\n\n"
          "end bad_syntax\n");
}

TEST_CASE("a SASL security layer after the login is recognised and ends the session") {
  const std::string layer("\x00\x00\x00\x20secret octets", 17);
  for (const std::string mechanism : {"GSSAPI", "DIGEST-MD5", "NTLM"}) {
    REQUIRE(play_greeted({client("AUTH " + mechanism + "\r\n"), backend("235 ok\r\n"),
                          client(layer)}) == "tried " + mechanism + "\nB: AUTH " + mechanism +
                                                 "\\r\\n\nC: 235 ok\\r\\n\nanswered " + mechanism +
                                                 " success\nend sasl_security_layer\n");
    REQUIRE(play_greeted(
                {client("AUTH " + mechanism + "\r\n"), backend("235 ok\r\n"), client("NOOP\r\n")})
                .ends_with("success\nB: NOOP\\r\\n\n"));
  }
  // PLAIN has no layer: there it is a broken command, as it is later on.
  REQUIRE(play_greeted({client("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n"), backend("235 ok\r\n"),
                        client(layer + "\r\n")})
              .ends_with("end bad_syntax\n"));
}

TEST_CASE("a password is in no step but the one that passes it on, and is wiped with it") {
  const std::string secret = "AGpkb2UAaW50ZXJuYWwtbWFya2VyLW9mLWEtc2VjcmV0LXRoYXQtaXMtbG9uZw==";
  const auto text = play_greeted({client("AUTH PLAIN " + secret + "\r\n"), backend("535 no\r\n"),
                                  client("AUTH PLAIN " + secret + "\r\n"), backend("235 ok\r\n")});
  std::size_t seen = 0;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1)) ++seen;
  REQUIRE(seen == 2);
  REQUIRE(text.find("marker") == std::string::npos);

  const Options options = smtp_options();
  SmtpDialogue dialogue(options, after_starttls());
  Steps steps;
  dialogue.feed(Side::backend, "220 b\r\n", steps);
  dialogue.feed(Side::client, "AUTH PLAIN " + secret + "\r\n", steps);
  REQUIRE(dialogue.kept() > secret.size());
  steps.clear();
  dialogue.decide(Verdict::allow, steps);
  REQUIRE(dialogue.kept() == 0);
  REQUIRE(std::get<Send>(steps[0]).bytes == "AUTH PLAIN " + secret + "\r\n");
}
