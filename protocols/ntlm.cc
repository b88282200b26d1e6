// See ntlm.h. Everything is found by the offsets in the header, never by an assumed layout: clients
// differ in where their payload starts (52, 64, 72 or 88) and in the order of its parts.
#include "protocols/ntlm.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "protocols/user_name.h"

namespace postern::protocols {

namespace {

constexpr std::string_view kSignature{"NTLMSSP\0", 8};
constexpr std::size_t kTypeAt = 8;
constexpr std::uint32_t kType1 = 1;
constexpr std::uint32_t kType3 = 3;
constexpr std::size_t kOfferAt = 12;  // type 1's flags
constexpr std::size_t kLmResponseAt = 12;
constexpr std::size_t kNtResponseAt = 20;
constexpr std::size_t kDomainAt = 28;
constexpr std::size_t kUserAt = 36;
constexpr std::size_t kWorkstationAt = 44;
constexpr std::size_t kShortestHeader = 52;  // without session key, flags, version and MIC
constexpr std::size_t kFlagsAt = 60;
constexpr std::uint32_t kUnicode = 1;
constexpr std::uint32_t kOem = 2;
// Longer names are cut: what is left is still longer than a Login may hold.
constexpr std::size_t kLongestName = 2 * 256;

std::uint32_t octet(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint32_t u16(std::string_view bytes, std::size_t at) {
  return octet(bytes, at) | octet(bytes, at + 1) << 8;
}

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return u16(bytes, at) | u16(bytes, at + 2) << 16;
}

struct Field {
  std::size_t offset;
  std::size_t length;
};

Field field(std::string_view message, std::size_t at) {
  return {u32(message, at + 4), u16(message, at)};
}

// The bytes of a field; none where they do not lie in the payload.
std::optional<std::string_view> part(std::string_view message, Field place) {
  if (place.length == 0) return std::string_view{};
  if (place.offset < kShortestHeader || place.offset > message.size() ||
      place.length > message.size() - place.offset) {
    return std::nullopt;
  }
  return message.substr(place.offset, std::min(place.length, kLongestName));
}

// UTF-16LE, an even number of octets; an unpaired surrogate becomes U+FFFD.
std::string utf16_to_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    std::uint32_t point = u16(bytes, i);
    if (point >= 0xd800 && point < 0xdc00 && i + 3 < bytes.size()) {
      const auto low = u16(bytes, i + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        i += 2;
      }
    }
    if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
    append_utf8(text, point);
  }
  return text;
}

using Letters = NtlmLetters;

// Which letters the names are in. The oldest clients send neither session key nor flags: then the
// payload begins where those would be.
Letters letters_of(std::string_view message) {
  std::size_t payload = message.size();
  for (const auto at : {kLmResponseAt, kNtResponseAt, kDomainAt, kUserAt, kWorkstationAt}) {
    const auto place = field(message, at);
    if (place.length > 0) payload = std::min(payload, place.offset);
  }
  if (payload < kFlagsAt + 4) return Letters::unknown;
  return (u32(message, kFlagsAt) & kUnicode) != 0 ? Letters::unicode : Letters::oem;
}

std::optional<std::string> name(std::string_view bytes, Letters letters) {
  if (letters == Letters::unknown) {
    const bool wide = bytes.size() % 2 == 0 && bytes.find('\0') != std::string_view::npos;
    letters = wide ? Letters::unicode : Letters::oem;
  }
  if (letters == Letters::oem) return utf8_or_latin1(bytes);
  if (bytes.size() % 2 != 0) return std::nullopt;
  return utf16_to_utf8(bytes);
}

// One DER element: takes tag, length and content off the front of `bytes`, gives the content. None:
// another tag, an indefinite length, or more than there is.
std::optional<std::string_view> der(std::string_view& bytes, std::uint32_t tag) {
  if (bytes.size() < 2 || octet(bytes, 0) != tag) return std::nullopt;
  std::size_t length = octet(bytes, 1);
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t more = length & 0x7f;
    if (more == 0 || more > 3 || bytes.size() < 2 + more) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8 | octet(bytes, 2 + i);
    header += more;
  }
  if (length > bytes.size() - header) return std::nullopt;
  const auto content = bytes.substr(header, length);
  bytes.remove_prefix(header + length);
  return content;
}

}  // namespace

std::optional<NtlmLetters> ntlm_offer(std::string_view message) {
  if (!message.starts_with(kSignature) || message.size() < kTypeAt + 4 ||
      u32(message, kTypeAt) != kType1) {
    return std::nullopt;
  }
  if (message.size() < kOfferAt + 4) return Letters::unknown;
  const auto flags = u32(message, kOfferAt);
  if ((flags & kUnicode) != 0) return Letters::unicode;
  return (flags & kOem) != 0 ? Letters::oem : Letters::unknown;
}

std::optional<std::string> ntlm_name(std::string_view message, NtlmLetters offered) {
  if (message.size() < kShortestHeader || !message.starts_with(kSignature) ||
      u32(message, kTypeAt) != kType3) {
    return std::nullopt;
  }
  const auto domain_bytes = part(message, field(message, kDomainAt));
  const auto user_bytes = part(message, field(message, kUserAt));
  if (!domain_bytes || !user_bytes) return std::nullopt;
  auto letters = letters_of(message);
  if (letters == Letters::unknown) letters = offered;
  if (offered != Letters::unknown && letters != offered) return std::nullopt;
  // Judged by the whole length, since a long name was cut to an even one.
  const auto odd = [&](std::size_t at) { return field(message, at).length % 2 != 0; };
  if (letters == Letters::unicode && (odd(kDomainAt) || odd(kUserAt))) return std::nullopt;
  const auto domain = name(*domain_bytes, letters);
  const auto user = name(*user_bytes, letters);
  if (!domain || !user) return std::nullopt;
  // Each ends at its own NULs: a domain's must not cut the user off.
  const auto domain_part = readable_user_name(*domain);
  const auto user_part = readable_user_name(*user);
  const auto is_lost = [](const std::string& part, const std::string& whole) {
    return part.empty() && whole.find_first_not_of('\0') != std::string::npos;
  };
  if (is_lost(domain_part, *domain) || is_lost(user_part, *user)) return std::nullopt;
  if (user_part.empty() || domain_part.empty()) return user_part;
  return domain_part + "\\" + user_part;
}

std::optional<std::string_view> spnego_response_token(std::string_view token) {
  // NegTokenResp ::= [1] SEQUENCE { negState [0], supportedMech [1], responseToken [2], … }
  constexpr std::uint32_t kNegTokenResp = 0xa1;
  constexpr std::uint32_t kSequence = 0x30;
  constexpr std::uint32_t kNegState = 0xa0;
  constexpr std::uint32_t kSupportedMech = 0xa1;
  constexpr std::uint32_t kResponseToken = 0xa2;
  constexpr std::uint32_t kOctetString = 0x04;
  auto outer = der(token, kNegTokenResp);
  if (!outer) return std::nullopt;
  auto fields = der(*outer, kSequence);
  if (!fields) return std::nullopt;
  der(*fields, kNegState);
  der(*fields, kSupportedMech);
  auto response = der(*fields, kResponseToken);
  if (!response) return std::nullopt;
  return der(*response, kOctetString);
}

}  // namespace postern::protocols
