// See secret_file.h.
#include "tls/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tls/boringssl.h"

namespace postern::tls {

namespace {

constexpr mode_t kOthersReadOrWrite = S_IROTH | S_IWGRP | S_IWOTH;
constexpr mode_t kTightest = S_IRUSR | S_IWUSR | S_IRGRP;

struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  int number;
};

Error cannot_read(const std::string& path) {
  return Error{"cannot read " + path + ": " + std::strerror(errno)};
}

// The rights as `chmod` takes them: "0640".
std::string octal(mode_t mode) {
  std::string digits = "0";
  for (const unsigned shift : {6U, 3U, 0U})
    digits += static_cast<char>('0' + ((mode >> shift) & 7));
  return digits;
}

// "" or what is wrong with the opened file.
std::string looseness(const struct stat& file, const std::string& path, const SecretFiles& rule,
                      const std::string& what) {
  const std::string told =
      rule.setting.empty() ? "" : "; or state `" + std::string(rule.setting) + "`";
  if (file.st_uid != 0 && file.st_uid != ::geteuid() && file.st_uid != rule.owner) {
    return what + " in " + path + " belongs to another user (" + std::to_string(file.st_uid) +
           ") than root and the one that postern runs as, who can change it; try `chown root " +
           path + "`" + told;
  }
  if ((file.st_mode & kOthersReadOrWrite) == 0) return {};
  const std::string who = (file.st_mode & S_IROTH) != 0   ? "be read by everybody"
                          : (file.st_mode & S_IWOTH) != 0 ? "be changed by everybody"
                                                          : "be changed by others than its owner";
  return what + " in " + path + " may " + who + " (mode " + octal(file.st_mode) + "); try `chmod " +
         octal((file.st_mode & kTightest) | S_IRUSR) + " " + path + "`" + told;
}

// Opened so, a FIFO whose other end nobody holds does not keep the thread; it is no file, either.
constexpr int kHow = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

Result<FileText> read_all(int descriptor, const std::string& path, std::size_t most) {
  FileText content;
  content.text.resize(most + 1);  // at once: growing would leave copies behind
  std::size_t done = 0;
  while (done < content.text.size()) {
    const auto got = ::read(descriptor, content.text.data() + done, content.text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  content.text.resize(done);
  return content;
}

}  // namespace

FileText::~FileText() { OPENSSL_cleanse(text.data(), text.size()); }

Result<FileText> read_file(const std::string& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), kHow));
  struct stat opened {};
  if (file.number < 0 || ::fstat(file.number, &opened) != 0) return cannot_read(path);
  if (S_ISFIFO(opened.st_mode)) return Error{path + " is no regular file"};
  return read_all(file.number, path, most);
}

Result<FileText> read_secret_file(const std::string& path, std::size_t most,
                                  const SecretFiles& rule, const std::string& what) {
  const Descriptor file(::open(path.c_str(), kHow));
  struct stat opened {};
  if (file.number < 0 || ::fstat(file.number, &opened) != 0) return cannot_read(path);
  if (S_ISFIFO(opened.st_mode)) return Error{path + " is no regular file"};
  if (!rule.may_be_loose && !S_ISDIR(opened.st_mode)) {
    if (auto fault = looseness(opened, path, rule, what); !fault.empty()) {
      return Error{std::move(fault)};
    }
  }
  return read_all(file.number, path, most);
}

}  // namespace postern::tls
