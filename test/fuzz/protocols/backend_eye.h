// What an honest backend makes of the bytes that a dialogue sends it: where commands stand, and where
// literals, messages and SASL responses do, by the backend's own replies. It is strict about what
// postern promises: a command that logs in has been allowed, nothing comes behind one that may be
// refused before its answer, no hidden verb arrives. It follows a dialogue that is fed octet by octet.
#pragma once

#include <memory>

#include "test/fuzz/protocols/dialogue_player.h"

namespace postern::test {

// `input` outlives it.
std::unique_ptr<Onlooker> make_backend_eye(const DialogueInput& input);

}  // namespace postern::test
