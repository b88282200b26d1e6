// BoringSSL's side of this room's classes, and what its callbacks find behind an SSL. For this
// room's own files only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tls/alpn.h"
#include "tls/boringssl.h"
#include "tls/certificate_choice.h"
#include "tls/client_certificate.h"
#include "tls/credentials.h"
#include "tls/engine.h"
#include "tls/handshake_queue.h"
#include "tls/key_offload.h"
#include "tls/ocsp.h"
#include "tls/server_context.h"
#include "tls/tickets.h"

namespace postern::tls {

struct Credentials::Native {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;  // leaf first
  bssl::UniquePtr<EVP_PKEY> key;
  bool signs_slowly = false;  // see key_offload.h
  std::vector<std::string> names;
  std::string subject;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  ClientNeed need;  // what a client must offer so that this leaf can be used
  std::optional<Staple> staple;
  std::string staple_name;
  std::vector<std::string> weaknesses;
  std::vector<std::string> oddities;
  // Those behind the leaf: what to call one, and when it ends.
  std::vector<std::pair<std::string, std::chrono::system_clock::time_point>> issuers;
};

struct TicketKeys::Native {
  // One slot's keys. The name is public: it stands in each ticket (RFC 5077 section 4).
  struct SlotKeys {
    ~SlotKeys();
    std::array<std::uint8_t, 16> name;
    std::array<std::uint8_t, 32> key;
  };
  // How much longer than its session a ticket is.
  static constexpr std::size_t kOverhead = 64;

  ~Native();
  std::int64_t present_slot() const;
  SlotKeys derive(std::int64_t slot) const;
  // Puts a ticket, `session` and its time in it, into `out`, which has room for kOverhead octets more
  // than `session`; gives its size, 0 where it cannot.
  std::size_t seal(std::int64_t time, std::span<const std::uint8_t> session,
                   std::uint8_t* out) const;
  // The other way round: the session's size, and the time that was sealed with it. None where the
  // ticket is not of one of the three slots, or was changed. `out` is as large as `ticket`.
  struct Opened {
    std::int64_t time = 0;
    std::size_t size = 0;
  };
  std::optional<Opened> open(std::span<const std::uint8_t> ticket, std::uint8_t* out) const;

  // The keys of a slot; from the few that were used last, where they are among them.
  SlotKeys keys_of(std::int64_t slot) const;

  struct Known {
    std::int64_t slot = 0;
    std::optional<SlotKeys> keys;
  };
  mutable std::mutex mutex;
  mutable std::array<Known, 3> known;  // the present slot's, and its neighbours'

  std::array<std::uint8_t, 32> secret;
  std::chrono::seconds rotate;
  std::function<std::chrono::seconds()> now;
};

struct ServerContext::Native {
  bssl::UniquePtr<SSL_CTX> context;
  std::uint16_t min_version = 0;  // as on the wire
  Serving serving;
  OldVersions old_versions = OldVersions::refuse;
  std::shared_ptr<const CertificateChoice> certificates;
  std::string alpn;
  AlpnMode alpn_mode = AlpnMode::strict;
  bool sni_strict = false;
  std::shared_ptr<const TicketKeys> ticket_keys;
  std::function<std::chrono::seconds()> now;
  std::shared_ptr<const ClientAuthority> client_authority;  // null: no certificate is asked for
};

// A use of the private key that BoringSSL has asked for. It owns all that making it needs, so it may
// outlive its engine.
struct KeyOperation {
  enum class Kind {
    sign,
    decrypt,  // RSA without a padding: BoringSSL takes that off in constant time (RFC 5246 7.4.7.1)
  };
  enum class Place { waiting, making, done, gone };  // gone: taken, or dropped

  KeyOperation() = default;
  KeyOperation(const KeyOperation&) = delete;
  KeyOperation& operator=(const KeyOperation&) = delete;
  // Of what was decrypted, the secret of a connection, nothing stays behind.
  ~KeyOperation() { OPENSSL_cleanse(octets.data(), octets.size()); }

  // Fills `octets`; leaves them empty where it cannot be made. On any thread, once.
  void make();

  Kind kind = Kind::sign;
  bssl::UniquePtr<EVP_PKEY> key;
  std::uint16_t algorithm = 0;  // of a signature: RFC 8446 section 4.2.3
  std::vector<std::uint8_t> message;
  std::vector<std::uint8_t> octets;
  Handshake* handshake = nullptr;  // valid until it is gone, on the queue's thread
  KeyOffload::Desk* desk = nullptr;
  // Both for those that hold KeyOffload's mutex.
  Place place = Place::waiting;
  KeyOperations::iterator at;  // in its list, while waiting or done
};

// The private key of a context that is used by way of a queue; where the engine has none, at once.
extern const SSL_PRIVATE_KEY_METHOD kOffloadedKey;

// What an engine needs until its handshake is complete, and not while it is idle.
struct Handshake {
  enum class Wait { none, turn, key };

  Handshake(HandshakeQueue* its_queue, HandshakeUser* its_user)
      : queue(its_queue), user(its_user) {}
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake();
  // The ClientHello was read, and what comes next is not what the key is asked for.
  bool has_begun() const {
    return credentials != nullptr &&
           !(key_is_next && operation == nullptr && credentials->native().signs_slowly);
  }

  HandshakeQueue* const queue;  // null: it never waits
  HandshakeUser* const user;
  const Credentials* credentials = nullptr;  // those that the client gets
  // Why a callback of this room's ended it, of which BoringSSL's errors do not tell; else none.
  Failure refusal = Failure::none;
  std::shared_ptr<const ClientCertificate>
      client_certificate;  // what the client shows, good or not
  // A HelloRetryRequest was sent (RFC 8446 section 4.1.4), or with RSA key exchange the certificate.
  bool key_is_next = false;
  Wait wait = Wait::none;
  KeyOperationPtr operation;           // once it was asked for
  std::list<Handshake*>::iterator at;  // in the queue, while it waits for its turn
  std::string held;                    // what came meanwhile, or was not looked at yet
  // BoringSSL's clock, in seconds since 1970: what it was told last, and the time in the ticket that
  // the client showed.
  std::int64_t told_time = 0;
  std::optional<std::int64_t> ticket_time;
};

// What lies behind an SSL's BIO: BoringSSL reads from `cipher` and writes to `output`, both lent by
// the call that is running, and its callbacks leave here what they learn.
struct Wire {
  const ServerContext::Native* context = nullptr;
  std::string_view cipher;
  std::string* output = nullptr;
  std::unique_ptr<Offer> offer;
  std::unique_ptr<Handshake> handshake;  // null once it is complete
  // The last octets read, for one look: BoringSSL reads record by record, never ahead.
  std::array<char, 7> last_read{};
};

// For whom BoringSSL asks what time it is: its callback is not told. Lives around each of its calls that
// takes a handshake on.
class Timekeeping {
 public:
  explicit Timekeeping(Wire& wire) : before_(std::exchange(wire_, &wire)) {}
  Timekeeping(const Timekeeping&) = delete;
  Timekeeping& operator=(const Timekeeping&) = delete;
  ~Timekeeping() { wire_ = before_; }
  // Null outside of them.
  static Wire* wire() { return wire_; }

 private:
  static thread_local constinit Wire* wire_;
  Wire* before_;
};

// The two lent to `wire` for the duration of a call. It makes calls of SSL alone: they empty the error
// queue before they begin.
class Lent {
 public:
  Lent(Wire& wire, std::string_view cipher, std::string& output) : wire_(wire) {
    wire_.cipher = cipher;
    wire_.output = &output;
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    wire_.cipher = {};
    wire_.output = nullptr;
  }

 private:
  Wire& wire_;
};

// The BIO over `wire`, which must outlive it. Null when out of memory.
bssl::UniquePtr<BIO> make_bio(Wire& wire);
// Behind the SSL itself there is no room for it that costs nothing (ex_data is a table on the
// heap), so it is found through the BIO.
Wire& wire_of(const SSL* ssl);

}  // namespace postern::tls
