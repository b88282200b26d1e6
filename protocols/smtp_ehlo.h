// The edited EHLO reply (RFC 5321 4.1.1.1): lines and words go, STARTTLS comes, all else stays.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace postern::protocols {

struct EhloEdits {
  // Whether login lists (AUTH, AUTH=, X-EXPS) show at all.
  enum class Logins { shown, hidden };
  // Whether postern offers STARTTLS itself.
  enum class Starttls { offered, not_offered };

  const std::set<std::string, std::less<>>& hidden_verbs;  // upper case
  Logins logins = Logins::shown;
  Starttls starttls = Starttls::not_offered;
};

struct EditedEhlo {
  std::string text;
  bool chunking = false;  // whether CHUNKING is (still) on the list (RFC 3030)
};

// Edits a complete 2xx reply of one or more lines, each with its line ending.
// - STARTTLS, X-ANONYMOUSTLS, REQUIRETLS (RFC 8689) and the hidden verbs go.
// - `-PLUS` mechanisms and EXTERNAL go from AUTH and AUTH=, since TLS ends here (RFC 5802 6). A
// line
//   that loses its last mechanism goes too; one that had none from the start stays.
// - Where STARTTLS is offered, it comes behind the first line.
// - The first line is a greeting and stays. The last one left has `250 `, all others `250-`.
EditedEhlo edit_ehlo(std::string_view reply, const EhloEdits& edits);

}  // namespace postern::protocols
