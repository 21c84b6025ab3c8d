
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Get My Member: the profile, which is packed as a session keeps it.
 *
 * Input: the answer, as answer.h has it.
 */


#include "answer.h"

#include "ngx_http_wix_auth_profile.h"


#define FUZZ_MAX_LEN  8192


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    return ngx_http_wix_auth_api_member(conf, client,
                                        &fuzz_str("OauthNG.JWS.a.b.c"),
                                        &fuzz_log, handler, data);
}


static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_str_t   packed, value, *field;
    ngx_uint_t  i;

    FUZZ_CHECK(result->member_id.len > 0 && result->member_id.len <= 64);
    FUZZ_CHECK(fuzz_printable(&result->member_id, 0));
    answer_address(&result->email);

    field = result->profile;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        FUZZ_CHECK(field[i].len <= 2048);
        FUZZ_CHECK(fuzz_clean(&field[i]) && fuzz_utf8(&field[i]));
    }

    field = &result->profile[NGX_HTTP_WIX_AUTH_PROFILE_EMAIL_VERIFIED];

    FUZZ_CHECK(field->len == 0 || fuzz_is(field, "0") || fuzz_is(field, "1"));

    if (ngx_http_wix_auth_profile_pack(f->pool, result->profile, &packed)
        != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    /* all of them together have room */

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        ngx_http_wix_auth_profile_get(&packed, i, &value);
        FUZZ_CHECK(fuzz_equal(&value, &result->profile[i]));
    }
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = {
        begin, check, "/members/v1/members/my?fieldsets=FULL", 0
    };

    answer_run(f, &op);
}
