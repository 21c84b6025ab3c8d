
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Verify During Authentication: a code from a mail.
 *
 * Input: the code; Wix's token; the visitor token of the browser, which may
 * be empty; the answers, as answer.h has them.
 */


#include "answer.h"


#define FUZZ_MAX_LEN  8192


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_str_t  code, token, visitor;

    code = fuzz_line(f);
    token = fuzz_line(f);
    visitor = fuzz_line(f);

    if (!fuzz_printable(&visitor, 0)) {
        visitor.len = 0;
    }

    return ngx_http_wix_auth_api_verify(conf, client, &code, &token, &visitor,
                                        &fuzz_log, handler, data);
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
        begin, check, "/_api/iam/verification/v1/auth/verify", 1
    };

    answer_run(f, &op);
}
