// What an actor does, step by step: the client's and the backend's parts of one conversation are
// written together, so that each knows what it must hear.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "test/sim/body.h"
#include "test/sim/trace.h"

namespace postern::sim {

// Where a reply ends, by protocol.
enum class Reply { smtp, imap, pop3, pop3_list };

struct Op {
  enum class Kind {
    say,         // text
    hear,        // text, octet by octet
    reply,       // lines up to the last of a reply, which begins with text
    start_tls,   // the handshake, up to its end
    glued_tls,   // text with the ClientHello behind it, in one segment; then the go-ahead, which
                 // begins with `other`, and the handshake
    say_body,    // out
    hear_body,   // in
    exchange,    // both at once
    half_close,  // no more comes from here
    hear_end,    // the other side has ended
    wait,        // time
    // What honest actors never do.
    hear_anything,  // any octets at all
    raw,            // text as it is, past the TLS
    deaf,           // reads no more
    listening,      // reads again
    stall,          // does nothing any more, but reads
    vanish,         // neither reads nor writes nor closes
    flood,          // text, over and over again, `out.size` octets of it
    close,
    reset,
  };

  Kind kind{};
  std::string text = {};
  std::string other = {};
  Reply until = Reply::smtp;
  Body out = {};
  Body in = {};
  Moment time = 0;
};

using Script = std::vector<Op>;

// Short words for the steps.
inline Op say(std::string text) { return {.kind = Op::Kind::say, .text = std::move(text)}; }
inline Op hear(std::string text) { return {.kind = Op::Kind::hear, .text = std::move(text)}; }
inline Op reply(Reply until, std::string text) {
  return {.kind = Op::Kind::reply, .text = std::move(text), .until = until};
}
inline Op only(Op::Kind kind) { return {.kind = kind}; }
inline Op say_body(const Body& body) { return {.kind = Op::Kind::say_body, .out = body}; }
inline Op hear_body(const Body& body) { return {.kind = Op::Kind::hear_body, .in = body}; }
inline Op exchange(const Body& out, const Body& in) {
  return {.kind = Op::Kind::exchange, .out = out, .in = in};
}
inline Op wait(Moment time) { return {.kind = Op::Kind::wait, .time = time}; }

}  // namespace postern::sim
