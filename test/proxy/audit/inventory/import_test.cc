// An inventory made from the log's lines is the one that was made live.
#include "proxy/audit/inventory/import.h"

#include <fstream>
#include <sstream>

#include "proxy/audit/event_json.h"
#include "proxy/audit/inventory/inventory.h"
#include "proxy/net/clock.h"
#include "test/proxy/audit/inventory/samples.h"

using namespace inventory_samples;
using namespace postern::audit::inventory;

namespace {

constexpr const char* kNode = "gate.example.com";

// Events of every kind, with texts that try to be something else.
std::vector<audit::Event> all_kinds() {
  std::vector<audit::Event> events;
  auto at = postern::net::wall_clock() - std::chrono::days(3);
  const auto add = [&](audit::EventBody body) {
    events.push_back({at, std::move(body)});
    at += 5h + 7ms;
  };
  const std::vector<std::string> texts = {"anna",
                                          "CORP\\anna",
                                          "\\anna",
                                          "a\\b\\c",
                                          "anna@example.com",
                                          "",
                                          "O'Neil \"quoted\" \\",
                                          "j\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x98\x80",
                                          "\xff\xfe broken \xc3",
                                          std::string("nul\0in", 6),
                                          "line\r\nbreak\x7f",
                                          std::string(300, 'x') + "\\" + std::string(300, 'y'),
                                          std::string(255, 'x') + "\xe2\x82\xac",
                                          std::string(200, '\xfe'),
                                          std::string(400, '\x80')};
  add(audit::NodeEvent{"start"});
  for (const auto& text : texts) {
    auto clear = login(text, session("2001:db8:1:2:3::4"));
    clear.session.client_name = text;
    clear.session.client_named_by = "imap_id";
    clear.verdict = "warn";
    add(clear);
    auto secure = login(text, tls_session());
    secure.login.mechanism = "SCRAM-SHA-256";
    add(secure);
    add(refused(text));
    add(failed_login("3b9f" + std::to_string(text.size())));
    add(abandoned(text));
    add(failed_handshake("198.51.100.7", "t10"));
  }
  auto first = login("bert", tls_session());
  first.session.tls->ja4 = "t13new";
  first.hello = std::make_shared<const audit::Hello>(audit::Hello{
      {0x0304, 0x0303, 0x8a8a}, {0x1301, 0xc02f, 0x9999, 0x0a0a}, {0x001d, 0x4588}, {0x0403}});
  add(first);
  audit::HandshakeEvent all{session(), "no_shared_cipher", {}, "", ""};
  all.hello.ciphers.assign(100, 0x1301);
  add(all);
  all.ja4 = "t12long";
  add(all);
  audit::HandshakeEvent spliced{session(), audit::kSpliced, {}, "", ""};
  spliced.session.security = audit::Security::passthrough;
  spliced.hello.versions = {0x0300};
  add(spliced);
  add(audit::HandshakeEvent{tls_session(), "", {}, "", ""});
  add(audit::SessionEndEvent{session(), "client_quit", {}, 1, 2, "NOOP"});
  add(audit::SessionNotice{session(), "limit", "connections"});
  add(audit::PolicyEvent{"rule-expired", "printers", ""});
  add(audit::GapEvent{"inventory_full", 17});
  add(audit::GapEvent{"unclean_stop", 0});
  add(audit::NodeEvent{"stop"});
  return events;
}

std::string lines_of(const std::vector<audit::Event>& events) {
  audit::LineWriter writer({kNode, "1"});
  std::string lines;
  std::uint64_t sequence = 0;
  for (const auto& event : events) writer.append(lines, event, ++sequence);
  return lines;
}

std::unique_ptr<Import> begin(const std::string& path) {
  auto begun = Import::begin(path);
  if (const auto* error = std::get_if<std::string>(&begun)) FAIL(*error);
  return std::move(std::get<std::unique_ptr<Import>>(begun));
}

Import::Counts import(const std::string& path, const std::string& lines) {
  const auto one = begin(path);
  std::istringstream log(lines);
  const auto error = one->read(log);
  if (error) FAIL(*error);
  return one->counts();
}

}  // namespace

TEST_CASE("the inventory made live equals the one imported from the same lines") {
  const Folder folder;
  const auto events = all_kinds();
  {
    auto opened = Inventory::open({folder.file("live.db"), kNode, std::chrono::days(400)});
    REQUIRE(std::holds_alternative<std::unique_ptr<Inventory>>(opened));
    std::get<std::unique_ptr<Inventory>>(opened)->take(events);
  }
  const auto counts = import(folder.file("imported.db"), lines_of(events));
  CHECK(counts.lines == events.size());
  CHECK(counts.not_understood == 0);
  CHECK(counts.not_wanted == 4);
  CHECK(counts.taken == events.size() - 4);
  const auto live = all_rows(folder.file("live.db"));
  const auto imported = all_rows(folder.file("imported.db"));
  CHECK(live.size() > 60);
  REQUIRE(live.size() == imported.size());
  for (std::size_t i = 0; i < live.size(); ++i) CHECK(live[i] == imported[i]);
}

TEST_CASE("logs may be imported in any order") {
  const Folder folder;
  std::vector<audit::Event> first = {{on_day(kDay), audit::NodeEvent{"start"}},
                                     {on_day(kDay, 1ms), login("anna")},
                                     {on_day(kDay, 2ms), audit::NodeEvent{"stop"}}};
  std::vector<audit::Event> second = {{on_day(kDay + 1), audit::NodeEvent{"start"}},
                                      {on_day(kDay + 1, 1ms), login("anna")}};
  std::vector<audit::Event> third = {{on_day(kDay + 2), audit::NodeEvent{"start"}},
                                     {on_day(kDay + 2, 1ms), audit::NodeEvent{"stop"}}};
  import(folder.file("a.db"), lines_of(first) + lines_of(second) + lines_of(third));
  import(folder.file("b.db"), lines_of(third) + lines_of(second) + lines_of(first));
  CHECK(all_rows(folder.file("a.db")) == all_rows(folder.file("b.db")));
  CHECK(rows(folder.file("b.db"), "SELECT stopped > 0 FROM run ORDER BY started") ==
        std::vector<std::string>{"1", "0", "1"});
}

TEST_CASE("lines that are no events are counted and do no harm") {
  const Folder folder;
  const auto good = lines_of({{on_day(kDay), login("anna")}});
  auto counts = import(folder.file("a.db"),
                       "\n{}\n[1,2]\nnull\n{\"a\":\n" + std::string(200'000, '[') + "\n" + good +
                           std::string(1'000'000, 'x') + "\n" + good +
                           R"({"@timestamp":"2026-13-24T20:00:00.123Z","event.action":"start",)"
                           R"("observer.name":"n"})"
                           "\n"
                           R"({"@timestamp":"2026-11-24T20:00:00.123Z","event.action":"login",)"
                           R"("observer.name":"n","source.ip":7})"
                           "\n" +
                           good.substr(0, good.size() / 2));
  CHECK(counts.lines == 12);
  CHECK(counts.taken == 2);
  CHECK(counts.not_understood == 10);
  CHECK(number(folder.file("a.db"), "SELECT sum(successes) FROM login") == 2);
  // A last line without its newline is a line.
  counts = import(folder.file("b.db"), good + good.substr(0, good.size() - 1));
  CHECK(counts.taken == 2);
  CHECK(import(folder.file("c.db"), "").lines == 0);
}

TEST_CASE("an inventory that is there is not imported into") {
  const Folder folder;
  import(folder.file("a.db"), lines_of({{ on_day(kDay), login("anna") }}));
  CHECK(std::get<std::string>(Import::begin(folder.file("a.db"))) ==
        "is there already; import into a new file, and put that in its place");
  CHECK(std::get<std::string>(Import::begin(folder.file("none/a.db"))) ==
        "No such file or directory");
}
