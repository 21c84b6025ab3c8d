
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Tokens: of a code, of a refresh token, of a new visitor.
 *
 * Input: "code", "refresh" or "anonymous"; the answer, as answer.h has it.
 */


#include "answer.h"


#define FUZZ_MAX_LEN  16384


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_str_t  kind, none;

    kind = fuzz_line(f);
    none = fuzz_str("");

    if (fuzz_is(&kind, "refresh")) {
        return ngx_http_wix_auth_api_refresh(conf, client,
                                             &fuzz_str("OAUTH2.r"),
                                             NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                             &fuzz_log, handler, data);
    }

    if (fuzz_is(&kind, "anonymous")) {
        return ngx_http_wix_auth_api_anonymous(conf, client, &fuzz_log,
                                               handler, data);
    }

    return ngx_http_wix_auth_api_code(conf, client, &fuzz_str("code"),
                                      &fuzz_str("verifier"), &none, &fuzz_log,
                                      handler, data);
}


static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    answer_token(result);
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = { begin, check, "/oauth2/token", 0 };

    answer_run(f, &op);
}
