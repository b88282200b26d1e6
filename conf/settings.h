// The settings as plain values, all defaults filled in; nothing of YAML is left in them. Immutable
// once loaded: workers share them as shared_ptr<const Settings>.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::conf {

// Where something stands in the file; 1-based, columns count characters. line 0: nowhere (default).
struct Place {
  int line = 0;
  int column = 0;
};

// A day begins at 00:00 UTC.
using Date = std::chrono::sys_days;

// An IPv6 address, or an IPv4 one mapped into it (RFC 4291 section 2.5.5.2), in network order.
using AddressOctets = std::array<std::uint8_t, 16>;

// A network: the addresses that begin with the same bits. "192.0.2.0/24" has length 120 here.
struct Prefix {
  AddressOctets address{};  // bits behind the prefix are 0
  unsigned length = 128;

  bool operator==(const Prefix&) const = default;
};

// An address and port. `host` is a numeric IPv4 or IPv6 address (no brackets), or for backends
// also a host name.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

// What becomes of a private key's file that others than its owner and its group may read, or anybody
// else write.
enum class KeyPermissions { strict, any };

// What a path that is none begins with: the rest names one of systemd's credentials.
inline constexpr std::string_view kCredential = "credential:";

// Paths; relative ones are relative to the settings file's folder. "": not given.
struct Certificate {
  std::string chain;
  std::string key;
  std::string passphrase_file;  // of the key; or "credential:NAME", of systemd
  std::string ocsp;             // DER
  KeyPermissions key_permissions = KeyPermissions::strict;
  Place place;
};

enum class TlsVersion { tls1_0, tls1_1, tls1_2, tls1_3 };
// Which cipher suites and groups are served; reference.yaml lists them.
enum class Profile { modern, intermediate, legacy };
enum class Alpn { strict, off };
// What a client gets that asks for a name of no certificate: the default one, or an alert.
enum class Sni { any, strict };
enum class ClientCertificates { none, request, require };
// What a client below min_version gets: an alert, or a handshake and then an answer that it can read.
enum class OldTls { alert, explain };

// From this day on the lowest version is this one.
struct DatedVersion {
  TlsVersion version = TlsVersion::tls1_2;
  Date from{};
  Place place;
};

struct Tickets {
  std::string secret_file;  // path; "": a random secret, this node's alone
  std::chrono::seconds rotate{12 * 3600};
  Place secret_file_place;  // of the key that gave it; line 0: the default
};

struct Tls {
  Profile profile = Profile::intermediate;
  TlsVersion min_version = TlsVersion::tls1_2;
  std::vector<DatedVersion>
      min_version_from;  // the earliest first, each higher than the one before
  TlsVersion max_version = TlsVersion::tls1_3;
  Tickets tickets;
  Sni sni = Sni::any;
  ClientCertificates client_certificates = ClientCertificates::none;
  std::string client_ca;   // path of a PEM file; never "" unless client_certificates is none
  std::string client_crl;  // path of a PEM file; "": none
  Place client_ca_place;   // of the key that gave it; likewise the next
  Place client_crl_place;
  Alpn alpn = Alpn::strict;
  OldTls old_tls = OldTls::alert;
  Place min_version_place;  // of the key that gave it; line 0: the default
  Place profile_place;
  // No min_version stands beside the profile, which gave it.
  bool is_min_version_implied = false;
};

enum class BackendTls { none, starttls, implicit };

// How a backend's certificate is judged.
struct Verify {
  bool is_on = true;  // by a CA; false with pins, too, unless `ca` is stated
  std::string ca;     // path of a PEM file; "": the system's
  std::string name;   // that the certificate must be for; "": the server's host as it stands there
  Place place;        // of `ca`, or of all of it; line 0: not stated
};

// SHA-256 of a certificate's SubjectPublicKeyInfo: RFC 7469 section 2.4.
using Pin = std::array<std::uint8_t, 32>;

struct Backend {
  std::string name;
  std::vector<Endpoint> servers;  // tried in this order (balance: first)
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds greeting_timeout{60000};
  BackendTls tls = BackendTls::none;
  Verify verify;
  // With one of them the leaf's key must be among them; a CA is then asked only where `verify.ca` is
  // stated, too.
  std::vector<Pin> pins;
  std::optional<Certificate> client_certificate;  // postern's own, towards the backend
  Place place;
  Place tls_place;
};

enum class Protocol { smtp, submission, imap, pop3 };
// automatic: clear text, STARTTLS and implicit TLS on one port, told apart by the first bytes.
enum class TlsMode { implicit, required, optional, none, automatic };
// What becomes of a client of an implicit listener whose ClientHello shares nothing with postern.
enum class LegacyTls { refuse, splice };
enum class CleartextLogin { refuse, warn, observe };
enum class BareNewlines { reject, pass };

// A part of all, in hundredths of a percent: 10% is 1000.
struct Share {
  static constexpr unsigned kAll = 10'000;
  unsigned value = 0;

  bool operator==(const Share&) const = default;
};

// What a login without TLS gets: on a listener, or by a rule. Places: line 0 where a key is not
// stated.
struct LoginPolicy {
  std::optional<CleartextLogin> cleartext_login;  // a listener that does not state it refuses
  std::optional<Date> refuse_from;                // from then on `warn` and `observe` are `refuse`
  std::optional<Share> refuse_share;              // brown-out: this part is refused before then
  Place cleartext_login_place;
  Place refuse_from_place;
  Place refuse_share_place;
};

struct Listener {
  std::string name;
  Protocol protocol = Protocol::smtp;
  std::vector<Endpoint> addresses;
  TlsMode tls_mode = TlsMode::none;
  Tls tls;  // the top level's, with this listener's own keys over it
  // How long a greeting waits for a ClientHello, on a listener that takes clear text and TLS.
  std::chrono::milliseconds auto_wait{200};
  LegacyTls legacy_tls = LegacyTls::refuse;
  std::vector<Endpoint> legacy_servers;  // the old servers' own TLS ports, tried in this order
  LoginPolicy logins;
  BareNewlines bare_newlines = BareNewlines::reject;
  std::size_t backend = 0;  // index into Settings::backends
  // Whose connections begin with a PROXY header. Empty: nobody's.
  std::vector<Prefix> accept_proxy;
  Place place;
  Place tls_mode_place;
};

// An exception, or a stricter word, for some. The first that matches holds; what it does not say
// falls back to the listener.
struct Rule {
  std::string name;
  std::vector<Prefix> from;            // empty: any address
  std::vector<std::size_t> listeners;  // indices into Settings::listeners; empty: all
  // Patterns with `*` and `?`, in lower case; empty: any user. They match the name as typed, and
  // one without `@` and `\\` also the part of DOMAIN\\user or user@domain that names the user.
  std::vector<std::string> users;
  std::optional<TlsMode> tls_mode;        // required, optional or none; never with `users`
  std::optional<TlsVersion> min_version;  // never with `users`; with `modern` alone TLS 1.3
  // In the place of its listeners', be it empty; as Tls::min_version_from. Never with `users`.
  std::optional<std::vector<DatedVersion>> min_version_from;
  // Never with `users`. `legacy` stands only with `from`, and serves RSA key exchange and 3DES, too.
  std::optional<Profile> profile;
  // Logins need a client certificate that was verified.
  bool needs_certificate = false;
  std::optional<BareNewlines> bare_newlines;  // never with `users`
  LoginPolicy logins;
  std::optional<Date> until;  // the last day on which it holds
  std::string owner;
  std::string reason;
  Place place;
  Place tls_mode_place;
  Place min_version_place;
  Place min_version_from_place;
  Place profile_place;
  Place certificate_place;
  Place until_place;
};

struct Limits {
  std::size_t connections = 50000;
  std::size_t connections_per_ip = 1000;
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds login_timeout{60'000};
  std::chrono::milliseconds idle_timeout{35 * 60'000};
  std::size_t line_length = 64 * 1024;
};

struct Smtp {
  BareNewlines bare_newlines = BareNewlines::reject;
  std::vector<std::string> hide = {"VRFY",     "EXPN",           "TURN",    "ETRN",
                                   "X-EXPS",   "X-ANONYMOUSTLS", "XEXCH50", "X-LINK2STATE",
                                   "XCLIENT",  "XFORWARD",       "XPROXY",  "XPROXYFROM",
                                   "XPROXYTO", "XSESSIONPARAMS", "XSHADOW", "XSHADOWREQUEST"};
};

// What is added to what a refused or warned client is told: printable ASCII, or "".
struct Refusal {
  std::string text;
  std::string help_url;
};

// One target of audit.log.
struct AuditLog {
  enum class Kind { standard_output, file, syslog, journald } kind = Kind::standard_output;
  std::string path;  // with file
  Place place = {};
};

enum class Usernames { plain, hashed };
enum class Handshakes { failed, all };
enum class Chain { off, on };
// What becomes of logins while the audit cannot be written.
enum class OnFailure { go_on, refuse };

struct Audit {
  std::vector<AuditLog> logs = {AuditLog{}};  // empty: `off`
  // The SQLite database; "" with `none`.
  std::string inventory = "/var/lib/postern/inventory.db";
  Place inventory_place;  // line 0: the default, which may fail with a warning
  std::chrono::days keep{400};
  Usernames usernames = Usernames::plain;
  Handshakes handshakes = Handshakes::failed;
  Chain chain = Chain::off;
  OnFailure on_failure = OnFailure::go_on;
};

struct Admin {
  std::string socket = "/run/postern/admin.sock";  // path; "": none
  Place socket_place;  // line 0: the default, which may fail with a warning
};

// Who postern becomes, where `user` is not given and there is such a user.
inline constexpr const char* kDefaultUser = "postern";

enum class LogLevel { debug, info, warn, error };

struct Settings {
  std::string file;         // the path it was loaded from, for messages
  std::string hostname;     // never empty
  Place hostname_place;     // line 0: the machine's name
  std::size_t workers = 0;  // 0: one a core
  std::string user;         // "" : not given
  Place user_place;
  std::vector<Certificate> certificates;
  Tls tls;
  std::vector<Backend> backends;
  std::vector<Listener> listeners;
  std::vector<Rule> rules;  // the first that matches holds
  Limits limits;
  Refusal refusal;
  Smtp smtp;
  Audit audit;
  Admin admin;
  LogLevel log_level = LogLevel::info;
  std::chrono::milliseconds shutdown_grace{60'000};
};

}  // namespace postern::conf
