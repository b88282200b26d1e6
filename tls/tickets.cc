// See tickets.h.
//
// Nothing rotates: a slot's keys are derived when it is first asked for, and replaced by the next one's.
#include "tls/tickets.h"

#include <algorithm>
#include <cstring>

#include "tls/native.h"
#include "tls/secret_file.h"

namespace postern::tls {

namespace {

constexpr std::string_view kPurpose = "postern session ticket";

const std::uint8_t* octets_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// Eight octets, the highest first.
std::uint8_t* put(std::int64_t number, std::uint8_t* at) {
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    *at++ = static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (shift - 8));
  }
  return at;
}

std::int64_t get(const std::uint8_t* at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(number); ++i) number = number << 8 | at[i];
  return static_cast<std::int64_t>(number);
}

// A ticket: the slot's name; a nonce, long enough to be a random one however many are sealed; the
// session and its time, sealed together (XChaCha20-Poly1305).
constexpr std::size_t kNonce = 24;
constexpr std::size_t kTime = 8;
constexpr std::size_t kTag = 16;

bool init(EVP_AEAD_CTX* context, const TicketKeys::Native::SlotKeys& keys) {
  static_assert(sizeof(keys.name) + kNonce + kTime + kTag == TicketKeys::Native::kOverhead);
  return EVP_AEAD_CTX_init(context, EVP_aead_xchacha20_poly1305(), keys.key.data(), keys.key.size(),
                           kTag, nullptr) == 1;
}

}  // namespace

TicketKeys::Native::SlotKeys::~SlotKeys() { OPENSSL_cleanse(key.data(), key.size()); }

TicketKeys::Native::~Native() { OPENSSL_cleanse(secret.data(), secret.size()); }

std::int64_t TicketKeys::Native::present_slot() const { return now() / rotate; }

TicketKeys::Native::SlotKeys TicketKeys::Native::derive(std::int64_t slot) const {
  // The slot's length stands beside its number, which alone would mean different times to nodes that
  // rotate differently.
  std::array<std::uint8_t, kPurpose.size() + 2 * sizeof(slot)> label;
  put(slot, put(rotate.count(), std::copy(kPurpose.begin(), kPurpose.end(), label.begin())));
  SlotKeys keys;
  std::array<std::uint8_t, sizeof(keys.name) + sizeof(keys.key)> material;
  // Cannot fail: the length is far below 255 hashes.
  HKDF_expand(material.data(), material.size(), EVP_sha256(), secret.data(), secret.size(),
              label.data(), label.size());
  const auto* at = material.data();
  std::copy_n(at, keys.name.size(), keys.name.begin());
  std::copy_n(at + keys.name.size(), keys.key.size(), keys.key.begin());
  OPENSSL_cleanse(material.data(), material.size());
  return keys;
}

TicketKeys::Native::SlotKeys TicketKeys::Native::keys_of(std::int64_t slot) const {
  const std::lock_guard lock(mutex);
  auto& place = known[static_cast<std::size_t>(static_cast<std::uint64_t>(slot) % known.size())];
  if (!place.keys || place.slot != slot) place = {slot, derive(slot)};
  return *place.keys;
}

std::size_t TicketKeys::Native::seal(std::int64_t time, std::span<const std::uint8_t> session,
                                     std::uint8_t* out) const {
  const auto keys = keys_of(present_slot());
  std::uint8_t* const nonce = std::copy(keys.name.begin(), keys.name.end(), out);
  RAND_bytes(nonce, kNonce);
  std::uint8_t* const sealed = nonce + kNonce;
  std::copy(session.begin(), session.end(), put(time, sealed));
  std::size_t size = 0;
  bssl::ScopedEVP_AEAD_CTX context;
  const bool is_sealed =
      init(context.get(), keys) &&
      EVP_AEAD_CTX_seal(context.get(), sealed, &size, kTime + session.size() + kTag, nonce, kNonce,
                        sealed, kTime + session.size(), out, keys.name.size()) == 1;
  return is_sealed ? keys.name.size() + kNonce + size : 0;
}

std::optional<TicketKeys::Native::Opened> TicketKeys::Native::open(
    std::span<const std::uint8_t> ticket, std::uint8_t* out) const {
  if (ticket.size() < kOverhead) return std::nullopt;
  const auto present = present_slot();
  for (const auto slot : {present, present - 1, present + 1}) {
    const auto keys = keys_of(slot);
    if (!std::equal(keys.name.begin(), keys.name.end(), ticket.data())) continue;
    const std::uint8_t* const nonce = ticket.data() + keys.name.size();
    const std::uint8_t* const sealed = nonce + kNonce;
    std::size_t size = 0;
    bssl::ScopedEVP_AEAD_CTX context;
    if (!init(context.get(), keys) ||
        EVP_AEAD_CTX_open(context.get(), out, &size, ticket.size(), nonce, kNonce, sealed,
                          ticket.size() - keys.name.size() - kNonce, keys.name.data(),
                          keys.name.size()) != 1) {
      return std::nullopt;
    }
    const auto time = get(out);
    std::copy(out + kTime, out + size, out);
    return Opened{time, size - kTime};
  }
  return std::nullopt;
}

TicketKeys::TicketKeys(std::chrono::seconds rotate, std::function<std::chrono::seconds()> now)
    : native_(std::make_unique<Native>()) {
  // A pseudorandom key as it is: RFC 5869 section 3.3.
  RAND_bytes(native_->secret.data(), native_->secret.size());
  native_->rotate = std::max(rotate, std::chrono::seconds(1));
  native_->now = std::move(now);
}

TicketKeys::TicketKeys(std::string_view secret, std::chrono::seconds rotate,
                       std::function<std::chrono::seconds()> now)
    : TicketKeys(rotate, std::move(now)) {
  std::size_t size = 0;  // SHA-256's, as the array's
  HKDF_extract(native_->secret.data(), &size, EVP_sha256(), octets_of(secret), secret.size(),
               octets_of(kPurpose), kPurpose.size());
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::load(
    const std::string& path, const SecretFiles& rule, std::chrono::seconds rotate,
    std::function<std::chrono::seconds()> now) {
  const auto secret = read_secret_file(path, kLongestSecret, rule, "the tickets' secret");
  if (!secret) return secret.error();
  const auto size = secret->text.size();
  if (size < kShortestSecret) {
    return Error{path + " holds " + std::to_string(size) + " octets, and a secret has " +
                 std::to_string(kShortestSecret) + " at least; try `openssl rand -out " + path +
                 " 64`"};
  }
  if (size > kLongestSecret) return Error{path + " is too large for a secret (over 64 KiB)"};
  return std::shared_ptr<const TicketKeys>(
      std::make_shared<TicketKeys>(secret->text, rotate, std::move(now)));
}

TicketKeys::~TicketKeys() = default;

std::chrono::seconds TicketKeys::lifetime() const {
  return std::min(native_->rotate, kLongestTicket);
}

}  // namespace postern::tls
