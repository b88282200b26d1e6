// A verdict on a user acts where the name has come and before the secret passes, in each protocol.
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "test/protocols/conversation.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

constexpr Conditions kInClear{.transport = Transport::cleartext};

const Policy kRefuseNamed = [](const Login& login) {
  return login.user.empty() ? Verdict::allow : Verdict::refuse;
};

// The refusal in clear as transcripts show it.
std::string refusal(Protocol protocol) {
  if (protocol == Protocol::imap) {
    return "a NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS\\r\\n";
  }
  if (protocol == Protocol::pop3) {
    return "-ERR [AUTH] Logins need encryption here: turn on SSL/TLS or STARTTLS in your mail "
           "program\\r\\n";
  }
  return "538 5.7.11 Encryption required for requested authentication mechanism\\r\\n";
}

constexpr std::string_view kName = "amRvZQ==";          // jdoe
constexpr std::string_view kPassword = "dGVzdC1vbmx5";  // test-only
constexpr std::string_view kCram =
    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";  // tim and a digest
constexpr std::string_view kType1 = "TlRMTVNTUAABAAAABoIIAgAAAAAoAAAAAAAAACgAAAAGAbEdAAAADw==";
constexpr std::string_view kType3 =
    "TlRMTVNTUAADAAAAGAAYAE8AAAAYABgAZwAAAAcABwBAAAAABAAEAEcAAAAEAAQASwAAAAAAAAB/"
    "AAAABoIAAENPTlRPU09K"
    "RE9FV1MwMVpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWqWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpQ==";

std::string text(std::string_view view) { return std::string(view); }

// All that the backend was sent.
std::string to_backend(const std::string& transcript) {
  std::string all;
  for (const auto& line : lines_of(transcript, "B: ")) all += line;
  return all;
}

}  // namespace

TEST_CASE("a name refused in mid-exchange: the backend is cancelled, its one answer swallowed") {
  struct Row {
    std::string mechanism;
    std::vector<std::string> before;  // responses that bring no name
    std::string named;
  };
  for (const auto& row : {Row{"LOGIN", {}, text(kName)}, Row{"CRAM-MD5", {}, text(kCram)},
                          Row{"NTLM", {text(kType1)}, text(kType3)}}) {
    for (const auto& framing : kFramings) {
      INFO(name_of(framing.protocol) << " " << row.mechanism);
      std::vector<Action> actions = {backend(framing.greeting),
                                     client(framing.auth + row.mechanism + "\r\n")};
      for (const auto& response : row.before) {
        actions.push_back(backend(framing.challenge));
        actions.push_back(client(response + "\r\n"));
      }
      actions.push_back(backend(framing.challenge));
      // What the client sends on without waiting is matched with its own answers.
      actions.push_back(client(row.named + "\r\n" + framing.next));
      actions.push_back(backend(framing.cancelled));
      actions.push_back(backend(framing.next_ok));
      const auto transcript = converse(framing.protocol, kInClear, actions, kRefuseNamed);
      std::string sent = framing.auth + row.mechanism + "\r\n";
      for (const auto& response : row.before) sent += response + "\r\n";
      REQUIRE(to_backend(transcript) == printable(sent + "*\r\n" + framing.next));
      REQUIRE(transcript.find(printable(framing.cancelled)) == std::string::npos);
      REQUIRE(transcript.find("answered") == std::string::npos);
      const auto refused = transcript.find("C: " + refusal(framing.protocol));
      REQUIRE(refused != std::string::npos);
      REQUIRE(transcript.find(printable(framing.next_ok), refused) != std::string::npos);
    }
  }
}

TEST_CASE("behind a name that was refused no password passes, whatever the client pipelines") {
  for (const auto& framing : kFramings) {
    INFO(name_of(framing.protocol));
    const auto all_at_once =
        framing.auth + "LOGIN\r\n" + text(kName) + "\r\n" + text(kPassword) + "\r\n" + framing.next;
    const auto transcript =
        converse(framing.protocol, kInClear,
                 {backend(framing.greeting), client(all_at_once), backend(framing.challenge),
                  backend(framing.cancelled), backend(framing.next_ok)},
                 kRefuseNamed);
    REQUIRE(lines_of(transcript, "tried ") ==
            std::vector<std::string>{"AUTH-LOGIN secret", "AUTH-LOGIN user=jdoe secret"});
    REQUIRE(to_backend(transcript) == printable(framing.auth + "LOGIN\r\n*\r\n" + framing.next));
    REQUIRE(transcript.find("C: " + refusal(framing.protocol)) != std::string::npos);
    REQUIRE(transcript.ends_with(printable(framing.next_ok) + "\n"));
  }
}

TEST_CASE("a backend that goes on after the cancelling, or lets in, ends the session") {
  for (const auto& framing : kFramings) {
    for (const auto& answer : {framing.challenge, framing.success}) {
      INFO(name_of(framing.protocol) << " " << answer);
      const auto transcript =
          converse(framing.protocol, kInClear,
                   {backend(framing.greeting), client(framing.auth + "LOGIN\r\n"),
                    backend(framing.challenge), client(text(kName) + "\r\n"), backend(answer),
                    client(framing.next)},
                   kRefuseNamed);
      REQUIRE(transcript.find("end ") != std::string::npos);
      REQUIRE(to_backend(transcript) == printable(framing.auth + "LOGIN\r\n*\r\n"));
    }
  }
}

TEST_CASE("a login after a refused one is another login") {
  for (const auto& framing : kFramings) {
    INFO(name_of(framing.protocol));
    const auto transcript = converse(
        framing.protocol, kInClear,
        {backend(framing.greeting), client(framing.auth + "LOGIN " + text(kName) + "\r\n"),
         client(framing.auth + "CRAM-MD5\r\n"), backend(framing.challenge),
         client(text(kCram) + "\r\n"), backend(framing.success)},
        [](const Login& login) { return login.user == "jdoe" ? Verdict::refuse : Verdict::allow; });
    REQUIRE(
        lines_of(transcript, "tried ") ==
        std::vector<std::string>{"AUTH-LOGIN user=jdoe secret", "CRAM-MD5", "CRAM-MD5 user=tim"});
    REQUIRE(lines_of(transcript, "answered ") ==
            std::vector<std::string>{"CRAM-MD5 user=tim success"});
    REQUIRE(to_backend(transcript).find(kName) == std::string::npos);
  }
}

TEST_CASE("POP3's USER is refused before PASS, and no PASS behind it passes") {
  REQUIRE(to_backend(converse(Protocol::pop3, kInClear,
                              {backend("+OK ready\r\n"), client("USER joe\r\nPASS x\r\nNOOP\r\n"),
                               backend("+OK\r\n")},
                              kRefuseNamed)) == "NOOP\\r\\n");
}

TEST_CASE("IMAP's LOGIN with a synchronising literal is refused before the password is asked for") {
  const auto& imap = kFramings[1];
  const auto transcript = converse(Protocol::imap, kInClear,
                                   {backend(imap.greeting), client("a LOGIN {3}\r\n"),
                                    client("joe {9}\r\nb NOOP\r\n"), backend(imap.next_ok)},
                                   kRefuseNamed);
  REQUIRE(
      transcript.ends_with("tried LOGIN secret\nC: + Ready for the literal\\r\\n\n"
                           "tried LOGIN user=joe secret\nC: " +
                           refusal(Protocol::imap) + "\nB: b NOOP\\r\\n\nC: b OK ok\\r\\n\n"));
}

TEST_CASE("IMAP: a password sent without waiting behind a refused LOGIN is no command") {
  const auto& imap = kFramings[1];
  const auto start = client("a LOGIN joe {9}\r\n");
  const auto rest = client("my secret\r\nb NOOP\r\nc XYZZY\r\n");
  REQUIRE(to_backend(converse(Protocol::imap, kInClear, {backend(imap.greeting), start, rest},
                              always(Verdict::refuse))) == "b NOOP\\r\\nc XYZZY\\r\\n");
  REQUIRE(to_backend(converse(Protocol::imap, kInClear,
                              {backend(imap.greeting), start, backend("a NO no\r\n"), rest},
                              always(Verdict::allow))) ==
          "a LOGIN joe {9}\\r\\nb NOOP\\r\\nc XYZZY\\r\\n");
}

TEST_CASE("a login whose name will come is judged again where it did not, before it can log in") {
  // Where nothing says who logs in, the session must hear of it: it had awaited the name.
  struct Row {
    std::string mechanism;
    std::string nameless;
  };
  for (const auto& row :
       {Row{"PLAIN", "amRvZQB0ZXN0LW9ubHk="}, Row{"PLAIN", "not base64"}, Row{"LOGIN", ""},
        Row{"LOGIN", "*not base64*"}, Row{"CRAM-MD5", "amRvZQ=="},
        Row{"DIGEST-MD5", "cmVzcG9uc2U9eA=="}, Row{"SCRAM-SHA-1", "bm9uc2Vuc2U="},
        Row{"NTLM", "TlRMTVNTUAADAAAA"}, Row{"GSS-SPNEGO", "YIIabcde"}, Row{"XOAUTH2", "dXNlcj0="},
        Row{"EXTERNAL", ""}, Row{"OAUTHBEARER", "biwsAWF1dGg9QmVhcmVyIElOVkVOVEVELlRPS0VOAQE="}}) {
    for (const auto& framing : kFramings) {
      INFO(name_of(framing.protocol) << " " << row.mechanism << " " << row.nameless);
      const Options options;
      const auto dialogue = make_dialogue(framing.protocol, options, kInClear);
      std::vector<bool> follows;
      std::string sent;
      const auto play = [&](Side side, const std::string& bytes, Verdict verdict) {
        Steps steps;
        dialogue->feed(side, bytes, steps);
        for (bool again = true; again;) {
          again = false;
          std::optional<LoginTried> tried;
          for (const auto& step : steps) {
            if (const auto* send = std::get_if<Send>(&step)) {
              if (send->to == Side::backend) sent += send->bytes;
            }
            if (const auto* one = std::get_if<LoginTried>(&step)) tried = *one;
          }
          if (!tried) return;
          follows.push_back(tried->name_follows);
          steps.clear();
          dialogue->decide(verdict, steps);
          again = true;
        }
      };
      play(Side::backend, framing.greeting, Verdict::allow);
      play(Side::client, framing.auth + row.mechanism + "\r\n", Verdict::allow);
      play(Side::backend, framing.challenge, Verdict::allow);
      play(Side::client, row.nameless + "\r\n", Verdict::refuse);
      REQUIRE(follows == std::vector<bool>{true, false});
      REQUIRE(sent == framing.auth + row.mechanism + "\r\n*\r\n");
    }
  }
}
