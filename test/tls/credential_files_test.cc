// Certificates and keys from files: what the rights of a key's file must be, and passphrases.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "test/support/certificates.h"
#include "tls/credentials.h"

namespace postern::test {

using tls::CredentialFiles;
using tls::Credentials;
using tls::SecretFiles;

namespace {

const Issued& leaf() {
  static const auto made =
      issue({.common_name = "mail.example.com", .dns_names = {"mail.example.com"}});
  return made;
}

// A folder that goes with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name, const std::string& text, unsigned mode = 0600) const {
    std::ofstream(path / name, std::ios::binary) << text;
    REQUIRE(::chmod((path / name).c_str(), mode) == 0);
    return (path / name).string();
  }
  std::filesystem::path path;
};

CredentialFiles files_of(const std::string& chain, const std::string& key,
                         const std::string& passphrase = {}, const SecretFiles& secrets = {}) {
  CredentialFiles files;
  files.chain = chain;
  files.key = key;
  files.passphrase = passphrase;
  files.secrets = secrets;
  return files;
}

std::string message(const CredentialFiles& files) {
  const auto result = Credentials::load(files);
  return result.ok() ? "" : result.error().message;
}

// Of the leaf with this key's text, opened with a passphrase's file of `phrase`.
std::string message_of_key(const std::string& key, const std::string& phrase) {
  const Folder folder;
  auto text = message(files_of(folder.file("chain.pem", leaf().certificate()),
                               folder.file("key.pem", key), folder.file("phrase", phrase)));
  const auto prefix = folder.path.string() + "/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
    text.erase(at, prefix.size());
  }
  return text;
}

std::string pem_of(const std::string& label, const std::string& base64) {
  return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
}

const SecretFiles kLoose{.may_be_loose = true, .owner = {}};

constexpr const char* kConvert =
    "; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in FILE -out "
    "NEWFILE`";

}  // namespace

TEST_CASE("files are loaded, and one that cannot be read is named") {
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate());
  const auto key = folder.file("key.pem", leaf().key());
  const auto loaded = Credentials::load(files_of(chain, key));
  REQUIRE(loaded.ok());
  CHECK((*loaded)->names() == std::vector<std::string>{"mail.example.com"});

  const auto missing = (folder.path / "missing.pem").string();
  CHECK(message(files_of(missing, key)) ==
        "cannot read " + missing + ": No such file or directory");
  CHECK(message(files_of(chain, missing)) ==
        "cannot read " + missing + ": No such file or directory");
  CHECK(message(files_of(chain, key, missing)) ==
        "cannot read " + missing + ": No such file or directory");
  CHECK(message(files_of(chain, folder.path)) ==
        "cannot read " + folder.path.string() + ": Is a directory");
  CHECK(message(files_of(folder.file("empty.pem", ""), key)) ==
        "no certificate in " + (folder.path / "empty.pem").string() + ": the file is empty");
  CHECK(message(files_of(chain, "/dev/zero", "", kLoose)) ==
        "/dev/zero is too large for a PEM file (over 1 MiB)");
}

TEST_CASE("a key that everybody may read, or others write, is refused unless it may be loose") {
  struct Row {
    unsigned mode;
    std::string who;  // "": it is taken
    std::string cure;
  };
  const auto row = GENERATE(values<Row>({
      {0600, "", ""},
      {0400, "", ""},
      {0640, "", ""},
      {0440, "", ""},
      {0750, "", ""},
      {0711, "", ""},  // to execute it gives nothing away
      {0644, "be read by everybody (mode 0644)", "0640"},
      {0604, "be read by everybody (mode 0604)", "0600"},
      {0444, "be read by everybody (mode 0444)", "0440"},
      {0666, "be read by everybody (mode 0666)", "0640"},
      {0777, "be read by everybody (mode 0777)", "0640"},
      {0602, "be changed by everybody (mode 0602)", "0600"},
      {0660, "be changed by others than its owner (mode 0660)", "0640"},
      {0620, "be changed by others than its owner (mode 0620)", "0600"},
  }));
  CAPTURE(row.mode);
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate(), 0644);
  const auto key = folder.file("key.pem", leaf().key(), row.mode);
  const auto expected = row.who.empty()
                            ? ""
                            : "the key in " + key + " may " + row.who + "; try `chmod " + row.cure +
                                  " " + key + "`; or state `key_permissions: any`";
  CHECK(message(files_of(chain, key)) == expected);
  CHECK(message(files_of(chain, key, "", kLoose)).empty());
}

TEST_CASE("a passphrase's file must be as tight as its key's") {
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate());
  const auto key = folder.file("key.pem", leaf().encrypted_key("open sesame"));
  const auto phrase = folder.file("phrase", "open sesame\n", 0644);
  CHECK(message(files_of(chain, key, phrase)) ==
        "the passphrase in " + phrase +
            " may be read by everybody (mode 0644); try `chmod "
            "0640 " +
            phrase + "`; or state `key_permissions: any`");
  CHECK(message(files_of(chain, key, phrase, kLoose)).empty());
}

TEST_CASE("the rights of a key are those of the file behind a link") {
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate());
  const auto key = folder.file("key.pem", leaf().key(), 0644);
  const auto link = (folder.path / "link.pem").string();
  std::filesystem::create_symlink(key, link);
  CHECK(message(files_of(chain, link)).find("may be read by everybody") != std::string::npos);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  CHECK(message(files_of(chain, link)).empty());
}

TEST_CASE("a key of another user than root and postern's own is refused") {
  if (::geteuid() != 0) return;  // only root can give files away
  constexpr unsigned kOther = 4711;
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate());
  const auto key = folder.file("key.pem", leaf().key());
  REQUIRE(::chown(key.c_str(), kOther, 0) == 0);
  CHECK(message(files_of(chain, key)) ==
        "the key in " + key +
            " belongs to another user (4711) than root and the one that postern runs as, who can "
            "change it; try `chown root " +
            key + "`; or state `key_permissions: any`");
  CHECK(message(files_of(chain, key, "", {.may_be_loose = false, .owner = kOther})).empty());
  CHECK(message(files_of(chain, key, "", kLoose)).empty());
}

TEST_CASE("an encrypted key is opened with the first line of a file") {
  const auto phrase = GENERATE(values<std::string>(
      {"a", "open sesame", "spaces at its end  ", "m\xc3\xb6glich", std::string(4096, 'x')}));
  CAPTURE(phrase);
  const auto key = leaf().encrypted_key(phrase);
  CHECK(message_of_key(key, phrase).empty());
  if (phrase.size() > 4000) return;
  CHECK(message_of_key(key, phrase + "\n").empty());
  CHECK(message_of_key(key, phrase + "\r\nand what else stands there\n").empty());
  // A key without one does not mind.
  CHECK(message_of_key(leaf().key(), phrase).empty());
}

TEST_CASE("a passphrase that does not open its key is named, and not shown") {
  const auto key = leaf().encrypted_key("open sesame");
  const std::string wrong =
      "the key in key.pem is not opened by the passphrase in phrase: it is that of another key, or "
      "one of the files is damaged";
  CHECK(message_of_key(key, "open barley\n") == wrong);
  CHECK(message_of_key(key, " open sesame\n") == wrong);
  // One in 256 wrong ones gives something that is padded well.
  for (int i = 0; i < 300; ++i) CHECK(message_of_key(key, std::to_string(i)) == wrong);
  CHECK(message_of_key(key, "") == "no passphrase in phrase: its first line is empty");
  CHECK(message_of_key(key, "\nopen sesame\n") ==
        "no passphrase in phrase: its first line is empty");
  CHECK(message_of_key(key, std::string(4097, 'x')) ==
        "phrase is too large for a passphrase (over 4 KiB)");
  CHECK(message_of_key(pem_of("ENCRYPTED PRIVATE KEY", "AAAA"), "open sesame") == wrong);
}

TEST_CASE("an encrypted key without a passphrase names the key that gives it") {
  const Folder folder;
  const auto key = folder.file("key.pem", leaf().encrypted_key("open sesame"));
  CHECK(message(files_of(folder.file("chain.pem", leaf().certificate()), key)) ==
        "the key in " + key +
            " has a passphrase; state `passphrase_file`, the file that holds it (or "
            "credential:NAME, where systemd has it)");
}

TEST_CASE("an encrypted key that BoringSSL cannot open names the cure") {
  // By `openssl pkcs8 -topk8 -scrypt`.
  CHECK(message_of_key(pem_of("ENCRYPTED PRIVATE KEY",
                              "MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAiroYpDK0EUGgICQAAC\n"
                              "AQgCAQEwHQYJYIZIAWUDBAEqBBDeEYK9ReJKvFHXNxnc00miBIGQATZ/lOOjLolZ\n"
                              "wxLyecjRO7ygRIXPU361vSoJa2d4fg2KCpp2jFRKOZsTisuaQWJChoTUv6llKecN\n"
                              "LpZ1NtwiL3PduTRH/YNS6QuRiFpnhupiMtquKu2MDxeYajV+Dlx5yBDZekTqJyav\n"
                              "+udEnl1cyJJXvfUIjVF7+4TjkeNMKJCPa8Ss1D2/7rB4ElLAFjr5"),
                       "secret") ==
        std::string("the key in key.pem is encrypted by scrypt or another way that BoringSSL has "
                    "not") +
            kConvert);
  const std::string old =
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
      "-----END EC PRIVATE KEY-----\n";
  CHECK(message_of_key(old, "secret") ==
        std::string("the key in key.pem is encrypted in the form from before PKCS#8, which does "
                    "not protect it") +
            kConvert);
}

TEST_CASE("a FIFO in a file's place is said, and not waited for") {
  const Folder folder;
  const auto chain = folder.file("chain.pem", leaf().certificate());
  const auto key = folder.file("key.pem", leaf().key());
  const auto fifo = (folder.path / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto said = fifo + " is no regular file";
  CHECK(message(files_of(fifo, key)).find(said) != std::string::npos);
  CHECK(message(files_of(chain, fifo)).find(said) != std::string::npos);
  CHECK(message(files_of(chain, key, fifo)).find(said) != std::string::npos);
}

}  // namespace postern::test
