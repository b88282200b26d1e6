// The list of certificates as a table for people.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace postern::commands {

// From the answer to certificates.list (admin/requests.h). What is not printable in it becomes `?`.
std::string certificate_table(const nlohmann::json& answer,
                              std::chrono::system_clock::time_point now);

}  // namespace postern::commands
