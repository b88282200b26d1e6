// See client_certificate.h: what is loaded.
#include "tls/client_certificate.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>

#include "tls/certificate.h"
#include "tls/client_authority.h"
#include "tls/pem.h"
#include "tls/secret_file.h"

namespace postern::tls {

namespace {

using Native = ClientAuthority::Native;

constexpr const char* kList = "X509 CRL";  // RFC 7468 section 6

// Seconds since 1970; the clock's end where `time` is null, its beginning where it cannot be read.
std::int64_t seconds_of(const ASN1_TIME* time) {
  if (time == nullptr) return INT64_MAX;
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 0) return 0;
  return std::int64_t{days} * 86400 + seconds;
}

std::string date_of(std::int64_t seconds) {
  const auto moment = static_cast<std::time_t>(seconds);
  std::tm parts{};
  std::array<char, 16> text{};
  gmtime_r(&moment, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

// "" or what is wrong.
std::string take_authorities(const std::vector<PemBlock>& blocks, const std::string& name,
                             Native& native) {
  for (const auto& block : blocks) {
    if (!block.is_certificate()) continue;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.der.data());
    const auto* const end = at + block.der.size();
    bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(block.der.size())));
    const auto number = std::to_string(native.authorities.size() + 1);
    if (!certificate || at != end) {
      return "certificate " + number + " in " + name + " is no valid X.509 certificate";
    }
    native.authorities.push_back(std::move(certificate));
  }
  if (native.authorities.empty()) {
    return "no certificate in " + name +
           ": the authorities that sign clients' are expected, in PEM";
  }
  return {};
}

std::string take_revocations(const std::vector<PemBlock>& blocks, const std::string& name,
                             Native& native) {
  for (const auto& block : blocks) {
    if (block.label != kList) continue;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.der.data());
    const auto* const end = at + block.der.size();
    bssl::UniquePtr<X509_CRL> list(d2i_X509_CRL(nullptr, &at, static_cast<long>(block.der.size())));
    if (!list || at != end) {
      return "list " + std::to_string(native.revocations.size() + 1) + " in " + name +
             " is no valid certificate revocation list";
    }
    const auto until = seconds_of(X509_CRL_get0_nextUpdate(list.get()));
    native.revocations.push_back({std::move(list), until});
  }
  if (native.revocations.empty()) {
    return "no certificate revocation list in " + name + ": PEM is expected; try `openssl crl " +
           "-inform der -in FILE -out FILE.pem`";
  }
  return {};
}

bool is_of(X509_CRL* list, const X509* authority) {
  return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0;
}

// A list that an authority of this name did not sign would only show when its clients come.
std::string signature_fault(const Native& native, const std::string& name) {
  for (const auto& [list, until] : native.revocations) {
    bool has_issuer = false;
    bool is_signed = false;
    for (const auto& authority : native.authorities) {
      if (!is_of(list.get(), authority.get())) continue;
      has_issuer = true;
      const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(authority.get()));
      is_signed |= key && X509_CRL_verify(list.get(), key.get()) == 1;
    }
    if (has_issuer && !is_signed) {
      return "a list in " + name + " has the name of " + text_of(X509_CRL_get_issuer(list.get())) +
             ", which did not sign it";
    }
  }
  return {};
}

// Lists whose issuer is none of the authorities are of those between them and the clients.
bool fill_store(Native& native) {
  native.store.reset(X509_STORE_new());
  if (!native.store) return false;
  for (const auto& authority : native.authorities) {
    X509_STORE_add_cert(native.store.get(), authority.get());  // the same once more is no error
  }
  for (const auto& [list, until] : native.revocations) {
    X509_STORE_add_crl(native.store.get(), list.get());
  }
  unsigned long flags = X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN;
  if (!native.revocations.empty()) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  return X509_STORE_set_flags(native.store.get(), flags) == 1;
}

std::string digest_of(const std::vector<PemBlock>& authorities,
                      const std::vector<PemBlock>& revocations) {
  std::set<std::string> all;
  for (const auto* const blocks : {&authorities, &revocations}) {
    for (const auto& block : *blocks) {
      if (!block.is_certificate() && block.label != kList) continue;
      std::string digest(SHA256_DIGEST_LENGTH, '\0');
      SHA256(reinterpret_cast<const std::uint8_t*>(block.der.data()), block.der.size(),
             reinterpret_cast<std::uint8_t*>(digest.data()));
      all.insert(std::move(digest));
    }
  }
  std::string digests;
  for (const auto& digest : all) digests += digest;
  return digests;
}

bool fill_names(Native& native) {
  std::set<std::string> all;
  for (const auto& authority : native.authorities) {
    std::uint8_t* der = nullptr;
    const int size = i2d_X509_NAME(X509_get_subject_name(authority.get()), &der);
    if (size <= 0) return false;
    all.emplace(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  for (const auto& name : all) {
    native.names.emplace_back(CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(name.data()),
                                                name.size(), nullptr));
    if (!native.names.back()) return false;
  }
  return true;
}

}  // namespace

ClientAuthority::ClientAuthority(std::unique_ptr<Native> native) : native_(std::move(native)) {}
ClientAuthority::~ClientAuthority() = default;

Result<std::shared_ptr<const ClientAuthority>> ClientAuthority::load(const std::string& ca_path,
                                                                     const std::string& crl_path) {
  const auto authorities = read_file(ca_path, kMaxFile);
  if (!authorities) return authorities.error();
  if (crl_path.empty()) return parse(authorities->text, ca_path, {}, {});
  const auto revocations = read_file(crl_path, kMaxRevocations);
  if (!revocations) return revocations.error();
  if (revocations->text.empty()) return Error{crl_path + ": the file is empty"};
  return parse(authorities->text, ca_path, revocations->text, crl_path);
}

Result<std::shared_ptr<const ClientAuthority>> ClientAuthority::parse(std::string_view ca_pem,
                                                                      const std::string& ca_name,
                                                                      std::string_view crl_pem,
                                                                      const std::string& crl_name) {
  if (ca_pem.size() > kMaxFile) return Error{ca_name + " is too large (over 1 MiB)"};
  if (crl_pem.size() > kMaxRevocations) return Error{crl_name + " is too large (over 16 MiB)"};
  const auto authorities = read_pem(ca_pem, ca_name);
  if (!authorities) return authorities.error();
  const auto revocations = read_pem(crl_pem, crl_name);
  if (!revocations) return revocations.error();
  auto native = std::make_unique<Native>();
  native->ca_file = ca_name;
  native->crl_file = crl_name;
  auto fault = take_authorities(*authorities, ca_name, *native);
  if (fault.empty() && !crl_pem.empty()) {
    fault = take_revocations(*revocations, crl_name, *native);
    if (fault.empty()) fault = signature_fault(*native, crl_name);
  }
  if (fault.empty() && (!fill_store(*native) || !fill_names(*native))) {
    fault = ca_name + ": out of memory";
  }
  ERR_clear_error();
  if (!fault.empty()) return Error{std::move(fault)};
  native->digest = digest_of(*authorities, *revocations);
  return std::shared_ptr<const ClientAuthority>(new ClientAuthority(std::move(native)));
}

std::vector<std::string> ClientAuthority::warnings(
    std::chrono::system_clock::time_point now) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::vector<std::string> all;
  for (const auto& authority : native_->authorities) {
    const auto until = seconds_of(X509_get0_notAfter(authority.get()));
    const auto whose = text_of(X509_get_subject_name(authority.get()));
    if (until < seconds) {
      all.push_back(native_->ca_file + ": THE AUTHORITY HAS EXPIRED on " + date_of(until) + " (" +
                    whose + "): its clients are refused");
    }
    const auto& lists = native_->revocations;
    if (!lists.empty() && std::none_of(lists.begin(), lists.end(), [&](const auto& each) {
          return is_of(each.list.get(), authority.get());
        })) {
      all.push_back(native_->crl_file + ": no list of " + whose +
                    ", so all clients that it has signed are refused");
    }
  }
  for (const auto& [list, until] : native_->revocations) {
    if (until >= seconds) continue;
    all.push_back(native_->crl_file + ": THE LIST OF REVOCATIONS HAS EXPIRED on " + date_of(until) +
                  " (" + text_of(X509_CRL_get_issuer(list.get())) +
                  "): its clients are refused until there is a new one");
  }
  return all;
}

}  // namespace postern::tls
