// The words of the settings file for what has a fixed choice.
#include "conf/words.h"

#include <cstddef>

namespace postern::conf {
namespace {

template <class T, std::size_t n>
std::string_view word_for(const Choice<T> (&choices)[n], T value) {
  for (const auto& choice : choices)
    if (choice.value == value) return choice.word;
  return "";
}

}  // namespace

std::string_view word(TlsVersion version) { return word_for(kTlsVersions, version); }
std::string_view word(Profile profile) { return word_for(kProfiles, profile); }
std::string_view word(TlsMode mode) { return word_for(kTlsModes, mode); }
std::string_view word(OldTls old_tls) { return word_for(kOldTls, old_tls); }
std::string_view word(Protocol protocol) { return word_for(kProtocols, protocol); }
std::string_view word(BareNewlines newlines) { return word_for(kBareNewlines, newlines); }

}  // namespace postern::conf
