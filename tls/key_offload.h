// Signatures off the loop: an RSA signature takes longer than the way to another thread and back,
// and would keep a worker from the sessions that are already there (2048 bits: 0.6 ms, 4096: 4 ms), and
// so do ECDSA's with P-384 (0.5 ms) and P-521 (1.2 ms). Those with P-256 (60 µs) and Ed25519 (30 µs) are
// made faster than that, and never come here.
//
//   asked for -> waiting -> signing -> done -> told to its desk
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

struct Signature;  // in native.h
using SignaturePtr = std::shared_ptr<Signature>;
using Signatures = std::list<SignaturePtr>;

// The threads that sign, shared by all workers. Thread-safe.
class KeyOffload {
 public:
  // Where a worker finds what was signed for it. Outlives the threads.
  class Desk {
   public:
    // `bell` is rung when something is done and nothing was before; on any thread.
    explicit Desk(std::function<void()> bell) : bell_(std::move(bell)) {}

   private:
    friend class KeyOffload;
    const std::function<void()> bell_;
    Signatures done_;  // the mutex's
  };

  // Without threads nothing is signed but by sign_next().
  explicit KeyOffload(std::size_t threads);
  KeyOffload(const KeyOffload&) = delete;
  KeyOffload& operator=(const KeyOffload&) = delete;
  ~KeyOffload() { end(); }

  // Ends the threads, each behind the signature that it is at: no bell is rung any more.
  void end();
  // Makes the signature that has waited longest, on the caller's thread. False where none waits.
  bool sign_next();
  // How many wait.
  std::size_t waiting() const;

  // For HandshakeQueue. A signature is the desk's that it names.
  void ask(const SignaturePtr& signature);
  void drop(const SignaturePtr& signature);
  // The one that was done first; null where there is none.
  SignaturePtr take_done(Desk& desk);

 private:
  void run();
  void sign(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;  // of all below, of desks, and of each signature's place
  std::condition_variable asked_;
  Signatures waiting_;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace postern::tls
