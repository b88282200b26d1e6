// Fuzzes what is read of a client's certificate: the input's first octet chooses between a chain as a
// client sends it (each certificate in DER, behind its length of two octets) and the text of a file of
// authorities or revocations.
//
// Invariant: nothing that was not signed by the authority is taken; what a certificate says stays
// within its bounds; a text is taken or has an error that says so.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tls/client_authority.h"
#include "tls/credentials.h"

namespace {

using postern::tls::ClientAuthority;
using postern::tls::ClientCertificate;
using postern::tls::Failure;

void demand(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "client_certificate_fuzz: %s\n", what);
  std::abort();
}

const std::string& authority_pem() {
  static const auto pem = postern::tls::make_throwaway_certificate({"authority"}).chain;
  return pem;
}

void check(const ClientCertificate& certificate) {
  demand(certificate.subject.size() <= ClientCertificate::kMostText, "the subject is too long");
  demand(certificate.issuer.size() <= ClientCertificate::kMostText, "the issuer is too long");
  demand(certificate.sha256.size() == 64, "the digest is none");
  demand(certificate.names.size() <= ClientCertificate::kMostNames, "too many names");
  for (const auto& name : certificate.names) {
    demand(!name.empty() && name.size() <= ClientCertificate::kMostText, "a name of no length");
  }
}

void judge(std::string_view input) {
  static const auto authority =
      *ClientAuthority::parse(authority_pem(), "authority", {}, "revocations");
  const bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> chain(sk_CRYPTO_BUFFER_new_null());
  while (input.size() >= 2) {
    const auto octet = [&](std::size_t at) { return static_cast<std::uint8_t>(input[at]); };
    const auto size = std::size_t{octet(0)} << 8 | octet(1);
    input.remove_prefix(2);
    const auto der = input.substr(0, size);
    input.remove_prefix(der.size());
    bssl::UniquePtr<CRYPTO_BUFFER> buffer(
        CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
    if (const auto described = postern::tls::describe_client(buffer.get())) check(*described);
    demand(bssl::PushToStack(chain.get(), std::move(buffer)), "out of memory");
  }
  const auto verdict = postern::tls::judge_client(chain.get(), authority->native());
  demand(verdict.failure != Failure::none, "a stranger's certificate is taken");
  demand(verdict.alert != 0, "a refusal has no alert");
}

void load(std::string_view input) {
  for (const bool is_authority : {true, false}) {
    const auto made =
        is_authority ? ClientAuthority::parse(input, "authority", {}, "revocations")
                     : ClientAuthority::parse(authority_pem(), "authority", input, "revocations");
    if (made) {
      (*made)->warnings(std::chrono::system_clock::now());
    } else {
      demand(!made.error().message.empty(), "an error says nothing");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) == 0) {
    judge(input);
  } else {
    load(input);
  }
  return 0;
}
