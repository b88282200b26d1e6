// Every key that each mapping of the settings file may have; later: known, not supported yet.
#pragma once

#include <array>

#include "conf/reader.h"

namespace postern::conf {

inline constexpr std::array kTopKeys = {
    Key{"hostname"},  Key{"workers"},
    Key{"user"},      Key{"certificates"},
    Key{"tls"},       Key{"backends"},
    Key{"listeners"}, Key{"rules"},
    Key{"limits"},    Key{"refusal"},
    Key{"smtp"},      Key{"audit"},
    Key{"log"},       Key{"state", Standing::later},
    Key{"admin"},     Key{"shutdown_grace"},
};

inline constexpr std::array kCertificateKeys = {
    Key{"chain"}, Key{"key"}, Key{"passphrase_file"}, Key{"key_permissions"}, Key{"ocsp"},
};

inline constexpr std::array kTlsKeys = {
    Key{"profile"},    Key{"min_version"}, Key{"min_version_from"}, Key{"max_version"},
    Key{"tickets"},    Key{"sni"},         Key{"client_ca"},        Key{"client_certificates"},
    Key{"client_crl"}, Key{"alpn"},        Key{"old_tls"},
};

inline constexpr std::array kTicketsKeys = {Key{"secret_file"}, Key{"rotate"}};

// Of `min_version_from`.
inline constexpr std::array kVersionKeys = {Key{"1.0"}, Key{"1.1"}, Key{"1.2"}, Key{"1.3"}};

inline constexpr std::array kBackendKeys = {
    Key{"servers"},
    Key{"balance"},
    Key{"tls"},
    Key{"verify"},
    Key{"connect_timeout"},
    Key{"greeting_timeout"},
    Key{"source", Standing::later},
    Key{"pin"},
    Key{"client_certificate"},
    Key{"health", Standing::later},
    Key{"client_address", Standing::later},
};

inline constexpr std::array kVerifyKeys = {Key{"ca"}, Key{"name"}};

inline constexpr std::array kClientCertificateKeys = {Key{"chain"}, Key{"key"}};

// A listener's own, then those of `tls` that it may override flat.
inline constexpr std::array kListenerKeys = {
    Key{"name"},
    Key{"protocol"},
    Key{"address"},
    Key{"tls"},
    Key{"auto_wait"},
    Key{"cleartext_login"},
    Key{"refuse_from"},
    Key{"refuse_share"},
    Key{"backend"},
    Key{"bare_newlines"},
    Key{"http", Standing::later},
    Key{"legacy_tls"},
    Key{"legacy_servers"},
    Key{"accept_proxy"},
    Key{"profile"},
    Key{"min_version"},
    Key{"min_version_from"},
    Key{"max_version"},
    Key{"tickets"},
    Key{"sni"},
    Key{"client_ca"},
    Key{"client_certificates"},
    Key{"client_crl"},
    Key{"alpn"},
    Key{"old_tls"},
};

inline constexpr std::array kRuleKeys = {
    Key{"name"},
    Key{"from"},
    Key{"listeners"},
    Key{"users"},
    Key{"tls"},
    Key{"min_version"},
    Key{"profile"},
    Key{"bare_newlines"},
    Key{"cleartext_login"},
    Key{"refuse_from"},
    Key{"refuse_share"},
    Key{"until"},
    Key{"owner"},
    Key{"reason"},
    Key{"certificate"},
    Key{"min_version_from"},
};

inline constexpr std::array kRefusalKeys = {Key{"text"}, Key{"help_url"}};

inline constexpr std::array kLimitsKeys = {
    Key{"connections"},
    Key{"connections_per_ip"},
    Key{"handshake_timeout"},
    Key{"login_timeout"},
    Key{"idle_timeout"},
    Key{"line_length"},
    Key{"failed_logins", Standing::later},
};

inline constexpr std::array kSmtpKeys = {Key{"bare_newlines"}, Key{"hide"}};

inline constexpr std::array kAuditKeys = {
    Key{"log"},        Key{"inventory"}, Key{"keep"},       Key{"usernames"},
    Key{"handshakes"}, Key{"chain"},     Key{"on_failure"},
};

inline constexpr std::array kAdminKeys = {
    Key{"socket"},
    Key{"http", Standing::later},
    Key{"token_file", Standing::later},
};

inline constexpr std::array kLogKeys = {Key{"level"}};

}  // namespace postern::conf
