// Which of several certificates a client gets: by SNI, then by the kind of key that it can use.
// Contexts share one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/credentials.h"

namespace postern::tls {

struct Offer;

// Which suites a connection may end up with; see ServerContext::make().
enum class Suites { aead, aead_and_cbc };

// What a client must offer so that a leaf's key can be used with it. All 0 with RSA.
struct ClientNeed {
  std::uint16_t signature_algorithm = 0;  // RFC 8446 section 4.2.3
  std::uint16_t group = 0;                // the key's own curve: RFC 8422 section 5.1

  bool operator==(const ClientNeed&) const = default;
};

// Immutable after construction.
class CertificateChoice {
 public:
  // At least one; the first is the default.
  explicit CertificateChoice(std::vector<std::shared_ptr<const Credentials>> all);

  // By the name: an exact one, then a wildcard for its parent, then the default (with all others
  // that have the very names of the default), then any: the first of these four that has one whose key
  // the client can use with one of `suites`. Of several the first with a key that is not RSA, then the
  // first with RSA; but no CBC suite for the sake of the key. Where the client can use none at all it
  // is the first with RSA of those for the name, else the first.
  const Credentials& choose(const Offer& offer, Suites suites) const;

  // Whether a certificate has this name, by itself or as a wildcard.
  bool knows(std::string_view server_name) const {
    return exact(server_name) != nullptr || wildcard(server_name) != nullptr;
  }

  const std::vector<std::shared_ptr<const Credentials>>& all() const { return all_; }

 private:
  using Group = std::vector<std::size_t>;  // indices into all_, in order
  // Null where there is none.
  const Group* exact(std::string_view server_name) const;
  const Group* wildcard(std::string_view server_name) const;
  const Credentials* choose(const Group& group, const Offer& offer, Suites suites) const;
  const Credentials* first_rsa(const Group& group) const;

  std::vector<std::shared_ptr<const Credentials>> all_;
  std::unordered_map<std::string, Group> by_name_;  // wildcards as "*.example.com"
  Group default_;
  Group any_;  // the first of each kind of key
};

}  // namespace postern::tls
