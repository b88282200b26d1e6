// postern: the command line.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "proxy/commands/audit.h"
#include "proxy/commands/check.h"
#include "proxy/commands/control.h"
#include "proxy/commands/demo.h"
#include "proxy/commands/explain.h"
#include "proxy/commands/init.h"
#include "proxy/commands/run.h"
#include "proxy/commands/version.h"

namespace {

using namespace postern;

constexpr int kUsage = 2;

void add_settings_option(CLI::App& command, std::string& path) {
  command.add_option("--config", path, "The settings file (YAML)")->required()->type_name("FILE");
}

CLI::App* add_explain(CLI::App& app, commands::ExplainRequest& request) {
  auto* const explain = app.add_subcommand(
      "explain", "What would this login get, and by which line of the settings?");
  add_settings_option(*explain, request.settings_path);
  explain->add_option("--listener", request.listener, "The listener's name")
      ->required()
      ->type_name("NAME");
  explain->add_option("--from", request.from, "The client's address")
      ->required()
      ->type_name("ADDRESS");
  explain->add_option("--user", request.user, "The user's name, as typed")->type_name("NAME");
  explain
      ->add_option("--tls", request.tls,
                   "none, or the version: 1.0, 1.1, 1.2, 1.3 (default: none where the listener "
                   "begins in clear text, else 1.3)")
      ->type_name("VERSION");
  explain->add_flag("--certificate", request.has_certificate,
                    "The client shows a certificate of its own that is verified");
  explain
      ->add_option("--at", request.at,
                   "A day (2027-03-01) or a moment in UTC (2027-03-01T08:30Z) (default: now)")
      ->type_name("DATE");
  explain->add_flag("--json", request.json, "One JSON object");
  return explain;
}

// What speaks to a running postern.
class ControlCommands {
 public:
  explicit ControlCommands(CLI::App& app) {
    using What = commands::ControlRequest::What;
    certificates_ = app.add_subcommand("certificates", "The certificates of a running postern");
    certificates_->require_subcommand(1);
    auto* const list = add(*certificates_, What::list, "list",
                           "Which are served: names, key, issuer, expiry, listeners");
    list->add_flag("--json", request_.json, "One JSON array");
    add(*certificates_, What::reload, "reload",
        "Read all files anew, and serve them if all are good; exit status 0 or 1");
    metrics_ = add(app, What::metrics, "metrics", "Counters of a running postern, for Prometheus");
  }
  bool is_parsed() const { return certificates_->parsed() || metrics_->parsed(); }
  int run() const { return commands::control(request_); }

 private:
  CLI::App* add(CLI::App& parent, commands::ControlRequest::What what, const std::string& name,
                const std::string& words) {
    auto* const command = parent.add_subcommand(name, words);
    command->callback([this, what] { request_.what = what; });
    auto* const settings =
        command->add_option("--config", request_.settings_path, "The settings that it runs with")
            ->type_name("FILE");
    command
        ->add_option("--socket", request_.socket,
                     "Its admin.socket (default: /run/postern/admin.sock)")
        ->type_name("PATH")
        ->excludes(settings);
    return command;
  }

  commands::ControlRequest request_;
  CLI::App* certificates_;
  CLI::App* metrics_;
};

int print_initial_settings(const commands::InitRequest& request) {
  if (const auto fault = commands::fault_of(request); !fault.empty()) {
    std::cerr << "postern init: " << fault << "\n";
    return kUsage;
  }
  std::cout << commands::initial_settings(request);
  return 0;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{
      "postern gives an old mail server today's TLS: it ends TLS (implicit, STARTTLS, STLS) on\n"
      "SMTP, submission, IMAP and POP3, hands all on to the server behind it, in clear or by\n"
      "TLS, and records who logs in, and how."};
  app.set_version_flag("--version", commands::version_line());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  std::string settings_path;
  auto* const run = app.add_subcommand("run", "Serve until SIGTERM; a second one ends at once");
  add_settings_option(*run, settings_path);

  commands::CheckRequest check_request;
  auto* const check = app.add_subcommand(
      "check", "Load the settings, certificates and keys; bind nothing. Exit status 0 or 1");
  add_settings_option(*check, check_request.settings_path);
  check->add_flag("--connect", check_request.connect,
                  "Also dial each backend, show what it says, and warn of what a proxy before it "
                  "changes (open relay, LOGINDISABLED)");

  check->add_flag("-v,--verbose", check_request.verbose,
                  "Also show what TLS each listener serves: versions, suites, groups");

  commands::InitRequest init_request;
  auto* const init =
      app.add_subcommand("init", "Print a complete, commented settings file for one server");
  init->add_option("--hostname", init_request.hostname, "What postern calls itself")
      ->required()
      ->type_name("HOST");
  init->add_option("--backend", init_request.backend, "The old mail server: name or address")
      ->required()
      ->type_name("HOST");
  init->add_option("--certificate", init_request.certificate, "Its PEM chain, leaf first")
      ->type_name("FILE");
  init->add_option("--key", init_request.key, "Its private key, PEM")->type_name("FILE");

  commands::ExplainRequest explain_request;
  auto* const explain = add_explain(app, explain_request);

  commands::DemoRequest demo_request;
  auto* const demo = app.add_subcommand(
      "demo", "Show it all: an old mail server, postern before it, and a tour of what it does");
  demo->add_flag("--once", demo_request.once,
                 "End after the tour; the exit status says whether every step did what it should");

  const ControlCommands control(app);

  app.add_subcommand("audit",
                     "Who still logs in in clear text, and what would break: report, what-if, "
                     "tail, export, verify, import; see postern audit --help")
      ->prefix_command();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (run->parsed()) return commands::run(settings_path);
  if (check->parsed()) return commands::check(check_request);
  if (explain->parsed()) return commands::explain(explain_request);
  if (init->parsed()) return print_initial_settings(init_request);
  if (control.is_parsed()) return control.run();
  return commands::demo(demo_request);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    // All behind it is the other program's, --help too.
    if (argc > 1 && std::string_view(argv[1]) == "audit") {
      return commands::become_audit({argv + 2, argv + argc});
    }
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "postern: " << error.what() << "\n";
    return 1;
  }
}
