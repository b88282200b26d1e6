// When certificates are read anew, and what becomes of good and bad ones.
#include "proxy/admin/renewal.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "test/support/certificates.h"

using namespace postern;
using namespace std::chrono_literals;
using admin::Renewal;

namespace {

constexpr long long kLongAgo = 1'600'000'000;

class Events final : public audit::Sink {
 public:
  void record(audit::Event event) override {
    all.push_back(std::get<audit::CertificateEvent>(event.body));
  }
  std::vector<audit::CertificateEvent> all;
};

// Files that a test writes, as the loader would see them.
class World {
 public:
  World() {
    settings_.certificates = {{"a.pem", "a.key", "", "", {}, {3, 5}},
                              {"b.pem", "b.key", "", "", {}, {4, 5}}};
    write(0, "a.example");
    write(1, "b.example");
    start();
  }

  // Serves what is there, whatever it is.
  void start() {
    changed = false;
    renewal = std::make_unique<Renewal>(
        Renewal::Doors{[this](const server::TlsSources&) { return load(); },
                       [this] { return states_; },
                       [this](session::TlsSnapshot snapshot, const server::TlsSources&) {
                         served.swap(std::move(snapshot));
                       },
                       events,
                       "p.yaml",
                       {"a.pem", "b.pem", "clients.pem"}},
        load().sources, now);
    loads = 0;
  }

  void write(std::size_t index, const std::string& name, long long end = 2'000'000'000,
             long long begin = 1'500'000'000) {
    const auto made = test::issue(
        {.common_name = name, .dns_names = {name}, .not_before = begin, .not_after = end});
    auto parsed = tls::Credentials::parse(made.certificate(), made.key(), "chain", "key");
    REQUIRE(parsed);
    credentials_[index] = *parsed;
    touch(index);
  }
  void touch(std::size_t index) {
    ++states_[index].modified;
    changed = true;
  }

  // As time goes by; what changed is told.
  void pass(admin::Steady::duration time) {
    now += time;
    if (changed) renewal->on_change(now);
    changed = false;
    renewal->turn(now);
  }
  std::vector<std::string> served_names() const {
    std::vector<std::string> names;
    for (const auto& each : renewal->certificates())
      names.push_back(admin::name_of(*each.credentials));
    return names;
  }

  admin::Steady::time_point now{1000s};
  session::CurrentTls served{session::TlsSnapshot{}};
  Events events;
  std::vector<std::string> errors;
  int loads = 0;
  bool changed = false;
  std::unique_ptr<Renewal> renewal;

 private:
  server::LoadedTls load() {
    ++loads;
    server::LoadedTls loaded;
    loaded.sources.files = states_;
    loaded.errors = errors;
    loaded.snapshot.resize(static_cast<std::size_t>(loads));  // so that one is known from another
    for (std::size_t i = 0; i < credentials_.size(); ++i) {
      loaded.sources.certificates.push_back({&settings_.certificates[i], credentials_[i]});
    }
    return loaded;
  }

  conf::Settings settings_;
  std::vector<std::shared_ptr<const tls::Credentials>> credentials_{2};
  std::vector<server::FileState> states_{3};
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("renewal: what has changed between start and the first look is read") {
  World world;
  world.write(0, "new.example");
  world.renewal->turn(world.now);
  REQUIRE(world.loads == 1);
  REQUIRE(world.served_names() == Names{"new.example", "b.example"});
}

TEST_CASE("renewal: it waits until changes have ended, but not for ever") {
  World world;
  world.pass(0s);
  REQUIRE(world.loads == 0);
  SECTION("they end") {
    for (int i = 0; i < 3; ++i) {
      world.write(0, "new.example");
      world.pass(400ms);
      REQUIRE(world.loads == 0);
    }
    REQUIRE(world.renewal->due() == world.now + Renewal::kQuiet);
    world.pass(Renewal::kQuiet);
    REQUIRE(world.loads == 1);
    REQUIRE(world.renewal->due() == world.now + Renewal::kLookEvery);
  }
  SECTION("they do not") {
    for (int i = 0; i < 50 && world.loads == 0; ++i) {
      world.touch(0);
      world.pass(200ms);
    }
    REQUIRE(world.loads == 1);
    REQUIRE(world.now <= admin::Steady::time_point(1000s) + Renewal::kMostUnrest + 400ms);
  }
}

TEST_CASE("renewal: files that are as they were are not read again, whoever tells of a change") {
  World world;
  world.pass(0s);
  world.changed = true;
  world.pass(0s);
  world.pass(Renewal::kQuiet);
  REQUIRE(world.loads == 0);
  world.pass(1h);
  REQUIRE(world.loads == 0);
}

TEST_CASE("renewal: a change that nobody tells of is seen after a minute") {
  World world;
  world.pass(0s);
  world.write(1, "new.example");
  world.changed = false;
  world.pass(Renewal::kLookEvery - 1s);
  REQUIRE(world.loads == 0);
  world.pass(1s);
  REQUIRE(world.served_names() == Names{"a.example", "new.example"});
}

TEST_CASE("renewal: what was taken is swapped, told once for each certificate, and counted") {
  World world;
  world.pass(0s);
  world.write(1, "new.example");
  world.pass(0s);
  world.pass(Renewal::kQuiet);
  REQUIRE(world.served.get()->size() == 1);
  REQUIRE(world.events.all.size() == 1);
  const auto& event = world.events.all[0];
  CHECK(event.action == "certificate-change");
  CHECK(event.outcome == "success");
  CHECK(event.names == Names{"new.example"});
  CHECK(event.file == "b.pem");
  CHECK(event.not_after == audit::WallTime(2'000'000'000s));
  CHECK(!event.serial.empty());
  const auto outcome = world.renewal->reload("a test");
  CHECK(outcome.errors.empty());
  CHECK(outcome.changed.empty());
  CHECK(world.events.all.size() == 1);
  CHECK(world.renewal->successes() == 2);
  CHECK(world.renewal->failures() == 0);
}

TEST_CASE("renewal: a bad one is tried once more before it is an error; what was served stays") {
  World world;
  world.pass(0s);
  world.errors = {"p.yaml:3:5: no certificate in a.pem"};
  world.write(0, "new.example");
  world.pass(0s);
  world.pass(Renewal::kQuiet);
  REQUIRE(world.loads == 1);
  REQUIRE(world.events.all.empty());
  REQUIRE(world.renewal->due() == world.now + Renewal::kSecondTry);
  const auto second_try = world.renewal->due();
  SECTION("still bad") {
    world.pass(Renewal::kSecondTry);
    REQUIRE(world.loads == 2);
    REQUIRE(world.events.all.size() == 1);
    CHECK(world.events.all[0].outcome == "failure");
    CHECK(world.events.all[0].reason == "not_taken");
    CHECK(world.events.all[0].message == "p.yaml:3:5: no certificate in a.pem");
    CHECK(world.renewal->failures() == 1);
    // It is tried on, since not all that is in the way is a file; and told of again once it is another.
    world.pass(Renewal::kLookEvery);
    world.pass(Renewal::kLookEvery);
    CHECK(world.loads == 4);
    CHECK(world.events.all.size() == 1);
    world.errors = {"p.yaml:3:5: cannot read a.pem: Too many open files"};
    world.pass(Renewal::kLookEvery);
    CHECK(world.events.all.size() == 2);
    CHECK(world.renewal->is_behind());
  }
  SECTION("good after a while, though no file has changed since") {
    world.pass(Renewal::kSecondTry);
    world.errors.clear();
    world.pass(Renewal::kLookEvery);
    CHECK(world.served_names() == Names{"new.example", "b.example"});
    CHECK_FALSE(world.renewal->is_behind());
    const int loads = world.loads;
    world.pass(Renewal::kLookEvery);
    CHECK(world.loads == loads);
    return;
  }
  SECTION("good by then, though nobody told") {
    world.errors.clear();
    world.pass(Renewal::kSecondTry);
    REQUIRE(world.served_names() == Names{"new.example", "b.example"});
    REQUIRE(world.renewal->failures() == 0);
    return;
  }
  SECTION("changed, and bad again: that puts the second try off no further") {
    world.touch(1);
    world.pass(0s);
    world.pass(Renewal::kQuiet);
    REQUIRE(world.loads == 2);
    REQUIRE(world.events.all.empty());
    REQUIRE(world.renewal->due() == second_try);
  }
  SECTION("asked for: an error at once") {
    REQUIRE(world.renewal->reload("a test").errors == world.errors);
    REQUIRE(world.events.all.size() == 1);
    REQUIRE(world.renewal->due() > world.now + Renewal::kSecondTry);
  }
  REQUIRE(world.served.get()->empty());
  REQUIRE(world.served_names() == Names{"a.example", "b.example"});
}

TEST_CASE("renewal: a new certificate whose time has not come is not taken") {
  World world;
  world.write(0, "early.example", 4'000'000'000, 3'900'000'000);  // until the year 2093
  REQUIRE(world.renewal->reload("a test").errors ==
          Names{"p.yaml:3:5: a.pem: the new certificate is not valid before 2093-08-01"});
  REQUIRE(world.served_names() == Names{"a.example", "b.example"});
}

TEST_CASE("renewal: other files that are new are told by their paths") {
  World world;
  world.pass(0s);
  world.touch(2);
  world.pass(0s);
  world.pass(Renewal::kQuiet);
  REQUIRE(world.events.all.size() == 1);
  CHECK(world.events.all[0].outcome == "success");
  CHECK(world.events.all[0].file == "clients.pem");
  CHECK(world.events.all[0].names.empty());
  world.touch(0);  // a chain that is as before, written again
  REQUIRE(world.renewal->reload("a test").changed.empty());
  world.touch(2);
  REQUIRE(world.renewal->reload("a test").changed == Names{"what is now in clients.pem"});
}

TEST_CASE("renewal: a new certificate that has expired is an error, one that is served is not") {
  World world;
  world.write(0, "old.example", kLongAgo);
  const auto outcome = world.renewal->reload("a test");
  REQUIRE(outcome.errors ==
          Names{"p.yaml:3:5: a.pem: the new certificate has expired on 2020-09-13"});
  REQUIRE(world.served_names() == Names{"a.example", "b.example"});

  World begun;
  begun.write(0, "old.example", kLongAgo);
  begun.start();
  begun.write(1, "new.example");
  REQUIRE(begun.renewal->reload("a test").errors.empty());
  REQUIRE(begun.served_names() == Names{"old.example", "new.example"});
}
