// See tls_section.h.
#include "conf/tls_section.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/dates.h"
#include "conf/keys.h"
#include "conf/tls_clients_section.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {

namespace {

// systemd's own limits: a credential is a file, whose name stands in the unit.
constexpr std::size_t kLongestCredential = 255;

bool is_credential_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestCredential && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// A path, or a credential, which stays as it stands.
Parsed<std::string> parse_passphrase_file(std::string_view text) {
  if (!text.starts_with(kCredential)) return parse_path(text);
  if (is_credential_name(text.substr(kCredential.size()))) return {std::string(text), ""};
  return {{}, "credential:NAME, of letters, digits, `.`, `_` and `-`"};
}

}  // namespace

void read_certificate_files(const Fields& fields, const std::filesystem::path& folder,
                            Certificate& certificate) {
  certificate.place = fields.place();
  fields.read_needed("chain", "the path of a PEM file, leaf first", parse_path, certificate.chain);
  fields.read_needed("key", "the path of the private key", parse_path, certificate.key);
  certificate.chain = (folder / certificate.chain).string();
  certificate.key = (folder / certificate.key).string();
  auto& passphrase = certificate.passphrase_file;
  const auto stands = fields.read("passphrase_file", parse_passphrase_file, passphrase);
  if (stands.line > 0 && !passphrase.starts_with(kCredential)) {
    passphrase = (folder / passphrase).string();
  }
  if (fields.read("ocsp", parse_path, certificate.ocsp).line > 0) {
    certificate.ocsp = (folder / certificate.ocsp).string();
  }
  fields.choose("key_permissions", kKeyPermissions, certificate.key_permissions);
}

void read_certificate(const Value& value, const std::filesystem::path& folder, Settings& settings) {
  const auto fields = value.fields("a mapping with chain and key", kCertificateKeys);
  if (!fields) return;
  Certificate certificate;
  read_certificate_files(*fields, folder, certificate);
  settings.certificates.push_back(std::move(certificate));
}

namespace {

// A profile brings its own lowest version where none stands beside it. One that was inherited holds,
// but for one that another profile brought.
void imply_min_version(Tls& tls, Place profile) {
  if (tls.profile != Profile::modern && !tls.is_min_version_implied) return;
  tls.is_min_version_implied = tls.profile == Profile::modern;
  tls.min_version = tls.is_min_version_implied ? TlsVersion::tls1_3 : Tls().min_version;
  tls.min_version_place = tls.is_min_version_implied ? profile : Place{};
}

}  // namespace

void read_dated_versions(const Value& value, std::vector<DatedVersion>& all) {
  const auto fields = value.fields(
      "a mapping of versions with their days, such as {1.3: 2027-06-01}", kVersionKeys);
  if (!fields) return;
  all.clear();
  for (const auto& choice : kTlsVersions) {
    DatedVersion dated;
    dated.version = *choice.value;
    dated.place = fields->read(choice.word, parse_date, dated.from);
    if (is_stated(dated.place)) all.push_back(dated);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.from < b.from; });
}

void read_tls(const Fields& fields, const std::filesystem::path& folder, Tls& tls,
              TlsPlaces& places) {
  places.profile = fields.choose("profile", kProfiles, tls.profile);
  if (is_stated(places.profile)) tls.profile_place = places.profile;
  places.min_version = fields.choose("min_version", kTlsVersions, tls.min_version);
  if (is_stated(places.min_version)) {
    tls.min_version_place = places.min_version;
    tls.is_min_version_implied = false;
  } else if (is_stated(places.profile) && !fields.find("min_version")) {
    imply_min_version(tls, places.profile);
  }
  if (const auto dated = fields.find("min_version_from")) {
    places.min_version_from = dated->place();
    read_dated_versions(*dated, tls.min_version_from);
  }
  places.max_version = fields.choose("max_version", kTlsVersions, tls.max_version);
  places.alpn = fields.choose("alpn", kAlpns, tls.alpn);
  places.old_tls = fields.choose("old_tls", kOldTls, tls.old_tls);
  read_tls_clients(fields, folder, tls, places);
}

}  // namespace postern::conf
