// The words of the settings file for what has a fixed choice, both ways.
#pragma once

#include <string_view>

#include "conf/reader.h"
#include "conf/settings.h"

namespace postern::conf {

inline constexpr Choice<KeyPermissions> kKeyPermissions[] = {{"strict", KeyPermissions::strict},
                                                             {"any", KeyPermissions::any}};
inline constexpr Choice<TlsVersion> kTlsVersions[] = {{"1.0", TlsVersion::tls1_0},
                                                      {"1.1", TlsVersion::tls1_1},
                                                      {"1.2", TlsVersion::tls1_2},
                                                      {"1.3", TlsVersion::tls1_3}};
inline constexpr Choice<Profile> kProfiles[] = {{"modern", Profile::modern},
                                                {"intermediate", Profile::intermediate},
                                                {"legacy", Profile::legacy}};
inline constexpr Choice<Alpn> kAlpns[] = {{"strict", Alpn::strict}, {"off", Alpn::off}};
inline constexpr Choice<Sni> kSnis[] = {{"any", Sni::any}, {"strict", Sni::strict}};
inline constexpr Choice<ClientCertificates> kClientCertificates[] = {
    {"none", ClientCertificates::none},
    {"request", ClientCertificates::request},
    {"require", ClientCertificates::require}};
// Of a rule: whether logins need one.
inline constexpr Choice<bool> kRuleCertificates[] = {{"required", true}};
inline constexpr Choice<OldTls> kOldTls[] = {{"alert", OldTls::alert},
                                             {"explain", OldTls::explain}};
inline constexpr Choice<BackendTls> kBackendTls[] = {{"none", BackendTls::none},
                                                     {"starttls", BackendTls::starttls},
                                                     {"implicit", BackendTls::implicit}};
inline constexpr Choice<Protocol> kProtocols[] = {{"smtp", Protocol::smtp},
                                                  {"submission", Protocol::submission},
                                                  {"lmtp", {}},
                                                  {"imap", Protocol::imap},
                                                  {"pop3", Protocol::pop3},
                                                  {"managesieve", {}},
                                                  {"http", {}}};
inline constexpr Choice<TlsMode> kTlsModes[] = {{"implicit", TlsMode::implicit},
                                                {"required", TlsMode::required},
                                                {"optional", TlsMode::optional},
                                                {"none", TlsMode::none},
                                                {"auto", TlsMode::automatic}};
inline constexpr Choice<LegacyTls> kLegacyTls[] = {{"refuse", LegacyTls::refuse},
                                                   {"splice", LegacyTls::splice}};
// Of a rule: a port on which TLS begins at once stays one, and so does one that takes it beside
// clear text.
inline constexpr Choice<TlsMode> kRuleTlsModes[] = {
    {"required", TlsMode::required}, {"optional", TlsMode::optional}, {"none", TlsMode::none}};
inline constexpr Choice<CleartextLogin> kCleartextLogins[] = {{"refuse", CleartextLogin::refuse},
                                                              {"warn", CleartextLogin::warn},
                                                              {"observe", CleartextLogin::observe}};
inline constexpr Choice<BareNewlines> kBareNewlines[] = {{"reject", BareNewlines::reject},
                                                         {"pass", BareNewlines::pass}};
inline constexpr Choice<Usernames> kUsernames[] = {{"plain", Usernames::plain},
                                                   {"hashed", Usernames::hashed}};
inline constexpr Choice<Handshakes> kHandshakes[] = {{"failed", Handshakes::failed},
                                                     {"all", Handshakes::all}};
inline constexpr Choice<Chain> kChains[] = {{"off", Chain::off}, {"on", Chain::on}};
inline constexpr Choice<OnFailure> kOnFailures[] = {{"continue", OnFailure::go_on},
                                                    {"refuse", OnFailure::refuse}};
inline constexpr Choice<LogLevel> kLogLevels[] = {{"debug", LogLevel::debug},
                                                  {"info", LogLevel::info},
                                                  {"warn", LogLevel::warn},
                                                  {"error", LogLevel::error}};

// The word for a value; constant.
std::string_view word(TlsVersion version);
std::string_view word(Profile profile);
std::string_view word(TlsMode mode);
std::string_view word(OldTls old_tls);
std::string_view word(Protocol protocol);
std::string_view word(BareNewlines newlines);

}  // namespace postern::conf
