
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Login V2, with the visitor token that it may need first.
 *
 * Input: an address; a password; the visitor token of the browser, which may
 * be empty; the answers, as answer.h has them.
 */


#include "answer.h"


#define FUZZ_MAX_LEN  8192


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_credentials_t  c;

    answer_credentials(f, &c);

    return ngx_http_wix_auth_api_login(conf, client, &c, &fuzz_log, handler,
                                    data);
}


static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    answer_login(result);
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = {
        begin, check, "/_api/iam/authentication/v2/login", 1
    };

    answer_run(f, &op);
}
