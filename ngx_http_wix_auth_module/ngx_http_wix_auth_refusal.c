
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_url.h"


/* of what Wix says about fields, how much is told to a person */

#define NGX_HTTP_WIX_AUTH_FIELDS_MAX       16
#define NGX_HTTP_WIX_AUTH_FIELD_NAME_MAX   64
#define NGX_HTTP_WIX_AUTH_FIELD_TEXT_MAX   200

#define NGX_HTTP_WIX_AUTH_VIOLATIONS                                          \
    "details.validationError.fieldViolations"


typedef struct {
    ngx_uint_t                      kind;      /* OP_OTHER: any */
    ngx_str_t                       code;
    ngx_uint_t                      reason;
} ngx_http_wix_auth_api_code_t;


typedef struct {
    const char                     *rule;      /* its letters alone */
    ngx_str_t                       value;
    ngx_str_t                       password;
} ngx_http_wix_auth_api_rule_t;


static void ngx_http_wix_auth_api_fail_status(
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_set_code(ngx_http_wix_auth_api_call_t *call,
    const char *path);
static void ngx_http_wix_auth_api_app_code(ngx_http_wix_auth_api_call_t *call);
static ngx_uint_t ngx_http_wix_auth_api_code_is(
    ngx_http_wix_auth_api_call_t *call, const char *code);
static ngx_uint_t ngx_http_wix_auth_api_known(
    ngx_http_wix_auth_api_call_t *call);
static ngx_uint_t ngx_http_wix_auth_api_shaped(
    ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_login_code(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result, ngx_uint_t reason);
static void ngx_http_wix_auth_api_login_unverified(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_login_status(
    ngx_http_wix_auth_api_call_t *call, ngx_uint_t status);
static void ngx_http_wix_auth_api_violations(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_field(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result, ngx_http_wix_auth_json_t *node,
    char *rule);
static void ngx_http_wix_auth_api_sentence(ngx_http_wix_auth_json_t *node,
    char *rule, ngx_http_wix_auth_pair_t *pair);
static void ngx_http_wix_auth_api_letters(ngx_http_wix_auth_json_t *node,
    const char *path, char *dst, size_t size);


/*
 * What Wix's codes mean, in both spellings; the first row that fits decides.
 * UNSUPPORTED_STATE stands for "go on with the verification" and
 * APPROVAL_PENDING for that state.
 */

static ngx_http_wix_auth_api_code_t  ngx_http_wix_auth_api_codes[] = {

    /* a dead stateToken is told apart from a wrong code by nobody */
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("EMAIL_VERIFICATION_REQUIRED"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("EXPIRED_JWT_TOKEN"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("RECOVERY_TOKEN_DATA_NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("INVALID_ARGUMENT"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("INVALID_LD_SESSION"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("-19972"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("-19984"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("-19988"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("-19999"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_VERIFY, ngx_string("-19976"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },

    /* who registers has no account that could be missing */
    { NGX_HTTP_WIX_AUTH_OP_REGISTER, ngx_string("NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_REGISTER, ngx_string("-19999"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_REGISTER, ngx_string("-19976"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_REGISTER, ngx_string("ALREADY_EXISTS"),
      NGX_HTTP_WIX_AUTH_EMAIL_EXISTS },

    /* unknown address and wrong password: one answer for both */
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19999"),
      NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19976"),
      NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19973"),
      NGX_HTTP_WIX_AUTH_PASSWORD_RESET_REQUIRED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19971"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("MISSING_CAPTCHA_TOKEN"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("CAPTCHA_TOKEN_REQUIRED"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("RECAPTCHA_REQUIRED"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19970"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("INVALID_CAPTCHA_TOKEN"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("RECAPTCHA_FAILED"),
      NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19958"),
      NGX_HTTP_WIX_AUTH_APPROVAL_PENDING },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("EMAIL_VERIFICATION_REQUIRED"),
      NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("VERIFICATION_FAILED"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("EMAIL_VERIFICATION_FAILED"),
      NGX_HTTP_WIX_AUTH_INVALID_CODE },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19972"),
      NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("EXPIRED_JWT_TOKEN"),
      NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("RECOVERY_TOKEN_DATA_NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19956"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19980"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("PERMISSION_DENIED"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("IP_ADDRESS_FILTERED"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("USER_EMAIL_OFAC_ADDRESS"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("REENROLLMENT_REQUIRED_BY_ADMIN"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("TRUSTED_CLIENTS_ONLY"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER,
      ngx_string("WIX_EMPLOYEE_PASSWORD_LOGIN_NOT_ALLOWED"),
      NGX_HTTP_WIX_AUTH_ACCESS_DENIED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19995"),
      NGX_HTTP_WIX_AUTH_EMAIL_EXISTS },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("DUPLICATE_EMAIL"),
      NGX_HTTP_WIX_AUTH_EMAIL_EXISTS },

    /* -19901: too many mails, and a login may send one */
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19901"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19959"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("THROTTLED_FEATURE"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("RESOURCE_EXHAUSTED"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19988"),
      NGX_HTTP_WIX_AUTH_INVALID_REQUEST },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-18880"),
      NGX_HTTP_WIX_AUTH_INVALID_REQUEST },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("INVALID_ARGUMENT"),
      NGX_HTTP_WIX_AUTH_INVALID_REQUEST },

    /* nothing that the member could do about it */
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19974"),
      NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("PROVIDE_TENANT_ID"),
      NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("INVALID_AUTHENTICATOR_ID"),
      NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },

    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-17005"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("-19984"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("INVALID_LD_SESSION"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("UNIMPLEMENTED_FEATURE"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("UNSUPPORTED_FIELD"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("ATTRIBUTE_NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("CLIENT_METADATA_NOT_FOUND"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER, ngx_string("INVALID_USER_TYPE"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER,
      ngx_string("COULD_NOT_CREATE_SET_ACCOUNT_USER"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },
    { NGX_HTTP_WIX_AUTH_OP_OTHER,
      ngx_string("REGISTRATION_TO_EDITORX_NOT_ALLOWED"),
      NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR },

    { 0, ngx_null_string, NGX_HTTP_WIX_AUTH_OK }
};


/* Wix's rules in our words */

static ngx_http_wix_auth_api_rule_t  ngx_http_wix_auth_api_rules[] = {
    { "TOOSHORT", ngx_string("This value is too short."),
      ngx_string("This password is too short.") },
    { "MINLENGTH", ngx_string("This value is too short."),
      ngx_string("This password is too short.") },
    { "TOOLONG", ngx_string("This value is too long."),
      ngx_string("This password is too long.") },
    { "MAXLENGTH", ngx_string("This value is too long."),
      ngx_string("This password is too long.") },
    { "DIDNOTMATCH", ngx_string("This value does not match."),
      ngx_string("This password does not match.") },
    { "REQUIRED", ngx_string("This value is missing."),
      ngx_string("The password is missing.") },
    { NULL, ngx_null_string, ngx_null_string }
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


ngx_uint_t
ngx_http_wix_auth_api_account(ngx_http_wix_auth_api_call_t *call)
{
    return ngx_http_wix_auth_api_code_is(call, "-19959")
           || ngx_http_wix_auth_api_code_is(call, "-19901")
           || ngx_http_wix_auth_api_code_is(call, "THROTTLED_FEATURE");
}


/* OK: it is none that we know */

static ngx_uint_t
ngx_http_wix_auth_api_known(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_api_code_t  *row;

    for (row = ngx_http_wix_auth_api_codes; row->code.len; row++) {

        if ((row->kind == NGX_HTTP_WIX_AUTH_OP_OTHER
             || row->kind == call->op->kind)
            && row->code.len == call->code.len
            && ngx_strncmp(row->code.data, call->code.data, row->code.len)
               == 0)
        {
            return row->reason;
        }
    }

    return NGX_HTTP_WIX_AUTH_OK;
}


/* whether it is Wix that says so, and not something in between */

static ngx_uint_t
ngx_http_wix_auth_api_shaped(ngx_http_wix_auth_api_call_t *call)
{
    return ngx_http_wix_auth_json_get(call->root, "message")
           || ngx_http_wix_auth_json_get(call->root, "details");
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
 * A known code decides, whatever the status: which status goes with which
 * code is not documented by Wix.  The message never decides.
 */

void
ngx_http_wix_auth_api_login_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_uint_t  reason, status;

    ngx_http_wix_auth_api_app_code(call);

    reason = ngx_http_wix_auth_api_known(call);

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_login_code(call, result, reason);
        return;
    }

    status = ngx_http_wix_auth_api_code_is(call, "UNAUTHENTICATED")
             ? 401 : result->status;

    if (status >= 400 && status < 500 && status != 401 && status != 429
        && ngx_http_wix_auth_json_get(call->root, "details.validationError"))
    {
        ngx_http_wix_auth_api_violations(call, result);
        return;
    }

    /* a wrong password has a code: this is about the visitor's token */

    if (status == 401) {
        call->refused = 1;
    }

    reason = ngx_http_wix_auth_api_login_status(call, status);

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_fail(result, reason);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}


static void
ngx_http_wix_auth_api_login_code(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result, ngx_uint_t reason)
{
    if (call->op->kind != NGX_HTTP_WIX_AUTH_OP_RECOVER) {

        if (reason == NGX_HTTP_WIX_AUTH_APPROVAL_PENDING) {
            result->state = NGX_HTTP_WIX_AUTH_STATE_APPROVAL;
            return;
        }

        if (reason == NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE) {
            ngx_http_wix_auth_api_login_unverified(call, result);
            return;
        }
    }

    if (reason == NGX_HTTP_WIX_AUTH_INVALID_REQUEST) {
        ngx_http_wix_auth_api_violations(call, result);
        return;
    }

    ngx_http_wix_auth_api_fail(result, reason);
}


/* without Wix's token there is nothing that a code could be sent with */

static void
ngx_http_wix_auth_api_login_unverified(ngx_http_wix_auth_api_call_t *call,
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


/* OK: the status tells nothing of its own about this operation */

static ngx_uint_t
ngx_http_wix_auth_api_login_status(ngx_http_wix_auth_api_call_t *call,
    ngx_uint_t status)
{
    ngx_uint_t  kind;

    if (status == 402) {
        return NGX_HTTP_WIX_AUTH_CLIENT_REJECTED;
    }

    /* a page of something in between says nothing about the member */

    if (call->root == NULL) {
        return NGX_HTTP_WIX_AUTH_OK;
    }

    kind = call->op->kind;

    if (kind == NGX_HTTP_WIX_AUTH_OP_VERIFY) {

        /* Wix does not tell a visitor's token from a dead stateToken with
           every 401; of a new one it is not */

        if (ngx_http_wix_auth_api_shaped(call)
            && (status == 400
                || status == 404
                || (status == 401
                    && call->retried
                    && !ngx_http_wix_auth_api_code_is(call,
                                                      "UNAUTHENTICATED"))))
        {
            return NGX_HTTP_WIX_AUTH_INVALID_CODE;
        }

        return (status == 403) ? NGX_HTTP_WIX_AUTH_ACCESS_DENIED
                               : NGX_HTTP_WIX_AUTH_OK;
    }

    switch (status) {

    case 400:
        return call->code.len ? NGX_HTTP_WIX_AUTH_OK
                              : NGX_HTTP_WIX_AUTH_INVALID_REQUEST;

    case 403:
        return NGX_HTTP_WIX_AUTH_ACCESS_DENIED;

    case 404:
        return (kind == NGX_HTTP_WIX_AUTH_OP_REGISTER)
               ? NGX_HTTP_WIX_AUTH_OK : NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS;

    case 409:
        return (kind == NGX_HTTP_WIX_AUTH_OP_REGISTER)
               ? NGX_HTTP_WIX_AUTH_EMAIL_EXISTS : NGX_HTTP_WIX_AUTH_OK;

    default:
        return NGX_HTTP_WIX_AUTH_OK;
    }
}


/*
 * Most violated rules are the member's mistake, some are the operator's: two
 * of them by name, and where a recovery mail leads is written in nginx.conf.
 */

static void
ngx_http_wix_auth_api_violations(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    char                       rule[2 * NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX + 1];
    size_t                     len;
    ngx_str_t                  field;
    ngx_http_wix_auth_json_t  *node;

    ngx_http_wix_auth_api_fail(result,
                               (call->op->kind == NGX_HTTP_WIX_AUTH_OP_VERIFY)
                               ? NGX_HTTP_WIX_AUTH_INVALID_CODE
                               : NGX_HTTP_WIX_AUTH_INVALID_REQUEST);

    node = ngx_http_wix_auth_json_get(call->root,
                                      NGX_HTTP_WIX_AUTH_VIOLATIONS);

    if (node == NULL || node->type != NGX_HTTP_WIX_AUTH_JSON_ARRAY) {
        return;
    }

    for (node = node->child; node; node = node->next) {

        ngx_http_wix_auth_api_letters(node, "ruleName", rule,
                                      NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX);
        len = ngx_strlen(rule);
        ngx_http_wix_auth_api_letters(node, "violatedRule", rule + len,
                                      sizeof(rule) - len);

        if (ngx_strstr(rule, "PROVIDETENANTID")
            || ngx_strstr(rule, "INVALIDAUTHENTICATORID")
            || (call->op->kind == NGX_HTTP_WIX_AUTH_OP_RECOVER
                && ngx_http_wix_auth_json_string(node, "field",
                                            NGX_HTTP_WIX_AUTH_FIELD_NAME_MAX,
                                            &field)
                   == NGX_OK
                && ngx_strncmp(field.data, "redirect.", 9) == 0))
        {
            result->fields = NULL;
            ngx_http_wix_auth_api_fail(result,
                                       NGX_HTTP_WIX_AUTH_CLIENT_REJECTED);
            return;
        }

        if (result->reason == NGX_HTTP_WIX_AUTH_INVALID_REQUEST) {
            ngx_http_wix_auth_api_field(call, result, node, rule);
        }
    }
}


/* without memory the reason alone has to do */

static void
ngx_http_wix_auth_api_field(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result, ngx_http_wix_auth_json_t *node,
    char *rule)
{
    size_t                     i;
    ngx_str_t                  name;
    ngx_http_wix_auth_pair_t  *pair;

    if (ngx_http_wix_auth_json_string(node, "field",
                                      NGX_HTTP_WIX_AUTH_FIELD_NAME_MAX, &name)
        != NGX_OK)
    {
        return;
    }

    for (i = 0; i < name.len; i++) {
        if (name.data[i] < 0x20 || name.data[i] > 0x7e) {
            return;
        }
    }

    if (result->fields == NULL) {
        result->fields = ngx_array_create(call->pool, 4,
                                          sizeof(ngx_http_wix_auth_pair_t));
        if (result->fields == NULL) {
            return;
        }
    }

    if (result->fields->nelts == NGX_HTTP_WIX_AUTH_FIELDS_MAX
        || ngx_http_wix_auth_form_get(result->fields, (char *) name.data))
    {
        return;
    }

    pair = ngx_array_push(result->fields);
    if (pair == NULL) {
        return;
    }

    pair->name = name;
    ngx_http_wix_auth_api_sentence(node, rule, pair);
}


static void
ngx_http_wix_auth_api_sentence(ngx_http_wix_auth_json_t *node, char *rule,
    ngx_http_wix_auth_pair_t *pair)
{
    char                           type[16];
    ngx_str_t                      text;
    ngx_uint_t                     password;
    ngx_http_wix_auth_json_t      *description;
    ngx_http_wix_auth_api_rule_t  *row;

    ngx_http_wix_auth_api_letters(node, "data.type", type, sizeof(type));

    if (ngx_strcmp(type, "EMAIL") == 0) {
        ngx_str_set(&pair->value, "This is not an e-mail address.");
        return;
    }

    password = (pair->name.len == 8
                && ngx_strncmp(pair->name.data, "password", 8) == 0);

    for (row = ngx_http_wix_auth_api_rules; row->rule; row++) {
        if (ngx_strstr(rule, row->rule)) {
            pair->value = password ? row->password : row->value;
            return;
        }
    }

    ngx_str_null(&text);

    description = ngx_http_wix_auth_json_get(node, "description");

    if (description && description->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {
        text = description->text;
    }

    if (text.len > NGX_HTTP_WIX_AUTH_FIELD_TEXT_MAX) {
        text.len = NGX_HTTP_WIX_AUTH_FIELD_TEXT_MAX;

        /* not within a character */

        while (text.len && (text.data[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }

    ngx_http_wix_auth_profile_clean(&text, NGX_HTTP_WIX_AUTH_FIELD_TEXT_MAX);

    if (text.len == 0) {
        ngx_str_set(&text, "This value is not accepted.");
    }

    pair->value = text;
}


/* Wix's names of rules may carry stray marks */

static void
ngx_http_wix_auth_api_letters(ngx_http_wix_auth_json_t *node,
    const char *path, char *dst, size_t size)
{
    size_t                     i;
    u_char                     ch;
    char                      *last;
    ngx_http_wix_auth_json_t  *text;

    last = dst + size - 1;

    text = ngx_http_wix_auth_json_get(node, path);

    if (text && text->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {

        for (i = 0; i < text->text.len && dst < last; i++) {
            ch = ngx_toupper(text->text.data[i]);

            if (ch >= 'A' && ch <= 'Z') {
                *dst++ = (char) ch;
            }
        }
    }

    *dst = '\0';
}


/* whoever asks about a token that is none is told so with some 4xx */

void
ngx_http_wix_auth_api_info_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_api_app_code(call);

    if (ngx_http_wix_auth_api_known(call)
        == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED)
    {
        ngx_http_wix_auth_api_fail(result,
                                   NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED);
        return;
    }

    if (result->status >= 400 && result->status < 500 && result->status != 429)
    {
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}


void
ngx_http_wix_auth_api_member_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_api_app_code(call);

    if (ngx_http_wix_auth_api_known(call)
        == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED)
    {
        ngx_http_wix_auth_api_fail(result,
                                   NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED);
        return;
    }

    /* it ends a session: only what Wix itself says counts */

    if ((result->status == 403 || result->status == 404)
        && ngx_http_wix_auth_api_shaped(call)
        && !ngx_http_wix_auth_api_code_is(call, "UNAUTHENTICATED"))
    {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}


void
ngx_http_wix_auth_api_redirect_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_uint_t  reason;

    ngx_http_wix_auth_api_app_code(call);

    if (call->op->visitor
        && (result->status == 401
            || ngx_http_wix_auth_api_code_is(call, "UNAUTHENTICATED")
            || ngx_http_wix_auth_api_code_is(call,
                                             "FAILED_TO_EXTRACT_SESSION")))
    {
        call->refused = 1;
    }

    reason = ngx_http_wix_auth_api_known(call);

    if (reason == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED
        || reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED)
    {
        ngx_http_wix_auth_api_fail(result, reason);
        return;
    }

    if (result->status == 402) {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_CLIENT_REJECTED);
        return;
    }

    ngx_http_wix_auth_api_fail_status(result);
}
