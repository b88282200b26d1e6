// See certificate_files.h.
#include "proxy/server/certificate_files.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>

#include "proxy/server/tls_files.h"

namespace postern::server {

namespace {

std::string name_of_user() {
  const auto* const user = getpwuid(geteuid());
  return user == nullptr ? fmt::format("{}", geteuid()) : user->pw_name;
}

std::string name_of_group() {
  const auto* const group = getgrgid(getegid());
  return group == nullptr ? fmt::format("{}", getegid()) : group->gr_name;
}

}  // namespace

std::optional<unsigned> user_to_become(const conf::Settings& settings) {
  if (geteuid() != 0) return std::nullopt;
  const auto* const user =
      getpwnam(settings.user.empty() ? conf::kDefaultUser : settings.user.c_str());
  if (user == nullptr) return std::nullopt;
  return user->pw_uid;
}

tls::Result<tls::CredentialFiles> files_of(const conf::Certificate& certificate,
                                           std::optional<unsigned> owner) {
  tls::CredentialFiles files;
  files.chain = certificate.chain;
  files.key = certificate.key;
  files.passphrase = certificate.passphrase_file;
  files.staple = certificate.ocsp;
  files.secrets.may_be_loose = certificate.key_permissions == conf::KeyPermissions::any;
  files.secrets.owner = owner;
  if (files.passphrase.starts_with(conf::kCredential)) {
    const auto name = files.passphrase.substr(conf::kCredential.size());
    const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr) {
      return tls::Error{fmt::format(
          "there is no credential {}: CREDENTIALS_DIRECTORY is not set, as systemd does it for a "
          "unit with LoadCredential={}:FILE",
          name, name)};
    }
    files.passphrase = fmt::format("{}/{}", folder, name);
  }
  return files;
}

std::vector<std::string> unreadable_files(const conf::Settings& settings) {
  std::vector<std::string> warnings;
  const auto look = [&](const std::string& path, const conf::Place& place) {
    const int error = path.empty() ? 0 : error_of_opening(path);
    if (error == 0) return;
    const auto user = name_of_user();
    warnings.push_back(fmt::format(
        "{}:{}:{}: {}: user {} cannot read it ({}), so a renewed one needs a restart; try `chgrp "
        "{} {} && chmod 640 {}`, and let {} into the folders above it",
        settings.file, place.line, place.column, path, user, std::strerror(error), name_of_group(),
        path, path, user));
  };
  const auto look_at_all = [&](const conf::Certificate& certificate) {
    const auto files = files_of(certificate, std::nullopt);
    if (!files) return;
    for (const auto* path : {&files->chain, &files->key, &files->passphrase, &files->staple}) {
      look(*path, certificate.place);
    }
  };
  for (const auto& certificate : settings.certificates) look_at_all(certificate);
  std::set<std::string> seen;  // by several listeners or backends
  for (const auto& backend : settings.backends) {
    if (backend.tls == conf::BackendTls::none) continue;
    if (backend.client_certificate) look_at_all(*backend.client_certificate);
    if (!backend.verify.is_on || !seen.insert(trust_of(backend)).second) continue;
    look(trust_of(backend), backend.tls_place);
  }
  for (const auto& listener : settings.listeners) {
    const auto& tls = listener.tls;
    if (seen.insert(tls.tickets.secret_file).second) {
      look(tls.tickets.secret_file, tls.tickets.secret_file_place);
    }
    if (tls.client_certificates == conf::ClientCertificates::none) continue;
    if (seen.insert(tls.client_ca).second) look(tls.client_ca, tls.client_ca_place);
    if (seen.insert(tls.client_crl).second) look(tls.client_crl, tls.client_crl_place);
  }
  return warnings;
}

}  // namespace postern::server
