// Backends that lie, stall, flood or die. See mischief.h.
#include <array>
#include <string>
#include <vector>

#include "test/sim/mischief.h"

namespace postern::sim {

using protocols::Protocol;

namespace {

// What a backend may say at the wrong time.
std::string lie(Random& random, const Plan& plan) {
  const auto& mark = plan.marks.backend;
  std::vector<std::string> lies;
  switch (plan.protocol) {
    case Protocol::imap:
      lies = {"* PREAUTH " + mark + "\r\n",
              "* OK " + mark + "\r\n",
              "* BYE " + mark + "\r\n",
              "a1 OK " + mark + "\r\n",
              "a2 OK " + mark + "\r\n",
              "a3 NO " + mark + "\r\n",
              "+ " + mark + "\r\n",
              "* OK [ALERT] " + mark + "\r\n",
              "* OK [REFERRAL imap://" + mark + "/] see\r\n",
              "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n",
              "* 1 FETCH (BODY[] {500000}\r\n",
              "* 1 FETCH (BODY[] {3}\r\nabc)\r\n",
              mark + "\r\n",
              "\r\n",
              "* B",
              "*\r\n"};
      break;
    case Protocol::pop3:
      lies = {"+OK " + mark + "\r\n",
              "-ERR " + mark + "\r\n",
              ".\r\n",
              "+ \r\n",
              mark + "\r\n",
              "+OK\r\n.\r\n",
              "\r\n",
              "+",
              "-ERR"};
      break;
    default:
      lies = {"220 " + mark + "\r\n",
              "250 " + mark + "\r\n",
              "250-" + mark + "\r\n",
              "235 " + mark + "\r\n",
              "334 \r\n",
              "354 " + mark + "\r\n",
              "421 " + mark + "\r\n",
              "421 " + mark + "\r\n421 again\r\n",
              "454 " + mark + "\r\n",
              "554 " + mark + "\r\n",
              "221 " + mark + "\r\n",
              mark + "\r\n",
              "999 x\r\n",
              "2",
              "\r\n"};
      break;
  }
  return random.one_of(lies);
}

std::string preauth(const Plan& plan) {
  return plan.protocol == Protocol::imap ? "* PREAUTH " + plan.marks.backend + "\r\n"
                                         : "HTTP/1.1 400 no\r\n";
}

std::string refusal(const Plan& plan) {
  const auto& mark = plan.marks.backend;
  return plan.protocol == Protocol::imap   ? "* BYE " + mark + "\r\n"
         : plan.protocol == Protocol::pop3 ? "-ERR " + mark + "\r\n"
                                           : "554 " + mark + "\r\n";
}

void insert_lies(Random& random, Plan& plan, Script& script) {
  for (auto left = random.between(1, 3); left > 0; --left) {
    insert(random, script, say(lie(random, plan)));
  }
}

// Another answer in place of the true one.
void replace_answer(Random& random, Plan& plan, Script& script) {
  std::vector<Op*> answers;
  for (auto& op : script) {
    if (op.kind == Op::Kind::say) answers.push_back(&op);
  }
  if (!answers.empty()) answers[random.below(answers.size())]->text = lie(random, plan);
}

// All answers at once, before anything was asked.
void answer_before(Random&, Plan&, Script& script) {
  Script made;
  std::string all;
  for (auto& op : script) {
    if (op.kind == Op::Kind::say) all += op.text;
    if (op.kind != Op::Kind::say && op.kind != Op::Kind::hear) made.push_back(op);
  }
  made.insert(made.begin(), say(all));
  script = made;
}

void greet_twice(Random& random, Plan&, Script& script) {
  if (script.empty()) return;
  auto& greeting = script.front();
  if (random.one_in(2)) {
    greeting.text += greeting.text;
  } else {
    script.insert(script.begin() + 1, script.front());
  }
}

void greet_otherwise(Random& random, Plan& plan, Script& script) {
  const auto text = random.one_in(2)   ? preauth(plan)
                    : random.one_in(2) ? refusal(plan)
                                       : lie(random, plan);
  script = {say(text), only(random.one_in(2) ? Op::Kind::stall : Op::Kind::close)};
}

// In pieces, with pauses between them that may be too long.
void greet_slowly(Random& random, Plan& plan, Script& script) {
  const auto text = random.one_in(2) ? refusal(plan) : "* OK 220 +OK\r\n";
  Script made;
  for (const char c : text) {
    made.push_back(say(std::string(1, c)));
    made.push_back(wait(static_cast<Moment>(random.below(random.one_in(4) ? 9'000'000 : 2'000))));
  }
  script.insert(script.begin(), made.begin(), made.end());
}

void say_nothing(Random& random, Plan&, Script& script) {
  script = {only(random.one_in(2) ? Op::Kind::stall : Op::Kind::vanish)};
}

void flood(Random& random, Plan& plan, Script& script) {
  const std::vector<std::string> texts = {"x", "250-x\r\n", "* x\r\n", "+OK x\r\n",
                                          lie(random, plan)};
  insert(random, script,
         {.kind = Op::Kind::flood,
          .text = random.one_of(texts),
          .out = {.size = random.between(10'000, random.one_in(4) ? 1'500'000 : 200'000)}});
}

void be_deaf(Random& random, Plan&, Script& script) {
  insert(random, script, only(Op::Kind::deaf));
  if (random.one_in(2)) script.push_back(only(Op::Kind::stall));
}

void break_backend_off(Random& random, Plan&, Script& script) { break_off(random, script); }

struct Way {
  std::string_view name;
  void (*spoil)(Random&, Plan&, Script&);
};
constexpr std::array<Way, 10> kWays = {{{"backend lies", insert_lies},
                                        {"backend answers wrongly", replace_answer},
                                        {"backend answers before", answer_before},
                                        {"backend greets twice", greet_twice},
                                        {"backend greets otherwise", greet_otherwise},
                                        {"backend greets slowly", greet_slowly},
                                        {"backend says nothing", say_nothing},
                                        {"backend floods", flood},
                                        {"backend is deaf", be_deaf},
                                        {"backend breaks off", break_backend_off}}};

// No dial succeeds.
void be_unreachable(Random& random, Plan& plan) {
  plan.name = "backend is unreachable";
  for (auto& part : plan.backends) {
    constexpr std::array kKinds = {DialFate::Kind::refused, DialFate::Kind::ignored,
                                   DialFate::Kind::exhausted};
    part.fate.kind = random.one_of(kKinds);
  }
}

}  // namespace

void spoil_backends(Random& random, Plan& plan) {
  trust_nobody(plan);
  if (plan.backends.empty() || random.one_in(12)) return be_unreachable(random, plan);
  const auto& way = random.one_of(kWays);
  plan.name = way.name;
  // One of them, or all.
  const auto one = random.below(plan.backends.size());
  const bool is_all = random.one_in(3);
  for (std::size_t i = 0; i < plan.backends.size(); ++i) {
    if (is_all || i == one) way.spoil(random, plan, plan.backends[i].script);
  }
}

}  // namespace postern::sim
