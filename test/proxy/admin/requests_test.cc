// What the control socket answers, whatever it is asked.
#include "proxy/admin/requests.h"

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "proxy/admin/metrics.h"
#include "proxy/commands/certificate_table.h"
#include "test/proxy/admin/served_certificates.h"

using namespace postern;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

class Nowhere final : public audit::Sink {
 public:
  void record(audit::Event) override {}
};

// A postern with two certificates, and listeners with TLS and without.
class World {
 public:
  World() {
    certificates.add({"mail.example.com", "*.example.com"});
    certificates.add({"other.example.com"});
    for (const auto* name : {"imaps", "clear", "submission"}) {
      settings.listeners.emplace_back().name = name;
    }
    session::TlsSnapshot snapshot(3);
    snapshot[0].emplace_back();
    snapshot[2].emplace_back();
    served = std::make_unique<session::CurrentTls>(std::move(snapshot));
    server::TlsSources sources;
    sources.certificates = certificates.all();
    renewal = std::make_unique<admin::Renewal>(
        admin::Renewal::Doors{[this](const server::TlsSources&) {
                                server::LoadedTls loaded;
                                loaded.errors = errors;
                                loaded.warnings = {"a warning"};
                                loaded.sources.certificates = certificates.all();
                                loaded.snapshot = *served->get();
                                return loaded;
                              },
                              [] { return std::vector<server::FileState>(); },
                              [this](session::TlsSnapshot next, const server::TlsSources&) {
                                served->swap(std::move(next));
                              },
                              nowhere,
                              "p.yaml",
                              {}},
        sources, admin::Steady::time_point());
    requests = std::make_unique<admin::Requests>(
        admin::Requests::Sources{settings, *renewal, *served, [] { return std::size_t{12}; },
                                 [] { return std::uint64_t{3}; }, "0.1.0"});
  }
  Json ask(const std::string& request) const { return Json::parse(requests->answer(request)); }

  conf::Settings settings;
  test::ServedCertificates certificates;
  std::vector<std::string> errors;
  Nowhere nowhere;
  std::unique_ptr<session::CurrentTls> served;
  std::unique_ptr<admin::Renewal> renewal;
  std::unique_ptr<admin::Requests> requests;
};

}  // namespace

TEST_CASE("requests: the certificates with what is known of them") {
  const World world;
  const auto answer = world.ask(R"({"command":"certificates.list"})");
  REQUIRE(answer["ok"] == true);
  REQUIRE(answer["certificates"].size() == 2);
  const auto& first = answer["certificates"][0];
  CHECK(first["names"] == Json{"mail.example.com", "*.example.com"});
  CHECK(first["key"] == "ECDSA P-256");
  CHECK(first["issuer"] == "CN = mail.example.com");
  CHECK(first["file"] == "mail.example.com.pem");
  CHECK(first["not_after"] == 2'000'000'000);
  CHECK(first["listeners"] == Json{"imaps", "submission"});
  CHECK(commands::certificate_table(answer, audit::WallTime(2'000'000'000s - 36h)) ==
        "names                            key          issuer                  expires     "
        "days left  used by            file\n"
        "mail.example.com, *.example.com  ECDSA P-256  CN = mail.example.com   2033-05-18  "
        "1          imaps, submission  mail.example.com.pem\n"
        "other.example.com                ECDSA P-256  CN = other.example.com  2033-05-18  "
        "1          imaps, submission  other.example.com.pem\n");
}

TEST_CASE("requests: the table shows no control character, and few of many names") {
  const auto answer = Json::parse(R"({"certificates":[{"names":["a\u001b[2J","b","c","d","e","f"],
    "key":"RSA 2048","issuer":"CN = \u00e9","not_after":1000,"listeners":[],"file":"f\n.pem"}]})");
  CHECK(commands::certificate_table(answer, audit::WallTime(2000s)) ==
        "names                   key       issuer   expires     days left  used by  file\n"
        "a?[2J, b, c, d, 2 more  RSA 2048  CN = ??  1970-01-01  expired             f?.pem\n");
}

TEST_CASE("requests: a reload says what has changed, or what is wrong") {
  World world;
  CHECK(world.ask(R"({"command":"certificates.reload"})") ==
        Json{{"ok", true}, {"changed", Json::array()}, {"warnings", {"a warning"}}});
  world.certificates.add({"new.example.com"});
  CHECK(world.ask(R"({"command":"certificates.reload"})")["changed"] ==
        Json::array({"new.example.com: valid until 2033-05-18 (new.example.com.pem)"}));
  world.errors = {"p.yaml:1:2: no certificate", "p.yaml:3:4: no key \xff"};
  CHECK(
      world.ask(R"({"command":"certificates.reload"})") ==
      Json{{"ok", false}, {"errors", {"p.yaml:1:2: no certificate", "p.yaml:3:4: no key \ufffd"}}});
}

TEST_CASE("requests: metrics in Prometheus' text format") {
  const World world;
  const std::string text = world.ask(R"({"command":"metrics"})")["text"];
  for (const auto* line :
       {"# TYPE postern_connections gauge\npostern_connections 12\n",
        "\npostern_info{version=\"0.1.0\"} 1\n", "\npostern_audit_lost_events_total 3\n",
        "\npostern_certificate_reloads_total{outcome=\"success\"} 0\n",
        "\npostern_certificate_not_after_seconds{names=\"mail.example.com,*.example.com\",serial="
        "\""}) {
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.ends_with("file=\"other.example.com.pem\"} 2000000000\n"));
  admin::Metrics hostile;
  hostile.certificates.push_back({{"a\"b\\c\nd"}, "", "", "", "", {}, {}, {}, {}});
  CHECK(admin::text_of(hostile).find("{names=\"a\\\"b\\\\c\\nd\",") != std::string::npos);
}

TEST_CASE("requests: what is no command is refused in one line") {
  const World world;
  const std::string none = "the request is no JSON object with a command";
  for (const auto& [request, why] : std::vector<std::pair<std::string, std::string>>{
           {"", none},
           {"GET / HTTP/1.1", none},
           {"[]", none},
           {"{}", none},
           {"\xff", none},
           {R"({"command":7})", none},
           {R"({"command":"format.disk"})", "this postern knows no command format.disk"},
           {R"({"command":"a\nb"})", "this postern knows no command a\nb"},
           {std::string(4096, '['), none}}) {
    INFO(request);
    const auto line = world.requests->answer(request);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(Json::parse(line) == Json{{"ok", false}, {"errors", Json::array({why})}});
  }
}
