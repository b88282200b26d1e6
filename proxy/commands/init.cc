// The first configuration, from a text with holes.
#include "proxy/commands/init.h"

#include <array>
#include <string_view>
#include <utility>

#include "conf/source.h"
#include "conf/values.h"

namespace postern::commands {
namespace {

// Filled in: HOSTNAME; NAME, CHAIN, KEY, which are YAML in double quotes; SERVER, in brackets where
// it is IPv6; BARE, the same without.
constexpr std::string_view kTemplate =
    R"(# postern: TLS in front of @BARE@, for the clients of @HOSTNAME@.
# Written by `postern init`. Try it with `postern check --config FILE`, start it with
# `postern run --config FILE`. Every other setting is in reference.yaml.

hostname: @NAME@

# Bound as root, served as this user; without the line: postern, where that user exists.
# user: postern

# The server's certificate with its chain, and its private key, both PEM. Let's Encrypt has them as
# /etc/letsencrypt/live/@HOSTNAME@/fullchain.pem and privkey.pem.
certificates:
  - chain: @CHAIN@
    key: @KEY@

tls:
  min_version: "1.2"               # "1.0" only while clients from before 2012 must get in

# The server behind. It must not be reachable for clients any more, and must take logins without TLS
# from this machine. It sees this machine's address for every client: do not let that address relay.
backends:
  smtp: {servers: ["@SERVER@:25"]}
  imap: {servers: ["@SERVER@:143"]}
  pop3: {servers: ["@SERVER@:110"]}

# "0.0.0.0:25" is every IPv4 address of this machine, "[::]:25" IPv6 too.
# tls: implicit (from the first byte), required (nothing before STARTTLS), optional (STARTTLS is
# offered), auto (that, and TLS from the first byte, on one port) or none. cleartext_login: what a
# login without TLS gets: refuse, warn or observe (both let it pass and record it).
listeners:
  # From other mail servers. They may come without TLS (RFC 3207); nobody logs in without it.
  - name: mx
    protocol: smtp
    address: "0.0.0.0:25"
    tls: optional
    cleartext_login: refuse
    backend: smtp

  # From users who send mail.
  - name: submission
    protocol: submission
    address: "0.0.0.0:587"
    tls: required
    backend: smtp
  - name: submissions
    protocol: submission
    address: "0.0.0.0:465"
    tls: implicit
    backend: smtp

  # Users' mailboxes. For the first weeks clear-text logins on 143 and 110 work as before and are
  # recorded: the audit log tells who still needs them. Then: `cleartext_login: warn`, a date in
  # `refuse_from`, `rules` for who cannot do better yet, and in the end `tls: required`.
  - name: imap
    protocol: imap
    address: "0.0.0.0:143"
    tls: optional
    cleartext_login: observe
    backend: imap
  - name: imaps
    protocol: imap
    address: "0.0.0.0:993"
    tls: implicit
    backend: imap
  - name: pop3
    protocol: pop3
    address: "0.0.0.0:110"
    tls: optional
    cleartext_login: observe
    backend: pop3
  - name: pop3s
    protocol: pop3
    address: "0.0.0.0:995"
    tls: implicit
    backend: pop3

limits:
  connections: 50000
  connections_per_ip: 1000
  handshake_timeout: 10s
  login_timeout: 60s
  idle_timeout: 35m                # IMAP clients may be silent for 30 minutes

smtp:
  bare_newlines: reject            # `pass` lets mail through that may be smuggled inside another

# One JSON line for each login and each session's end.
audit:
  log: stdout                      # file:/var/log/postern/audit.jsonl, syslog, journald, or a list

log:
  level: info

shutdown_grace: 60s
)";

// Text as a YAML scalar in double quotes; it holds no control characters.
std::string in_yaml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// "[2001:db8::1]" and "2001:db8::1" are both the address; names in lower case. "" for neither.
std::string bare_host(std::string_view text) {
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  const auto ip = conf::parse_ip(has_brackets ? text.substr(1, text.size() - 2) : text);
  if (ip && (!has_brackets || ip->find(':') != std::string::npos)) return *ip;
  return conf::parse_server_name(text).value.value_or("");
}

bool is_this_machine(std::string_view host) {
  constexpr std::array<std::string_view, 4> kNames = {"localhost", "::1", "::", "0.0.0.0"};
  for (const auto name : kNames)
    if (host == name) return true;
  return host.starts_with("127.") || host.ends_with(".localhost");
}

std::string path_fault(std::string_view option, std::string_view path) {
  const auto parsed = conf::parse_path(path);
  if (parsed.value) return "";
  return std::string(option) + ": expected " + parsed.expected + ", found " + conf::shown(path);
}

}  // namespace

std::string fault_of(const InitRequest& request) {
  if (const auto name = conf::parse_host_name(request.hostname); !name.value)
    return "--hostname: expected " + name.expected + ", found " + conf::shown(request.hostname);
  const std::string host = bare_host(request.backend);
  if (host.empty())
    return "--backend: expected a host name or an address without a port, such as 192.0.2.10, "
           "found " +
           conf::shown(request.backend);
  if (is_this_machine(host))
    return "--backend: expected another machine than this one, whose ports postern takes, found " +
           conf::shown(request.backend);
  if (host == conf::parse_host_name(request.hostname).value)
    return "--backend: expected another name than --hostname, under which postern would dial "
           "itself; an address is safe, found " +
           conf::shown(request.backend);
  if (request.certificate.empty() != request.key.empty())
    return "--certificate and --key: expected both or neither";
  if (request.certificate.empty()) return "";
  const std::string fault = path_fault("--certificate", request.certificate);
  return fault.empty() ? path_fault("--key", request.key) : fault;
}

std::string initial_settings(const InitRequest& request) {
  if (!fault_of(request).empty()) return "";
  const std::string hostname = *conf::parse_host_name(request.hostname).value;
  const std::string host = bare_host(request.backend);
  const bool is_ipv6 = host.find(':') != std::string::npos;
  const bool has_paths = !request.certificate.empty();
  const std::string folder = "/etc/postern/certs/";
  const std::array<std::pair<std::string_view, std::string>, 6> values = {{
      {"HOSTNAME", hostname},
      {"NAME", in_yaml(hostname)},
      {"CHAIN", in_yaml(has_paths ? request.certificate : folder + hostname + ".pem")},
      {"KEY", in_yaml(has_paths ? request.key : folder + hostname + ".key")},
      {"SERVER", is_ipv6 ? "[" + host + "]" : host},
      {"BARE", host},
  }};
  std::string out;
  std::string_view rest = kTemplate;
  for (std::size_t at = rest.find('@'); at != std::string_view::npos; at = rest.find('@')) {
    out += rest.substr(0, at);
    rest.remove_prefix(at + 1);
    const std::string_view name = rest.substr(0, rest.find('@'));
    for (const auto& [hole, value] : values)
      if (hole == name) out += value;
    rest.remove_prefix(name.size() + 1);
  }
  return out += rest;
}

}  // namespace postern::commands
