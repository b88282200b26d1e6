// A million logins through the inventory: how large the database becomes, and what they cost.
#include <sys/resource.h>

#include <iomanip>
#include <iostream>
#include <random>
#include <thread>

#include "proxy/audit/inventory/inventory.h"
#include "proxy/net/clock.h"
#include "test/proxy/audit/inventory/samples.h"

using namespace inventory_samples;
using postern::audit::inventory::Inventory;

namespace {

constexpr int kLogins = 1'000'000;
constexpr int kDays = 20;
constexpr int kAtOnce = 40'000;  // fewer than the queue holds
constexpr int kUsers = 2'000;
constexpr int kMostDevices = 3;  // of a user: its own address, software and way of logging in

audit::LoginEvent some_login(int user, int device) {
  const auto ip = "10." + std::to_string(user / 250) + "." + std::to_string(user % 250) + "." +
                  std::to_string(device + 1);
  auto event = login("firstname.lastname" + std::to_string(user) + "@example.com",
                     device == 2 ? session(ip) : tls_session(ip));
  if (device > 0) {
    event.session.client_name = "name=\"Mail\" version=\"12." + std::to_string(user % 9) + "\"";
    event.session.client_named_by = "imap_id";
  }
  return event;
}

// Of RUSAGE_SELF, the process, or RUSAGE_THREAD.
double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Until so many logins are in the database.
void wait_for(const std::string& path, int logins) {
  const auto end = std::chrono::steady_clock::now() + 120s;
  while (number(path, "SELECT coalesce(sum(successes), 0) FROM login") < logins) {
    if (std::chrono::steady_clock::now() > end) FAIL("the inventory does not write");
    std::this_thread::sleep_for(50ms);
  }
}

}  // namespace

TEST_CASE("a million logins make a database of bounded size", "[.million]") {
  const Folder folder;
  const auto path = folder.file("a.db");
  auto opened = Inventory::open({path, "gate.example.com", std::chrono::days(400)});
  REQUIRE(std::holds_alternative<std::unique_ptr<Inventory>>(opened));
  auto one = std::move(std::get<std::unique_ptr<Inventory>>(opened));

  std::mt19937 random(1);
  const auto start = postern::net::wall_clock() - std::chrono::days(kDays);
  double making = 0;  // CPU of this test's own work and of giving events away, in seconds
  const auto cpu_before = cpu_seconds(RUSAGE_SELF);
  const auto began = std::chrono::steady_clock::now();
  for (int done = 0; done < kLogins;) {
    const auto making_since = cpu_seconds(RUSAGE_THREAD);
    std::vector<audit::Event> events;
    for (int i = 0; i < 2'000; ++i, ++done) {
      const auto user = static_cast<int>(random() % kUsers);
      const auto device = static_cast<int>(random() % kMostDevices);
      const auto later =
          std::chrono::milliseconds(std::int64_t{kDays} * 86'400'000 / kLogins) * done;
      events.push_back({start + later, some_login(user, device)});
    }
    one->take(std::move(events));
    if (done % kAtOnce == 0) wait_for(path, done);
    making += cpu_seconds(RUSAGE_THREAD) - making_since;
  }
  const auto lost = one->take_lost();
  one.reset();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const auto cpu = cpu_seconds(RUSAGE_SELF) - cpu_before - making;

  const auto size = std::filesystem::file_size(path);
  const auto rows_there = number(path, "SELECT count(*) FROM login");
  CHECK(lost == 0);
  CHECK(number(path, "SELECT sum(successes) FROM login") == kLogins);
  CHECK(rows_there <= std::int64_t{kDays + 1} * kUsers * kMostDevices);
  CHECK(size < 64U << 20);
  CHECK(rows(path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  std::cout << std::fixed << std::setprecision(1) << kLogins << " logins of " << kUsers
            << " users, " << kDays << " days: " << rows_there << " rows, "
            << static_cast<double>(size) / (1 << 20) << " MiB, "
            << static_cast<double>(size) / static_cast<double>(rows_there) << " octets a row, "
            << took.count() << " s, " << cpu / kLogins * 1e6 << " us of CPU a login\n";
}
