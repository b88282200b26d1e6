// The keys of the session tickets of all listeners: one set for each secret and rotation.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/settings.h"
#include "tls/tickets.h"

namespace postern::server {

// Immutable: a reload makes new ones, and sessions resume where their secret is still the same.
class TicketSecrets {
 public:
  // Reads the secrets' files (it blocks), which may belong to `owner`, too. `before`: of the last time,
  // null at start. Of it stays what is random, and what `stays` says of a secret's path.
  TicketSecrets(const conf::Settings& settings, std::optional<unsigned> owner,
                const TicketSecrets* before,
                const std::function<bool(const std::string& path)>& stays);

  // Null where the secret could not be read: see errors().
  std::shared_ptr<const tls::TicketKeys> find(const conf::Tickets& tickets) const;
  // Each with "file:line:column: ".
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  using Key = std::pair<std::string, std::chrono::seconds>;

  std::map<Key, std::shared_ptr<const tls::TicketKeys>> keys_;
  std::vector<std::string> errors_;
};

}  // namespace postern::server
