// Takes renewed certificates into what is served: when their files have changed, or somebody asks.
// Of the main thread alone; reading files and keys may take a while, and no worker waits for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/audit/log.h"
#include "proxy/server/services.h"
#include "proxy/session/tls_contexts.h"

namespace postern::admin {

using Steady = std::chrono::steady_clock;

class Renewal {
 public:
  // After the last change: a renewal writes several files, one after the other.
  static constexpr std::chrono::milliseconds kQuiet{500};
  // But no longer than so, where changes do not end.
  static constexpr std::chrono::milliseconds kMostUnrest{5000};
  // Chain and key that do not fit together may be half of a renewal: once more after so long.
  static constexpr std::chrono::milliseconds kSecondTry{3000};
  // Without being told of a change: not all file systems tell, and not all that matters is watched.
  // What could not be taken is tried again then, whether or not a file has changed: a lack of
  // descriptors passes, and a certificate's first day comes.
  static constexpr std::chrono::milliseconds kLookEvery{60'000};

  // Where it reads and what it changes; all outlive it. For tests these are not files.
  struct Doors {
    std::function<server::LoadedTls(const server::TlsSources& served)> load;
    std::function<std::vector<server::FileState>()> look;
    std::function<void(session::TlsSnapshot, const server::TlsSources&)> serve;
    audit::Sink& audit;
    std::string settings_file;       // for messages
    std::vector<std::string> paths;  // of the files whose states `look` gives, in that order
  };
  // `sources`: of what is served now.
  Renewal(Doors doors, server::TlsSources sources, Steady::time_point now);

  // What a reload came to.
  struct Outcome {
    std::vector<std::string> errors;    // none: it was taken
    std::vector<std::string> warnings;  // of the new ones
    // "mail.example.com: valid until 2027-02-24 (certs/mail.pem)"; of authorities, revocations, staples
    // and secrets "what is now in clients.pem". Empty: all is as before.
    std::vector<std::string> changed;
  };
  // Reads everything anew, at once, and swaps as a whole, or keeps what there was; says so in the
  // log and the audit. `asker` is for the log: "SIGHUP".
  Outcome reload(const std::string& asker);

  // One of the files may have changed.
  void on_change(Steady::time_point now);
  // Does what is due: looks whether files differ from those that were read, and reads them.
  void turn(Steady::time_point now);
  // When turn() is to be called next, unless on_change() comes before.
  Steady::time_point due() const;

  // The certificates that are served.
  const std::vector<server::LoadedCertificate>& certificates() const {
    return sources_.certificates;
  }
  // What was read last could not be taken.
  bool is_behind() const { return !last_errors_.empty(); }
  std::uint64_t successes() const { return successes_; }
  std::uint64_t failures() const { return failures_; }

 private:
  enum class Try { first, last, again };

  bool is_settled(Steady::time_point now) const;
  Outcome attempt(Try which, Steady::time_point now);
  void check_times(server::LoadedTls& loaded) const;
  void refuse(const std::vector<std::string>& errors);
  std::vector<std::string> new_files(const server::TlsSources& sources) const;
  void take(server::LoadedTls loaded, Outcome& outcome);

  const Doors doors_;
  server::TlsSources sources_;                // of what is served
  std::vector<server::FileState> last_read_;  // of the last attempt, whatever it came to
  std::vector<std::string> last_errors_;      // why that one was not taken
  std::optional<Steady::time_point> first_change_;
  Steady::time_point last_change_{};
  std::optional<Steady::time_point> second_try_;
  Steady::time_point next_look_;
  std::uint64_t successes_ = 0;
  std::uint64_t failures_ = 0;
};

// What a list of certificates says of one: its names, or its subject where it has none.
std::string name_of(const tls::Credentials& credentials);

}  // namespace postern::admin
