
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _ANSWER_H_INCLUDED_
#define _ANSWER_H_INCLUDED_


#include "fuzz.h"

#include "ngx_http_wix_auth_api.h"
#include "ngx_http_wix_auth_url.h"


/*
 * One operation of the API, from its call to its result, with the answers of
 * Wix as input.  Each answer is a line and a body, and "---" ends it:
 *
 *     STATUS [RETRY-AFTER [LOCATION]]
 *     {"state": ...}
 *     ---
 *
 * STATUS may also be one of connect, tls, timeout, broken, large, busy and
 * internal.  An operation that needs a visitor's token asks for it first.
 * What no answer is left for is not connected.
 */


typedef struct {

    /* begins the operation; may take lines of the input before that */
    ngx_http_wix_auth_api_call_t *(*begin)(fuzz_t *f,
        ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
        ngx_http_wix_auth_api_pt handler, void *data);

    /* what must hold of its result, beyond what holds of all */
    void (*check)(fuzz_t *f, ngx_http_wix_auth_api_result_t *result);

    /* its path; NULL: it knows itself */
    const char                *path;

    unsigned                   visitor:1;      /* needs a token */
} answer_op_t;


void answer_run(fuzz_t *f, answer_op_t *op);

/* a token's answer: what both a member's and a visitor's have */
void answer_token(ngx_http_wix_auth_api_result_t *result);

/* a member's address, or none: with one "@", and fit for a header */
void answer_address(ngx_str_t *email);

/* a login, registration or verification that came to a state */
void answer_login(ngx_http_wix_auth_api_result_t *result);

/* of a login or registration: an address, a password, and a visitor token that
   may be empty, a line each */
void answer_credentials(fuzz_t *f, ngx_http_wix_auth_api_credentials_t *c);


#endif /* _ANSWER_H_INCLUDED_ */
