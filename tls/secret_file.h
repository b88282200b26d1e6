// Files of certificates and keys: read whole and wiped, and a secret one only where its rights are
// tight. For this room's own files only.
#pragma once

#include <cstddef>
#include <string>

#include "tls/credentials.h"
#include "tls/error.h"

namespace postern::tls {

// A file's text, wiped when it goes.
struct FileText {
  FileText() = default;
  FileText(FileText&&) noexcept = default;
  FileText& operator=(FileText&&) noexcept = default;
  ~FileText();
  std::string text;
};

// Blocking. At most `most` octets and one more, by which the caller sees that there are more. The
// error names the file.
Result<FileText> read_file(const std::string& path, std::size_t most);
// The same for a secret, of which `what` tells for the error ("the key"). What holds for the file is
// asked of the opened one, so that nobody can change it in between.
Result<FileText> read_secret_file(const std::string& path, std::size_t most,
                                  const SecretFiles& rule, const std::string& what);

}  // namespace postern::tls
