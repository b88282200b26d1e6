// The table of postern's own IMAP words.
#include "protocols/imap_replies.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "protocols/imap_gate.h"
#include "test/support/source_dir.h"

using namespace postern::protocols;

namespace {

std::string imap_sources() {
  std::string text;
  for (const auto& entry :
       std::filesystem::directory_iterator(postern::test::source_dir() + "/protocols")) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("imap_") || !name.ends_with(".cc")) continue;
    std::ifstream file(entry.path());
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

// The enumerators' names, out of the table's source, in its order.
std::vector<std::string> row_names() {
  std::ifstream file(postern::test::source_dir() + "/protocols/imap_replies.h");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string mark = "ImapRow{ImapText::";
  std::vector<std::string> names;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    names.push_back(text.substr(begin, text.find(',', begin) - begin));
  }
  return names;
}

}  // namespace

TEST_CASE("every IMAP reply is printable ASCII, one line, and short") {
  for (const auto& [name, text] : kImapRows) {
    CAPTURE(text);
    REQUIRE(text.ends_with("\r\n"));
    const auto line = text.substr(0, text.size() - 2);
    REQUIRE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    REQUIRE(text.size() <= 512 - 128);  // with the longest tag
    REQUIRE(imap_text(name) == text);   // the row stands where its name looks for it
  }
}

TEST_CASE("every IMAP reply is used") {
  const auto sources = imap_sources();
  const auto names = row_names();
  REQUIRE(names.size() == kImapRows.size());
  for (const auto& name : names) {
    CAPTURE(name);
    const auto at = sources.find("ImapText::" + name);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("each farewell has IMAP words of its own") {
  std::vector<std::string> all;
  for (const auto why :
       {Farewell::backend_unreachable, Farewell::backend_lost, Farewell::shutting_down,
        Farewell::login_timeout, Farewell::idle_timeout, Farewell::too_many_connections,
        Farewell::out_of_resources, Farewell::tls_on_clear_port, Farewell::clear_on_tls_port,
        Farewell::old_tls_1_0, Farewell::old_tls_1_1, Farewell::old_tls_1_2}) {
    const auto text = imap_farewell(why, Options{});
    REQUIRE(text.starts_with("* BYE "));
    REQUIRE(std::find(all.begin(), all.end(), text) == all.end());
    all.push_back(text);
  }
}
