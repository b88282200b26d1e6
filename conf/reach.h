// Whom a rule may concern, and what rules together make possible on a listener. Rules that are not
// whole may do anything: what is asked of them is answered so that a check keeps silent.
#pragma once

#include <cstddef>

#include "conf/draft.h"
#include "conf/settings.h"

namespace postern::conf {

// Whether the rule names this listener, or none and so each. Its names must have been looked up.
bool is_for(const Rule& rule, std::size_t listener);

// The mode that a client of this rule gets there: TLS that begins at once stays so. On an `auto`
// listener it is that of clear text; TLS is taken beside it.
TlsMode mode_of(const Rule& rule, const Listener& listener);

// Whether the rule gives TLS to a listener that has none.
bool gives_tls(const Rule& rule, const Listener& listener);

CleartextLogin cleartext_login_of(const Listener& listener);
CleartextLogin cleartext_login_of(const Rule& rule, const Listener& listener);

bool is_clear(TlsMode mode);
bool is_mail(Protocol protocol);

// Whether by its own settings or some rule a client may speak without TLS, may speak TLS, may log
// in without TLS on this listener (an index).
bool may_be_clear(const Draft& draft, std::size_t listener);
bool may_have_tls(const Draft& draft, std::size_t listener);
bool may_log_in_clear(const Draft& draft, std::size_t listener);

}  // namespace postern::conf
