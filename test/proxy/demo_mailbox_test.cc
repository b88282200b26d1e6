// The demonstration's mailbox: order, identifiers and bounds.
#include <catch2/catch.hpp>
#include <string>

#include "proxy/demo/mailbox.h"

using postern::demo::kDeleted;
using postern::demo::kSeen;
using postern::demo::Mailbox;

TEST_CASE("a mailbox gives identifiers that only grow, also after a removal") {
  Mailbox mailbox;
  CHECK(mailbox.next_uid() == 1);
  CHECK(mailbox.append("one", 0, {}) == 1);
  CHECK(mailbox.append("two", kSeen, {}) == 2);
  mailbox.remove({2, 77});
  CHECK(mailbox.append("three", 0, {}) == 3);
  const auto messages = mailbox.messages();
  REQUIRE(messages.size() == 2);
  CHECK(*messages[0].text == "one");
  CHECK(messages[1].uid == 3);
  CHECK(mailbox.next_uid() == 4);
}

TEST_CASE("flags are set on the message that is named, and on no other") {
  Mailbox mailbox;
  mailbox.append("one", 0, {});
  mailbox.append("two", 0, {});
  CHECK(mailbox.set_flags(2, kSeen | kDeleted));
  CHECK_FALSE(mailbox.set_flags(3, kSeen));
  CHECK(mailbox.messages()[0].flags == 0);
  CHECK(mailbox.messages()[1].flags == (kSeen | kDeleted));
}

TEST_CASE("a snapshot keeps its texts after their messages are gone") {
  Mailbox mailbox;
  mailbox.append("kept", 0, {});
  const auto messages = mailbox.messages();
  mailbox.remove({1});
  CHECK(mailbox.messages().empty());
  CHECK(*messages.at(0).text == "kept");
}

TEST_CASE("a full mailbox takes no more, and takes again when there is room") {
  Mailbox mailbox;
  for (std::size_t count = 0; count < Mailbox::kMaxMessages; ++count) {
    REQUIRE(mailbox.append("x", 0, {}));
  }
  CHECK_FALSE(mailbox.append("x", 0, {}));
  mailbox.remove({1});
  CHECK(mailbox.append("x", 0, {}));
}

TEST_CASE("a mailbox is bounded in octets, message by message and as a whole") {
  Mailbox mailbox;
  CHECK_FALSE(mailbox.append(std::string(Mailbox::kMaxMessageOctets + 1, 'x'), 0, {}));
  for (std::size_t octets = 0; octets < Mailbox::kMaxOctets; octets += Mailbox::kMaxMessageOctets) {
    REQUIRE(mailbox.append(std::string(Mailbox::kMaxMessageOctets, 'x'), 0, {}));
  }
  CHECK_FALSE(mailbox.append("x", 0, {}));
  mailbox.remove({2});
  CHECK(mailbox.append("x", 0, {}));
}
