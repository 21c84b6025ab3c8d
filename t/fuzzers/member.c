
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "member.h"

#include "ngx_http_wix_auth_registration.h"


static void member_strings(ngx_http_wix_auth_json_t *node);
static void member_same(ngx_http_wix_auth_json_t *a,
    ngx_http_wix_auth_json_t *b);


void
member_faults(ngx_array_t *fields, ngx_uint_t max, size_t name)
{
    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *field;

    FUZZ_CHECK(fields->nelts <= max);

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        FUZZ_CHECK(field[i].name.len <= name);
        FUZZ_CHECK(fuzz_printable(&field[i].name, 1));
        FUZZ_CHECK(field[i].value.len > 0 && field[i].value.len <= 200);
        FUZZ_CHECK(fuzz_printable(&field[i].value, 1));
    }
}


void
member_accepted(fuzz_t *f, ngx_http_wix_auth_json_t *tree)
{
    ngx_str_t                         text;
    const char                       *err;
    ngx_array_t                       fields;
    ngx_http_wix_auth_json_t         *root, *copy;
    ngx_http_wix_auth_json_writer_t  *w;

    if (f->starved) {
        return;
    }

    FUZZ_CHECK(tree->type == NGX_HTTP_WIX_AUTH_JSON_OBJECT && tree->child);

    member_strings(tree);

    w = ngx_http_wix_auth_json_begin(f->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_tree(w, "profile", tree);
    ngx_http_wix_auth_json_end(w);

    FUZZ_CHECK(ngx_http_wix_auth_json_finish(w, &text) == NGX_OK);
    FUZZ_CHECK(ngx_http_wix_auth_json_parse(f->pool, &text, &root, &err)
               == NGX_OK);

    FUZZ_CHECK(ngx_array_init(&fields, f->pool, 4,
                              sizeof(ngx_http_wix_auth_pair_t))
               == NGX_OK);

    FUZZ_CHECK(ngx_http_wix_auth_registration_json(f->pool,
                                    ngx_http_wix_auth_json_get(root, "profile"),
                                    &fields, &copy)
               == NGX_OK);

    FUZZ_CHECK(fields.nelts == 0 && copy != NULL);

    member_same(tree, copy);
}


/* no text that is longer than the longest field */

static void
member_strings(ngx_http_wix_auth_json_t *node)
{
    if (node->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {
        FUZZ_CHECK(node->text.len <= 2048);
        FUZZ_CHECK(fuzz_clean(&node->text) && fuzz_utf8(&node->text));
    }

    for (node = node->child; node; node = node->next) {
        member_strings(node);
    }
}


/* entries of a list have no name, but may have had an index */

static void
member_same(ngx_http_wix_auth_json_t *a, ngx_http_wix_auth_json_t *b)
{
    ngx_uint_t  object;

    FUZZ_CHECK(a->type == b->type);
    FUZZ_CHECK(a->type != NGX_HTTP_WIX_AUTH_JSON_BOOL || a->value == b->value);
    FUZZ_CHECK(a->type == NGX_HTTP_WIX_AUTH_JSON_BOOL
               || fuzz_equal(&a->text, &b->text));

    object = (a->type == NGX_HTTP_WIX_AUTH_JSON_OBJECT);

    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
        FUZZ_CHECK(!object || fuzz_equal(&a->name, &b->name));
        member_same(a, b);
    }

    FUZZ_CHECK(a == NULL && b == NULL);
}
