// See tls_clients_section.h.
#include "conf/tls_clients_section.h"

#include "conf/words.h"

namespace postern::conf {

void read_tls_clients(const Fields& fields, Tls& tls, TlsPlaces& places) {
  places.sni = fields.choose("sni", kSnis, tls.sni);
}

}  // namespace postern::conf
