// The mailbox in memory, see mailbox.h.
#include "proxy/demo/mailbox.h"

#include <algorithm>
#include <utility>

namespace postern::demo {

std::optional<std::uint32_t> Mailbox::append(std::string text, Flags flags,
                                             std::chrono::system_clock::time_point received) {
  const std::lock_guard lock(mutex_);
  if (text.size() > kMaxMessageOctets || messages_.size() >= kMaxMessages ||
      octets_ + text.size() > kMaxOctets) {
    return std::nullopt;
  }
  octets_ += text.size();
  messages_.push_back({.uid = next_uid_,
                       .flags = flags & kAllFlags,
                       .received = received,
                       .text = std::make_shared<const std::string>(std::move(text))});
  return next_uid_++;
}

std::vector<Message> Mailbox::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::uint32_t Mailbox::next_uid() const {
  const std::lock_guard lock(mutex_);
  return next_uid_;
}

bool Mailbox::set_flags(std::uint32_t uid, Flags flags) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(messages_, uid, &Message::uid);
  if (found == messages_.end()) {
    return false;
  }
  found->flags = flags & kAllFlags;
  return true;
}

void Mailbox::remove(const std::vector<std::uint32_t>& uids) {
  const std::lock_guard lock(mutex_);
  std::erase_if(messages_, [&](const Message& message) {
    const bool is_gone = std::ranges::find(uids, message.uid) != uids.end();
    octets_ -= is_gone ? message.text->size() : 0;
    return is_gone;
  });
}

}  // namespace postern::demo
