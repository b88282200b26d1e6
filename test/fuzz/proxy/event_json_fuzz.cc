// Any octets in every text of an event, whose kind goes by the length of the input: the line stays one
// valid JSON object in printable ASCII, with the contract's keys in its order, none twice, and no text
// above its bound. The input is cut at its zero octets, and the pieces go to the texts in turn.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "proxy/audit/event_json.h"
#include "test/proxy/audit/contract.h"
#include "test/proxy/audit/every_event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t at = 0;
  const auto next = [&] {
    if (at >= input.size()) at = 0;
    const auto end = std::min(input.find('\0', at), input.size());
    std::string piece(input.substr(at, end - at));
    at = end + 1;
    return piece;
  };
  const auto all = postern::every_event::full(next);
  postern::audit::LineWriter writer({"mail.example.com", "0.1.0"});
  std::string line;
  writer.append(line, {{}, all[size % all.size()]}, 1);
  const auto fault = postern::audit_contract::fault_of(line);
  if (fault.empty()) return 0;
  std::cerr << fault << "\n" << line;
  std::abort();
}
