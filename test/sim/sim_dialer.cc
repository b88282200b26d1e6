// The dialler of the simulation. See sim_net.h.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "test/sim/sim_net.h"

namespace postern::sim {

class SimNet::Attempt final : public net::Dial {
 public:
  explicit Attempt(Dialling& dialling) : dialling_(dialling) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() override { dialling_.user = nullptr; }
  void say(std::string_view bytes) override { dialling_.opening = bytes; }

 private:
  Dialling& dialling_;
};

std::unique_ptr<net::Dial> SimNet::dial(const net::Address& address, net::DialUser& user) {
  stage_.watch.enter_net();
  const auto session = backends_.session_of(address);
  stage_.trace.note(stage_.schedule.moment(), session * 10, "dials", address.port(), address.ip());
  const auto fate = backends_.on_dial(address);
  const auto index = dials_.size();
  dials_.push_back({&user, session, address});
  if (fate.kind != DialFate::Kind::ignored) {
    stage_.schedule.after(fate.delay, [this, index, fate] { answer(index, fate); });
  }
  stage_.watch.leave_net();
  return std::make_unique<Attempt>(dials_[index]);
}

void SimNet::answer(std::size_t index, const DialFate& fate) {
  auto& dialling = dials_[index];
  auto* const user = std::exchange(dialling.user, nullptr);
  if (user == nullptr) return;  // given up
  const int session = dialling.session;
  if (fate.kind == DialFate::Kind::refused || fate.kind == DialFate::Kind::exhausted) {
    const int code = fate.kind == DialFate::Kind::refused ? -ECONNREFUSED : -EMFILE;
    stage_.trace.note(stage_.schedule.moment(), session * 10, "dial refused");
    stage_.watch.before_call(session, Watch::Call::link_failed);
    user->on_dial_failed(net::Error{code});
    stage_.watch.after_call(session);
    return;
  }
  stage_.trace.note(stage_.schedule.moment(), session * 10, "dial answered");
  auto& connection =
      connections_.emplace_back(stage_, session, session * 10 + 2, fate.manners,
                                *net::Address::parse("127.0.0.1", next_port_++), dialling.address);
  if (fate.kind == DialFate::Kind::gone_at_once) {
    net::StreamPtr actor(&connection.actor());
    actor->reset_on_close();
  } else {
    backends_.on_connected(session, connection);
  }
  if (!dialling.opening.empty()) connection.postern().write(dialling.opening);
  stage_.watch.before_call(session, Watch::Call::linked);
  user->on_dialled(net::StreamPtr(&connection.postern()));
  stage_.watch.after_call(session);
}

Connection& SimNet::connect(int session, const Manners& manners, const net::Address& postern,
                            const net::Address& client) {
  return connections_.emplace_back(stage_, session, session * 10 + 1, manners, postern, client);
}

std::size_t SimNet::open_streams(int session) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [&](const Connection& one) {
        return one.session() == session && !one.postern().is_released();
      }));
}

std::size_t SimNet::open_dials(int session) const {
  return static_cast<std::size_t>(std::count_if(
      dials_.begin(), dials_.end(),
      [&](const Dialling& one) { return one.session == session && one.user != nullptr; }));
}

std::size_t SimNet::queued(int session) const {
  std::size_t octets = 0;
  for (const auto& one : connections_) {
    if (one.session() == session) octets += one.postern().queued();
  }
  return octets;
}

}  // namespace postern::sim
