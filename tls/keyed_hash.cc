// See keyed_hash.h.
#include "tls/keyed_hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tls/boringssl.h"
#include "tls/hex.h"

namespace postern::tls {

namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

Error failed(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  int number;
};

// Fewer than `size` at the end of the file; less than zero on failure.
ssize_t read_all(int descriptor, std::uint8_t* into, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::read(descriptor, into + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return got;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

// "" or what is wrong with the opened file.
std::string fault_of(const struct stat& file, const std::string& path) {
  if (!S_ISREG(file.st_mode)) return path + " is no regular file";
  if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return path +
           " may be used by others than its owner, so its key is no secret; try `chmod 600 " +
           path + "`";
  }
  if (file.st_size != static_cast<off_t>(KeyedHash::kKeySize)) {
    return path + " holds " + std::to_string(file.st_size) + " octets and not a key of " +
           std::to_string(KeyedHash::kKeySize) +
           "; with it moved away, a new key is made (names hashed before are not found again)";
  }
  return {};
}

Result<KeyedHash> load(int descriptor, const std::string& path) {
  struct stat file {};
  if (::fstat(descriptor, &file) != 0) return failed("read", path);
  if (auto fault = fault_of(file, path); !fault.empty()) return Error{std::move(fault)};
  KeyedHash::Key key{};
  const auto got = read_all(descriptor, key.data(), key.size());
  const KeyedHash hash(key);
  OPENSSL_cleanse(key.data(), key.size());
  if (got < 0) return failed("read", path);
  if (static_cast<std::size_t>(got) != key.size()) return Error{path + " ends too early"};
  return hash;
}

// Writes a new key to a file of its own first, so that `path` never names a part of one, then gives
// it that name, unless another process was faster. "" or what failed.
std::string make(const std::string& path) {
  std::string fresh = path + ".XXXXXX";
  const Descriptor file(::mkostemp(fresh.data(), O_CLOEXEC));  // O_EXCL and 0600 by itself
  if (file.number < 0) return failed("make", path).message;
  KeyedHash::Key key{};
  RAND_bytes(key.data(), key.size());
  const auto written = ::write(file.number, key.data(), key.size());
  OPENSSL_cleanse(key.data(), key.size());
  const bool done = ::fchmod(file.number, kOwnerOnly) == 0 &&
                    written == static_cast<ssize_t>(key.size()) && ::fsync(file.number) == 0 &&
                    (::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST);
  std::string fault = done ? "" : failed("make", path).message;
  ::unlink(fresh.c_str());
  return fault;
}

}  // namespace

KeyedHash::KeyedHash() { RAND_bytes(key_.data(), key_.size()); }

KeyedHash::~KeyedHash() { OPENSSL_cleanse(key_.data(), key_.size()); }

Result<KeyedHash> KeyedHash::load_or_make(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not hold the start up
  const Descriptor existing(::open(path.c_str(), kFlags));
  if (existing.number >= 0) return load(existing.number, path);
  if (errno != ENOENT) return failed("read", path);
  if (auto fault = make(path); !fault.empty()) return Error{std::move(fault)};
  const Descriptor made(::open(path.c_str(), kFlags));
  if (made.number < 0) return failed("read", path);
  return load(made.number, path);
}

std::string KeyedHash::hex(std::string_view text) const {
  constexpr std::size_t kOctets = 16;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key_.data(), key_.size(), reinterpret_cast<const std::uint8_t*>(text.data()),
       text.size(), digest.data(), &length);
  return hex_of(digest.data(), kOctets);
}

}  // namespace postern::tls
