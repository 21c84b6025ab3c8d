
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _RINGS_H_INCLUDED_
#define _RINGS_H_INCLUDED_


#include "ngx_http_wix_auth_crypto.h"


/*
 * Keys for targets that seal: a ring, the same after a rotation, and one of
 * somebody else whose key has the same id.  rings() makes them, once.
 */

extern ngx_http_wix_auth_ring_t  ring, rotated, stranger;

void rings(void);


#endif /* _RINGS_H_INCLUDED_ */
