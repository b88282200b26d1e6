// The settings as plain values, all defaults filled in; nothing of YAML is left in them. Immutable
// once loaded: workers share them as shared_ptr<const Settings>.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::conf {

// Where something stands in the file; 1-based, columns count characters. line 0: nowhere (default).
struct Place {
  int line = 0;
  int column = 0;
};

// An address and port. `host` is a numeric IPv4 or IPv6 address (no brackets), or for backends
// also a host name.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

struct Certificate {
  std::string chain;  // path; relative ones are relative to the settings file's folder
  std::string key;
  Place place;
};

enum class TlsVersion { tls1_0, tls1_1, tls1_2, tls1_3 };
enum class Alpn { strict, off };

struct Tls {
  TlsVersion min_version = TlsVersion::tls1_2;
  TlsVersion max_version = TlsVersion::tls1_3;
  Alpn alpn = Alpn::strict;
};

struct Backend {
  std::string name;
  std::vector<Endpoint> servers;  // tried in this order (balance: first)
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds greeting_timeout{60000};
  Place place;
};

enum class Protocol { smtp, submission, imap, pop3 };
enum class TlsMode { implicit, required, optional, none };
enum class CleartextLogin { refuse, warn, observe };
enum class BareNewlines { reject, pass };

struct Listener {
  std::string name;
  Protocol protocol = Protocol::smtp;
  std::vector<Endpoint> addresses;
  TlsMode tls_mode = TlsMode::none;
  Tls tls;  // the top level's, with this listener's own keys over it
  CleartextLogin cleartext_login = CleartextLogin::refuse;
  BareNewlines bare_newlines = BareNewlines::reject;
  std::size_t backend = 0;  // index into Settings::backends
  Place place;
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

// One target of audit.log.
struct AuditLog {
  enum class Kind { standard_output, file } kind = Kind::standard_output;
  std::string path;  // with file
  Place place = {};
};

enum class LogLevel { debug, info, warn, error };

struct Settings {
  std::string file;         // the path it was loaded from, for messages
  std::string hostname;     // never empty
  std::size_t workers = 0;  // 0: one a core
  std::string user;         // "" : not given
  Place user_place;
  std::vector<Certificate> certificates;
  Tls tls;
  std::vector<Backend> backends;
  std::vector<Listener> listeners;
  Limits limits;
  Smtp smtp;
  std::vector<AuditLog> audit_logs = {AuditLog{}};
  LogLevel log_level = LogLevel::info;
  std::chrono::milliseconds shutdown_grace{60'000};
};

}  // namespace postern::conf
