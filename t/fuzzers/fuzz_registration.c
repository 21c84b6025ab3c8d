
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The profile of a new member as a form has it, "profile.phonesV2[0].phone":
 * a tree that Wix and we accept as JSON too, or faults that can be shown.
 *
 * Input: a body of a form; its lines are joined by "&".
 */


#include "member.h"

#include "ngx_http_wix_auth_registration.h"


#define FUZZ_MAX_LEN  8192


void
fuzz_one(fuzz_t *f)
{
    size_t                     i;
    ngx_int_t                  rc;
    ngx_str_t                  body;
    const char                *err;
    ngx_array_t               *pairs, *fields;
    ngx_http_wix_auth_json_t  *tree;

    body = fuzz_rest(f);

    for (i = 0; i < body.len; i++) {
        if (body.data[i] == '\n') {
            body.data[i] = '&';
        }
    }

    if (ngx_http_wix_auth_form_parse(f->pool, &body, 128, &pairs, &err)
        != NGX_OK)
    {
        return;
    }

    fields = ngx_array_create(f->pool, 4, sizeof(ngx_http_wix_auth_pair_t));
    if (fields == NULL) {
        return;
    }

    rc = ngx_http_wix_auth_registration_form(f->pool, pairs, fields, &tree);

    member_faults(fields, 50, 256);

    if (rc != NGX_OK) {
        FUZZ_CHECK(tree == NULL);
        FUZZ_CHECK(rc == NGX_ERROR ? f->starved : fields->nelts > 0);
        return;
    }

    FUZZ_CHECK(fields->nelts == 0);

    if (tree) {
        member_accepted(f, tree);
    }
}
