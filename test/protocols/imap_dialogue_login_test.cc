// Logins through the IMAP dialogue: held, judged, passed on or refused, answered.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "protocols/imap_dialogue.h"
#include "test/protocols/imap_play.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

const std::string kPrivacy =
    " NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS\\r\\n";
const std::string kNotAllowed = " NO [AUTHORIZATIONFAILED] This login is not allowed here\\r\\n";
const std::string kAlert =
    "* BAD [ALERT] Your password was sent without encryption although this server does not take it "
    "so: it was exposed. Please change it, and switch TLS on in your mail program.\\r\\n";
const std::string kPlain = "AGpkb2UAdGVzdC1vbmx5";  // NUL jdoe NUL test-only

// Refuses as soon as a name is known, not before.
const Policy kRefuseNamed = [](const Login& login) {
  return login.user.empty() ? Verdict::allow : Verdict::refuse;
};

}  // namespace

TEST_CASE("a LOGIN passes after its verdict, and its OK ends the reading") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN \"CONTOSO\\\\jdoe\" \"pw\"\r\n"),
                              backend("* CAPABILITY IMAP4rev1 STARTTLS\r\n"),
                              backend("a OK [CAPABILITY IMAP4rev1 STARTTLS] in\r\n")}) ==
          "tried LOGIN user=CONTOSO\\\\jdoe secret\n"
          "B: a LOGIN \"CONTOSO\\\\\\\\jdoe\" \"pw\"\\r\\n\n"
          "C: * CAPABILITY IMAP4rev1\\r\\na OK [CAPABILITY IMAP4rev1] in\\r\\n\n"
          "answered LOGIN user=CONTOSO\\\\jdoe secret success\n"
          "passthrough\n");
}

TEST_CASE("`warn` passes on as `allow` does") {
  const auto sent = std::vector<Action>{client("a LOGIN joe pw\r\n")};
  REQUIRE(play_greeted(kNoTls, sent, always(Verdict::warn)) == play_greeted(kNoTls, sent));
}

TEST_CASE("the name is read as people type it, and passed on as every server reads it") {
  for (const std::string name : {"\"CONTOSO\\\\jdoe\"", "\"CONTOSO\\jdoe\"", "CONTOSO\\jdoe"}) {
    REQUIRE(play_greeted(kTls, {client("a LOGIN " + name + " test-only\r\n")}) ==
            "tried LOGIN user=CONTOSO\\\\jdoe secret\nB: a LOGIN " +
                printable("\"CONTOSO\\\\jdoe\"") + " test-only\\r\\n\n");
  }
  REQUIRE(play_greeted(kTls, {client("? login  CONTOSO/jdoe/shared.box  test-only\r\n")}) ==
          "tried LOGIN user=CONTOSO/jdoe/shared.box secret\n"
          "B: ? login  CONTOSO/jdoe/shared.box  test-only\\r\\n\n");
  REQUIRE(play_greeted(kTls, {client("a LOGIN \"j\xfcrgen\" x\r\n")}) ==
          "tried LOGIN user=j\\xc3\\xbcrgen secret\nB: a LOGIN \"j\\xfcrgen\" x\\r\\n\n");
}

TEST_CASE("a name that comes by synchronising literal is judged without it, then with it") {
  REQUIRE(play_greeted(
              kTls, {client("a LOGIN {12}\r\n"), client("CONTOSO\\jdoe {9}\r\n"), backend("+\r\n"),
                     backend("+ more\r\n"), client("test-only\r\n"), backend("a OK in\r\n")}) ==
          "tried LOGIN secret\nC: + Ready for the literal\\r\\n\n"
          "tried LOGIN user=CONTOSO\\\\jdoe secret\n"
          "B: a LOGIN {12}\\r\\nCONTOSO\\\\jdoe {9}\\r\\n\n"
          "C: + more\\r\\n\n"
          "B: test-only\\r\\n\n"
          "C: a OK in\\r\\n\n"
          "answered LOGIN user=CONTOSO\\\\jdoe secret success\npassthrough\n");
}

TEST_CASE("a password behind the name's literal is judged once more, with the name") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN {3}\r\n"), client("joe \"pw\"\r\n"), backend("+\r\n"),
                              backend("a NO no\r\n")}) ==
          "tried LOGIN secret\nC: + Ready for the literal\\r\\n\n"
          "tried LOGIN user=joe secret\nB: a LOGIN {3}\\r\\njoe \"pw\"\\r\\n\n"
          "C: a NO no\\r\\n\nanswered LOGIN user=joe secret failure\n");
}

TEST_CASE("non-synchronising literals are judged once, and reach the backend as waiting ones") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN {3+}\r\njoe {9+}\r\ntest-only\r\n"), backend("+\r\n"),
                              backend("+\r\n"), backend("a OK in\r\n")}) ==
          "tried LOGIN user=joe secret\n"
          "B: a LOGIN {3}\\r\\njoe {9}\\r\\ntest-only\\r\\n\n"
          "C: a OK in\\r\\n\nanswered LOGIN user=joe secret success\npassthrough\n");
}

TEST_CASE("a password on its way to a backend that refused the name is swallowed, not run") {
  const auto sent = client("a LOGIN {3+}\r\njoe {17+}\r\nx LOGIN joe pw2\r\n\r\nb NOOP\r\n");
  REQUIRE(play_greeted(kTls, {sent, backend("a BAD Command received in Invalid state.\r\n")}) ==
          "tried LOGIN user=joe secret\nB: a LOGIN {3}\\r\\n\n"
          "C: a BAD Command received in Invalid state.\\r\\n\n"
          "answered LOGIN user=joe secret failure\nB: b NOOP\\r\\n\n");
  REQUIRE(play_greeted(kTls, {sent, backend("+\r\n"), backend("a NO\r\n")}) ==
          "tried LOGIN user=joe secret\nB: a LOGIN {3}\\r\\njoe {17}\\r\\n\n"
          "C: a NO\\r\\n\nanswered LOGIN user=joe secret failure\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a password's literal that the backend does not want does not come") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN joe {2}\r\n"), backend("a NO no\r\n"),
                              client("b NOOP\r\n")}) ==
          "tried LOGIN user=joe secret\nB: a LOGIN joe {2}\\r\\n\nC: a NO no\\r\\n\n"
          "answered LOGIN user=joe secret failure\nB: b NOOP\\r\\n\n");
}

TEST_CASE("what stands behind a LOGIN waits for its answer: an OK passes it on unread") {
  REQUIRE(play_greeted(kTls, {client("a NOOP\r\nb LOGIN joe pw\r\nc SELECT INBOX\r\nraw \n\r"),
                              backend("a OK\r\nb OK\r\n")}) ==
          "B: a NOOP\\r\\n\ntried LOGIN user=joe secret\nB: b LOGIN joe pw\\r\\n\n"
          "C: a OK\\r\\nb OK\\r\\n\nanswered LOGIN user=joe secret success\n"
          "B: c SELECT INBOX\\r\\nraw \\n\\r\npassthrough\n");
}

TEST_CASE("what stands behind a LOGIN waits for its answer: a NO makes it the next command") {
  REQUIRE(play_greeted(kTls, {client("b LOGIN joe pw\r\nc login joe pw2\r\nd NOOP\r\n"),
                              backend("b NO\r\n")}) ==
          "tried LOGIN user=joe secret\nB: b LOGIN joe pw\\r\\n\nC: b NO\\r\\n\n"
          "answered LOGIN user=joe secret failure\n"
          "tried LOGIN user=joe secret\nB: c login joe pw2\\r\\n\n");
}

TEST_CASE("what the backend sent behind the login's OK passes unread, with what the client sent") {
  ImapDialogue dialogue(kImapOptions, kTls);
  Steps steps;
  dialogue.feed(Side::backend, "* OK\r\n", steps);
  dialogue.feed(Side::client, "a LOGIN joe pw\r\nb NO", steps);
  dialogue.decide(Verdict::allow, steps);
  steps.clear();
  dialogue.feed(Side::backend, "a OK in\r\n* CAPABILITY STARTTLS\r\n* 1 FETCH {9", steps);
  REQUIRE(steps.size() == 5);
  REQUIRE(std::get<Send>(steps[0]).bytes == "a OK in\r\n");
  REQUIRE(std::get<LoginAnswered>(steps[1]).outcome == Outcome::success);
  REQUIRE(std::get<Send>(steps[2]).bytes == "* CAPABILITY STARTTLS\r\n* 1 FETCH {9");
  REQUIRE(std::get<Send>(steps[3]).to == Side::backend);
  REQUIRE(std::get<Send>(steps[3]).bytes == "b NO");
  REQUIRE(std::holds_alternative<PassThrough>(steps[4]));
  REQUIRE(dialogue.last_command() == "LOGIN");
  // The tracker went on from there: a literal of 9 octets has begun.
  const auto passage = dialogue.let_go();
  REQUIRE_FALSE(passage->backend_may_close());
  passage->passed("}\r\n* BYE x\r\n)\r\n");
  REQUIRE_FALSE(passage->backend_may_close());
  passage->passed("* BYE x\r\n");
  REQUIRE(passage->backend_may_close());
}

TEST_CASE(
    "a refused LOGIN in clear never reaches the backend, and its password is called exposed") {
  for (const std::string line : {"a LOGIN joe pw", "a LOGIN joe \"pw", "a LOGIN \"joe pw"}) {
    CAPTURE(line);
    const auto text =
        play_greeted(kClearRefused, {client(line + "\r\nb NOOP\r\n")}, always(Verdict::refuse));
    REQUIRE(text.find("B: a") == std::string::npos);
    REQUIRE(text.ends_with("secret\nC: " + kAlert + "a" + kPrivacy + "\nB: b NOOP\\r\\n\n"));
  }
}

TEST_CASE("a refused LOGIN in clear whose password waits for a + exposes nothing") {
  REQUIRE(
      play_greeted(kClearRefused, {client("a LOGIN {3}\r\nb NOOP\r\n")}, always(Verdict::refuse)) ==
      "tried LOGIN secret\nC: a" + kPrivacy + "\nB: b NOOP\\r\\n\n");
  REQUIRE(play_greeted(kClearRefused, {client("a LOGIN joe {2}\r\nb NOOP\r\n")},
                       always(Verdict::refuse)) ==
          "tried LOGIN user=joe secret\nC: a" + kPrivacy + "\nB: b NOOP\\r\\n\n");
  REQUIRE(play_greeted(kClearAllowed, {client("a LOGIN {3}\r\n"), client("joe {2}\r\nb NOOP\r\n")},
                       kRefuseNamed) ==
          "tried LOGIN secret\nC: + Ready for the literal\\r\\n\n"
          "tried LOGIN user=joe secret\nC: a" +
              kPrivacy + "\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a refused LOGIN's literals are swallowed whole before its NO") {
  REQUIRE(play_greeted(kClearRefused,
                       {client("a LOGIN {3+}\r\njoe {17+}\r\nx LOGIN joe pw2\r\n {1+}\r\nz\r\n"
                               "b NOOP\r\n")},
                       always(Verdict::refuse)) ==
          "tried LOGIN user=joe secret\nC: " + kAlert + "a" + kPrivacy + "\nB: b NOOP\\r\\n\n");
}

TEST_CASE("under TLS a refusal speaks of the login, not of privacy, and of no exposure") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN joe pw\r\n")}, always(Verdict::refuse)) ==
          "tried LOGIN user=joe secret\nC: a" + kNotAllowed + "\n");
}

TEST_CASE("a refusal waits for the answers before it") {
  REQUIRE(play_greeted(kTls, {client("a NOOP\r\nb LOGIN joe pw\r\n"), backend("a OK\r\n")},
                       always(Verdict::refuse)) ==
          "B: a NOOP\\r\\n\ntried LOGIN user=joe secret\nC: a OK\\r\\nb" + kNotAllowed + "\n");
}

TEST_CASE("a SASL exchange passes untouched, judged at its start and when a name comes") {
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                              client(kPlain + "\r\n"), backend("a OK in\r\n")}) ==
          "tried PLAIN secret\nB: a AUTHENTICATE PLAIN\\r\\n\nC: +\\r\\n\n"
          "tried PLAIN user=jdoe secret\nB: " +
              kPlain +
              "\\r\\n\nC: a OK in\\r\\n\nanswered PLAIN user=jdoe secret success\npassthrough\n");
}

TEST_CASE("an initial response is judged with its name at once") {
  REQUIRE(play_greeted(kTls, {client("a authenticate plain " + kPlain + "\r\n"),
                              backend("a NO [AUTHENTICATIONFAILED] x\r\n")}) ==
          "tried PLAIN user=jdoe secret\nB: a authenticate plain " + kPlain +
              "\\r\\n\nC: a NO [AUTHENTICATIONFAILED] x\\r\\n\n"
              "answered PLAIN user=jdoe secret failure\n");
}

TEST_CASE("challenges need not be base64, and the + need no space") {
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE NTLM\r\n"), backend("+\r\n"),
                              client("TlRMTVNTUAABAAAA\r\n"), backend("+ not base64\r\n"),
                              client("\r\n"), backend("a NO AUTHENTICATE failed.\r\n")}) ==
          "tried NTLM\nB: a AUTHENTICATE NTLM\\r\\n\nC: +\\r\\n\nB: TlRMTVNTUAABAAAA\\r\\n\n"
          "C: + not base64\\r\\n\nB: \\r\\n\nC: a NO AUTHENTICATE failed.\\r\\n\n"
          "answered NTLM failure\n");
}

TEST_CASE("a response that came early waits for the +, and is no command when none comes") {
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE PLAIN\r\n" + kPlain + "\r\nb NOOP\r\n"),
                              backend("a NO no\r\n")}) ==
          "tried PLAIN secret\nB: a AUTHENTICATE PLAIN\\r\\n\nC: a NO no\\r\\n\n"
          "answered PLAIN secret failure\n"
          "C: * BAD No tag and command in this line\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a client that cancels its exchange gets the backend's answer") {
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                              client("*\r\nb NOOP\r\n"), backend("a BAD cancelled\r\n")}) ==
          "tried PLAIN secret\nB: a AUTHENTICATE PLAIN\\r\\n\nC: +\\r\\n\nB: *\\r\\n\n"
          "C: a BAD cancelled\\r\\n\nanswered PLAIN secret failure\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a refused AUTHENTICATE never starts at the backend") {
  REQUIRE(play_greeted(kClearRefused, {client("a AUTHENTICATE NTLM\r\n")},
                       always(Verdict::refuse)) == "tried NTLM\nC: a" + kPrivacy + "\n");
  REQUIRE(play_greeted(kClearRefused, {client("a AUTHENTICATE PLAIN " + kPlain + "\r\n")},
                       always(Verdict::refuse)) ==
          "tried PLAIN user=jdoe secret\nC: " + kAlert + "a" + kPrivacy + "\n");
}

TEST_CASE("a refusal within an exchange cancels it at the backend, and the session goes on") {
  REQUIRE(play_greeted(kTls,
                       {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                        client(kPlain + "\r\nb NOOP\r\n"), backend("* x\r\na BAD stop\r\n")},
                       kRefuseNamed) ==
          "tried PLAIN secret\nB: a AUTHENTICATE PLAIN\\r\\n\nC: +\\r\\n\n"
          "tried PLAIN user=jdoe secret\nB: *\\r\\n\n"
          "C: * x\\r\\na" +
              kNotAllowed + "\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a refusal at SASL LOGIN's name comes before the password; nothing is exposed") {
  REQUIRE(play_greeted(kClearAllowed,
                       {client("a AUTHENTICATE LOGIN\r\n"), backend("+ VXNlcm5hbWU6\r\n"),
                        client("amRvZQ==\r\n"), backend("a BAD stop\r\n")},
                       kRefuseNamed) ==
          "tried AUTH-LOGIN secret\nB: a AUTHENTICATE LOGIN\\r\\n\nC: + VXNlcm5hbWU6\\r\\n\n"
          "tried AUTH-LOGIN user=jdoe secret\nB: *\\r\\n\nC: a" +
              kPrivacy + "\n");
  REQUIRE(play_greeted(kClearAllowed,
                       {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                        client(kPlain + "\r\n"), backend("a BAD stop\r\n")},
                       kRefuseNamed)
              .ends_with("\nB: *\\r\\n\nC: " + kAlert + "a" + kPrivacy + "\n"));
}

TEST_CASE("a backend that logs a refused login in all the same ends the session") {
  REQUIRE(play_greeted(kTls,
                       {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                        client(kPlain + "\r\n"), backend("a OK in\r\n")},
                       kRefuseNamed)
              .ends_with("B: *\\r\\n\n"
                         "C: * BYE [UNAVAILABLE] The mail server gave an answer that cannot be "
                         "used\\r\\n\nend backend_protocol\n"));
}

TEST_CASE("an AUTHENTICATE that cannot be read is never passed on") {
  for (const auto* arguments : {"", " ", " \"PLAIN\"", " PLAIN a b", " {5}"}) {
    REQUIRE(play_greeted(kTls, {client(std::string("a AUTHENTICATE") + arguments + "\r\n")}) ==
            "C: a BAD The arguments cannot be read\\r\\n\n");
  }
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE {5+}\r\nPLAIN\r\nb NOOP\r\n")}) ==
          "C: a BAD The arguments cannot be read\\r\\n\nB: b NOOP\\r\\n\n");
}

TEST_CASE("a response with a bare LF or beyond the bound ends the session") {
  REQUIRE(
      play_greeted(kTls, {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"), client("x\ny\r\n")})
          .ends_with("* BYE A line may hold no bare CR, bare LF or NUL\\r\\n\nend bad_syntax\n"));
  REQUIRE(play_greeted(kTls, {client("a AUTHENTICATE PLAIN\r\n"), backend("+\r\n"),
                              client(std::string(600, 'A'))})
              .ends_with("* BYE The command is too long\\r\\n\nend line_too_long\n"));
}

TEST_CASE("what the client sent early goes out at the +, however much of the backend follows it") {
  REQUIRE(play_greeted(kTls, {client("a LOGIN joe {2+}\r\npw\r\nb NOOP\r\n"),
                              backend("+\r\n* x\r\na NO\r\nb OK\r\n")}) ==
          "tried LOGIN user=joe secret\nB: a LOGIN joe {2}\\r\\npw\\r\\n\n"
          "C: * x\\r\\na NO\\r\\n\nanswered LOGIN user=joe secret failure\n"
          "B: b NOOP\\r\\n\nC: b OK\\r\\n\n");
}

TEST_CASE("a client that ends behind its LOGIN is answered first, then the backend hears so") {
  REQUIRE(
      play_greeted(kTls, {client("a LOGIN joe pw\r\nb SELECT x\r\n"), ended(Side::client),
                          backend("a OK\r\n")}) ==
      "tried LOGIN user=joe secret\nB: a LOGIN joe pw\\r\\n\nC: a OK\\r\\n\n"
      "answered LOGIN user=joe secret success\nB: b SELECT x\\r\\n\nshut backend\npassthrough\n");
}

TEST_CASE("no step but a send to the backend ever holds a password") {
  const std::string marker = "Pa55w0rdMarker";
  const auto hidden = [&](const std::vector<Action>& actions, const Policy& policy) {
    for (const auto& conditions : {kTls, kClearAllowed, kClearRefused}) {
      const auto text = play_greeted(conditions, actions, policy);
      for (auto at = text.find(marker); at != std::string::npos; at = text.find(marker, at + 1)) {
        const auto line = text.rfind('\n', at);
        REQUIRE(text.substr(line + 1, 3) == "B: ");
      }
    }
  };
  for (const auto verdict : {Verdict::allow, Verdict::refuse}) {
    hidden({client("a LOGIN joe " + marker + "\r\n"), backend("a NO\r\n")}, always(verdict));
    hidden({client("a LOGIN \"joe " + marker + "\r\n"), backend("a NO\r\n")}, always(verdict));
    hidden({client("a LOGIN joe \"" + marker + "\" " + marker + "\r\n")}, always(verdict));
    hidden({client("a LOGIN {3+}\r\njoe {14+}\r\n" + marker + "\r\n"), backend("+\r\n"),
            backend("+\r\n")},
           always(verdict));
    hidden({client("a LOGIN joe {14}\r\n"), backend("+\r\n"), client(marker + "\r\n")},
           always(verdict));
    hidden(
        {client("a AUTHENTICATE LOGIN amRvZQ==\r\n"), backend("+ \r\n"), client(marker + "\r\n")},
        always(verdict));
    hidden({client("PASS " + marker + "\r\n")}, always(verdict));
    hidden({client(marker + "\r\n")}, always(verdict));
  }
}

TEST_CASE("a client that goes on with commands that the backend calls bad is told goodbye") {
  std::string commands;
  std::string answers;
  for (int i = 0; i < 21; ++i) {
    commands += "Header: x\r\n";
    answers += "Header: BAD unknown\r\n";
  }
  const auto text =
      play_greeted(kClearRefused, {client(commands), backend(answers), client("b NOOP\r\n")},
                   always(Verdict::refuse));
  REQUIRE(
      text.ends_with("Header: BAD unknown\\r\\n* BYE Too many bad commands\\r\\n\n"
                     "end too_many_errors\n"));
  REQUIRE(text.find("NOOP") == std::string::npos);
}

TEST_CASE("a client that goes on with refused logins or bad commands is told goodbye") {
  // Each is an event, so that one connection could fill the log.
  const std::string refused = "tried LOGIN user=joe secret\nC: " + kAlert + "a" + kPrivacy + "\n";
  std::string logins;
  std::string answers;
  for (int i = 0; i < 20; ++i) {
    logins += "a LOGIN joe x\r\n";
    answers += refused;
  }
  const std::string goodbye = "C: * BYE Too many bad commands\\r\\n\nend too_many_errors\n";
  REQUIRE(play_greeted(kClearRefused, {client(logins + "a LOGIN joe x\r\nb NOOP\r\n")},
                       always(Verdict::refuse)) ==
          answers + "tried LOGIN user=joe secret\n" + goodbye);
  REQUIRE(
      play_greeted(kClearRefused, {client(logins + "()\r\nb NOOP\r\n")}, always(Verdict::refuse))
          .ends_with(kPrivacy + goodbye.substr(3)));
  // Also in the midst of an exchange.
  REQUIRE(play_greeted(
              kClearAllowed,
              {client(logins + "a AUTHENTICATE LOGIN\r\n"), backend("+ \r\n"), client("am9l\r\n")},
              kRefuseNamed)
              .ends_with("tried AUTH-LOGIN user=joe secret\n" + goodbye));
}

TEST_CASE(
    "an exchange that the backend ends at the client's turn is over: what follows is a command") {
  for (const auto verdict : {Verdict::allow, Verdict::refuse}) {
    Options options;
    const auto dialogue = make_dialogue(Protocol::imap, options, {});
    const auto feed = [&](Side from, std::string_view bytes) {
      Steps steps;
      dialogue->feed(from, bytes, steps);
      return steps;
    };
    feed(Side::backend, "* OK hi\r\n");
    feed(Side::client, "a AUTHENTICATE PLAIN\r\n");
    Steps started;
    dialogue->decide(Verdict::allow, started);
    feed(Side::backend, "+ \r\n");
    feed(Side::backend, "a BAD timed out\r\n");
    const auto steps = feed(Side::client, "b LOGIN jdoe test-only\r\n");
    REQUIRE(steps.size() == 1);
    const auto* const tried = std::get_if<LoginTried>(&*steps.begin());
    REQUIRE(tried != nullptr);
    REQUIRE(tried->login.mechanism == "LOGIN");
    REQUIRE(tried->login.user == "jdoe");
    Steps decided;
    dialogue->decide(verdict, decided);
    const auto* const sent = std::get_if<Send>(&*decided.begin());
    REQUIRE(sent != nullptr);
    REQUIRE(sent->to == (verdict == Verdict::allow ? Side::backend : Side::client));
  }
}

TEST_CASE("a LOGIN's name that a literal is glued to is nobody's, and stays as it was written") {
  const auto text =
      play_greeted(kTls, {client("a LOGIN jd%{9+}\r\nb LOGOUT\r\n x\r\n"), backend("+ go\r\n")});
  INFO(text);
  REQUIRE(text.find("user=") == std::string::npos);
  REQUIRE(text.find("B: a LOGIN jd%{9}\\r\\n") != std::string::npos);
}
