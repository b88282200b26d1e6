// Whom a rule may concern.
#include "conf/reach.h"

#include <algorithm>

namespace postern::conf {
namespace {

// Whether `holds` for a rule that is for this listener, or there is one that is not whole.
template <class Condition>
bool any_rule(const Draft& draft, std::size_t listener, Condition holds) {
  const auto& rules = draft.settings.rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!draft.rules[i].is_whole) return true;
    if (is_for(rules[i], listener) && holds(rules[i])) return true;
  }
  return false;
}

}  // namespace

bool is_for(const Rule& rule, std::size_t listener) {
  const auto& named = rule.listeners;
  return named.empty() || std::find(named.begin(), named.end(), listener) != named.end();
}

TlsMode mode_of(const Rule& rule, const Listener& listener) {
  return listener.tls_mode == TlsMode::implicit ? TlsMode::implicit
                                                : rule.tls_mode.value_or(listener.tls_mode);
}

bool gives_tls(const Rule& rule, const Listener& listener) {
  return listener.tls_mode == TlsMode::none && mode_of(rule, listener) != TlsMode::none;
}

CleartextLogin cleartext_login_of(const Listener& listener) {
  return listener.logins.cleartext_login.value_or(CleartextLogin::refuse);
}

CleartextLogin cleartext_login_of(const Rule& rule, const Listener& listener) {
  return rule.logins.cleartext_login.value_or(cleartext_login_of(listener));
}

bool is_clear(TlsMode mode) {
  return mode == TlsMode::optional || mode == TlsMode::none || mode == TlsMode::automatic;
}

bool is_mail(Protocol protocol) {
  return protocol == Protocol::smtp || protocol == Protocol::submission;
}

bool may_be_clear(const Draft& draft, std::size_t listener) {
  const Listener& own = draft.settings.listeners[listener];
  return is_clear(own.tls_mode) ||
         any_rule(draft, listener, [&](const Rule& rule) { return is_clear(mode_of(rule, own)); });
}

bool may_have_tls(const Draft& draft, std::size_t listener) {
  const Listener& own = draft.settings.listeners[listener];
  return own.tls_mode != TlsMode::none ||
         any_rule(draft, listener, [&](const Rule& rule) { return gives_tls(rule, own); });
}

bool may_log_in_clear(const Draft& draft, std::size_t listener) {
  const Listener& own = draft.settings.listeners[listener];
  if (!may_be_clear(draft, listener)) return false;
  return cleartext_login_of(own) != CleartextLogin::refuse ||
         any_rule(draft, listener, [&](const Rule& rule) {
           return cleartext_login_of(rule, own) != CleartextLogin::refuse;
         });
}

}  // namespace postern::conf
