// Whether the certificate that a server shows is the one that is expected, and if not, why in words.
#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "tls/certificate.h"
#include "tls/client_native.h"

namespace postern::tls {

namespace {

using Moment = ClientContext::Native::Moment;

constexpr int kMostChain = 10;         // certificates between the leaf and a CA
constexpr std::size_t kMostNames = 5;  // of a certificate that are told
constexpr std::size_t kMostNamesText = 200;

// What a certificate says may stand in a log.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > kMostNamesText) text.replace(kMostNamesText, std::string::npos, "...");
  return text;
}

std::string short_text(const X509_NAME* name) { return printable(text_of(name)); }

std::string text_of(const GENERAL_NAME& name) {
  if (name.type != GEN_DNS && name.type != GEN_IPADD) return {};
  const auto* const string = name.type == GEN_DNS ? name.d.dNSName : name.d.iPAddress;
  const auto* const octets = ASN1_STRING_get0_data(string);
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(string));
  if (name.type == GEN_DNS) {
    std::string text(reinterpret_cast<const char*>(octets), size);
    return is_address(text) ? "DNS:" + text : text;  // which is no address, though it looks so
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (size != 4 && size != 16) return {};
  return inet_ntop(size == 4 ? AF_INET : AF_INET6, octets, text.data(), text.size()) == nullptr
             ? ""
             : text.data();
}

// "a.example.com, b.example.com"; the subject where it has no names of servers.
std::string names_text(const X509* leaf) {
  const bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  std::string all;
  std::size_t count = 0;
  if (names) {
    for (const GENERAL_NAME* name : names.get()) {
      const auto text = text_of(*name);
      if (text.empty() || ++count > kMostNames) continue;
      all += (all.empty() ? "" : ", ") + text;
    }
  }
  if (count > kMostNames) all += " and " + std::to_string(count - kMostNames) + " more";
  return all.empty() ? short_text(X509_get_subject_name(leaf)) : printable(std::move(all));
}

Moment moment_of(const ASN1_TIME* time) {
  using Days = std::chrono::duration<int, std::ratio<86400>>;
  constexpr int kMostDays = 100'000;
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 0) return {};
  return Moment(Days(std::clamp(days, 0, kMostDays))) + std::chrono::seconds(seconds);
}

std::string date_of(const ASN1_TIME* time) {
  const auto seconds = std::chrono::system_clock::to_time_t(moment_of(time));
  std::tm parts{};
  std::array<char, 16> text{};
  gmtime_r(&seconds, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

Pin pin_of(const X509* leaf) {
  Pin pin{};
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
  if (size <= 0) return pin;
  SHA256(der, static_cast<std::size_t>(size), pin.data());
  OPENSSL_free(der);
  return pin;
}

using Chain = std::vector<bssl::UniquePtr<X509>>;

// The leaf first; empty where one of them is no certificate.
Chain chain_of(const SSL* ssl) {
  Chain chain;
  const auto* const buffers = SSL_get0_peer_certificates(ssl);
  for (std::size_t i = 0; buffers != nullptr && i < sk_CRYPTO_BUFFER_num(buffers); ++i) {
    chain.emplace_back(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(buffers, i)));
    if (chain.back() == nullptr) return {};
  }
  return chain;
}

std::string fault_of(X509_STORE_CTX& check, const X509* leaf, const std::string& name) {
  const int error = X509_STORE_CTX_get_error(&check);
  const X509* culprit = X509_STORE_CTX_get_current_cert(&check);
  if (culprit == nullptr) culprit = leaf;
  const bool is_leaf = X509_STORE_CTX_get_error_depth(&check) == 0;
  const auto whose =
      is_leaf ? std::string("the certificate")
              : "its issuer's certificate (" + short_text(X509_get_subject_name(culprit)) + ")";
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is for " + names_text(leaf) + ", not for " + name;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " expired on " + date_of(X509_get0_notAfter(culprit));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + " is not valid before " + date_of(X509_get0_notBefore(culprit));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the certificate is self-signed (" + short_text(X509_get_subject_name(leaf)) +
             "), and not trusted; its pin: " + tls::text_of(pin_of(leaf));
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the certificate's CA is unknown (" + short_text(X509_get_issuer_name(culprit)) + ")";
    case X509_V_ERR_INVALID_PURPOSE:
      return whose + " is not one for servers";
    default:
      return whose + ": " + printable(X509_verify_cert_error_string(error));
  }
}

std::string verify_chain(const Chain& chain, const ClientContext::Native& context) {
  const bssl::UniquePtr<STACK_OF(X509)> between(sk_X509_new_null());
  const bssl::UniquePtr<X509_STORE_CTX> check(X509_STORE_CTX_new());
  if (!between || !check) return "out of memory";
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (!bssl::PushToStack(between.get(), bssl::UpRef(chain[i].get()))) return "out of memory";
  }
  if (X509_STORE_CTX_init(check.get(), context.options.trust->native().store.get(),
                          chain.front().get(), between.get()) == 0 ||
      X509_STORE_CTX_set_default(check.get(), "ssl_server") == 0) {
    return "out of memory";
  }
  auto* const rules = X509_STORE_CTX_get0_param(check.get());
  const auto& name = context.options.name;
  X509_VERIFY_PARAM_set_depth(rules, kMostChain);
  // What an administrator names as trusted is so, be it no root.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int is_set = context.is_numeric
                         ? X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str())
                         : X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size());
  if (is_set == 0) return "the expected name " + printable(name) + " cannot be compared";
  if (X509_verify_cert(check.get()) == 1) return {};
  return fault_of(*check, chain.front().get(), name);
}

}  // namespace

bool is_address(const std::string& name) {
  std::array<std::uint8_t, 16> octets;
  return inet_pton(AF_INET, name.c_str(), octets.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), octets.data()) == 1;
}

std::string judge_server(const SSL* ssl, const ClientContext::Native& context, Moment& not_after) {
  // Nobody is expected: not even that it can be read.
  if (context.options.pins.empty() && context.options.trust == nullptr) return {};
  const auto chain = chain_of(ssl);
  std::string fault;
  if (chain.empty()) {
    fault = "it shows no X.509 certificate that can be read";
  } else {
    const auto& pins = context.options.pins;
    const auto pin = pin_of(chain.front().get());
    if (!pins.empty() && std::find(pins.begin(), pins.end(), pin) == pins.end()) {
      fault = "its key is not a pinned one but " + tls::text_of(pin);
    } else if (context.options.trust != nullptr) {
      fault = verify_chain(chain, context);
      not_after = moment_of(X509_get0_notAfter(chain.front().get()));
    }
  }
  ERR_clear_error();
  return fault;
}

ServerCertificate describe(const CRYPTO_BUFFER* leaf) {
  const bssl::UniquePtr<X509> certificate(
      X509_parse_from_buffer(const_cast<CRYPTO_BUFFER*>(leaf)));  // which only counts it
  ERR_clear_error();
  if (!certificate) return {};
  return {short_text(X509_get_subject_name(certificate.get())), names_text(certificate.get()),
          moment_of(X509_get0_notAfter(certificate.get())), pin_of(certificate.get())};
}

}  // namespace postern::tls
