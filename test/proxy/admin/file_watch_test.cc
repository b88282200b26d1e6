// Where links lead, and that a change on any part of the way is told.
#include "proxy/admin/file_watch.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "test/proxy/audit/temporary_folder.h"

using namespace postern;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text = "x") { std::ofstream(path) << text; }

// Links swapped as careful programs do.
void swap_link(const test::TemporaryFolder& folder, const std::string& name,
               const std::string& target) {
  fs::create_symlink(target, folder.file("new"));
  fs::rename(folder.file("new"), folder.file(name));
}

// The entries as "folder/name", without the folder that all stand in.
std::vector<std::string> way(const test::TemporaryFolder& folder, const std::string& name) {
  const auto root = fs::canonical(folder.file("")).string() + "/";
  std::vector<std::string> all;
  for (const auto& [where, part] : admin::entries_to(folder.file(name))) {
    const auto path = where + "/" + part;
    all.push_back(path.starts_with(root) ? path.substr(root.size()) : path);
  }
  return all;
}

using Names = std::vector<std::string>;

// The kernel has told by the time that the change is done.
bool is_told(admin::FileWatch& watch) {
  pollfd waiting{watch.descriptor(), POLLIN, 0};
  const bool is_readable = poll(&waiting, 1, 0) == 1;
  return is_readable && watch.take_changes();
}

}  // namespace

TEST_CASE("the way to a file is the file, and each link before it") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder.file("archive/mail"));
  fs::create_directories(folder.file("live/mail"));
  write(folder.file("archive/mail/chain1.pem"));
  fs::create_symlink("../../archive/mail/chain1.pem", folder.file("live/mail/chain.pem"));
  fs::create_symlink("live", folder.file("here"));
  fs::create_symlink(folder.file("live/mail"), folder.file("absolute"));
  CHECK(way(folder, "archive/mail/chain1.pem") == Names{"archive/mail/chain1.pem"});
  CHECK(way(folder, "live/mail/chain.pem") ==
        Names{"live/mail/chain.pem", "archive/mail/chain1.pem"});
  CHECK(way(folder, "here/mail/chain.pem") ==
        Names{"here", "live/mail/chain.pem", "archive/mail/chain1.pem"});
  CHECK(way(folder, "absolute/../mail/./chain.pem") ==
        Names{"absolute", "live/mail/chain.pem", "archive/mail/chain1.pem"});
  // Where it breaks off, that is what is waited for.
  CHECK(way(folder, "live/other/chain.pem") == Names{"live/other"});
  fs::create_symlink("nowhere/file", folder.file("dangling"));
  CHECK(way(folder, "dangling") == Names{"dangling", "nowhere"});
  fs::create_symlink("loop", folder.file("loop"));
  CHECK(way(folder, "loop").size() == 41);
}

TEST_CASE("a change on any part of the way is told, and others in the same folders are not") {
  const test::TemporaryFolder folder;
  for (const auto* name : {"one", "two"}) {
    fs::create_directories(folder.file(name));
    write(folder.file(std::string(name) + "/chain.pem"));
  }
  fs::create_symlink("one", folder.file("data"));
  fs::create_symlink("data/chain.pem", folder.file("chain.pem"));
  admin::FileWatch watch({folder.file("chain.pem"), folder.file("later/key.pem")});
  watch.renew();
  REQUIRE_FALSE(is_told(watch));

  const std::vector<std::pair<std::string, std::function<void()>>> others = {
      {"a new file", [&] { write(folder.file("else")); }},
      {"in the folder of the target", [&] { write(folder.file("one/else")); }},
      {"elsewhere", [&] { write(folder.file("two/chain.pem")); }}};
  for (const auto& [name, change] : others) {
    INFO(name);
    change();
    CHECK_FALSE(is_told(watch));
  }
  const std::vector<std::pair<std::string, std::function<void()>>> changes = {
      {"the target written", [&] { write(folder.file("one/chain.pem"), "y"); }},
      {"its permissions",
       [&] { fs::permissions(folder.file("one/chain.pem"), fs::perms::owner_read); }},
      {"the folder's link swapped", [&] { swap_link(folder, "data", "two"); }},
      {"the new target written", [&] { write(folder.file("two/chain.pem"), "y"); }},
      {"the file's own link swapped", [&] { swap_link(folder, "chain.pem", "two/chain.pem"); }},
      {"the folder removed", [&] { fs::remove_all(folder.file("two")); }},
      {"and made again", [&] { fs::create_directories(folder.file("two")); }},
      {"and the file in it", [&] { write(folder.file("two/chain.pem")); }},
      {"what was missing comes", [&] { fs::create_directories(folder.file("later")); }},
      {"and its file", [&] { write(folder.file("later/key.pem")); }},
      {"the folder moved away", [&] { fs::rename(folder.file("later"), folder.file("gone")); }}};
  for (const auto& [name, change] : changes) {
    INFO(name);
    change();
    CHECK(is_told(watch));
    watch.renew();
    is_told(watch);  // of the same change
    CHECK_FALSE(is_told(watch));
  }
}
