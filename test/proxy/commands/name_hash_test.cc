// The key of hashed names lasts where there is an inventory, and only there.
#include "proxy/commands/name_hash.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

using namespace postern;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "postern_name_hash_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path path;
};

std::string hash_with(const conf::Settings& settings) {
  const auto made = commands::make_name_hash(settings);
  REQUIRE(std::holds_alternative<tls::KeyedHash>(made));
  return std::get<tls::KeyedHash>(made).hex("joe");
}

}  // namespace

TEST_CASE("name hash: beside an inventory the key lasts") {
  const Folder folder;
  conf::Settings settings;
  settings.audit.inventory = folder.path / "inventory.db";
  settings.audit.inventory_place = {3, 1};
  const auto first = hash_with(settings);
  REQUIRE(hash_with(settings) == first);
  REQUIRE(std::filesystem::exists(folder.path / "name-hash.key"));
}

TEST_CASE("name hash: without an inventory it is another one in each process") {
  conf::Settings settings;
  settings.audit.inventory.clear();
  REQUIRE(hash_with(settings) != hash_with(settings));
}

TEST_CASE("name hash: a folder that cannot be used is an error only where the settings name it") {
  const Folder folder;
  conf::Settings settings;
  settings.file = "postern.yaml";
  settings.audit.inventory = folder.path / "missing" / "inventory.db";
  REQUIRE(hash_with(settings) != hash_with(settings));
  settings.audit.inventory_place = {3, 5};
  const auto made = commands::make_name_hash(settings);
  REQUIRE(std::holds_alternative<std::string>(made));
  REQUIRE_THAT(std::get<std::string>(made), Catch::StartsWith("postern.yaml:3:5: "));
}
