
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"

#include "ngx_http_wix_auth_zone.h"


#define BLOCKS  5
#define SIZE    NGX_HTTP_WIX_AUTH_SESSION_BLOCK


static ngx_http_wix_auth_zone_sh_t *new_zone(void);
static ngx_uint_t linked(ngx_http_wix_auth_block_t *chain);
static void strings_of(ngx_str_t *strings, size_t len);


ngx_uint_t             ngx_pagesize;
volatile ngx_cycle_t  *ngx_cycle;


static ngx_http_wix_auth_zone_sh_t *
new_zone(void)
{
    ngx_http_wix_auth_zone_sh_t  *sh;

    sh = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_sh_t));

    /* of that size, so that a block too many is seen */
    sh->blocks.fresh = ngx_palloc(pool, BLOCKS * SIZE);
    sh->blocks.all = BLOCKS;

    return sh;
}


static ngx_uint_t
linked(ngx_http_wix_auth_block_t *chain)
{
    ngx_uint_t  n;

    for (n = 0; chain; n++) {
        memset(chain->data, 'x', NGX_HTTP_WIX_AUTH_BLOCK_ROOM);
        chain = chain->next;
    }

    return n;
}


void
test_blocks(void)
{
    u_char                           *start;
    ngx_uint_t                        i, wiped;
    ngx_http_wix_auth_block_t        *a, *b, *c;
    ngx_http_wix_auth_zone_sh_t      *sh;
    ngx_http_wix_auth_record_node_t  *rn;

    sh = new_zone();
    start = sh->blocks.fresh;

    ok(ngx_http_wix_auth_chain_take(sh, 0, &a) == NGX_OK && a == NULL
       && ngx_http_wix_auth_blocks_left(sh) == BLOCKS, "blocks: none");

    ok(ngx_http_wix_auth_chain_take(sh, 2, &a) == NGX_OK && linked(a) == 2,
       "blocks: two");

    ok(ngx_http_wix_auth_chain_take(sh, BLOCKS - 1, &b) == NGX_DECLINED
       && b == NULL && ngx_http_wix_auth_blocks_left(sh) == BLOCKS - 2,
       "blocks: more than are left takes none");

    ok(ngx_http_wix_auth_chain_take(sh, BLOCKS - 2, &b) == NGX_OK
       && linked(b) == BLOCKS - 2 && ngx_http_wix_auth_blocks_left(sh) == 0,
       "blocks: all that are left");

    ok(ngx_http_wix_auth_chain_take(sh, 1, &c) == NGX_DECLINED,
       "blocks: not one more");

    ngx_http_wix_auth_chain_give(sh, a);

    wiped = 1;

    for (i = 0; i < 2; i++) {
        wiped &= zeroes(start + i * SIZE + sizeof(ngx_http_wix_auth_block_t),
                        NGX_HTTP_WIX_AUTH_BLOCK_ROOM);
    }

    ok(wiped && ngx_http_wix_auth_blocks_left(sh) == 2,
       "blocks: what comes back is wiped");

    ngx_http_wix_auth_chain_give(sh, b);

    rn = ngx_http_wix_auth_record_take(sh, BLOCKS);

    ok(rn && linked(rn->next) == BLOCKS - 1 && rn->chain == NULL
       && rn->reason == 0 && ngx_http_wix_auth_blocks_left(sh) == 0,
       "blocks: a record of all of them");

    ok(ngx_http_wix_auth_record_take(sh, 1) == NULL,
       "blocks: no other record");

    ngx_http_wix_auth_record_give(sh, rn);

    ok(ngx_http_wix_auth_blocks_left(sh) == BLOCKS, "blocks: all are back");
}


/* the slab of nginx, which has pages to give */

void *
ngx_slab_alloc(ngx_slab_pool_t *shpool, size_t size)
{
    shpool->pfree -= size / ngx_pagesize;

    return ngx_palloc(pool, size);
}


void
test_block_create(void)
{
    ngx_uint_t                  i, bad;
    ngx_slab_pool_t             slab;
    ngx_http_wix_auth_zone_t    zone;
    ngx_http_wix_auth_block_t  *all;

    ngx_pagesize = 4096;
    bad = 0;

    for (i = 1; i < 40; i++) {
        memset(&slab, 0, sizeof(slab));
        slab.pfree = i;

        zone.sh = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_sh_t));
        zone.shpool = &slab;

        if (ngx_http_wix_auth_blocks_create(&zone) != NGX_OK
            || slab.pfree != 0
            || zone.sh->blocks.all != i * 4096 / SIZE
            || ngx_http_wix_auth_chain_take(zone.sh, zone.sh->blocks.all,
                                            &all)
               != NGX_OK
            || linked(all) != i * 4096 / SIZE)
        {
            bad++;
        }
    }

    ok(bad == 0, "blocks: as many as 1 to 39 pages have room for");
}


/* so many bytes in all, none like its neighbour; the lengths differ */

static void
strings_of(ngx_str_t *strings, size_t len)
{
    size_t      k;
    ngx_uint_t  i;

    static u_char  text[4 * SIZE];

    for (k = 0; k < len; k++) {
        text[k] = (u_char) (k % 251 + 1);
    }

    for (i = 0, k = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        strings[i].data = text + k;
        strings[i].len = (i == NGX_HTTP_WIX_AUTH_STRINGS - 1) ? len - k
                                                            : len * i / 12;
        k += strings[i].len;
    }
}


void
test_block_strings(void)
{
    u_char                            buf[4 * SIZE];
    size_t                            len, bad;
    ngx_str_t                         in[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_str_t                         out[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        i, n, set;
    ngx_http_wix_auth_zone_sh_t      *sh;
    ngx_http_wix_auth_record_node_t  *rn;

    sh = new_zone();
    bad = 0;

    /* each length around each edge, each choice of strings */

    for (len = 0; len <= 3 * SIZE; len++) {
        strings_of(in, len);

        n = ngx_http_wix_auth_blocks_for(ngx_http_wix_auth_strings_size(in));
        rn = ngx_http_wix_auth_record_take(sh, n);

        if (rn == NULL) {
            bad++;
            break;
        }

        ngx_http_wix_auth_record_write(rn, in);

        for (set = 0; set <= NGX_HTTP_WIX_AUTH_STRING_ALL; set++) {
            (void) ngx_http_wix_auth_record_strings(rn, set, buf, out);

            for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
                if (set & (1 << i)) {
                    bad += (out[i].len != in[i].len
                            || memcmp(out[i].data, in[i].data, in[i].len));

                } else {
                    bad += (out[i].len != 0);
                }
            }
        }

        bad += (ngx_http_wix_auth_record_size(rn, NGX_HTTP_WIX_AUTH_STRING_ALL)
                != len);

        /* the last block is needed */
        bad += (n > 1 && NGX_HTTP_WIX_AUTH_HEAD_ROOM
                         + (n - 2) * NGX_HTTP_WIX_AUTH_BLOCK_ROOM >= len);

        ngx_http_wix_auth_record_give(sh, rn);
    }

    ok(bad == 0 && len > 3 * SIZE, "blocks: strings of 0 to %lu bytes",
       (unsigned long) 3 * SIZE);
    ok(ngx_http_wix_auth_blocks_left(sh) == BLOCKS,
       "blocks: all are back after those");
}
