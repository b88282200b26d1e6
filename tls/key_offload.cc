// See key_offload.h. Here too: what the key is used for, and how BoringSSL asks for it.
#include "tls/key_offload.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tls/native.h"

namespace postern::tls {

namespace {

// Hands over what was made, or says that it could not be.
ssl_private_key_result_t give(const KeyOperation& operation, std::uint8_t* out,
                              std::size_t* out_size, std::size_t most) {
  const auto& octets = operation.octets;
  if (octets.empty() || octets.size() > most) return ssl_private_key_failure;
  std::memcpy(out, octets.data(), octets.size());
  *out_size = octets.size();
  return ssl_private_key_success;
}

// Where the answer goes, as BoringSSL gives it.
struct Out {
  std::uint8_t* octets;
  std::size_t* size;
  std::size_t most;
};

ssl_private_key_result_t begin(SSL* ssl, const Out& out, KeyOperationPtr operation,
                               const std::uint8_t* message, std::size_t size) {
  auto& handshake = *wire_of(ssl).handshake;
  operation->key = bssl::UpRef(handshake.credentials->native().key);
  operation->message.assign(message, message + size);
  if (handshake.queue == nullptr) {
    operation->make();
    return give(*operation, out.octets, out.size, out.most);
  }
  handshake.queue->ask(handshake, std::move(operation));
  return ssl_private_key_retry;
}

ssl_private_key_result_t sign(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t most,
                              std::uint16_t algorithm, const std::uint8_t* message,
                              std::size_t size) {
  auto operation = std::make_shared<KeyOperation>();
  operation->algorithm = algorithm;
  return begin(ssl, {out, out_size, most}, std::move(operation), message, size);
}

ssl_private_key_result_t decrypt(SSL* ssl, std::uint8_t* out, std::size_t* out_size,
                                 std::size_t most, const std::uint8_t* message, std::size_t size) {
  auto operation = std::make_shared<KeyOperation>();
  operation->kind = KeyOperation::Kind::decrypt;
  return begin(ssl, {out, out_size, most}, std::move(operation), message, size);
}

ssl_private_key_result_t complete(SSL* ssl, std::uint8_t* out, std::size_t* out_size,
                                  std::size_t most) {
  const auto& handshake = *wire_of(ssl).handshake;
  if (handshake.wait == Handshake::Wait::key) return ssl_private_key_retry;
  return give(*handshake.operation, out, out_size, most);
}

// RFC 8446 section 4.2.3: of RSASSA-PSS the salt is as long as the digest.
void make_signature(KeyOperation& operation) {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* padding = nullptr;
  std::size_t size = 0;
  const auto& message = operation.message;
  auto& octets = operation.octets;
  const auto* const digest = SSL_get_signature_algorithm_digest(operation.algorithm);
  const bool is_pss = SSL_is_signature_algorithm_rsa_pss(operation.algorithm) == 1;
  if (EVP_DigestSignInit(context.get(), &padding, digest, nullptr, operation.key.get()) == 1 &&
      (!is_pss || (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, -1) == 1)) &&
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1) {
    octets.resize(size);
    if (EVP_DigestSign(context.get(), octets.data(), &size, message.data(), message.size()) != 1) {
      size = 0;
    }
    octets.resize(size);
  }
}

// As long as the modulus, always: what fails here (a message of another length, or above the modulus)
// is public.
void make_decryption(KeyOperation& operation) {
  RSA* const rsa = EVP_PKEY_get0_RSA(operation.key.get());
  if (rsa == nullptr) return;
  const auto& message = operation.message;
  auto& octets = operation.octets;
  octets.resize(RSA_size(rsa));
  std::size_t size = 0;
  if (RSA_decrypt(rsa, &size, octets.data(), octets.size(), message.data(), message.size(),
                  RSA_NO_PADDING) != 1) {
    size = 0;
  }
  octets.resize(size);
}

}  // namespace

const SSL_PRIVATE_KEY_METHOD kOffloadedKey = {sign, decrypt, complete};

void KeyOperation::make() {
  if (kind == Kind::sign) {
    make_signature(*this);
  } else {
    make_decryption(*this);
  }
  ERR_clear_error();
}

KeyOffload::KeyOffload(std::size_t threads) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void KeyOffload::end() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  asked_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void KeyOffload::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    if (is_ending_) return;
    make(lock);
  }
}

bool KeyOffload::sign_next() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty()) return false;
  make(lock);
  return true;
}

void KeyOffload::make(std::unique_lock<std::mutex>& lock) {
  std::list<KeyOperationPtr> one;
  one.splice(one.begin(), waiting_, waiting_.begin());
  const auto operation = one.front();
  operation->place = KeyOperation::Place::making;
  lock.unlock();
  operation->make();
  lock.lock();
  if (operation->place == KeyOperation::Place::gone) return;
  operation->place = KeyOperation::Place::done;
  auto& desk = *operation->desk;
  desk.done_.splice(desk.done_.end(), one);
  if (desk.done_.size() > 1) return;
  // Whom it wakes may run at once, in place of this thread, and want the lock.
  lock.unlock();
  desk.bell_();
  lock.lock();
}

void KeyOffload::ask(const KeyOperationPtr& operation) {
  {
    const std::lock_guard lock(mutex_);
    operation->at = waiting_.insert(waiting_.end(), operation);
  }
  asked_.notify_one();
}

void KeyOffload::drop(const KeyOperationPtr& operation) {
  using Place = KeyOperation::Place;
  const std::lock_guard lock(mutex_);
  const auto place = std::exchange(operation->place, Place::gone);
  if (place == Place::waiting) waiting_.erase(operation->at);
  if (place == Place::done) operation->desk->done_.erase(operation->at);
}

KeyOperationPtr KeyOffload::take_done(Desk& desk) {
  const std::lock_guard lock(mutex_);
  if (desk.done_.empty()) return nullptr;
  auto operation = std::move(desk.done_.front());
  desk.done_.pop_front();
  operation->place = KeyOperation::Place::gone;
  return operation;
}

std::size_t KeyOffload::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace postern::tls
