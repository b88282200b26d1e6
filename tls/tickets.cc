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

}  // namespace

TicketKeys::Native::SlotKeys::~SlotKeys() {
  OPENSSL_cleanse(hmac.data(), hmac.size());
  OPENSSL_cleanse(aes.data(), aes.size());
}

TicketKeys::Native::~Native() { OPENSSL_cleanse(secret.data(), secret.size()); }

std::int64_t TicketKeys::Native::present_slot() const { return now() / rotate; }

TicketKeys::Native::SlotKeys TicketKeys::Native::derive(std::int64_t slot) const {
  // The slot's length stands beside its number, which alone would mean different times to nodes that
  // rotate differently.
  std::array<std::uint8_t, kPurpose.size() + 2 * sizeof(slot)> label;
  put(slot, put(rotate.count(), std::copy(kPurpose.begin(), kPurpose.end(), label.begin())));
  SlotKeys keys;
  std::array<std::uint8_t, sizeof(keys.name) + sizeof(keys.hmac) + sizeof(keys.aes)> material;
  // Cannot fail: the length is far below 255 hashes.
  HKDF_expand(material.data(), material.size(), EVP_sha256(), secret.data(), secret.size(),
              label.data(), label.size());
  const auto* at = material.data();
  std::copy_n(at, keys.name.size(), keys.name.begin());
  std::copy_n(at + keys.name.size(), keys.hmac.size(), keys.hmac.begin());
  std::copy_n(at + keys.name.size() + keys.hmac.size(), keys.aes.size(), keys.aes.begin());
  OPENSSL_cleanse(material.data(), material.size());
  return keys;
}

TicketKeys::Native::SlotKeys TicketKeys::Native::keys_of(std::int64_t slot) const {
  const std::lock_guard lock(mutex);
  auto& place = known[static_cast<std::size_t>(static_cast<std::uint64_t>(slot) % known.size())];
  if (!place.keys || place.slot != slot) place = {slot, derive(slot)};
  return *place.keys;
}

int TicketKeys::Native::seal(std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
                             HMAC_CTX* hmac) const {
  const auto keys = keys_of(present_slot());
  std::copy(keys.name.begin(), keys.name.end(), name);
  RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_256_cbc()));
  const bool set =
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys.aes.data(), iv) == 1 &&
      HMAC_Init_ex(hmac, keys.hmac.data(), keys.hmac.size(), EVP_sha256(), nullptr) == 1;
  return set ? 1 : -1;
}

int TicketKeys::Native::open(const std::uint8_t* name, const std::uint8_t* iv,
                             EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac) const {
  constexpr int kUnknown = 0;
  constexpr int kGood = 1;
  constexpr int kGoodAndRenew = 2;
  const auto present = present_slot();
  for (const auto slot : {present, present - 1, present + 1}) {
    const auto keys = keys_of(slot);
    if (!std::equal(keys.name.begin(), keys.name.end(), name)) continue;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys.aes.data(), iv) != 1 ||
        HMAC_Init_ex(hmac, keys.hmac.data(), keys.hmac.size(), EVP_sha256(), nullptr) != 1) {
      return -1;
    }
    return slot < present ? kGoodAndRenew : kGood;
  }
  return kUnknown;
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

std::chrono::seconds TicketKeys::lifetime() const { return native_->rotate; }

}  // namespace postern::tls
