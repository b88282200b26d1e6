// See backend_tls_section.h.
#include "conf/backend_tls_section.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/draft.h"
#include "conf/keys.h"
#include "conf/source.h"
#include "conf/values.h"
#include "conf/words.h"

namespace postern::conf {
namespace {

constexpr std::string_view kVerifyExpected = "a mapping with ca and name, or `off`";
constexpr std::string_view kPinExpected =
    "a list of SHA-256 sums of public keys, in hexadecimal or Base64";
constexpr std::string_view kOwnExpected = "a mapping with chain and key";

// Empty: as if it did not stand there.
template <class T>
auto or_empty(Parsed<T> (*parse)(std::string_view)) {
  return [parse](std::string_view text) -> Parsed<T> {
    return text.empty() ? Parsed<T>{T{}, {}} : parse(text);
  };
}

Parsed<std::string> parse_certificate_name(std::string_view text) {
  if (auto ip = parse_ip(text)) return {std::move(ip), {}};
  auto name = parse_server_name(text);
  if (!name.value) name.expected = "a host name or a numeric address, without port";
  return name;
}

// What stands there and says something.
struct Stated {
  Place verify;
  Place ca;
  Place name;
  Place off;
  Place pins;
  Place own;
};

void read_verify(const Value& value, const std::filesystem::path& folder, Verify& verify,
                 Stated& stated) {
  verify.place = value.place();
  if (value.is_scalar("off")) {
    verify.is_on = false;
    stated.verify = stated.off = value.place();
    return;
  }
  const auto fields = value.fields(kVerifyExpected, kVerifyKeys);
  if (!fields) return;
  std::string ca;
  stated.ca = fields->read("ca", parse_path, ca);
  if (is_stated(stated.ca) && ca != "system") {
    verify.ca = (folder / ca).string();
    verify.place = stated.verify = stated.ca;
  }
  const auto name = fields->read("name", or_empty(parse_certificate_name), verify.name);
  if (!verify.name.empty()) stated.verify = stated.name = name;
}

void read_pins(const Value& value, std::vector<Pin>& pins, Stated& stated) {
  if (value.is_empty_list()) return;
  for (const auto& item : value.items(kPinExpected, kMostPins)) {
    const auto pin = item.parsed<Pin>(parse_pin);
    stated.pins = value.place();
    if (pin && std::find(pins.begin(), pins.end(), *pin) == pins.end()) pins.push_back(*pin);
  }
}

void read_own(const Value& value, const std::filesystem::path& folder, Backend& backend,
              Stated& stated) {
  const auto fields = value.fields(kOwnExpected, kClientCertificateKeys);
  if (!fields) return;
  Certificate own;
  own.place = value.place();
  const auto chain =
      fields->read_needed("chain", "the path of a PEM file", or_empty(parse_path), own.chain);
  const auto key = fields->read_needed("key", "the path of its key", or_empty(parse_path), own.key);
  if (own.chain.empty() && own.key.empty()) return;
  stated.own = value.place();
  if (own.chain.empty() && is_stated(chain)) value.error("a key without chain");
  if (own.key.empty() && is_stated(key)) value.error("a chain without key");
  own.chain = (folder / own.chain).string();
  own.key = (folder / own.key).string();
  backend.client_certificate = std::move(own);
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<Pin> from_hex(std::string_view text) {
  Pin pin{};
  if (text.size() != 2 * pin.size()) return std::nullopt;
  for (std::size_t i = 0; i < pin.size(); ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    pin[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return pin;
}

// RFC 4648 section 4, of 32 octets: 43 characters and one `=`.
std::optional<Pin> from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kDigits = 43;
  if (text.size() != kDigits + 1 || text.back() != '=') return std::nullopt;
  Pin pin{};
  unsigned bits = 0;
  int count = 0;
  std::size_t at = 0;
  for (const char c : text.substr(0, kDigits)) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    pin[at++] = static_cast<std::uint8_t>(bits >> count & 0xff);
  }
  if ((bits & 3) != 0) return std::nullopt;  // bits that stand for nothing
  return pin;
}

}  // namespace

Parsed<Pin> parse_pin(std::string_view text) {
  auto sum = text;
  for (const std::string_view begin : {"sha256//", "sha256/", "sha256:"}) {
    if (sum.size() == text.size() && sum.starts_with(begin)) sum.remove_prefix(begin.size());
  }
  auto pin = from_hex(sum);
  if (!pin) pin = from_base64(sum);
  return {pin, pin ? "" : "a SHA-256 sum in 64 hexadecimal digits or 44 characters of Base64"};
}

void read_backend_tls(const Fields& fields, const std::filesystem::path& folder, Backend& backend,
                      Findings& findings) {
  Stated stated;
  backend.tls_place = fields.choose("tls", kBackendTls, backend.tls);
  if (const auto verify = fields.find("verify")) {
    read_verify(*verify, folder, backend.verify, stated);
  }
  if (const auto pins = fields.find("pin")) read_pins(*pins, backend.pins, stated);
  if (const auto own = fields.find("client_certificate")) read_own(*own, folder, backend, stated);
  if (is_stated(stated.pins) && !is_stated(stated.ca)) backend.verify.is_on = false;
  if (backend.tls == BackendTls::none) {
    if (fields.find("tls") && !is_stated(backend.tls_place)) return;  // reported already
    const std::pair<std::string_view, Place> kinds[] = {
        {"verify", stated.verify}, {"pin", stated.pins}, {"client_certificate", stated.own}};
    for (const auto& [key, place] : kinds) {
      if (!is_stated(place)) continue;
      findings.error(place, "`" + std::string(key) + "` of backend " + shown(backend.name) +
                                " without TLS: all goes there in clear; expected `tls: implicit` "
                                "or `tls: starttls` beside it");
    }
  } else if (is_stated(stated.name) && !backend.verify.is_on) {
    findings.warning(
        stated.name,
        "backend " + shown(backend.name) +
            ": the certificate is not compared with this name, as the `pin` stands for "
            "it; to have both, name a `ca` beside it");
  } else if (is_stated(stated.off) && !is_stated(stated.pins)) {
    findings.warning(stated.off,
                     "backend " + shown(backend.name) +
                         ": whoever is on the way there can read and change everything, as no "
                         "certificate is verified; give a CA or a `pin`");
  }
}

}  // namespace postern::conf
