// See certificate_names.h.
#include "proxy/server/certificate_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace postern::server {

namespace {

constexpr std::size_t kMostNamed = 3;

std::string at(const conf::Settings& settings, const conf::Place& place) {
  return fmt::format("{}:{}:{}: ", settings.file, place.line, place.column);
}

// What a client chooses by: with RSA it can use any size.
std::string choice_of(const tls::Credentials& credentials) {
  auto kind = credentials.key_kind();
  return kind.starts_with("RSA") ? "RSA" : kind;
}

// "a, b, c and 2 more".
std::string listed(const std::vector<std::string>& names) {
  const std::vector<std::string> first(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNamed)));
  const auto text = fmt::format("{}", fmt::join(first, ", "));
  return names.size() > kMostNamed ? fmt::format("{} and {} more", text, names.size() - kMostNamed)
                                   : text;
}

bool is_for(const std::unordered_set<std::string>& names, const std::string& host) {
  if (names.contains(host)) return true;
  const auto dot = host.find('.');
  return dot != std::string::npos && names.contains("*" + host.substr(dot));
}

}  // namespace

std::vector<std::string> name_warnings(const conf::Settings& settings,
                                       const std::vector<LoadedCertificate>& certificates) {
  std::vector<std::string> warnings;
  std::unordered_set<std::string> all;
  std::map<std::pair<std::string, std::string>, std::size_t> first;  // by name and kind of key
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const auto& credentials = *certificates[i].credentials;
    const auto kind = choice_of(credentials);
    std::vector<std::string> taken;
    std::size_t by = 0;
    for (const auto& name :
         std::unordered_set(credentials.names().begin(), credentials.names().end())) {
      all.insert(name);
      const auto [found, is_new] = first.emplace(std::pair(name, kind), i);
      if (is_new) continue;
      taken.push_back(name);
      by = found->second;
    }
    if (taken.empty()) continue;
    std::sort(taken.begin(), taken.end());
    warnings.push_back(
        fmt::format("{}{}: never served for {}: the certificate on line {} is for the "
                    "same, with the same kind of key ({})",
                    at(settings, certificates[i].setting->place), certificates[i].setting->chain,
                    listed(taken), certificates[by].setting->place.line, kind));
  }
  if (settings.hostname_place.line > 0 && !certificates.empty() &&
      !is_for(all, settings.hostname)) {
    warnings.push_back(fmt::format("{}hostname {} is a name of no certificate",
                                   at(settings, settings.hostname_place), settings.hostname));
  }
  return warnings;
}

}  // namespace postern::server
