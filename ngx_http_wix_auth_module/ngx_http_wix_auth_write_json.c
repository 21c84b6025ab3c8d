
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <yajl/yajl_gen.h>

#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_write_json.h"


/* the generator's state is some 600 bytes */
#define NGX_HTTP_WIX_AUTH_JSON_GEN  2048


struct ngx_http_wix_auth_json_writer_s {
    ngx_pool_t                        *pool;
    yajl_gen                           gen;
    ngx_http_wix_auth_json_arena_t     arena;
    yajl_alloc_funcs                   funcs;

    u_char                            *buf;
    size_t                             len;
    size_t                             size;

    ngx_uint_t                         depth;
    u_char                             map[NGX_HTTP_WIX_AUTH_JSON_DEPTH];

    unsigned                           started:1;
    unsigned                           failed:1;
};


static ngx_uint_t ngx_http_wix_auth_json_key(
    ngx_http_wix_auth_json_writer_t *w, const char *key);
static ngx_uint_t ngx_http_wix_auth_json_name(
    ngx_http_wix_auth_json_writer_t *w, ngx_str_t *name);
static void ngx_http_wix_auth_json_push(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_uint_t map);
static void ngx_http_wix_auth_json_opened(ngx_http_wix_auth_json_writer_t *w,
    ngx_uint_t map);
static void ngx_http_wix_auth_json_text(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text);
static void ngx_http_wix_auth_json_number(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text);
static void ngx_http_wix_auth_json_node(ngx_http_wix_auth_json_writer_t *w,
    ngx_http_wix_auth_json_t *node);
static void ngx_http_wix_auth_json_print(void *data, const char *text,
    size_t len);


ngx_http_wix_auth_json_writer_t *
ngx_http_wix_auth_json_begin(ngx_pool_t *pool)
{
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_json_writer_t));
    if (w == NULL) {
        return NULL;
    }

    w->pool = pool;

    w->arena.start = ngx_palloc(pool, NGX_HTTP_WIX_AUTH_JSON_GEN);
    if (w->arena.start == NULL) {
        return NULL;
    }

    w->arena.pos = w->arena.start;
    w->arena.end = w->arena.start + NGX_HTTP_WIX_AUTH_JSON_GEN;

    w->funcs.malloc = ngx_http_wix_auth_json_malloc;
    w->funcs.realloc = ngx_http_wix_auth_json_realloc;
    w->funcs.free = ngx_http_wix_auth_json_free;
    w->funcs.ctx = &w->arena;

    w->gen = yajl_gen_alloc(&w->funcs);
    if (w->gen == NULL) {
        return NULL;
    }

    yajl_gen_config(w->gen, yajl_gen_validate_utf8, 1);
    yajl_gen_config(w->gen, yajl_gen_print_callback,
                    ngx_http_wix_auth_json_print, w);

    return w;
}


void
ngx_http_wix_auth_json_object(ngx_http_wix_auth_json_writer_t *w,
    const char *key)
{
    ngx_http_wix_auth_json_push(w, key, 1);
}


void
ngx_http_wix_auth_json_array(ngx_http_wix_auth_json_writer_t *w,
    const char *key)
{
    ngx_http_wix_auth_json_push(w, key, 0);
}


void
ngx_http_wix_auth_json_end(ngx_http_wix_auth_json_writer_t *w)
{
    yajl_gen_status  status;

    if (w == NULL || w->failed) {
        return;
    }

    if (w->depth == 0) {
        w->failed = 1;
        return;
    }

    w->depth--;

    status = w->map[w->depth] ? yajl_gen_map_close(w->gen)
                              : yajl_gen_array_close(w->gen);

    if (status != yajl_gen_status_ok) {
        w->failed = 1;
    }
}


void
ngx_http_wix_auth_json_put(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_str_t *value)
{
    if (ngx_http_wix_auth_json_key(w, key)) {
        ngx_http_wix_auth_json_text(w, value);
    }
}


void
ngx_http_wix_auth_json_put_c(ngx_http_wix_auth_json_writer_t *w,
    const char *key, const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    ngx_http_wix_auth_json_put(w, key, &text);
}


void
ngx_http_wix_auth_json_put_bool(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_uint_t value)
{
    if (!ngx_http_wix_auth_json_key(w, key)) {
        return;
    }

    if (yajl_gen_bool(w->gen, value ? 1 : 0) != yajl_gen_status_ok) {
        w->failed = 1;
    }
}


void
ngx_http_wix_auth_json_put_int(ngx_http_wix_auth_json_writer_t *w,
    const char *key, int64_t value)
{
    if (!ngx_http_wix_auth_json_key(w, key)) {
        return;
    }

    if (yajl_gen_integer(w->gen, value) != yajl_gen_status_ok) {
        w->failed = 1;
    }
}


void
ngx_http_wix_auth_json_put_tree(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_http_wix_auth_json_t *node)
{
    if (!ngx_http_wix_auth_json_key(w, key)) {
        return;
    }

    if (node == NULL) {
        w->failed = 1;
        return;
    }

    ngx_http_wix_auth_json_node(w, node);
}


ngx_int_t
ngx_http_wix_auth_json_finish(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text)
{
    ngx_int_t  rc;

    ngx_str_null(text);

    if (w == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (!w->failed && w->started && w->depth == 0) {
        text->data = ngx_pnalloc(w->pool, w->len);

        if (text->data) {
            ngx_memcpy(text->data, w->buf, w->len);
            text->len = w->len;
            rc = NGX_OK;
        }
    }

    /* every later call is a failed one */

    w->failed = 1;

    if (w->gen) {
        yajl_gen_free(w->gen);
        w->gen = NULL;
    }

    if (w->buf) {
        ngx_explicit_memzero(w->buf, w->len);
        ngx_pfree(w->pool, w->buf);
        w->buf = NULL;
        w->len = 0;
        w->size = 0;
    }

    return rc;
}


/* whether a value may follow now, with its key written if it has one */

static ngx_uint_t
ngx_http_wix_auth_json_key(ngx_http_wix_auth_json_writer_t *w,
    const char *key)
{
    ngx_str_t   name;
    ngx_uint_t  map;

    if (w == NULL || w->failed) {
        return 0;
    }

    map = w->depth && w->map[w->depth - 1];

    if (map != (key != NULL) || (w->started && w->depth == 0)) {
        w->failed = 1;
        return 0;
    }

    w->started = 1;

    if (key == NULL) {
        return 1;
    }

    name.data = (u_char *) key;
    name.len = ngx_strlen(key);

    return ngx_http_wix_auth_json_name(w, &name);
}


static ngx_uint_t
ngx_http_wix_auth_json_name(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *name)
{
    /* to the generator a key is a string like any other */

    ngx_http_wix_auth_json_text(w, name);

    return !w->failed;
}


static void
ngx_http_wix_auth_json_push(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_uint_t map)
{
    if (ngx_http_wix_auth_json_key(w, key)) {
        ngx_http_wix_auth_json_opened(w, map);
    }
}


static void
ngx_http_wix_auth_json_opened(ngx_http_wix_auth_json_writer_t *w,
    ngx_uint_t map)
{
    yajl_gen_status  status;

    if (w->depth == NGX_HTTP_WIX_AUTH_JSON_DEPTH) {
        w->failed = 1;
        return;
    }

    status = map ? yajl_gen_map_open(w->gen) : yajl_gen_array_open(w->gen);

    if (status != yajl_gen_status_ok) {
        w->failed = 1;
        return;
    }

    w->map[w->depth++] = (u_char) map;
}


static void
ngx_http_wix_auth_json_text(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text)
{
    const u_char  *data;

    data = text->len ? text->data : (u_char *) "";

    /* yajl's own check lets overlong forms and surrogates pass */

    if (text->len > NGX_HTTP_WIX_AUTH_JSON_TEXT
        || !ngx_http_wix_auth_json_utf8(data, text->len)
        || yajl_gen_string(w->gen, data, text->len) != yajl_gen_status_ok)
    {
        w->failed = 1;
    }
}


/* yajl writes it as it is, so nothing may be in it but a number */

static void
ngx_http_wix_auth_json_number(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if ((ch < '0' || ch > '9') && ch != '+' && ch != '-' && ch != '.'
            && ch != 'e' && ch != 'E')
        {
            break;
        }
    }

    if (i == 0
        || i < text->len
        || yajl_gen_number(w->gen, (const char *) text->data, text->len)
           != yajl_gen_status_ok)
    {
        w->failed = 1;
    }
}


/* no deeper than w->map, and after a failure no further */

static void
ngx_http_wix_auth_json_node(ngx_http_wix_auth_json_writer_t *w,
    ngx_http_wix_auth_json_t *node)
{
    ngx_uint_t                 map;
    yajl_gen_status            status;
    ngx_http_wix_auth_json_t  *child;

    status = yajl_gen_status_ok;

    switch (node->type) {

    case NGX_HTTP_WIX_AUTH_JSON_NULL:
        status = yajl_gen_null(w->gen);
        break;

    case NGX_HTTP_WIX_AUTH_JSON_BOOL:
        status = yajl_gen_bool(w->gen, node->value ? 1 : 0);
        break;

    case NGX_HTTP_WIX_AUTH_JSON_NUMBER:
        ngx_http_wix_auth_json_number(w, &node->text);
        break;

    case NGX_HTTP_WIX_AUTH_JSON_STRING:
        ngx_http_wix_auth_json_text(w, &node->text);
        break;

    default: /* an object or an array */
        map = (node->type == NGX_HTTP_WIX_AUTH_JSON_OBJECT);

        ngx_http_wix_auth_json_opened(w, map);

        for (child = node->child; child && !w->failed; child = child->next) {

            if (map && !ngx_http_wix_auth_json_name(w, &child->name)) {
                return;
            }

            ngx_http_wix_auth_json_node(w, child);
        }

        ngx_http_wix_auth_json_end(w);
    }

    if (status != yajl_gen_status_ok) {
        w->failed = 1;
    }
}


static void
ngx_http_wix_auth_json_print(void *data, const char *text, size_t len)
{
    ngx_http_wix_auth_json_writer_t  *w = data;

    size_t   size;
    u_char  *buf;

    if (w->failed || len == 0) {
        return;
    }

    if (len > w->size - w->len) {

        /* each value is bounded and ours, so the sum cannot overflow */

        size = ngx_max(w->size * 2, w->len + len);
        size = ngx_max(size, 512);

        buf = ngx_pnalloc(w->pool, size);
        if (buf == NULL) {
            w->failed = 1;
            return;
        }

        if (w->buf) {
            ngx_memcpy(buf, w->buf, w->len);
            ngx_explicit_memzero(w->buf, w->len);
            ngx_pfree(w->pool, w->buf);
        }

        w->buf = buf;
        w->size = size;
    }

    ngx_memcpy(w->buf + w->len, text, len);
    w->len += len;
}
