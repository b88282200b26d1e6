// See sasl.h. Which response of which mechanism holds the name:
//
//   mechanism        response     name                                          RFC
//   PLAIN            first        [authzid] NUL authcid NUL secret              4616
//   LOGIN            first        all of it; the second is the secret: unread   (draft-murchison)
//   CRAM-MD5         any          up to the last space; digest behind it        2195
//   DIGEST-MD5       any          username="…", authzid="…"                     2831
//   SCRAM-*          any          a=…, n=… of the client-first message          5802
//   NTLM             type 3       DOMAIN\user                                   MS-NLMP
//   GSS-SPNEGO       NTLM inside  as NTLM                                       4178
//   GSSAPI           last         authorization identity only, if readable      4752
//   XOAUTH2          any          user=…                                        (Google)
//   OAUTHBEARER      any          a=…                                           7628
//   EXTERNAL         first        all of it: the identity asked for             4422
//   others           none
//
// "any": the first that is not empty (NTLM: and no type 1). Where that has not the mechanism's own
// form the name stays unknown: what a server makes of it nobody knows.
#include "protocols/sasl.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "protocols/base64.h"
#include "protocols/line_buffer.h"
#include "protocols/ntlm.h"
#include "protocols/user_name.h"

namespace postern::protocols {

namespace {

constexpr std::size_t kLongestMechanism = 32;
constexpr std::size_t kLongestResponse = 128 * 1024;  // base64; a longer one is not looked at
constexpr int kMostResponses = 16;                    // later ones are not looked at

// Octets of a response, decoded; wiped when it goes.
struct Decoded {
  std::string bytes;
  Decoded() = default;
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;
  ~Decoded() { wipe(bytes); }
};

void set(Login& login, std::string user, std::string authorization) {
  login.user = std::move(user);
  login.authorization = authorization == login.user ? std::string() : std::move(authorization);
}

// RFC 4616 section 2. With any other number of NULs, or with nothing behind the second (`user NUL
// secret NUL`), a guess could show the secret: nothing.
void read_plain(std::string_view message, Login& login) {
  const auto first = message.find('\0');
  if (first == std::string_view::npos) return;
  const auto second = message.find('\0', first + 1);
  if (second == std::string_view::npos || second == first + 1) return;
  if (second + 1 == message.size()) return;
  if (message.find('\0', second + 1) != std::string_view::npos) return;
  set(login, user_name(message.substr(first + 1, second - first - 1)),
      user_name(message.substr(0, first)));
}

// RFC 2195 section 2: a user may hold spaces, the digest (32 hexadecimal digits) none.
void read_cram_md5(std::string_view message, Login& login) {
  constexpr std::size_t kDigits = 32;
  const auto space = message.rfind(' ');
  if (space == std::string_view::npos || message.size() - space - 1 != kDigits) return;
  const auto digest = message.substr(space + 1);
  if (digest.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return;
  set(login, user_name(message.substr(0, space)), {});
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Takes one `key=value` of a DIGEST-MD5 list off the front (RFC 2831 section 7.1), the value with
// its quotes resolved into `value` where `wanted` says so. None: no such thing.
template <typename Wanted>
std::optional<std::string_view> take_directive(std::string_view& list, std::string& value,
                                               const Wanted& wanted) {
  const auto start = list.find_first_not_of(" \t,");
  if (start == std::string_view::npos) return std::nullopt;
  list.remove_prefix(start);
  const auto equals = list.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const auto key = list.substr(0, list.substr(0, equals).find_last_not_of(" \t") + 1);
  list.remove_prefix(equals + 1);
  list.remove_prefix(std::min(list.find_first_not_of(" \t"), list.size()));
  value.clear();
  const bool keep = wanted(key);
  const auto push = [&](char c) {
    if (keep) value.push_back(c);
  };
  if (!list.starts_with('"')) {
    const auto end = std::min(list.find(','), list.size());
    for (const char c : list.substr(0, end)) push(c);
    list.remove_prefix(end);
    return key;
  }
  for (std::size_t i = 1; i < list.size(); ++i) {
    if (list[i] == '"') {
      list.remove_prefix(i + 1);
      return key;
    }
    if (list[i] == '\\' && ++i == list.size()) break;
    push(list[i]);
  }
  return std::nullopt;  // the quote never ended
}

// RFC 2831 section 2.1.2. The names are ISO 8859-1 unless `charset=utf-8` is there.
void read_digest_md5(std::string_view message, Login& login) {
  const auto is_name = [](std::string_view key) {
    return equal_ignoring_case(key, "username") || equal_ignoring_case(key, "authzid");
  };
  const auto wanted = [&](std::string_view key) {
    return is_name(key) || equal_ignoring_case(key, "charset");
  };
  std::string user;
  std::string authorization;
  bool utf8 = false;
  std::string value;
  while (const auto key = take_directive(message, value, wanted)) {
    if (equal_ignoring_case(*key, "username") && user.empty()) user = value;
    if (equal_ignoring_case(*key, "authzid") && authorization.empty()) authorization = value;
    if (equal_ignoring_case(*key, "charset")) utf8 = equal_ignoring_case(value, "utf-8");
  }
  const auto converted = [&](const std::string& name) {
    return bounded_user_name(utf8 ? utf8_or_latin1(name) : latin1_to_utf8(name));
  };
  if (!user.empty()) set(login, converted(user), converted(authorization));
}

// A saslname (RFC 5802 section 5.1): =2C is a comma, =3D an equals sign, no other = may stand
// there.
std::optional<std::string> saslname(std::string_view escaped) {
  std::string name;
  while (!escaped.empty()) {
    if (escaped[0] != '=') {
      name.push_back(escaped[0]);
      escaped.remove_prefix(1);
      continue;
    }
    const auto code = escaped.substr(1, 2);
    if (equal_ignoring_case(code, "2c")) {
      name.push_back(',');
    } else if (equal_ignoring_case(code, "3d")) {
      name.push_back('=');
    } else {
      return std::nullopt;
    }
    escaped.remove_prefix(3);
  }
  return user_name(name);
}

// Takes a gs2 header off the front (RFC 5801 section 4): n,[a=name], or y,… or p=type,…. Gives the
// authorization identity, "" where it is not given. None: no such header.
std::optional<std::string> take_gs2_header(std::string_view& message) {
  const auto first = message.find(',');
  if (first == std::string_view::npos) return std::nullopt;
  const auto flag = message.substr(0, first);
  if (flag != "n" && flag != "y" && !flag.starts_with("p=")) return std::nullopt;
  const auto second = message.find(',', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto field = message.substr(first + 1, second - first - 1);
  message.remove_prefix(second + 1);
  if (field.empty()) return std::string();
  if (!field.starts_with("a=")) return std::nullopt;
  return saslname(field.substr(2));
}

// The client-first message (RFC 5802 section 7); the final one has no gs2 header at its front.
void read_scram(std::string_view message, Login& login) {
  auto authorization = take_gs2_header(message);
  if (!authorization || !message.starts_with("n=")) return;
  message.remove_prefix(2);
  const auto user = saslname(message.substr(0, message.find(',')));
  if (user) set(login, *user, *std::move(authorization));
}

void read_oauthbearer(std::string_view message, Login& login) {
  auto user = take_gs2_header(message);
  if (user) set(login, *std::move(user), {});
}

void read_xoauth2(std::string_view message, Login& login) {
  constexpr std::string_view kUser = "user=";
  const auto end = message.find('\x01');
  if (!message.starts_with(kUser) || end == std::string_view::npos) return;
  set(login, user_name(message.substr(kUser.size(), end - kUser.size())), {});
}

void read_ntlm(std::string_view message, Login& login) {
  auto user = ntlm_name(message);
  if (user) set(login, bounded_user_name(*std::move(user)), {});
}

void read_spnego(std::string_view message, Login& login) {
  const auto inner = spnego_response_token(message);
  read_ntlm(inner ? *inner : message, login);
}

// The last client token of GSSAPI (RFC 4752 section 3.1): an RFC 4121 wrap token, unsealed, around
// four octets and the authorization identity.
void read_gssapi(std::string_view message, Login& login) {
  constexpr std::size_t kHeader = 16;
  constexpr std::size_t kLayer = 4;
  constexpr unsigned kFromAcceptor = 1;
  constexpr unsigned kSealed = 2;
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(message[at]); };
  if (!message.starts_with("\x05\x04") || message.size() < kHeader) return;
  if ((octet(2) & (kFromAcceptor | kSealed)) != 0) return;
  const std::size_t checksum = octet(4) * 256u + octet(5);
  const std::size_t rotated = octet(6) * 256u + octet(7);
  const auto body = message.substr(kHeader);
  if (body.size() < checksum + kLayer) return;
  const std::size_t plain = body.size() - checksum;
  const std::size_t shift = rotated % body.size();
  std::string identity;
  for (std::size_t i = kLayer; i < plain && identity.size() <= kMaxUserName; ++i) {
    identity.push_back(body[(i + shift) % body.size()]);
  }
  login.authorization = user_name(identity);
}

enum class Reader {
  plain,
  login,
  cram_md5,
  digest_md5,
  scram,
  ntlm,
  spnego,
  gssapi,
  xoauth2,
  oauthbearer,
  external,
  none,
};

// `mechanism` as it stands in Login.
Reader reader_of(std::string_view mechanism) {
  if (mechanism == "PLAIN") return Reader::plain;
  if (mechanism == "AUTH-LOGIN") return Reader::login;
  if (mechanism == "CRAM-MD5") return Reader::cram_md5;
  if (mechanism == "DIGEST-MD5") return Reader::digest_md5;
  if (mechanism.starts_with("SCRAM-")) return Reader::scram;
  if (mechanism == "NTLM") return Reader::ntlm;
  if (mechanism == "GSS-SPNEGO") return Reader::spnego;
  if (mechanism == "GSSAPI") return Reader::gssapi;
  if (mechanism == "XOAUTH2") return Reader::xoauth2;
  if (mechanism == "OAUTHBEARER") return Reader::oauthbearer;
  if (mechanism == "EXTERNAL") return Reader::external;
  return Reader::none;
}

void read(Reader reader, std::string_view message, Login& login) {
  switch (reader) {
    case Reader::plain:
      return read_plain(message, login);
    case Reader::login:
    case Reader::external:
      return set(login, user_name(message), {});
    case Reader::cram_md5:
      return read_cram_md5(message, login);
    case Reader::digest_md5:
      return read_digest_md5(message, login);
    case Reader::scram:
      return read_scram(message, login);
    case Reader::ntlm:
      return read_ntlm(message, login);
    case Reader::spnego:
      return read_spnego(message, login);
    case Reader::gssapi:
      return read_gssapi(message, login);
    case Reader::xoauth2:
      return read_xoauth2(message, login);
    case Reader::oauthbearer:
      return read_oauthbearer(message, login);
    case Reader::none:
      return;
  }
}

// Whether a response that brought no name cannot have logged anybody in either, so that the name may
// still come: an empty one, and NTLM's type 1. EXTERNAL logs in with an empty one, and a server may
// take LOGIN's for the name.
bool leads_to_name(Reader reader, std::string_view base64, std::string_view decoded) {
  constexpr std::string_view kNegotiate("NTLMSSP\0\1\0\0\0", 12);
  if (reader == Reader::login || reader == Reader::external) return false;
  if (base64.empty()) return true;
  const bool is_ntlm = reader == Reader::ntlm || reader == Reader::spnego;
  return is_ntlm && decoded.starts_with(kNegotiate);
}

// Upper case, printable, bounded.
std::string mechanism_name(std::string_view as_written) {
  std::string name;
  for (const char c : as_written.substr(0, kLongestMechanism)) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool printable = c > 0x20 && c < 0x7f;
    name.push_back(lower ? static_cast<char>(c & ~0x20) : printable ? c : '?');
  }
  if (name.empty()) return "?";
  return name == "LOGIN" ? "AUTH-LOGIN" : name;
}

}  // namespace

SaslExchange::SaslExchange(std::string_view mechanism) {
  login_.mechanism = mechanism_name(mechanism);
  const auto reader = reader_of(login_.mechanism);
  login_.sends_secret = reader == Reader::plain || reader == Reader::login ||
                        reader == Reader::xoauth2 || reader == Reader::oauthbearer;
  name_follows_ = reader != Reader::gssapi && reader != Reader::none;
}

bool SaslExchange::response(std::string_view base64) {
  const auto reader = reader_of(login_.mechanism);
  const auto before = login_;
  // GSSAPI's identity may stand in any token; all others' in what follows no name.
  const bool worthwhile = responses_ < kMostResponses &&
                          (reader == Reader::gssapi || reader == Reader::spnego || name_follows_);
  // SASL LOGIN gives the name alone first.
  const bool is_name = reader == Reader::login && responses_ == 0;
  if (login_.sends_secret && !base64.empty() && !is_name) has_sent_secret_ = true;
  if (responses_ < kMostResponses) ++responses_;
  Decoded decoded;
  const bool is_read = worthwhile && !base64.empty() && base64.size() <= kLongestResponse &&
                       decode_base64(base64, decoded.bytes);
  if (is_read && login_.user.empty()) read(reader, decoded.bytes, login_);
  const bool did_follow = name_follows_;
  name_follows_ = did_follow && login_.user.empty() && leads_to_name(reader, base64, decoded.bytes);
  return login_ != before || did_follow != name_follows_;
}

}  // namespace postern::protocols
