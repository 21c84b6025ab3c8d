
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_JSON_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: the only room that knows yajl.
 *
 * Reader: a tree of bounded depth and size, allocated from a pool.  Writer:
 * a growing buffer with correct escaping.
 */


#define NGX_HTTP_WIX_AUTH_JSON_DEPTH   32      /* levels of a document */
#define NGX_HTTP_WIX_AUTH_JSON_NODES   4096    /* values of a document */


typedef enum {
    NGX_HTTP_WIX_AUTH_JSON_NULL = 0,
    NGX_HTTP_WIX_AUTH_JSON_BOOL,
    NGX_HTTP_WIX_AUTH_JSON_NUMBER,
    NGX_HTTP_WIX_AUTH_JSON_STRING,
    NGX_HTTP_WIX_AUTH_JSON_OBJECT,
    NGX_HTTP_WIX_AUTH_JSON_ARRAY
} ngx_http_wix_auth_json_type_e;


typedef struct ngx_http_wix_auth_json_s  ngx_http_wix_auth_json_t;

struct ngx_http_wix_auth_json_s {
    ngx_http_wix_auth_json_type_e   type;
    ngx_str_t                       name;     /* key within an object */
    ngx_str_t                       text;     /* string, number as sent */
    unsigned                        value:1;  /* bool */
    ngx_http_wix_auth_json_t       *child;    /* first of object or array */
    ngx_http_wix_auth_json_t       *next;     /* sibling, in document order */
};


/*
 * Parses exactly one document.  Strings are copied, unescaped, into pool
 * and NUL-terminated beyond their length (they may hold NUL bytes inside).
 * Half a surrogate pair ("\ud83d") becomes U+FFFD.  Invalid UTF-8, trailing
 * data, duplicate keys within one object, more depth or nodes than allowed:
 * NGX_DECLINED with *err a static text that never quotes the input.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_wix_auth_json_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_wix_auth_json_t **root, const char **err);

/*
 * Follows a dotted path of object keys ("details.applicationError.code");
 * NULL when a step is missing or not an object.
 */
ngx_http_wix_auth_json_t *ngx_http_wix_auth_json_get(
    ngx_http_wix_auth_json_t *root, const char *path);

/* the same, and the value must be a non-empty string without NUL bytes of
   at most max bytes; else NGX_DECLINED and an empty *value */
ngx_int_t ngx_http_wix_auth_json_string(ngx_http_wix_auth_json_t *root,
    const char *path, size_t max, ngx_str_t *value);

/*
 * A whole number from 1 to max, sent as a number or as a string of one
 * ("3600"); a fraction is cut off.  Zero, negative, too large, an exponent
 * form beyond max, anything else: NGX_DECLINED.
 */
ngx_int_t ngx_http_wix_auth_json_positive(ngx_http_wix_auth_json_t *root,
    const char *path, int64_t max, int64_t *value);

/* zeroes every string of the tree (it may hold tokens) */
void ngx_http_wix_auth_json_wipe(ngx_http_wix_auth_json_t *root);


typedef struct ngx_http_wix_auth_json_writer_s
    ngx_http_wix_auth_json_writer_t;

/*
 * The writer never fails in between: errors (memory, invalid UTF-8) are
 * remembered and told by finish().  Keys are C strings.  A NULL key inside
 * an array or for the root.
 */
ngx_http_wix_auth_json_writer_t *ngx_http_wix_auth_json_begin(
    ngx_pool_t *pool);
void ngx_http_wix_auth_json_object(ngx_http_wix_auth_json_writer_t *w,
    const char *key);
void ngx_http_wix_auth_json_array(ngx_http_wix_auth_json_writer_t *w,
    const char *key);
void ngx_http_wix_auth_json_end(ngx_http_wix_auth_json_writer_t *w);
void ngx_http_wix_auth_json_put(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_str_t *value);
void ngx_http_wix_auth_json_put_c(ngx_http_wix_auth_json_writer_t *w,
    const char *key, const char *value);
void ngx_http_wix_auth_json_put_bool(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_uint_t value);
void ngx_http_wix_auth_json_put_int(ngx_http_wix_auth_json_writer_t *w,
    const char *key, int64_t value);
/* a tree as the reader makes it; numbers go out as they came in */
void ngx_http_wix_auth_json_put_tree(ngx_http_wix_auth_json_writer_t *w,
    const char *key, ngx_http_wix_auth_json_t *node);
/* copies the text into pool (given to begin()), frees the writer and wipes
   its buffer: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_json_finish(ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *text);


#endif /* _NGX_HTTP_WIX_AUTH_JSON_H_INCLUDED_ */
