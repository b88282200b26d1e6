// The table of POP3 replies, whole.
#include "protocols/pop3_replies.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "test/support/source_dir.h"

using namespace postern::protocols;

namespace {

constexpr std::size_t kReplyLimit = 512;  // RFC 2449 section 4

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("each POP3 reply is printable ASCII, a status line of its own, and within 512 octets") {
  for (const auto& row : kPop3Replies) {
    INFO(row.text);
    REQUIRE((row.text.starts_with("+OK") || row.text.starts_with("-ERR ")));
    REQUIRE(row.text.ends_with("\r\n"));
    REQUIRE(row.text.size() <= kReplyLimit);
    const bool list = row.text.ends_with("\r\n.\r\n");
    std::size_t lines = 0;
    for (std::size_t i = 0; i < row.text.size(); ++i) {
      if (row.text[i] == '\r') {
        REQUIRE(row.text[i + 1] == '\n');
        ++lines;
        ++i;
      } else {
        REQUIRE((row.text[i] >= 0x20 && row.text[i] < 0x7f));
      }
    }
    REQUIRE((lines == 1) == !list);
  }
}

TEST_CASE("each POP3 reply is used, and no text of one stands anywhere else") {
  std::string sources;
  for (const auto& entry :
       std::filesystem::directory_iterator(postern::test::source_dir() + "/protocols")) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("pop3_") && name != "pop3_replies.h")
      sources += text_of_file(entry.path());
  }
  const auto header = text_of_file(postern::test::source_dir() + "/protocols/pop3_replies.h");
  constexpr std::string_view kRow = "Pop3ReplyRow{Pop3Reply::";
  std::size_t rows = 0;
  for (auto at = header.find(kRow); at != std::string::npos; at = header.find(kRow, at + 1)) {
    const auto name = header.substr(at + kRow.size());
    const auto use = "Pop3Reply::" + name.substr(0, name.find(','));
    INFO(use);
    const auto used = sources.find(use);
    REQUIRE(used != std::string::npos);
    ++rows;
  }
  REQUIRE(rows == kPop3Replies.size());
  REQUIRE(sources.find("\"-ERR ") == std::string::npos);
  REQUIRE(sources.find("\"+OK ") == std::string::npos);
}

TEST_CASE("the POP3 greeting names the host and stays within the limit") {
  Options options;
  options.hostname = "mail.example.com";
  Steps steps;
  say_pop3(Pop3Reply::greeting, options, steps);
  REQUIRE(std::get<Send>(steps[0]).bytes == "+OK POP3 mail.example.com ready\r\n");
  options.hostname = std::string(5000, 'h');
  steps.clear();
  say_pop3(Pop3Reply::greeting, options, steps);
  REQUIRE(std::get<Send>(steps[0]).bytes.size() <= kReplyLimit);
}

TEST_CASE("each POP3 farewell has words of its own, temporary ones with [SYS/TEMP]") {
  std::string all;
  for (const auto why :
       {Farewell::backend_unreachable, Farewell::backend_lost, Farewell::shutting_down,
        Farewell::login_timeout, Farewell::idle_timeout, Farewell::too_many_connections,
        Farewell::out_of_resources, Farewell::tls_on_clear_port, Farewell::clear_on_tls_port,
        Farewell::old_tls_1_0, Farewell::old_tls_1_1, Farewell::old_tls_1_2}) {
    const auto words = pop3_farewell(why, Options{});
    REQUIRE(all.find(words) == std::string::npos);
    all += words;
  }
  REQUIRE(all ==
          "-ERR [SYS/TEMP] The mail server cannot be reached, try again later\r\n"
          "-ERR [SYS/TEMP] The mail server closed the connection, try again later\r\n"
          "-ERR [SYS/TEMP] Going down for maintenance, try again later\r\n"
          "-ERR Nobody logged in for too long, goodbye\r\n"
          "-ERR Idle for too long, goodbye\r\n"
          "-ERR [SYS/TEMP] Too many connections, try again later\r\n"
          "-ERR [SYS/TEMP] Out of resources, try again later\r\n"
          "-ERR This port begins in clear text: use STARTTLS (STLS), or the port for SSL/TLS\r\n"
          "-ERR This port speaks TLS from the first byte: use SSL/TLS\r\n"
          "-ERR [SYS/PERM] TLS 1.0 is not supported any more, this server needs a later version\r\n"
          "-ERR [SYS/PERM] TLS 1.1 is not supported any more, this server needs a later version\r\n"
          "-ERR [SYS/PERM] TLS 1.2 is not supported any more, this server needs a later "
          "version\r\n");
}
