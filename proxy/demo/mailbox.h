// The one mailbox of the demonstration's legacy mail server, in memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace postern::demo {

// IMAP's system flags (RFC 3501 2.3.2) as bits.
using Flags = unsigned;
inline constexpr Flags kSeen = 1;
inline constexpr Flags kAnswered = 2;
inline constexpr Flags kFlagged = 4;
inline constexpr Flags kDeleted = 8;
inline constexpr Flags kDraft = 16;
inline constexpr Flags kAllFlags = 31;

struct Message {
  std::uint32_t uid = 0;
  Flags flags = 0;
  std::chrono::system_clock::time_point received;
  std::shared_ptr<const std::string> text;  // the octets as they came; never null
};

// Thread-safe. Messages keep the order in which they came; unique identifiers only grow.
class Mailbox {
 public:
  static constexpr std::size_t kMaxMessages = 1000;
  static constexpr std::size_t kMaxMessageOctets = 32 * 1024 * 1024;
  static constexpr std::size_t kMaxOctets = 128 * 1024 * 1024;
  static constexpr std::uint32_t kUidValidity = 1;

  // Keeps `text` as a new message and gives its unique identifier; none when it is too large, or
  // the mailbox is full.
  std::optional<std::uint32_t> append(std::string text, Flags flags,
                                      std::chrono::system_clock::time_point received);
  // All messages as they are now. Texts are shared, so it is cheap, and they stay valid.
  std::vector<Message> messages() const;
  // The identifier that the next message will have.
  std::uint32_t next_uid() const;
  // Sets the flags of one message; false where it is gone.
  bool set_flags(std::uint32_t uid, Flags flags);
  // Takes messages away; those that are gone already do not matter.
  void remove(const std::vector<std::uint32_t>& uids);

 private:
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::size_t octets_ = 0;
  std::uint32_t next_uid_ = 1;
};

}  // namespace postern::demo
