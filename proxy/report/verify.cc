// See verify.h.
#include "proxy/report/verify.h"

#include <fmt/format.h>

#include <istream>
#include <ostream>
#include <string>

#include "proxy/audit/chain.h"

namespace postern::report {

int verify_command(const LogsRequest& request, std::ostream& out, std::ostream& messages) {
  const auto files = files_of(request, messages);
  if (files.empty()) return 1;
  audit::ChainVerifier verifier;
  std::uint64_t faults = 0;
  const bool is_read = each_file(files, messages, [&](std::istream& in, const std::string& path) {
    const auto before = verifier.lines();
    for (std::string line; std::getline(in, line);) {
      const auto fault = verifier.feed(line);
      if (!fault) continue;
      ++faults;
      out << fmt::format("{}:{}: {}\n", path, fault->line - before, fault->what);
    }
    return !in.bad();
  });
  if (!is_read) return 1;
  out << fmt::format(
      "{} lines, {} with a hash, {} runs, {} lines torn by a crash, {} events lost "
      "as the log itself says\n",
      verifier.lines(), verifier.chained(), verifier.runs(), verifier.torn(), verifier.lost());
  if (!verifier.is_from_the_beginning()) {
    out << "the first line is not the first of its log: what was before it is not vouched for\n";
  }
  if (verifier.chained() == 0) {
    out << "no line has a hash (audit.chain: on): only the sequence numbers were checked\n";
  } else {
    out << "last hash " << verifier.last_hash()
        << ": a note of it kept elsewhere vouches for all before it\n";
  }
  if (faults > 0) {
    out << fmt::format("{} faults\n", faults);
  } else if (verifier.chained() == 0) {
    out << "no line was taken out between the first one and the last\n";
  } else {
    out << fmt::format("nothing was changed or taken out between the first line{} and the last\n",
                       verifier.chained() < verifier.lines() ? " with a hash" : "");
  }
  return faults == 0 ? 0 : 1;
}

}  // namespace postern::report
