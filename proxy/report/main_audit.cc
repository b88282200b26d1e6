// postern-audit: what `postern audit …` starts. It reads what the proxy has written.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "proxy/net/clock.h"
#include "proxy/report/commands.h"
#include "proxy/report/logs.h"
#include "proxy/report/tail.h"
#include "proxy/report/verify.h"

namespace {

using namespace postern;

constexpr int kUsage = 2;

void add_source(CLI::App& command, report::Asked& asked, const char* config) {
  command.add_option("--config", asked.config, config)->type_name("FILE");
  command
      .add_option("--inventory", asked.inventory,
                  "The inventory's database (default: audit.inventory of the settings)")
      ->type_name("FILE");
}

void add_filter(CLI::App& command, report::Asked& asked) {
  command
      .add_option(
          "--since", asked.since,
          "The last so many days, from a date on, or all: 30d, 2026-11-01, all (default: 30d)")
      ->type_name("TIME");
  command.add_option("--listener", asked.listener, "This listener only")->type_name("NAME");
  command.add_option("--network", asked.network, "Clients in this network only")
      ->type_name("PREFIX");
  command
      .add_option(
          "--user", asked.user,
          "Users of this pattern only, with * and ?, as in rules; never those that are known "
          "by a hash")
      ->type_name("PATTERN");
}

void add_output(CLI::App& command, report::Asked& asked) {
  command.add_option("--format", asked.format, "table, csv, json or html (default: table)")
      ->type_name("FORMAT");
  command.add_option("--section", asked.section, "This section alone, by its name in JSON")
      ->type_name("NAME");
  command.add_flag("--all", asked.all, "Every row of tables and pages, not only the first ones");
}

void add_logs(CLI::App& command, report::LogsRequest& request) {
  auto* const config =
      command.add_option("--config", request.config, "The settings file: its first log file")
          ->type_name("FILE");
  command.add_option("files", request.files, "These logs, the oldest first; - is standard input")
      ->type_name("FILE")
      ->excludes(config);
}

int lacks_log(const char* command) {
  std::cerr << "postern audit " << command << ": a log, or --config FILE, is needed\n";
  return kUsage;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Reads what postern has recorded: who logs in in clear text, and what would break.",
               "postern audit"};
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  report::Asked asked;
  auto* const report =
      app.add_subcommand("report", "Who still logs in in clear text, with what, and how it goes");
  add_source(*report, asked, "The settings file, for its inventory and its rules");
  add_filter(*report, asked);
  add_output(*report, asked);

  auto* const what_if = app.add_subcommand(
      "what-if", "Of the logins seen, whom would these settings refuse, and by which line?");
  add_source(*what_if, asked, "The next settings");
  what_if->get_option("--config")->required();
  add_filter(*what_if, asked);
  what_if->add_option("--at", asked.at, "Ask for this day (default: now)")->type_name("DATE");
  what_if
      ->add_option("--suites", asked.suites,
                   "Also: what if only these suites were taken? IANA names, commas between")
      ->type_name("LIST");
  add_output(*what_if, asked);

  report::TailRequest tail_request;
  auto* const tail = app.add_subcommand("tail", "The audit log's last lines, for people");
  auto* const tail_config =
      tail->add_option("--config", tail_request.config, "The settings file: its first log file")
          ->type_name("FILE");
  tail->add_option("--file", tail_request.file, "This log; - is standard input")
      ->type_name("FILE")
      ->excludes(tail_config);
  tail->add_option("-n,--lines", tail_request.lines, "How many (default: 20)")
      ->check(CLI::Range(0, 100'000))
      ->type_name("COUNT");
  tail->add_flag("-f,--follow", tail_request.follow, "Go on with what comes, through rotation too");

  report::Asked exported;
  exported.format = "json";
  exported.since = "all";
  exported.table = "login";
  auto* const exporting = app.add_subcommand("export", "The inventory's rows, for other tools");
  add_source(*exporting, exported, "The settings file, for its inventory");
  add_filter(*exporting, exported);
  exporting->get_option("--since")->description("As for report (default: all)");
  exporting
      ->add_option("--table", exported.table,
                   "login, fingerprint, handshake_failure, abandoned, gap or run (default: login)")
      ->type_name("NAME");
  exporting->add_option("--format", exported.format, "json (a line a row) or csv (default: json)")
      ->type_name("FORMAT");

  report::LogsRequest verified;
  auto* const verifying = app.add_subcommand(
      "verify", "Was a line of the audit log changed or taken out? Exit status 0 or 1");
  add_logs(*verifying, verified);

  report::LogsRequest imported;
  auto* const importing =
      app.add_subcommand("import", "Make an inventory anew from the audit log's lines");
  add_logs(*importing, imported);
  importing->add_option("--inventory", imported.inventory, "The database to make; a new file")
      ->required()
      ->type_name("FILE");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (tail->parsed()) {
    if (tail_request.config.empty() && tail_request.file.empty()) return lacks_log("tail");
    return report::tail_command(tail_request, std::cout, std::cerr);
  }
  if (verifying->parsed()) {
    if (verified.config.empty() && verified.files.empty()) return lacks_log("verify");
    return report::verify_command(verified, std::cout, std::cerr);
  }
  if (importing->parsed()) {
    if (imported.config.empty() && imported.files.empty()) return lacks_log("import");
    return report::import_command(imported, std::cout, std::cerr);
  }
  const auto now = std::chrono::floor<std::chrono::milliseconds>(net::wall_clock());
  if (report->parsed()) return report::report_command(asked, now, std::cout, std::cerr);
  if (what_if->parsed()) return report::what_if_command(asked, now, std::cout, std::cerr);
  return report::export_command(exported, now, std::cout, std::cerr);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "postern audit: " << error.what() << "\n";
    return 1;
  }
}
