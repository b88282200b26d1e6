// Certificate chains: read from PEM, and judged as a whole. For this room's own files only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tls/boringssl.h"
#include "tls/error.h"

namespace postern::tls {

using Chain = std::vector<bssl::UniquePtr<X509>>;  // never empty; leaf first

// All certificates of a PEM text, at most Credentials::kMaxChain. `name` stands for it in errors.
Result<Chain> parse_chain(std::string_view pem, const std::string& name);

// "" where the key is the leaf's.
std::string key_fault(const Chain& chain, const EVP_PKEY* key, const std::string& chain_name,
                      const std::string& key_name);
// "" where each certificate is followed by its issuer.
std::string order_fault(const Chain& chain, const std::string& name);

// "the certificate in FILE (CN = mail.example.com)"; "certificate 2 in …" where there are several.
std::string title_of(const Chain& chain, std::size_t index, const std::string& name);

// What clients may take offence at: weak keys, old signatures, no name.
std::vector<std::string> weaknesses(const Chain& chain, const std::string& name);
// What is odd, and does no harm.
std::vector<std::string> oddities(const Chain& chain, const std::string& name);

}  // namespace postern::tls
