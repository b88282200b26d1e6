// Who logs in, out of SASL exchanges: published and made vectors, malformed ones included.
#include "protocols/sasl.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "protocols/base64.h"
#include "protocols/ntlm.h"
#include "protocols/user_name.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;

namespace {

nlohmann::json vectors() {
  std::ifstream file(postern::test::source_dir() + "/test/data/sasl_vectors.json");
  return nlohmann::json::parse(file);
}

std::string encode(std::string_view bytes) {
  static const std::string kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

Login after(std::string_view mechanism, const std::vector<std::string>& base64) {
  SaslExchange exchange(mechanism);
  for (const auto& response : base64) exchange.response(response);
  return exchange.login();
}

Login decoded_after(std::string_view mechanism, std::string_view message) {
  return after(mechanism, {encode(message)});
}

using Text = std::string_view;

}  // namespace

TEST_CASE("each vector gives the name that it was made with, and no other") {
  std::size_t seen = 0;
  for (const auto& vector : vectors()) {
    const auto id = vector["id"].get<std::string>();
    auto mechanism = vector["mechanism"].get<std::string>();
    auto wire = vector["wire"].get<std::string>();
    INFO(id);
    ++seen;
    if (mechanism.ends_with("-bad")) mechanism.resize(mechanism.size() - 4);
    if (mechanism == "LOGIN-prompt") continue;  // the server's words, never a response
    if (wire == "=") wire.clear();
    std::string user = vector["user"].is_null() ? "" : vector["user"].get<std::string>();
    if (vector["domain"].is_string() && !vector["domain"].get<std::string>().empty())
      user = vector["domain"].get<std::string>() + "\\" + user;
    std::string authorization = vector.value("authzid", "");
    if (authorization == user) authorization.clear();
    if (mechanism == "GSSAPI") std::swap(user, authorization);  // it is an authorization identity

    SaslExchange exchange(mechanism);
    REQUIRE(exchange.login().user.empty());
    exchange.response(wire);
    REQUIRE(exchange.login().user == user);
    REQUIRE(exchange.login().authorization == authorization);
    REQUIRE(exchange.login().mechanism == (mechanism == "LOGIN" ? "AUTH-LOGIN" : mechanism));
    if (!user.empty()) REQUIRE_FALSE(exchange.name_follows());
    for (const auto& field : {exchange.login().user, exchange.login().authorization}) {
      REQUIRE(field.find("test-only") == std::string::npos);
      REQUIRE(field.find("INVENTED") == std::string::npos);
    }
  }
  REQUIRE(seen == 49);
}

TEST_CASE("an NTLM exchange shows its user in the third message and not before") {
  std::string type1;
  std::string type3;
  for (const auto& vector : vectors()) {
    if (vector["id"] == "ntlm-t1") type1 = vector["wire"];
    if (vector["id"] == "ntlm-t3-v2-mic") type3 = vector["wire"];
  }
  SaslExchange exchange("ntlm");
  exchange.response("");
  REQUIRE(exchange.name_follows());
  exchange.response(type1);
  REQUIRE(exchange.login().user.empty());
  REQUIRE(exchange.name_follows());
  exchange.response(type3);
  REQUIRE(exchange.login().user == "CONTOSO\\jdoe");
  REQUIRE_FALSE(exchange.login().sends_secret);
}

TEST_CASE(
    "the second response of LOGIN is the secret and is never read, nor is one behind an empty") {
  REQUIRE(after("login", {"amRvZQ==", "dGVzdC1vbmx5"}).user == "jdoe");
  REQUIRE(after("LOGIN", {"", "dGVzdC1vbmx5"}).user.empty());
  REQUIRE(after("LOGIN", {"not base64!", "dGVzdC1vbmx5"}).user.empty());
}

TEST_CASE("an empty initial response hides no name where the mechanism has a form of its own") {
  REQUIRE(after("PLAIN", {"", "AGpkb2UAdGVzdC1vbmx5"}).user == "jdoe");
  REQUIRE(after("SCRAM-SHA-1", {"", "biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8="}).user ==
          "user");
}

TEST_CASE("a PLAIN message that is not of the form gives nothing, since a guess could show it") {
  for (const Text message : {Text("\0\0secret", 8), Text("jdoe\0secret", 11),
                             Text("jdoe\0secret\0", 12), Text("\0jdoe\0sec\0ret", 13),
                             Text("secret"), Text("\0", 1), Text("\0\0", 2), Text("\0\0\0", 3)}) {
    const auto login = decoded_after("PLAIN", message);
    REQUIRE(login == Login{"PLAIN", "", "", true});
  }
}

TEST_CASE("which mechanisms send the secret itself") {
  for (const auto* name : {"PLAIN", "login", "XOAUTH2", "OAuthBearer"})
    REQUIRE(SaslExchange(name).login().sends_secret);
  for (const auto* name : {"CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "NTLM", "GSSAPI",
                           "GSS-SPNEGO", "EXTERNAL", "ANONYMOUS", "KERBEROS_V4"})
    REQUIRE_FALSE(SaslExchange(name).login().sends_secret);
}

TEST_CASE("a mechanism's name becomes upper case, printable and short") {
  REQUIRE(SaslExchange("x-secret_1").login().mechanism == "X-SECRET_1");
  REQUIRE(SaslExchange("LOGIN").login().mechanism == "AUTH-LOGIN");
  REQUIRE(SaslExchange("").login().mechanism == "?");
  REQUIRE(SaslExchange(Text("a b\0\x7f\xfc\n", 7)).login().mechanism == "A?B????");
  REQUIRE(SaslExchange(std::string(100, 'x')).login().mechanism == std::string(32, 'X'));
}

TEST_CASE("trace text of ANONYMOUS and responses of unknown mechanisms are nobody") {
  REQUIRE(after("ANONYMOUS", {"dHJhY2VAZXhhbXBsZQ=="}) == Login{"ANONYMOUS", "", "", false});
  REQUIRE(after("X-OWN", {"amRvZQ=="}).user.empty());
  REQUIRE_FALSE(SaslExchange("X-OWN").name_follows());
}

TEST_CASE("names in Latin-1 become UTF-8, in UTF-8 stay") {
  REQUIRE(decoded_after("LOGIN", "j\xfcrgen").user == "j\xc3\xbcrgen");
  REQUIRE(decoded_after("LOGIN", "j\xc3\xbcrgen").user == "j\xc3\xbcrgen");
  REQUIRE(decoded_after("PLAIN", Text("\0j\xfc\0x", 5)).user == "j\xc3\xbc");
  // Overlong, a surrogate, beyond U+10FFFF, cut short: none of them is UTF-8.
  for (const Text broken :
       {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    REQUIRE(utf8_or_latin1(broken) == latin1_to_utf8(broken));
  REQUIRE(utf8_or_latin1("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
}

TEST_CASE("a name that servers read differently is none: a NUL within it, or too many octets") {
  for (const Text name : {Text("jdoe\0-printer", 13), Text("\0jdoe", 5), Text("\0\0", 2), Text()}) {
    REQUIRE(decoded_after("LOGIN", name).user.empty());
    REQUIRE(readable_user_name(std::string(name)).empty());
  }
  REQUIRE(decoded_after("EXTERNAL", Text("jdoe\0\0", 6)).user == "jdoe");
  REQUIRE(decoded_after("LOGIN", std::string(255, 'a')).user == std::string(255, 'a'));
  REQUIRE(decoded_after("LOGIN", std::string(256, 'a')).user.empty());
  REQUIRE(user_name(std::string(128, '\xfc')).empty());  // as UTF-8 it has 256
}

TEST_CASE("CRAM-MD5 without a digest behind the last space is no name") {
  REQUIRE(decoded_after("CRAM-MD5", "jdoe secret").user.empty());
  REQUIRE(decoded_after("CRAM-MD5", "secret").user.empty());
  REQUIRE(decoded_after("CRAM-MD5", "jdoe b913a602c7eda7a495b4e6e7334d389z").user.empty());
}

TEST_CASE("DIGEST-MD5 reads quoted values only where they end, in the letters it announces") {
  const auto user = [](Text message) { return decoded_after("DIGEST-MD5", message).user; };
  REQUIRE(user("realm=\"username=\\\"x\\\"\",username=\"a\\\\b\"") == "a\\b");
  REQUIRE(user("USERNAME = \"a\" , qop=auth") == "a");
  REQUIRE(user("username=\"a").empty());
  REQUIRE(user("username=\"a\\").empty());
  REQUIRE(user("response=d388").empty());
  REQUIRE(user("username=\"\xc3\xbc\",charset=utf-8") == "\xc3\xbc");
  REQUIRE(user("charset=utf-8,username=\"\xc3\xbc\"") == "\xc3\xbc");
  // Who leaves `charset` out and writes UTF-8 all the same means nobody else.
  REQUIRE(user("username=\"\xc3\xbc\"") == "\xc3\xbc");
  REQUIRE(user("username=\"j\xfcrgen\"") == "j\xc3\xbcrgen");
  for (const Text message :
       {"username=\"ann\",username=\"bob\"", "username=ann,USERNAME=bob", "username=\"ann\"bob",
        "username=\"ann\",realm", "username=\"ann\",realm=\"x", "username=\"\""})
    REQUIRE(user(message).empty());
  REQUIRE(user("username=\"ann\" , ,realm=x,") == "ann");
}

TEST_CASE("SCRAM and OAUTHBEARER names must be escaped as their RFC says") {
  REQUIRE(decoded_after("SCRAM-SHA-1", "n,a=b=2cc,n=u=3du,r=x") ==
          Login{"SCRAM-SHA-1", "u=u", "b,c", false});
  for (const Text message : {"n,,n=a=b,r=x", "n,,n=a=,r=x", "x,,n=a,r=x", "n,z=a,n=a,r=x", "n",
                             "c=biws,r=x,p=secret", "n,,m=ext,n=a", ""})
    REQUIRE(decoded_after("SCRAM-SHA-1", message).user.empty());
  REQUIRE(decoded_after("OAUTHBEARER",
                        "n,a=a@b,\x01"
                        "auth=Bearer t\x01\x01")
              .user == "a@b");
}

TEST_CASE("XOAUTH2 needs its separator: else the token might be taken for the name") {
  REQUIRE(decoded_after("XOAUTH2", "user=a auth=Bearer secret").user.empty());
  REQUIRE(decoded_after("XOAUTH2", "auth=Bearer secret\x01").user.empty());
  REQUIRE(decoded_after("XOAUTH2", "user=ann\x01USER=bob\x01\x01").user.empty());
  REQUIRE(decoded_after("XOAUTH2", "user=ann\x01xuser=b\x01\x01").user == "ann");
  REQUIRE(decoded_after("OAUTHBEARER", "n,a=ann,a=bob,\x01\x01").user.empty());
}

TEST_CASE("whether a login without a name has one that is hidden, to come or unreadable") {
  enum class Is { named, awaited, hidden, unreadable };
  const auto state = [](const SaslExchange& exchange) {
    if (!exchange.login().user.empty()) return Is::named;
    if (exchange.name_follows()) return Is::awaited;
    return exchange.hides_name() ? Is::hidden : Is::unreadable;
  };
  const auto ann = encode(Text("\0ann\0pw", 7));
  const auto bob = encode(Text("\0bob\0pw", 7));
  const std::string token = "\x60\x06kerbe";
  const Text type1("NTLMSSP\0\1\0\0\0\7\0\0\0", 16);
  const Text type3("NTLMSSP\0\3\0\0\0", 12);
  struct Row {
    std::string mechanism;
    std::vector<std::string> responses;
    std::vector<Is> states;  // at the start and behind each
  };
  const std::vector<Row> rows = {
      {"PLAIN", {"", ann, ""}, {Is::awaited, Is::awaited, Is::named, Is::named}},
      // A server may pass the first over and ask again: the same name again is the same login.
      {"PLAIN", {ann, ann}, {Is::awaited, Is::named, Is::named}},
      {"PLAIN", {ann, bob, ann}, {Is::awaited, Is::named, Is::unreadable, Is::unreadable}},
      {"PLAIN", {ann, "%"}, {Is::awaited, Is::named, Is::unreadable}},
      {"PLAIN", {"%", ann}, {Is::awaited, Is::unreadable, Is::unreadable}},
      {"LOGIN", {encode("ann"), encode("pw")}, {Is::awaited, Is::named, Is::named}},
      {"LOGIN",
       {encode("ann"), encode("bob"), encode("pw")},
       {Is::awaited, Is::named, Is::named, Is::unreadable}},
      {"LOGIN", {"", encode("bob")}, {Is::awaited, Is::unreadable, Is::unreadable}},
      {"EXTERNAL", {""}, {Is::awaited, Is::hidden}},
      {"EXTERNAL", {encode("ann"), encode("bob")}, {Is::awaited, Is::named, Is::unreadable}},
      {"GSSAPI", {encode(token), "%"}, {Is::hidden, Is::hidden, Is::hidden}},
      {"ANONYMOUS", {"%"}, {Is::hidden, Is::hidden}},
      {"KERBEROS_V4", {ann}, {Is::hidden, Is::hidden}},
      {"X-PLAIN", {ann}, {Is::unreadable, Is::unreadable}},
      {"NTLM", {encode(type1), encode(type3)}, {Is::awaited, Is::awaited, Is::unreadable}},
      {"NTLM", {encode("NTLM")}, {Is::awaited, Is::unreadable}},
      {"GSS-SPNEGO", {encode(token)}, {Is::awaited, Is::hidden}},
      {"GSS-SPNEGO", {encode(token + std::string(type1))}, {Is::awaited, Is::awaited}},
      // A type 1 in front must not hide the type 3 that logs in.
      {"GSS-SPNEGO",
       {encode(std::string(type1) + std::string(type3))},
       {Is::awaited, Is::unreadable}},
      {"GSS-SPNEGO", {"%"}, {Is::awaited, Is::unreadable}},
      {"XOAUTH2", {encode("user=ann\x01\x01"), "AQ=="}, {Is::awaited, Is::named, Is::named}},
      {"XOAUTH2", {"AQ=="}, {Is::awaited, Is::unreadable}},
      {"OAUTHBEARER", {encode("n,,\x01\x01")}, {Is::awaited, Is::unreadable}},
      {"SCRAM-SHA-1",
       {encode("n,,n=ann,r=x"), encode("c=biws,r=x,p=y")},
       {Is::awaited, Is::named, Is::named}},
      {"SCRAM-SHA-1",
       {encode("n,,n=ann,r=x"), encode("n,,n=bob,r=x")},
       {Is::awaited, Is::named, Is::unreadable}},
  };
  for (const auto& row : rows) {
    INFO(row.mechanism << " " << (row.responses.empty() ? "" : row.responses.front()));
    SaslExchange exchange(row.mechanism);
    std::vector<Is> seen = {state(exchange)};
    for (const auto& response : row.responses) {
      const auto before = state(exchange);
      const bool is_judged = exchange.response(response);
      seen.push_back(state(exchange));
      REQUIRE(is_judged == (before != seen.back()));
    }
    REQUIRE(seen == row.states);
  }
}

TEST_CASE("NTLM names must be in the letters that the type 1 offered: servers go by either") {
  const auto type1 = [](char flags) {
    return encode(std::string("NTLMSSP\0\1\0\0\0", 12) + flags + std::string(3, '\0'));
  };
  const auto type3 = [](char flags, const std::string& user) {
    std::string message("NTLMSSP\0\3\0\0\0", 12);
    message.resize(36, '\0');
    message += static_cast<char>(user.size());
    message += std::string("\0\0\0\x40\0\0\0", 7);
    message.resize(60, '\0');
    return encode(message + flags + std::string(3, '\0') + user);
  };
  const std::string wide("b\0o\0b\0", 6);
  constexpr char kUnicode = 1;
  constexpr char kOem = 2;
  REQUIRE(after("NTLM", {type1(kUnicode | kOem), type3(kUnicode, wide)}).user == "bob");
  REQUIRE(after("NTLM", {type1(kOem), type3(kOem, "bob")}).user == "bob");
  REQUIRE(after("NTLM", {type1(kUnicode), type3(kOem, "bxoxbx")}).user.empty());
  REQUIRE(after("NTLM", {type1(kOem), type3(kUnicode, wide)}).user.empty());
  REQUIRE(after("NTLM", {type1(kOem), type3(kOem, wide)}).user.empty());
  REQUIRE(after("NTLM", {type1(0), type3(kOem, "bob")}).user == "bob");
}

TEST_CASE("NTLM inside SPNEGO is read, Kerberos and broken DER are not") {
  std::string type3;
  for (const auto& vector : vectors()) {
    if (vector["id"] == "ntlm-t3-old64") decode_base64(vector["wire"].get<std::string>(), type3);
  }
  REQUIRE(type3.size() == 162);
  const auto der = [](unsigned char tag, const std::string& content) {
    std::string element(1, static_cast<char>(tag));
    if (content.size() >= 0x80) element += '\x81';
    return element + static_cast<char>(content.size()) + content;
  };
  const auto token = der(0xa2, der(0x04, type3));
  const auto whole = [&](const std::string& fields) { return der(0xa1, der(0x30, fields)); };
  const std::string user = "CONTOSO\\administrator";
  const auto state = der(0xa0, der(0x0a, "\x01"));
  REQUIRE(decoded_after("GSS-SPNEGO", whole(token)).user == user);
  REQUIRE(decoded_after("GSS-SPNEGO", whole(state + token)).user == user);
  REQUIRE(decoded_after("GSS-SPNEGO", type3).user == user);
  const auto good = whole(state + token);
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE(decoded_after("GSS-SPNEGO", good.substr(0, size)).user.empty());
  REQUIRE(decoded_after("GSS-SPNEGO", "\xa1\x80\x30\x80").user.empty());
  REQUIRE(decoded_after("GSS-SPNEGO", "\xa1\x84\xff\xff\xff\xff\x30").user.empty());
}

TEST_CASE("an NTLM domain that ends at a NUL takes nothing of the user's place") {
  std::string message("NTLMSSP\0\3\0\0\0", 12);
  message.resize(28, '\0');
  message += std::string("\4\0\4\0\x40\0\0\0", 8);  // domain: 4 octets at 64
  message += std::string("\3\0\3\0\x44\0\0\0", 8);  // user: 3 octets at 68
  message.resize(64, '\0');                         // no flags: the letters are OEM's
  message += std::string("ann\0bob", 7);
  REQUIRE(decoded_after("NTLM", message).user == "ann\\bob");
}

TEST_CASE("each NTLM message cut short, or with any place moved outside, gives no wrong name") {
  for (const auto& vector : vectors()) {
    if (vector["mechanism"] != "NTLM" || !vector.contains("user_off")) continue;
    std::string message;
    REQUIRE(decode_base64(vector["wire"].get<std::string>(), message));
    const auto names_end =
        vector["user_off"].get<std::size_t>() + vector["user_len"].get<std::size_t>();
    for (std::size_t size = 0; size < names_end; ++size)
      REQUIRE_FALSE(ntlm_name(std::string_view(message).substr(0, size)));
    for (const std::size_t at : {32u, 40u}) {
      for (const Text offset :
           {Text("\x33\0\0\0", 4), Text("\xff\xff\xff\xff"), Text("\0\0\0\x80", 4)}) {
        auto moved = message;
        moved.replace(at, 4, offset);
        if (moved[at - 4] != 0) REQUIRE_FALSE(ntlm_name(moved));
      }
    }
  }
}

TEST_CASE("NTLM names from clients without flags, and unpaired surrogates") {
  const auto type3 = [](const std::string& user, const std::string& flags) {
    const auto payload = static_cast<char>(52 + (flags.empty() ? 0 : 8) + flags.size());
    std::string message("NTLMSSP\0\3\0\0\0", 12);
    message.resize(36, '\0');
    message += static_cast<char>(user.size());
    message += std::string("\0\0\0", 3) + payload;
    message.resize(flags.empty() ? 52 : 60, '\0');
    return message + flags + user;
  };
  const std::string unicode("\1\0\0\0", 4);
  REQUIRE(ntlm_name(type3("JDOE", "")) == "JDOE");
  REQUIRE(ntlm_name(type3(std::string("j\0d\0", 4), "")) == "jd");
  REQUIRE(ntlm_name(type3(std::string("a\0\x00\xd8", 4), unicode)) == "a\xef\xbf\xbd");
  REQUIRE(ntlm_name(type3(std::string("\x00\xdc\x61\0", 4), unicode)) ==
          "\xef\xbf\xbd"
          "a");
  REQUIRE(ntlm_name(type3(std::string("\x3d\xd8\x61\0", 4), unicode)) ==
          "\xef\xbf\xbd"
          "a");
  REQUIRE_FALSE(ntlm_name(type3("abc", unicode)));
}

TEST_CASE("base64 is read as all lenient servers read it, and never half") {
  std::string bytes;
  REQUIRE((decode_base64("", bytes) && bytes.empty()));
  REQUIRE((decode_base64("amRvZQ==", bytes) && bytes == "jdoe"));
  REQUIRE((decode_base64("amRvZQ", bytes) && bytes == "jdoe"));
  REQUIRE((decode_base64(" amRvZQ==\t", bytes) && bytes == "jdoe"));
  REQUIRE((decode_base64("amRvZR", bytes) && bytes == "jdoe"));
  REQUIRE((decode_base64(" \t ", bytes) && bytes.empty()));
  REQUIRE((decode_base64("////", bytes) && bytes == "\xff\xff\xff"));
  for (const auto* bad : {"a", "amRvZ", "am=v", "amRvZQ===", "amRv\r\n", "amRv*", "\xfc",
                          "amRv ZQ==", "amRvZQ== amRv", "amRvZQ==amRv", "=amRv"}) {
    INFO(bad);
    REQUIRE_FALSE(decode_base64(bad, bytes));
    REQUIRE(bytes.empty());
  }
}

TEST_CASE("an endless exchange and an overlong response are not looked at") {
  SaslExchange exchange("PLAIN");
  for (int i = 0; i < 1000; ++i) exchange.response("");
  exchange.response("AGpkb2UAdGVzdC1vbmx5");
  REQUIRE(exchange.login().user.empty());
  REQUIRE_FALSE(exchange.name_follows());
  REQUIRE(after("LOGIN", {std::string(200 * 1024, 'a')}).user.empty());
}
