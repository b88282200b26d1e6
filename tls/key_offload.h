// What a private key does, off the loop: an RSA signature, and RSA key exchange's decryption, take
// longer than the way to another thread and back, and would keep a worker from the sessions that are
// already there (2048 bits: 0.6 ms, 4096: 4 ms), and so do ECDSA's signatures with P-384 (0.5 ms) and
// P-521 (1.2 ms). Those with P-256 (60 µs) and Ed25519 (30 µs) are made faster, and never come here.
//
//   asked for -> waiting -> being made -> done -> told to its desk
//
// In the order of asking, whoever asked. One that is dropped meanwhile is told to nobody.
//
// The threads have the workers' priority. A lower one (nice 5, nice 10) made no session wait less in
// a storm, and with the lowest (SCHED_IDLE) a tenth of the handshakes was left: all that runs on the
// machine comes first then.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace postern::tls {

struct KeyOperation;  // in native.h
using KeyOperationPtr = std::shared_ptr<KeyOperation>;
using KeyOperations = std::list<KeyOperationPtr>;

// The threads that use keys, shared by all workers. Thread-safe.
class KeyOffload {
 public:
  // Where a worker finds what was made for it. Outlives the threads.
  class Desk {
   public:
    // `bell` is rung when something is done and nothing was before; on any thread.
    explicit Desk(std::function<void()> bell) : bell_(std::move(bell)) {}

   private:
    friend class KeyOffload;
    const std::function<void()> bell_;
    KeyOperations done_;  // the mutex's
  };

  // Without threads nothing is made but by sign_next().
  explicit KeyOffload(std::size_t threads);
  KeyOffload(const KeyOffload&) = delete;
  KeyOffload& operator=(const KeyOffload&) = delete;
  ~KeyOffload() { end(); }

  // Ends the threads, each behind the operation that it is at: no bell is rung any more.
  void end();
  // Makes what has waited longest, on the caller's thread. False where none waits.
  bool sign_next();
  // How many wait.
  std::size_t waiting() const;

  // For HandshakeQueue. An operation is the desk's that it names.
  void ask(const KeyOperationPtr& operation);
  void drop(const KeyOperationPtr& operation);
  // The one that was done first; null where there is none.
  KeyOperationPtr take_done(Desk& desk);

 private:
  void run();
  void make(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;  // of all below, of desks, and of each operation's place
  std::condition_variable asked_;
  KeyOperations waiting_;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace postern::tls
