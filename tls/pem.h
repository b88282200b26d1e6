// Reads the blocks of a PEM text (RFC 7468). For this room's own files only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tls/error.h"

namespace postern::tls {

// One block, decoded. Its bytes are wiped when it goes.
struct PemBlock {
  PemBlock(std::string name, std::string attributes, std::string bytes);
  PemBlock(PemBlock&&) noexcept = default;
  PemBlock& operator=(PemBlock&&) noexcept = default;
  ~PemBlock();

  bool is_certificate() const;
  bool is_key() const;  // a private key, encrypted or not
  bool is_encrypted() const;

  std::string label;    // "CERTIFICATE"
  std::string headers;  // RFC 1421 headers of old encrypted keys; mostly empty
  std::string der;
};

// All blocks in order; text between them is skipped, as BoringSSL does. `name` stands for the text
// in the error, which is for a block that is damaged, or for a text with more than kMaxBlocks. The
// text is no longer than a file may be (Credentials::kMaxFile).
inline constexpr std::size_t kMaxBlocks = 64;
Result<std::vector<PemBlock>> read_pem(std::string_view text, const std::string& name);

}  // namespace postern::tls
