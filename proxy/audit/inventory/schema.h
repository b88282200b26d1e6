// The inventory's tables: what the proxy writes and the reports read. SQLite, WAL.
//
// Everything is rolled up by day, so that a million logins make as many rows as there are different
// ways of logging in on that day, and no more than kMostLoginRowsADay. Times are milliseconds
// since 1970 (UTC), days are days since then. Text that a client controls is bounded as in events.
#pragma once

#include <cstddef>

namespace postern::audit::inventory {

inline constexpr int kSchemaVersion = 1;  // PRAGMA user_version

// Beyond it a day's new kinds of login are counted in rows whose user, address, software, ja4 and
// mechanism are kOverflow. Kinds that began with failures are let in up to half of it only: whoever
// guesses names cannot crowd out those who log in.
inline constexpr std::size_t kMostLoginRowsADay = 100'000;
// Likewise handshake_failure (then address and ja4 are kOverflow) and abandoned (address and
// last_command).
inline constexpr std::size_t kMostFailureRowsADay = 20'000;
// Fingerprints in all; further ones are not kept. Those of failed handshakes fill half of it at most.
inline constexpr std::size_t kMostFingerprints = 20'000;
// Rows of gap and of run; beyond it the oldest go.
inline constexpr std::size_t kMostMarks = 10'000;
inline constexpr const char* kOverflow = "*";

// user: as typed, DOMAIN\user with its domain; its keyed hash where user_is_hash is 1 (failed
// logins, `usernames: hashed`); "" where the mechanism shows none.
// address: IPv4, or the /64 of IPv6 as "2001:db8:1:2::/64".
// software, software_source: as user_agent.original and postern.client.source.
// security: cleartext, starttls, implicit. tls_version "1.2" …, "" in clear; likewise cipher,
// curve, ja4. rule: the one that matched, or `listener`.
// successes, failures: as the backend answered; refused: by postern; warned: of the successes;
// exposed: logins whose secret crossed the wire readable, the refused among them. first_seen,
// last_seen: of any of them.
inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE login(
  day INTEGER NOT NULL, user TEXT NOT NULL, user_is_hash INTEGER NOT NULL,
  listener TEXT NOT NULL, address TEXT NOT NULL, software TEXT NOT NULL,
  software_source TEXT NOT NULL, protocol TEXT NOT NULL, security TEXT NOT NULL,
  tls_version TEXT NOT NULL, cipher TEXT NOT NULL, curve TEXT NOT NULL, ja4 TEXT NOT NULL,
  mechanism TEXT NOT NULL, rule TEXT NOT NULL,
  successes INTEGER NOT NULL, failures INTEGER NOT NULL, refused INTEGER NOT NULL,
  warned INTEGER NOT NULL, exposed INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  PRIMARY KEY(day, user, user_is_hash, listener, address, software, software_source, protocol,
              security, tls_version, cipher, curve, ja4, mechanism, rule)) WITHOUT ROWID;
CREATE TABLE fingerprint(
  ja4 TEXT PRIMARY KEY,
  versions TEXT NOT NULL, ciphers TEXT NOT NULL, curves TEXT NOT NULL,
  signature_algorithms TEXT NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE handshake_failure(
  day INTEGER NOT NULL, listener TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,
  ja4 TEXT NOT NULL, count INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  PRIMARY KEY(day, listener, address, reason, ja4)) WITHOUT ROWID;
CREATE TABLE abandoned(
  day INTEGER NOT NULL, listener TEXT NOT NULL, address TEXT NOT NULL, security TEXT NOT NULL,
  last_command TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  PRIMARY KEY(day, listener, address, security, last_command, reason)) WITHOUT ROWID;
CREATE TABLE gap(
  time INTEGER NOT NULL, node TEXT NOT NULL, reason TEXT NOT NULL, lost INTEGER NOT NULL);
CREATE TABLE run(
  node TEXT NOT NULL, started INTEGER NOT NULL, stopped INTEGER NOT NULL);
)sql";

// fingerprint: its lists are JSON arrays of numbers, as on the wire, GREASE (RFC 8701) left out.
// gap: as audit-gap events. run: stopped is 0 while it runs, and for good where it was killed.
// meta: `node` (observer.name).

}  // namespace postern::audit::inventory
