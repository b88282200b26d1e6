// Clients' certificates (RFC 5280): who must have signed them, which of them are revoked, and what one
// says of its owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/error.h"

namespace postern::tls {

// What is asked of clients.
enum class ClientCertificates {
  none,
  request,  // one that comes is verified; none is good, too
  require,
};

// What a client's certificate says. Any octet may stand in the texts; they are cut at their bounds.
struct ClientCertificate {
  static constexpr std::size_t kMostText = 256;  // octets of each
  static constexpr std::size_t kMostNames = 8;

  std::string subject;  // as RFC 4514 writes it, in UTF-8
  std::string issuer;
  std::vector<std::string> names;  // DNS names, mail and IP addresses, URIs of subjectAltName
  std::string sha256;              // of the whole, 64 hexadecimal digits in upper case
};

// The authorities whose clients are taken, and their revocations. Immutable; shared by any number of
// contexts, on any thread.
class ClientAuthority {
 public:
  static constexpr std::size_t kMaxFile = 1024 * 1024;
  static constexpr std::size_t kMaxRevocations = 16 * 1024 * 1024;
  // Of what a client sends; who needs more has no chain but a load.
  static constexpr std::size_t kMaxChain = 10;
  static constexpr std::size_t kMaxChainOctets = 32 * 1024;

  // Reads the authorities' certificates, each of which is trusted by itself, root or not, and with a
  // `crl_path` that is not "" the lists of what they have revoked: both PEM, up to kMaxBlocks blocks.
  // With lists, there must be a valid one of each authority in a client's chain. Errors name the file:
  // it cannot be read, is too long, is damaged, holds nothing of its kind, or a list that its authority
  // did not sign. Blocking.
  static Result<std::shared_ptr<const ClientAuthority>> load(const std::string& ca_path,
                                                             const std::string& crl_path);
  // The same from text; the names stand in for the paths. An empty `crl_pem`: no revocations.
  static Result<std::shared_ptr<const ClientAuthority>> parse(std::string_view ca_pem,
                                                              const std::string& ca_name,
                                                              std::string_view crl_pem,
                                                              const std::string& crl_name);
  ClientAuthority(const ClientAuthority&) = delete;
  ClientAuthority& operator=(const ClientAuthority&) = delete;
  ~ClientAuthority();

  // What keeps clients out at `now` that should come in: an authority or a list of revocations that
  // has expired, an authority without a list where there are others. Each names its file.
  std::vector<std::string> warnings(std::chrono::system_clock::time_point now) const;

  struct Native;
  const Native& native() const { return *native_; }

 private:
  explicit ClientAuthority(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace postern::tls
