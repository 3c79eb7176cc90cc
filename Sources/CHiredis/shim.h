// hiredis: Debian 12 has 0.14 (RESP2, no TLS).
#include <hiredis/hiredis.h>
