// The demonstration's legacy mail server, by a blocking client on loopback: whole conversations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <list>
#include <string>
#include <thread>

#include "proxy/demo/legacy_server.h"
#include "test/proxy/demo_wire.h"

namespace {

using postern::demo::LegacyServer;
using postern::demo_test::converse;
using postern::demo_test::Wire;

// 2010-07-21 19:04:24 UTC.
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds{1279739064}};

std::unique_ptr<LegacyServer> started() {
  auto server = LegacyServer::start({.now = [] { return kNow; }});
  REQUIRE(server.ok());
  return std::move(*server);
}

constexpr std::string_view kMail =
    "From: Boris <boris@example.org>\r\n"
    "To: anna@example.com\r\n"
    "Subject: A \"quoted\" word\r\n"
    "\r\n"
    ".dots\r\n"
    "end\r\n";

const std::string kSmtpGreeting =
    "220 legacy.example.com Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at Wed, 21 "
    "Jul 2010 19:04:24 +0000\r\n";
const std::string kImapGreeting =
    "* OK Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (legacy.example.com) "
    "ready.\r\n";
const std::string kImapBye =
    "* BYE Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 signing off.\r\n"
    "z OK LOGOUT completed.\r\n";
const std::string kPop3Greeting =
    "+OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 (legacy.example.com) "
    "ready.\r\n";
const std::string kPop3Bye =
    "+OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 signing off.\r\n";

// A conversation in IMAP after a login, without the lines that frame each one.
std::string after_login(const LegacyServer& server, const std::string& commands) {
  const std::string begin = kImapGreeting + "a OK LOGIN completed.\r\n";
  const std::string text =
      converse(server.ports().imap, "a LOGIN anna fortress\r\n" + commands + "z LOGOUT\r\n");
  REQUIRE(text.starts_with(begin));
  REQUIRE(text.ends_with(kImapBye));
  return text.substr(begin.size(), text.size() - begin.size() - kImapBye.size());
}

TEST_CASE("legacy SMTP offers what an old Exchange does, and no STARTTLS") {
  const auto server = started();
  CHECK(converse(server->ports().smtp, "EHLO client.example\r\nSTARTTLS\r\nQUIT\r\n") ==
        kSmtpGreeting +
            "250-legacy.example.com Hello [127.0.0.1]\r\n"
            "250-TURN\r\n250-ATRN\r\n250-SIZE\r\n250-ETRN\r\n250-PIPELINING\r\n250-DSN\r\n"
            "250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
            "250-VRFY\r\n250-X-EXPS LOGIN\r\n250-X-EXPS=LOGIN\r\n250-AUTH LOGIN PLAIN\r\n"
            "250-AUTH=LOGIN\r\n250-X-LINK2STATE\r\n250-XEXCH50\r\n250 OK\r\n"
            "500 5.3.3 Unrecognized command\r\n"
            "221 2.0.0 legacy.example.com Service closing transmission channel\r\n");
}

TEST_CASE("legacy SMTP takes a login in each way, and refuses a wrong one") {
  const auto server = started();
  const std::string good = "235 2.7.0 Authentication successful.\r\n";
  const std::string wrong = "535 5.7.3 Authentication unsuccessful.\r\n";
  const auto answer = [&](const std::string& commands) {
    const std::string text = converse(server->ports().smtp, commands);
    REQUIRE(text.starts_with(kSmtpGreeting));
    return text.substr(kSmtpGreeting.size());
  };
  CHECK(answer("AUTH LOGIN\r\nYW5uYQ==\r\nZm9ydHJlc3M=\r\n") ==
        "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" + good);
  CHECK(answer("auth login YW5uYQ==\r\nZm9ydHJlc3M=\r\n") == "334 UGFzc3dvcmQ6\r\n" + good);
  CHECK(answer("X-EXPS LOGIN YW5uYQ==\r\nZm9ydHJlc3M=\r\n") == "334 UGFzc3dvcmQ6\r\n" + good);
  CHECK(answer("AUTH PLAIN AGFubmEAZm9ydHJlc3M=\r\nAUTH PLAIN\r\n") ==
        good + "503 5.5.2 Bad sequence of commands\r\n");
  CHECK(answer("AUTH PLAIN\r\nAGFubmEAZm9ydHJlc3M=\r\n") == "334 \r\n" + good);
  CHECK(answer("AUTH PLAIN AGFubmEAd3Jvbmc=\r\n") == wrong);
  CHECK(answer("AUTH PLAIN YW5uYQ==\r\n") == "501 5.7.3 Cannot decode response\r\n");
  CHECK(answer("AUTH LOGIN\r\n*\r\n") ==
        "334 VXNlcm5hbWU6\r\n501 5.7.3 Cannot decode response\r\n");
  CHECK(answer("AUTH GSSAPI\r\n") == "504 5.7.4 Unrecognized authentication type\r\n");
}

TEST_CASE("legacy SMTP stores what DATA and BDAT bring, octet for octet") {
  const auto server = started();
  const std::string begin =
      "MAIL FROM:<boris@example.org> SIZE=99\r\nRCPT TO:<Anna@example.com>\r\n";
  const std::string begun =
      "250 2.1.0 boris@example.org....Sender OK\r\n250 2.1.5 Anna@example.com\r\n";
  std::string stuffed(kMail);
  stuffed.insert(stuffed.find(".dots"), ".");
  CHECK(converse(server->ports().smtp, begin + "DATA\r\n" + stuffed + ".\r\n" + begin +
                                           "BDAT 4\r\nFrom"
                                           "BDAT 7 LAST\r\n: x\r\n\r\nQUIT\r\n") ==
        kSmtpGreeting + begun +
            "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
            "250 2.6.0 <1@legacy.example.com> Queued mail for delivery\r\n" +
            begun +
            "250 2.0.0 4 octets received\r\n"
            "250 2.6.0 <2@legacy.example.com> Queued mail for delivery\r\n"
            "221 2.0.0 legacy.example.com Service closing transmission channel\r\n");
  const auto messages = server->mailbox().messages();
  REQUIRE(messages.size() == 2);
  CHECK(*messages[0].text == kMail);
  CHECK(*messages[1].text == "From: x\r\n\r\n");
  CHECK(messages[0].received == kNow);
}

TEST_CASE("legacy SMTP takes only CRLF.CRLF for the end of a message") {
  const auto server = started();
  converse(server->ports().smtp,
           "MAIL FROM:<>\r\nRCPT TO:<anna>\r\nDATA\r\na\n.\r\nb\r\n.\nc\r\n.\r\nQUIT\r\n");
  const auto messages = server->mailbox().messages();
  REQUIRE(messages.size() == 1);
  CHECK(*messages[0].text == "a\n.\r\nb\r\n\nc\r\n");
}

TEST_CASE("legacy SMTP relays for nobody") {
  const auto server = started();
  const std::string text =
      converse(server->ports().smtp,
               "RCPT TO:<anna>\r\nMAIL FROM:<x@y>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\n");
  CHECK(text == kSmtpGreeting +
                    "503 5.5.2 Need mail command.\r\n250 2.1.0 x@y....Sender OK\r\n"
                    "550 5.7.1 Unable to relay for eve@example.net\r\n"
                    "503 5.5.2 Need Rcpt command.\r\n");
}

TEST_CASE("legacy IMAP offers what an old Exchange does, and takes a login in each form") {
  const auto server = started();
  const std::uint16_t port = server->ports().imap;
  CHECK(converse(port, "a CAPABILITY\r\nz LOGOUT\r\n") ==
        kImapGreeting +
            "* CAPABILITY IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE "
            "LITERAL+ UIDPLUS CHILDREN\r\na OK CAPABILITY completed.\r\n" +
            kImapBye);
  const std::string more = "+ Ready for additional command text.\r\n";
  const std::string good = "a OK LOGIN completed.\r\n";
  CHECK(converse(port, "a LOGIN \"anna\" \"fort\\ress\"\r\n") == kImapGreeting + good);
  CHECK(converse(port, "a login {4}\r\nanna {8}\r\nfortress\r\n") ==
        kImapGreeting + more + more + good);
  CHECK(converse(port, "a LOGIN {4+}\r\nanna {8+}\r\nfortress\r\n") == kImapGreeting + good);
  CHECK(converse(port, "a LOGIN anna wrong\r\n") ==
        kImapGreeting + "a NO Logon failure: unknown user name or bad password.\r\n");
  CHECK(converse(port, "a LOGIN {99999}\r\na SELECT INBOX\r\na STARTTLS\r\n\r\n") ==
        kImapGreeting +
            "a BAD Protocol Error: \"Literal too large\".\r\n"
            "a BAD Command is not valid in this state.\r\n"
            "a BAD Protocol Error: \"Unidentifiable command specified\".\r\n"
            "* BAD Protocol Error: \"Tag not found in command\".\r\n");
}

TEST_CASE("legacy IMAP stores an appended message and gives it back, octet for octet") {
  const auto server = started();
  const std::string mail(kMail);
  const std::string size = std::to_string(mail.size());
  CHECK(after_login(*server, "b APPEND INBOX (\\Flagged) \"21-Jul-2010 19:04:24 +0000\" {" + size +
                                 "+}\r\n" + mail +
                                 "\r\nc SELECT inbox\r\n"
                                 "d FETCH 1 (UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[])\r\n"
                                 "e FETCH 1 RFC822.HEADER\r\n"
                                 "f UID FETCH 1:* BODY[TEXT]<1.4>\r\n"
                                 "g FETCH * BODY.PEEK[HEADER.FIELDS (To Subject)]\r\n") ==
        "b OK [APPENDUID 1 1] APPEND completed.\r\n"
        "* 1 EXISTS\r\n* 0 RECENT\r\n"
        "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
        "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)]\r\n"
        "* OK [UNSEEN 1]\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 2]\r\n"
        "c OK [READ-WRITE] SELECT completed.\r\n"
        "* 1 FETCH (UID 1 RFC822.SIZE " +
            size + " FLAGS (\\Flagged) INTERNALDATE \"21-Jul-2010 19:04:24 +0000\" BODY[] {" +
            size + "}\r\n" + mail +
            ")\r\nd OK FETCH completed.\r\n"
            "* 1 FETCH (RFC822.HEADER {83}\r\n" +
            mail.substr(0, 83) +
            ")\r\ne OK FETCH completed.\r\n"
            "* 1 FETCH (UID 1 BODY[TEXT]<1> {4}\r\ndots FLAGS (\\Seen \\Flagged))\r\n"
            "f OK FETCH completed.\r\n"
            "* 1 FETCH (BODY[HEADER.FIELDS (To Subject)] {50}\r\n"
            "To: anna@example.com\r\nSubject: A \"quoted\" word\r\n\r\n)\r\n"
            "g OK FETCH completed.\r\n");
}

TEST_CASE("legacy IMAP sums up a message's header as ENVELOPE") {
  const auto server = started();
  server->mailbox().append(
      "Date: Wed, 21 Jul 2010 19:04:24 +0000\r\nSUBJECT: folded\r\n line\r\n"
      "From: \"Roe, Boris\" <boris@example.org>\r\nTo: anna@example.com, eve@example.net\r\n"
      "Message-ID: <1@example.org>\r\n\r\nbody\r\n",
      0, kNow);
  CHECK(after_login(*server, "c EXAMINE INBOX\r\nd FETCH 1 (ENVELOPE BODYSTRUCTURE)\r\n")
            .find("* 1 FETCH (ENVELOPE (\"Wed, 21 Jul 2010 19:04:24 +0000\" \"folded line\" "
                  "((\"Roe, Boris\" NIL \"boris\" \"example.org\")) "
                  "((\"Roe, Boris\" NIL \"boris\" \"example.org\")) "
                  "((\"Roe, Boris\" NIL \"boris\" \"example.org\")) "
                  "((NIL NIL \"anna\" \"example.com\")(NIL NIL \"eve\" \"example.net\")) NIL NIL "
                  "NIL \"<1@example.org>\") BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"CHARSET\" "
                  "\"US-ASCII\") NIL NIL \"8BIT\" 6 1))\r\nd OK FETCH completed.\r\n") !=
        std::string::npos);
}

TEST_CASE("legacy IMAP stores flags, searches by them, and expunges") {
  const auto server = started();
  for (const char* text : {"one", "two", "three", "four"}) {
    server->mailbox().append(text, 0, kNow);
  }
  const std::string text = after_login(*server,
                                       "c SELECT INBOX\r\nd STORE 2:3 +FLAGS (\\Deleted)\r\n"
                                       "e UID STORE 4 FLAGS.SILENT \\Seen\r\n"
                                       "f SEARCH ALL\r\ng UID SEARCH UNDELETED UNSEEN\r\n"
                                       "h SEARCH UID 3:*\r\ni SEARCH FROM boris\r\n"
                                       "j UID EXPUNGE 2\r\nk SEARCH DELETED\r\nl EXPUNGE\r\n"
                                       "m STATUS INBOX (MESSAGES UNSEEN UIDNEXT)\r\n");
  CHECK(text.substr(text.find("* 2 FETCH")) ==
        "* 2 FETCH (FLAGS (\\Deleted))\r\n* 3 FETCH (FLAGS (\\Deleted))\r\n"
        "d OK STORE completed.\r\ne OK STORE completed.\r\n"
        "* SEARCH 1 2 3 4\r\nf OK SEARCH completed.\r\n"
        "* SEARCH 1\r\ng OK SEARCH completed.\r\n"
        "* SEARCH 3 4\r\nh OK SEARCH completed.\r\n"
        "i BAD Protocol Error: \"This search key is not known here\".\r\n"
        "* 2 EXPUNGE\r\nj OK EXPUNGE completed.\r\n"
        "* SEARCH 2\r\nk OK SEARCH completed.\r\n"
        "* 2 EXPUNGE\r\nl OK EXPUNGE completed.\r\n"
        "* STATUS INBOX (MESSAGES 2 UNSEEN 1 UIDNEXT 5)\r\nm OK STATUS completed.\r\n");
}

TEST_CASE("legacy IMAP changes nothing in a mailbox opened with EXAMINE") {
  const auto server = started();
  server->mailbox().append("one", postern::demo::kDeleted, kNow);
  const std::string text = after_login(
      *server, "c EXAMINE INBOX\r\nd FETCH 1 BODY[]\r\ne STORE 1 FLAGS ()\r\nf CLOSE\r\n");
  CHECK(text.find("c OK [READ-ONLY] EXAMINE completed.\r\n"
                  "* 1 FETCH (BODY[] {3}\r\none)\r\nd OK FETCH completed.\r\n"
                  "e NO The mailbox was opened with EXAMINE.\r\nf OK CLOSE completed.\r\n") !=
        std::string::npos);
  REQUIRE(server->mailbox().messages().size() == 1);
  CHECK(server->mailbox().messages()[0].flags == postern::demo::kDeleted);
}

TEST_CASE("legacy IMAP lists its one mailbox") {
  const auto server = started();
  const std::string inbox = "* LIST (\\HasNoChildren) \"/\" INBOX\r\n";
  const std::string done = "c OK LIST completed.\r\n";
  CHECK(after_login(*server, "c LIST \"\" *\r\n") == inbox + done);
  CHECK(after_login(*server, "c LIST \"\" \"in%\"\r\n") == inbox + done);
  CHECK(after_login(*server, "c LIST \"\" Sent*\r\n") == done);
  CHECK(after_login(*server, "c LIST \"\" \"\"\r\n") ==
        "* LIST (\\Noselect) \"/\" \"\"\r\n" + done);
  CHECK(after_login(*server, "c SELECT Sent\r\n") == "c NO There is only INBOX here.\r\n");
}

TEST_CASE("legacy IMAP tells an idle client of new mail") {
  const auto server = started();
  Wire wire(server->ports().imap);
  wire.send("a LOGIN anna fortress\r\nb SELECT INBOX\r\nc IDLE\r\n");
  CHECK(wire.read_until("DONE command.\r\n")
            .ends_with("+ IDLE accepted, awaiting DONE command.\r\n"));
  server->mailbox().append("new", 0, kNow);
  CHECK(wire.read_until("\r\n") == "* 1 EXISTS\r\n");
  wire.send("done\r\n");
  CHECK(wire.read_until("\r\n") == "c OK IDLE completed.\r\n");
}

TEST_CASE("legacy POP3 offers what an old Exchange does, and takes USER and PASS only") {
  const auto server = started();
  CHECK(converse(server->ports().pop3,
                 "CAPA\r\nSTAT\r\nSTLS\r\nPASS fortress\r\nUSER anna\r\nPASS wrong\r\nUSER anna\r\n"
                 "PASS fortress\r\nSTAT\r\nQUIT\r\n") ==
        kPop3Greeting +
            "+OK Capability list follows\r\nTOP\r\nUSER\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
            "UIDL\r\n.\r\n"
            "-ERR Command is not valid in this state.\r\n"
            "-ERR Command is not valid in this state.\r\n"
            "-ERR Command is not valid in this state.\r\n+OK\r\n"
            "-ERR Logon failure: unknown user name or bad password.\r\n+OK\r\n"
            "+OK User successfully logged on.\r\n+OK 0 0\r\n" +
            kPop3Bye);
}

TEST_CASE("legacy POP3 lists, gives and deletes messages") {
  const auto server = started();
  server->mailbox().append(std::string(kMail), 0, kNow);
  server->mailbox().append("no newline", 0, kNow);
  CHECK(converse(server->ports().pop3,
                 "USER anna\r\nPASS fortress\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\nTOP 1 1\r\n"
                 "RETR 2\r\nDELE 1\r\nLIST\r\nRETR 1\r\nRETR 3\r\nQUIT\r\n") ==
        kPop3Greeting +
            "+OK\r\n+OK User successfully logged on.\r\n+OK 2 105\r\n"
            "+OK\r\n1 95\r\n2 10\r\n.\r\n+OK\r\n1 1-1\r\n2 1-2\r\n.\r\n+OK 2 10\r\n"
            "+OK\r\nFrom: Boris <boris@example.org>\r\nTo: anna@example.com\r\n"
            "Subject: A \"quoted\" word\r\n\r\n..dots\r\n.\r\n"
            "+OK\r\nno newline\r\n.\r\n+OK\r\n+OK\r\n2 10\r\n.\r\n"
            "-ERR The specified message is out of range.\r\n"
            "-ERR The specified message is out of range.\r\n" +
            kPop3Bye);
  REQUIRE(server->mailbox().messages().size() == 1);
  CHECK(server->mailbox().messages()[0].uid == 2);
}

TEST_CASE("legacy POP3 deletes nothing when the client leaves without QUIT") {
  const auto server = started();
  server->mailbox().append("one", 0, kNow);
  converse(server->ports().pop3, "USER anna\r\nPASS fortress\r\nDELE 1\r\n");
  CHECK(server->mailbox().messages().size() == 1);
}

TEST_CASE("one connection too many is told so, and there is room again when one has gone") {
  const auto server = started();
  std::list<Wire> wires;
  for (std::size_t count = 0; count < LegacyServer::kMaxSessions; ++count) {
    CHECK(wires.emplace_back(server->ports().imap).read_until("\r\n") == kImapGreeting);
  }
  CHECK(Wire(server->ports().imap).read_all() == "* BYE Too many connections\r\n");
  CHECK(Wire(server->ports().pop3).read_all() == "-ERR Too many connections\r\n");
  CHECK(Wire(server->ports().smtp).read_all() == "421 4.3.2 Too many connections\r\n");
  wires.pop_front();
  std::string greeting;
  for (int tries = 0; tries < 100 && greeting != kImapGreeting; ++tries) {
    greeting = Wire(server->ports().imap).read_until("\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(greeting == kImapGreeting);
}

TEST_CASE("stopping ends sessions that wait, idle or in the middle of a message") {
  auto server = started();
  Wire waiting(server->ports().pop3);
  waiting.read_until(" ready.\r\n");
  Wire idle(server->ports().imap);
  idle.send("a LOGIN anna fortress\r\nb SELECT INBOX\r\nc IDLE\r\n");
  idle.read_until("DONE command.\r\n");
  Wire sending(server->ports().smtp);
  sending.send("MAIL FROM:<>\r\nRCPT TO:<anna>\r\nDATA\r\nhalf");
  sending.read_until("354 ");
  server.reset();
  CHECK(waiting.read_all().empty());
  CHECK(idle.read_all().empty());
  sending.read_all();
}

}  // namespace
