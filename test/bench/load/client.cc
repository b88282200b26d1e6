// See client.h.
#include "test/bench/load/client.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace postern::bench {
namespace {

// As much as is encrypted before it is sent.
constexpr std::size_t kChunk = 65536;
// Clients come from so many addresses of loopback: one has ports for 28,000 connections, closed ones of
// the last minute included.
constexpr std::uint32_t kAddresses = 16;

// One for all: clients take turns.
std::array<char, 262144>& read_buffer() {
  static std::array<char, 262144> buffer;
  return buffer;
}

}  // namespace

Client::Client(const ClientSettings& settings, std::uint32_t number)
    : settings_(settings), number_(number), reader_(settings.protocol) {}

const Step* Client::step() const {
  return state_ == State::running && at_ < script_->size() ? &(*script_)[at_] : nullptr;
}

void Client::run(const Script& script) {
  script_ = &script;
  at_ = 0;
  received_ = 0;
  state_ = State::running;
  if (descriptor_ < 0 && !connect()) {
    give_up(std::strerror(errno));
    return;
  }
  if (!is_connecting_) enter_step();
}

bool Client::connect() {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number_ % kAddresses);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u32 = number_;
  // The port is chosen with the destination in mind, so that ports don't run out.
  if (descriptor_ < 0 || ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      ::setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
      ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      ::epoll_ctl(settings_.epoll, EPOLL_CTL_ADD, descriptor_, &event) != 0) {
    return false;
  }
  is_connecting_ = true;
  return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&settings_.server),
                   sizeof settings_.server) == 0 ||
         errno == EINPROGRESS;
}

void Client::enter_step() {
  const auto* const now = step();
  if (now == nullptr) {
    state_ = State::done;
    return;
  }
  if (now->starts_tls) {
    if (!settings_.resumes) session_.reset();
    tls_.emplace(*settings_.tls, session_);
    output_ += tls_->take_output();
  } else {
    reader_.expect(now->answer);
    unsent_ = now->send;
  }
  flush();
}

void Client::end_step() {
  received_ += reader_.literal_octets();
  ++at_;
  enter_step();
}

void Client::flush() {
  while (descriptor_ >= 0) {
    if (sent_ == output_.size()) {
      output_.clear();
      sent_ = 0;
      if (unsent_.empty()) return;
      const auto chunk = unsent_.substr(0, kChunk);
      unsent_.remove_prefix(chunk.size());
      if (tls_) {
        tls_->send(chunk);
        output_ = tls_->take_output();
      } else {
        output_ = chunk;
      }
    }
    const auto size =
        ::send(descriptor_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) give_up(std::strerror(errno));
      return;
    }
    sent_ += static_cast<std::size_t>(size);
  }
}

void Client::ready(std::uint32_t events) {
  if (descriptor_ < 0) return;
  const bool has_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (is_connecting_) {
    if ((events & EPOLLERR) != 0) {
      give_up("cannot connect");
      return;
    }
    if ((events & EPOLLOUT) == 0) return;
    is_connecting_ = false;
    enter_step();
  } else if ((events & EPOLLOUT) != 0) {
    flush();
  }
  if ((events & EPOLLIN) != 0 || has_ended) read_all(has_ended);
}

void Client::read_all(bool to_end) {
  auto& buffer = read_buffer();
  while (descriptor_ >= 0) {
    const auto size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
      if (state_ != State::done) give_up(size < 0 ? std::strerror(errno) : "the server closed");
      return;
    }
    take(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    // Less than was asked for: nothing is left, and whatever comes is a new event.
    if (!to_end && static_cast<std::size_t>(size) < buffer.size()) return;
  }
}

void Client::take(std::string_view bytes) {
  std::string plain;
  if (tls_) {
    const bool was_connected = tls_->connected();
    const bool goes_on = tls_->receive(bytes, plain);
    output_ += tls_->take_output();
    if (!was_connected && tls_->connected() && state_ == State::running) end_step();
    flush();
    if (!tls_) return;  // it has failed meanwhile
    if (!goes_on && plain.empty() && state_ != State::done) {
      give_up(tls_->connected() ? "the server ended TLS" : "TLS failed");
      return;
    }
    bytes = plain;
  }
  if (bytes.empty()) return;
  if (step() == nullptr || step()->starts_tls) {
    give_up("bytes that nobody asked for");
    return;
  }
  switch (reader_.feed(bytes)) {
    case ReplyReader::Result::more:
      return;
    case ReplyReader::Result::good:
      end_step();
      return;
    case ReplyReader::Result::bad:
      give_up("the answer was: " + reader_.line());
      return;
  }
}

void Client::give_up(std::string_view why) {
  if (state_ == State::failed) return;
  failure_ = is_connecting_ ? "connect" : "between operations";
  if (const auto* const now = step(); now != nullptr && !is_connecting_) {
    failure_ = now->starts_tls ? "TLS"
               : now->send.empty()
                   ? "greeting"
                   : now->send.substr(0, std::min<std::size_t>(now->send.find('\r'), 40));
  }
  failure_.append(": ").append(why);
  state_ = State::failed;
  close();
}

void Client::close() {
  if (descriptor_ < 0) return;
  if (tls_ && tls_->connected() && output_.size() == sent_) {
    tls_->send_close_notify();
    const auto last = tls_->take_output();
    // Whether it arrives is of no interest any more.
    static_cast<void>(::send(descriptor_, last.data(), last.size(), MSG_NOSIGNAL));
  }
  ::close(descriptor_);
  descriptor_ = -1;
  is_connecting_ = false;
  tls_.reset();
  reader_ = ReplyReader(settings_.protocol);
  output_.clear();
  unsent_ = {};
  sent_ = 0;
}

}  // namespace postern::bench
