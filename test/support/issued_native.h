// BoringSSL's side of a certificate that a test made, for the tools that make more of it.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "test/support/certificates.h"

namespace postern::test {

struct Issued::Native {
  bssl::UniquePtr<X509> certificate;
  bssl::UniquePtr<EVP_PKEY> key;
};

}  // namespace postern::test
