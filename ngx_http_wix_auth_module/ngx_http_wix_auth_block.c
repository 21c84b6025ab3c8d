
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_zone.h"


static void ngx_http_wix_auth_block_give(ngx_http_wix_auth_blocks_t *blocks,
    void *p);


/*
 * All pages that the tables have left become blocks of one size, with nothing
 * between them: the slab allocator would round each up to a power of 2.  None
 * is touched before it is used.
 */

ngx_int_t
ngx_http_wix_auth_blocks_create(ngx_http_wix_auth_zone_t *zone)
{
    size_t                       size;
    ngx_http_wix_auth_blocks_t  *blocks;

    blocks = &zone->sh->blocks;
    size = zone->shpool->pfree * ngx_pagesize;

    if (size < NGX_HTTP_WIX_AUTH_SESSION_BLOCK) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "wix_auth: no room for sessions%s, pages have "
                      "%ui bytes here", zone->shpool->log_ctx, ngx_pagesize);
        return NGX_ERROR;
    }

    blocks->fresh = ngx_slab_alloc(zone->shpool, size);
    if (blocks->fresh == NULL) {
        return NGX_ERROR;
    }

    blocks->all = size / NGX_HTTP_WIX_AUTH_SESSION_BLOCK;

    return NGX_OK;
}


ngx_uint_t
ngx_http_wix_auth_blocks_for(size_t size)
{
    size -= ngx_min(size, NGX_HTTP_WIX_AUTH_HEAD_ROOM);

    return 1 + (size + NGX_HTTP_WIX_AUTH_BLOCK_ROOM - 1)
               / NGX_HTTP_WIX_AUTH_BLOCK_ROOM;
}


ngx_int_t
ngx_http_wix_auth_chain_take(ngx_http_wix_auth_zone_sh_t *sh, ngx_uint_t n,
    ngx_http_wix_auth_block_t **chain)
{
    ngx_http_wix_auth_block_t   *block, **next;
    ngx_http_wix_auth_blocks_t  *blocks;

    *chain = NULL;

    if (ngx_http_wix_auth_blocks_left(sh) < n) {
        return NGX_DECLINED;
    }

    blocks = &sh->blocks;
    blocks->used += n;

    for (next = chain; n; n--) {

        block = blocks->given;

        if (block) {
            blocks->given = block->next;

        } else {
            block = (ngx_http_wix_auth_block_t *) blocks->fresh;
            blocks->fresh += NGX_HTTP_WIX_AUTH_SESSION_BLOCK;
        }

        block->next = NULL;

        *next = block;
        next = &block->next;
    }

    return NGX_OK;
}


void
ngx_http_wix_auth_chain_give(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_block_t *chain)
{
    ngx_http_wix_auth_block_t  *next;

    while (chain) {
        next = chain->next;
        ngx_http_wix_auth_block_give(&sh->blocks, chain);
        chain = next;
    }
}


ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_record_take(ngx_http_wix_auth_zone_sh_t *sh, ngx_uint_t n)
{
    ngx_http_wix_auth_block_t        *head, *chain;
    ngx_http_wix_auth_record_node_t  *rn;

    if (ngx_http_wix_auth_chain_take(sh, n, &head) != NGX_OK || head == NULL) {
        return NULL;
    }

    /* the links of a head are in other places */

    chain = head->next;

    rn = (ngx_http_wix_auth_record_node_t *) head;

    ngx_memzero(rn, offsetof(ngx_http_wix_auth_record_node_t, data));
    rn->next = chain;

    return rn;
}


void
ngx_http_wix_auth_record_give(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn)
{
    ngx_http_wix_auth_chain_give(sh, rn->next);
    ngx_http_wix_auth_block_give(&sh->blocks, rn);
}


static void
ngx_http_wix_auth_block_give(ngx_http_wix_auth_blocks_t *blocks, void *p)
{
    ngx_http_wix_auth_block_t  *block = p;

    ngx_explicit_memzero(block, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);

    block->next = blocks->given;
    blocks->given = block;
    blocks->used--;
}


void
ngx_http_wix_auth_record_read(ngx_http_wix_auth_record_node_t *rn,
    size_t skip, u_char *dst, size_t size)
{
    u_char                     *src;
    size_t                      n, room;
    ngx_http_wix_auth_block_t  *next;

    src = rn->data;
    room = NGX_HTTP_WIX_AUTH_HEAD_ROOM;
    next = rn->next;

    while (size) {

        if (skip < room) {
            n = ngx_min(size, room - skip);
            dst = ngx_cpymem(dst, src + skip, n);
            size -= n;
            skip = 0;

            if (size == 0) {
                break;
            }

        } else {
            skip -= room;
        }

        if (next == NULL) {
            /* a worker was killed while it wrote them */
            ngx_memzero(dst, size);
            return;
        }

        src = next->data;
        room = NGX_HTTP_WIX_AUTH_BLOCK_ROOM;
        next = next->next;
    }
}


size_t
ngx_http_wix_auth_record_size(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set)
{
    size_t      size;
    ngx_uint_t  i;

    size = 0;

    for (i = 0; set >> i; i++) {
        if (set & (1 << i)) {
            size += rn->len[i];
        }
    }

    return size;
}


/* neighbours are read at one go, and so are those with nothing between them */

u_char *
ngx_http_wix_auth_record_strings(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set, u_char *p, ngx_str_t *strings)
{
    size_t      skip, size;
    ngx_uint_t  i;

    skip = 0;
    size = 0;

    for (i = 0; set >> i; i++) {

        strings[i].data = p + size;

        if ((set & (1 << i)) || rn->len[i] == 0) {
            strings[i].len = rn->len[i];
            size += rn->len[i];
            continue;
        }

        strings[i].len = 0;

        if (size) {
            ngx_http_wix_auth_record_read(rn, skip, p, size);
        }

        skip += size + rn->len[i];
        p += size;
        size = 0;
    }

    if (size) {
        ngx_http_wix_auth_record_read(rn, skip, p, size);
    }

    p += size;

    for ( /* void */ ; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        strings[i].data = p;
        strings[i].len = 0;
    }

    return p;
}


size_t
ngx_http_wix_auth_strings_size(ngx_str_t *strings)
{
    size_t      size;
    ngx_uint_t  i;

    size = 0;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        size += strings[i].len;
    }

    return size;
}


void
ngx_http_wix_auth_record_write(ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings)
{
    u_char                     *dst, *src;
    size_t                      room, n, left;
    ngx_uint_t                  i;
    ngx_http_wix_auth_block_t  *block;

    dst = rn->data;
    room = NGX_HTTP_WIX_AUTH_HEAD_ROOM;
    block = rn->next;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        rn->len[i] = (uint16_t) strings[i].len;
        src = strings[i].data;
        left = strings[i].len;

        while (left) {

            if (room == 0) {
                dst = block->data;
                room = NGX_HTTP_WIX_AUTH_BLOCK_ROOM;
                block = block->next;
            }

            n = ngx_min(left, room);
            dst = ngx_cpymem(dst, src, n);
            src += n;
            left -= n;
            room -= n;
        }
    }
}
