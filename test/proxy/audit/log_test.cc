// The audit log and targets that do not take their lines.
#include "proxy/audit/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <thread>

using namespace postern;
using namespace std::chrono_literals;

namespace {

// A pipe with a name, held open at both ends so that no open() waits.
class Pipe {
 public:
  Pipe() {
    std::string folder = std::filesystem::temp_directory_path() / "postern_log_XXXXXX";
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    REQUIRE(mkfifo(path().c_str(), 0600) == 0);
    descriptor_ = open(path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(descriptor_ >= 0);
  }
  ~Pipe() {
    close(descriptor_);
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ / "pipe"; }
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
  std::filesystem::path folder_;
  int descriptor_ = -1;
};

std::unique_ptr<audit::Log> open_log(const std::string& path) {
  conf::AuditLog target;
  target.kind = conf::AuditLog::Kind::file;
  target.path = path;
  auto opened = audit::Log::open({target}, {"mail.example.com", "1"});
  REQUIRE(std::holds_alternative<std::unique_ptr<audit::Log>>(opened));
  return std::move(std::get<std::unique_ptr<audit::Log>>(opened));
}

}  // namespace

TEST_CASE("a log that nobody reads does not keep the program from ending") {
  const Pipe pipe;
  pipe.fill();
  auto log = open_log(pipe.path());
  for (int i = 0; i < 100; ++i) log->record({{}, audit::NodeEvent{"start"}});
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  const bool in_time = ended.wait_for(15s) == std::future_status::ready;
  pipe.drain();  // lets it end where it hangs
  while (ended.wait_for(10ms) != std::future_status::ready) pipe.drain();
  REQUIRE(in_time);
}

TEST_CASE("a line that was cut takes none of those behind it with it") {
  const Pipe pipe;
  pipe.fill();
  pipe.drain(1);  // room for a page, which ends within some line
  auto log = open_log(pipe.path());
  for (int i = 0; i < 100; ++i) log->record({{}, audit::NodeEvent{"start"}});
  std::this_thread::sleep_for(3s);  // longer than the log's patience
  // How the events fell into batches is the threads' affair: some lines may be lost whole, one or
  // more may be cut, but what stands behind a cut one begins a line of its own.
  auto all = pipe.drain();
  log->record({{}, audit::NodeEvent{"stop"}});
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  while (ended.wait_for(10ms) != std::future_status::ready) all += pipe.drain();
  all += pipe.drain();
  REQUIRE_THAT(all, Catch::EndsWith("}\n") && Catch::Contains("\"event.action\":\"stop\""));
  all.erase(0, all.find_first_not_of('x'));
  std::size_t whole = 0;
  for (std::size_t begin = 0; begin < all.size();) {
    const auto end = all.find('\n', begin);
    const auto line = all.substr(begin, end - begin);
    begin = end + 1;
    REQUIRE(line.find("{\"@timestamp\"", 1) == std::string::npos);  // never two in one
    if (!line.empty() && line.back() == '}') ++whole;
  }
  REQUIRE(whole > 1);
}

TEST_CASE("a log that is read slowly gets every line whole") {
  const Pipe pipe;
  auto log = open_log(pipe.path());
  constexpr int kEvents = 2000;
  for (int i = 0; i < kEvents; ++i) log->record({{}, audit::NodeEvent{"start"}});
  std::string all;
  const auto read_on = [&] { all += pipe.drain(); };
  auto ended = std::async(std::launch::async, [&log] { log.reset(); });
  while (ended.wait_for(10ms) != std::future_status::ready) read_on();
  read_on();
  REQUIRE(std::count(all.begin(), all.end(), '\n') == kEvents);
}
