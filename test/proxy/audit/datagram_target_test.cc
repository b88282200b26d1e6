// syslog and journald, as a fake logger's socket gets them.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <string>

#include "proxy/audit/datagrams.h"
#include "proxy/audit/target.h"
#include "test/proxy/audit/temporary_folder.h"

using namespace postern;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 20ms;

// Binds the socket of a local logger, and takes what is there.
class Logger {
 public:
  explicit Logger(const std::string& path) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::strcpy(address.sun_path, path.c_str());  // NOLINT: its size was looked at
    descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    REQUIRE(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Logger() {
    close(descriptor_);
    unlink(path_.c_str());
  }
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  std::optional<std::string> next() const {
    std::array<char, 8192> text{};
    const auto size = recv(descriptor_, text.data(), text.size(), 0);
    if (size < 0) return std::nullopt;
    return std::string(text.data(), static_cast<std::size_t>(size));
  }
  int count() const {
    int count = 0;
    while (next()) ++count;
    return count;
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

audit::Batch batch_of(int count, std::size_t size = 0) {
  audit::Batch batch;
  for (int i = 0; i < count; ++i) {
    const auto begin = batch.text.size();
    batch.text +=
        R"({"@timestamp":"2026-11-24T20:00:00.123Z","x":")" + std::string(size, 'x') + "\"}\n";
    batch.lines.push_back(
        {begin, batch.text.size() - begin, audit::Level::warn, "login-refused", "1a-0-7"});
  }
  return batch;
}

}  // namespace

TEST_CASE("a line goes to syslog as RFC 5424 says") {
  const test::TemporaryFolder folder;
  const Logger logger(folder.file("log"));
  const auto syslog = audit::make_syslog(folder.file("log"), "mail.example.com");
  REQUIRE(syslog->write(batch_of(2), kPatience).lost == 0);
  REQUIRE(logger.next() ==
          "<84>1 2026-11-24T20:00:00.123Z mail.example.com postern " + std::to_string(getpid()) +
              R"( login-refused - {"@timestamp":"2026-11-24T20:00:00.123Z","x":""})");
  REQUIRE(logger.count() == 1);
}

TEST_CASE("a host name that is no field of syslog becomes the nil value") {
  const auto batch = batch_of(1);
  for (const std::string& name :
       {std::string(), std::string("two words"), std::string("\xc3\xa9"), std::string(256, 'x')}) {
    REQUIRE_THAT(audit::syslog_datagram(batch.lines[0], batch.text_of(batch.lines[0]), name),
                 Catch::StartsWith("<84>1 2026-11-24T20:00:00.123Z - postern "));
  }
}

TEST_CASE("a line goes to the journal with its fields") {
  const test::TemporaryFolder folder;
  const Logger logger(folder.file("journal"));
  const auto journal = audit::make_journald(folder.file("journal"));
  REQUIRE(journal->write(batch_of(1), kPatience).lost == 0);
  REQUIRE(logger.next() == R"(MESSAGE={"@timestamp":"2026-11-24T20:00:00.123Z","x":""})"
                           "\nPRIORITY=4\nSYSLOG_IDENTIFIER=postern\nSYSLOG_FACILITY=10\n"
                           "POSTERN_ACTION=login-refused\nPOSTERN_SESSION=1a-0-7\n");
}

TEST_CASE("a field of the journal that holds a newline has its length in front") {
  std::string out;
  audit::append_journal_field(out, "MESSAGE", "a\nPRIORITY=0");
  REQUIRE(out == std::string("MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n", 29));
}

TEST_CASE("a logger that is not there yet, goes and comes back gets what is written while it is") {
  const test::TemporaryFolder folder;
  const auto syslog = audit::make_syslog(folder.file("log"), "host");
  const auto missing = syslog->write(batch_of(3), kPatience);
  REQUIRE(missing.lost == 3);
  REQUIRE(missing.error == std::strerror(ENOENT));
  {
    const Logger logger(folder.file("log"));
    REQUIRE(syslog->write(batch_of(3), kPatience).lost == 0);
    REQUIRE(logger.count() == 3);
  }
  REQUIRE(syslog->write(batch_of(2), kPatience).lost == 2);
  const Logger again(folder.file("log"));
  REQUIRE(syslog->write(batch_of(2), kPatience).lost == 0);
  REQUIRE(again.count() == 2);
}

TEST_CASE("a logger that was restarted between two lines loses neither") {
  const test::TemporaryFolder folder;
  const auto journal = audit::make_journald(folder.file("log"));
  {
    const Logger logger(folder.file("log"));
    REQUIRE(journal->write(batch_of(1), kPatience).lost == 0);
  }
  const Logger again(folder.file("log"));
  REQUIRE(journal->write(batch_of(1), kPatience).lost == 0);
  REQUIRE(again.count() == 1);
}

TEST_CASE(
    "a logger that does not read holds the log for its patience once, and gets the rest later") {
  const test::TemporaryFolder folder;
  const Logger logger(folder.file("log"));
  const auto syslog = audit::make_syslog(folder.file("log"), "host");
  // More than any queue of datagrams holds.
  const auto clogged = syslog->write(batch_of(5000), kPatience);
  REQUIRE(clogged.lost > 0);
  REQUIRE(clogged.error == std::strerror(EAGAIN));
  REQUIRE(static_cast<std::size_t>(logger.count()) == 5000 - clogged.lost);
  REQUIRE(syslog->write(batch_of(1), kPatience).lost == 0);
}

TEST_CASE("a line longer than a datagram is counted, and those behind it arrive") {
  const test::TemporaryFolder folder;
  const Logger logger(folder.file("log"));
  const auto syslog = audit::make_syslog(folder.file("log"), "host");
  auto batch = batch_of(1, 8 * 1024 * 1024);
  const auto second = batch_of(1);
  batch.lines.push_back(second.lines[0]);
  batch.lines[1].begin = batch.text.size();
  batch.text += second.text;
  const auto written = syslog->write(batch, kPatience);
  REQUIRE(written.too_long == 1);
  REQUIRE(written.lost == 0);
  REQUIRE(logger.count() == 1);
}

TEST_CASE("a path that is no name of a socket is an error, not a shorter name") {
  const auto syslog = audit::make_syslog("/" + std::string(200, 'x'), "host");
  REQUIRE(syslog->write(batch_of(1), kPatience).error == std::strerror(ENAMETOOLONG));
}
