// A login refused for want of a client certificate: each protocol's words, and nothing of it passes.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <variant>

#include "protocols/dialogue.h"

using namespace postern::protocols;

namespace {

struct Row {
  Protocol protocol;
  const char* greeting;  // of the backend
  const char* login;     // of the client
  const char* under_tls;
  const char* in_clear;
};

constexpr const char* kName = "AUTH PLAIN AGpkb2UAdGVzdC1vbmx5\r\n";

const Row kRows[] = {
    {Protocol::submission, "220 old ESMTP\r\n", kName,
     "535 5.7.8 This login needs a client certificate: choose yours in your mail program. Ask.\r\n",
     "538 5.7.11 Encryption required for requested authentication mechanism. Ask.\r\n"},
    {Protocol::imap, "* OK old\r\n", "a LOGIN jdoe test-only\r\n",
     "a NO [AUTHORIZATIONFAILED] This login needs a client certificate: choose yours in your mail "
     "program. Ask.\r\n",
     "* BAD [ALERT] Your password was sent without encryption although this server does not take "
     "it "
     "so: it was exposed. Please change it, and switch TLS on in your mail program.\r\n"
     "a NO [PRIVACYREQUIRED] Logging in needs an encrypted connection: use TLS. Ask.\r\n"},
    {Protocol::pop3, "+OK old\r\n", kName,
     "-ERR [AUTH] This login needs a client certificate: choose yours in your mail program. "
     "Ask.\r\n",
     "-ERR [AUTH] Logins need encryption here: turn on SSL/TLS or STARTTLS in your mail program. "
     "Ask.\r\n"},
};

}  // namespace

TEST_CASE(
    "a refusal for want of a client certificate says so under TLS, and asks for TLS in clear") {
  for (const auto& row : kRows) {
    for (const auto transport : {Transport::tls, Transport::cleartext}) {
      Options options;
      options.refusal_text = "Ask.";
      Conditions conditions;
      conditions.transport = transport;
      const auto dialogue = make_dialogue(row.protocol, options, conditions);
      std::string to_client;
      std::string to_backend;
      bool is_held = false;
      const auto take = [&](const Steps& steps) {
        for (const auto& step : steps) {
          if (const auto* send = std::get_if<Send>(&step)) {
            (send->to == Side::client ? to_client : to_backend) += send->bytes;
          }
          is_held |= std::holds_alternative<LoginTried>(step);
        }
      };
      Steps steps;
      dialogue->feed(Side::backend, row.greeting, steps);
      take(steps);
      to_client.clear();
      steps.clear();
      dialogue->feed(Side::client, row.login, steps);
      take(steps);
      REQUIRE(is_held);
      steps.clear();
      dialogue->decide(Verdict::needs_certificate, steps);
      take(steps);
      CHECK(to_client == (transport == Transport::tls ? row.under_tls : row.in_clear));
      CHECK(to_backend.empty());
    }
  }
}
