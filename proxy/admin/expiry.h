// Says when a certificate is about to end, or one of its issuers before it: at 30, 14, 7, 3 and 1 days
// before, and when it has; and when its OCSP response has.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "proxy/audit/log.h"
#include "proxy/server/tls_loader.h"

namespace postern::admin {

// Judged from the dates that it is given: no clock of its own. Of one thread.
class Expiry {
 public:
  // Before the end; the last is the end itself, and the only one of an OCSP response.
  static constexpr std::array kThresholds{std::chrono::days(30), std::chrono::days(14),
                                          std::chrono::days(7),  std::chrono::days(3),
                                          std::chrono::days(1),  std::chrono::days(0)};
  // A clock may go back so far, and nothing is told of twice.
  static constexpr std::chrono::hours kJitter{1};

  // `audit` outlives it.
  explicit Expiry(audit::Sink& audit) : audit_(audit) {}

  // What is served from now on. A certificate that was served before is not told of twice.
  void serve(const std::vector<server::LoadedCertificate>& certificates);
  // Tells of each certificate whose threshold has passed by `now` and was not told of yet: of the
  // last one that has passed, where there are several.
  void announce(audit::WallTime now);
  // How long until the next one passes; at most `most`, since clocks jump.
  std::chrono::milliseconds pause(audit::WallTime now, std::chrono::milliseconds most) const;

 private:
  // One of the ends of what is served.
  struct End {
    enum class Kind { certificate, issuer, staple };

    server::LoadedCertificate certificate;
    Kind kind;
    audit::WallTime at;
    std::string what;      // "the certificate of mail.example.com (mail.pem)"
    std::string identity;  // of the chain, of what ends, and when
    std::size_t told = 0;  // thresholds
  };
  void add(const server::LoadedCertificate& certificate, const std::string& digest, End::Kind kind,
           audit::WallTime at, std::string what);
  void tell(const End& end, audit::WallTime now);

  audit::Sink& audit_;
  std::vector<End> all_;
};

}  // namespace postern::admin
