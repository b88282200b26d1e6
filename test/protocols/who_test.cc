// Who logs in, by every mechanism and in every form, through each protocol's dialogue.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test/protocols/conversation.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;
using namespace postern::test;

namespace {

struct Vector {
  std::string id;
  std::string mechanism;  // as it stands on the wire
  std::string response;
  std::string login;  // as transcripts show it
};

bool sends_secret(const std::string& mechanism) {
  return mechanism == "PLAIN" || mechanism == "LOGIN" || mechanism == "XOAUTH2" ||
         mechanism == "OAUTHBEARER";
}

std::vector<Vector> vectors() {
  std::ifstream file(postern::test::source_dir() + "/test/data/sasl_vectors.json");
  std::vector<Vector> all;
  for (const auto& from : nlohmann::json::parse(file)) {
    Vector vector{from["id"], from["mechanism"], from["wire"], {}};
    if (vector.mechanism == "LOGIN-prompt") continue;
    if (vector.mechanism.ends_with("-bad")) vector.mechanism.resize(vector.mechanism.size() - 4);
    if (vector.response == "=") vector.response.clear();
    std::string user = from["user"].is_null() ? "" : from["user"].get<std::string>();
    if (from["domain"].is_string() && !from["domain"].get<std::string>().empty()) {
      user = from["domain"].get<std::string>() + "\\" + user;
    }
    auto authorization = from.value("authzid", std::string());
    if (authorization == user) authorization.clear();
    if (vector.mechanism == "GSSAPI") std::swap(user, authorization);
    vector.login = vector.mechanism == "LOGIN" ? "AUTH-LOGIN" : vector.mechanism;
    if (!user.empty()) vector.login += " user=" + printable(user);
    if (!authorization.empty()) vector.login += " auth=" + printable(authorization);
    if (sends_secret(vector.mechanism)) vector.login += " secret";
    all.push_back(std::move(vector));
  }
  return all;
}

// What a whole exchange came to: the login as answered. Each piece of `responses` answers a
// challenge; `initial` stands behind the mechanism, blank included.
std::string answered(const Framing& framing, const std::string& mechanism,
                     const std::string& initial, const std::vector<std::string>& responses) {
  std::vector<Action> actions = {backend(framing.greeting),
                                 client(framing.auth + mechanism + initial + "\r\n")};
  for (const auto& response : responses) {
    actions.push_back(backend(framing.challenge));
    actions.push_back(client(response + "\r\n"));
  }
  actions.push_back(backend(framing.success));
  const auto text = converse(framing.protocol, Conditions{}, actions, always(Verdict::allow));
  const auto lines = lines_of(text, "answered ");
  return lines.size() == 1 ? lines[0] : text;
}

// The one login that was tried last in these commands of a client.
std::string tried(const Framing& framing, const std::vector<Action>& commands) {
  auto actions = commands;
  actions.insert(actions.begin(), backend(framing.greeting));
  const auto text = converse(framing.protocol, Conditions{}, actions, always(Verdict::allow));
  const auto lines = lines_of(text, "tried ");
  return lines.empty() ? text : lines.back();
}

}  // namespace

TEST_CASE("each vector names its user in each protocol, with and without an initial response") {
  for (const auto& framing : kFramings) {
    for (const auto& vector : vectors()) {
      INFO(name_of(framing.protocol) << " " << vector.id);
      const auto expected = vector.login + " success";
      const auto initial = " " + (vector.response.empty() ? "=" : vector.response);
      REQUIRE(answered(framing, vector.mechanism, initial, {}) == expected);
      REQUIRE(answered(framing, vector.mechanism, "", {vector.response}) == expected);
      // LOGIN's and EXTERNAL's empty response is itself the answer.
      if (vector.mechanism == "LOGIN" || vector.mechanism == "EXTERNAL") continue;
      REQUIRE(answered(framing, vector.mechanism, " =", {vector.response}) == expected);
    }
  }
}

TEST_CASE("mechanisms of several steps name their user in each protocol") {
  std::string type1;
  std::string type3;
  for (const auto& vector : vectors()) {
    if (vector.id == "ntlm-t1") type1 = vector.response;
    if (vector.id == "ntlm-t3-v2-mic") type3 = vector.response;
  }
  for (const auto& framing : kFramings) {
    INFO(name_of(framing.protocol));
    REQUIRE(answered(framing, "login", "", {"Q09OVE9TT1xqZG9l", "dGVzdC1vbmx5"}) ==
            "AUTH-LOGIN user=CONTOSO\\\\jdoe secret success");
    REQUIRE(answered(framing, "LOGIN", " amRvZQ==", {"dGVzdC1vbmx5"}) ==
            "AUTH-LOGIN user=jdoe secret success");
    REQUIRE(answered(framing, "NTLM", "", {type1, type3}) == "NTLM user=CONTOSO\\\\jdoe success");
    REQUIRE(answered(framing, "NTLM", " " + type1, {type3}) == "NTLM user=CONTOSO\\\\jdoe success");
    REQUIRE(answered(framing, "GSSAPI", "",
                     {"YIIabcde", "",
                      "BQQA/wAMAAwAAAAAAAAAAAAAAAAAAAAAAAAA"
                      "AAEAAABqZG9l"}) == "GSSAPI auth=jdoe success");
    REQUIRE(answered(framing, "SCRAM-SHA-256", "",
                     {"biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=", "Yz1iaXdzLHI9eCxwPXg="}) ==
            "SCRAM-SHA-256 user=user success");
    REQUIRE(answered(framing, "ANONYMOUS", " dHJhY2VAZXhhbXBsZQ==", {}) == "ANONYMOUS success");
  }
}

TEST_CASE("IMAP's LOGIN names its user as atom, quoted string and literal, lenient ones too") {
  const auto& imap = kFramings[1];
  const std::string user = "LOGIN user=CONTOSO\\\\jdoe secret";
  REQUIRE(tried(imap, {client("a1 LOGIN \"CONTOSO\\\\jdoe\" \"test-only\"\r\n")}) == user);
  REQUIRE(tried(imap, {client("a2 login \"CONTOSO\\jdoe\" \"test-only\"\r\n")}) == user);
  REQUIRE(tried(imap, {client("a3 LOGIN CONTOSO\\jdoe test-only\r\n")}) == user);
  REQUIRE(tried(imap, {client("a4 LOGIN {12}\r\n"), client("CONTOSO\\jdoe {9}\r\n")}) == user);
  REQUIRE(tried(imap, {client("a5 LOGIN {12+}\r\nCONTOSO\\jdoe {9+}\r\ntest-only\r\n")}) == user);
  REQUIRE(tried(imap, {client("a6 LOGIN \"CONTOSO\\\\jdoe\" {9}\r\n")}) == user);
  REQUIRE(tried(imap, {client("? LOGIN CONTOSO/jdoe/shared.box test-only\r\n")}) ==
          "LOGIN user=CONTOSO/jdoe/shared.box secret");
  REQUIRE(tried(imap, {client("a LOGIN \"a \\\"b\\\" c\" x\r\n")}) ==
          "LOGIN user=a \"b\" c secret");
  REQUIRE(tried(imap, {client("a LOGIN jdoe@contoso.local x\r\n")}) ==
          "LOGIN user=jdoe@contoso.local secret");
  REQUIRE(tried(imap, {client("a LOGIN \"\" \"\"\r\n")}) == "LOGIN secret");
}

TEST_CASE("POP3's USER and APOP name their user as it was sent") {
  const auto user = [&pop3 = kFramings[2]](const std::string& line) {
    return tried(pop3, {client(line + "\r\n")});
  };
  REQUIRE(user("USER CONTOSO\\jdoe") == "USER user=CONTOSO\\\\jdoe secret");
  REQUIRE(user("USER CONTOSO\\jdoe/shared.box") == "USER user=CONTOSO\\\\jdoe/shared.box secret");
  REQUIRE(user("user jdoe@contoso.local") == "USER user=jdoe@contoso.local secret");
  REQUIRE(user("USER Jane Doe") == "USER user=Jane Doe secret");
  REQUIRE(user("USER") == "USER secret");
  REQUIRE(user("APOP jdoe c4c9334bac560ecc979e58001b3e22fb") == "APOP user=jdoe");
  REQUIRE(user("AUTH MSN") == "NTLM");
}

TEST_CASE("a name in Latin-1 is the same name in UTF-8, by whatever command it comes") {
  const std::string name = "j\xfcrgen";
  const std::string user = " user=j\\xc3\\xbcrgen secret";
  REQUIRE(tried(kFramings[1], {client("a LOGIN \"" + name + "\" x\r\n")}) == "LOGIN" + user);
  REQUIRE(tried(kFramings[1], {client("a LOGIN {6+}\r\n" + name + " x\r\n")}) == "LOGIN" + user);
  REQUIRE(tried(kFramings[2], {client("USER " + name + "\r\n")}) == "USER" + user);
  REQUIRE(tried(kFramings[0], {client("AUTH LOGIN avxyZ2Vu\r\n")}) == "AUTH-LOGIN" + user);
  for (const std::string letter : {"\xfc", "\xc3\xbc", "\xf0\x9f\x98\x80"}) {
    std::string longest;
    for (int i = 0; i < 300; ++i) longest += letter;
    // Too long a name is none, rather than another one.
    REQUIRE(tried(kFramings[1], {client("a LOGIN \"" + longest + "\" x\r\n")}) == "LOGIN secret");
    REQUIRE(tried(kFramings[2], {client("USER " + longest + "\r\n")}) == "USER secret");
  }
}
