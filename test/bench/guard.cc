// The guard's program: whole IMAP sessions, phase by phase, the same every time. Under callgrind
// each phase leaves a file with the instructions that the proxy took for it; test/bench/guard.py
// runs it and judges. Prints what each phase's count is to be divided by, and what it was made with.
// Without callgrind it plays the same and counts nothing.
#include <gnu/libc-version.h>
#include <openssl/base.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "test/bench/counted.h"
#include "test/bench/guard_world.h"

namespace postern::bench {

namespace {

// Several, since what a handshake takes depends on random numbers a little.
constexpr std::size_t kVisits = 16;
constexpr std::size_t kNoops = 64;
constexpr std::size_t kBulk = 1024 * 1024;

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;  // "Debian Clang 14.0.6"
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

class Guard {
 public:
  // What it divides by, and what it was made with.
  nlohmann::ordered_json run() {
    warm_up();
    shake_hands({});
    end("handshake", kVisits);
    log_in();
    end("login", kVisits);
    noop();
    end("noop", kNoops);
    bulk_down();
    end("down", 1);
    bulk_up();
    end("up", 1);
    test::TlsClientOptions returning;
    returning.session = visits_.front()->client().session();
    const auto cipher = visits_.front()->client().cipher();
    leave();
    end("logout", kVisits);
    world_.write_events();
    end("audit", kVisits);
    shake_hands(returning);
    end("resumed", kVisits);
    return {{"divisors", divisors_},
            {"with",
             {{"compiler", kCompiler},
              {"build", POSTERN_BUILD_TYPE},
              {"boringssl", BORINGSSL_API_VERSION},
              {"libc", gnu_get_libc_version()},
              {"cipher", cipher},
              {"processor", __builtin_cpu_supports("avx2") ? "x86-64 avx2" : "x86-64"}}}};
  }

 private:
  // What is made once: tables of curves, seeds of random numbers, memory.
  void warm_up() {
    for (int i = 0; i < 2; ++i) {
      shake_hands({});
      log_in();
      leave();
    }
    world_.write_events();
    end_phase("warm-up");
  }

  void end(const char* phase, std::size_t divisor) {
    end_phase(phase);
    divisors_[phase] = divisor;
  }

  void shake_hands(const test::TlsClientOptions& options) {
    for (std::size_t i = 0; i < kVisits; ++i) {
      visits_.push_back(std::make_unique<Visit>(world_));
      visits_.back()->shake_hands(options);
      if (visits_.back()->client().resumed() != (options.session != nullptr)) {
        throw std::runtime_error("guard: the wrong kind of handshake");
      }
    }
  }

  // As a desktop client begins: who are you, let me in, what is in the inbox.
  void log_in() {
    for (const auto& visit : visits_) {
      visit->say("1 ID (\"name\" \"Thunderbird\" \"version\" \"128\")\r\n");
      visit->answer("* ID NIL\r\n1 OK\r\n");
      visit->say("2 LOGIN \"joe@example.com\" \"secret\"\r\n");
      visit->answer("2 OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] logged in\r\n");
      visit->say("3 SELECT INBOX\r\n");
      visit->answer("* 4 EXISTS\r\n* OK [UIDVALIDITY 1] valid\r\n3 OK [READ-WRITE]\r\n");
    }
  }

  void noop() {
    for (std::size_t i = 0; i < kNoops; ++i) {
      visits_.front()->say("4 NOOP\r\n");
      visits_.front()->answer("4 OK\r\n");
    }
  }

  void bulk_down() {
    visits_.front()->say("5 UID FETCH 1 BODY[]\r\n");
    visits_.front()->answer("* 1 FETCH (UID 1 BODY[] {" + std::to_string(kBulk) + "}\r\n" +
                            std::string(kBulk, 'd') + ")\r\n5 OK\r\n");
  }

  void bulk_up() {
    visits_.front()->say("6 APPEND INBOX {" + std::to_string(kBulk) + "}\r\n");
    visits_.front()->answer("+ go ahead\r\n");
    visits_.front()->say(std::string(kBulk, 'u') + "\r\n");
    visits_.front()->answer("6 OK\r\n");
  }

  void leave() {
    for (const auto& visit : visits_) {
      visit->say("7 LOGOUT\r\n");
      visit->answer("* BYE\r\n7 OK\r\n");
      visit->leave();
    }
    visits_.clear();
  }

  World world_;
  std::vector<std::unique_ptr<Visit>> visits_;
  nlohmann::ordered_json divisors_;
};

}  // namespace

}  // namespace postern::bench

int main() {
  try {
    std::puts(postern::bench::Guard().run().dump().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
