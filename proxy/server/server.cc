// See server.h.
#include "proxy/server/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "proxy/net/clock.h"

namespace postern::server {

namespace {

// For what is opened now and then: a log's file, the inventory's, a connection that is refused.
constexpr std::size_t kSpareDescriptors = 16;

// A session whose second descriptor is missing would have to be turned away. Those that are open
// already are the lowest ones.
std::size_t sessions_by_descriptors() {
  rlimit limit{};
  const int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (lowest_free < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  close(lowest_free);
  const auto taken = static_cast<std::size_t>(lowest_free) + kSpareDescriptors;
  return limit.rlim_cur > taken ? std::max<std::size_t>((limit.rlim_cur - taken) / 2, 1) : 1;
}

}  // namespace

std::size_t worker_count(const conf::Settings& settings) {
  if (settings.workers > 0) return settings.workers;
  return std::max(1U, std::thread::hardware_concurrency());
}

std::variant<Bound, std::vector<std::string>> bind_listeners(const conf::Settings& settings,
                                                             std::size_t workers) {
  Bound bound;
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
    const auto& listener = settings.listeners[i];
    for (const auto& endpoint : listener.addresses) {
      const auto address = net::Address::parse(endpoint.host, endpoint.port);
      auto sockets =
          address ? net::bind_all(*address, workers)
                  : std::variant<std::vector<net::Socket>, net::Error>(net::Error{-EADDRNOTAVAIL});
      if (const auto* error = std::get_if<net::Error>(&sockets)) {
        errors.push_back(fmt::format("{}:{}:{}: listener {}: cannot listen on {} port {}: {}",
                                     settings.file, listener.place.line, listener.place.column,
                                     listener.name, endpoint.host, endpoint.port, error->text()));
        continue;
      }
      auto& list = std::get<std::vector<net::Socket>>(sockets);
      const auto local = net::Address::of_socket(list.front().get());
      bound.all.push_back({i, local, std::move(list)});
    }
  }
  if (!errors.empty()) return errors;
  return bound;
}

Server::Server(const conf::Settings& settings, const Services& services, Bound bound,
               audit::Sink& audit, const tls::KeyedHash& name_hash)
    : limits_(settings.limits.connections, settings.limits.connections_per_ip),
      name_hash_(name_hash),
      key_offload_(bound.all.empty() ? 0 : bound.all.front().sockets.size()),
      shared_{audit,
              limits_,
              remembered_,
              name_hash_,
              key_offload_,
              fmt::format("{:x}", std::chrono::duration_cast<std::chrono::milliseconds>(
                                      net::wall_clock().time_since_epoch())
                                      .count())} {
  const auto count = bound.all.empty() ? 0 : bound.all.front().sockets.size();
  for (std::size_t i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, shared_));
    for (auto& one : bound.all) {
      workers_.back()->listen(services.list[one.service], std::move(one.sockets[i]));
    }
  }
  shared_.most_sessions = sessions_by_descriptors();
  for (const auto& worker : workers_) worker->start();
}

Server::~Server() {
  stop();
  for (const auto& worker : workers_) worker->join();
  key_offload_.end();
}

void Server::drain() {
  for (const auto& worker : workers_) worker->drain();
}

void Server::end_sessions() {
  for (const auto& worker : workers_) worker->end_sessions();
}

void Server::stop() {
  for (const auto& worker : workers_) worker->stop();
}

bool Server::is_finished() const {
  return std::ranges::all_of(workers_, [](const auto& worker) { return worker->is_finished(); });
}

}  // namespace postern::server
