
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Send Recovery Email.
 *
 * Input: an address; the answers, as answer.h has them.
 */


#include "answer.h"


#define FUZZ_MAX_LEN  8192


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_str_t  email, uri;

    email = fuzz_line(f);
    uri = fuzz_str("https://shop.example.com/_wix/callback");

    return ngx_http_wix_auth_api_recover(conf, client, &email, &uri,
                                         &fuzz_log, handler, data);
}


/* it says nothing but that it was done */

static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    FUZZ_CHECK(result->state == NGX_HTTP_WIX_AUTH_STATE_NONE);
    FUZZ_CHECK(result->session_token.len == 0 && result->email.len == 0);
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = {
        begin, check, "/_api/iam/recovery/v1/send-email", 1
    };

    answer_run(f, &op);
}
