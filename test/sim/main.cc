// sim: whole sessions in a simulated network. See README.md in this folder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "test/sim/world.h"

namespace postern::sim {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Every so many seeds one is run a second time, and must go the same way.
constexpr std::uint64_t kReplayEvery = 50;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

struct Outcome {
  std::string failure;
  std::uint64_t hash = 0;
};

Outcome run(std::uint64_t seed, Trace::Output output, Tally& tally) {
  World world(seed, output, tally);
  Outcome outcome;
  outcome.failure = world.run();
  outcome.hash = world.hash();
  return outcome;
}

// Runs a seed, some of them twice. Whether all held.
bool check(std::uint64_t seed, Tally& tally) {
  auto outcome = run(seed, Trace::Output::hash, tally);
  if (outcome.failure.empty() && seed % kReplayEvery == 0) {
    Tally again;
    if (run(seed, Trace::Output::hash, again).hash != outcome.hash) {
      outcome.failure = "it went another way when it was run again";
    }
  }
  if (outcome.failure.empty()) return true;
  print(fmt::format("FAILED: seed {}: {}\nreplay: sim --seed {} --trace\n", seed, outcome.failure,
                    seed));
  return false;
}

// As many failures are worth reading.
constexpr int kMostFailures = 5;

int finish(const Tally& tally, SteadyClock::time_point began, int failures) {
  const std::chrono::duration<double> took = SteadyClock::now() - began;
  const auto busy = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  print(tally.text());
  print(fmt::format("\n{:.1f} s, {:.0f} sessions a second of processor time; {}\n", took.count(),
                    static_cast<double>(tally.sessions) / busy,
                    failures == 0 ? "all held" : "NOT ALL HELD"));
  return failures == 0 ? 0 : 1;
}

int run_seeds(std::uint64_t first, std::uint64_t count) {
  const auto began = SteadyClock::now();
  Tally tally;
  int failures = 0;
  for (auto seed = first; seed < first + count && failures < kMostFailures; ++seed) {
    failures += check(seed, tally) ? 0 : 1;
  }
  return finish(tally, began, failures);
}

int run_for(double seconds) {
  const auto began = SteadyClock::now();
  const std::chrono::duration<double> time(seconds);
  auto seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                         std::chrono::microseconds(1));
  print(fmt::format("fresh seeds from {} on\n", seed));
  Tally tally;
  int failures = 0;
  while (SteadyClock::now() - began < time && failures < kMostFailures) {
    failures += check(seed++, tally) ? 0 : 1;
  }
  return finish(tally, began, failures);
}

int run_one(std::uint64_t seed, Trace::Output output) {
  Tally tally;
  const auto outcome = run(seed, output, tally);
  print(fmt::format("seed {}: {}; trace {:016x}\n", seed,
                    outcome.failure.empty() ? "all held" : outcome.failure, outcome.hash));
  return outcome.failure.empty() ? 0 : 1;
}

int main(int argc, char** argv) {
  CLI::App app("Whole sessions of postern in a simulated network, on a simulated clock.");
  std::vector<std::uint64_t> seeds;
  std::uint64_t seed = 0;
  double seconds = 0;
  bool is_tracing = false;
  auto* const range = app.add_option("--seeds", seeds, "FIRST COUNT: these seeds")->expected(2);
  auto* const time = app.add_option("--for", seconds, "fresh seeds, for so many seconds");
  auto* const single = app.add_option("--seed", seed, "this seed alone");
  app.add_flag("--trace", is_tracing, "with --seed: print what happens");
  CLI11_PARSE(app, argc, argv);
  if (range->count() > 0) return run_seeds(seeds[0], seeds[1]);
  if (time->count() > 0) return run_for(seconds);
  if (single->count() > 0) {
    return run_one(seed, is_tracing ? Trace::Output::print : Trace::Output::hash);
  }
  print(app.help());
  return 2;
}

}  // namespace
}  // namespace postern::sim

int main(int argc, char** argv) { return postern::sim::main(argc, argv); }
