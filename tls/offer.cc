// See offer.h.
#include "tls/offer.h"

#include <algorithm>
#include <cctype>

namespace postern::tls {

namespace {

std::string_view view_of(const CBS& bytes) {
  return {reinterpret_cast<const char*>(CBS_data(&bytes)), CBS_len(&bytes)};
}

void read_numbers(CBS list, std::vector<std::uint16_t>& into) {
  into.reserve(std::min(CBS_len(&list) / 2, Offer::kMaxNumbers));
  std::uint16_t number = 0;
  while (into.size() < Offer::kMaxNumbers && CBS_get_u16(&list, &number)) into.push_back(number);
}

// False where the hello has no such extension.
bool find_extension(const SSL_CLIENT_HELLO& hello, std::uint16_t type, CBS& body) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!SSL_early_callback_ctx_extension_get(&hello, type, &data, &size)) return false;
  CBS_init(&body, data, size);
  return true;
}

// An extension that is one list of numbers behind a two-octet length.
void read_list(const SSL_CLIENT_HELLO& hello, std::uint16_t type,
               std::vector<std::uint16_t>& into) {
  CBS body;
  CBS list;
  if (find_extension(hello, type, body) && CBS_get_u16_length_prefixed(&body, &list)) {
    read_numbers(list, into);
  }
}

// RFC 6066 section 3: the one name of type host_name.
std::string read_server_name(const SSL_CLIENT_HELLO& hello) {
  CBS body;
  CBS list;
  CBS name;
  std::uint8_t type = 0;
  if (!find_extension(hello, TLSEXT_TYPE_server_name, body) ||
      !CBS_get_u16_length_prefixed(&body, &list) || !CBS_get_u8(&list, &type) ||
      type != TLSEXT_NAMETYPE_host_name || !CBS_get_u16_length_prefixed(&list, &name)) {
    return {};
  }
  std::string text(view_of(name).substr(0, Offer::kMaxServerName));
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// RFC 8446 section 4.2.1; a hello without that extension offers the one version that it is of, and
// (RFC 5246 appendix E.1) all before it.
void read_versions(const SSL_CLIENT_HELLO& hello, std::vector<std::uint16_t>& into) {
  CBS body;
  CBS list;
  if (find_extension(hello, TLSEXT_TYPE_supported_versions, body) &&
      CBS_get_u8_length_prefixed(&body, &list)) {
    read_numbers(list, into);
    return;
  }
  into.push_back(hello.version);
}

// RFC 7301 section 3.1.
void read_alpn(const SSL_CLIENT_HELLO& hello, std::vector<std::string>& into) {
  CBS body;
  CBS list;
  CBS name;
  if (!find_extension(hello, TLSEXT_TYPE_application_layer_protocol_negotiation, body) ||
      !CBS_get_u16_length_prefixed(&body, &list)) {
    return;
  }
  while (into.size() < Offer::kMaxAlpn && CBS_get_u8_length_prefixed(&list, &name)) {
    into.emplace_back(view_of(name));
  }
}

}  // namespace

std::unique_ptr<Offer> read_offer(const SSL_CLIENT_HELLO& hello) {
  auto offer = std::make_unique<Offer>();
  CBS ciphers;
  CBS_init(&ciphers, hello.cipher_suites, hello.cipher_suites_len);
  read_numbers(ciphers, offer->ciphers);
  offer->server_name = read_server_name(hello);
  read_versions(hello, offer->versions);
  read_list(hello, TLSEXT_TYPE_supported_groups, offer->groups);
  read_list(hello, TLSEXT_TYPE_signature_algorithms, offer->signature_algorithms);
  read_alpn(hello, offer->alpn);
  return offer;
}

}  // namespace postern::tls
