// `postern demo`: an old mail server, postern before it, and a tour of what that gives.
#pragma once

namespace postern::commands {

struct DemoRequest {
  bool once = false;  // end after the tour
};

// All in this process, on unprivileged ports of 127.0.0.1, with a throw-away certificate. Stays up
// until SIGINT or SIGTERM unless `once`. The exit status: 0 where every step of the tour did what
// it should, else 1.
int demo(const DemoRequest& request);

}  // namespace postern::commands
