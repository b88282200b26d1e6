// What a session costs in memory while nothing happens in it: there are tens of thousands of them,
// and nearly all of them wait (IMAP's IDLE).
#include <malloc.h>

#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/imap_dialogue.h"
#include "proxy/net/uv_stream.h"
#include "test/proxy/session/session_world.h"
#include "test/support/heap_bound.h"

using namespace postern;
using namespace postern::test;

// A little above what they are today (496 and 320 on x86-64; 248 of a stream are libuv's). With
// thirty thousand idle sessions each octet is as many octets of a machine's memory, so whoever adds a
// member sees this fail and decides: what only some sessions need, or only for a while, belongs behind
// a pointer that is null in between; what all need for ever may raise the bound.
TEST_CASE("a session is a small object") {
  constexpr std::size_t kMostOfSession = 512;
  constexpr std::size_t kMostOfStream = 336;
  WARN("octets: Session " << sizeof(session::Session) << ", Engine " << sizeof(tls::Engine)
                          << " with Facts " << sizeof(tls::Facts) << ", ImapDialogue "
                          << sizeof(protocols::ImapDialogue) << ", two streams of "
                          << sizeof(net::UvStream) << "; while it dials, Link "
                          << sizeof(backend::Link));
  CHECK(sizeof(session::Session) <= kMostOfSession);
  CHECK(sizeof(net::UvStream) <= kMostOfStream);
}

// Allocations of a sanitizer are its own.
#if defined(__GLIBC__) && !defined(POSTERN_SANITIZED)
TEST_CASE("an idle session holds little") {
  // Measured by what comes back when all of them go, while the peers stay; so many that the pieces
  // that the allocator keeps for itself do not count.
  constexpr std::size_t kSessions = 200;
  // 3,770 with BoringSSL API 17 on x86-64, of which TLS has some 3,200 (the room's own test says of
  // what), and each of the two streams, which are the test's here, 32.
  constexpr std::size_t kMost = heap_bound(4100);
  const auto version = static_cast<std::uint16_t>(GENERATE(0x0303, 0x0304));
  WorldOptions options;
  options.mode = conf::TlsMode::implicit;
  options.remembered = std::make_shared<session::Remembered>();
  TlsClientOptions client;
  client.server_name = "mail.example.com";
  client.max_version = version;
  std::vector<std::unique_ptr<SessionWorld>> worlds;
  for (std::size_t i = 0; i < kSessions; ++i) {
    auto& world = *worlds.emplace_back(std::make_unique<SessionWorld>(options));
    world.begin();
    world.shake_hands(client);
    world.greet("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
    world.say_in_tls("1 ID (\"name\" \"Thunderbird\" \"version\" \"128.5.0esr\")\r\n");
    world.backend().send("* ID NIL\r\n1 OK\r\n");
    world.say_in_tls("2 LOGIN joe@example.com secret\r\n");
    world.backend().send("2 OK logged in\r\n");
    world.say_in_tls("3 IDLE\r\n");
    world.backend().send("+ idling\r\n");
    REQUIRE(world.hear_in_tls().ends_with("+ idling\r\n"));
  }
  REQUIRE(worlds.front()->tls().version() == version);
  const auto before = mallinfo2().uordblks;
  for (const auto& world : worlds) world->destroy();
  const auto each = (before - mallinfo2().uordblks) / kSessions;
  WARN("octets on the heap, without its streams' handles: " << each << ", version " << std::hex
                                                            << version);
  CHECK(each < kMost);
}
#endif
