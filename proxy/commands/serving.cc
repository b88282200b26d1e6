// See serving.h.
#include "proxy/commands/serving.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::commands {

namespace {

using admin::Steady;
using std::chrono::milliseconds;

constexpr milliseconds kLookAtDateEvery{60'000};

bool is_end(int signal) { return signal == SIGTERM || signal == SIGINT; }

admin::Renewal::Doors doors_of(const conf::Settings &settings,
                               server::Services &services, audit::Log &audit,
                               admin::FileWatch &watch) {
  const auto &loader = *services.tls_loader;
  return {[&loader] { return loader.load(); },
          [&loader, &watch] {
            watch.renew(); // first: what changes behind it is told
            return server::states_of(loader.files());
          },
          *services.tls, audit, settings.file};
}

} // namespace

Serving::Serving(const conf::Settings &settings, server::Services &services,
                 audit::Log &audit)
    : audit_(audit), dates_(settings, audit),
      watch_(services.tls_loader->files()),
      renewal_(doors_of(settings, services, audit, watch_),
               services.tls_sources, Steady::now()) {}

int Serving::await_end(milliseconds most) {
  return await(Steady::now() + most);
}

int Serving::await_end() { return await(Steady::time_point::max()); }

int Serving::await(Steady::time_point until) {
  for (;;) {
    const auto now = Steady::now();
    renewal_.turn(now);
    dates_.announce(net::wall_clock());
    if (const int signal = await_signal(milliseconds(0)); signal != 0) {
      if (is_end(signal))
        return signal;
      take(signal);
      continue;
    }
    if (Steady::now() >= until)
      return 0;
    wait(std::min(until, next()));
  }
}

Steady::time_point Serving::next() const {
  const auto wall = net::wall_clock();
  return std::min(Steady::now() + dates_.pause(wall, kLookAtDateEvery),
                  renewal_.due());
}

void Serving::wait(Steady::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - Steady::now());
  std::vector<pollfd> waiting{{signals_.get(), POLLIN, 0},
                              {watch_.descriptor(), POLLIN, 0}};
  poll(waiting.data(), waiting.size(),
       static_cast<int>(
           std::clamp(left, milliseconds(0), kLookAtDateEvery).count()));
  if (watch_.take_changes())
    renewal_.on_change(Steady::now());
}

void Serving::take(int signal) {
  if (signal == SIGUSR1)
    audit_.reopen();
  if (signal == SIGHUP)
    renewal_.reload("SIGHUP");
}

} // namespace postern::commands
