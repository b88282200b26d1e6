// See backend_probe.h.
#include "proxy/commands/backend_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "proxy/commands/probe_connection.h"
#include "proxy/net/bind.h"

namespace postern::commands {

namespace {

constexpr std::chrono::milliseconds kConnectPatience{5000};
// Old servers look the client's name up before they greet.
constexpr std::chrono::milliseconds kReplyPatience{30'000};
constexpr std::size_t kMostLine = 8192;
constexpr int kMostLines = 200;

// A name that nobody has, so that the answer tells whether logins are taken, and nothing else.
constexpr std::string_view kNobody = "postern-check";

bool starts_with(std::string_view text, std::string_view begin) { return text.starts_with(begin); }

bool has_word(std::string_view line, std::string_view word) {
  const auto found = std::search(
      line.begin(), line.end(), word.begin(), word.end(),
      [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
  return found != line.end();
}

net::Socket dial(const net::Address& server, std::string& error) {
  sockaddr_storage storage{};
  const auto length = server.to(storage);
  net::Socket socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int code = 0;
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    code = errno;
    if (code == EINPROGRESS) {
      pollfd waiting{socket.get(), POLLOUT, 0};
      code = ETIMEDOUT;
      if (poll(&waiting, 1, static_cast<int>(kConnectPatience.count())) > 0) {
        socklen_t size = sizeof code;
        getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size);
      }
    }
  }
  if (code != 0) {
    error = std::strerror(code);
    return {};
  }
  fcntl(socket.get(), F_SETFL, fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  return socket;
}

// Whether postern speaks TLS there, which no advice to allow logins without it concerns.
enum class Way { clear, tls };

// One conversation, kept as it goes.
class Probe {
 public:
  Probe(ProbeConnection& connection, ProbeReport& report, Way way)
      : connection_(connection), report_(report), way_(way) {}

  void say(const std::string& line) {
    report_.lines.push_back("> " + line);
    connection_.send(line + "\r\n");
  }

  // The next line, without its ending; "" when the server has ended or says nothing.
  std::string hear() {
    auto line = connection_.read_line(kMostLine, kReplyPatience).value_or("");
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    if (line.empty()) return line;
    report_.has_answered = true;
    auto shown = line;
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    report_.lines.push_back("< " + shown);
    return line;
  }

  // A reply of SMTP, all its lines.
  std::vector<std::string> hear_reply() {
    std::vector<std::string> lines;
    for (int i = 0; i < kMostLines; ++i) {
      lines.push_back(hear());
      if (lines.back().size() < 4 || lines.back()[3] != '-') break;
    }
    return lines;
  }

  // Until a line that begins so, that line included.
  std::vector<std::string> hear_until(std::string_view begin) {
    std::vector<std::string> lines;
    for (int i = 0; i < kMostLines; ++i) {
      lines.push_back(hear());
      if (lines.back().empty() || starts_with(lines.back(), begin)) break;
    }
    return lines;
  }

  void warn(std::string text) { report_.warnings.push_back(std::move(text)); }
  // `what`: what it does not do. `cure` is for a backend in clear.
  void warn_of_logins(const std::string& what, std::string_view then, std::string_view cure) {
    const bool is_clear = way_ == Way::clear;
    warn(what + (is_clear ? " in clear text" : " under TLS") + std::string(then) +
         (is_clear && !cure.empty() ? ". " + std::string(cure) : ""));
  }

 private:
  ProbeConnection& connection_;
  ProbeReport& report_;
  const Way way_;
};

void probe_smtp(Probe& probe, const std::string& hostname) {
  if (!starts_with(probe.hear_reply().back(), "220")) {
    probe.warn("it does not greet with 220: clients will be told 421");
    return;
  }
  probe.say("EHLO " + hostname);
  const auto list = probe.hear_reply();
  const auto auth = std::ranges::find_if(list, [](const auto& line) {
    return line.size() > 4 && has_word(line.substr(4, 4), "AUTH");
  });
  if (auth == list.end()) {
    probe.warn_of_logins("it offers no AUTH", ": nobody can log in through postern",
                         "On Exchange give the receive connector BasicAuth without "
                         "BasicAuthRequireTLS, for postern's address alone");
  } else if (!has_word(*auth, "LOGIN") && !has_word(*auth, "PLAIN")) {
    probe.warn_of_logins("it offers neither LOGIN nor PLAIN",
                         ": clients that know only these cannot log in",
                         "On Exchange switch BasicAuthRequireTLS off on the receive connector");
  }
  probe.say("MAIL FROM:<" + std::string(kNobody) + "@example.org>");
  if (starts_with(probe.hear_reply().back(), "250")) {
    probe.say("RCPT TO:<" + std::string(kNobody) + "@example.com>");
    if (starts_with(probe.hear_reply().back(), "25")) {
      probe.warn(
          "OPEN RELAY: it took a recipient of a foreign domain without login. All mail will come "
          "from postern's address; take that address out of the networks that may relay");
    }
  }
  probe.say("RSET");
  probe.hear_reply();
  probe.say("QUIT");
  probe.hear_reply();
}

void probe_imap(Probe& probe) {
  const auto greeting = probe.hear();
  if (!starts_with(greeting, "* OK")) {
    probe.warn(starts_with(greeting, "* PREAUTH")
                   ? "it greets with PREAUTH: postern ends such sessions"
                   : "it does not greet with OK: clients will be told BYE");
    return;
  }
  probe.say("p1 CAPABILITY");
  bool is_disabled = has_word(greeting, "LOGINDISABLED");
  for (const auto& line : probe.hear_until("p1 ")) {
    is_disabled = is_disabled || has_word(line, "LOGINDISABLED");
  }
  if (is_disabled) {
    probe.warn_of_logins("it says LOGINDISABLED", "",
                         "On Exchange: Set-ImapSettings -LoginType PlainTextLogin, for a port that "
                         "only postern reaches");
  }
  probe.say("p2 LOGIN " + std::string(kNobody) + " " + std::string(kNobody));
  const auto answer = probe.hear_until("p2 ").back();
  if (!starts_with(answer, "p2 NO") || has_word(answer, "PRIVACYREQUIRED")) {
    probe.warn_of_logins("it does not take logins", " (see its answer to LOGIN above)", "");
  }
  probe.say("p3 LOGOUT");
  probe.hear_until("p3 ");
}

void probe_pop3(Probe& probe) {
  if (!starts_with(probe.hear(), "+OK")) {
    probe.warn("it does not greet with +OK: clients will be told -ERR");
    return;
  }
  probe.say("CAPA");
  if (starts_with(probe.hear(), "+OK")) probe.hear_until(".");
  probe.say("USER " + std::string(kNobody));
  if (!starts_with(probe.hear(), "+OK")) {
    probe.warn_of_logins("it does not take logins", "",
                         "On Exchange: Set-PopSettings -LoginType PlainTextLogin, for a port that "
                         "only postern reaches");
  }
  probe.say("QUIT");
  probe.hear();
}

}  // namespace

ProbeReport probe_backend(protocols::Protocol protocol, const backend::Backend& backend,
                          std::size_t server, const std::string& hostname) {
  ProbeReport report;
  std::string error;
  auto socket = dial(backend.servers[server], error);
  if (socket.get() < 0) {
    report.warnings.push_back("cannot connect: " + error);
    return report;
  }
  ProbeConnection connection(std::move(socket));
  if (backend.security != nullptr) {
    error = connection.secure(backend, server, kReplyPatience, report.lines);
    if (!error.empty()) {
      report.warnings.push_back("no TLS: " + error);
      return report;
    }
  }
  Probe probe(connection, report, backend.security != nullptr ? Way::tls : Way::clear);
  switch (protocol) {
    case protocols::Protocol::smtp:
    case protocols::Protocol::submission:
      probe_smtp(probe, hostname);
      break;
    case protocols::Protocol::imap:
      probe_imap(probe);
      break;
    case protocols::Protocol::pop3:
      probe_pop3(probe);
      break;
  }
  if (!report.has_answered) report.warnings.push_back("it connects, but says nothing");
  return report;
}

}  // namespace postern::commands
