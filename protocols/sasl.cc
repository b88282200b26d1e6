// See sasl.h. Which response of which mechanism holds the name:
//
//   mechanism        response     name                                          RFC
//   PLAIN            any          [authzid] NUL authcid NUL secret              4616
//   LOGIN            first        all of it; the second is the secret: unread   (draft-murchison)
//   CRAM-MD5         any          up to the last space; digest behind it        2195
//   DIGEST-MD5       any          username="…", authzid="…"                     2831
//   SCRAM-*          any          a=…, n=… of the client-first message          5802
//   NTLM             type 3       DOMAIN\user                                   MS-NLMP
//   GSS-SPNEGO       NTLM inside  as NTLM                                       4178
//   GSSAPI           last         authorization identity only, if readable      4752
//   XOAUTH2          any          user=…                                        (Google)
//   OAUTHBEARER      any          a=…                                           7628
//   EXTERNAL         any          all of it: the identity asked for             4422
//   ANONYMOUS, KERBEROS_V4        none, ever                                    4505, 2222
//
// "any": each that is not empty (NTLM: and no type 1; XOAUTH2, OAUTHBEARER: and not the 0x01 that
// answers an error; SCRAM: and not the client-final message). A server may pass an initial response
// over and ask again, so all of them are read and must name the same user. Where one has not the
// mechanism's own form, or the mechanism is unknown, the name is unreadable, whatever else comes.
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
// How an NTLM message begins, and one with a name.
constexpr std::string_view kNtlm("NTLMSSP\0", 8);
constexpr std::string_view kNtlmName("NTLMSSP\0\3\0\0\0", 12);

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

// All readers leave login.user empty where the message has not the form, or has no name.

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
// its quotes resolved into `value` where `wanted` says so. None: the end, or no such thing.
constexpr std::string_view kListBlanks = " \t,";
template <typename Wanted>
std::optional<std::string_view> take_directive(std::string_view& list, std::string& value,
                                               const Wanted& wanted) {
  const auto start = list.find_first_not_of(kListBlanks);
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
      const auto behind = std::min(list.find_first_not_of(" \t", i + 1), list.size());
      if (behind < list.size() && list[behind] != ',') return std::nullopt;
      list.remove_prefix(behind);
      return key;
    }
    if (list[i] == '\\' && ++i == list.size()) break;
    push(list[i]);
  }
  return std::nullopt;  // the quote never ended; the list still has it
}

// RFC 2831 section 2.1.2. Names are UTF-8, or else ISO 8859-1, whatever `charset` says of them: not
// all servers look at it. A second username, or what is no list to its end, is read in many ways.
void read_digest_md5(std::string_view message, Login& login) {
  const auto is_user = [](std::string_view key) { return equal_ignoring_case(key, "username"); };
  const auto wanted = [&](std::string_view key) {
    return is_user(key) || equal_ignoring_case(key, "authzid");
  };
  std::string user;
  std::string authorization;
  std::string value;
  int users = 0;
  while (const auto key = take_directive(message, value, wanted)) {
    if (is_user(*key)) {
      user = value;
      ++users;
    } else if (wanted(*key) && authorization.empty()) {
      authorization = value;
    }
  }
  const bool is_whole = message.find_first_not_of(kListBlanks) == std::string_view::npos;
  if (users == 1 && is_whole) set(login, user_name(user), user_name(authorization));
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

constexpr char kOauthSeparator = '\x01';

void read_oauthbearer(std::string_view message, Login& login) {
  auto user = take_gs2_header(message);
  if (user && message.starts_with(kOauthSeparator)) set(login, *std::move(user), {});
}

// Of two users some servers take the first, some the last.
void read_xoauth2(std::string_view message, Login& login) {
  constexpr std::string_view kUser = "user=";
  const auto end = message.find(kOauthSeparator);
  if (!message.starts_with(kUser) || end == std::string_view::npos) return;
  for (auto at = end; at != std::string_view::npos; at = message.find(kOauthSeparator, at + 1)) {
    if (equal_ignoring_case(message.substr(at + 1, kUser.size()), kUser)) return;
  }
  set(login, user_name(message.substr(kUser.size(), end - kUser.size())), {});
}

void read_ntlm(std::string_view message, NtlmLetters offered, Login& login) {
  auto user = ntlm_name(message, offered);
  if (user) set(login, readable_user_name(*std::move(user)), {});
}

void read_spnego(std::string_view message, NtlmLetters offered, Login& login) {
  const auto inner = spnego_response_token(message);
  read_ntlm(inner ? *inner : message, offered, login);
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
  hidden,   // the mechanism has no name that could be read
  unknown,  // what a server makes of it nobody knows
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
  if (mechanism == "ANONYMOUS" || mechanism == "KERBEROS_V4") return Reader::hidden;
  return Reader::unknown;
}

void read_name(Reader reader, std::string_view message, NtlmLetters offered, Login& login) {
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
      return read_ntlm(message, offered, login);
    case Reader::spnego:
      return read_spnego(message, offered, login);
    case Reader::gssapi:
      return read_gssapi(message, login);
    case Reader::xoauth2:
      return read_xoauth2(message, login);
    case Reader::oauthbearer:
      return read_oauthbearer(message, login);
    case Reader::hidden:
    case Reader::unknown:
      return;
  }
}

// Whether a message behind the one with the name is of a form that brings none.
bool is_later_message(Reader reader, std::string_view message) {
  switch (reader) {
    case Reader::scram:
      return message.starts_with("c=");
    case Reader::xoauth2:
    case Reader::oauthbearer:
      return message == std::string_view(&kOauthSeparator, 1);
    default:
      return false;
  }
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
  hides_name_ = reader == Reader::gssapi || reader == Reader::hidden;
  is_unreadable_ = reader == Reader::unknown;
  name_follows_ = !hides_name_ && !is_unreadable_;
}

// What the next response says; a name stands in `read` then.
SaslExchange::Told SaslExchange::read(std::string_view base64, Login& read) {
  const auto reader = reader_of(login_.mechanism);
  if (reader == Reader::hidden || reader == Reader::unknown) return Told::nothing;
  if (reader == Reader::login) {
    // The name alone, then the secret. A server that asks once more took the one for the other.
    if (responses_ == 2) return Told::nothing;
    if (responses_ > 2 || base64.empty()) return Told::unreadable;
  }
  if (base64.empty()) {
    return reader == Reader::external && name_follows_ ? Told::hidden : Told::nothing;
  }
  Decoded decoded;
  const bool is_decoded = responses_ <= kMostResponses && base64.size() <= kLongestResponse &&
                          decode_base64(base64, decoded.bytes);
  if (reader == Reader::gssapi) {
    if (is_decoded) read_name(reader, decoded.bytes, offered_, read);
    return Told::nothing;
  }
  if (!is_decoded) return Told::unreadable;
  if (!name_follows_ && is_later_message(reader, decoded.bytes)) return Told::nothing;
  const std::string_view message = decoded.bytes;
  if (reader == Reader::ntlm) {
    if (const auto offer = ntlm_offer(message)) return take_offer(*offer);
  } else if (reader == Reader::spnego && message.find(kNtlmName) == std::string_view::npos) {
    const auto at = message.find(kNtlm);
    if (at == std::string_view::npos) {  // Kerberos
      return login_.user.empty() ? Told::hidden : Told::nothing;
    }
    if (const auto offer = ntlm_offer(message.substr(at))) return take_offer(*offer);
  }
  read_name(reader, decoded.bytes, offered_, read);
  return read.user.empty() ? Told::unreadable : Told::name;
}

SaslExchange::Told SaslExchange::take_offer(NtlmLetters offered) {
  offered_ = offered;
  return Told::nothing;
}

bool SaslExchange::response(std::string_view base64) {
  if (responses_ <= kMostResponses) ++responses_;
  // SASL LOGIN gives the name alone first.
  const bool is_name = login_.mechanism == "AUTH-LOGIN" && responses_ == 1;
  if (login_.sends_secret && !base64.empty() && !is_name) has_sent_secret_ = true;
  if (is_unreadable_) return false;
  const auto before = login_;
  const bool did_follow = name_follows_;
  const bool did_hide = hides_name_;
  Login found;
  auto told = read(base64, found);
  if (told == Told::name && !login_.user.empty() && found.user != login_.user) {
    told = Told::unreadable;
  }
  switch (told) {
    case Told::name:
      login_.user = std::move(found.user);
      login_.authorization = std::move(found.authorization);
      name_follows_ = hides_name_ = false;
      break;
    case Told::nothing:
      if (!found.authorization.empty()) login_.authorization = std::move(found.authorization);
      break;
    case Told::hidden:
      hides_name_ = true;
      name_follows_ = false;
      break;
    case Told::unreadable:
      login_.user.clear();
      login_.authorization.clear();
      is_unreadable_ = true;
      name_follows_ = hides_name_ = false;
      break;
  }
  return login_ != before || did_follow != name_follows_ || did_hide != hides_name_;
}

}  // namespace postern::protocols
