// See marked_login.h.
#include "test/fuzz/protocols/marked_login.h"

#include <array>
#include <cctype>
#include <cstdint>
#include <vector>

namespace postern::test {

using protocols::Protocol;

namespace {

std::string base64(std::string_view octets) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto octet = at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0U;
      group = group << 8U | octet;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += at + i <= octets.size() ? kLetters[group >> (18U - 6U * i) & 63U] : '=';
    }
  }
  return text;
}

// One account's words.
struct Words {
  Words(std::string_view name, std::string_view password) : user(name), secret(password) {}

  std::string user;
  std::string secret;
  std::string user_code = base64(user);
  std::string secret_code = base64(secret);
  std::string plain = base64(std::string(1, '\0') + user + std::string(1, '\0') + secret);
  std::string plain_for_boss =
      base64("boss" + std::string(1, '\0') + user + std::string(1, '\0') + secret);
  std::string token = base64("user=" + user + "\x01" + "auth=Bearer " + secret + "\x01\x01");
};

const Words& words_of(Account account) {
  static const Words kMarked(kMarkedUser, kMarkedSecret);
  static const Words kOther("joe", "test-only-9");
  return account == Account::marked ? kMarked : kOther;
}

// AUTH of SMTP and POP3, AUTHENTICATE of IMAP.
std::vector<std::string> exchanges(const std::string& verb, const Words& words) {
  return {
      verb + " PLAIN " + words.plain + "\r\n",
      verb + " PLAIN\r\n" + words.plain + "\r\n",
      verb + " PLAIN " + words.plain_for_boss + "\r\n",
      verb + " LOGIN\r\n" + words.user_code + "\r\n" + words.secret_code + "\r\n",
      verb + " LOGIN " + words.user_code + "\r\n" + words.secret_code + "\r\n",
      verb + " XOAUTH2 " + words.token + "\r\n",
      verb + " XOAUTH2\r\n" + words.token + "\r\n",
      verb + " plain\r\n" + words.plain_for_boss + "\r\n",
  };
}

std::string announce(std::string_view text, std::string_view plus) {
  return "{" + std::to_string(text.size()).append(plus) + "}\r\n" + std::string(text);
}

std::vector<std::string> attempts(Protocol protocol, Account account) {
  const auto& words = words_of(account);
  const auto& user = words.user;
  const auto& secret = words.secret;
  if (protocol == Protocol::pop3) {
    auto all = exchanges("AUTH", words);
    all.push_back("USER " + user + "\r\nPASS " + secret + "\r\n");
    all.push_back("user  " + user + "\r\npass  " + secret + "\r\n");
    return all;
  }
  if (protocol != Protocol::imap) return exchanges("AUTH", words);
  auto all = exchanges("h AUTHENTICATE", words);
  all.push_back("h LOGIN " + user + " " + secret + "\r\n");
  all.push_back("h login \"" + user + "\" \"" + secret + "\"\r\n");
  all.push_back("h LOGIN " + announce(user, "") + " " + announce(secret, "") + "\r\n");
  all.push_back("h LOGIN " + announce(user, "+") + " " + announce(secret, "+") + "\r\n");
  all.push_back("h LOGIN " + user + " " + announce(secret, "+") + "\r\n");
  all.push_back("h LOGIN " + announce(user, "+") + " " + secret + "\r\n");
  return all;
}

std::array<std::vector<std::string>, 4> all_attempts(Account account) {
  return {attempts(Protocol::smtp, account), attempts(Protocol::submission, account),
          attempts(Protocol::imap, account), attempts(Protocol::pop3, account)};
}

}  // namespace

const std::string& login_attempt(Protocol protocol, Account account, unsigned number) {
  static const auto kMarked = all_attempts(Account::marked);
  static const auto kOther = all_attempts(Account::other);
  const auto& all =
      (account == Account::marked ? kMarked : kOther)[static_cast<std::size_t>(protocol)];
  return all[number % all.size()];
}

bool holds_secret(std::string_view text) {
  const auto& words = words_of(Account::marked);
  for (const auto* form :
       {&words.secret, &words.secret_code, &words.plain, &words.plain_for_boss, &words.token}) {
    if (text.find(*form) != std::string_view::npos) return true;
  }
  return false;
}

bool is_harmless_command(std::string_view line) {
  constexpr std::array<std::string_view, 8> kOthers = {"AUTH", "LOGIN", "DATA", "BDAT",
                                                       "USER", "PASS",  "APOP", "TLS"};
  if (!line.ends_with("\r\n") || line.find('{') != std::string_view::npos) return false;
  line.remove_suffix(2);
  std::string upper;
  for (const char c : line) {
    if (c < ' ' || c > '~') return false;
    upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  for (const auto word : kOthers) {
    if (upper.find(word) != std::string::npos) return false;
  }
  return true;
}

}  // namespace postern::test
