// No spelling of a login reaches the backend without being judged: what servers take for one, by
// what they are known to be lenient about, is held, or refused before it is passed on.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/protocols/conversation.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

constexpr Conditions kInClear{.transport = Transport::cleartext};

const Framing& kSmtp = kFramings[0];
const Framing& kImap = kFramings[1];
const Framing& kPop3 = kFramings[2];

// One login, as a client may write it, and who is judged: "" where it is refused unjudged, as bad
// syntax.
struct Row {
  std::string wire;
  std::string tried;
};

std::string sent(const std::string& transcript) {
  std::string all;
  for (const auto& line : lines_of(transcript, "B: ")) all += line;
  return all;
}

void check(const Framing& framing, const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO(printable(row.wire));
    const auto transcript =
        converse(framing.protocol, kInClear, {backend(framing.greeting), client(row.wire)},
                 always(Verdict::refuse));
    const auto tried = lines_of(transcript, "tried ");
    REQUIRE((tried.empty() ? "" : tried.back()) == row.tried);
    REQUIRE(sent(transcript).empty());
    // Bad syntax is answered, or announced literals are asked for; a login is refused.
    REQUIRE(transcript.size() > ("C: " + printable(framing.greeting) + "\n").size());
  }
}

}  // namespace

TEST_CASE("SMTP: no spelling of a login passes unjudged") {
  const std::string plain = "PLAIN AGpkb2UAdGVzdC1vbmx5";
  const std::string jdoe = "PLAIN user=jdoe secret";
  check(kSmtp, {
                   {"AUTH PLAIN\r\n", "PLAIN secret"},
                   {"AUTH " + plain + "\r\n", jdoe},
                   {"auth plain AGpkb2UAdGVzdC1vbmx5\r\n", jdoe},
                   {"AUTH   " + plain + "  \r\n", jdoe},
                   {" \tAUTH\t" + plain + "\r\n", jdoe},
                   {"\x01"
                    "AUTH\x0b" +
                        plain + "\r\n",
                    jdoe},
                   {"AUTH PLAIN =\r\n", "PLAIN secret"},
                   {"AUTH PLAIN AGpkb2UAdGVz dC1vbmx5\r\n", "PLAIN secret"},
                   {"AUTH PLAIN AGFubgBwdw== AGpkb2UAdGVzdC1vbmx5\r\n", "PLAIN secret"},
                   {"AUTH=" + plain + "\r\n", jdoe},
                   {"AUTH=LOGIN amRvZQ==\r\n", "AUTH-LOGIN user=jdoe secret"},
                   {"AUTH LOGIN amRvZQ==\r\n", "AUTH-LOGIN user=jdoe secret"},
                   {"X-EXPS LOGIN\r\n", "AUTH-LOGIN secret"},
                   {"x-exps GSSAPI YIIabcde\r\n", "GSSAPI"},
                   {"X-EXPS NTLM\r\n", "NTLM"},
                   {"X-EXPS=NTLM\r\n", "NTLM"},
                   {"X-EXPS EXCHANGEAUTH\r\n", "EXCHANGEAUTH"},
                   {"AUTH\r\n", ""},
                   {"AUTH=\r\n", ""},
                   {"AUTH \t \r\n", ""},
                   {"AUTH PLAIN" + std::string("\0", 1) + "\r\n", ""},
                   {"AUTH PLAIN\rAGpkb2UA\r\n", ""},
               });
}

TEST_CASE("SMTP: what only looks like a login is none, and 235 lets in nobody unseen") {
  const auto play = [](const std::string& wire, const std::string& answer) {
    return converse(Protocol::smtp, kInClear,
                    {backend(kSmtp.greeting), client(wire), backend(answer)},
                    always(Verdict::refuse));
  };
  const std::string mail = "MAIL FROM:<a@b> AUTH=<jdoe>\r\n";
  REQUIRE(play(mail, "250 ok\r\n") ==
          "C: 220 ready\\r\\n\nB: " + printable(mail) + "\nC: 250 ok\\r\\n\nmail\n");
  for (const std::string wire : {"XAUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n", "AUTHPLAIN\r\n",
                                 "NOOP AUTH\r\n", "AUTH:PLAIN\r\n"}) {
    for (const std::string answer : {"235 in\r\n", "235-in\r\n235 in\r\n", "334 \r\n"}) {
      INFO(wire << answer);
      const auto transcript = play(wire, answer);
      REQUIRE(transcript.find("tried") == std::string::npos);
      REQUIRE(transcript.find("235") == std::string::npos);
      REQUIRE(transcript.ends_with("end backend_protocol\n"));
    }
  }
}

TEST_CASE("SMTP: a login is judged in and behind other commands, and within no message") {
  const auto transcript = converse(
      Protocol::smtp, kInClear,
      {backend(kSmtp.greeting), client("NOOP\r\nAUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\nNOOP\r\n"),
       backend("250 ok\r\n250 ok\r\n"), client("DATA\r\n"), backend("354 go\r\n"),
       client("AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n.\r\nAUTH LOGIN\r\n"), backend("250 ok\r\n")},
      always(Verdict::refuse));
  REQUIRE(lines_of(transcript, "tried ") ==
          std::vector<std::string>{"PLAIN user=jdoe secret", "AUTH-LOGIN secret"});
  REQUIRE(sent(transcript) ==
          "NOOP\\r\\nNOOP\\r\\nDATA\\r\\nAUTH PLAIN AGpkb2UAdGVzdC1vbmx5\\r\\n.\\r\\n");
}

TEST_CASE("IMAP: no spelling of a login passes unjudged") {
  const std::string joe = "LOGIN user=joe secret";
  const std::string plain = "PLAIN AGpkb2UAdGVzdC1vbmx5";
  const std::string jdoe = "PLAIN user=jdoe secret";
  check(kImap, {
                   {"a LOGIN joe pw\r\n", joe},
                   {"a   login   joe pw \r\n", joe},
                   {"? LOGIN joe pw\r\n", joe},
                   {"a]=! LOGIN joe pw\r\n", joe},
                   {"a LOGIN joe pw extra\r\n", joe},
                   {"a LOGIN \"joe\" \"pw\"\r\n", joe},
                   {"a LOGIN {3+}\r\njoe {2+}\r\npw\r\n", joe},
                   {"a LOGIN {3-}\r\njoe pw\r\n", joe},
                   {"a LOGIN ~{3+}\r\njoe pw\r\n", joe},
                   {"a LOGIN {03+}\r\njoe pw\r\n", joe},
                   {"a LOGIN {3}\r\n", "LOGIN secret"},
                   {"a LOGIN ~{3}\r\n", "LOGIN secret"},
                   {"a LOGIN joe {2}\r\n", joe},
                   {"a LOGIN joe ~{2+}\r\npw\r\n", joe},
                   {"a LOGIN joe{2+}\r\npw\r\n", "LOGIN secret"},
                   {"a LOGIN\r\n", "LOGIN secret"},
                   {"a LOGIN \"\" pw\r\n", "LOGIN secret"},
                   {"a LOGIN \"joe pw\r\n", "LOGIN secret"},
                   {"a LOGIN \"joe\"x pw\r\n", "LOGIN secret"},
                   {"a LOGIN joe\tpw\r\n", "LOGIN secret"},
                   {"a LOGIN {4+}\r\nj" + std::string("\0", 1) + "oe pw\r\n", "LOGIN secret"},
                   {"a LOGIN\tjoe\tpw\r\n", ""},
                   {"a\tLOGIN joe pw\r\n", ""},
                   {" a LOGIN joe pw\r\n", ""},
                   {"* LOGIN joe pw\r\n", ""},
                   {"+ LOGIN joe pw\r\n", ""},
                   {"\xfc LOGIN joe pw\r\n", ""},
                   {"a\"b LOGIN joe pw\r\n", ""},
                   {"a \"LOGIN\" joe pw\r\n", ""},
                   {"a {5+}\r\nLOGIN joe pw\r\n", ""},
                   {"a {5}\r\n", ""},
                   {"{1+}\r\na LOGIN joe pw\r\n", ""},
                   {"a LOGIN joe pw" + std::string("\0", 1) + "\r\n", ""},
                   {"a\rb LOGIN joe pw\r\n", ""},
                   {"a AUTHENTICATE PLAIN\r\n", "PLAIN secret"},
                   {"a authenticate  plain AGpkb2UAdGVzdC1vbmx5 \r\n", jdoe},
                   {"a AUTHENTICATE " + plain + "\r\n", jdoe},
                   {"a AUTHENTICATE PLAIN =\r\n", "PLAIN secret"},
                   {"a AUTHENTICATE\tPLAIN\r\n", ""},
                   {"a AUTHENTICATE PLAIN\tAGpkb2UAdGVzdC1vbmx5\r\n", ""},
                   {"a AUTHENTICATE \"PLAIN\"\r\n", ""},
                   {"a AUTHENTICATE {5+}\r\nPLAIN\r\n", ""},
                   {"a AUTHENTICATE PLAIN {24+}\r\nAGpkb2UAdGVzdC1vbmx5AAAA\r\n", ""},
                   {"a AUTHENTICATE PLAIN AGpkb2UA dGVzdC1vbmx5\r\n", ""},
                   {"a AUTHENTICATE\r\n", ""},
                   // A stream that cannot be read would hide a login.
                   {"a COMPRESS DEFLATE\r\n", ""},
               });
}

TEST_CASE(
    "IMAP: a literal of another command hides no login, whether the backend takes it or not") {
  const std::string inside = "b LOGIN joe pw\r\n";
  const auto start = "a X {" + std::to_string(inside.size()) + "+}\r\n";
  for (const std::string answer : {"+ go\r\n", "a BAD no\r\n"}) {
    INFO(answer);
    const auto transcript =
        converse(Protocol::imap, kInClear,
                 {backend(kImap.greeting), client(start + inside + "\r\nc LOGIN ann pw\r\n"),
                  backend(answer), backend("a BAD no\r\n")},
                 always(Verdict::refuse));
    REQUIRE(lines_of(transcript, "tried ") == std::vector<std::string>{"LOGIN user=ann secret"});
    const auto passed = answer.starts_with('+') ? printable(inside + "\r\n") : std::string();
    REQUIRE(sent(transcript).ends_with("}\\r\\n" + passed));
  }
}

TEST_CASE("IMAP: a name that servers read in different ways is written as it was read") {
  struct Name {
    std::string wire;
    std::string user;
    std::string passed;
  };
  for (const auto& name : {
           Name{"\"b\\ob\"", "b\\ob", "\"b\\\\ob\""},
           Name{"b\\ob", "b\\ob", "\"b\\\\ob\""},
           Name{"b\"ob", "b\"ob", "\"b\\\"ob\""},
           Name{"bob(x", "bob(x", "\"bob(x\""},
           Name{"bob%", "bob%", "\"bob%\""},
           Name{"b\xc3\xbc", "b\xc3\xbc", "\"b\xc3\xbc\""},
           Name{"\"b\\\"o\\\\b\"", "b\"o\\b", "\"b\\\"o\\\\b\""},
           Name{"\"b ob\"", "b ob", "\"b ob\""},
           Name{"bob@x]", "bob@x]", "bob@x]"},
       }) {
    for (const std::string password : {"pw\r\n", "\"p\\w\" x\r\n", "{2}\r\n", "{2+}\r\npw\r\n"}) {
      INFO(printable(name.wire) << " " << printable(password));
      const auto transcript =
          converse(Protocol::imap, kInClear,
                   {backend(kImap.greeting), client("a LOGIN " + name.wire + "  " + password)},
                   always(Verdict::allow));
      REQUIRE(lines_of(transcript, "tried ") ==
              std::vector<std::string>{"LOGIN user=" + printable(name.user) + " secret"});
      const auto line = password.starts_with('{') ? "{2}\r\n" : password;
      REQUIRE(sent(transcript) == printable("a LOGIN " + name.passed + "  " + line));
    }
  }
}

TEST_CASE("POP3: no spelling of a login passes unjudged") {
  const std::string joe = "USER user=joe secret";
  check(kPop3, {
                   {"USER joe\r\n", joe},
                   {"user  joe \r\n", joe},
                   {" \tUSER\tjoe\r\n", joe},
                   {"USER\vjoe\r\n", joe},
                   {"USER joe pw\r\n", "USER user=joe pw secret"},
                   {"USER\r\n", "USER secret"},
                   {"PASS pw\r\n", "USER secret"},
                   {"RPOP joe\r\n", "USER secret"},
                   {"APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n", "APOP user=joe"},
                   {"apop\tjoe\tc4c9\r\n", "APOP user=joe"},
                   {"APOP\r\n", "APOP"},
                   {"AUTH PLAIN\r\n", "PLAIN secret"},
                   {"auth\tplain\tAGpkb2UAdGVzdC1vbmx5\r\n", "PLAIN user=jdoe secret"},
                   {"AUTH PLAIN =\r\n", "PLAIN secret"},
                   {"AUTH PLAIN AGpkb2UA dGVzdC1vbmx5\r\n", "PLAIN secret"},
                   {"AUTH LOGIN amRvZQ==\r\n", "AUTH-LOGIN user=jdoe secret"},
                   {"AUTH MSN\r\n", "NTLM"},
                   {"AUTH X-UNKNOWN\r\n", "X-UNKNOWN"},
                   {"USER joe" + std::string("\0", 1) + "\r\n", ""},
                   {"USER\rjoe\r\n", ""},
               });
}
