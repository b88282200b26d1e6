// Small plots as inline SVG.
#pragma once

#include <string>

#include "proxy/report/section.h"

namespace postern::report {

// Bars of the section `trend`: clear text below, TLS above it, a day each.
std::string trend_plot(const Section& trend);

// Bars of the section `versions`, one a version, with their shares.
std::string versions_plot(const Section& versions);

}  // namespace postern::report
