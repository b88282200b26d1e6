// See worker.h.
#include "proxy/server/worker.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "proxy/log.h"
#include "proxy/net/uv_stream.h"
#include "proxy/policy/policy.h"

namespace postern::server {

namespace {

// Between two messages that accepting has paused.
constexpr net::Instant kPauseMessageEvery{10'000};

}  // namespace

Worker::Worker(std::size_t index, const Shared& shared) : index_(index), shared_(shared) {
  loop_.before_waiting([this] { destroy_retired(); });
}

Worker::~Worker() {
  join();
  loop_.run_posted();  // what came after the loop had stopped
  close_listeners();
  sessions_.clear();
  retired_.clear();
}

void Worker::listen(std::shared_ptr<const session::Service> service, net::Socket socket) {
  listeners_.emplace(new net::Listener(loop_, std::move(socket), *this), std::move(service));
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::drain() {
  loop_.post([this] {
    is_draining_ = true;
    close_listeners();
    destroy_retired();
  });
}

void Worker::end_sessions() {
  loop_.post([this] { end_all(); });
}

void Worker::stop() {
  loop_.post([this] {
    close_listeners();
    end_all();
    is_finished_.store(true, std::memory_order_release);
    loop_.stop();
  });
}

void Worker::end_all() {
  // shut_down() may retire, which changes the table.
  std::vector<session::Session*> all;
  all.reserve(sessions_.size());
  for (const auto& [session, owner] : sessions_) all.push_back(session);
  for (auto* const session : all) session->shut_down();
}

void Worker::close_listeners() {
  // What is queued is accepted first, so the table must still know the listener.
  for (const auto& [listener, service] : listeners_) listener->close();
  listeners_.clear();
}

void Worker::retire(session::Session& session) {
  const auto found = sessions_.find(&session);
  if (found == sessions_.end()) return;
  shared_.limits.leave(session.client_address().octets());
  retired_.push_back(std::move(found->second));
  sessions_.erase(found);
}

void Worker::destroy_retired() {
  retired_.clear();
  if (is_draining_ && sessions_.empty() && !is_finished_.load(std::memory_order_relaxed)) {
    is_finished_.store(true, std::memory_order_release);
    loop_.stop();
  }
}

void Worker::on_accept(net::Listener& listener, net::Socket socket, const net::Address& client) {
  const auto& service = listeners_.at(&listener);
  switch (shared_.limits.enter(client.octets())) {
    case policy::ConnectionLimits::Answer::entered:
      break;
    case policy::ConnectionLimits::Answer::too_many:
      refuse(*service, socket, client, "connections");
      return;
    case policy::ConnectionLimits::Answer::too_many_from_address:
      refuse(*service, socket, client, "connections_per_ip");
      return;
  }
  auto* const stream = new net::UvStream(loop_);
  net::StreamPtr owned(stream);
  if (stream->open(socket.get()) != 0) {
    shared_.limits.leave(client.octets());
    return;
  }
  socket.take();
  session::Host& self = *this;
  auto session =
      std::make_unique<session::Session>(self, service, client, std::move(owned), next_id());
  auto& begun = *session;
  sessions_.emplace(&begun, std::move(session));
  begun.begin();
}

// Where the server speaks first in clear, one line says why; a handshake for it would cost more
// than the session that is refused.
void Worker::refuse(const session::Service& service, const net::Socket& socket,
                    const net::Address& client, std::string_view reason) {
  const auto now = net::wall_clock();
  const auto admission =
      policy::admit(*service.settings, std::chrono::floor<std::chrono::seconds>(now),
                    {service.index, client.octets()});
  const bool is_implicit = admission.tls_mode == conf::TlsMode::implicit;
  if (!is_implicit) {
    const auto line = protocols::farewell_line(
        service.protocol, protocols::Farewell::too_many_connections, service.options);
    // A new connection's buffer is empty: the line fits, or the client has gone.
    [[maybe_unused]] const auto sent =
        send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(socket.get(), SHUT_WR);
  }
  audit::SessionPart part;
  part.id = next_id();
  part.listener = service.listener().name;
  part.protocol = protocols::name_of(service.protocol);
  part.source = client;
  part.destination = net::Address::of_socket(socket.get());
  part.security = is_implicit ? audit::Security::implicit : audit::Security::cleartext;
  part.starttls_offered = admission.tls_mode == conf::TlsMode::required ||
                          admission.tls_mode == conf::TlsMode::optional;
  if (admission.opens_required) part.opened_by = admission.rule;
  shared_.audit.record({now, audit::SessionNotice{std::move(part), "limit", std::string(reason)}});
}

void Worker::on_accept_paused(net::Listener&, net::Error error) {
  if (pause_said_at_ && loop_.now() - *pause_said_at_ < kPauseMessageEvery) return;
  pause_said_at_ = loop_.now();
  log::warn("accepting pauses: {}; {} sessions on this worker", error.text(), sessions_.size());
}

std::string Worker::next_id() { return fmt::format("{}-{}-{}", shared_.start, index_, ++last_id_); }

}  // namespace postern::server
