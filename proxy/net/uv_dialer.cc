// See uv_dialer.h.
#include "proxy/net/uv_dialer.h"

#include <utility>

#include "proxy/net/uv_stream.h"

namespace postern::net {

// Lives until the connect callback, which comes also when the dial is given up (ECANCELED).
struct UvDial::Attempt {
  uv_connect_t request{};
  UvStream* stream = nullptr;  // owned by `held` until it is handed over
  StreamPtr held;
  DialUser* user = nullptr;  // null once given up
  UvDial* dial = nullptr;
  int error = 0;  // uv_tcp_connect failed at once
  Loop* loop = nullptr;

  void finish(int status) {
    if (user != nullptr) {
      dial->attempt_ = nullptr;
      auto* const asker = user;
      if (status == 0) {
        stream->set_options();
        asker->on_dialled(std::move(held));
      } else {
        held.reset();
        asker->on_dial_failed(Error{status});
      }
    }
    delete this;
  }
};

UvDial::UvDial(Loop& loop, const Address& address, DialUser& user) : attempt_(new Attempt) {
  attempt_->stream = new UvStream(loop);
  attempt_->held = StreamPtr(attempt_->stream);
  attempt_->user = &user;
  attempt_->dial = this;
  attempt_->request.data = attempt_;
  sockaddr_storage storage{};
  address.to(storage);
  const int error = uv_tcp_connect(&attempt_->request, attempt_->stream->handle(),
                                   reinterpret_cast<const sockaddr*>(&storage),
                                   [](uv_connect_t* request, int status) {
                                     static_cast<Attempt*>(request->data)->finish(status);
                                   });
  // Some errors come at once (no descriptor, no route): the asker still hears of them later.
  if (error != 0) loop.post([attempt = attempt_, error] { attempt->finish(error); });
}

UvDial::~UvDial() {
  if (attempt_ == nullptr) return;
  attempt_->user = nullptr;
  attempt_->held.reset();
}

}  // namespace postern::net
