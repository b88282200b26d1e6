// Which class serves which protocol: the one place that knows them all.
#include "protocols/dialogue.h"
#include "protocols/imap_dialogue.h"
#include "protocols/imap_gate.h"
#include "protocols/pop3_dialogue.h"
#include "protocols/pop3_gate.h"
#include "protocols/smtp_dialogue.h"
#include "protocols/smtp_gate.h"

namespace postern::protocols {

std::unique_ptr<Gate> make_gate(Protocol protocol, const Options& options) {
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return std::make_unique<SmtpGate>(options);
    case Protocol::imap:
      return std::make_unique<ImapGate>(options);
    case Protocol::pop3:
      return std::make_unique<Pop3Gate>(options);
  }
  __builtin_unreachable();
}

std::unique_ptr<Dialogue> make_dialogue(Protocol protocol, const Options& options,
                                        const Conditions& conditions) {
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return std::make_unique<SmtpDialogue>(options, conditions);
    case Protocol::imap:
      return std::make_unique<ImapDialogue>(options, conditions);
    case Protocol::pop3:
      return std::make_unique<Pop3Dialogue>(options, conditions);
  }
  __builtin_unreachable();
}

std::string farewell_line(Protocol protocol, Farewell why, const Options& options) {
  switch (protocol) {
    case Protocol::smtp:
    case Protocol::submission:
      return smtp_farewell(why, options);
    case Protocol::imap:
      return imap_farewell(why, options);
    case Protocol::pop3:
      return pop3_farewell(why, options);
  }
  __builtin_unreachable();
}

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::smtp:
      return "smtp";
    case Protocol::submission:
      return "submission";
    case Protocol::imap:
      return "imap";
    case Protocol::pop3:
      return "pop3";
  }
  __builtin_unreachable();
}

}  // namespace postern::protocols
