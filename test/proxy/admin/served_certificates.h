// Certificates as a loader gives them, without files.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "proxy/server/tls_loader.h"
#include "test/support/certificates.h"

namespace postern::test {

class ServedCertificates {
 public:
  // One for these names that ends then, in a file "NAME.pem".
  void add(const std::vector<std::string>& names,
           std::chrono::system_clock::time_point end =
               std::chrono::system_clock::time_point(std::chrono::seconds(2'000'000'000))) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(end.time_since_epoch()).count();
    const auto made =
        issue({.common_name = names.front(), .dns_names = names, .not_after = seconds});
    auto credentials = tls::Credentials::parse(made.certificate(), made.key(), "chain", "key");
    REQUIRE(credentials);
    auto& setting = settings_.emplace_back();
    setting.chain = names.front() + ".pem";
    all_.push_back({&setting, *credentials});
  }
  void remove(std::size_t index) { all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(index)); }
  const std::vector<server::LoadedCertificate>& all() const { return all_; }

 private:
  std::deque<conf::Certificate> settings_;  // they stay where they are
  std::vector<server::LoadedCertificate> all_;
};

}  // namespace postern::test
