// See tls_clients_section.h.
#include "conf/tls_clients_section.h"

#include <chrono>
#include <string>
#include <string_view>

#include "conf/keys.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What TLS 1.3 lets a ticket live: RFC 8446 section 4.6.1.
constexpr std::chrono::hours kLongestRotation{7 * 24};

// A path, or "" for none.
auto path_in(const std::filesystem::path& folder) {
  return [&folder](std::string_view text) {
    if (text.empty()) return Parsed<std::string>{"", ""};
    auto path = parse_path(text);
    if (path.value) path.value = (folder / *path.value).string();
    return path;
  };
}

// A clock of seconds counts the slots.
Parsed<seconds> parse_rotation(std::string_view text) {
  const auto time = parse_time(text, seconds(1), kLongestRotation);
  if (time.value && *time.value % seconds(1) == milliseconds(0))
    return {std::chrono::duration_cast<seconds>(*time.value), ""};
  return {
      {},
      "whole seconds from 1s to " + time_text(kLongestRotation) + ", with their unit s, m, h or d"};
}

void read_tickets(const Value& value, const std::filesystem::path& folder, Tickets& tickets) {
  const auto keys = value.fields("a mapping with secret_file and rotate", kTicketsKeys);
  if (!keys) return;
  const auto file = keys->read("secret_file", path_in(folder), tickets.secret_file);
  if (file.line > 0) tickets.secret_file_place = file;
  keys->read("rotate", parse_rotation, tickets.rotate);
}

}  // namespace

void read_tls_clients(const Fields& fields, const std::filesystem::path& folder, Tls& tls,
                      TlsPlaces& places) {
  places.sni = fields.choose("sni", kSnis, tls.sni);
  if (const auto tickets = fields.find("tickets")) {
    places.tickets = tickets->place();
    read_tickets(*tickets, folder, tls.tickets);
  }
  places.client_certificates =
      fields.choose("client_certificates", kClientCertificates, tls.client_certificates);
  places.client_ca = fields.read("client_ca", path_in(folder), tls.client_ca);
  places.client_crl = fields.read("client_crl", path_in(folder), tls.client_crl);
  if (places.client_ca.line > 0) tls.client_ca_place = places.client_ca;
  if (places.client_crl.line > 0) tls.client_crl_place = places.client_crl;
  const auto is_bad = [&fields](std::string_view key, Place read) {
    return read.line == 0 && fields.find(key).has_value();
  };
  places.are_clients_whole = !is_bad("client_certificates", places.client_certificates) &&
                             !is_bad("client_ca", places.client_ca) &&
                             !is_bad("client_crl", places.client_crl);
}

}  // namespace postern::conf
