// What the tour prints and counts; and that it fails, and keeps its password, where no postern is.
#include <catch2/catch.hpp>
#include <chrono>
#include <sstream>
#include <string>

#include "proxy/demo/audit_table.h"
#include "proxy/demo/legacy_server.h"
#include "proxy/demo/talk.h"
#include "proxy/demo/tour.h"
#include "proxy/demo/transcript.h"
#include "proxy/demo/words.h"

namespace {

using namespace postern::demo;

TEST_CASE("a transcript is plain ASCII where nothing more was asked for") {
  std::ostringstream out;
  Transcript transcript(out, {});
  transcript.step("One");
  transcript.client("C");
  transcript.server("\033[2J\tS\xff");
  transcript.note("note");
  CHECK(transcript.check(true, "good"));
  CHECK(transcript.all_good());
  transcript.sum_up();
  CHECK_FALSE(transcript.check(false, "bad"));
  transcript.step("Two");
  CHECK_FALSE(transcript.all_good());
  transcript.sum_up();
  CHECK(out.str() ==
        "\n1. One\n   C: C\n   S: ?[2J?S?\n   -- note\n   ok good\n\nAll 1 checks passed.\n"
        "   FAILED bad\n\n2. Two\n\n1 of 2 checks FAILED.\n");
}

TEST_CASE("a transcript has colours and signs where it may") {
  std::ostringstream out;
  Transcript transcript(out, {.has_colours = true, .has_unicode = true});
  transcript.check(true, "good");
  transcript.check(false, "bad");
  CHECK(out.str() == "   \033[32m\u2713 good\033[0m\n   \033[31m\u2717 bad\033[0m\n");
}

TEST_CASE("a transcript in which nothing was checked is no success") {
  std::ostringstream out;
  CHECK_FALSE(Transcript(out, {}).all_good());
}

TEST_CASE("words of capability lists are found whole, in each protocol's form") {
  CHECK(holds_word({"250-mail", "250-X-EXPS LOGIN", "250 AUTH LOGIN"}, "X-EXPS"));
  CHECK(holds_word({"250-auth LOGIN"}, "AUTH"));
  CHECK(holds_word({"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready"}, "STARTTLS"));
  CHECK_FALSE(holds_word({"* CAPABILITY LOGIN-REFERRALS"}, "LOGIN"));
  CHECK_FALSE(holds_word({"250-ATRN", "", "x"}, "TURN"));
}

TEST_CASE("audit lines are counted and shown in short; half a line and junk are not") {
  const AuditTable table(
      R"({"event.action":"start"})"
      "\n"
      R"({"event.action":"login","event.outcome":"success","postern.listener":"imaps",)"
      R"("postern.security":"implicit","tls.version":"1.3","postern.auth.mechanism":"LOGIN",)"
      R"("user.name":"anna"})"
      "\n"
      R"({"event.action":"login","event.outcome":"failure","user.name":"anna"})"
      "\njunk\n[]\n"
      R"({"event.action":"session-end","event.reason":"client_closed","postern.listener":"imap",)"
      R"("postern.security":"cleartext"})"
      "\n"
      R"({"event.action":"session-end"})");
  CHECK(table.count("login") == 2);
  CHECK(table.count("session-end") == 1);
  CHECK(table.count_successful_logins_of("anna") == 1);
  CHECK(table.count_successful_logins_of("eve") == 0);
  CHECK(table.first_line_of("start") == R"({"event.action":"start"})");
  CHECK(table.first_line_of("stop").empty());
  CHECK(table.holds("client_closed"));
  CHECK_FALSE(table.holds("fortress"));
  CHECK(table.rows() ==
        std::vector<std::string>{
            "login              imaps        implicit   1.3  LOGIN       anna      success",
            "login              -            -          -    -           anna      failure",
            "session-end        imap         cleartext  -    client_closed"});
}

TEST_CASE("base64 is as RFC 4648 has it, in both directions") {
  const std::pair<std::string_view, std::string_view> rows[] = {{"", ""},
                                                                {"f", "Zg=="},
                                                                {"fo", "Zm8="},
                                                                {"foo", "Zm9v"},
                                                                {"foob", "Zm9vYg=="},
                                                                {"fooba", "Zm9vYmE="},
                                                                {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : rows) {
    CHECK(base64(plain) == coded);
    CHECK(from_base64(coded) == plain);
  }
  CHECK(from_base64("Zg=").empty());
  CHECK(from_base64("Z!==").empty());
}

TEST_CASE("the tour fails, and sends no password, where the old server itself answers") {
  const auto server = LegacyServer::start(
      {.password = "mark3r", .now = [] { return std::chrono::system_clock::time_point(); }});
  REQUIRE(server.ok());
  const LegacyPorts ports = (*server)->ports();
  int asked = 0;
  std::ostringstream out;
  const bool is_good = tour({.ports = {.imap = ports.imap,
                                       .imaps = ports.imap,
                                       .pop3 = ports.pop3,
                                       .pop3s = ports.pop3,
                                       .submission = ports.smtp},
                             .server_name = "mail.example.com",
                             .trusted_pem = "",
                             .user = "anna",
                             .password = "mark3r",
                             .address = "anna@example.com",
                             .audit_lines =
                                 [&asked] {
                                   ++asked;
                                   return std::string();
                                 },
                             .cleartext_report = [] { return std::string(); }},
                            out, {});
  CHECK_FALSE(is_good);
  CHECK(asked > 0);
  const std::string text = out.str();
  CHECK(text.find("FAILED refused before the password was sent") != std::string::npos);
  CHECK(text.find("checks FAILED.\n") != std::string::npos);
  CHECK(text.find("mark3r") == std::string::npos);
  CHECK(text.find("ok logged in") == std::string::npos);
}

}  // namespace
