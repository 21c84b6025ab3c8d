
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <yajl/yajl_parse.h>

#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_write_json.h"


#define NGX_HTTP_WIX_AUTH_JSON_NUMBER_LEN  64


/*
 * Large enough for the worst text of its length: two buffers, doubled from
 * 2048 bytes until they hold it, are less than four times the length each;
 * our copy of the text and the sorting of keys take five times the length at
 * most.
 */

#define NGX_HTTP_WIX_AUTH_JSON_ARENA(len)  ((len) * 16 + 16384)


typedef struct {
    ngx_pool_t                        *pool;
    ngx_http_wix_auth_json_arena_t     arena;

    ngx_http_wix_auth_json_t          *root;
    ngx_http_wix_auth_json_t          *open[NGX_HTTP_WIX_AUTH_JSON_DEPTH];
    ngx_http_wix_auth_json_t          *newest[NGX_HTTP_WIX_AUTH_JSON_DEPTH];
    ngx_uint_t                         depth;
    ngx_uint_t                         nodes;

    ngx_str_t                          name;
    const char                        *err;
    unsigned                           nomem:1;
} ngx_http_wix_auth_json_reader_t;


static ngx_int_t ngx_http_wix_auth_json_read(
    ngx_http_wix_auth_json_reader_t *reader, ngx_str_t *text);
static void ngx_http_wix_auth_json_tree_wipe(ngx_http_wix_auth_json_t *root);
static void ngx_http_wix_auth_json_str_wipe(ngx_str_t *text);
static void ngx_http_wix_auth_json_surrogates(u_char *p, size_t len);
static ngx_uint_t ngx_http_wix_auth_json_escape(u_char *p, u_char *last);
static ngx_int_t ngx_http_wix_auth_json_number(ngx_str_t *text, int64_t max,
    int64_t *value);
static ngx_int_t ngx_http_wix_auth_json_whole(u_char *digits, ngx_int_t n,
    ngx_int_t point, int64_t max, int64_t *value);
static ngx_http_wix_auth_json_t *ngx_http_wix_auth_json_add(
    ngx_http_wix_auth_json_reader_t *reader,
    ngx_http_wix_auth_json_type_e type);
static int ngx_http_wix_auth_json_copy(ngx_http_wix_auth_json_reader_t *reader,
    const void *data, size_t len, ngx_str_t *text);
static int ngx_http_wix_auth_json_open(ngx_http_wix_auth_json_reader_t *reader,
    ngx_http_wix_auth_json_type_e type);
static int ngx_libc_cdecl ngx_http_wix_auth_json_compare(const void *one,
    const void *two);
static int ngx_http_wix_auth_json_on_null(void *data);
static int ngx_http_wix_auth_json_on_bool(void *data, int value);
static int ngx_http_wix_auth_json_on_number(void *data, const char *text,
    size_t len);
static int ngx_http_wix_auth_json_on_string(void *data,
    const unsigned char *text, size_t len);
static int ngx_http_wix_auth_json_on_map(void *data);
static int ngx_http_wix_auth_json_on_key(void *data,
    const unsigned char *text, size_t len);
static int ngx_http_wix_auth_json_on_map_end(void *data);
static int ngx_http_wix_auth_json_on_array(void *data);
static int ngx_http_wix_auth_json_on_array_end(void *data);


static const yajl_callbacks  ngx_http_wix_auth_json_callbacks = {
    ngx_http_wix_auth_json_on_null,
    ngx_http_wix_auth_json_on_bool,
    NULL,
    NULL,
    ngx_http_wix_auth_json_on_number,
    ngx_http_wix_auth_json_on_string,
    ngx_http_wix_auth_json_on_map,
    ngx_http_wix_auth_json_on_key,
    ngx_http_wix_auth_json_on_map_end,
    ngx_http_wix_auth_json_on_array,
    ngx_http_wix_auth_json_on_array_end
};


ngx_int_t
ngx_http_wix_auth_json_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_wix_auth_json_t **root, const char **err)
{
    ngx_http_wix_auth_json_reader_t  reader;

    *root = NULL;
    *err = NULL;

    if (text->len == 0) {
        *err = "empty JSON text";
        return NGX_DECLINED;
    }

    if (text->len > NGX_HTTP_WIX_AUTH_JSON_TEXT) {
        *err = "JSON text too large";
        return NGX_DECLINED;
    }

    if (!ngx_http_wix_auth_json_utf8(text->data, text->len)) {
        *err = "invalid UTF-8 in JSON text";
        return NGX_DECLINED;
    }

    ngx_memzero(&reader, sizeof(ngx_http_wix_auth_json_reader_t));

    reader.pool = pool;

    if (ngx_http_wix_auth_json_read(&reader, text) == NGX_OK && reader.root) {
        *root = reader.root;
        return NGX_OK;
    }

    ngx_http_wix_auth_json_wipe(reader.root);
    ngx_http_wix_auth_json_str_wipe(&reader.name);

    if (reader.nomem) {
        return NGX_ERROR;
    }

    *err = reader.err ? reader.err : "malformed JSON";

    return NGX_DECLINED;
}


ngx_http_wix_auth_json_t *
ngx_http_wix_auth_json_get(ngx_http_wix_auth_json_t *root, const char *path)
{
    size_t                     len;
    const char                *p;
    ngx_http_wix_auth_json_t  *node;

    for (node = root; node; path = p + 1) {

        if (node->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
            return NULL;
        }

        for (p = path; *p != '\0' && *p != '.'; p++) { /* void */ }

        len = p - path;

        for (node = node->child; node; node = node->next) {

            if (node->name.len == len
                && ngx_memcmp(node->name.data, path, len) == 0)
            {
                break;
            }
        }

        if (*p == '\0') {
            break;
        }
    }

    return node;
}


ngx_int_t
ngx_http_wix_auth_json_string(ngx_http_wix_auth_json_t *root,
    const char *path, size_t max, ngx_str_t *value)
{
    ngx_http_wix_auth_json_t  *node;

    ngx_str_null(value);

    node = ngx_http_wix_auth_json_get(root, path);

    if (node == NULL
        || node->type != NGX_HTTP_WIX_AUTH_JSON_STRING
        || node->text.len == 0
        || node->text.len > max
        || memchr(node->text.data, '\0', node->text.len) != NULL)
    {
        return NGX_DECLINED;
    }

    *value = node->text;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_json_positive(ngx_http_wix_auth_json_t *root,
    const char *path, int64_t max, int64_t *value)
{
    ngx_http_wix_auth_json_t  *node;

    *value = 0;

    node = ngx_http_wix_auth_json_get(root, path);

    if (node == NULL
        || (node->type != NGX_HTTP_WIX_AUTH_JSON_NUMBER
            && node->type != NGX_HTTP_WIX_AUTH_JSON_STRING))
    {
        return NGX_DECLINED;
    }

    return ngx_http_wix_auth_json_number(&node->text, max, value);
}


void
ngx_http_wix_auth_json_wipe(ngx_http_wix_auth_json_t *root)
{
    if (root) {
        ngx_http_wix_auth_json_tree_wipe(root);
    }
}


static ngx_int_t
ngx_http_wix_auth_json_read(ngx_http_wix_auth_json_reader_t *reader,
    ngx_str_t *text)
{
    size_t                           size;
    u_char                          *copy;
    yajl_handle                      yajl;
    yajl_status                      status;
    yajl_alloc_funcs                 funcs;
    ngx_http_wix_auth_json_arena_t  *arena;

    arena = &reader->arena;
    size = NGX_HTTP_WIX_AUTH_JSON_ARENA(text->len);

    arena->start = ngx_alloc(size, reader->pool->log);
    if (arena->start == NULL) {
        reader->nomem = 1;
        return NGX_ERROR;
    }

    arena->pos = arena->start;
    arena->end = arena->start + size;

    copy = ngx_http_wix_auth_json_malloc(arena, text->len);
    ngx_memcpy(copy, text->data, text->len);
    ngx_http_wix_auth_json_surrogates(copy, text->len);

    funcs.malloc = ngx_http_wix_auth_json_malloc;
    funcs.realloc = ngx_http_wix_auth_json_realloc;
    funcs.free = ngx_http_wix_auth_json_free;
    funcs.ctx = arena;

    yajl = yajl_alloc(&ngx_http_wix_auth_json_callbacks, &funcs, reader);

    status = yajl_parse(yajl, copy, text->len);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(yajl);
    }

    yajl_free(yajl);

    ngx_explicit_memzero(arena->start, arena->pos - arena->start);
    ngx_free(arena->start);

    return (status == yajl_status_ok) ? NGX_OK : NGX_DECLINED;
}


/* parse() has bounded the depth */

static void
ngx_http_wix_auth_json_tree_wipe(ngx_http_wix_auth_json_t *root)
{
    ngx_http_wix_auth_json_t  *node;

    ngx_http_wix_auth_json_str_wipe(&root->name);
    ngx_http_wix_auth_json_str_wipe(&root->text);

    for (node = root->child; node; node = node->next) {
        ngx_http_wix_auth_json_tree_wipe(node);
    }
}


static void
ngx_http_wix_auth_json_str_wipe(ngx_str_t *text)
{
    if (text->len) {
        ngx_explicit_memzero(text->data, text->len);
        text->len = 0;
    }
}


/* well-formed as in Unicode's table 3-7 */

ngx_uint_t
ngx_http_wix_auth_json_utf8(const u_char *p, size_t len)
{
    u_char         c, low, high;
    size_t         n;
    const u_char  *last;

    for (last = p + len; p < last; p += n) {

        c = *p++;
        n = 0;

        if (c < 0x80) {
            continue;
        }

        low = 0x80;
        high = 0xbf;

        if (c >= 0xc2 && c <= 0xdf) {
            n = 1;

        } else if (c >= 0xe0 && c <= 0xef) {
            n = 2;
            low = (c == 0xe0) ? 0xa0 : 0x80;
            high = (c == 0xed) ? 0x9f : 0xbf;

        } else if (c >= 0xf0 && c <= 0xf4) {
            n = 3;
            low = (c == 0xf0) ? 0x90 : 0x80;
            high = (c == 0xf4) ? 0x8f : 0xbf;

        } else {
            return 0;
        }

        if ((size_t) (last - p) < n
            || p[0] < low || p[0] > high
            || (n > 1 && (p[1] & 0xc0) != 0x80)
            || (n > 2 && (p[2] & 0xc0) != 0x80))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * A surrogate without its other half, as a name cut in the middle of an
 * emoji has it, becomes U+FFFD.  yajl would swallow what follows the first
 * half, makes invalid UTF-8 of the second, and where CVE-2017-16516 is not
 * fixed it aborts the process.
 */

static void
ngx_http_wix_auth_json_surrogates(u_char *p, size_t len)
{
    u_char      *last;
    ngx_uint_t   code, next;

    last = p + len;

    while (p < last) {

        p = memchr(p, '\\', last - p);
        if (p == NULL) {
            return;
        }

        code = ngx_http_wix_auth_json_escape(p, last);

        if (code == 0) {
            p += (last - p > 1) ? 2 : 1;
            continue;
        }

        if (code >= 0xd800 && code <= 0xdfff) {

            next = ngx_http_wix_auth_json_escape(p + 6, last);

            if (code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
                p += 12;
                continue;
            }

            ngx_memcpy(p, "\\ufffd", 6);
        }

        p += 6;
    }
}


/* the code of \uXXXX; 0 when p is anything else, or \u0000 */

static ngx_uint_t
ngx_http_wix_auth_json_escape(u_char *p, u_char *last)
{
    ngx_int_t  code;

    if (last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0;
    }

    code = ngx_hextoi(p + 2, 4);

    return (code == NGX_ERROR) ? 0 : (ngx_uint_t) code;
}


/*
 * No floating point: all digits in a row, and the place of the point among
 * them, which the exponent moves.
 */

static ngx_int_t
ngx_http_wix_auth_json_number(ngx_str_t *text, int64_t max, int64_t *value)
{
    u_char     *p, *last, digits[NGX_HTTP_WIX_AUTH_JSON_NUMBER_LEN];
    ngx_int_t   n, point, exp, sign;

    if (text->len == 0 || text->len > NGX_HTTP_WIX_AUTH_JSON_NUMBER_LEN) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;
    n = 0;
    point = -1;

    for ( /* void */ ; p < last; p++) {

        if (*p >= '0' && *p <= '9') {
            digits[n++] = *p - '0';

        } else if (*p == '.' && point == -1 && n > 0) {
            point = n;

        } else {
            break;
        }
    }

    if (n == 0 || n == point) {
        return NGX_DECLINED;
    }

    if (point == -1) {
        point = n;
    }

    if (digits[0] == 0 && point > 1) {
        return NGX_DECLINED;
    }

    if (p < last) {

        if (*p != 'e' && *p != 'E') {
            return NGX_DECLINED;
        }

        p++;
        sign = 1;

        if (p < last && (*p == '+' || *p == '-')) {
            sign = (*p == '-') ? -1 : 1;
            p++;
        }

        if (p == last) {
            return NGX_DECLINED;
        }

        for (exp = 0; p < last; p++) {

            if (*p < '0' || *p > '9') {
                return NGX_DECLINED;
            }

            if (exp < 1000) {
                exp = exp * 10 + (*p - '0');
            }
        }

        point += sign * exp;
    }

    return ngx_http_wix_auth_json_whole(digits, n, point, max, value);
}


static ngx_int_t
ngx_http_wix_auth_json_whole(u_char *digits, ngx_int_t n, ngx_int_t point,
    int64_t max, int64_t *value)
{
    int64_t    number, digit;
    ngx_int_t  i;

    number = 0;

    for (i = 0; i < point; i++) {

        digit = (i < n) ? digits[i] : 0;

        if (digit > max || number > (max - digit) / 10) {
            return NGX_DECLINED;
        }

        number = number * 10 + digit;
    }

    if (number < 1) {
        return NGX_DECLINED;
    }

    *value = number;

    return NGX_OK;
}


static ngx_http_wix_auth_json_t *
ngx_http_wix_auth_json_add(ngx_http_wix_auth_json_reader_t *reader,
    ngx_http_wix_auth_json_type_e type)
{
    ngx_http_wix_auth_json_t  *node, *parent, **newest;

    if (reader->nodes == NGX_HTTP_WIX_AUTH_JSON_NODES) {
        reader->err = "too many values in JSON text";
        return NULL;
    }

    node = ngx_pcalloc(reader->pool, sizeof(ngx_http_wix_auth_json_t));
    if (node == NULL) {
        reader->nomem = 1;
        return NULL;
    }

    reader->nodes++;
    node->type = type;

    if (reader->depth == 0) {
        reader->root = node;
        return node;
    }

    parent = reader->open[reader->depth - 1];
    newest = &reader->newest[reader->depth - 1];

    if (*newest) {
        (*newest)->next = node;

    } else {
        parent->child = node;
    }

    *newest = node;

    node->name = reader->name;
    ngx_str_null(&reader->name);

    return node;
}


static int
ngx_http_wix_auth_json_copy(ngx_http_wix_auth_json_reader_t *reader,
    const void *data, size_t len, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(reader->pool, len + 1);
    if (p == NULL) {
        reader->nomem = 1;
        return 0;
    }

    if (len) {
        ngx_memcpy(p, data, len);
    }

    p[len] = '\0';

    text->data = p;
    text->len = len;

    return 1;
}


static int
ngx_http_wix_auth_json_open(ngx_http_wix_auth_json_reader_t *reader,
    ngx_http_wix_auth_json_type_e type)
{
    ngx_http_wix_auth_json_t  *node;

    if (reader->depth == NGX_HTTP_WIX_AUTH_JSON_DEPTH) {
        reader->err = "JSON text nested too deeply";
        return 0;
    }

    node = ngx_http_wix_auth_json_add(reader, type);
    if (node == NULL) {
        return 0;
    }

    reader->open[reader->depth] = node;
    reader->newest[reader->depth] = NULL;
    reader->depth++;

    return 1;
}


static int ngx_libc_cdecl
ngx_http_wix_auth_json_compare(const void *one, const void *two)
{
    ngx_str_t  *a, *b;

    a = *(ngx_str_t **) one;
    b = *(ngx_str_t **) two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return ngx_memcmp(a->data, b->data, a->len);
}


static int
ngx_http_wix_auth_json_on_null(void *data)
{
    return ngx_http_wix_auth_json_add(data, NGX_HTTP_WIX_AUTH_JSON_NULL)
           != NULL;
}


static int
ngx_http_wix_auth_json_on_bool(void *data, int value)
{
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_add(data, NGX_HTTP_WIX_AUTH_JSON_BOOL);
    if (node == NULL) {
        return 0;
    }

    node->value = value ? 1 : 0;

    return 1;
}


static int
ngx_http_wix_auth_json_on_number(void *data, const char *text, size_t len)
{
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_add(data, NGX_HTTP_WIX_AUTH_JSON_NUMBER);
    if (node == NULL) {
        return 0;
    }

    return ngx_http_wix_auth_json_copy(data, text, len, &node->text);
}


static int
ngx_http_wix_auth_json_on_string(void *data, const unsigned char *text,
    size_t len)
{
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_add(data, NGX_HTTP_WIX_AUTH_JSON_STRING);
    if (node == NULL) {
        return 0;
    }

    return ngx_http_wix_auth_json_copy(data, text, len, &node->text);
}


static int
ngx_http_wix_auth_json_on_map(void *data)
{
    return ngx_http_wix_auth_json_open(data, NGX_HTTP_WIX_AUTH_JSON_OBJECT);
}


static int
ngx_http_wix_auth_json_on_key(void *data, const unsigned char *text,
    size_t len)
{
    ngx_http_wix_auth_json_reader_t  *reader = data;

    return ngx_http_wix_auth_json_copy(reader, text, len, &reader->name);
}


/* sorted, since comparing all with all would give a stranger our time */

static int
ngx_http_wix_auth_json_on_map_end(void *data)
{
    ngx_http_wix_auth_json_reader_t  *reader = data;

    ngx_str_t                 **names;
    ngx_uint_t                  i, n;
    ngx_http_wix_auth_json_t   *map, *node;

    map = reader->open[--reader->depth];

    if (map->child == NULL || map->child->next == NULL) {
        return 1;
    }

    for (n = 0, node = map->child; node; node = node->next) {
        n++;
    }

    names = ngx_http_wix_auth_json_malloc(&reader->arena,
                                          n * sizeof(ngx_str_t *));
    if (names == NULL) {
        reader->nomem = 1;
        return 0;
    }

    for (i = 0, node = map->child; node; node = node->next) {
        names[i++] = &node->name;
    }

    ngx_qsort(names, n, sizeof(ngx_str_t *), ngx_http_wix_auth_json_compare);

    for (i = 1; i < n; i++) {

        if (ngx_http_wix_auth_json_compare(&names[i - 1], &names[i]) == 0) {
            reader->err = "duplicate key in JSON text";
            return 0;
        }
    }

    return 1;
}


static int
ngx_http_wix_auth_json_on_array(void *data)
{
    return ngx_http_wix_auth_json_open(data, NGX_HTTP_WIX_AUTH_JSON_ARRAY);
}


static int
ngx_http_wix_auth_json_on_array_end(void *data)
{
    ngx_http_wix_auth_json_reader_t  *reader = data;

    reader->depth--;

    return 1;
}


/* each piece is preceded by its size, for realloc */

void *
ngx_http_wix_auth_json_malloc(void *data, size_t size)
{
    ngx_http_wix_auth_json_arena_t  *arena = data;

    size_t   need;
    u_char  *p;

    need = ngx_align(size, 16) + 16;

    if (need < size || need > (size_t) (arena->end - arena->pos)) {
        return NULL;
    }

    p = arena->pos;
    arena->pos += need;

    *(size_t *) (void *) p = size;

    return p + 16;
}


void *
ngx_http_wix_auth_json_realloc(void *data, void *p, size_t size)
{
    void    *new;
    size_t   old;

    new = ngx_http_wix_auth_json_malloc(data, size);

    if (new && p) {
        old = *(size_t *) (void *) ((u_char *) p - 16);
        ngx_memcpy(new, p, ngx_min(old, size));
    }

    return new;
}


void
ngx_http_wix_auth_json_free(void *data, void *p)
{
    /* the arena goes as a whole */
}
