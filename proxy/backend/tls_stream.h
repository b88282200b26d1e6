// A stream that speaks TLS over another one, which it owns: for whoever reads and writes it there is
// plain text alone.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "proxy/net/stream.h"
#include "tls/client_engine.h"

namespace postern::backend {

// Holds no buffer between callbacks: what the inner stream reads is decrypted and told at once, and what
// is written is encrypted and handed to the inner stream at once, whose queue counts. Reading and
// clogging are the inner stream's, too.
//
// The peer's close_notify is its end. An end of the connection without one is no end but a break, since
// anybody on the way could have cut it (RFC 8446 section 6.1); only behind shut_write() it counts as
// one, as many servers no longer say it then.
class TlsStream final : public net::Stream, net::StreamUser {
 public:
  // `inner` is connected; `engine`, in state open or ended, has had all that came of it. Comes and goes
  // by StreamPtr alone.
  TlsStream(net::StreamPtr inner, std::unique_ptr<tls::ClientEngine> engine);

  // Expires with the stream: for who calls what may release it.
  std::weak_ptr<const bool> life() const { return life_; }
  const tls::ClientEngine& engine() const { return *engine_; }
  // Something came under TLS before this was made.
  void has_heard() { has_heard_ = true; }
  // Plain bytes that its former user has read, but are for the one whom it handed the stream to
  // meanwhile; then the end, where the peer has ended or broken TLS. The stream may be gone afterwards.
  void pass_on(std::span<char> bytes);

  void attach(net::StreamUser& user) override {
    user_ = &user;
    has_ended_ = false;
  }
  void start_reading() override { inner_->start_reading(); }
  void stop_reading() override { inner_->stop_reading(); }
  void write(std::string_view bytes) override;
  std::size_t queued() const override { return inner_->queued(); }
  bool is_broken() const override { return is_broken_ || inner_->is_broken(); }
  std::string_view why_refused() const override;
  void shut_write() override;
  void reset_on_close() override;
  net::Address local() const override { return inner_->local(); }
  net::Address peer() const override { return inner_->peer(); }

 private:
  ~TlsStream() override = default;
  void release() override;
  void on_read(net::Stream& stream, std::span<char> bytes) override;
  void on_end(net::Stream& stream) override;
  void on_broken(net::Stream& stream, net::Error error) override;
  void on_written(net::Stream& stream) override;
  void break_off();

  net::StreamPtr inner_;
  std::unique_ptr<tls::ClientEngine> engine_;
  net::StreamUser* user_ = nullptr;
  const std::shared_ptr<const bool> life_ = std::make_shared<bool>(true);
  bool has_heard_ = false;
  bool has_ended_ = false;  // and its user knows
  bool is_broken_ = false;
  bool is_shut_ = false;
  bool is_reset_ = false;
};

}  // namespace postern::backend
