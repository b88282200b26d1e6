// See mischief.h. Here: the network, and what clients and backends have in common.
#include "test/sim/mischief.h"

#include <algorithm>
#include <array>

namespace postern::sim {

void trust_nobody(Plan& plan) {
  plan.ends.clear();
  plan.client_trust = Trust::nothing;
  for (auto& part : plan.backends) part.trust = Trust::nothing;
}

void insert(Random& random, Script& script, const Op& op) {
  const auto place = random.below(script.size() + 1);
  script.insert(script.begin() + static_cast<std::ptrdiff_t>(place), op);
}

void break_off(Random& random, Script& script) {
  constexpr std::array kWays = {Op::Kind::close, Op::Kind::reset, Op::Kind::stall,
                                Op::Kind::vanish};
  // As often at its end, where the most has happened.
  script.resize(random.one_in(2)
                    ? random.below(script.size() + 1)
                    : script.size() - random.below(std::min<std::size_t>(3, script.size() + 1)));
  if (random.one_in(4)) script.push_back(only(Op::Kind::half_close));
  if (random.one_in(2)) script.push_back(wait(static_cast<Moment>(random.below(5'000'000))));
  script.push_back(only(random.one_of(kWays)));
}

void spoil_network(Random& random, Plan& plan) {
  plan.name = "network fails";
  plan.ends.clear();
  plan.client_trust = Trust::octets;
  for (auto& part : plan.backends) part.trust = Trust::octets;
  for (auto left = random.between(1, 3); left > 0; --left) {
    Fault fault;
    fault.kind = static_cast<Fault::Kind>(random.below(3));
    // With several servers the next one would be dialled, which the scripts do not know of.
    const bool is_clients = plan.servers > 1 || random.one_in(2);
    fault.which = is_clients ? Fault::Which::client : Fault::Which::backend;
    fault.at = static_cast<Moment>(random.below(random.one_in(2) ? 20'000 : 1'000'000));
    fault.lasts = static_cast<Moment>(random.below(random.one_in(3) ? 200'000'000 : 1'000'000));
    plan.faults.push_back(fault);
  }
}

}  // namespace postern::sim
