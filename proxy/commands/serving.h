// What the main thread does while workers serve: it takes signals, renews certificates, answers the
// control socket, and says when something dated begins to act, or a certificate ends.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "conf/settings.h"
#include "proxy/admin/control_socket.h"
#include "proxy/admin/expiry.h"
#include "proxy/admin/file_watch.h"
#include "proxy/admin/renewal.h"
#include "proxy/admin/requests.h"
#include "proxy/audit/log.h"
#include "proxy/commands/dates.h"
#include "proxy/commands/process.h"
#include "proxy/server/server.h"
#include "proxy/server/services.h"

namespace postern::commands {

// The socket of these settings; null: none. One at the default path that cannot be made is none, with
// a warning; one that is written out is an error, with its place. After privileges were dropped.
std::variant<std::unique_ptr<admin::ControlSocket>, std::string> open_control_socket(
    const conf::Settings& settings);

// All that it is made from outlives it. After take_over_signals().
class Serving {
 public:
  Serving(const conf::Settings& settings, server::Services& services, audit::Log& audit,
          std::unique_ptr<admin::ControlSocket> control);
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // Whose connections are told of; it outlives the calls below.
  void watch(const server::Server& server) { server_ = &server; }

  // Does what is due until SIGTERM or SIGINT comes (then it gives that), or the time is up (then 0).
  int await_end(std::chrono::milliseconds most);
  // The same without a limit.
  int await_end();

 private:
  int await(admin::Steady::time_point until);
  admin::Steady::time_point next() const;
  void wait(admin::Steady::time_point until);
  void take(int signal);
  std::size_t connections() const { return server_ == nullptr ? 0 : server_->connections(); }

  audit::Log& audit_;
  Dates dates_;
  admin::FileWatch watch_;
  admin::Renewal renewal_;
  admin::Expiry expiry_;
  std::uint64_t told_ = 0;  // of renewal_'s successes, to expiry_
  admin::Requests requests_;
  const std::unique_ptr<admin::ControlSocket> control_;  // null: none
  const server::Server* server_ = nullptr;
  const SignalDescriptor signals_;
};

}  // namespace postern::commands
