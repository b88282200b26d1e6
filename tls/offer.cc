// See offer.h.
#include "tls/offer.h"

#include <algorithm>
#include <cstddef>

#include "tls/ja4.h"

namespace postern::tls {

namespace {

std::string_view view_of(const CBS& bytes) {
  return {reinterpret_cast<const char*>(CBS_data(&bytes)), CBS_len(&bytes)};
}

using Numbers = std::vector<std::uint16_t>;

Numbers read_numbers(CBS list) {
  Numbers numbers;
  numbers.reserve(CBS_len(&list) / 2);
  std::uint16_t number = 0;
  while (CBS_get_u16(&list, &number)) numbers.push_back(number);
  return numbers;
}

Numbers bounded(const Numbers& numbers, Offer& offer) {
  const auto kept = std::min(numbers.size(), Offer::kMaxNumbers);
  offer.is_cut = offer.is_cut || kept < numbers.size();
  return {numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(kept)};
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
Numbers read_list(const SSL_CLIENT_HELLO& hello, std::uint16_t type) {
  CBS body;
  CBS list;
  if (!find_extension(hello, type, body) || !CBS_get_u16_length_prefixed(&body, &list)) return {};
  return read_numbers(list);
}

Numbers read_extension_types(const SSL_CLIENT_HELLO& hello) {
  CBS all;
  CBS body;
  CBS_init(&all, hello.extensions, hello.extensions_len);
  Numbers types;
  std::uint16_t type = 0;
  while (CBS_get_u16(&all, &type) && CBS_get_u16_length_prefixed(&all, &body))
    types.push_back(type);
  return types;
}

// RFC 6066 section 3: the one name of type host_name; it has no trailing dot there, but some send one.
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
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// RFC 8446 section 4.2.1; a hello without that extension offers the one version that it is of, and
// (RFC 5246 appendix E.1) all before it.
Numbers read_versions(const SSL_CLIENT_HELLO& hello) {
  CBS body;
  CBS list;
  if (find_extension(hello, TLSEXT_TYPE_supported_versions, body) &&
      CBS_get_u8_length_prefixed(&body, &list)) {
    return read_numbers(list);
  }
  return {hello.version};
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
  offer->server_name = read_server_name(hello);
  read_alpn(hello, offer->alpn);
  const Ja4Parts parts = {
      .versions = read_versions(hello),
      .ciphers = read_numbers(ciphers),
      .extensions = read_extension_types(hello),
      .signature_algorithms = read_list(hello, TLSEXT_TYPE_signature_algorithms),
      .alpn = offer->alpn,
  };
  offer->versions = bounded(parts.versions, *offer);
  offer->ciphers = bounded(parts.ciphers, *offer);
  offer->groups = bounded(read_list(hello, TLSEXT_TYPE_supported_groups), *offer);
  offer->signature_algorithms = bounded(parts.signature_algorithms, *offer);
  offer->ja4 = ja4_of(parts);
  return offer;
}

}  // namespace postern::tls
