// A client or a backend: plays a script on its end of a connection, with TLS where the script says so.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/net/stream.h"
#include "test/sim/script.h"
#include "test/sim/sim_net.h"
#include "test/support/tls_client.h"

namespace postern::sim {

// How sure an actor is of what it hears.
enum class Trust {
  everything,  // all must come as the script has it, and it must come to its end
  octets,      // what comes must be as the script has it; the network may break off at any time
  nothing,     // the other actor is not honest: whatever comes, or not, it goes on
};

class Actor final : net::StreamUser {
 public:
  // `who`: as in the trace. `name` is for messages.
  Actor(const Stage& stage, int session, int who, Trust trust, Script script,
        const test::TlsClientOptions& tls);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();

  void begin(net::StreamPtr stream);

  // All steps are done.
  bool is_through() const { return step_ == script_.size(); }
  // It has let go of its end.
  bool is_gone() const { return stream_ == nullptr; }
  // The step it is at: for messages.
  std::string position() const;
  // What it has received in clear before its TLS was up, and under TLS or without any, the first
  // kMostKept octets of each: for whoever looks for what must not be there.
  const std::string& heard_in_clear() const { return heard_in_clear_; }
  const std::string& heard() const { return heard_; }
  // Its TLS has come so far that the other end may hold the handshake for complete.
  bool may_be_secured() const;
  bool has_tls() const { return tls_ != nullptr; }
  bool resumed() const { return tls_ != nullptr && tls_->connected() && tls_->resumed(); }

  static constexpr std::size_t kMostKept = 16 * 1024;

 private:
  void on_read(net::Stream& stream, std::span<char> bytes) override;
  void on_end(net::Stream& stream) override;
  void on_broken(net::Stream& stream, net::Error error) override;
  void on_written(net::Stream& stream) override;

  void advance();
  bool run(const Op& op);
  bool run_hear(const Op& op);
  bool run_reply(const Op& op);
  bool run_tls();
  bool run_glued_tls(const Op& op);
  bool run_out(const Body& body);
  bool run_in(const Body& body);
  bool run_flood(const Op& op);
  bool run_wait(const Op& op);
  bool take_go_ahead(const Op& op);
  void begin_tls();
  void send(std::string_view plain);
  void flush_tls();
  void take(std::string_view plain);
  void let_go(Moment delay);
  bool is_farewell(std::string_view heard) const;
  void hear_other(std::string_view heard);
  void wrong(const std::string& what);
  bool is_strict() const { return trust_ != Trust::nothing; }
  bool may_write() const;

  const Stage& stage_;
  const int session_;
  const int who_;
  const Trust trust_;
  const Script script_;
  const test::TlsClientOptions tls_options_;
  net::StreamPtr stream_;
  std::unique_ptr<test::TlsClient> tls_;
  std::size_t step_ = 0;
  std::string in_;   // heard, not taken by a step yet
  std::string raw_;  // before the go-ahead of a glued handshake
  std::string heard_in_clear_;
  std::string heard_;
  std::size_t sent_ = 0;      // of the present step's body
  std::size_t received_ = 0;  // likewise
  int flights_ = 0;           // of the handshake
  bool is_glued_ = false;     // the go-ahead is still to come
  bool is_waiting_ = false;
  bool has_waited_ = false;
  bool has_ended_ = false;  // the other side
  bool is_shut_ = false;    // its own
  bool has_vanished_ = false;
  bool is_letting_go_ = false;
  bool is_advancing_ = false;
};

}  // namespace postern::sim
