// Sessions whose peers do anything at any time: whatever happens, a session keeps its bounds, and
// ends once and for good.
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "test/proxy/session/session_world.h"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;
using conf::TlsMode;
using protocols::Protocol;

namespace {

constexpr std::array<std::string_view, 24> kClientSays = {"EHLO joe\r\n",
                                                          "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
                                                          "MAIL FROM:<>\r\n",
                                                          "DATA\r\n",
                                                          "text\r\n.\r\n",
                                                          "STARTTLS\r\n",
                                                          "QUIT\r\n",
                                                          "NOOP\r\nNOOP\r\n",
                                                          "a LOGIN joe secret\r\n",
                                                          "b LOGIN {3}\r\n",
                                                          "joe {6+}\r\nsecret\r\n",
                                                          "c AUTHENTICATE PLAIN\r\n",
                                                          "*\r\n",
                                                          "d STARTTLS\r\n",
                                                          "e LOGOUT\r\n",
                                                          "f CAPABILITY\r\n",
                                                          "USER joe\r\n",
                                                          "PASS secret\r\n",
                                                          "CAPA\r\n",
                                                          "STLS\r\n",
                                                          "STLS\r\nSTARTTLS\r\ng STARTTLS\r\n",
                                                          "AGpvZQBzZWNyZXQ=\r\n",
                                                          "\r",
                                                          "bare\n"};

constexpr std::array<std::string_view, 24> kBackendSays = {"220 old\r\n",
                                                           "250-old\r\n",
                                                           "250 AUTH LOGIN PLAIN\r\n",
                                                           "235 in\r\n",
                                                           "334 \r\n",
                                                           "354 go on\r\n",
                                                           "250 done\r\n",
                                                           "221 bye\r\n",
                                                           "421 down\r\n",
                                                           "535 no\r\n",
                                                           "* OK [CAPABILITY IMAP4rev1] old\r\n",
                                                           "* BYE down\r\n",
                                                           "a OK in\r\n",
                                                           "b OK in\r\n",
                                                           "c NO no\r\n",
                                                           "+ \r\n",
                                                           "* 1 FETCH {5}\r\nab",
                                                           "e OK out\r\n",
                                                           "f OK done\r\n",
                                                           "+OK\r\n",
                                                           "-ERR no\r\n",
                                                           ".\r\n",
                                                           "* PREAUTH\r\n",
                                                           "* B"};

// What a session usually says, so that chance gets beyond its beginning.
struct Exchange {
  std::string_view client;
  std::string_view backend;
};
constexpr std::array<Exchange, 5> kSmtp = {{{"", "220 old\r\n"},
                                            {"EHLO joe\r\n", "250 old\r\n"},
                                            {"MAIL FROM:<>\r\n", "250 done\r\n"},
                                            {"DATA\r\n", "354 go on\r\n"},
                                            {"text\r\n.\r\nQUIT\r\n", "250 done\r\n"}}};
constexpr std::array<Exchange, 5> kImap = {{{"", "* OK old\r\n"},
                                            {"f CAPABILITY\r\n", "f OK done\r\n"},
                                            {"a LOGIN joe secret\r\n", "a OK in\r\n"},
                                            {"g IDLE\r\n", "+ \r\n"},
                                            {"e LOGOUT\r\n", "* BYE\r\ne OK out\r\n"}}};
constexpr std::array<Exchange, 5> kPop3 = {{{"", "+OK\r\n"},
                                            {"USER joe\r\n", "+OK\r\n"},
                                            {"PASS secret\r\n", "+OK\r\n"},
                                            {"NOOP\r\n", "+OK\r\n"},
                                            {"QUIT\r\n", "+OK\r\n"}}};

class Play {
 public:
  Play(const WorldOptions& options, unsigned seed)
      : world_(options),
        script_(options.protocol == Protocol::imap   ? kImap
                : options.protocol == Protocol::pop3 ? kPop3
                                                     : kSmtp),
        random_(seed),
        hides_names_(seed % 3 == 0) {}

  void run() {
    world_.begin();
    for (int step = 0; step < 60 && !world_.is_over(); ++step) {
      act();
      check();
    }
    // Nobody does anything any more.
    for (int hour = 0; hour < 200 && !world_.is_over(); ++hour) {
      world_.pass(hour < 100 ? 20s : 1h);
      check();
    }
    REQUIRE(world_.is_over());
    REQUIRE_FALSE(world_.end_reason().empty());
    check_events();
    REQUIRE_FALSE(world_.has_timer());
    REQUIRE_FALSE(world_.dialer().is_dialling());
    REQUIRE(world_.client().is_closed());
    if (backend_ != nullptr) REQUIRE(backend_->is_closed());
  }

 private:
  std::size_t below(std::size_t most) { return random_() % most; }

  void check() {
    REQUIRE_FALSE(world_.has_due_timer());
    REQUIRE(world_.client().queued() < 400'000);
    if (backend_ != nullptr) REQUIRE(backend_->queued() < 400'000);
    REQUIRE(world_.memory().said.empty());
    REQUIRE(world_.memory().decrypted.empty());
    REQUIRE(world_.memory().to_client.empty());
    REQUIRE(world_.memory().to_backend.empty());
    REQUIRE(world_.memory().steps.empty());
  }

  // Whatever happened: no name where it must not be, an opened listener named everywhere, and an
  // abandoned session said so once, before its end.
  void check_events() {
    for (const auto& login : world_.recorded<audit::LoginEvent>()) {
      REQUIRE((login.success || login.login.user.empty()));
      REQUIRE(login.verdict != "refuse");
      if (hides_names_) REQUIRE(login.login.user.empty());
    }
    for (const auto& refused : world_.recorded<audit::LoginRefusedEvent>()) {
      REQUIRE_FALSE(refused.reason.empty());
      if (hides_names_) REQUIRE(refused.login.user.empty());
    }
    const auto ends = world_.recorded<audit::SessionEndEvent>();
    REQUIRE(ends.size() == 1);
    for (const auto& login : world_.recorded<audit::LoginEvent>()) {
      REQUIRE(login.session.opened_by == ends[0].session.opened_by);
    }
    const auto abandoned = world_.recorded<audit::SessionAbandonedEvent>();
    REQUIRE(abandoned.size() <= 1);
    if (!abandoned.empty()) {
      REQUIRE(abandoned[0].reason == ends[0].reason);
      REQUIRE_THAT(world_.events()[world_.events().size() - 2],
                   Catch::StartsWith("session-abandoned"));
    }
  }

  void say(std::string_view bytes) {
    if (tls_ == nullptr) return world_.client().send(bytes);
    hear();
    if (!tls_->connected() || tls_->failed()) return world_.client().send(bytes);
    tls_->send(bytes);
    world_.client().send(tls_->take_output());
  }

  void hear() {
    if (tls_ != nullptr) tls_->receive(world_.hear());
  }

  void begin_tls() {
    if (tls_ == nullptr) {
      world_.hear();
      TlsClientOptions options;
      options.max_version = static_cast<std::uint16_t>(0x0301 + below(4));
      tls_ = std::make_unique<TlsClient>(options);
      tls_->receive("");
    }
    for (int flight = 0; flight < 4; ++flight) {
      hear();
      const auto output = tls_->take_output();
      if (output.empty() || !reads_client()) break;
      world_.client().send(output);
    }
  }

  bool reads_client() { return !world_.client().is_closed() && world_.client().is_being_read(); }
  bool reads_backend() {
    return backend_ != nullptr && !backend_->is_closed() && backend_->is_being_read();
  }

  void go_on() {
    if (world_.dialer().is_dialling()) {
      backend_ = world_.dialer().succeed();
      next_ = 0;
      return;
    }
    const auto& now = script_[next_ % script_.size()];
    if (!now.client.empty() && reads_client()) say(now.client);
    if (!reads_backend()) return;
    backend_->send(now.backend);
    ++next_;
  }

  void act() {
    if (below(2) == 0) return go_on();
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        if (reads_client()) say(kClientSays[below(kClientSays.size())]);
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        if (reads_backend()) backend_->send(kBackendSays[below(kBackendSays.size())]);
        break;
      case 10:
      case 11:
        if (world_.dialer().is_dialling()) {
          if (below(5) == 0) {
            world_.dialer().fail(-ECONNREFUSED);
          } else {
            backend_ = world_.dialer().succeed();
          }
        }
        break;
      case 12:
        if (reads_client()) begin_tls();
        break;
      case 13:
        world_.pass(net::Instant(1 << below(16)));
        break;
      case 14:
        below(2) == 0 ? world_.client().clog() : world_.client().unclog();
        break;
      case 15:
        if (backend_ != nullptr) below(2) == 0 ? backend_->clog() : backend_->unclog();
        break;
      case 16:
        if (below(3) == 0 && reads_client())
          below(3) == 0 ? world_.client().reset(-ECONNRESET) : world_.client().end();
        break;
      case 17:
        if (below(3) == 0 && reads_backend())
          below(3) == 0 ? backend_->reset(-ECONNRESET) : backend_->end();
        break;
      case 18:
        if (reads_backend()) backend_->send(std::string(60'000, 'x'));
        if (reads_client() && below(2) == 0) say(std::string(30'000, 'y'));
        break;
      case 19:
        if (below(20) == 0) world_.shut_down();
        if (below(20) == 0 && backend_ != nullptr) backend_->break_at_write();
        break;
    }
  }

  SessionWorld world_;
  const std::array<Exchange, 5>& script_;
  std::size_t next_ = 0;  // of script_
  std::mt19937 random_;
  const bool hides_names_;  // as add_policy() sets it
  std::shared_ptr<FakePeer> backend_;
  std::unique_ptr<TlsClient> tls_;
};

// Rules of every kind, dates and shares, as the seed says.
void add_policy(conf::Settings& settings, unsigned seed) {
  auto& listener = settings.listeners.front();
  if (seed % 2 == 0) listener.logins.refuse_share = conf::Share{conf::Share::kAll / 2};
  if (seed % 5 == 0) listener.logins.refuse_from = conf::Date(std::chrono::days(20001));
  if (seed % 4 == 0) listener.tls.old_tls = conf::OldTls::explain;
  if (seed % 7 == 0) settings.audit.handshakes = conf::Handshakes::all;
  if (seed % 3 == 0) settings.audit.usernames = conf::Usernames::hashed;
  auto& user = settings.rules.emplace_back();
  user.name = "user";
  user.users = {"joe"};
  user.logins.cleartext_login =
      seed % 2 == 0 ? conf::CleartextLogin::warn : conf::CleartextLogin::refuse;
  if (seed % 3 != 1) return;
  auto& address = settings.rules.emplace_back();
  address.name = "address";
  address.tls_mode = seed % 2 == 0 ? TlsMode::optional : TlsMode::required;
  address.until = conf::Date(std::chrono::days(20000));
  if (seed % 5 == 1) address.min_version = conf::TlsVersion::tls1_3;
}

constexpr unsigned kSeeds = 40;

}  // namespace

TEST_CASE("whatever its peers do, a session keeps its bounds and ends once") {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    for (const auto mode :
         {TlsMode::required, TlsMode::implicit, TlsMode::optional, TlsMode::none}) {
      for (const auto protocol :
           {Protocol::smtp, Protocol::submission, Protocol::imap, Protocol::pop3}) {
        const auto logins =
            seed % 3 == 0 ? conf::CleartextLogin::refuse : conf::CleartextLogin::observe;
        CAPTURE(seed, static_cast<int>(mode), static_cast<int>(protocol));
        Play({.mode = mode,
              .protocol = protocol,
              .cleartext_login = logins,
              .servers = 1 + seed % 3,
              .adjust = [&](conf::Settings& settings) { add_policy(settings, seed); }},
             seed)
            .run();
      }
    }
  }
}
