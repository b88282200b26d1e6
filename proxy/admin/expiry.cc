// See expiry.h.
#include "proxy/admin/expiry.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "proxy/admin/renewal.h"
#include "proxy/log.h"
#include "tls/leaf.h"

namespace postern::admin {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;

// How many thresholds before this end have passed.
std::size_t passed(audit::WallTime end, audit::WallTime now) {
  const auto next = std::find_if(Expiry::kThresholds.begin(), Expiry::kThresholds.end(),
                                 [&](days before) { return now < end - before; });
  return static_cast<std::size_t>(next - Expiry::kThresholds.begin());
}

std::string words_of(audit::WallTime end, audit::WallTime now) {
  const auto on =
      fmt::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::floor<std::chrono::minutes>(end));
  if (now >= end) return fmt::format("it has expired on {}", on);
  const auto left = std::chrono::floor<days>(end - now).count();
  if (left == 0) return fmt::format("it expires in less than a day, on {}", on);
  return fmt::format("it expires in {} {}, on {}", left, left == 1 ? "day" : "days", on);
}

}  // namespace

void Expiry::serve(const std::vector<server::LoadedCertificate>& certificates) {
  std::unordered_map<std::string, std::size_t> told;
  for (const auto& each : all_) told.emplace(each.digest, each.told);
  all_.clear();
  for (const auto& certificate : certificates) {
    auto digest = tls::facts_of(*certificate.credentials).digest;
    const auto before = told.find(digest);
    const auto so_far = before == told.end() ? 0 : before->second;
    all_.push_back({certificate, std::move(digest), so_far});
  }
}

void Expiry::announce(audit::WallTime now) {
  for (auto& each : all_) {
    const auto so_far = passed(each.certificate.credentials->not_after(), now);
    if (so_far <= each.told) continue;
    each.told = so_far;
    tell(each, now);
  }
}

void Expiry::tell(const Served& served, audit::WallTime now) {
  const auto& [setting, credentials] = served.certificate;
  audit::CertificateEvent event{"certificate-expiry", ""};
  event.reason = words_of(credentials->not_after(), now);
  event.file = setting->chain;
  event.names = credentials->names();
  event.serial = tls::facts_of(*credentials).serial;
  event.not_after = credentials->not_after();
  log::warn("the certificate of {} ({}): {}", name_of(*credentials), setting->chain, event.reason);
  audit_.record({now, std::move(event)});
}

milliseconds Expiry::pause(audit::WallTime now, milliseconds most) const {
  auto pause = most;
  for (const auto& each : all_) {
    const auto end = each.certificate.credentials->not_after();
    const auto next = std::max(passed(end, now), each.told);
    if (next == kThresholds.size()) continue;
    // A millisecond more, so that it has passed for certain.
    const auto left = std::chrono::ceil<milliseconds>(end - kThresholds[next] - now);
    pause = std::min(pause, std::max(left + milliseconds(1), milliseconds(0)));
  }
  return pause;
}

}  // namespace postern::admin
