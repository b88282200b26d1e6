// See key_offload.h. Here too: how a signature is made, and how BoringSSL asks for it.
#include "tls/key_offload.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tls/native.h"

namespace postern::tls {

namespace {

// Hands over what was made, or says that it could not be.
ssl_private_key_result_t give(const Signature& signature, std::uint8_t* out, std::size_t* out_size,
                              std::size_t most) {
  const auto& octets = signature.octets;
  if (octets.empty() || octets.size() > most) return ssl_private_key_failure;
  std::memcpy(out, octets.data(), octets.size());
  *out_size = octets.size();
  return ssl_private_key_success;
}

ssl_private_key_result_t begin(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t most,
                               std::uint16_t algorithm, const std::uint8_t* message,
                               std::size_t size) {
  auto& handshake = *wire_of(ssl).handshake;
  auto signature = std::make_shared<Signature>();
  signature->key = bssl::UpRef(handshake.credentials->native().key);
  signature->algorithm = algorithm;
  signature->message.assign(message, message + size);
  if (handshake.queue == nullptr) {
    signature->make();
    return give(*signature, out, out_size, most);
  }
  handshake.queue->ask(handshake, std::move(signature));
  return ssl_private_key_retry;
}

// Only RSA key exchange would need it, which is not served.
ssl_private_key_result_t refuse_to_decrypt(SSL*, std::uint8_t*, std::size_t*, std::size_t,
                                           const std::uint8_t*, std::size_t) {
  return ssl_private_key_failure;
}

ssl_private_key_result_t complete(SSL* ssl, std::uint8_t* out, std::size_t* out_size,
                                  std::size_t most) {
  const auto& handshake = *wire_of(ssl).handshake;
  if (handshake.wait == Handshake::Wait::signature) return ssl_private_key_retry;
  return give(*handshake.signature, out, out_size, most);
}

}  // namespace

const SSL_PRIVATE_KEY_METHOD kOffloadedKey = {begin, refuse_to_decrypt, complete};

// RFC 8446 section 4.2.3: of RSASSA-PSS the salt is as long as the digest.
void Signature::make() {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* padding = nullptr;
  std::size_t size = 0;
  const auto* const digest = SSL_get_signature_algorithm_digest(algorithm);
  const bool is_pss = SSL_is_signature_algorithm_rsa_pss(algorithm) == 1;
  if (EVP_DigestSignInit(context.get(), &padding, digest, nullptr, key.get()) == 1 &&
      (!is_pss || (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, -1) == 1)) &&
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1) {
    octets.resize(size);
    if (EVP_DigestSign(context.get(), octets.data(), &size, message.data(), message.size()) != 1) {
      size = 0;
    }
    octets.resize(size);
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
    sign(lock);
  }
}

bool KeyOffload::sign_next() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty()) return false;
  sign(lock);
  return true;
}

void KeyOffload::sign(std::unique_lock<std::mutex>& lock) {
  std::list<SignaturePtr> one;
  one.splice(one.begin(), waiting_, waiting_.begin());
  const auto signature = one.front();
  signature->place = Signature::Place::signing;
  lock.unlock();
  signature->make();
  lock.lock();
  if (signature->place == Signature::Place::gone) return;
  signature->place = Signature::Place::done;
  auto& desk = *signature->desk;
  desk.done_.splice(desk.done_.end(), one);
  if (desk.done_.size() > 1) return;
  // Whom it wakes may run at once, in place of this thread, and want the lock.
  lock.unlock();
  desk.bell_();
  lock.lock();
}

void KeyOffload::ask(const SignaturePtr& signature) {
  {
    const std::lock_guard lock(mutex_);
    signature->at = waiting_.insert(waiting_.end(), signature);
  }
  asked_.notify_one();
}

void KeyOffload::drop(const SignaturePtr& signature) {
  using Place = Signature::Place;
  const std::lock_guard lock(mutex_);
  const auto place = std::exchange(signature->place, Place::gone);
  if (place == Place::waiting) waiting_.erase(signature->at);
  if (place == Place::done) signature->desk->done_.erase(signature->at);
}

SignaturePtr KeyOffload::take_done(Desk& desk) {
  const std::lock_guard lock(mutex_);
  if (desk.done_.empty()) return nullptr;
  auto signature = std::move(desk.done_.front());
  desk.done_.pop_front();
  signature->place = Signature::Place::gone;
  return signature;
}

std::size_t KeyOffload::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace postern::tls
