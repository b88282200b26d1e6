// The audit of a program that serves: its log and its inventory, opened as the settings say.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "conf/settings.h"
#include "proxy/audit/inventory/inventory.h"
#include "proxy/audit/log.h"

namespace postern::commands {

// The log ends first: it has the last events, and the inventory takes them from it.
struct Audit {
  std::unique_ptr<audit::inventory::Inventory> inventory;  // null: none
  std::unique_ptr<audit::Log> log;
};

// An inventory at the default path that cannot be opened is off, with a warning, so that a second
// postern, or one without root, starts; one that is written out is an error. The error has its
// place, "file:line:column: …". After privileges were dropped: the files are made as that user.
std::variant<Audit, std::string> open_audit(const conf::Settings& settings);

}  // namespace postern::commands
