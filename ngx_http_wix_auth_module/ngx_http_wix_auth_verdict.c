
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_url.h"


/* the longest values that are taken from an answer */

#define NGX_HTTP_WIX_AUTH_TOKEN_MAX          8192
#define NGX_HTTP_WIX_AUTH_SESSION_TOKEN_MAX  4096
#define NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX    2048
#define NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX      64
#define NGX_HTTP_WIX_AUTH_ADDRESS_MAX        254   /* RFC 5321, 4.5.3.1.3 */
#define NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX     64
#define NGX_HTTP_WIX_AUTH_EXPIRES_IN_MAX     315360000  /* ten years */


typedef struct {
    ngx_str_t                       code;
    ngx_uint_t                      reason;
} ngx_http_wix_auth_api_code_t;


static void ngx_http_wix_auth_api_fail_status(
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_text(ngx_http_wix_auth_json_t *root,
    const char *path, size_t max, ngx_str_t *value);
static void ngx_http_wix_auth_api_set_code(ngx_http_wix_auth_api_call_t *call,
    const char *path);
static void ngx_http_wix_auth_api_app_code(ngx_http_wix_auth_api_call_t *call);
static ngx_uint_t ngx_http_wix_auth_api_code_is(
    ngx_http_wix_auth_api_call_t *call, const char *code);
static ngx_int_t ngx_http_wix_auth_api_member(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *token, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_member_data(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *text, ngx_str_t *id);
static ngx_uint_t ngx_http_wix_auth_api_member_id(
    ngx_http_wix_auth_json_t *root, const char *path, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_login_code(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_login_verify(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_violation(
    ngx_http_wix_auth_json_t *root);


/*
 * What Login V2 says, in both spellings.  UNSUPPORTED_STATE stands for "go on
 * with the verification", APPROVAL_PENDING for that state.
 */

static ngx_http_wix_auth_api_code_t  ngx_http_wix_auth_login_codes[] = {

    /* unknown address and wrong password: one answer for both */
    { ngx_string("-19999"), NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS },
    { ngx_string("-19976"), NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS },

    { ngx_string("-19973"), NGX_HTTP_WIX_AUTH_PASSWORD_RESET_REQUIRED },

    { ngx_string("-19971"), NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { ngx_string("MISSING_CAPTCHA_TOKEN"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { ngx_string("CAPTCHA_TOKEN_REQUIRED"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { ngx_string("RECAPTCHA_REQUIRED"), NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { ngx_string("-19970"), NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },
    { ngx_string("INVALID_CAPTCHA_TOKEN"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },
    { ngx_string("RECAPTCHA_FAILED"), NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },

    { ngx_string("-19958"), NGX_HTTP_WIX_AUTH_APPROVAL_PENDING },
    { ngx_string("EMAIL_VERIFICATION_REQUIRED"),
      NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE },

    { ngx_string("-19956"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("-19980"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("IP_ADDRESS_FILTERED"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("USER_EMAIL_OFAC_ADDRESS"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("REENROLLMENT_REQUIRED_BY_ADMIN"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("TRUSTED_CLIENTS_ONLY"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { ngx_string("WIX_EMPLOYEE_PASSWORD_LOGIN_NOT_ALLOWED"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },

    { ngx_string("-19995"), NGX_HTTP_WIX_AUTH_EMAIL_EXISTS },
    { ngx_string("DUPLICATE_EMAIL"), NGX_HTTP_WIX_AUTH_EMAIL_EXISTS },

    /* -19901: too many mails, and a login may send one */
    { ngx_string("-19901"), NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { ngx_string("-19959"), NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { ngx_string("THROTTLED_FEATURE"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { ngx_string("RESOURCE_EXHAUSTED"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },

    { ngx_string("-19988"), NGX_HTTP_WIX_AUTH_INVALID_REQUEST },
    { ngx_string("-18880"), NGX_HTTP_WIX_AUTH_INVALID_REQUEST },

    /* nothing that the member could do about it */
    { ngx_string("-19974"), NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
    { ngx_string("PROVIDE_TENANT_ID"), NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
    { ngx_string("INVALID_AUTHENTICATOR_ID"),
      NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
    { ngx_string("UNIMPLEMENTED_FEATURE"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("UNSUPPORTED_FIELD"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("ATTRIBUTE_NOT_FOUND"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("CLIENT_METADATA_NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("INVALID_USER_TYPE"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("-19984"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { ngx_string("INVALID_LD_SESSION"), NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },

    { ngx_null_string, 0 }
};


void
ngx_http_wix_auth_api_fail(ngx_http_wix_auth_api_result_t *result,
    ngx_uint_t reason)
{
    result->reason = reason;

    if (reason == NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT) {
        result->cause = NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT;

    } else if (reason == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED) {
        result->cause = NGX_HTTP_WIX_AUTH_CAUSE_429;

    } else if (result->status >= 500) {
        result->cause = NGX_HTTP_WIX_AUTH_CAUSE_5XX;

    } else {
        result->cause = NGX_HTTP_WIX_AUTH_CAUSE_ERROR;
    }
}


/* when there is nothing but the status to go by */

static void
ngx_http_wix_auth_api_fail_status(ngx_http_wix_auth_api_result_t *result)
{
    ngx_uint_t  reason;

    switch (result->status) {

    case 429:
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED;
        break;

    case 502:
    case 503:
    case 504:
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE;
        break;

    default:
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;
    }

    ngx_http_wix_auth_api_fail(result, reason);
}


/*
 * Text that may go into a header.  NGX_DONE: there is none; NGX_DECLINED:
 * there is something else.
 */

static ngx_int_t
ngx_http_wix_auth_api_text(ngx_http_wix_auth_json_t *root, const char *path,
    size_t max, ngx_str_t *value)
{
    size_t                     i;
    ngx_http_wix_auth_json_t  *node;

    ngx_str_null(value);

    node = ngx_http_wix_auth_json_get(root, path);

    if (node == NULL
        || node->type == NGX_HTTP_WIX_AUTH_JSON_NULL
        || (node->type == NGX_HTTP_WIX_AUTH_JSON_STRING
            && node->text.len == 0))
    {
        return NGX_DONE;
    }

    if (ngx_http_wix_auth_json_string(root, path, max, value) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] >= 0x7f) {
            ngx_str_null(value);
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* numbers too; anything that does not look like a code is ignored */

static void
ngx_http_wix_auth_api_set_code(ngx_http_wix_auth_api_call_t *call,
    const char *path)
{
    size_t                     i;
    u_char                     ch;
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_get(call->root, path);

    if (node == NULL
        || (node->type != NGX_HTTP_WIX_AUTH_JSON_STRING
            && node->type != NGX_HTTP_WIX_AUTH_JSON_NUMBER)
        || node->text.len > NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX)
    {
        return;
    }

    for (i = 0; i < node->text.len; i++) {
        ch = node->text.data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            return;
        }
    }

    call->code = node->text;
}


static void
ngx_http_wix_auth_api_app_code(ngx_http_wix_auth_api_call_t *call)
{
    ngx_uint_t           i;
    static const char   *paths[] = {
        "details.applicationError.code", "details.errorcode",
        "details.errorCode"
    };

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ngx_http_wix_auth_api_set_code(call, paths[i]);

        if (call->code.len) {
            return;
        }
    }
}


static ngx_uint_t
ngx_http_wix_auth_api_code_is(ngx_http_wix_auth_api_call_t *call,
    const char *code)
{
    size_t  len;

    len = ngx_strlen(code);

    return call->code.len == len
           && ngx_strncmp(call->code.data, code, len) == 0;
}


ngx_int_t
ngx_http_wix_auth_api_token_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    int64_t  lifetime;

    if (ngx_http_wix_auth_api_text(call->root, "access_token",
                                   NGX_HTTP_WIX_AUTH_TOKEN_MAX,
                                   &result->access_token)
        != NGX_OK)
    {
        call->err = "no valid access_token";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_api_text(call->root, "refresh_token",
                                   NGX_HTTP_WIX_AUTH_TOKEN_MAX,
                                   &result->refresh_token)
        == NGX_DECLINED)
    {
        call->err = "no valid refresh_token";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_json_positive(call->root, "expires_in",
                                        NGX_HTTP_WIX_AUTH_EXPIRES_IN_MAX,
                                        &lifetime)
        != NGX_OK)
    {
        call->err = "no valid expires_in";
        return NGX_DECLINED;
    }

    result->lifetime = (time_t) lifetime;
    result->expires = call->sent + (time_t) lifetime;

    return ngx_http_wix_auth_api_member(call, &result->access_token,
                                        &result->member_id);
}


/* RFC 6749, 5.2; what is not exactly that proves nothing about a grant */

void
ngx_http_wix_auth_api_token_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_get(call->root, "error");

    if (node
        && node->type == NGX_HTTP_WIX_AUTH_JSON_STRING
        && result->status >= 400 && result->status < 500)
    {
        ngx_http_wix_auth_api_set_code(call, "error");
    }

    if (call->op->grant
        && ngx_http_wix_auth_api_code_is(call, "invalid_grant"))
    {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_INVALID_GRANT);
        return;
    }

    if (ngx_http_wix_auth_api_code_is(call, "invalid_client")
        || ngx_http_wix_auth_api_code_is(call, "unauthorized_client"))
    {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_CLIENT_REJECTED);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}


/*
 * The id is read from the payload without a look at the signature, which
 * only Wix can check: the token has just come from there over TLS.  A token
 * of another make leaves id empty.
 */

static ngx_int_t
ngx_http_wix_auth_api_member(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *token, ngx_str_t *id)
{
    u_char                    *p, *dot, *last;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    ngx_str_null(id);

    p = token->data;
    last = p + token->len;

    if (token->len > 12 && ngx_strncmp(p, "OauthNG.JWS.", 12) == 0) {
        p += 12;
    }

    p = ngx_strlchr(p, last, '.');
    if (p == NULL) {
        return NGX_OK;
    }

    p++;

    dot = ngx_strlchr(p, last, '.');
    if (dot == NULL) {
        return NGX_OK;
    }

    text.data = ngx_pnalloc(call->pool, dot - p + 1);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_b64_decode(text.data, &text.len, p, dot - p)
        != NGX_OK)
    {
        return NGX_OK;
    }

    rc = ngx_http_wix_auth_json_parse(call->pool, &text, &root, &err);
    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    rc = NGX_OK;

    if (ngx_http_wix_auth_json_string(root, "data",
                                      NGX_HTTP_WIX_AUTH_TOKEN_MAX, &text)
        == NGX_OK)
    {
        rc = ngx_http_wix_auth_api_member_data(call, &text, id);
    }

    ngx_http_wix_auth_json_wipe(root);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_api_member_data(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *text, ngx_str_t *id)
{
    ngx_int_t                  rc;
    ngx_str_t                  value;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    rc = ngx_http_wix_auth_json_parse(call->pool, text, &root, &err);
    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    rc = NGX_OK;

    if (ngx_http_wix_auth_api_member_id(root, "instance.siteMemberId", &value)
        || ngx_http_wix_auth_api_member_id(root, "instance.uid", &value))
    {
        rc = ngx_http_wix_auth_api_copy(call->pool, id, &value);
    }

    ngx_http_wix_auth_json_wipe(root);

    return rc;
}


static ngx_uint_t
ngx_http_wix_auth_api_member_id(ngx_http_wix_auth_json_t *root,
    const char *path, ngx_str_t *id)
{
    size_t  i;
    u_char  ch;

    if (ngx_http_wix_auth_json_string(root, path,
                                      NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX, id)
        != NGX_OK)
    {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        ch = id->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-')
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_wix_auth_api_login_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_str_t  state;

    if (ngx_http_wix_auth_api_text(call->root, "state", 64, &state)
        != NGX_OK)
    {
        call->err = "no valid state";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_api_text(call->root, "sessionToken",
                                   NGX_HTTP_WIX_AUTH_SESSION_TOKEN_MAX,
                                   &result->session_token)
        == NGX_DECLINED
        || ngx_http_wix_auth_api_text(call->root, "stateToken",
                                      NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX,
                                      &result->state_token)
           == NGX_DECLINED)
    {
        call->err = "no valid sessionToken or stateToken";
        return NGX_DECLINED;
    }

    if (ngx_strcmp(state.data, "SUCCESS") == 0) {

        if (result->session_token.len == 0) {
            call->err = "no sessionToken";
            return NGX_DECLINED;
        }

        /* nice to have: the member may have typed it in other letters */

        (void) ngx_http_wix_auth_api_text(call->root,
                                          "identity.email.address",
                                          NGX_HTTP_WIX_AUTH_ADDRESS_MAX,
                                          &result->email);

        result->state = NGX_HTTP_WIX_AUTH_STATE_SUCCESS;
        return NGX_OK;
    }

    /* a session token is worth nothing in any other state */

    ngx_str_null(&result->session_token);

    if (ngx_strcmp(state.data, "REQUIRE_OWNER_APPROVAL") == 0) {
        result->state = NGX_HTTP_WIX_AUTH_STATE_APPROVAL;

    } else if (ngx_strcmp(state.data, "REQUIRE_EMAIL_VERIFICATION") == 0
               && result->state_token.len)
    {
        result->state = NGX_HTTP_WIX_AUTH_STATE_VERIFY;

    } else {
        result->state = NGX_HTTP_WIX_AUTH_STATE_UNSUPPORTED;
    }

    return NGX_OK;
}


/*
 * A known code decides, whatever the status: which status goes with which
 * code is not documented by Wix.  The message never decides.
 */

void
ngx_http_wix_auth_api_login_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_uint_t  reason;

    ngx_http_wix_auth_api_app_code(call);

    if (ngx_http_wix_auth_api_login_code(call, result) == NGX_OK) {
        return;
    }

    reason = NGX_HTTP_WIX_AUTH_OK;

    switch (result->status) {

    case 400:
        if (ngx_http_wix_auth_json_get(call->root, "details.validationError"))
        {
            reason = ngx_http_wix_auth_api_violation(call->root);

        } else if (call->root && call->code.len == 0) {
            reason = NGX_HTTP_WIX_AUTH_INVALID_REQUEST;
        }

        break;

    case 401:

        /* a wrong password has a code: this is about the visitor's token */

        call->refused = 1;
        break;

    case 402:
        reason = NGX_HTTP_WIX_AUTH_CLIENT_REJECTED;
        break;

    case 403:

        /* a page of something in between says nothing about the member */

        if (call->root) {
            reason = NGX_HTTP_WIX_AUTH_ACCESS_DENIED;
        }

        break;

    case 404:
        if (call->root) {
            reason = NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS;
        }

        break;
    }

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_fail(result, reason);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}


static ngx_int_t
ngx_http_wix_auth_api_login_code(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_api_code_t  *row;

    if (call->code.len == 0) {
        return NGX_DECLINED;
    }

    for (row = ngx_http_wix_auth_login_codes; row->code.len; row++) {
        if (row->code.len == call->code.len
            && ngx_strncmp(row->code.data, call->code.data, row->code.len)
               == 0)
        {
            break;
        }
    }

    if (row->code.len == 0) {
        return NGX_DECLINED;
    }

    switch (row->reason) {

    case NGX_HTTP_WIX_AUTH_APPROVAL_PENDING:
        result->state = NGX_HTTP_WIX_AUTH_STATE_APPROVAL;
        break;

    case NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE:
        ngx_http_wix_auth_api_login_verify(call, result);
        break;

    default:
        ngx_http_wix_auth_api_fail(result, row->reason);
    }

    return NGX_OK;
}


/* without Wix's token there is nothing that a code could be sent with */

static void
ngx_http_wix_auth_api_login_verify(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    if (ngx_http_wix_auth_api_text(call->root, "stateToken",
                                   NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX,
                                   &result->state_token)
        == NGX_OK
        || ngx_http_wix_auth_api_text(call->root,
                                   "details.applicationError.data.stateToken",
                                   NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX,
                                   &result->state_token)
           == NGX_OK)
    {
        result->state = NGX_HTTP_WIX_AUTH_STATE_VERIFY;
        return;
    }

    result->state = NGX_HTTP_WIX_AUTH_STATE_UNSUPPORTED;
}


/* most violated rules are the member's mistake, these are the operator's */

static ngx_uint_t
ngx_http_wix_auth_api_violation(ngx_http_wix_auth_json_t *root)
{
    ngx_str_t                  rule;
    ngx_uint_t                 i;
    ngx_http_wix_auth_json_t  *node;
    static const char         *names[] = { "ruleName", "violatedRule" };

    node = ngx_http_wix_auth_json_get(root,
                                     "details.validationError.fieldViolations");

    if (node == NULL || node->type != NGX_HTTP_WIX_AUTH_JSON_ARRAY) {
        return NGX_HTTP_WIX_AUTH_INVALID_REQUEST;
    }

    for (node = node->child; node; node = node->next) {

        for (i = 0; i < 2; i++) {

            if (ngx_http_wix_auth_json_string(node, names[i],
                                              NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX,
                                              &rule)
                != NGX_OK)
            {
                continue;
            }

            if (ngx_strcmp(rule.data, "PROVIDE_TENANT_ID") == 0
                || ngx_strcmp(rule.data, "INVALID_AUTHENTICATOR_ID") == 0)
            {
                return NGX_HTTP_WIX_AUTH_CLIENT_REJECTED;
            }
        }
    }

    return NGX_HTTP_WIX_AUTH_INVALID_REQUEST;
}


ngx_int_t
ngx_http_wix_auth_api_redirect_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_http_wix_auth_url_t  url;

    if (ngx_http_wix_auth_json_string(call->root, "redirectSession.fullUrl",
                                      NGX_HTTP_WIX_AUTH_URL_MAX, &text)
        != NGX_OK)
    {
        call->err = "no valid fullUrl";
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_url_parse(call->pool, &text, &url, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    /* it carries a session token: in clear on this machine only */

    if (url.scheme.len != sizeof("https") - 1 && !url.loopback) {
        call->err = "fullUrl is not https";
        return NGX_DECLINED;
    }

    result->full_url = text;

    return NGX_OK;
}


void
ngx_http_wix_auth_api_redirect_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_api_app_code(call);

    if (call->op->visitor
        && (result->status == 401
            || ngx_http_wix_auth_api_code_is(call,
                                             "FAILED_TO_EXTRACT_SESSION")))
    {
        call->refused = 1;
    }

    if (result->status == 402) {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_CLIENT_REJECTED);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}
