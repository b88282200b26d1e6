// See trust.h.
#include "tls/trust.h"

#include <utility>

#include "tls/client_native.h"
#include "tls/secret_file.h"

namespace postern::tls {

Trust::Trust(std::unique_ptr<Native> native) : native_(std::move(native)) {}
Trust::~Trust() = default;

std::size_t Trust::size() const { return native_->size; }

Result<std::shared_ptr<const Trust>> Trust::load(const std::string& path) {
  const auto file = read_file(path, kMaxFile);  // one more than allowed, which parse() refuses
  if (!file) return file.error();
  return parse(file->text, path);
}

Result<std::shared_ptr<const Trust>> Trust::parse(std::string_view pem, const std::string& name) {
  if (pem.size() > kMaxFile) return Error{name + " is too large for a list of CAs (over 4 MiB)"};
  auto native = std::make_unique<Native>();
  native->store.reset(X509_STORE_new());
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!native->store || !bio) return Error{name + ": out of memory"};
  ERR_clear_error();
  for (std::size_t number = 1;; ++number) {
    const bssl::UniquePtr<X509> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
      const auto error = ERR_peek_last_error();
      ERR_clear_error();
      if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) break;
      return Error{"certificate " + std::to_string(number) + " in " + name +
                   " is damaged, or no X.509 certificate"};
    }
    X509_STORE_add_cert(native->store.get(), certificate.get());
    ERR_clear_error();  // the same once more is no error
    ++native->size;
  }
  if (native->size == 0) return Error{"no certificate in " + name};
  return std::shared_ptr<const Trust>(new Trust(std::move(native)));
}

}  // namespace postern::tls
