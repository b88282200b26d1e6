// See guard_world.h.
#include "test/bench/guard_world.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "proxy/audit/event_json.h"
#include "test/bench/counted.h"
#include "test/support/tls_contexts.h"
#include "tls/credentials.h"

namespace postern::bench {

namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;  // as large as the loop's

constexpr std::string_view kGreeting = "* OK [CAPABILITY IMAP4rev1 IDLE] old server ready\r\n";

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("guard: ") + what);
}

// What libuv and the system do in the proxy: not counted.
class MemoryStream final : public net::Stream {
 public:
  explicit MemoryStream(std::shared_ptr<End> end) : end_(std::move(end)) { end_->stream = this; }
  void attach(net::StreamUser& user) override { end_->user = &user; }
  void start_reading() override {}
  void stop_reading() override {}
  void write(std::string_view bytes) override {
    const Uncounted uncounted;
    end_->received.append(bytes);
  }
  std::size_t queued() const override { return 0; }
  bool is_broken() const override { return false; }
  void shut_write() override { end_->is_shut = true; }
  void reset_on_close() override {}
  net::Address local() const override { return address(); }
  net::Address peer() const override { return address(); }

 private:
  static net::Address address() {
    const Uncounted uncounted;
    return *net::Address::parse("127.0.0.1", 143);
  }
  void release() override {
    const Uncounted uncounted;
    end_->user = nullptr;
    delete this;
  }
  std::shared_ptr<End> end_;
};

class MemoryDial final : public net::Dial {
  void say(std::string_view) override {}
};

std::shared_ptr<const session::Service> make_service() {
  const auto pair = tls::make_throwaway_certificate({"mail.example.com"});
  auto credentials = tls::Credentials::parse(pair.chain, pair.key, "chain", "key");
  require(credentials.ok(), "no certificate");
  tls::ServerOptions options;
  options.credentials = {*credentials};
  options.alpn = "imap";

  auto settings = std::make_shared<conf::Settings>();
  conf::Listener listener;
  listener.name = "imaps";
  listener.tls_mode = conf::TlsMode::implicit;
  settings->listeners.push_back(listener);

  auto service = std::make_shared<session::Service>();
  service->settings = std::move(settings);
  service->protocol = protocols::Protocol::imap;
  service->options.hostname = "mail.example.com";
  service->tls = test::serve_each_version(std::move(options));
  service->backend.name = "old";
  service->backend.servers = {*net::Address::parse("127.0.1.1", 143)};
  service->backend.connect_timeout = std::chrono::seconds(5);
  service->backend.greeting_timeout = std::chrono::seconds(60);
  return service;
}

}  // namespace

World::World() : service_(make_service()), read_buffer_(kReadBuffer, '\0') {}

World::~World() = default;

std::unique_ptr<session::Session> World::accept(const std::shared_ptr<End>& client) {
  static const auto source = *net::Address::parse("192.0.2.7", 50'000);
  net::StreamPtr stream(new MemoryStream(client));
  session::Host& host = *this;
  const Counted counted;
  auto session =
      std::make_unique<session::Session>(host, service_, source, std::move(stream), "9b6e7f10-0-1");
  session->begin();
  return session;
}

std::unique_ptr<net::Dial> World::dial(const net::Address&, net::DialUser& user) {
  const Uncounted uncounted;
  dialling_ = &user;
  return std::make_unique<MemoryDial>();
}

std::shared_ptr<End> World::answer_dial() {
  require(dialling_ != nullptr, "the backend is not dialled");
  auto end = std::make_shared<End>();
  net::StreamPtr stream(new MemoryStream(end));
  const Counted counted;
  std::exchange(dialling_, nullptr)->on_dialled(std::move(stream));
  return end;
}

void World::deliver(End& end, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kReadBuffer);
    bytes.remove_prefix(piece.size());
    std::copy(piece.begin(), piece.end(), read_buffer_.begin());
    require(end.user != nullptr, "the session has ended too early");
    const Counted counted;
    end.user->on_read(*end.stream, {read_buffer_.data(), piece.size()});
    handshakes_.take_turn();
  }
}

void World::end(End& end) {
  if (end.user == nullptr) return;
  const Counted counted;
  end.user->on_end(*end.stream);
}

void World::record(audit::Event event) {
  const Uncounted uncounted;
  events_.push_back(std::move(event));
}

std::size_t World::write_events() {
  audit::LineWriter writer({"mail.example.com", "0"});
  std::string lines;
  lines.reserve(events_.size() * 4096);
  std::uint64_t sequence = 0;
  {
    const Counted counted;
    for (const auto& event : events_) writer.append(lines, event, ++sequence);
  }
  events_.clear();
  return sequence;
}

void Visit::shake_hands(const test::TlsClientOptions& options) {
  tls_ = std::make_unique<test::TlsClient>(options);
  client_ = std::make_shared<End>();
  session_ = world_.accept(client_);
  tls_->receive("");
  for (int flight = 0; flight < 4; ++flight) {
    const auto output = tls_->take_output();
    if (output.empty()) break;
    world_.deliver(*client_, output);
    tls_->receive(std::exchange(client_->received, {}));
  }
  require(tls_->connected(), "no handshake");
  backend_ = world_.answer_dial();
  world_.deliver(*backend_, kGreeting);
  tls_->receive(std::exchange(client_->received, {}));
  require(tls_->take_received().starts_with("* OK "), "no greeting");
}

void Visit::say(std::string_view bytes) {
  tls_->send(bytes);
  world_.deliver(*client_, tls_->take_output());
  require(std::exchange(backend_->received, {}) == bytes, "the backend heard something else");
}

void Visit::answer(std::string_view bytes) {
  world_.deliver(*backend_, bytes);
  tls_->receive(std::exchange(client_->received, {}));
  require(tls_->take_received() == bytes, "the client heard something else");
}

void Visit::leave() {
  world_.end(*backend_);
  tls_->receive(std::exchange(client_->received, {}));
  require(tls_->ended(), "no close_notify");
  world_.end(*client_);
  require(client_->user == nullptr && backend_->user == nullptr, "the session has not ended");
  const Counted counted;
  session_.reset();
}

}  // namespace postern::bench
