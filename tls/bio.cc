// The BIO between BoringSSL and an engine: reads a view, appends to a string. Nothing is copied or
// buffered in between. See Wire in native.h.
#include <algorithm>
#include <cstring>

#include "tls/native.h"

namespace postern::tls {

namespace {

int read_cipher(BIO* bio, char* into, int size) {
  auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (wire.cipher.empty()) {
    BIO_set_retry_read(bio);  // all of what there is was read; it is no end of file
    return -1;
  }
  const auto taken = std::min(wire.cipher.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(into, wire.cipher.data(), taken);
  wire.cipher.remove_prefix(taken);
  auto& last = wire.last_read;
  const auto fresh = std::min(taken, last.size());
  std::memmove(last.data(), last.data() + fresh, last.size() - fresh);
  std::memcpy(last.data() + last.size() - fresh, into + taken - fresh, fresh);
  return static_cast<int>(taken);
}

int append_output(BIO* bio, const char* bytes, int size) {
  const auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (wire.output == nullptr || size < 0) return -1;
  wire.output->append(bytes, static_cast<std::size_t>(size));
  return size;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* method() {
  // Lives as long as the process: engines may be destroyed while it ends.
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(0, "engine");
    if (fresh == nullptr) return fresh;
    BIO_meth_set_read(fresh, read_cipher);
    BIO_meth_set_write(fresh, append_output);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

}  // namespace

bssl::UniquePtr<BIO> make_bio(Wire& wire) {
  bssl::UniquePtr<BIO> bio(method() == nullptr ? nullptr : BIO_new(method()));
  if (bio) {
    BIO_set_data(bio.get(), &wire);
    BIO_set_init(bio.get(), 1);
  }
  return bio;
}

Wire& wire_of(const SSL* ssl) { return *static_cast<Wire*>(BIO_get_data(SSL_get_rbio(ssl))); }

}  // namespace postern::tls
