// A worker: one thread, one loop, its own listening sockets and sessions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/audit/log.h"
#include "proxy/net/header_reader.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/policy/connection_limits.h"
#include "proxy/policy/policy.h"
#include "proxy/session/host.h"
#include "proxy/session/service.h"
#include "proxy/session/session.h"
#include "tls/handshake_queue.h"
#include "tls/key_offload.h"
#include "tls/keyed_hash.h"

namespace postern::server {

// What workers share. All of it is thread-safe and outlives them.
struct Shared {
  audit::Sink& audit;
  policy::ConnectionLimits& limits;
  session::Remembered& remembered;
  const tls::KeyedHash& name_hash;
  tls::KeyOffload& key_offload;
  std::string start;  // makes session ids unique across restarts
  // For so many there are descriptors; further clients wait in the kernel's queue.
  std::size_t most_sessions = SIZE_MAX;
};

class Worker final : session::Host, net::AcceptUser, net::HeaderUser {
 public:
  // `index` numbers the workers from 0.
  Worker(std::size_t index, const Shared& shared);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Serves a listening socket. Before start().
  void listen(std::shared_ptr<const session::Service> service, net::Socket socket);
  void start();

  // The three below may be called from any thread, once started.
  // Stops accepting; finished() once the last session has ended.
  void drain();
  // Ends all sessions politely, each where its protocol has words for it.
  void end_sessions();
  // Ends all at once. The thread ends.
  void stop();
  bool is_finished() const { return is_finished_.load(std::memory_order_acquire); }
  void join();

 private:
  net::Clock& clock() override { return loop_; }
  net::TimerQueue& timers() override { return loop_.timers(); }
  net::Dialer& dialer() override { return loop_; }
  audit::Sink& audit() override { return shared_.audit; }
  session::Scratch& scratch() override { return scratch_; }
  session::Remembered& remembered() override { return shared_.remembered; }
  tls::HandshakeQueue& handshakes() override { return handshakes_; }
  std::string hash_of(std::string_view user) override { return shared_.name_hash.hex(user); }
  void retire(session::Session& session) override;

  void on_accept(net::Listener& listener, net::Socket socket, const net::Address& client) override;
  bool may_accept() override { return shared_.limits.count() < shared_.most_sessions; }
  void on_accept_paused(net::Listener& listener, net::Error error) override;
  void on_header(net::HeaderReader& reader, net::Socket socket,
                 const std::optional<net::ProxyHeader::Ends>& ends) override;
  void on_no_header(net::HeaderReader& reader, net::Socket socket, net::NoHeader why) override;

  // A connection of a balancer, until its header says whose it is.
  struct Waiting {
    std::shared_ptr<const session::Service> service;
    net::Address balancer;
  };
  void await_header(const std::shared_ptr<const session::Service>& service, net::Socket socket,
                    const net::Address& balancer);
  Waiting take_waiting(net::HeaderReader& reader);
  // Begins a session that the limits have counted in.
  void begin_session(const std::shared_ptr<const session::Service>& service, net::Socket socket,
                     const net::Address& client,
                     const std::optional<session::Forwarded>& forwarded);
  // Tells the client of a limit, and the audit.
  void refuse(const session::Service& service, const net::Socket& socket,
              const net::Address& client, const std::optional<session::Forwarded>& forwarded,
              std::string_view reason);
  void record_limit(const session::Service& service, const net::Socket& socket,
                    const net::Address& client, const std::optional<session::Forwarded>& forwarded,
                    const policy::Admission& admission, std::string_view reason);
  std::string next_id();
  void close_listeners();
  void end_all();
  void forget_waiting();
  void destroy_retired();

  const std::size_t index_;
  const Shared& shared_;
  net::Loop loop_;
  session::Scratch scratch_;
  tls::HandshakeQueue handshakes_;
  std::unordered_map<net::Listener*, std::shared_ptr<const session::Service>> listeners_;
  std::unordered_map<net::HeaderReader*, Waiting> waiting_;
  std::unordered_map<session::Session*, std::unique_ptr<session::Session>> sessions_;
  std::vector<std::unique_ptr<session::Session>> retired_;
  std::uint64_t last_id_ = 0;
  std::optional<net::Instant> pause_said_at_;
  bool is_draining_ = false;
  std::atomic<bool> is_finished_{false};
  std::thread thread_;
};

}  // namespace postern::server
