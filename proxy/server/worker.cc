// See worker.h.
#include "proxy/server/worker.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "conf/prefixes.h"
#include "proxy/log.h"
#include "proxy/net/uv_stream.h"

namespace postern::server {

namespace {

// Between two messages that accepting has paused.
constexpr net::Instant kPauseMessageEvery{10'000};

using Answer = policy::ConnectionLimits::Answer;

// The key of the settings that a client has come up against.
std::string_view limit_that(Answer answer) {
  return answer == Answer::too_many ? "connections" : "connections_per_ip";
}

// Whether a PROXY header must come first: from these addresses alone, so that nobody else can name
// another's; and always from these, so that their clients cannot either.
bool sends_header(const conf::Listener& listener, const net::Address& peer) {
  return std::any_of(listener.accept_proxy.begin(), listener.accept_proxy.end(),
                     [&](const auto& prefix) { return conf::contains(prefix, peer.octets()); });
}

policy::Admission admit(const session::Service& service, const net::Address& client) {
  return policy::admit(*service.settings,
                       std::chrono::floor<std::chrono::seconds>(net::wall_clock()),
                       {service.index, client.octets()});
}

}  // namespace

Worker::Worker(std::size_t index, const Shared& shared)
    : index_(index), shared_(shared), handshakes_(shared.key_offload, [this] { loop_.wake(); }) {
  loop_.before_waiting([this] {
    loop_.set_busy(handshakes_.take_turn());
    destroy_retired();
  });
}

Worker::~Worker() {
  join();
  loop_.run_posted();  // what came after the loop had stopped
  close_listeners();
  forget_waiting();
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

void Worker::forget_waiting() {
  for (const auto& [reader, waiting] : waiting_) {
    reader->close();
    shared_.limits.leave_unknown();
  }
  waiting_.clear();
}

void Worker::end_all() {
  forget_waiting();
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
  if (is_draining_ && sessions_.empty() && waiting_.empty() &&
      !is_finished_.load(std::memory_order_relaxed)) {
    is_finished_.store(true, std::memory_order_release);
    loop_.stop();
  }
}

void Worker::on_accept(net::Listener& listener, net::Socket socket, const net::Address& client) {
  const auto& service = listeners_.at(&listener);
  if (sends_header(service->listener(), client)) {
    return await_header(service, std::move(socket), client);
  }
  const auto answer = shared_.limits.enter(client.octets());
  if (answer != Answer::entered) {
    return refuse(*service, socket, client, std::nullopt, limit_that(answer));
  }
  begin_session(service, std::move(socket), client, std::nullopt);
}

// Until its client is known it counts among all connections only, and as long as its header takes:
// the balancer may be the peer of all the others as well.
void Worker::await_header(const std::shared_ptr<const session::Service>& service,
                          net::Socket socket, const net::Address& balancer) {
  if (!shared_.limits.enter_unknown()) {
    return refuse(*service, socket, balancer, std::nullopt, limit_that(Answer::too_many));
  }
  auto* const reader = net::HeaderReader::begin(loop_, std::move(socket), *this);
  if (reader == nullptr) return shared_.limits.leave_unknown();
  waiting_.emplace(reader, Waiting{service, balancer});
}

Worker::Waiting Worker::take_waiting(net::HeaderReader& reader) {
  const auto found = waiting_.find(&reader);
  auto waiting = std::move(found->second);
  waiting_.erase(found);
  reader.close();
  return waiting;
}

void Worker::on_header(net::HeaderReader& reader, net::Socket socket,
                       const std::optional<net::ProxyHeader::Ends>& ends) {
  const auto waiting = take_waiting(reader);
  const auto client = ends ? ends->source : waiting.balancer;
  std::optional<session::Forwarded> forwarded;
  if (ends) forwarded = session::Forwarded{waiting.balancer, ends->destination};
  const auto answer = shared_.limits.name(client.octets());
  if (answer != Answer::entered) {
    return refuse(*waiting.service, socket, client, forwarded, limit_that(answer));
  }
  begin_session(waiting.service, std::move(socket), client, forwarded);
}

// Nothing is said: whoever it is, it does not speak the protocol of this port.
void Worker::on_no_header(net::HeaderReader& reader, net::Socket socket, net::NoHeader why) {
  const auto waiting = take_waiting(reader);
  shared_.limits.leave_unknown();
  if (why == net::NoHeader::gone) return;
  const auto& service = *waiting.service;
  record_limit(service, socket, waiting.balancer, std::nullopt, admit(service, waiting.balancer),
               why == net::NoHeader::late ? "accept_proxy: no header" : "accept_proxy: bad header");
}

void Worker::begin_session(const std::shared_ptr<const session::Service>& service,
                           net::Socket socket, const net::Address& client,
                           const std::optional<session::Forwarded>& forwarded) {
  auto* const stream = new net::UvStream(loop_);
  net::StreamPtr owned(stream);
  if (stream->open(socket.get()) != 0) {
    shared_.limits.leave(client.octets());
    return;
  }
  socket.take();
  session::Host& self = *this;
  auto session = std::make_unique<session::Session>(self, service, client, std::move(owned),
                                                    next_id(), forwarded);
  auto& begun = *session;
  sessions_.emplace(&begun, std::move(session));
  begun.begin();
}

// Where the server speaks first in clear, one line says why; a handshake for it would cost more
// than the session that is refused.
void Worker::refuse(const session::Service& service, const net::Socket& socket,
                    const net::Address& client, const std::optional<session::Forwarded>& forwarded,
                    std::string_view reason) {
  const auto admission = admit(service, client);
  if (admission.tls_mode != conf::TlsMode::implicit) {
    const auto line = protocols::farewell_line(
        service.protocol, protocols::Farewell::too_many_connections, service.options);
    // A new connection's buffer is empty: the line fits, or the client has gone.
    [[maybe_unused]] const auto sent =
        send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(socket.get(), SHUT_WR);
  }
  record_limit(service, socket, client, forwarded, admission, reason);
}

void Worker::record_limit(const session::Service& service, const net::Socket& socket,
                          const net::Address& client,
                          const std::optional<session::Forwarded>& forwarded,
                          const policy::Admission& admission, std::string_view reason) {
  audit::SessionPart part;
  part.id = next_id();
  part.listener = service.listener().name;
  part.protocol = protocols::name_of(service.protocol);
  part.source = client;
  if (forwarded) part.forwarded_by = forwarded->balancer;
  part.destination = forwarded ? forwarded->destination : net::Address::of_socket(socket.get());
  part.security = admission.tls_mode == conf::TlsMode::implicit ? audit::Security::implicit
                                                                : audit::Security::cleartext;
  part.starttls_offered = admission.tls_mode == conf::TlsMode::required ||
                          admission.tls_mode == conf::TlsMode::optional;
  part.opened_by = admission.opened_by();
  shared_.audit.record(
      {net::wall_clock(), audit::SessionNotice{std::move(part), "limit", std::string(reason)}});
}

void Worker::on_accept_paused(net::Listener&, net::Error error) {
  if (pause_said_at_ && loop_.now() - *pause_said_at_ < kPauseMessageEvery) return;
  pause_said_at_ = loop_.now();
  log::warn("accepting pauses: {}; {} sessions on this worker", error.text(), sessions_.size());
}

std::string Worker::next_id() { return fmt::format("{}-{}-{}", shared_.start, index_, ++last_id_); }

}  // namespace postern::server
