// See load.h.
#include "test/bench/load/load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace postern::bench {
namespace {

// Sessions that are opened at once: a proxy's queue of new connections is not what is measured.
constexpr unsigned kOpenedAtOnce = 32;
constexpr std::size_t kMostReasons = 5;
constexpr std::uint64_t kTooManyErrors = 1000;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Load::Load(const LoadSettings& settings)
    : settings_(settings),
      plan_(plan_of(settings.scenario, settings.protocol, settings.tls, settings.message)),
      tls_(settings.groups, settings.server_name),
      begun_(settings.together) {
  shared_.protocol = settings.protocol;
  shared_.tls = &tls_;
  shared_.resumes = settings.scenario == Scenario::resume;
  shared_.server = loopback(settings.port);
  shared_.epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::uint32_t i = 0; i < settings.together; ++i) {
    clients_.push_back(std::make_unique<Client>(shared_, i));
  }
}

Load::~Load() {
  clients_.clear();
  ::close(shared_.epoll);
}

LoadReport Load::open() {
  if (settings_.scenario == Scenario::resume) {
    run_each(plan_.work, kOpenedAtOnce);
  } else if (!plan_.reconnects) {
    run_each(plan_.open, kOpenedAtOnce);
  }
  return std::exchange(report_, {});
}

LoadReport Load::work() {
  const auto begin_time = Clock::now();
  const auto end = begin_time + settings_.time;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (!plan_.reconnects && !clients_[i]->is_connected()) continue;
    // With a pace the first ones are spread, too.
    due_.emplace(begin_time + settings_.pace * i / clients_.size(), i);
  }
  while (running_ > 0 || (!due_.empty() && may_begin(end))) {
    begin_due(end);
    poll(std::chrono::milliseconds(settings_.pace.count() > 0 ? 1 : 100));
    for (const auto client : std::exchange(ended_, {})) {
      const bool goes_on = plan_.reconnects || clients_[client]->is_connected();
      if (goes_on && report_.errors < kTooManyErrors) {
        due_.emplace(begun_[client] + settings_.pace, client);
      }
    }
  }
  report_.took = Clock::now() - begin_time;
  return std::exchange(report_, {});
}

void Load::close() {
  run_each(plan_.close, settings_.together);
  for (auto& client : clients_) client->close();
}

bool Load::may_begin(Clock::time_point end) const {
  return settings_.count > 0 ? started_ < settings_.count : Clock::now() < end;
}

void Load::begin_due(Clock::time_point end) {
  while (!due_.empty() && due_.begin()->first <= Clock::now() && may_begin(end)) {
    const auto client = due_.begin()->second;
    due_.erase(due_.begin());
    ++started_;
    begin(client, plan_.work);
  }
}

void Load::run_each(const Script& script, unsigned at_once) {
  std::size_t next = 0;
  while (next < clients_.size() || running_ > 0) {
    for (; next < clients_.size() && running_ < at_once; ++next) {
      if (&script != &plan_.close || clients_[next]->is_connected()) begin(next, script);
    }
    if (running_ > 0) poll(std::chrono::milliseconds(100));
    ended_.clear();
  }
}

void Load::begin(std::size_t client, const Script& script) {
  begun_[client] = Clock::now();
  ++running_;
  clients_[client]->run(script);
  if (clients_[client]->state() != Client::State::running) note_end(client);
}

void Load::poll(std::chrono::milliseconds wait) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(shared_.epoll, events.data(), events.size(),
                                 ended_.empty() ? static_cast<int>(wait.count()) : 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    auto& client = *clients_[event.data.u32];
    const auto before = client.state();
    client.ready(event.events);
    if (before == Client::State::running && client.state() != before) note_end(event.data.u32);
  }
  if (Clock::now() >= next_look_) end_overdue();
}

void Load::end_overdue() {
  next_look_ = Clock::now() + std::chrono::milliseconds(250);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i]->state() != Client::State::running ||
        Clock::now() - begun_[i] < settings_.patience) {
      continue;
    }
    clients_[i]->give_up("no answer in time");
    note_end(i);
  }
}

void Load::note_end(std::size_t client) {
  auto& one = *clients_[client];
  --running_;
  ended_.push_back(client);
  if (one.state() == Client::State::failed) {
    ++report_.errors;
    if (report_.reasons.size() < kMostReasons || report_.reasons.contains(one.failure())) {
      ++report_.reasons[one.failure()];
    }
    return;
  }
  ++report_.operations;
  report_.octets += plan_.upload + one.received();
  const std::chrono::duration<float, std::micro> took = Clock::now() - begun_[client];
  report_.latencies.push_back(took.count());
  note_tls(one);
  if (plan_.reconnects) one.close();
}

void Load::note_tls(const Client& client) {
  const auto* const tls = client.tls();
  if (tls == nullptr) return;
  ++report_.handshakes;
  if (tls->resumed()) ++report_.resumed;
  ++report_.tls[tls->facts()];
}

}  // namespace postern::bench
