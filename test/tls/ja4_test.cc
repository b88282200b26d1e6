// JA4: FoxIO's published fingerprints, its rules one by one, and the way from a ClientHello.
#include "tls/ja4.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "test/tls/connection.h"
#include "test/tls/hello.h"

namespace postern::test {

using tls::Engine;
using tls::Ja4;
using tls::ja4_of;
using tls::Ja4Parts;

namespace {

std::string text_of(const Ja4Parts& parts) { return std::string(ja4_of(parts).text()); }

// The part before the first underscore.
std::string head_of(const Ja4Parts& parts) {
  const auto text = text_of(parts);
  return text.substr(0, text.find('_'));
}

// A capture of Chrome in FoxIO's repository (latest.pcapng), in the order of the wire.
Ja4Parts chrome() {
  return {
      .versions = {0x0304, 0x0303},
      .ciphers = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                  0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
      .extensions = {0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                     0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015},
      .signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
      .alpn = {"h2", "http/1.1"},
  };
}

// What an engine makes of bytes that come in one piece, whatever comes of the handshake.
std::string seen(const std::string& bytes) {
  Engine engine(context_of());
  tls::Octets plain;
  std::string output;
  engine.receive(bytes, plain, output);
  return engine.offer() == nullptr ? "" : std::string(engine.offer()->ja4.text());
}

}  // namespace

TEST_CASE("JA4 gives what FoxIO published for its captures") {
  auto parts = chrome();
  CHECK(text_of(parts) == "t13d1516h2_8daaf6152771_e5627efa2ab1");

  // Chrome of 2025 with algorithms of ML-DSA (sigalg-grease.pcapng).
  parts.extensions = {0xfe0d, 0x0010, 0x0017, 0x0033, 0x44cd, 0xff01, 0x000a, 0x000d, 0x0023,
                      0x002b, 0x000b, 0xca34, 0x002d, 0x0000, 0x0005, 0x001b, 0x0012};
  parts.signature_algorithms = {0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401,
                                0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
  CHECK(text_of(parts) == "t13d1517h2_8daaf6152771_cb7bf5808d99");

  // Windows' own TLS 1.2 (latest.pcapng, stream 3): no ALPN.
  CHECK(text_of({
            .versions = {0x0303},
            .ciphers = {0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a,
                        0xc009, 0xc014, 0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
                        0x000a},
            .extensions = {0x0000, 0x0005, 0x000a, 0x000b, 0x000d, 0x0023, 0x0017, 0xff01},
            .signature_algorithms = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503,
                                     0x0203, 0x0202, 0x0601, 0x0603},
            .alpn = {},
        }) == "t12d190800_d83cc789557e_7af1ed941c26");

  // badcurveball.pcap.
  CHECK(text_of({
            .versions = {0x0304, 0x0303, 0x0302, 0x0301},
            .ciphers = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                        0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0x000a},
            .extensions = {0x0000, 0x0017, 0xff01, 0x000a, 0x000b, 0x0023, 0x0010, 0x0005, 0x000d,
                           0x0012, 0x0033, 0x002d, 0x002b, 0x001b, 0x0015},
            .signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
                                     0x0201},
            .alpn = {"h2"},
        }) == "t13d1615h2_46e7e9700bed_45f260be83e2");
}

TEST_CASE("JA4 overlooks GREASE wherever it stands") {
  auto parts = chrome();
  parts.versions.insert(parts.versions.begin(), 0xfafa);
  parts.ciphers.insert(parts.ciphers.begin(), 0x1a1a);
  parts.extensions.insert(parts.extensions.begin(), 0x2a2a);
  parts.extensions.push_back(0xeaea);
  parts.signature_algorithms.insert(parts.signature_algorithms.begin(), 0x0a0a);
  parts.alpn.insert(parts.alpn.begin(), "\xca\xca");
  CHECK(text_of(parts) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
  // 0x?A in both octets, but not the same.
  parts.ciphers.push_back(0x1a2a);
  CHECK(head_of(parts) == "t13d1616h2");
}

TEST_CASE(
    "JA4 is the same in whatever order suites and extensions come, algorithms' order counts") {
  auto parts = chrome();
  std::reverse(parts.ciphers.begin(), parts.ciphers.end());
  std::reverse(parts.extensions.begin(), parts.extensions.end());
  CHECK(text_of(parts) == text_of(chrome()));
  std::reverse(parts.signature_algorithms.begin(), parts.signature_algorithms.end());
  CHECK(text_of(parts) != text_of(chrome()));
}

TEST_CASE("JA4 without algorithms ends its list without an underscore, and empty lists are zeros") {
  auto parts = chrome();
  parts.signature_algorithms.clear();
  CHECK(text_of(parts) == "t13d1516h2_8daaf6152771_6d807ffa2a79");
  parts.extensions = {0x0000, 0x0010};
  CHECK(text_of(parts) == "t13d1502h2_8daaf6152771_000000000000");
  CHECK(text_of({}) == "t00i000000_000000000000_000000000000");
}

TEST_CASE("JA4 names the highest version") {
  struct Row {
    std::vector<std::uint16_t> versions;
    std::string head;
  };
  for (const auto& row : std::vector<Row>{
           {{0x0301, 0x0304, 0x0303}, "t13i000000"},
           {{0x0303}, "t12i000000"},
           {{0x0302}, "t11i000000"},
           {{0x0301}, "t10i000000"},
           {{0x0300}, "ts3i000000"},
           {{0x0002}, "ts2i000000"},
           {{0x7f1c, 0x0303}, "t00i000000"},
       }) {
    Ja4Parts parts;
    parts.versions = row.versions;
    CHECK(head_of(parts) == row.head);
  }
}

TEST_CASE("JA4 counts up to 99") {
  for (const std::size_t count : {0U, 9U, 10U, 98U, 99U, 100U, 300U}) {
    Ja4Parts parts;
    parts.versions = {0x0303};
    parts.ciphers.assign(count, 0xc02b);
    parts.extensions.assign(count, 0x0017);
    const auto shown = count > 99   ? "99"
                       : count < 10 ? "0" + std::to_string(count)
                                    : std::to_string(count);
    CHECK(head_of(parts) == "t12i" + shown + shown + "00");
    CHECK(text_of(parts).size() == Ja4::kSize);
  }
}

TEST_CASE("JA4 shows the ends of the first ALPN name, or of its hexadecimal form") {
  struct Row {
    std::vector<std::string> alpn;
    std::string shown;
  };
  for (const auto& row : std::vector<Row>{
           {{}, "00"},
           {{""}, "00"},
           {{"", "imap"}, "00"},
           {{"imap"}, "ip"},
           {{"http/1.1", "h2"}, "h1"},
           {{"q"}, "qq"},
           {{"\xab"}, "ab"},
           {{"\xab\xcd"}, "ad"},
           {{"0\xab"}, "3b"},
           {{"01\xab\xcd"}, "3d"},
           {{"0\xab\xcd"
             "1"},
            "01"},
           {{"\xba\xad"}, "bd"},
           {{"h_"}, "6f"},
           {{"\n"}, "0a"},
           {{"\x1a\x1a"}, "00"},
           {{"\x1a\x1a", "h2"}, "h2"},
       }) {
    Ja4Parts parts;
    parts.alpn = row.alpn;
    INFO(row.shown);
    CHECK(head_of(parts) == "t00i0000" + row.shown);
  }
}

TEST_CASE("an engine gives the JA4 of a hello, also of one that fails, however it is cut") {
  Hello hello;
  const auto parts = chrome();
  hello.ciphers = parts.ciphers;
  hello.ciphers.insert(hello.ciphers.begin(), 0x4a4a);
  hello.extension(0x8a8a);
  for (const auto type : parts.extensions) {
    if (type == 0x0000) {
      hello.server_name("mail.example.com");
    } else if (type == 0x0010) {
      hello.alpn(parts.alpn);
    } else if (type == 0x002b) {
      hello.versions({0x6a6a, 0x0304, 0x0303});
    } else if (type == 0x000d) {
      hello.algorithms(parts.signature_algorithms);
    } else {
      hello.extension(type, "?");  // no body that BoringSSL would take
    }
  }
  const auto bytes = hello.record();
  CHECK(seen(bytes) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
  CHECK(seen(bytes.substr(0, bytes.size() - 1)).empty());

  Engine engine(context_of());
  tls::Octets plain;
  std::string output;
  for (const char octet : bytes) engine.receive(std::string_view(&octet, 1), plain, output);
  CHECK(engine.state() == Engine::State::failed);
  CHECK(engine.offer()->ja4.text() == "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST_CASE("a hello without extensions has a JA4 by its own version") {
  Hello hello;
  hello.version = 0x0301;
  hello.ciphers = {0x002f, 0x00ff};
  CHECK(seen(hello.record()).substr(0, 11) == "t10i020000_");
}

TEST_CASE("more than an offer keeps counts for the JA4") {
  Hello hello;
  hello.ciphers.assign(300, 0xc02b);
  Ja4Parts parts;
  parts.versions = {0x0303};
  parts.ciphers = hello.ciphers;
  CHECK(seen(hello.record()) == text_of(parts));
  parts.ciphers.resize(tls::Offer::kMaxNumbers);
  CHECK(seen(hello.record()) != text_of(parts));
}

TEST_CASE("what is no TLS has no JA4, an SSLv2 hello neither") {
  CHECK(seen("EHLO client.example.com\r\n").empty());
  CHECK(seen(std::string("\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10\x00\xc0\x09"
                         "0123456789abcdef",
                         30))
            .empty());
}

TEST_CASE("the JA4 stays that of the first hello when another one was asked for") {
  TlsClientOptions options;
  options.min_version = options.max_version = 0x0304;
  options.groups = "P-384:X25519";  // a share of P-384 alone is sent; we want X25519
  TlsClient client(options);
  Engine engine(context_of());
  tls::Octets plain;
  std::string output;
  client.receive("");
  engine.receive(client.take_output(), plain, output);
  REQUIRE(engine.state() == Engine::State::handshaking);
  REQUIRE(engine.offer() != nullptr);
  const auto* const first = engine.offer();
  const std::string ja4(first->ja4.text());
  client.receive(std::exchange(output, {}));
  REQUIRE_FALSE(client.connected());
  engine.receive(client.take_output(), plain, output);
  CHECK(engine.offer() == first);
  client.receive(std::exchange(output, {}));
  engine.receive(client.take_output(), plain, output);
  REQUIRE(engine.state() == Engine::State::open);
  CHECK(engine.facts().ja4.text() == ja4);
}

TEST_CASE("the offer stays beyond the handshake until it is dropped, the JA4 beyond that") {
  const auto version = GENERATE(as<std::uint16_t>{}, 0x0303, 0x0304);
  TlsClientOptions options;
  options.min_version = options.max_version = version;
  Connection connection(context_of(), options);
  REQUIRE(connection.engine.state() == Engine::State::open);
  REQUIRE(connection.engine.offer() != nullptr);
  CHECK(connection.engine.offer()->versions.front() == version);
  const std::string ja4(connection.engine.offer()->ja4.text());
  CHECK(ja4.substr(0, 4) == (version == 0x0303 ? "t12i" : "t13i"));
  connection.engine.drop_offer();
  CHECK(connection.engine.offer() == nullptr);
  CHECK(connection.engine.facts().ja4.text() == ja4);
  connection.to_server("a1 NOOP\r\n");
  connection.to_client("a1 OK\r\n");
  CHECK(connection.client.take_received() == "a1 OK\r\n");
}

TEST_CASE("the offer cannot be dropped as long as the handshake needs it") {
  TlsClient client;
  Engine engine(context_of());
  tls::Octets plain;
  std::string output;
  client.receive("");
  engine.receive(client.take_output(), plain, output);
  engine.drop_offer();
  CHECK(engine.offer() != nullptr);
  CHECK(engine.facts().ja4.text().empty());
}

}  // namespace postern::test
