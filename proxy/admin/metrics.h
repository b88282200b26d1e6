// What a monitoring system wants to know, as Prometheus' text format 0.0.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/admin/certificate_list.h"

namespace postern::admin {

struct Metrics {
  std::string version;
  std::size_t connections = 0;
  std::uint64_t events_lost = 0;  // of the audit
  std::uint64_t reloads_good = 0;
  std::uint64_t reloads_bad = 0;
  std::vector<ListedCertificate> certificates;
};

// Ends in a newline. Texts that certificates bring are escaped.
std::string text_of(const Metrics& metrics);

}  // namespace postern::admin
