// See need.h.
#include "proxy/session/need.h"

#include <string_view>

namespace postern::session {

namespace {

std::string_view word(tls::Version version) {
  switch (version) {
    case tls::Version::tls1_0:
      return "1.0";
    case tls::Version::tls1_1:
      return "1.1";
    case tls::Version::tls1_2:
      return "1.2";
    case tls::Version::tls1_3:
      return "1.3";
  }
  __builtin_unreachable();
}

// Old versions, and what has no forward secrecy, are for a rule's few: never for a whole listener.
std::string terms_of(const tls::Lack& lack) {
  std::string text;
  bool is_for_few = false;
  if (lack.profile) {
    text = "profile: legacy";
    is_for_few = *lack.profile == tls::Profile::island;
  }
  if (lack.min_version) {
    if (!text.empty()) text += " and ";
    text += "min_version: ";
    text += word(*lack.min_version);
    is_for_few = is_for_few || *lack.min_version < tls::Version::tls1_2;
  }
  if (is_for_few) text += " by a rule";
  return text;
}

}  // namespace

std::string text_of(const tls::Lack& lack) {
  switch (lack.kind) {
    case tls::Lack::Kind::nothing:
      return "";
    case tls::Lack::Kind::terms:
      return terms_of(lack);
    case tls::Lack::Kind::rsa_key: {
      const auto terms = terms_of(lack);
      return terms.empty() ? "an RSA certificate" : "an RSA certificate, and " + terms;
    }
    case tls::Lack::Kind::max_version:
      return "a higher max_version";
    case tls::Lack::Kind::everything:
      return "legacy_tls: splice, on an implicit listener";
  }
  __builtin_unreachable();
}

}  // namespace postern::session
