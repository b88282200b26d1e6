// See transcript.h.
#include "test/fuzz/protocols/transcript.h"

#include <utility>
#include <variant>

#include "protocols/user_name.h"
#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/marked_login.h"

namespace postern::test {

using namespace protocols;

void Transcript::add(const Step& step) {
  demand(!over(), "a step behind the last one");
  take(step);
}

void Transcript::add_end_of_passthrough(const Step& step) {
  demand(passes_ && !ended_, "a step behind the last one");
  take(step);
}

void Transcript::take(const Step& step) {
  ++steps_;
  if (const auto* sent = std::get_if<Send>(&step)) {
    demand(!sent->bytes.empty(), "an empty Send");
    return add_passed(sent->to, sent->bytes);
  }
  note("\n#" + std::to_string(step.index()) + " ");
  if (const auto* shut = std::get_if<Shut>(&step)) {
    demand(shut->to == Side::backend, "the client's direction is shut by an End");
  } else if (const auto* tried = std::get_if<LoginTried>(&step)) {
    ++tries_;
    write(tried->login);
    note(tried->secret_sent ? " sent" : "");
    note(tried->name_follows ? " follows" : "");
    demand(tried->login.user.empty() || !tried->name_follows, "a name follows a name");
  } else if (const auto* answered = std::get_if<LoginAnswered>(&step)) {
    demand(tries_ > 0, "an answered login that was never tried");
    write(answered->login);
    logged_in_ = answered->outcome == Outcome::success;
    note(logged_in_ ? " success" : " failure");
    login_at_ = text_.size();
    late_.clear();
  } else if (const auto* refused = std::get_if<LoginRefused>(&step)) {
    write(refused->login);
    note(refused->exposed ? " exposed" : "");
  } else if (const auto* named = std::get_if<ClientNamed>(&step)) {
    demand(named->by != NamedBy::commands || !std::exchange(named_, true),
           "the order of commands is told once");
    demand(named->name.size() <= 255 && !holds_secret(named->name), "a name that may be kept");
    note(named->name);
  } else if (const auto* alarm = std::get_if<Alarm>(&step)) {
    demand(alarm->detail.size() <= 64 && !holds_secret(alarm->detail), "an alarm without secrets");
    note(std::to_string(static_cast<int>(alarm->kind)) + " " + alarm->detail);
  } else if (const auto* end = std::get_if<End>(&step)) {
    note(std::to_string(static_cast<int>(end->cause)));
    ended_ = true;
  } else if (std::holds_alternative<BeginTls>(step)) {
    tls_ = true;
  } else if (std::holds_alternative<PassThrough>(step)) {
    demand(logged_in_, "PassThrough without a login");
    passes_ = true;
  }
}

void Transcript::add_passed(Side to, std::string_view bytes) {
  (to == Side::client ? to_client_ : to_backend_) += bytes;
  if (passes_ && to == Side::backend) passed_to_backend_ += bytes.size();
  if (!sending_ || side_ != to) text_ += to == Side::client ? "\nC " : "\nB ";
  sending_ = true;
  side_ = to;
  text_ += bytes;
}

void Transcript::note(std::string_view text) {
  text_ += text;
  late_ += text;
  sending_ = false;
}

std::string Transcript::text() const {
  if (!passes_) return text_;
  return text_.substr(0, login_at_) + "\nC " + to_client_ + "\nB " + to_backend_ + late_;
}

void Transcript::write(const Login& login) {
  demand(!login.mechanism.empty() && login.mechanism.size() <= 32, "a mechanism's length");
  for (const char c : login.mechanism) {
    demand(c > 0x20 && c < 0x7f && !(c >= 'a' && c <= 'z'), "a mechanism's letters");
  }
  for (const auto* name : {&login.user, &login.authorization}) {
    demand(name->size() <= kMaxUserName, "a name is bounded");
    demand(utf8_or_latin1(*name) == *name, "a name is UTF-8");
    demand(!holds_secret(*name), "a secret in a name");
  }
  demand(login.authorization.empty() || login.authorization != login.user, "the name twice");
  note(login.mechanism + "/" + login.user + "/" + login.authorization +
       (login.sends_secret ? "/secret " : " "));
}

}  // namespace postern::test
