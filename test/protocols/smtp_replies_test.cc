// The table of SMTP replies, checked whole; and the reading of single lines.
#include "protocols/smtp_replies.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "protocols/smtp_line.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;

namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("each reply of SMTP is ASCII, ends in CRLF and fits a reply line with the longest name") {
  for (const auto& row : kSmtpReplies) {
    std::string text(row.text);
    INFO(text);
    const auto mark = text.find("{host}");
    if (mark != std::string::npos) text.replace(mark, 6, std::string(255, 'h'));
    REQUIRE(text.ends_with("\r\n"));
    std::size_t begin = 0;
    while (begin < text.size()) {
      const auto end = text.find("\r\n", begin);
      const auto line = text.substr(begin, end - begin);
      REQUIRE(line.size() + 2 <= 512);
      REQUIRE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
      REQUIRE(std::regex_search(line, std::regex("^[2-5][0-5][0-9][ -]")));
      const bool last = end + 2 == text.size();
      REQUIRE(line[3] == (last ? ' ' : '-'));
      // An enhanced code is of the class of its reply's code (RFC 2034 4).
      std::smatch enhanced;
      if (std::regex_search(line, enhanced, std::regex("^...[ -]([245])\\.[0-9]+\\.[0-9]+ "))) {
        REQUIRE(enhanced[1].str()[0] == line[0]);
      }
      begin = end + 2;
    }
  }
}

TEST_CASE("the table of SMTP replies is in the order of its names, and each is used") {
  std::string sources;
  const std::filesystem::path folder =
      std::filesystem::path(postern::test::source_dir()) / "protocols";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("smtp_") && name.ends_with(".cc")) sources += contents(entry.path());
  }
  const auto header = contents(folder / "smtp_replies.h");
  const std::regex row("SmtpReply::([a-z0-9_]+),");
  std::size_t rows = 0;
  for (auto found = std::sregex_iterator(header.begin(), header.end(), row);
       found != std::sregex_iterator(); ++found, ++rows) {
    INFO((*found)[1].str());
    REQUIRE(std::regex_search(sources, std::regex("SmtpReply::" + (*found)[1].str() + "\\b")));
  }
  REQUIRE(rows == kSmtpReplies.size());
  for (std::size_t i = 0; i < kSmtpReplies.size(); ++i) {
    REQUIRE(static_cast<std::size_t>(kSmtpReplies[i].reply) == i);
  }
}

TEST_CASE("verbs are read in any case, blanks around them or not, and never across a word") {
  const std::set<std::string, std::less<>> hidden = {"VRFY", "X-EXPS"};
  const auto verb = [&](std::string_view line) { return parse_smtp_command(line, hidden).verb; };
  REQUIRE(verb("DATA\r\n") == SmtpVerb::data);
  REQUIRE(verb(" \tdata\x0b\r\n") == SmtpVerb::data);
  REQUIRE(verb("DATA\x0cx\r\n") == SmtpVerb::data);
  REQUIRE(verb("DATAX\r\n") == SmtpVerb::unknown);
  REQUIRE(verb("AUTH=PLAIN\r\n") == SmtpVerb::auth);
  REQUIRE(parse_smtp_command("x-exps=ntlm  x", {}).argument == "ntlm  x");
  REQUIRE(verb("AUTHX=PLAIN\r\n") == SmtpVerb::unknown);
  REQUIRE(verb("X-EXPS=LOGIN\r\n") == SmtpVerb::hidden);
  REQUIRE(verb("Vrfy\r\n") == SmtpVerb::hidden);
  REQUIRE(verb("VRFYX\r\n") == SmtpVerb::unknown);
  REQUIRE(verb("expn x\r\n") == SmtpVerb::known);
  REQUIRE(verb("\r\n") == SmtpVerb::unknown);
  REQUIRE(verb(std::string(5000, 'A')) == SmtpVerb::unknown);
  const auto mail = parse_smtp_command("mail  FROM:<a b> X=1 \r\n", hidden);
  REQUIRE(mail.name == "MAIL");
  REQUIRE(mail.argument == "FROM:<a b> X=1");
}

TEST_CASE("reply lines have three digits and a separator, or the digits alone") {
  REQUIRE(parse_smtp_reply("250 ok\r\n")->code == 250);
  REQUIRE(parse_smtp_reply("250 ok\r\n")->last);
  REQUIRE_FALSE(parse_smtp_reply("599-more\n")->last);
  REQUIRE(parse_smtp_reply("221\r\n")->last);
  REQUIRE(parse_smtp_reply("354 \r\n")->go_on());
  for (const std::string_view line :
       {"25 ok", "2500 ok", "abc", "", "150 x", "600 x", "2a0 x", "250_x", " 250 x"}) {
    REQUIRE_FALSE(parse_smtp_reply(std::string(line) + "\r\n"));
  }
}
