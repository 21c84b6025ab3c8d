
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Token-info: what an access token is worth.
 *
 * Input: the answer, as answer.h has it.
 */


#include "answer.h"


#define FUZZ_MAX_LEN  4096


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    return ngx_http_wix_auth_api_token_info(conf, client,
                                            &fuzz_str("OauthNG.JWS.a.b.c"),
                                            &fuzz_log, handler, data);
}


static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    size_t  i;

    if (!result->active) {
        FUZZ_CHECK(result->member_id.len == 0 && result->expires == 0);
        return;
    }

    FUZZ_CHECK(result->status >= 200 && result->status <= 299);
    FUZZ_CHECK(result->member_id.len > 0 && result->member_id.len <= 64);

    for (i = 0; i < result->member_id.len; i++) {
        FUZZ_CHECK(isalnum(result->member_id.data[i])
                   || result->member_id.data[i] == '-');
    }

    FUZZ_CHECK(result->expires >= 1 && result->expires <= 253402300799);
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = { begin, check, "/oauth2/token-info", 0 };

    answer_run(f, &op);
}
