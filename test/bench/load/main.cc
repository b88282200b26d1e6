// mail_load: clients for a mail proxy that is measured, and the sink behind it. See ../README.md.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "test/bench/load/load.h"
#include "test/bench/load/sink.h"

namespace postern::bench {
namespace {

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The smallest latency, in microseconds, that `share` of all are not above.
double quantile(std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(rank, sorted.size() - 1)];
}

nlohmann::json json_of(LoadReport report) {
  std::sort(report.latencies.begin(), report.latencies.end());
  return {{"operations", report.operations},
          {"octets", report.octets},
          {"errors", report.errors},
          {"reasons", report.reasons},
          {"seconds", report.took.count()},
          {"p50_us", quantile(report.latencies, 0.5)},
          {"p99_us", quantile(report.latencies, 0.99)},
          {"handshakes", report.handshakes},
          {"resumed", report.resumed},
          {"tls", report.tls}};
}

// Each phase ends with a line on standard output, and the next begins with one on standard input: in
// between, nothing moves. At the end of the input it goes at once.
int run_load(const LoadSettings& settings) {
  Load load(settings);
  std::string line;
  std::cout << json_of(load.open()) << std::endl;
  if (!std::getline(std::cin, line)) return 0;
  std::cout << json_of(load.work()) << std::endl;
  if (!std::getline(std::cin, line)) return 0;
  load.close();
  return 0;
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  using namespace postern::bench;
  const std::map<std::string, Protocol> protocols{
      {"imap", Protocol::imap}, {"smtp", Protocol::smtp}, {"pop3", Protocol::pop3}};
  const std::map<std::string, Tls> tls{{"implicit", Tls::implicit}, {"starttls", Tls::starttls}};
  const std::map<std::string, Scenario> scenarios{
      {"handshake", Scenario::handshake}, {"resume", Scenario::resume}, {"visit", Scenario::visit},
      {"session", Scenario::session},     {"down", Scenario::down},     {"up", Scenario::up},
      {"noop", Scenario::noop},           {"idle", Scenario::idle}};

  CLI::App app("Clients for a mail proxy that is measured, and the sink behind it");
  app.require_subcommand(1);

  SinkSettings sink;
  auto* const sink_command = app.add_subcommand("sink", "a server that says yes to everything");
  for (const auto& [name, protocol] : protocols) {
    sink_command->add_option("--" + name, sink.ports[protocol], "port")->required();
  }
  sink_command->add_option("--message", sink.message, "octets that FETCH gives");

  LoadSettings load;
  double seconds = 1;
  unsigned pace = 0;
  auto* const run = app.add_subcommand("run", "the clients");
  run->add_option("--port", load.port, "of 127.0.0.1")->required();
  run->add_option("--scenario", load.scenario)->required()->transform(CLI::Transformer(scenarios));
  run->add_option("--protocol", load.protocol)->transform(CLI::Transformer(protocols));
  run->add_option("--tls", load.tls)->transform(CLI::Transformer(tls));
  run->add_option("--groups", load.groups, "in BoringSSL's words");
  run->add_option("--server-name", load.server_name, "the SNI name");
  run->add_option("--together", load.together, "clients")->check(CLI::PositiveNumber);
  run->add_option("--count", load.count, "operations in all");
  run->add_option("--seconds", seconds, "where no count is given");
  run->add_option("--pace", pace, "milliseconds between two operations of a client");
  run->add_option("--message", load.message, "octets of a message that is sent");
  CLI11_PARSE(app, argc, argv);

  raise_descriptor_limit();
  if (sink_command->parsed()) return serve_sink(sink);
  const bool fits = (load.scenario != Scenario::up || load.protocol == Protocol::smtp) &&
                    ((load.scenario != Scenario::down && load.scenario != Scenario::idle) ||
                     load.protocol == Protocol::imap);
  if (!fits) {
    std::cerr << "mail_load: up is SMTP, down and idle are IMAP\n";
    return 2;
  }
  load.time = std::chrono::milliseconds(static_cast<long>(seconds * 1000));
  load.pace = std::chrono::milliseconds(pace);
  return run_load(load);
}
