
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The authorization request that we make ourselves: where Wix sends it is
 * its answer.
 *
 * Input: the address; redirect URI; state; the answer, as answer.h has it.
 */


#include "answer.h"
#include "fetch.h"
#include "whatwg.h"


#define FUZZ_MAX_LEN  4096


static ngx_str_t  state;


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    whatwg_t                       to;
    ngx_str_t                      url, uri;
    ngx_http_wix_auth_api_call_t  *call;

    url = fuzz_line(f);
    uri = fuzz_line(f);
    state = fuzz_line(f);

    call = ngx_http_wix_auth_api_direct(conf, client, &url, &uri, &state,
                                        &fuzz_log, handler, data);

    if (fetch_waiting == NULL) {
        return call;
    }

    /* only there, and not within the network that we are in */

    whatwg_resolve(&url, "https", &to);

    FUZZ_CHECK(fuzz_equal(&url, &fetch_waiting->url));
    FUZZ_CHECK(fetch_waiting->outside && !fetch_waiting->idempotent);
    FUZZ_CHECK(to.kind == WHATWG_THERE && !to.user && to.port == 443);
    FUZZ_CHECK(strcmp(to.scheme, "https") == 0);
    FUZZ_CHECK(fuzz_contains(&url, &fuzz_str("/_api/oauth2/authorize?")));
    FUZZ_CHECK(fetch_waiting->authorization.len == 0);

    return call;
}


static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    FUZZ_CHECK(result->status >= 300 && result->status <= 399);
    FUZZ_CHECK((result->code.len == 0) != (result->error.len == 0));
    FUZZ_CHECK(result->code.len <= 2048 && result->error.len <= 64);
    FUZZ_CHECK(fuzz_printable(&result->code, 0));
    FUZZ_CHECK(fuzz_printable(&result->error, 0));
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = { begin, check, NULL, 0 };

    answer_run(f, &op);
}
