// Patterns of users: whom each means, however the name is written.
#include "proxy/policy/user_pattern.h"

#include <catch2/catch.hpp>
#include <string>

using postern::policy::is_one_of;
using postern::policy::Meant;

TEST_CASE("patterns for users match by the bare name, or with a domain as typed") {
  struct Row {
    const char* pattern;
    const char* user;
    bool matches;
  };
  for (
      const auto& row :
      {Row{"bob", "bob", true}, Row{"bob", "BOB", true}, Row{"bob", "CORP\\Bob", true},
       Row{"bob", "corp/bob/shared", true}, Row{"bob", "bob@example.com", true},
       Row{"bob", "bobby", false}, Row{"bob", "", false}, Row{"b?b", "bob", true},
       Row{"b?b", "bb", false}, Row{"svc-*", "CORP\\svc-scan", true}, Row{"svc-*", "svc-", true},
       Row{"*", "", true}, Row{"*@example.com", "bob@example.com", true},
       Row{"*@example.com", "bob", false}, Row{"corp\\*", "CORP\\bob", true},
       Row{"corp\\*", "bob", false}, Row{"corp/bob/*", "corp/bob/shared", true},
       Row{"a*b*c", "aXbXbc", true}, Row{"a*b*c", "aXcXb", false},
       // Whose mailbox it is does not matter, but who logs in.
       Row{"bob", "bob@example.com\\printer", true},
       Row{"printer", "bob@example.com\\printer", false},
       Row{"bob", "bob@example.com/printer@example.com", true},
       Row{"printer", "bob@example.com/printer@example.com", false},
       Row{"bob", "CORP\\bob\\shared", true}, Row{"bob", "CORP\\bob/shared", true},
       // Nor from which domain or machine, unless the pattern says so.
       Row{"svc-*", "svc-pc\\bob", false}, Row{"*printer", "bob@printer", false},
       Row{"svc-*\\bob", "svc-pc\\bob", true}, Row{"bob", "CORP\\bob@example.com", true},
       // Blanks around a name are none of it for some servers, whichever part they stand at.
       Row{"bob", " bob\t", true}, Row{"bob", "CORP\\ bob ", true}, Row{"b*", " bob", true},
       Row{"bob", "bob @example.com ", true}, Row{"*@example.com", "bob@example.com ", true},
       // A character is one of UTF-8, and what is no UTF-8 one octet. Letters are as they are typed.
       Row{"j?rgen", "j\xc3\xbcrgen", true}, Row{"j??rgen", "j\xc3\xbcrgen", false},
       Row{"?", "\xf0\x9f\x98\x80", true}, Row{"*?", "\xf0\x9f\x98\x80", true},
       Row{"*??", "\xf0\x9f\x98\x80", false}, Row{"??", "\xbf\xbf", true},
       Row{"j\xc3\xbcrgen", "j\xc3\xbcrgen", true}, Row{"j\xc3\xbcrgen", "J\xc3\x9cRGEN", false},
       Row{"j\xc3\xbcrgen", "ju\xcc\x88rgen", false}}) {
    INFO(row.pattern << " and " << row.user);
    REQUIRE((is_one_of({"nobody", row.pattern}, row.user) == Meant::yes) == row.matches);
  }
}

TEST_CASE("a hostile name against a hostile pattern takes bounded time") {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  REQUIRE(is_one_of({pattern + "b"}, std::string(64'000, 'a')) == Meant::no);
}
