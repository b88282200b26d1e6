// `postern explain`: what would one login get, and by which line of the settings?
#pragma once

#include <optional>
#include <string>

#include "conf/settings.h"
#include "proxy/policy/policy.h"

namespace postern::commands {

struct ExplainRequest {
  std::string settings_path;
  std::string listener;
  std::string from;                 // the client's address
  std::optional<std::string> user;  // none: not known yet
  std::string tls;               // none, 1.0 … 1.3; "": clear text where the listener begins so
  bool has_certificate = false;  // the client shows one that is verified
  std::string at;                // a date or a moment in UTC; "": now
  bool json = false;
};

// A login that may come, all of it known.
struct LoginCase {
  policy::Client client;
  std::optional<std::string> user;
  std::optional<conf::TlsVersion> tls_version;  // none: clear text
  policy::Moment at;
  bool has_certificate = false;  // the client's own, verified; never without TLS
};

// The verdict and the path to it, as lines for people or as one JSON object, each ending in \n.
// Pure. What comes from outside (the name) has no control characters in it.
std::string explanation_text(const conf::Settings& settings, const LoginCase& login);
std::string explanation_json(const conf::Settings& settings, const LoginCase& login);

// Loads the settings alone: no certificate, key or name of a server is looked at. The exit status:
// 0 whatever the verdict, 1 where the settings have errors, 2 where the request is no login that
// could be (an unknown listener, an address that is none).
int explain(const ExplainRequest& request);

}  // namespace postern::commands
