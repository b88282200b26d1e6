// The known word that somebody meant.
#pragma once

#include <span>
#include <string_view>

namespace postern::conf {

// The one of `known` with the least edits (a letter more, less or other, two swapped; case and `-`
// for `_` cost nothing) from `word`; "" where none is near: one edit in three letters, three at
// most. The first of equals. Pure.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace postern::conf
