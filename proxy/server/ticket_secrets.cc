// See ticket_secrets.h.
#include "proxy/server/ticket_secrets.h"

#include <fmt/format.h>

#include "proxy/net/clock.h"
#include "tls/credentials.h"

namespace postern::server {

namespace {

std::chrono::seconds seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(net::wall_clock().time_since_epoch());
}

}  // namespace

TicketSecrets::TicketSecrets(const conf::Settings& settings, std::optional<unsigned> owner,
                             const TicketSecrets* before,
                             const std::function<bool(const std::string& path)>& stays) {
  if (settings.certificates.empty()) return;  // no listener has TLS
  tls::SecretFiles rule;
  rule.owner = owner;
  rule.setting = {};
  for (const auto& listener : settings.listeners) {
    const auto& tickets = listener.tls.tickets;
    auto [found, is_new] = keys_.try_emplace(Key(tickets.secret_file, tickets.rotate));
    if (!is_new) continue;
    const auto at = fmt::format("{}:{}:{}: ", settings.file, tickets.secret_file_place.line,
                                tickets.secret_file_place.column);
    const auto kept = before == nullptr ? nullptr : before->find(tickets);
    if (tickets.secret_file.empty()) {
      found->second =
          kept ? kept : std::make_shared<const tls::TicketKeys>(tickets.rotate, seconds_now);
      continue;
    }
    if (kept && stays(tickets.secret_file)) {
      found->second = kept;
      continue;
    }
    auto loaded = tls::TicketKeys::load(tickets.secret_file, rule, tickets.rotate, seconds_now);
    if (loaded) {
      found->second = *loaded;
    } else {
      errors_.push_back(at + loaded.error().message);
    }
  }
}

std::shared_ptr<const tls::TicketKeys> TicketSecrets::find(const conf::Tickets& tickets) const {
  const auto found = keys_.find(Key(tickets.secret_file, tickets.rotate));
  return found == keys_.end() ? nullptr : found->second;
}

}  // namespace postern::server
