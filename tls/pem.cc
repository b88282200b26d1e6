// See pem.h.
#include "tls/pem.h"

#include "tls/boringssl.h"

namespace postern::tls {

PemBlock::PemBlock(std::string name, std::string attributes, std::string bytes)
    : label(std::move(name)), headers(std::move(attributes)), der(std::move(bytes)) {}

PemBlock::~PemBlock() { OPENSSL_cleanse(der.data(), der.size()); }

bool PemBlock::is_certificate() const {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE";
}

bool PemBlock::is_key() const { return label.ends_with("PRIVATE KEY"); }

bool PemBlock::is_encrypted() const {
  return label == "ENCRYPTED PRIVATE KEY" || headers.find("ENCRYPTED") != std::string::npos;
}

Result<std::vector<PemBlock>> read_pem(std::string_view text, const std::string& name) {
  // BoringSSL would pass over the block, and what is missing then is said of another.
  if (text.find("\xef\xbb\xbf-----BEGIN ") != std::string_view::npos) {
    return Error{name +
                 " has a byte order mark before -----BEGIN: save it as ASCII, or as UTF-8 without"};
  }
  std::vector<PemBlock> blocks;
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) return Error{name + ": out of memory"};
  ERR_clear_error();
  while (blocks.size() < kMaxBlocks) {
    char* label = nullptr;
    char* headers = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &label, &headers, &bytes, &size) == 0) {
      const auto error = ERR_peek_last_error();
      ERR_clear_error();
      if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
        return blocks;
      }
      return Error{name + ": PEM block " + std::to_string(blocks.size() + 1) +
                   " is damaged (cut off, or changed by an editor)"};
    }
    blocks.emplace_back(
        label, headers,
        std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)));
    OPENSSL_free(label);
    OPENSSL_free(headers);
    OPENSSL_free(bytes);  // BoringSSL wipes what it frees
  }
  return Error{name + " has more than " + std::to_string(kMaxBlocks) + " PEM blocks"};
}

}  // namespace postern::tls
