// One event of each kind, full and bare, with the texts of somebody else in every field that takes
// one.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/audit/events.h"

namespace postern::every_event {

// `text()` gives the next text; "" leaves a field out.
template <typename Text>
audit::SessionPart session_with(Text&& text) {
  audit::SessionPart part;
  part.id = "1a-0-7";
  part.listener = "imap";
  part.protocol = "imap";
  part.source = *net::Address::parse("192.0.2.7", 50000);
  part.forwarded_by = *net::Address::parse("192.0.2.99", 40000);
  part.destination = *net::Address::parse("2001:db8::1", 143);
  part.server = audit::Server{"old", *net::Address::parse("192.0.2.10", 143), 40001};
  part.server_tls = audit::ServerTls{"1.3", "TLS_AES_128_GCM_SHA256", true};
  part.security = audit::Security::starttls;
  part.starttls_offered = part.starttls_used = true;
  part.tls = audit::Tls{"1.3", "TLS_AES_128_GCM_SHA256", "x25519", "imap", text(), true, text()};
  part.certificate = std::make_shared<const audit::ClientCertificate>(
      audit::ClientCertificate{text(), text(), {text(), text()}, std::string(64, 'A')});
  part.opened_by = text();
  part.client_name = text();
  part.client_named_by = "imap_id";
  return part;
}

inline audit::SessionPart bare_session() {
  audit::SessionPart part;
  part.listener = "mx";
  part.protocol = "smtp";
  return part;
}

inline audit::Hello hello() {
  return {{0x0a0a, 0x0304, 0x0303}, {0x1301, 0x1234}, {0x001d}, {0x0403, 0xffff}};
}

template <typename Text>
std::vector<audit::EventBody> full(Text&& text) {
  using namespace std::chrono_literals;
  const auto session = [&] { return session_with(text); };
  const auto login = [&] { return audit::LoginPart{"PLAIN", false, text(), "", text()}; };
  std::vector<audit::EventBody> all;
  all.emplace_back(audit::LoginEvent{session(), login(), true, 5ms, "allow", "listener",
                                     std::make_shared<const audit::Hello>(hello())});
  all.emplace_back(
      audit::LoginEvent{session(), {"LOGIN", true, "", "00ff", ""}, false, 5ms, "warn", "r", {}});
  all.emplace_back(audit::LoginRefusedEvent{session(), login(), "cleartext", "listener"});
  all.emplace_back(audit::SessionEndEvent{session(), "client_closed", 9s, 12, 345, text()});
  all.emplace_back(audit::SessionAbandonedEvent{session(), "client_closed", text()});
  all.emplace_back(audit::HandshakeEvent{session(), "no_shared_version", hello(), text(), text(),
                                         "profile: legacy"});
  all.emplace_back(audit::HandshakeEvent{session(), "", {}, "", "", ""});
  all.emplace_back(audit::HandshakeEvent{session(), audit::kSpliced, hello(), text(), text()});
  for (const auto action : {"starttls-injection", "response-injection", "smuggling",
                            "tls-on-clear-port", "clear-on-tls-port", "limit"}) {
    all.emplace_back(audit::SessionNotice{session(), action, "command"});
  }
  all.emplace_back(
      audit::SessionNotice{session(), "backend-tls-failed", "backend_tls_failed", false, text()});
  for (const auto action : {"tls-on-clear-port", "clear-on-tls-port"}) {
    all.emplace_back(audit::SessionNotice{session(), action, "served: command", true});
  }
  for (const auto action : {"policy-change", "rule-expired"}) {
    all.emplace_back(audit::PolicyEvent{action, "hall", "until 2027-06-30"});
  }
  const audit::WallTime end{1'800'000'000s};
  all.emplace_back(audit::CertificateEvent{
      "certificate-change", "success", "", "mail.pem", {text(), "*.example.com"}, "0a1b", end});
  all.emplace_back(audit::CertificateEvent{
      "certificate-change", "failure", "not_taken", "", {}, "", {}, "cannot read mail.pem"});
  all.emplace_back(
      audit::CertificateEvent{"certificate-change", "success", "", "clients.pem", {}, "", {}});
  all.emplace_back(audit::CertificateEvent{
      "certificate-expiry", "", "expires", "mail.pem", {text()}, "0a1b", end, text()});
  for (const auto reason : {"queue_full", "log_failed", "inventory_full", "inventory_failed",
                            "unclean_stop", "chain_broken"}) {
    all.emplace_back(audit::GapEvent{reason, 7});
  }
  all.emplace_back(audit::NodeEvent{"start"});
  all.emplace_back(audit::NodeEvent{"stop"});
  return all;
}

// The same kinds with as little as they can have.
inline std::vector<audit::EventBody> bare() {
  std::vector<audit::EventBody> all;
  const audit::LoginPart login{"GSSAPI", false, "", "", ""};
  all.emplace_back(audit::LoginEvent{bare_session(), login, false, {}, "allow", "listener", {}});
  all.emplace_back(audit::LoginRefusedEvent{bare_session(), login, "rule", "listener"});
  all.emplace_back(audit::SessionEndEvent{bare_session(), "shutdown", {}, 0, 0, ""});
  all.emplace_back(audit::SessionAbandonedEvent{bare_session(), "client_reset", ""});
  all.emplace_back(audit::HandshakeEvent{bare_session(), "not_tls", {}, "", "", ""});
  all.emplace_back(audit::SessionNotice{bare_session(), "limit", "connections"});
  all.emplace_back(
      audit::CertificateEvent{"certificate-expiry", "", "expired", "mail.pem", {}, "", {}});
  all.emplace_back(audit::GapEvent{"unclean_stop", 0});
  return all;
}

}  // namespace postern::every_event
