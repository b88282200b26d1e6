// A login refused for now gets each protocol's words for a failure that will pass, and one that is
// under way is judged once more before its secret leaves.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "test/protocols/conversation.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

constexpr std::string_view kName = "amRvZQ==";          // jdoe
constexpr std::string_view kPassword = "dGVzdC1vbmx5";  // test-only
constexpr std::string_view kPlain = "AGpkb2UAdGVzdC1vbmx5";

std::string later(Protocol protocol) {
  if (protocol == Protocol::imap) {
    return "a NO [UNAVAILABLE] Logging in is not possible at the moment, try again later\r\n";
  }
  if (protocol == Protocol::pop3) {
    return "-ERR [SYS/TEMP] Logging in is not possible at the moment, try again later\r\n";
  }
  return "454 4.7.0 Temporary authentication failure\r\n";
}

std::string with(std::string_view text) { return std::string(text) + "\r\n"; }

Conditions under(Transport transport, Judging judging = Judging::as_known) {
  Conditions conditions;
  conditions.transport = transport;
  conditions.judging = judging;
  return conditions;
}

// A dialogue whose verdicts the test gives one by one.
class Hand {
 public:
  Hand(Protocol protocol, const Conditions& conditions)
      : dialogue_(make_dialogue(protocol, options_, conditions)) {}

  // Feeds, and gives what left to `to`; a held login is answered with `verdict`.
  std::string play(Side from, const std::string& bytes, Side to, Verdict verdict) {
    Steps steps;
    dialogue_->feed(from, bytes, steps);
    auto text = taken(steps, to);
    while (is_held_) {
      steps.clear();
      dialogue_->decide(verdict, steps);
      text += taken(steps, to);
    }
    return text;
  }
  int tries() const { return tries_; }
  int answers() const { return answers_; }

 private:
  std::string taken(const Steps& steps, Side to) {
    std::string text;
    is_held_ = false;
    for (const auto& step : steps) {
      const auto* const send = std::get_if<Send>(&step);
      if (send != nullptr && send->to == to) text += send->bytes;
      is_held_ = std::holds_alternative<LoginTried>(step);
      tries_ += is_held_ ? 1 : 0;
      answers_ += std::holds_alternative<LoginAnswered>(step) ? 1 : 0;
    }
    return text;
  }

  const Options options_;
  std::unique_ptr<Dialogue> dialogue_;
  bool is_held_ = false;
  int tries_ = 0;
  int answers_ = 0;
};

}  // namespace

TEST_CASE("a login refused for now gets words that say so, and no help: TLS would not cure it") {
  Options options;
  options.refusal_text = "Ask the help desk";
  options.help_url = "https://example.test/help";
  for (const auto& framing : kFramings) {
    for (const auto transport : {Transport::cleartext, Transport::tls}) {
      const auto text = converse(
          framing.protocol, under(transport),
          {backend(framing.greeting), client(framing.auth + "PLAIN " + with(kPlain) + framing.next),
           backend(framing.next_ok)},
          always(Verdict::unavailable), options);
      INFO(text);
      const auto heard = lines_of(text, "C: ");
      REQUIRE(heard.size() >= 2);
      CHECK(heard[1].starts_with(printable(later(framing.protocol))));
      // The session goes on, and nothing of the login has left.
      CHECK(lines_of(text, "B: ") == std::vector{printable(framing.next)});
    }
  }
}

TEST_CASE("IMAP's LOGIN and POP3's USER are refused for now in the same words") {
  for (const auto& row : {std::pair{Protocol::imap, std::string("a LOGIN jdoe test-only\r\n")},
                          std::pair{Protocol::imap, std::string("a LOGIN {4}\r\n")},
                          std::pair{Protocol::pop3, std::string("USER jdoe\r\n")}}) {
    const std::string greeting = row.first == Protocol::imap ? "* OK hi\r\n" : "+OK hi\r\n";
    const auto text =
        converse(row.first, under(Transport::tls), {backend(greeting), client(row.second)},
                 always(Verdict::unavailable));
    INFO(text);
    CHECK(lines_of(text, "C: ").back() == printable(later(row.first)));
    CHECK(lines_of(text, "B: ").empty());
  }
  // The PASS behind it, too.
  const auto text = converse(Protocol::pop3, under(Transport::tls),
                             {backend("+OK hi\r\n"), client("USER jdoe\r\nPASS test-only\r\n")},
                             always(Verdict::unavailable));
  CHECK(lines_of(text, "tried").size() == 1);
  CHECK(lines_of(text, "C: ").back() == printable(later(Protocol::pop3) + later(Protocol::pop3)));
}

TEST_CASE("within an exchange it is cancelled at the backend first") {
  for (const auto& framing : kFramings) {
    Hand hand(framing.protocol, under(Transport::tls));
    const auto feed = [&](Side from, const std::string& bytes, Side to, Verdict verdict) {
      return hand.play(from, bytes, to, verdict);
    };
    feed(Side::backend, framing.greeting, Side::client, Verdict::allow);
    feed(Side::client, framing.auth + "LOGIN\r\n", Side::backend, Verdict::allow);
    feed(Side::backend, framing.challenge, Side::client, Verdict::allow);
    CHECK(feed(Side::client, with(kName), Side::backend, Verdict::unavailable) == "*\r\n");
    CHECK(feed(Side::backend, framing.cancelled, Side::client, Verdict::allow) ==
          later(framing.protocol));
    CHECK(feed(Side::client, framing.next, Side::backend, Verdict::allow) == framing.next);
    CHECK(hand.answers() == 0);
  }
}

TEST_CASE("where each piece is judged, the password waits for a verdict of its own") {
  for (const auto& framing : kFramings) {
    for (const auto verdict : {Verdict::allow, Verdict::unavailable}) {
      Hand hand(framing.protocol, under(Transport::tls, Judging::each_piece));
      hand.play(Side::backend, framing.greeting, Side::client, Verdict::allow);
      hand.play(Side::client, framing.auth + "LOGIN\r\n", Side::backend, Verdict::allow);
      hand.play(Side::backend, framing.challenge, Side::client, Verdict::allow);
      hand.play(Side::client, with(kName), Side::backend, Verdict::allow);
      hand.play(Side::backend, framing.challenge, Side::client, Verdict::allow);
      const auto sent = hand.play(Side::client, with(kPassword), Side::backend, verdict);
      CHECK(hand.tries() == 3);
      if (verdict == Verdict::allow) {
        CHECK(sent == with(kPassword));
        CHECK(hand.play(Side::backend, framing.success, Side::client, verdict) == framing.success);
      } else {
        CHECK(sent == "*\r\n");
        CHECK(hand.play(Side::backend, framing.cancelled, Side::client, verdict) ==
              later(framing.protocol));
      }
    }
  }
}

TEST_CASE("where each piece is judged, a PASS behind USER is held, and is no try of its own") {
  for (const std::string answer : {"+OK\r\n", "-ERR no such user\r\n"}) {
    Hand hand(Protocol::pop3, under(Transport::tls, Judging::each_piece));
    hand.play(Side::backend, "+OK hi\r\n", Side::client, Verdict::allow);
    hand.play(Side::client, "USER jdoe\r\n", Side::backend, Verdict::allow);
    hand.play(Side::backend, answer, Side::client, Verdict::allow);
    const std::string pass = "PASS test-only\r\n";
    CHECK(hand.play(Side::client, pass, Side::backend, Verdict::allow) == pass);
    hand.play(Side::backend, "-ERR no\r\n", Side::client, Verdict::allow);
    CHECK(hand.tries() == 2);
    CHECK(hand.answers() == 1);
  }
  Hand hand(Protocol::pop3, under(Transport::tls, Judging::each_piece));
  hand.play(Side::backend, "+OK hi\r\n", Side::client, Verdict::allow);
  hand.play(Side::client, "USER jdoe\r\n", Side::backend, Verdict::allow);
  hand.play(Side::backend, "+OK\r\n", Side::client, Verdict::allow);
  CHECK(hand.play(Side::client, "PASS x\r\n", Side::client, Verdict::unavailable) ==
        later(Protocol::pop3));
  CHECK(hand.play(Side::client, "NOOP\r\n", Side::backend, Verdict::allow) == "NOOP\r\n");
}

TEST_CASE("where each piece is judged, the password's literal of IMAP's LOGIN is one of them") {
  for (const std::string name : {"jdoe", "{4+}\r\njdoe", "CONTOSO\\jdoe"}) {
    const auto start = [&](Hand& hand) {
      hand.play(Side::backend, "* OK hi\r\n", Side::client, Verdict::allow);
      CHECK(hand.play(Side::client, "a LOGIN " + name + " {9}\r\n", Side::client, Verdict::allow)
                .starts_with("+ "));
      CHECK(hand.tries() == 1);
    };
    INFO(name);
    Hand refused(Protocol::imap, under(Transport::tls, Judging::each_piece));
    start(refused);
    CHECK(refused.play(Side::client, "test-only\r\n", Side::client, Verdict::unavailable) ==
          later(Protocol::imap));
    CHECK(refused.tries() == 2);
    CHECK(refused.play(Side::client, "b NOOP\r\n", Side::backend, Verdict::allow) == "b NOOP\r\n");

    Hand allowed(Protocol::imap, under(Transport::tls, Judging::each_piece));
    start(allowed);
    auto passed = allowed.play(Side::client, "test-only\r\n", Side::backend, Verdict::allow);
    for (int i = 0; i < 2; ++i) {
      passed += allowed.play(Side::backend, "+ go on\r\n", Side::backend, Verdict::allow);
      if (passed.ends_with("test-only\r\n")) break;
    }
    CHECK(passed.ends_with(" {9}\r\ntest-only\r\n"));
    CHECK(allowed.play(Side::backend, "a OK in\r\n", Side::client, Verdict::allow) ==
          "a OK in\r\n");
    CHECK(allowed.answers() == 1);
  }
  Hand hand(Protocol::imap, under(Transport::tls, Judging::each_piece));
  hand.play(Side::backend, "* OK hi\r\n", Side::client, Verdict::allow);
  CHECK(hand.play(Side::client, "a LOGIN jdoe {9+}\r\ntest-only\r\n", Side::client,
                  Verdict::unavailable) == later(Protocol::imap));
  CHECK(hand.tries() == 1);
}

TEST_CASE("judging each piece changes no byte that passes, however they are cut") {
  const auto visible = [](const std::string& text) {
    std::string all;
    for (const auto& line : lines_of(text, "B: ")) all += line;
    for (const auto& line : lines_of(text, "C: ")) all += line;
    return all + std::to_string(lines_of(text, "answered").size());
  };
  for (const auto& framing : kFramings) {
    const std::vector<Action> actions = {
        backend(framing.greeting),  client(framing.auth + "LOGIN\r\n"),
        backend(framing.challenge), client(with(kName)),
        backend(framing.challenge), client(with(kPassword)),
        backend(framing.failure),   client(framing.next),
        backend(framing.next_ok)};
    const auto play = [&](Judging judging) {
      return visible(converse(framing.protocol, under(Transport::tls, judging), actions,
                              always(Verdict::allow)));
    };
    CHECK(play(Judging::each_piece) == play(Judging::as_known));
  }
}

TEST_CASE("a backend that could not be dialled for want of resources is not blamed for it") {
  for (const auto& row : {std::pair{Protocol::smtp, "C: 421 4.3.2 Out of system resources"},
                          std::pair{Protocol::imap, "C: * BYE [UNAVAILABLE] Out of resources"},
                          std::pair{Protocol::pop3, "C: -ERR [SYS/TEMP] Out of resources"}}) {
    const auto text =
        converse(row.first, under(Transport::tls), {ended(Side::backend, Ending::out_of_resources)},
                 always(Verdict::allow));
    INFO(text);
    CHECK(text.starts_with(row.second));
    CHECK(text.ends_with("end out_of_resources\n"));
  }
}
