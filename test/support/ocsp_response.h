// Makes OCSP responses for tests, good ones and others: the part of RFC 6960 section 4.2.1 that a
// responder needs.
#pragma once

#include <string>

#include "test/support/certificates.h"

namespace postern::test {

struct OcspOptions {
  enum class Hash { sha1, sha256 };
  enum class Status { good, revoked, unknown };

  const Issued* issuer = nullptr;  // of the certificate that it is about
  const Issued* leaf = nullptr;    // which gives the serial number
  const Issued* signer = nullptr;  // null: the issuer
  bool holds_signer = false;       // its certificate stands in the response
  Hash hash = Hash::sha1;
  Status status = Status::good;
  std::string this_update = "20260101000000Z";
  std::string next_update = "20260108000000Z";  // "": none
};

// DER.
std::string ocsp_response(const OcspOptions& options);
// A responder's refusal: a status, and nothing else.
std::string ocsp_refusal(unsigned status);

}  // namespace postern::test
