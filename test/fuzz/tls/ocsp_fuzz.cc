// Fuzzes the reading of OCSP responses: the input is one in DER, judged against a certificate whose
// authority's key is nowhere.
//
// Invariant: nobody can sign, so a response that is taken says what one of the seeds says: it holds
// until the end that stands there. Where it begins is not behind its end, its octets are those that came, and a
// response that is refused is refused in words.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "test/fuzz/demand.h"
#include "tls/ocsp.h"

namespace {

using postern::test::demand;

constexpr std::string_view kAuthority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcTCCARegAwIBAgIUKOSSIoiK8BVkI4yLIU8Ny84YcS8wCgYIKoZIzj0EAwIw\n"
    "DTELMAkGA1UEAwwCQ0EwIBcNMjYxMTI2MDM0MDExWhgPMjEyNjExMDIwMzQwMTFa\n"
    "MA0xCzAJBgNVBAMMAkNBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVemo0F0m\n"
    "n0UnMHgrfW4iL6Cn+OmAYYMShTog5GOZDHMUzIa5NpQ8ylXVf1o83eMN3P39ZFMN\n"
    "toSbq6rY/Jc796NTMFEwHQYDVR0OBBYEFA9E+qHvVC3Lsfr1Sd0Kz8aEyZNrMB8G\n"
    "A1UdIwQYMBaAFA9E+qHvVC3Lsfr1Sd0Kz8aEyZNrMA8GA1UdEwEB/wQFMAMBAf8w\n"
    "CgYIKoZIzj0EAwIDSAAwRQIgU2FmEBryCpio0RgeKpaVRSu2GZL4q4+XqGNNTBn8\n"
    "T7wCIQDvZ3+ZoBugz2Z0WJ2YwFTNiDm78FAbjIRxMqyddvUNmA==\n"
    "-----END CERTIFICATE-----\n";
constexpr std::string_view kLeaf =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBeTCCAR+gAwIBAgICEAAwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCQ0EwIBcN\n"
    "MjYxMTI2MDM0MDExWhgPMjEyNjExMDIwMzQwMTFaMBsxGTAXBgNVBAMMEG1haWwu\n"
    "ZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASzpOHFXc6fThMW\n"
    "vlyxfqtKXSBuNyjH/dwJ9fqwIgcx99DrgoZlpeuf7uHsvbcLCcwbQKRF1zs4xmBQ\n"
    "ZGiIGqGso18wXTAbBgNVHREEFDASghBtYWlsLmV4YW1wbGUuY29tMB0GA1UdDgQW\n"
    "BBSeRAA+p/78zSB6UG02wF989CbQJzAfBgNVHSMEGDAWgBQPRPqh71Qty7H69Und\n"
    "Cs/GhMmTazAKBggqhkjOPQQDAgNIADBFAiEAqFu+VSHq5T/D27foLp8fNUtM7Clf\n"
    "nMUNGSiElccVlBQCIH2CHdn1LbO+BGSBfpi4aXFaitGAcMQ8Qzf3WPTK7Qb7\n"
    "-----END CERTIFICATE-----\n";

// Seconds since 1970: of the seeds that hold long, by their making, and of those that do not.
constexpr std::array<long long, 3> kEnds = {4'387'664'411, 4'387'664'412, 1'796'096'412};

bssl::UniquePtr<X509> certificate(std::string_view pem) {
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return bssl::UniquePtr<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto authority = certificate(kAuthority);
  static const auto leaf = certificate(kLeaf);
  const std::string_view der(reinterpret_cast<const char*>(data), size);
  const auto staple = postern::tls::read_staple(der, "staple.der", leaf.get(), authority.get());
  demand(ERR_peek_error() == 0, "an error is left behind");
  if (!staple) {
    demand(staple.error().message.starts_with("staple.der "), "a refusal does not name the file");
    return 0;
  }
  bool is_known = false;
  for (const auto end : kEnds) is_known |= staple->until.time_since_epoch().count() == end;
  demand(is_known, "a response was taken that nobody signed");
  demand(staple->from <= staple->until, "it ends before it begins");
  demand(staple->der == der, "it is another one");
  return 0;
}
