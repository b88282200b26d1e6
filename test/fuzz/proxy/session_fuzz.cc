// Whole sessions: the real Session with the real TLS engine, between a client, a backend and a clock
// that the input plays, over the network of the tests (session_world.h). The letters of a script
// (script.h):
//
//   conditions   the protocol: s smtp, u submission, i imap, p pop3. The listener's TLS: r required,
//                m implicit, o optional, n none, a auto. Logins in clear: F refused, W warned, else observed.
//                2 two servers; H names are hashed; E old TLS is explained; A a rule opens the listener
//                for the client's address; J a rule refuses joe
//   C c          bytes of the client: in clear, or once its handshake is complete in TLS
//   K            bytes of the client as they are, whatever is going on
//   L            a login with the marked secret, in the way of its number (marked_login.h)
//   t            the client's handshake, as far as it gets; "t2" with at most TLS 1.2
//   G            bytes of the client in clear with its ClientHello glued on
//   B b          bytes of the backend
//   d D          the dial succeeds, fails
//   k            the clock moves by 2^n milliseconds ("k12")
//   x X v V      the client, the backend ends; the client, the backend resets
//   e            the client's close_notify
//   z Z y Y      the client takes no bytes, and takes them again; the backend likewise
//   q            the process is shut down
// What a side is not read for waits until it is, as in a socket.
//
// Invariants, whatever comes: where TLS is required nobody is dialled before the client's handshake is
// complete (but for the rule that opens the listener); each backend session gets what the client sent
// since it began, in order, and nothing from before TLS; a secret that was sent in clear where that is
// refused reaches no backend, a secret is in no event, and is wiped from the memory that was read into;
// what the client gets under TLS is TLS that it can read; every event is a line of the contract; queues
// have a bound, shared memory is empty between callbacks, no timer is due for ever; the session ends
// once, with one reason and one event for it, and leaves no connection, dial or timer.
#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "test/fuzz/demand.h"
#include "test/fuzz/protocols/marked_login.h"
#include "test/fuzz/script.h"
#include "test/proxy/audit/contract.h"
#include "test/proxy/session/session_world.h"

namespace {

using namespace postern;
using namespace postern::test;
using conf::TlsMode;
using protocols::Protocol;

constexpr std::size_t kMostQueued = 400'000;

Protocol protocol_of(const Script& script) {
  if (script.has('s')) return Protocol::smtp;
  if (script.has('u')) return Protocol::submission;
  return script.has('p') ? Protocol::pop3 : Protocol::imap;
}

TlsMode mode_of(const Script& script) {
  if (script.has('n')) return TlsMode::none;
  if (script.has('o')) return TlsMode::optional;
  if (script.has('a')) return TlsMode::automatic;
  return script.has('m') ? TlsMode::implicit : TlsMode::required;
}

void adjust(const Script& script, conf::Settings& settings) {
  auto& listener = settings.listeners.front();
  if (script.has('E')) listener.tls.old_tls = conf::OldTls::explain;
  if (script.has('H')) settings.audit.usernames = conf::Usernames::hashed;
  settings.audit.handshakes = conf::Handshakes::all;
  if (script.has('A')) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "opens";
    rule.tls_mode = TlsMode::optional;
  }
  if (script.has('J')) {
    auto& rule = settings.rules.emplace_back();
    rule.name = "joe";
    rule.users = {"joe"};
    rule.logins.cleartext_login = conf::CleartextLogin::refuse;
  }
}

WorldOptions options_of(const Script& script) {
  WorldOptions options;
  options.mode = mode_of(script);
  options.protocol = protocol_of(script);
  if (script.has('F')) options.cleartext_login = conf::CleartextLogin::refuse;
  if (script.has('W')) options.cleartext_login = conf::CleartextLogin::warn;
  options.servers = script.has('2') ? 2 : 1;
  options.line_length = 256;
  options.adjust = [&](conf::Settings& settings) { adjust(script, settings); };
  return options;
}

bool is_subsequence(std::string_view part, std::string_view whole) {
  for (const char c : part) {
    const auto at = whole.find(c);
    if (at == std::string_view::npos) return false;
    whole.remove_prefix(at + 1);
  }
  return true;
}

// Without what postern itself adds: the lines that cancel a SASL exchange, quotes.
std::string without_own_octets(std::string text) {
  constexpr std::string_view kCancel = "*\r\n";
  for (std::size_t at = text.find(kCancel); at != std::string::npos; at = text.find(kCancel, at)) {
    text.erase(at, kCancel.size());
  }
  // The name of an IMAP LOGIN may go on as a quoted string (imap_login.h).
  std::erase_if(text, [](char c) { return c == '"' || c == '\\'; });
  return text;
}

unsigned number_in(const std::string& text) {
  unsigned number = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9' && number < 100) number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number;
}

class Play {
 public:
  explicit Play(const Script& script)
      : script_(script), world_(options_of(script)), mode_(mode_of(script)) {}

  void run() {
    world_.begin();
    check();
    for (const auto& action : script_.actions) {
      if (world_.is_over()) break;
      act(action);
      settle();
    }
    // Nobody does anything any more.
    for (int wait = 0; wait < 400 && !world_.is_over(); ++wait) {
      world_.pass(wait < 300 ? std::chrono::seconds(20) : std::chrono::hours(1));
      settle();
    }
    check_end();
  }

 private:
  struct Backend {
    std::shared_ptr<FakePeer> peer;
    std::string waiting;
    bool is_behind_tls = false;  // dialled after the handshake
  };

  void act(const ScriptAction& action) {
    switch (action.kind) {
      case 'C':
      case 'c':
        return say(action);
      case 'K':
        is_garbled_ = true;
        waiting_ += action.bytes;
        return;
      case 'L':
        return log_in(action);
      case 't':
        return shake_hands(action.bytes);
      case 'G':
        return glue(action.bytes);
      case 'B':
      case 'b':
        if (!backends_.empty()) backends_.back().waiting += action.bytes;
        return;
      case 'd':
        if (world_.dialer().is_dialling()) connect();
        return;
      case 'D':
        if (world_.dialer().is_dialling()) world_.dialer().fail(-ECONNREFUSED);
        return;
      case 'k':
        return world_.pass(net::Instant(1U << std::min(number_in(action.bytes), 23U)));
      default:
        return end(action.kind);
    }
  }

  void end(char kind) {
    auto& client = world_.client();
    const auto backend = backends_.empty() ? nullptr : backends_.back().peer;
    const bool has_backend = backend != nullptr && !backend->is_closed();
    switch (kind) {
      case 'x':
        if (client.is_being_read()) client.end();
        return;
      case 'v':
        if (client.is_being_read()) client.reset(-ECONNRESET);
        return;
      case 'X':
        if (has_backend && backend->is_being_read()) backend->end();
        return;
      case 'V':
        if (has_backend && backend->is_being_read()) backend->reset(-ECONNRESET);
        return;
      case 'e':
        if (tls_ == nullptr || !tls_->connected() || tls_->failed() || has_closed_) return;
        has_closed_ = true;
        return tls_->close();
      case 'z':
        return client.clog();
      case 'Z':
        return client.unclog();
      case 'y':
        return has_backend ? backend->clog() : void();
      case 'Y':
        return has_backend ? backend->unclog() : void();
      case 'q':
        return world_.shut_down();
      default:
        return;
    }
  }

  void connect() {
    world_.connect();
    backends_.push_back({world_.shared_backend(), {}, is_secure()});
  }

  // As the client sees it; one that takes no bytes cannot have seen the last of them, then as the
  // events tell it.
  bool is_secure() const {
    if (tls_ == nullptr) return false;
    if (tls_->connected() || world_.client().queued() == 0) return tls_->connected();
    const auto handshakes = world_.recorded<audit::HandshakeEvent>();
    return !handshakes.empty() && handshakes.back().reason.empty();
  }

  void say(const ScriptAction& action) {
    harmless_ = harmless_ && (action.kind != 'c') && is_harmless_command(action.bytes);
    say_bytes(action.bytes);
  }

  void say_bytes(std::string_view bytes) {
    if (tls_ != nullptr && tls_->connected()) {
      if (tls_->failed() || has_closed_ || bytes.empty()) return;
      tls_->send(bytes);
      sent_tls_ += bytes;
      return;
    }
    sent_clear_ += bytes;
    waiting_ += bytes;
  }

  void log_in(const ScriptAction& action) {
    const auto account = harmless_ && !is_marked_ ? Account::marked : Account::other;
    if (account == Account::marked) {
      is_marked_ = true;
      marked_in_clear_ = !is_secure();
    }
    harmless_ = false;
    say_bytes(login_attempt(protocol_of(script_), account, number_in(action.bytes)));
  }

  void make_client(const std::string& which) {
    TlsClientOptions options;
    const auto version = number_in(which);
    if (version >= 1 && version <= 3) {
      options.max_version = static_cast<std::uint16_t>(0x0300 + version);
    }
    tls_ = std::make_unique<TlsClient>(options);
    tls_->receive("");
  }

  void shake_hands(const std::string& which) {
    if (tls_ == nullptr) make_client(which);
  }

  // In one segment: what is in clear, and the ClientHello behind it.
  void glue(const std::string& bytes) {
    if (tls_ != nullptr) return;
    harmless_ = false;
    say_bytes(bytes);
    make_client("");
  }

  // Takes what the server sent. Under TLS that is TLS, behind the words that are in clear yet.
  void hear() {
    if (tls_ == nullptr || world_.is_over()) return;
    auto cipher = world_.client().take();
    while (!has_heard_tls_ && !cipher.empty() && (cipher[0] < 0x14 || cipher[0] > 0x17)) {
      cipher.erase(0, std::min(cipher.find('\n'), cipher.size() - 1) + 1);
    }
    if (cipher.empty()) return;
    has_heard_tls_ = true;
    const bool was_connected = tls_->connected();
    tls_->receive(cipher);
    // A new dialogue begins.
    if (tls_->connected() && !was_connected) harmless_ = true;
  }

  // Lets bytes move until none does.
  void settle() {
    for (int round = 0; round < 64; ++round) {
      bool moved = settle_client();
      moved |= settle_backend();
      check();
      if (!moved) return;
    }
    demand(false, "it comes to rest");
  }

  bool settle_client() {
    if (world_.is_over()) return false;
    auto& client = world_.client();
    hear();
    if (tls_ != nullptr) waiting_ += tls_->take_output();
    if (waiting_.empty() || client.is_closed() || !client.is_being_read()) return false;
    const auto bytes = std::exchange(waiting_, {});
    client.send(bytes);
    world_.settle();
    hear();
    demand(!holds_secret(client.left_of_read()), "a secret stays in the shared memory");
    return true;
  }

  bool settle_backend() {
    if (backends_.empty() || world_.is_over()) return false;
    auto& backend = backends_.back();
    if (backend.waiting.empty() || backend.peer->is_closed() || !backend.peer->is_being_read()) {
      return false;
    }
    backend.peer->send(std::exchange(backend.waiting, {}));
    return true;
  }

  bool must_be_secure() const {
    if (mode_ == TlsMode::implicit) return true;
    return mode_ == TlsMode::required && !script_.has('A');
  }

  void check() {
    demand(!world_.has_due_timer(), "a timer is due for ever");
    demand(world_.client().queued() < kMostQueued, "too much is queued for the client");
    const auto& memory = world_.memory();
    demand(memory.said.empty() && memory.decrypted.empty() && memory.to_client.empty() &&
               memory.to_backend.empty() && memory.steps.empty(),
           "shared memory is empty between callbacks");
    demand(world_.dialer().dials() == 0 || !must_be_secure() || is_secure(),
           "dialled before the handshake was complete");
    for (const auto& backend : backends_) check(backend);
    check_client();
    for (; seen_ < world_.lines().size(); ++seen_) check_event(world_.lines()[seen_]);
  }

  void check(const Backend& backend) {
    demand(backend.peer->queued() < kMostQueued, "too much is queued for the backend");
    const auto& got = backend.peer->received();
    if (got.empty()) return;
    const auto sent = backend.is_behind_tls ? sent_tls_ : sent_clear_;
    demand(is_subsequence(without_own_octets(got), without_own_octets(sent)),
           "a backend got what the client had not sent to it");
    if (!is_marked_ || !marked_in_clear_) return;
    demand(!holds_secret(got) || !must_be_secure(), "a secret from before TLS");
    demand(!holds_secret(got) || !script_.has('F'), "a secret that was refused");
  }

  // Under TLS what came is TLS, unless the client itself had broken the stream.
  void check_client() const {
    if (tls_ == nullptr || is_garbled_ || !tls_->connected()) return;
    demand(!tls_->failed(), "the client cannot read what came");
  }

  void check_event(const std::string& line) {
    demand(!holds_secret(line) || !is_marked_, "a secret in an event");
    const auto fault = audit_contract::fault_of(line);
    if (!fault.empty()) std::cerr << fault << "\n" << line;
    demand(fault.empty(), "an event against its contract");
  }

  void check_end() {
    demand(world_.is_over(), "a session that nobody uses ends");
    demand(!world_.end_reason().empty(), "a reason for its end");
    demand(world_.recorded<audit::SessionEndEvent>().size() == 1, "it ends once");
    demand(world_.recorded<audit::SessionAbandonedEvent>().size() <= 1, "it is abandoned once");
    for (const auto& login : world_.recorded<audit::LoginEvent>()) {
      demand(login.success || login.login.user.empty(), "the name of a failed login");
      demand(login.verdict != "refuse", "a refused login was answered");
      demand(!script_.has('H') || login.login.user.empty(), "a name that is to be hashed");
    }
    for (const auto& refused : world_.recorded<audit::LoginRefusedEvent>()) {
      demand(!refused.reason.empty(), "a reason for a refusal");
      demand(!script_.has('H') || refused.login.user.empty(), "a name that is to be hashed");
    }
    demand(!world_.has_timer() && !world_.dialer().is_dialling(), "nothing is left");
    demand(world_.client().is_closed(), "the client's connection is left");
    for (const auto& backend : backends_) {
      demand(backend.peer->is_closed(), "a backend's connection is left");
    }
  }

  const Script& script_;
  SessionWorld world_;
  const TlsMode mode_;
  std::unique_ptr<TlsClient> tls_;
  std::vector<Backend> backends_;
  std::string waiting_;  // the client's, as it goes on the wire
  std::string sent_clear_;
  std::string sent_tls_;
  std::size_t seen_ = 0;  // of the events
  bool harmless_ = true;
  bool is_marked_ = false;
  bool marked_in_clear_ = false;
  bool is_garbled_ = false;
  bool has_heard_tls_ = false;
  bool has_closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto script = read_script({reinterpret_cast<const char*>(data), size});
  std::string own;
  for (const auto& action : script.actions) own += action.bytes;
  if (holds_secret(own)) return 0;
  Play(script).run();
  return 0;
}
