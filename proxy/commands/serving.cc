// See serving.h.
#include "proxy/commands/serving.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "proxy/commands/version.h"
#include "proxy/log.h"
#include "proxy/net/clock.h"

namespace postern::commands {

namespace {

using admin::Steady;
using std::chrono::milliseconds;

constexpr milliseconds kLookAtDateEvery{60'000};

bool is_end(int signal) { return signal == SIGTERM || signal == SIGINT; }

admin::Renewal::Doors doors_of(const conf::Settings& settings, server::Services& services,
                               audit::Log& audit, admin::FileWatch& watch) {
  const auto& loader = *services.tls_loader;
  return {[&loader](const server::TlsSources& served) { return loader.load(served); },
          [&loader, &watch] {
            watch.renew();  // first: what changes behind it is told
            return server::states_of(loader.files());
          },
          [&services](session::TlsSnapshot snapshot, const server::TlsSources& sources) {
            services.serve(std::move(snapshot), sources);
          },
          audit,
          settings.file,
          loader.files()};
}

}  // namespace

std::variant<std::unique_ptr<admin::ControlSocket>, std::string> open_control_socket(
    const conf::Settings& settings) {
  const auto& [path, place] = settings.admin;
  if (path.empty()) return std::unique_ptr<admin::ControlSocket>();
  auto opened = admin::ControlSocket::open(path);
  const auto* const error = std::get_if<std::string>(&opened);
  if (error == nullptr) return opened;
  if (place.line > 0) {
    return fmt::format("{}:{}:{}: admin.socket: {}", settings.file, place.line, place.column,
                       *error);
  }
  log::warn("there is no admin socket: {} (set admin.socket: FILE, or \"\")", *error);
  return std::unique_ptr<admin::ControlSocket>();
}

Serving::Serving(const conf::Settings& settings, server::Services& services, audit::Log& audit,
                 std::unique_ptr<admin::ControlSocket> control)
    : audit_(audit),
      dates_(settings, audit),
      watch_(services.tls_loader->files()),
      renewal_(doors_of(settings, services, audit, watch_), services.tls_sources, Steady::now()),
      expiry_(audit),
      requests_({settings, renewal_, *services.tls, [this] { return connections(); },
                 [&audit] { return audit.lost(); }, version()}),
      control_(std::move(control)) {
  expiry_.serve(renewal_.certificates());
}

int Serving::await_end(milliseconds most) { return await(Steady::now() + most); }

int Serving::await_end() { return await(Steady::time_point::max()); }

int Serving::await(Steady::time_point until) {
  for (;;) {
    const auto now = Steady::now();
    if (control_ != nullptr) {
      control_->turn(now, [this](std::string_view request) { return requests_.answer(request); });
    }
    renewal_.turn(now);
    if (told_ != renewal_.successes()) expiry_.serve(renewal_.certificates());
    told_ = renewal_.successes();
    dates_.announce(net::wall_clock());
    expiry_.announce(net::wall_clock());
    if (const int signal = await_signal(milliseconds(0)); signal != 0) {
      if (is_end(signal)) return signal;
      take(signal);
      continue;
    }
    if (Steady::now() >= until) return 0;
    wait(std::min(until, next()));
  }
}

Steady::time_point Serving::next() const {
  const auto wall = net::wall_clock();
  const auto pause =
      std::min(dates_.pause(wall, kLookAtDateEvery), expiry_.pause(wall, kLookAtDateEvery));
  const auto due = std::min(Steady::now() + pause, renewal_.due());
  return control_ == nullptr ? due : std::min(due, control_->due());
}

void Serving::wait(Steady::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - Steady::now());
  std::vector<pollfd> waiting{{signals_.get(), POLLIN, 0}, {watch_.descriptor(), POLLIN, 0}};
  if (control_ != nullptr) control_->add_to(waiting);
  poll(waiting.data(), waiting.size(),
       static_cast<int>(std::clamp(left, milliseconds(0), kLookAtDateEvery).count()));
  if (watch_.take_changes()) renewal_.on_change(Steady::now());
}

void Serving::take(int signal) {
  if (signal == SIGUSR1) audit_.reopen();
  if (signal == SIGHUP) renewal_.reload("SIGHUP");
}

}  // namespace postern::commands
