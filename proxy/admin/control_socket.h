// The socket by which the command line speaks to a running postern: one request, one answer, each a
// line, then the connection ends. Never waits: who is slow holds up nobody but himself.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/admin/renewal.h"

namespace postern::admin {

// Of one thread.
class ControlSocket {
 public:
  static constexpr std::size_t kMostClients = 4;  // further ones wait in the kernel's queue
  static constexpr std::size_t kLongestRequest = 4096;
  // To send the request; then once more, to take the answer.
  static constexpr std::chrono::milliseconds kPatience{10'000};

  // From a request, without its newline, to its answer, without one.
  using Answer = std::function<std::string(std::string_view request)>;

  // Listens at `path`, which root and this process's user alone may use. A socket that somebody
  // left behind is replaced, one that is listened to is an error; the error says what failed.
  static std::variant<std::unique_ptr<ControlSocket>, std::string> open(const std::string& path);
  // Removes the socket, where it is still this one.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Adds what is to be waited for.
  void add_to(std::vector<pollfd>& waiting) const;
  // Goes on as far as can be.
  void turn(Steady::time_point now, const Answer& answer);
  // When turn() is to be called next, though nothing is ready.
  Steady::time_point due() const;

 private:
  struct Client {
    int descriptor;
    Steady::time_point until;
    std::string request;
    std::string answer;  // what is left to send
    bool is_answered = false;
  };
  ControlSocket(std::string path, int descriptor);

  void accept_clients(Steady::time_point now);
  // False: it is over.
  static bool go_on(Client& client, Steady::time_point now, const Answer& answer);
  static bool read_request(Client& client);
  static bool send_answer(Client& client);

  const std::string path_;
  const int descriptor_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::vector<Client> clients_;
  Steady::time_point accept_again_{};  // out of descriptors: not before then
};

}  // namespace postern::admin
