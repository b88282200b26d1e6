// What people are told beside postern's own words: refusals, warnings, and their bounds.
#include "protocols/help.h"

#include <catch2/catch.hpp>
#include <string>

#include "protocols/imap_gate.h"
#include "protocols/pop3_command.h"
#include "protocols/pop3_gate.h"
#include "protocols/smtp_gate.h"
#include "protocols/smtp_line.h"
#include "test/support/cutter.h"

using namespace postern::protocols;

namespace {

Options with(std::string text, std::string url) {
  Options options;
  options.hostname = "mail.example.com";
  options.refusal_text = std::move(text);
  options.help_url = std::move(url);
  return options;
}

// The longest that settings may hold.
const Options kLongest = [] {
  auto options = with(std::string(160, 't'), std::string(160, 'u'));
  options.hostname = std::string(255, 'h');
  return options;
}();

const Login kSecret{"PLAIN", "jdoe", "", true};
const Login kDigest{"CRAM-MD5", "jdoe", "", false};

std::string warned(std::string_view line, const Login& login = kSecret,
                   const Options& options = with("", "")) {
  return with_warning(line, size_of_codes(line), login, options);
}

}  // namespace

TEST_CASE("the administrator's words stand behind postern's own as sentences") {
  REQUIRE(with_help("535 No\r\n", with("", "")) == "535 No\r\n");
  REQUIRE(with_help("535 No\r\n", with("Ask Joe", "")) == "535 No. Ask Joe\r\n");
  REQUIRE(with_help("535 No\r\n", with("Ask Joe.", "https://x")) ==
          "535 No. Ask Joe. See https://x\r\n");
  REQUIRE(with_help("535 No!\r\n", with("Ask Joe", "https://x")) ==
          "535 No! Ask Joe. See https://x\r\n");
  REQUIRE(with_help("535 No\r\n", with("", "https://x")) == "535 No. See https://x\r\n");
}

TEST_CASE("what does not fit a reply line is left out, the text before the address") {
  const std::string line(400, 'x');
  REQUIRE(with_help(line, with(std::string(160, 't'), "https://x")) ==
          line + ". See https://x\r\n");
  REQUIRE(with_help(std::string(505, 'x'), with("t", "https://x")) ==
          std::string(505, 'x') + "\r\n");
}

TEST_CASE("a warning stands behind the backend's words, which are cut where they leave no room") {
  const std::string secret =
      "Your password came without encryption, which will be refused soon: turn on SSL/TLS or "
      "STARTTLS in your mail program";
  REQUIRE(warned("235 2.7.0 Authentication successful.\r\n") ==
          "235 2.7.0 Authentication successful. " + secret + "\r\n");
  REQUIRE(warned("235 ok\n", kDigest, with("Ask Joe.", "https://x")) ==
          "235 ok. Your login came without encryption, which will be refused soon: turn on SSL/TLS "
          "or STARTTLS in your mail program. Ask Joe. See https://x\r\n");
  REQUIRE(warned("235\r\n") == "235 " + secret + "\r\n");
  REQUIRE(warned("235 2.7.0\r\n") == "235 2.7.0 " + secret + "\r\n");
  REQUIRE(warned("235 2.7.0 \r\n") == "235 2.7.0 " + secret + "\r\n");
  for (const std::size_t size : {0U, 1U, 20U, 100U, 5000U}) {
    const auto line = warned("235 2.7.0 " + std::string(size, 'x') + "\r\n", kSecret, kLongest);
    REQUIRE(line.size() <= kMaxReplyOctets);
    REQUIRE(line.starts_with("235 2.7.0 "));
    REQUIRE(line.ends_with(kLongest.refusal_text + ". See " + kLongest.help_url + "\r\n"));
    REQUIRE(line.find(secret) != std::string::npos);
  }
}

TEST_CASE("the backend's words are not cut within a letter") {
  std::string letters = "235 ";
  for (int i = 0; i < 300; ++i) letters += "\xc3\xbc";
  for (const std::string_view shift : {"", "x"}) {
    const auto line = warned(std::string(shift.empty() ? "235 " : "235 x") + letters.substr(4));
    REQUIRE(line.size() <= kMaxReplyOctets);
    const auto end = line.find(". Your");
    REQUIRE(end != std::string::npos);
    REQUIRE(line[end - 1] == '\xbc');
  }
}

TEST_CASE("the codes at a success reply's beginning are told from its words") {
  REQUIRE(size_of_codes("235\r\n") == 3);
  REQUIRE(size_of_codes("235 ok\r\n") == 4);
  REQUIRE(size_of_codes("235 2.7.0 ok\r\n") == 10);
  REQUIRE(size_of_codes("235 2.7.0\r\n") == 9);
  REQUIRE(size_of_codes("235 1.2.3.4 is you\r\n") == 4);
  REQUIRE(size_of_codes("235 2.7 ok\r\n") == 4);
  REQUIRE(size_of_pop3_codes("+OK\r\n") == 3);
  REQUIRE(size_of_pop3_codes("+OK in\r\n") == 4);
  REQUIRE(size_of_pop3_codes("+OK [AUTH] in\r\n") == 11);
  REQUIRE(size_of_pop3_codes("+OK [AUTH\r\n") == 4);
  REQUIRE(size_of_pop3_codes("+OK [" + std::string(100, 'x') + "] in\r\n") == 4);
}

TEST_CASE("farewells to old TLS say which it is and where help stands, in one line of 512 octets") {
  const auto options = with("Replaced in 2027.", "https://help.example");
  REQUIRE(
      farewell_line(Protocol::smtp, Farewell::old_tls_1_0, options) ==
      "421 4.7.66 mail.example.com TLS 1.0 is not supported any more, this server needs a later "
      "version. Replaced in 2027. See https://help.example\r\n");
  REQUIRE(farewell_line(Protocol::imap, Farewell::old_tls_1_1, options) ==
          "* BYE [ALERT] TLS 1.1 is not supported any more, this server needs a later version. "
          "Replaced in 2027. See https://help.example\r\n");
  REQUIRE(farewell_line(Protocol::pop3, Farewell::old_tls_1_2, options) ==
          "-ERR [SYS/PERM] TLS 1.2 is not supported any more, this server needs a later version. "
          "Replaced in 2027. See https://help.example\r\n");
  for (const auto protocol :
       {Protocol::smtp, Protocol::submission, Protocol::imap, Protocol::pop3}) {
    for (const auto why : {Farewell::old_tls_1_0, Farewell::old_tls_1_1, Farewell::old_tls_1_2}) {
      const auto line = farewell_line(protocol, why, kLongest);
      REQUIRE(line.size() <= kMaxReplyOctets);
      REQUIRE(line.find("\r\n") == line.size() - 2);
      REQUIRE(line.ends_with("See " + kLongest.help_url + "\r\n"));
    }
    REQUIRE(farewell_line(protocol, Farewell::shutting_down, options).find("help") ==
            std::string::npos);
  }
}

TEST_CASE("each gate gives help to whom it refuses, and to nobody else") {
  const auto options = with("Old ways end.", "https://help.example");
  const std::string help = ". Old ways end. See https://help.example\\r\\n";
  const auto answers = [&](Protocol protocol, std::string_view line) {
    return postern::test::run([&] { return make_gate(protocol, options); }, line);
  };
  REQUIRE(answers(Protocol::smtp, "AUTH LOGIN\r\n").find("command first" + help) !=
          std::string::npos);
  REQUIRE(answers(Protocol::smtp, "MAIL FROM:<a>\r\n").find("command first" + help) !=
          std::string::npos);
  REQUIRE(answers(Protocol::imap, "a LOGIN b c\r\n").find("use TLS" + help) != std::string::npos);
  REQUIRE(answers(Protocol::pop3, "USER a\r\n").find("mail program" + help) != std::string::npos);
  REQUIRE(answers(Protocol::smtp, "EHLO c\r\nNOOP\r\n").find("help") == std::string::npos);
  REQUIRE(answers(Protocol::imap, "a CAPABILITY\r\nb FETCH\r\n").find("help") == std::string::npos);
  REQUIRE(answers(Protocol::pop3, "CAPA\r\nSTAT\r\n").find("help") == std::string::npos);
}

TEST_CASE("the longest refusals stay within 512 octets and one line") {
  const std::string tag(128, 't');
  for (const auto& [protocol, line] : {std::pair{Protocol::smtp, std::string("AUTH LOGIN\r\n")},
                                       std::pair{Protocol::imap, tag + " LOGIN b {1}\r\n"},
                                       std::pair{Protocol::pop3, std::string("USER a\r\n")}}) {
    const auto gate = make_gate(protocol, kLongest);
    Steps steps;
    gate->feed(line, steps);
    std::string said;
    for (const auto& step : steps) {
      if (const auto* send = std::get_if<Send>(&step)) said += send->bytes;
    }
    REQUIRE(said.size() <= kMaxReplyOctets);
    REQUIRE(said.find("\r\n") == said.size() - 2);
    REQUIRE(said.ends_with("See " + kLongest.help_url + "\r\n"));
  }
}
