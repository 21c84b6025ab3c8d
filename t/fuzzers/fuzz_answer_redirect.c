
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Redirect sessions: to log in, and to log out.
 *
 * Input: "login", "silent" or "logout"; the answers, as answer.h has them.
 */


#include "answer.h"
#include "whatwg.h"


#define FUZZ_MAX_LEN  8192


static ngx_http_wix_auth_api_call_t *
begin(fuzz_t *f, ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_str_t                           kind;
    ngx_http_wix_auth_api_authorize_t   request;

    kind = fuzz_line(f);

    if (fuzz_is(&kind, "logout")) {
        return ngx_http_wix_auth_api_logout(conf, client,
                                  &fuzz_str("OauthNG.JWS.a.b.c"),
                                  &fuzz_str("https://shop.example.com/"),
                                  &fuzz_log, handler, data);
    }

    memset(&request, 0, sizeof(ngx_http_wix_auth_api_authorize_t));

    request.redirect_uri = fuzz_str("https://shop.example.com/_wix/callback");
    request.state = fuzz_str("state");
    request.challenge = fuzz_str("challenge");

    if (fuzz_is(&kind, "silent")) {
        request.silent = 1;
        request.response_mode = NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE;

    } else {
        request.session_token = fuzz_str("session");
    }

    return ngx_http_wix_auth_api_authorize(conf, client, &request, &fuzz_log,
                                           handler, data);
}


/* a browser goes there with a session token */

static void
check(fuzz_t *f, ngx_http_wix_auth_api_result_t *result)
{
    whatwg_t   to;
    ngx_str_t  *url;

    url = &result->full_url;

    FUZZ_CHECK(url->len > 0 && url->len <= NGX_HTTP_WIX_AUTH_URL_MAX);
    FUZZ_CHECK(fuzz_printable(url, 0));
    FUZZ_CHECK(memchr(url->data, '#', url->len) == NULL);

    whatwg_resolve(url, "https", &to);

    FUZZ_CHECK(to.kind == WHATWG_THERE && !to.user);
    FUZZ_CHECK(strcmp(to.scheme, "https") == 0
               || strcmp(to.host, "localhost") == 0
               || strncmp(to.host, "127.", 4) == 0
               || to.host[0] == '[');
}


void
fuzz_one(fuzz_t *f)
{
    static answer_op_t  op = {
        begin, check, "/_api/redirects-api/v1/redirect-session", 0
    };

    answer_run(f, &op);
}
