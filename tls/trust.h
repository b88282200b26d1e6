// Certificates of authorities (CAs) by which a peer's certificate is judged. Immutable; shared by any
// number of contexts, on any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "tls/error.h"

namespace postern::tls {

class Trust {
 public:
  // A system's list has some 150 certificates in 220 KiB.
  static constexpr std::size_t kMaxFile = 4 * 1024 * 1024;

  // Reads a file of PEM certificates; other blocks in it are passed over. The error names the file: it
  // cannot be read, is too long, is damaged, or holds no certificate.
  static Result<std::shared_ptr<const Trust>> load(const std::string& path);
  // The same from text; `name` stands in for the path.
  static Result<std::shared_ptr<const Trust>> parse(std::string_view pem, const std::string& name);
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;
  ~Trust();

  std::size_t size() const;  // how many certificates the text has

  struct Native;  // BoringSSL's side, for this room only
  const Native& native() const { return *native_; }

 private:
  explicit Trust(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace postern::tls
