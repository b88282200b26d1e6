// See tls_files.h.
#include "proxy/server/tls_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace postern::server {

namespace {

class Paths {
 public:
  void add(const std::string& path) {
    if (path.empty() || path.starts_with(conf::kCredential)) return;
    if (std::find(all_.begin(), all_.end(), path) == all_.end()) all_.push_back(path);
  }
  void add(const conf::Certificate& certificate) {
    add(certificate.chain);
    add(certificate.key);
    add(certificate.passphrase_file);
    add(certificate.ocsp);
  }
  void add(const conf::Tls& tls) {
    add(tls.client_ca);
    add(tls.client_crl);
    add(tls.tickets.secret_file);
  }
  void add(const conf::Backend& backend) {
    if (backend.tls == conf::BackendTls::none) return;
    if (backend.verify.is_on) add(trust_of(backend));
    if (backend.client_certificate) add(*backend.client_certificate);
  }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  std::vector<std::string> all_;  // a few thousand at most
};

std::int64_t nanoseconds(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

FileState state_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    FileState state;
    if (errno == EACCES) state.kind = FileState::Kind::hidden;
    return state;
  }
  return {FileState::Kind::there,
          status.st_dev,
          status.st_ino,
          status.st_size,
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

}  // namespace

std::vector<std::string> tls_files(const conf::Settings& settings) {
  Paths paths;
  for (const auto& certificate : settings.certificates) paths.add(certificate);
  for (const auto& listener : settings.listeners) paths.add(listener.tls);
  for (const auto& backend : settings.backends) paths.add(backend);
  return paths.take();
}

std::vector<std::string> paths_of(const conf::Certificate& certificate) {
  Paths paths;
  paths.add(certificate);
  return paths.take();
}

std::vector<std::string> paths_of(const conf::Backend& backend) {
  Paths paths;
  paths.add(backend);
  return paths.take();
}

std::string system_trust() {
  const char* const named = std::getenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
  return named != nullptr && *named != '\0' ? named : "/etc/ssl/certs/ca-certificates.crt";
}

std::string trust_of(const conf::Backend& backend) {
  return backend.verify.ca.empty() ? system_trust() : backend.verify.ca;
}

int error_of_opening(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return errno;
  ::close(file);
  return 0;
}

bool is_hidden(const std::string& path) { return error_of_opening(path) == EACCES; }

std::vector<FileState> states_of(const std::vector<std::string>& paths) {
  std::vector<FileState> states;
  states.reserve(paths.size());
  std::transform(paths.begin(), paths.end(), std::back_inserter(states), state_of);
  return states;
}

bool differ(const std::vector<FileState>& before, const std::vector<FileState>& after) {
  constexpr auto is_same = [](const FileState& one, const FileState& other) {
    return one == other || other.kind == FileState::Kind::hidden;
  };
  return !std::equal(before.begin(), before.end(), after.begin(), after.end(), is_same);
}

}  // namespace postern::server
