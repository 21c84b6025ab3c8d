
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "fuzz.h"
#include "rings.h"


ngx_http_wix_auth_ring_t  ring, rotated, stranger;


void
rings(void)
{
    if (ring.nkeys) {
        return;
    }

    FUZZ_CHECK(ngx_http_wix_auth_ring_add(&ring, (u_char *)
                   "the first secret of this target.", 32) == NGX_OK);

    FUZZ_CHECK(ngx_http_wix_auth_ring_add(&rotated, (u_char *)
                   "the next secret that seals now..", 32) == NGX_OK);
    FUZZ_CHECK(ngx_http_wix_auth_ring_add(&rotated, (u_char *)
                   "the first secret of this target.", 32) == NGX_OK);

    FUZZ_CHECK(ngx_http_wix_auth_ring_add(&stranger, (u_char *)
                   "a secret of somebody else, not us", 32) == NGX_OK);

    /* ids tell keys apart only by chance */
    stranger.keys[0].id = ring.keys[0].id;
}
