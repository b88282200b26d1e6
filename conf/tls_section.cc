// See tls_section.h.
#include "conf/tls_section.h"

#include <utility>

#include "conf/keys.h"
#include "conf/tls_clients_section.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {

void read_certificate(const Value& value, const std::filesystem::path& folder, Settings& settings) {
  const auto fields = value.fields("a mapping with chain and key", kCertificateKeys);
  if (!fields) return;
  Certificate certificate;
  certificate.place = value.place();
  fields->read_needed("chain", "the path of a PEM file, leaf first", parse_path, certificate.chain);
  fields->read_needed("key", "the path of the private key", parse_path, certificate.key);
  certificate.chain = (folder / certificate.chain).string();
  certificate.key = (folder / certificate.key).string();
  settings.certificates.push_back(std::move(certificate));
}

void read_tls(const Fields& fields, Tls& tls, TlsPlaces& places) {
  places.min_version = fields.choose("min_version", kTlsVersions, tls.min_version);
  if (places.min_version.line > 0) tls.min_version_place = places.min_version;
  places.max_version = fields.choose("max_version", kTlsVersions, tls.max_version);
  places.alpn = fields.choose("alpn", kAlpns, tls.alpn);
  places.old_tls = fields.choose("old_tls", kOldTls, tls.old_tls);
  read_tls_clients(fields, tls, places);
}

}  // namespace postern::conf
