// The server: all workers over all listeners, from binding to the last session's end.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "conf/settings.h"
#include "proxy/audit/log.h"
#include "proxy/net/bind.h"
#include "proxy/policy/connection_limits.h"
#include "proxy/server/services.h"
#include "proxy/server/worker.h"
#include "tls/key_offload.h"
#include "tls/keyed_hash.h"

namespace postern::server {

// Listening sockets of all listeners, one for each worker, bound but not served yet: privileges are
// dropped in between.
struct Bound {
  struct One {
    std::size_t service;   // index into Services::list
    net::Address address;  // with the port that port 0 became
    std::vector<net::Socket> sockets;
  };
  std::vector<One> all;
};

// The number of workers for these settings.
std::size_t worker_count(const conf::Settings& settings);

// Binds every address of every listener, or gives the errors of all that failed, each with its
// place.
std::variant<Bound, std::vector<std::string>> bind_listeners(const conf::Settings& settings,
                                                             std::size_t workers);

class Server {
 public:
  // Starts serving at once. `audit` outlives it. With `name_hash` names are hashed that no event
  // may show.
  Server(const conf::Settings& settings, const Services& services, Bound bound, audit::Sink& audit,
         const tls::KeyedHash& name_hash);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Stops at once what still runs.
  ~Server();

  // Stops accepting; sessions go on.
  void drain();
  // Ends what still runs, politely.
  void end_sessions();
  // Ends what still runs, at once.
  void stop();
  // After drain() or stop(): the last session has ended.
  bool is_finished() const;
  std::size_t connections() const { return limits_.count(); }

 private:
  policy::ConnectionLimits limits_;
  session::Remembered remembered_;
  const tls::KeyedHash name_hash_;
  tls::KeyOffload key_offload_;
  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace postern::server
