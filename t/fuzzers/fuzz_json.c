
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * JSON: a tree of bounded size and clean strings, or a refusal; what the
 * writer makes of a tree is read as the same tree again.
 *
 * Input: the text.
 */


#include "fuzz.h"

#include "ngx_http_wix_auth_json.h"


#define FUZZ_MAX_LEN  16384


static ngx_uint_t tree(ngx_http_wix_auth_json_t *node, ngx_uint_t depth);
static void number(ngx_http_wix_auth_json_t *node);
static void values(ngx_http_wix_auth_json_t *root);
static void again(fuzz_t *f, ngx_http_wix_auth_json_t *root);
static void same(ngx_http_wix_auth_json_t *a, ngx_http_wix_auth_json_t *b);
static void wiped(ngx_http_wix_auth_json_t *node);


void
fuzz_one(fuzz_t *f)
{
    ngx_int_t                  rc;
    ngx_str_t                  text;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    text = fuzz_rest(f);

    rc = ngx_http_wix_auth_json_parse(f->pool, &text, &root, &err);

    if (rc != NGX_OK) {
        FUZZ_CHECK(root == NULL);
        FUZZ_CHECK(rc == NGX_DECLINED || f->starved);
        FUZZ_CHECK(rc == NGX_ERROR || err != NULL);
        return;
    }

    FUZZ_CHECK(fuzz_utf8(&text));
    FUZZ_CHECK(tree(root, 1) <= NGX_HTTP_WIX_AUTH_JSON_NODES);

    values(root);

    if (!f->starved) {
        again(f, root);
    }

    ngx_http_wix_auth_json_wipe(root);
    wiped(root);
}


/* the number of nodes */

static ngx_uint_t
tree(ngx_http_wix_auth_json_t *node, ngx_uint_t depth)
{
    ngx_uint_t                 nodes;
    ngx_http_wix_auth_json_t  *child, *other;

    FUZZ_CHECK(fuzz_utf8(&node->name) && fuzz_utf8(&node->text));

    switch (node->type) {

    case NGX_HTTP_WIX_AUTH_JSON_STRING:
        FUZZ_CHECK(node->text.data[node->text.len] == '\0');
        break;

    case NGX_HTTP_WIX_AUTH_JSON_NUMBER:
        number(node);
        break;

    case NGX_HTTP_WIX_AUTH_JSON_OBJECT:
    case NGX_HTTP_WIX_AUTH_JSON_ARRAY:
        FUZZ_CHECK(depth <= NGX_HTTP_WIX_AUTH_JSON_DEPTH);
        break;

    default:
        break;
    }

    FUZZ_CHECK(node->child == NULL
               || node->type == NGX_HTTP_WIX_AUTH_JSON_OBJECT
               || node->type == NGX_HTTP_WIX_AUTH_JSON_ARRAY);

    nodes = 1;

    for (child = node->child; child; child = child->next) {

        for (other = node->child; other != child; other = other->next) {
            FUZZ_CHECK(node->type == NGX_HTTP_WIX_AUTH_JSON_ARRAY
                       || !fuzz_equal(&child->name, &other->name));
        }

        nodes += tree(child, depth + 1);
    }

    return nodes;
}


/* RFC 8259, 6 */

static void
number(ngx_http_wix_auth_json_t *node)
{
    size_t  i, n;
    char    text[64];

    n = node->text.len;

    FUZZ_CHECK(n > 0);

    if (n >= sizeof(text)) {
        return;
    }

    memcpy(text, node->text.data, n);
    text[n] = '\0';

    i = (text[0] == '-');

    FUZZ_CHECK(text[i] >= '0' && text[i] <= '9');
    FUZZ_CHECK(text[i] != '0' || strspn(text + i, "0123456789") == 1);

    i += strspn(text + i, "0123456789");

    if (text[i] == '.') {
        FUZZ_CHECK(strspn(text + i + 1, "0123456789") > 0);
        i += 1 + strspn(text + i + 1, "0123456789");
    }

    if (text[i] == 'e' || text[i] == 'E') {
        i++;
        i += (text[i] == '+' || text[i] == '-');
        FUZZ_CHECK(strspn(text + i, "0123456789") > 0);
        i += strspn(text + i, "0123456789");
    }

    FUZZ_CHECK(i == n);
}


/* what the callers take out of an object */

static void
values(ngx_http_wix_auth_json_t *root)
{
    char                       name[32];
    size_t                     i;
    int64_t                    value;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    long double                exact;
    ngx_http_wix_auth_json_t  *node;

    static int64_t  max[] = { 1, 3600, 315360000, 253402300799, INT64_MAX };

    if (root->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        FUZZ_CHECK(ngx_http_wix_auth_json_get(root, "a") == NULL);
        return;
    }

    for (node = root->child; node; node = node->next) {

        if (node->name.len >= sizeof(name)
            || memchr(node->name.data, '.', node->name.len)
            || memchr(node->name.data, '\0', node->name.len))
        {
            continue;
        }

        memcpy(name, node->name.data, node->name.len);
        name[node->name.len] = '\0';

        FUZZ_CHECK(ngx_http_wix_auth_json_get(root, name) == node);

        rc = ngx_http_wix_auth_json_string(root, name, 16, &text);

        FUZZ_CHECK(rc == NGX_OK ? (text.len > 0 && text.len <= 16
                                   && memchr(text.data, '\0', text.len) == NULL)
                                : text.len == 0);

        for (i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
            rc = ngx_http_wix_auth_json_positive(root, name, max[i], &value);

            if (rc != NGX_OK) {
                FUZZ_CHECK(value == 0);
                continue;
            }

            FUZZ_CHECK(value >= 1 && value <= max[i]);

            /* an honest value, as far as a floating point number can tell */

            exact = strtold((char *) node->text.data, NULL);

            FUZZ_CHECK(exact >= (long double) value * 0.999999999L);
            FUZZ_CHECK(exact <= ((long double) value + 1) * 1.000000001L);
        }
    }
}


static void
again(fuzz_t *f, ngx_http_wix_auth_json_t *root)
{
    size_t                            i;
    ngx_str_t                         text;
    const char                       *err;
    ngx_http_wix_auth_json_t         *copy;
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(f->pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, root);

    FUZZ_CHECK(ngx_http_wix_auth_json_finish(w, &text) == NGX_OK);
    FUZZ_CHECK(fuzz_utf8(&text));

    for (i = 0; i < text.len; i++) {
        FUZZ_CHECK(text.data[i] >= 0x20);
    }

    FUZZ_CHECK(ngx_http_wix_auth_json_parse(f->pool, &text, &copy, &err)
               == NGX_OK);

    same(root, copy);
}


static void
same(ngx_http_wix_auth_json_t *a, ngx_http_wix_auth_json_t *b)
{
    FUZZ_CHECK(a->type == b->type && a->value == b->value);
    FUZZ_CHECK(fuzz_equal(&a->name, &b->name));
    FUZZ_CHECK(fuzz_equal(&a->text, &b->text));

    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
        same(a, b);
    }

    FUZZ_CHECK(a == NULL && b == NULL);
}


static void
wiped(ngx_http_wix_auth_json_t *node)
{
    FUZZ_CHECK(node->name.len == 0 && node->text.len == 0);

    if (node->text.data && node->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {
        FUZZ_CHECK(*node->text.data == '\0');
    }

    for (node = node->child; node; node = node->next) {
        wiped(node);
    }
}
