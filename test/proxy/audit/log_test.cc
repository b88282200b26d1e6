// The audit log: targets that do not take their lines, several at once, files opened anew, the chain
// across runs, and what goes on to the inventory.
#include "proxy/audit/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include "proxy/audit/chain.h"
#include "test/proxy/audit/contract.h"
#include "test/proxy/audit/temporary_folder.h"

using namespace postern;
using namespace std::chrono_literals;
using Kind = conf::AuditLog::Kind;

namespace {

// Nothing here takes as long; a machine that is slow and busy gets its time.
constexpr auto kDeadline = 60s;

void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(2ms);
  }
}

// A pipe with a name, held open at both ends so that no open() waits.
class Pipe {
 public:
  Pipe() {
    REQUIRE(mkfifo(path().c_str(), 0600) == 0);
    descriptor_ = open(path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(descriptor_ >= 0);
  }
  ~Pipe() { close(descriptor_); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  std::string path() const { return folder_.file("pipe"); }
  void fill() const {
    const std::string much(4096, 'x');
    while (write(descriptor_, much.data(), much.size()) > 0) {
    }
  }
  // Takes what is there, or at most so many pages of it.
  std::string drain(int pages = 10'000) const {
    std::string all;
    char piece[4096];
    for (ssize_t size = 0; pages > 0 && (size = read(descriptor_, piece, sizeof piece)) > 0;
         --pages) {
      all.append(piece, static_cast<std::size_t>(size));
    }
    return all;
  }

 private:
  const test::TemporaryFolder folder_;
  int descriptor_ = -1;
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::size_t count_lines(const std::string& path) {
  const auto text = content(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

audit::LogOptions options(std::chrono::milliseconds patience = kDeadline) {
  audit::LogOptions options;
  options.observer = {"mail.example.com", "1"};
  options.patience = patience;
  return options;
}

std::unique_ptr<audit::Log> open_log(const std::vector<std::string>& paths,
                                     audit::LogOptions with) {
  std::vector<conf::AuditLog> targets;
  for (const auto& path : paths) targets.push_back({Kind::file, path, {}});
  auto opened = audit::Log::open(targets, std::move(with));
  REQUIRE(std::holds_alternative<std::unique_ptr<audit::Log>>(opened));
  return std::move(std::get<std::unique_ptr<audit::Log>>(opened));
}

void record(audit::Log& log, int count, std::string_view action = "start") {
  for (int i = 0; i < count; ++i) log.record({{}, audit::NodeEvent{action}});
}

// Keeps what it gets; may hold the log up, and may say that it has lost something.
class FakeInventory final : public audit::inventory::Inventory {
 public:
  bool had_unclean_stop() const override { return is_unclean; }
  void take(std::vector<audit::Event> events) override {
    ++takes;
    while (is_held) std::this_thread::sleep_for(1ms);
    for (auto& event : events) all.push_back(std::move(event));
  }
  std::uint64_t take_lost() override { return lost.exchange(0); }
  bool is_failing() const override { return is_broken; }

  bool is_unclean = false;
  std::atomic<int> takes = 0;
  std::atomic<bool> is_held = false;
  std::atomic<bool> is_broken = false;
  std::atomic<std::uint64_t> lost = 0;
  std::vector<audit::Event> all;  // once the log has ended
};

}  // namespace

TEST_CASE("a log that nobody reads does not keep the program from ending") {
  const Pipe pipe;
  pipe.fill();
  auto log = open_log({pipe.path()}, options(20ms));
  record(*log, 100);
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  const bool in_time = ended.wait_for(kDeadline) == std::future_status::ready;
  while (ended.wait_for(10ms) != std::future_status::ready) pipe.drain();
  REQUIRE(in_time);
}

TEST_CASE("a line that was cut takes none of those behind it with it, and the loss is said") {
  const Pipe pipe;
  const test::TemporaryFolder folder;
  const auto file = folder.file("all");
  pipe.fill();
  pipe.drain(1);  // room for a page, which ends within some line
  auto log = open_log({pipe.path(), file}, options(20ms));
  record(*log, 100);
  wait_until([&] { return count_lines(file) == 100; });  // the pipe comes before the file
  auto all = pipe.drain();
  log->record({{}, audit::NodeEvent{"stop"}});
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  while (ended.wait_for(10ms) != std::future_status::ready) all += pipe.drain();
  all += pipe.drain();
  // How the events fell into batches is the threads' affair: some lines may be lost whole, one or
  // more may be cut, but what stands behind a cut one begins a line of its own.
  all.erase(0, all.find_first_not_of('x'));
  std::size_t whole = 0;
  for (const auto& line : lines_of(all)) {
    REQUIRE(line.find("{\"@timestamp\"", 1) == std::string::npos);  // never two in one
    if (audit_contract::fault_of(line + "\n").empty()) ++whole;
  }
  REQUIRE(whole > 2);
  REQUIRE_THAT(all, Catch::EndsWith("}\n") && Catch::Contains("\"event.action\":\"stop\""));
  // All in the file, and behind them how many the pipe has lost: stop and this line arrived.
  const auto lines = lines_of(content(file));
  REQUIRE(lines.size() == 102);
  const auto gap = nlohmann::json::parse(lines.back());
  REQUIRE(gap["event.reason"] == "log_failed");
  REQUIRE(gap["postern.lost"] == 100 - (whole - 2));
}

TEST_CASE("a log that is read slowly gets every line whole") {
  const Pipe pipe;
  auto log = open_log({pipe.path()}, options());
  constexpr int kEvents = 2000;
  record(*log, kEvents);
  std::string all;
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  while (ended.wait_for(10ms) != std::future_status::ready) all += pipe.drain();
  all += pipe.drain();
  REQUIRE(std::count(all.begin(), all.end(), '\n') == kEvents);
}

TEST_CASE("a file is made for its group alone, appended to, and one that fails holds no other") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  for (int run = 0; run < 2; ++run) {
    auto log = open_log({"/dev/full", file}, options());
    record(*log, 1000);
  }
  // The last words: what the other one has lost for good.
  const auto lines = lines_of(content(file));
  REQUIRE(lines.size() == 2 * 1001);
  for (const auto& last : {lines[1000], lines[2001]}) {
    REQUIRE_THAT(last, Catch::Contains(R"("event.reason":"log_failed")") &&
                           Catch::Contains(R"("postern.lost":1000})"));
  }
  struct stat about {};
  REQUIRE(stat(file.c_str(), &about) == 0);
  REQUIRE((about.st_mode & 0777 & ~0640U) == 0);
}

TEST_CASE("a file that cannot be opened is an error with its place") {
  auto opened = audit::Log::open({{Kind::file, "/proc/none/log", {7, 12}}}, options());
  REQUIRE_THAT(std::get<std::string>(opened),
               Catch::StartsWith("7:12: audit.log: cannot open /proc/none/log: "));
}

TEST_CASE("files are opened anew when asked, and an old one is kept where that fails") {
  const test::TemporaryFolder folder;
  const auto inner = folder.file("inner");
  std::filesystem::create_directory(inner);
  const auto file = inner + "/log";
  auto log = open_log({file}, options());
  record(*log, 3);
  wait_until([&] { return count_lines(file) == 3; });
  std::filesystem::rename(file, file + ".1");
  log->reopen();
  record(*log, 2);
  wait_until([&] { return count_lines(file) == 2; });
  REQUIRE(count_lines(file + ".1") == 3);

  std::filesystem::rename(inner, folder.file("moved"));
  log->reopen();
  record(*log, 1);
  log.reset();
  REQUIRE(count_lines(folder.file("moved") + "/log") == 3);
}

TEST_CASE("the chain goes on over restarts, rotation and a line that a crash has torn") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  auto with = options();
  with.chain = conf::Chain::on;
  for (int run = 0; run < 3; ++run) {
    auto log = open_log({file}, with);
    log->record_start();
    record(*log, 40, "stop");
    log.reset();
    if (run == 1) std::ofstream(file, std::ios::app) << R"({"@timestamp":"2026-11)";
  }
  auto log = open_log({file}, with);
  log->record_start();
  wait_until([&] { return count_lines(file) == 3 * 41 + 3; });
  std::filesystem::rename(file, file + ".1");
  log->reopen();
  record(*log, 1, "stop");
  log.reset();

  audit::ChainVerifier verifier;
  const auto text = content(file + ".1") + content(file);
  for (const auto& line : lines_of(text)) {
    const auto fault = verifier.feed(line);
    INFO(line << (fault ? fault->what : ""));
    REQUIRE_FALSE(fault);
  }
  REQUIRE(verifier.is_from_the_beginning());
  REQUIRE(verifier.runs() == 4);
  REQUIRE(verifier.torn() == 1);
  REQUIRE(verifier.lines() == verifier.chained() + 1);
  REQUIRE_THAT(text, Catch::Contains(R"("event.reason":"unclean_stop")"));
}

TEST_CASE("a run that was killed between two lines is known by the file's last one") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  const auto gaps = [&] {
    const auto text = content(file);
    std::size_t count = 0;
    for (auto at = text.find("unclean_stop"); at != std::string::npos; ++count) {
      at = text.find("unclean_stop", at + 1);
    }
    return count;
  };
  const auto run = [&](bool is_killed) {
    auto log = open_log({file}, options());
    log->record_start();
    audit::SessionEndEvent end;
    end.reason = "client_closed";
    end.session.client_name = R"("event.action":"stop")";
    end.session.client_named_by = "ehlo";
    log->record({{}, end});
    if (!is_killed) record(*log, 1, "stop");
  };
  run(false);
  run(true);
  REQUIRE(gaps() == 0);
  run(false);
  REQUIRE(gaps() == 1);
  run(false);
  REQUIRE(gaps() == 1);
}

TEST_CASE("a file whose end is no log begins a new chain, and says so") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  std::ofstream(file) << std::string(100'000, 'x');
  auto with = options();
  with.chain = conf::Chain::on;
  open_log({file}, with)->record_start();
  const auto lines = lines_of(content(file));
  REQUIRE(lines.size() == 4);
  REQUIRE(nlohmann::json::parse(lines[1])["postern.chain"] == audit::kChainBegin);
  REQUIRE(nlohmann::json::parse(lines[2])["event.reason"] == "chain_broken");
}

TEST_CASE("the end of a file, whatever it holds") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  REQUIRE(audit::read_tail(file).last_line.empty());
  REQUIRE_FALSE(audit::read_tail(file).is_unknown);
  REQUIRE_FALSE(audit::read_tail("/dev/full").is_unknown);
  struct Row {
    std::string content, last_line;
    bool is_torn, is_unknown;
  };
  const std::string longest(audit::kMostTail - 2, 'y');
  for (const auto& row : std::vector<Row>{{"", "", false, false},
                                          {"a\n", "a", false, false},
                                          {"a", "a", true, false},
                                          {"a\nbc\n", "bc", false, false},
                                          {"a\nbc", "bc", true, false},
                                          {"a\n\n", "", false, true},
                                          {"a\n" + longest + "\n", longest, false, false},
                                          {"aaaa" + longest + "\n", "", false, true}}) {
    std::ofstream(file, std::ios::trunc) << row.content;
    const auto tail = audit::read_tail(file);
    INFO(row.content.size());
    REQUIRE(tail.last_line == row.last_line);
    REQUIRE(tail.is_torn == row.is_torn);
    REQUIRE(tail.is_unknown == row.is_unknown);
  }
}

TEST_CASE("without targets the inventory still gets every event") {
  FakeInventory inventory;
  auto with = options();
  with.inventory = &inventory;
  record(*open_log({}, with), 1000);
  REQUIRE(inventory.all.size() == 1000);
}

TEST_CASE("a log without targets and inventory takes all, and loses nothing") {
  const auto log = open_log({}, options());
  record(*log, 30'000);
  REQUIRE(log->lost() == 0);
  REQUIRE_FALSE(log->is_failing());
}

TEST_CASE("what the inventory loses, and that it was not ended before, are events") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  FakeInventory inventory;
  inventory.is_unclean = true;
  auto with = options();
  with.inventory = &inventory;
  auto log = open_log({file}, with);
  log->record_start();
  wait_until([&] { return count_lines(file) == 2; });
  inventory.lost = 5;
  record(*log, 1, "stop");
  log.reset();
  const auto lines = lines_of(content(file));
  REQUIRE(lines.size() == 4);
  REQUIRE_THAT(lines[1], Catch::Contains(R"("event.reason":"unclean_stop")"));
  // The log may have asked for it before the last event came.
  const auto& gap = lines[lines[2].find("audit-gap") == std::string::npos ? 3 : 2];
  REQUIRE_THAT(gap, Catch::Contains(R"("event.reason":"inventory_full")") &&
                        Catch::Contains(R"("postern.lost":5})"));
  REQUIRE(inventory.all.size() == 4);
}

TEST_CASE("an event that finds the queue full leaves a hole, and the log says how large") {
  const test::TemporaryFolder folder;
  const auto file = folder.file("log");
  FakeInventory inventory;
  inventory.is_held = true;
  auto with = options();
  with.inventory = &inventory;
  with.chain = conf::Chain::on;
  auto log = open_log({file}, with);
  record(*log, 1);
  wait_until([&] { return inventory.takes == 1; });  // the log's thread stands still now
  record(*log, 10'000 + 50, "stop");
  inventory.is_held = false;
  log.reset();
  const auto lines = lines_of(content(file));
  REQUIRE(lines.size() == 10'002);
  REQUIRE_THAT(lines.back(), Catch::Contains(R"("event.reason":"queue_full")") &&
                                 Catch::Contains(R"("event.sequence":10052,)") &&
                                 Catch::Contains(R"("postern.lost":50})"));
  audit::ChainVerifier verifier;
  for (const auto& line : lines) REQUIRE_FALSE(verifier.feed(line));
  REQUIRE(verifier.lost() == 50);
}

TEST_CASE("a target that works again is known to, though nothing happens, and its line is kept") {
  const Pipe pipe;
  pipe.fill();
  auto log = open_log({pipe.path()}, options(20ms));
  REQUIRE_FALSE(log->is_failing());
  record(*log, 1);
  wait_until([&] { return log->is_failing(); });
  std::string all;
  wait_until([&] {
    all += pipe.drain();
    return !log->is_failing();
  });
  log.reset();
  all += pipe.drain();
  all.erase(0, all.find_first_not_of('x'));
  REQUIRE(lines_of(all).size() == 1);
  REQUIRE_THAT(all, Catch::Contains(R"("event.action":"start")"));
}

TEST_CASE("what a target lost is a hole in the sequence, as large as the gap event says") {
  const Pipe pipe;
  pipe.fill();
  auto log = open_log({pipe.path()}, options(20ms));
  record(*log, 1);
  wait_until([&] { return log->is_failing(); });
  record(*log, 7);
  wait_until([&] { return log->lost() == 7; });
  std::string all;
  wait_until([&] {
    all += pipe.drain();
    return all.find("audit-gap") != std::string::npos && all.ends_with('\n');
  });
  REQUIRE(log->lost() == 7);
  REQUIRE_FALSE(log->is_failing());
  log.reset();
  all.erase(0, all.find_first_not_of('x'));
  const auto lines = lines_of(all);
  REQUIRE(lines.size() == 2);
  REQUIRE(nlohmann::json::parse(lines[0])["event.sequence"] == 1);
  const auto gap = nlohmann::json::parse(lines[1]);
  REQUIRE(gap["event.sequence"] == 9);
  REQUIRE(gap["postern.lost"] == 7);
}

TEST_CASE("any one target that fails is a failure, and the end counts what it never got") {
  const test::TemporaryFolder folder;
  auto log = open_log({folder.file("log"), "/dev/full"}, options());
  record(*log, 3);
  wait_until([&] { return log->is_failing(); });
  log->close();
  // The three, and the gap event that tells the file of them.
  REQUIRE(log->lost() == 4);
  REQUIRE(count_lines(folder.file("log")) == 4);
}

TEST_CASE("a failure is known at once, though another target still holds the writer") {
  const Pipe pipe;
  pipe.fill();
  auto log = open_log({"/dev/full", pipe.path()}, options(10 * kDeadline));
  record(*log, 1);
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!log->is_failing() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(2ms);
  }
  const bool is_known = log->is_failing();
  pipe.drain();
  REQUIRE(is_known);
}

TEST_CASE("a full queue and an inventory that cannot be written are failures, until they are not") {
  const test::TemporaryFolder folder;
  FakeInventory inventory;
  inventory.is_held = true;
  auto with = options();
  with.inventory = &inventory;
  auto log = open_log({folder.file("log")}, with);
  record(*log, 1);
  wait_until([&] { return inventory.takes == 1; });
  record(*log, 10'000);
  REQUIRE_FALSE(log->is_failing());
  record(*log, 1);
  REQUIRE(log->is_failing());
  REQUIRE(log->lost() == 1);
  inventory.is_held = false;
  wait_until([&] { return !log->is_failing(); });
  inventory.is_broken = true;
  REQUIRE(log->is_failing());
  inventory.is_broken = false;
  REQUIRE_FALSE(log->is_failing());
}
