// The hashes that the audit needs: SHA-256 and the keyed one, and the file of its key.
#include "tls/keyed_hash.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tls/digest.h"

namespace postern::test {

using tls::KeyedHash;
using tls::sha256_hex;

namespace {

// A folder that goes with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string at(const std::string& name) const { return (path / name).string(); }
  // With rights as `chmod` takes them.
  std::string file(const std::string& name, const std::string& content, mode_t mode) const {
    std::ofstream(path / name, std::ios::binary) << content;
    ::chmod(at(name).c_str(), mode);
    return at(name);
  }
  std::filesystem::path path;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string message_of(const std::string& path) {
  const auto result = KeyedHash::load_or_make(path);
  return result.ok() ? "" : result.error().message;
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1, '\0')) ==
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST_CASE("a keyed hash of a given key is HMAC-SHA-256 cut to half") {
  KeyedHash::Key key{};
  std::fill_n(key.begin(), 20, std::uint8_t{0x0b});  // RFC 4231 case 1; zeros do not count
  CHECK(KeyedHash(key).hex("Hi There") == "b0344c61d8db38535ca8afceaf0bf12b");
}

TEST_CASE("keyed hashes of random keys differ, each agrees with itself and its copy") {
  const KeyedHash one;
  const KeyedHash other;
  const auto copy = one;
  CHECK(one.hex("alice").size() == 32);
  CHECK(one.hex("alice") == copy.hex("alice"));
  CHECK(one.hex("alice") != one.hex("Alice"));
  CHECK(one.hex("alice") != other.hex("alice"));
}

TEST_CASE("a key's file is made once, for its owner alone, and read from then on") {
  const Folder folder;
  const auto path = folder.at("names.key");
  const auto made = KeyedHash::load_or_make(path);
  REQUIRE(made.ok());
  CHECK(content_of(path).size() == KeyedHash::kKeySize);
  struct stat file {};
  REQUIRE(::stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 07777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);

  const auto loaded = KeyedHash::load_or_make(path);
  REQUIRE(loaded.ok());
  CHECK(loaded->hex("alice") == made->hex("alice"));
  const auto other = KeyedHash::load_or_make(folder.at("other.key"));
  REQUIRE(other.ok());
  CHECK(other->hex("alice") != made->hex("alice"));
}

TEST_CASE("a key's file is the key") {
  const Folder folder;
  KeyedHash::Key key;
  std::string content;
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(200 + i);
    content += static_cast<char>(key[i]);
  }
  const auto loaded = KeyedHash::load_or_make(folder.file("names.key", content, 0400));
  REQUIRE(loaded.ok());
  CHECK(loaded->hex("alice") == KeyedHash(key).hex("alice"));
}

TEST_CASE("processes that make the key at once get the same one") {
  const Folder folder;
  const auto path = folder.at("names.key");
  std::vector<std::string> hashes(8);
  std::vector<std::thread> threads;
  for (auto& hash : hashes) {
    threads.emplace_back([&hash, &path] {
      const auto made = KeyedHash::load_or_make(path);
      if (made.ok()) hash = made->hex("alice");
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(hashes[0].empty());
  CHECK(std::count(hashes.begin(), hashes.end(), hashes[0]) == 8);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a key that others may use is refused, with the cure") {
  const Folder folder;
  const auto mode = GENERATE(as<mode_t>{}, 0640, 0604, 0620, 0601, 0610, 0644);
  const auto path = folder.file("names.key", std::string(KeyedHash::kKeySize, 'k'), mode);
  CHECK(message_of(path) == path +
                                " may be used by others than its owner, so its key is no secret; "
                                "try `chmod 600 " +
                                path + "`");
  CHECK(content_of(path) == std::string(KeyedHash::kKeySize, 'k'));
}

TEST_CASE("a key of another size is refused, and kept") {
  const Folder folder;
  const auto size = GENERATE(as<std::size_t>{}, 0, 1, 31, 33, 4096);
  const auto path = folder.file("names.key", std::string(size, 'k'), 0600);
  CHECK(message_of(path) == path + " holds " + std::to_string(size) +
                                " octets and not a key of 32; with it moved away, a new key is "
                                "made (names hashed before are not found again)");
  CHECK(content_of(path).size() == size);
}

TEST_CASE("a key that can neither be read nor made says why") {
  const Folder folder;
  CHECK(message_of(folder.path) == folder.path.string() + " is no regular file");
  const auto missing = folder.at("missing/names.key");
  CHECK(message_of(missing) == "cannot make " + missing + ": No such file or directory");
  const auto below_file = folder.file("file", "x", 0600) + "/names.key";
  CHECK(message_of(below_file) == "cannot read " + below_file + ": Not a directory");
  const auto fifo = folder.at("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(message_of(fifo) == fifo + " is no regular file");
  // Nowhere to be made: a link to nothing stays what it is.
  const auto link = folder.at("link");
  std::filesystem::create_symlink(folder.at("nothing"), link);
  CHECK(message_of(link) == "cannot read " + link + ": No such file or directory");
}

}  // namespace postern::test
