// What the control socket is asked, and answers: JSON objects, one a line.
//
//   {"command":"certificates.list"}    {"ok":true,"certificates":[{"names":[…],"key":"ECDSA P-256",…}]}
//   {"command":"certificates.reload"}  {"ok":true,"changed":[…],"warnings":[…]}
//   {"command":"metrics"}              {"ok":true,"text":"…"}
//   anything else                      {"ok":false,"errors":["…"]}
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "conf/settings.h"
#include "proxy/admin/renewal.h"
#include "proxy/session/tls_contexts.h"

namespace postern::admin {

// Of the main thread alone.
class Requests {
 public:
  struct Sources {  // all outlive it
    const conf::Settings& settings;
    Renewal& renewal;
    const session::CurrentTls& served;
    std::function<std::size_t()> connections;
    std::function<std::uint64_t()> events_lost;
    std::string version;
  };
  explicit Requests(Sources sources) : sources_(std::move(sources)) {}

  // From one line to one line, both without a newline. Whatever the request holds.
  std::string answer(std::string_view request);

 private:
  std::string list() const;
  std::string reload();
  std::string metrics() const;

  const Sources sources_;
};

}  // namespace postern::admin
