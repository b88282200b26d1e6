// See profile.h.
#include "tls/profile.h"

#include <sstream>

#include "tls/boringssl.h"

namespace postern::tls {

std::string suites_of(Profile profile, Version min_version) {
  std::string suites =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
      "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
  if (has_cbc(profile, min_version)) {
    suites +=
        ":ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA";
  }
  if (profile == Profile::island) {
    suites += ":AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA:DES-CBC3-SHA";
  }
  return suites;
}

std::string groups_of(Profile profile) {
  std::string groups = kGroups;
  if (profile >= Profile::legacy) groups += ":P-521";
  return groups;
}

bool has_hybrid() { return kHasHybrid; }

std::vector<std::string> group_names(Profile profile) {
  std::vector<std::string> names;
  std::istringstream groups(groups_of(profile));
  for (std::string name; std::getline(groups, name, ':');) names.push_back(name);
  return names;
}

}  // namespace postern::tls
