
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_api.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_url.h"


/* the longest values that are taken from an answer */

#define NGX_HTTP_WIX_AUTH_TOKEN_MAX          8192
#define NGX_HTTP_WIX_AUTH_SESSION_TOKEN_MAX  4096
#define NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX    2048
#define NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX      64
#define NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX     64
#define NGX_HTTP_WIX_AUTH_EXPIRES_IN_MAX     315360000  /* ten years */

/* visitor tokens a worker keeps, and when one is renewed */

#define NGX_HTTP_WIX_AUTH_VISITORS_MAX       64
#define NGX_HTTP_WIX_AUTH_VISITOR_MARGIN     60


typedef struct {
    const char                     *name;          /* in the log */
    const char                     *path;

    /* of a 2xx: NGX_OK, NGX_DECLINED (it makes no sense) or NGX_ERROR */
    ngx_int_t                     (*answer)(
                                        ngx_http_wix_auth_api_call_t *call,
                                        ngx_http_wix_auth_api_result_t *result);
    /* of every other status */
    void                          (*refusal)(
                                        ngx_http_wix_auth_api_call_t *call,
                                        ngx_http_wix_auth_api_result_t *result);

    unsigned                        visitor:1;     /* as a visitor */
    unsigned                        idempotent:1;
    unsigned                        grant:1;       /* invalid_grant counts */
    unsigned                        quiet:1;       /* its failure is no news */
} ngx_http_wix_auth_api_op_t;


/* a visitor's identity at one API for one client, of this worker */

typedef struct {
    ngx_queue_t                     queue;         /* last used first */
    ngx_queue_t                     waiting;       /* calls */
    ngx_http_wix_auth_api_call_t   *call;          /* that gets a token */
    ngx_http_wix_auth_api_conf_t   *conf;          /* of that call */
    ngx_str_t                       url;
    ngx_str_t                       client;
    ngx_str_t                       access;        /* one block of memory */
    ngx_str_t                       refresh;       /* with this */
    time_t                          renew;
    ngx_uint_t                      generation;
    unsigned                        pinned:1;      /* never evicted now */
} ngx_http_wix_auth_visitor_t;


struct ngx_http_wix_auth_api_call_s {
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;           /* dead after handler() */
    ngx_http_wix_auth_api_op_t     *op;
    ngx_http_wix_auth_api_conf_t   *conf;
    ngx_str_t                       client;
    ngx_str_t                       body;
    ngx_http_wix_auth_api_pt        handler;
    void                           *data;

    ngx_http_wix_auth_fetch_t      *fetch;
    ngx_queue_t                     queue;         /* of waiting calls */
    ngx_event_t                     event;
    ngx_uint_t                      generation;    /* of the token sent */

    time_t                          sent;
    ngx_http_wix_auth_json_t       *root;          /* the answer */
    ngx_str_t                       code;          /* Wix's, safe to log */
    const char                     *err;

    unsigned                        waits:1;
    unsigned                        retried:1;
    unsigned                        refused:1;     /* the visitor's token */
    unsigned                        done:1;
};


typedef struct {
    ngx_str_t                       code;
    ngx_uint_t                      reason;
} ngx_http_wix_auth_api_code_t;


static ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_create(
    ngx_http_wix_auth_api_op_t *op, ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data);
static ngx_http_wix_auth_json_writer_t *ngx_http_wix_auth_api_grant(
    ngx_http_wix_auth_api_call_t *call, const char *grant);
static ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_start(
    ngx_http_wix_auth_api_call_t *call, ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *authorization);
static ngx_int_t ngx_http_wix_auth_api_send(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization);
static ngx_int_t ngx_http_wix_auth_api_copy(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static void ngx_http_wix_auth_api_malformed(ngx_event_t *ev);
static void ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f);
static void ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_parse(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *answer);
static ngx_int_t ngx_http_wix_auth_api_again(
    ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_finish(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call);

static void ngx_http_wix_auth_api_fail(ngx_http_wix_auth_api_result_t *result,
    ngx_uint_t reason);
static void ngx_http_wix_auth_api_fail_status(
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_level(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);

static ngx_int_t ngx_http_wix_auth_api_text(ngx_http_wix_auth_json_t *root,
    const char *path, size_t max, ngx_str_t *value);
static void ngx_http_wix_auth_api_set_code(ngx_http_wix_auth_api_call_t *call,
    const char *path);
static void ngx_http_wix_auth_api_app_code(ngx_http_wix_auth_api_call_t *call);
static ngx_uint_t ngx_http_wix_auth_api_code_is(
    ngx_http_wix_auth_api_call_t *call, const char *code);

static ngx_int_t ngx_http_wix_auth_api_token_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_token_refusal(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_member(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *token, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_member_data(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *text, ngx_str_t *id);
static ngx_uint_t ngx_http_wix_auth_api_member_id(
    ngx_http_wix_auth_json_t *root, const char *path, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_login_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_login_refusal(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_login_code(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_login_verify(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_violation(
    ngx_http_wix_auth_json_t *root);
static ngx_int_t ngx_http_wix_auth_api_redirect_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_redirect_refusal(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);

static ngx_int_t ngx_http_wix_auth_visitor_wait(
    ngx_http_wix_auth_api_call_t *call);
static ngx_http_wix_auth_visitor_t *ngx_http_wix_auth_visitor_get(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client);
static ngx_http_wix_auth_visitor_t *ngx_http_wix_auth_visitor_find(
    ngx_str_t *url, ngx_str_t *client);
static void ngx_http_wix_auth_visitor_evict(void);
static ngx_int_t ngx_http_wix_auth_visitor_renew(
    ngx_http_wix_auth_visitor_t *visitor);
static void ngx_http_wix_auth_visitor_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_visitor_wake(
    ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_visitor_store(
    ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_visitor_forget(
    ngx_http_wix_auth_visitor_t *visitor);


#define NGX_HTTP_WIX_AUTH_PATH_TOKEN     "/oauth2/token"
#define NGX_HTTP_WIX_AUTH_PATH_LOGIN     "/_api/iam/authentication/v2/login"
#define NGX_HTTP_WIX_AUTH_PATH_REDIRECT                                       \
    "/_api/redirects-api/v1/redirect-session"


/* a code is for one use and a refresh token may be: neither is sent twice */

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_code = {
    "code", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_refresh = {
    "refresh", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_visitor = {
    "visitor", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 1, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_visitor_refresh = {
    "visitor refresh", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 0, 1
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_login = {
    "login", NGX_HTTP_WIX_AUTH_PATH_LOGIN,
    ngx_http_wix_auth_api_login_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_authorize = {
    "authorize", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    1, 1, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_logout = {
    "logout", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    0, 1, 0, 0
};


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


/* in the order of ngx_http_wix_auth_fetch_error_e */

static const char  *ngx_http_wix_auth_api_errors[] = {
    "", "no connection", "TLS failed", "no answer in time",
    "connection broken", "answer too large", "too many calls at once",
    "not started"
};


static ngx_queue_t  ngx_http_wix_auth_visitors;
static ngx_uint_t   ngx_http_wix_auth_nvisitors;
static ngx_uint_t   ngx_http_wix_auth_visitor_generation;


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_code(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *code, ngx_str_t *verifier,
    ngx_str_t *redirect_uri, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_code, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_grant(call, "authorization_code");

    ngx_http_wix_auth_json_put(w, "code", code);
    ngx_http_wix_auth_json_put(w, "codeVerifier", verifier);

    /* RFC 6749, 4.1.3: if, and only if, the authorization request had one */

    if (redirect_uri->len) {
        ngx_http_wix_auth_json_put(w, "redirectUri", redirect_uri);
    }

    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_refresh(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *refresh_token, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_refresh, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_grant(call, "refresh_token");

    ngx_http_wix_auth_json_put(w, "refreshToken", refresh_token);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_login(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *email, ngx_str_t *password, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_login, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "loginId");
    ngx_http_wix_auth_json_put(w, "email", email);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_put(w, "password", password);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_authorize(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_http_wix_auth_api_authorize_t *request,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_authorize, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "auth");
    ngx_http_wix_auth_json_object(w, "authRequest");
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_put_c(w, "responseType", "code");
    ngx_http_wix_auth_json_put_c(w, "responseMode", "query");
    ngx_http_wix_auth_json_put(w, "redirectUri", &request->redirect_uri);
    /* without it there is no refresh token */
    ngx_http_wix_auth_json_put_c(w, "scope", "offline_access");
    ngx_http_wix_auth_json_put(w, "state", &request->state);
    ngx_http_wix_auth_json_put(w, "codeChallenge", &request->challenge);
    ngx_http_wix_auth_json_put_c(w, "codeChallengeMethod", "S256");

    if (request->session_token.len) {
        ngx_http_wix_auth_json_put(w, "sessionToken",
                                   &request->session_token);
    }

    if (request->idp.len) {
        ngx_http_wix_auth_json_put(w, "idp", &request->idp);
    }

    ngx_http_wix_auth_json_end(w);

    /* beside authRequest, where Wix's own SDK has it */

    ngx_http_wix_auth_json_put_c(w, "prompt",
                                 (request->session_token.len
                                  || request->silent) ? "none" : "login");

    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_logout(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *access_token, ngx_str_t *post_flow_url,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_logout, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "logout");
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_object(w, "callbacks");
    ngx_http_wix_auth_json_put(w, "postFlowUrl", post_flow_url);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, access_token);
}


void
ngx_http_wix_auth_api_cancel(ngx_http_wix_auth_api_call_t *call)
{
    /* its handler runs right now, and it is freed afterwards */

    if (call->done) {
        return;
    }

    if (call->waits) {
        ngx_queue_remove(&call->queue);
    }

    if (call->event.posted) {
        ngx_delete_posted_event(&call->event);
    }

    if (call->fetch) {
        ngx_http_wix_auth_fetch_cancel(call->fetch);
    }

    ngx_http_wix_auth_api_free(call);
}


static ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_create(ngx_http_wix_auth_api_op_t *op,
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_pool_t                    *pool;
    ngx_http_wix_auth_api_call_t  *call;

    /* freed after the handler, when the caller's log may be gone */

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_api_call_t));

    if (call == NULL
        || ngx_http_wix_auth_api_copy(pool, &call->client, client) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->log = log;
    call->op = op;
    call->conf = conf;
    call->handler = handler;
    call->data = data;

    return call;
}


static ngx_http_wix_auth_json_writer_t *
ngx_http_wix_auth_api_grant(ngx_http_wix_auth_api_call_t *call,
    const char *grant)
{
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_c(w, "grantType", grant);
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);

    return w;
}


static ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_start(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_json_writer_t *w, ngx_str_t *authorization)
{
    ngx_int_t  rc;

    if (w == NULL) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    if (ngx_http_wix_auth_json_finish(w, &call->body) != NGX_OK) {

        /* what came from a form is not always UTF-8 */

        call->event.handler = ngx_http_wix_auth_api_malformed;
        call->event.data = call;
        call->event.log = ngx_cycle->log;

        ngx_post_event(&call->event, &ngx_posted_next_events);

        return call;
    }

    rc = call->op->visitor ? ngx_http_wix_auth_visitor_wait(call)
                           : ngx_http_wix_auth_api_send(call, authorization);
    if (rc != NGX_OK) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    return call;
}


/* copies for the transfer, which wipes them: the call may be sent again */

static ngx_int_t
ngx_http_wix_auth_api_send(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization)
{
    u_char                     *p;
    size_t                      len;
    ngx_http_wix_auth_fetch_t  *f;

    f = ngx_http_wix_auth_fetch_create(call->log);
    if (f == NULL) {
        return NGX_ERROR;
    }

    len = ngx_strlen(call->op->path);

    f->url.len = call->conf->url.len + len;
    f->url.data = ngx_pnalloc(f->pool, f->url.len + 1);

    if (f->url.data == NULL
        || ngx_http_wix_auth_api_copy(f->pool, &f->body, &call->body)
           != NGX_OK
        || (authorization
            && ngx_http_wix_auth_api_copy(f->pool, &f->authorization,
                                          authorization)
               != NGX_OK))
    {
        ngx_http_wix_auth_fetch_cancel(f);
        return NGX_ERROR;
    }

    p = ngx_cpymem(f->url.data, call->conf->url.data, call->conf->url.len);
    p = ngx_cpymem(p, call->op->path, len);
    *p = '\0';

    f->conf = &call->conf->fetch;
    f->handler = ngx_http_wix_auth_api_done;
    f->data = call;
    f->idempotent = call->op->idempotent;

    call->fetch = f;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: send", call->op->name);

    ngx_http_wix_auth_fetch_start(f);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_api_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->data = ngx_pnalloc(pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    dst->len = src->len;
    ngx_memcpy(dst->data, src->data, src->len);

    return NGX_OK;
}


static void
ngx_http_wix_auth_api_malformed(ngx_event_t *ev)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = ev->data;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    result.retry_after = -1;
    ngx_http_wix_auth_api_fail(&result, NGX_HTTP_WIX_AUTH_INVALID_REQUEST);

    ngx_log_error(NGX_LOG_INFO, call->log, 0,
                  "wix_auth: %s: invalid_request, a value is not UTF-8",
                  call->op->name);

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = f->data;
    call->fetch = NULL;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    ngx_http_wix_auth_api_judge(call, f, &result);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: status:%ui reason:%ui",
                   call->op->name, result.status, result.reason);

    if (call->refused && !call->retried) {
        if (ngx_http_wix_auth_api_again(call) == NGX_OK) {
            return;
        }

        ngx_http_wix_auth_api_fail(&result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (result.reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_log(call, f, &result);
    }

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;

    result->retry_after = -1;

    switch (f->error) {

    case NGX_HTTP_WIX_AUTH_FETCH_DONE:
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT);
        return;

    case NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
        return;

    default:
        ngx_http_wix_auth_api_fail(result,
                                   NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE);
        return;
    }

    result->status = f->status;
    result->retry_after = f->retry_after;
    result->request_id = f->request_id;

    call->sent = f->sent;

    rc = ngx_http_wix_auth_api_parse(call, &f->answer);

    if (rc != NGX_ERROR) {

        if (f->status < 200 || f->status > 299) {
            call->op->refusal(call, result);
            return;
        }

        if (rc == NGX_OK) {
            rc = call->op->answer(call, result);
        }
    }

    if (rc != NGX_OK) {
        ngx_http_wix_auth_api_fail(result, (rc == NGX_ERROR)
                                           ? NGX_HTTP_WIX_AUTH_INTERNAL_ERROR
                                           : NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
    }
}


/* NGX_DECLINED: no JSON object, root is NULL then */

static ngx_int_t
ngx_http_wix_auth_api_parse(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *answer)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text = *answer;

    if (text.len == 0) {
        ngx_str_set(&text, "{}");
    }

    rc = ngx_http_wix_auth_json_parse(call->pool, &text, &call->root,
                                      &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (call->root->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        ngx_http_wix_auth_json_wipe(call->root);
        call->root = NULL;
        call->err = "not a JSON object";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* once more, as another visitor */

static ngx_int_t
ngx_http_wix_auth_api_again(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    call->retried = 1;
    call->refused = 0;

    ngx_http_wix_auth_json_wipe(call->root);
    call->root = NULL;
    call->err = NULL;
    ngx_str_null(&call->code);

    visitor = ngx_http_wix_auth_visitor_find(&call->conf->url, &call->client);

    /* unless another call has done so in the meantime */

    if (visitor
        && visitor->call == NULL
        && visitor->generation == call->generation)
    {
        ngx_http_wix_auth_visitor_forget(visitor);
    }

    return ngx_http_wix_auth_visitor_wait(call);
}


static void
ngx_http_wix_auth_api_finish(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    call->done = 1;
    result->pool = call->pool;

    call->handler(result, call->data);

    ngx_http_wix_auth_api_free(call);
}


static void
ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_json_wipe(call->root);

    if (call->body.len) {
        ngx_explicit_memzero(call->body.data, call->body.len);
    }

    ngx_destroy_pool(call->pool);
}


static void
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


static void
ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    u_char  *p, *last, buf[NGX_MAX_ERROR_STR / 2];

    p = buf;
    last = buf + sizeof(buf);

    if (f->error == NGX_HTTP_WIX_AUTH_FETCH_DONE) {
        p = ngx_slprintf(p, last, "status %ui", f->status);

    } else {
        p = ngx_slprintf(p, last, "%s",
                         ngx_http_wix_auth_api_errors[f->error]);
    }

    if (call->code.len) {
        p = ngx_slprintf(p, last, ", code \"%V\"", &call->code);
    }

    if (call->err) {
        p = ngx_slprintf(p, last, ", %s", call->err);
    }

    p = ngx_slprintf(p, last, ", %M ms", ngx_current_msec - f->started);

    if (result->request_id.len) {
        p = ngx_slprintf(p, last, ", request id \"%V\"", &result->request_id);
    }

    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        p = ngx_slprintf(p, last, "; Wix refuses client \"%V\": check "
                         "\"wix_auth_client_id\" and the settings of this "
                         "OAuth app and its site at Wix", &call->client);
    }

    ngx_log_error(ngx_http_wix_auth_api_level(call, result), call->log, 0,
                  "wix_auth: %s: %V, %*s", call->op->name,
                  &ngx_http_wix_auth_reason(result->reason)->code,
                  (size_t) (p - buf), buf);
}


static ngx_uint_t
ngx_http_wix_auth_api_level(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        return NGX_LOG_ALERT;
    }

    /* who logs out late has no session at Wix any more */

    if (call->op->quiet
        || (call->op == &ngx_http_wix_auth_op_logout
            && result->status >= 400 && result->status < 500
            && result->cause == NGX_HTTP_WIX_AUTH_CAUSE_ERROR))
    {
        return NGX_LOG_INFO;
    }

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR:
    case NGX_HTTP_WIX_AUTH_INTERNAL_ERROR:
        return NGX_LOG_ERR;

    default:
        return NGX_LOG_INFO;
    }
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


static ngx_int_t
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

static void
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


static ngx_int_t
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

static void
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


static ngx_int_t
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


static void
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


/*
 * Sends the call with the visitor's token, at once or when there is one.
 * While calls wait, a call that gets a token is on its way.
 */

static ngx_int_t
ngx_http_wix_auth_visitor_wait(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    visitor = ngx_http_wix_auth_visitor_get(call->conf, &call->client);
    if (visitor == NULL) {
        return NGX_ERROR;
    }

    if (visitor->call == NULL) {

        if (visitor->access.len && ngx_time() < visitor->renew) {
            call->generation = visitor->generation;
            return ngx_http_wix_auth_api_send(call, &visitor->access);
        }

        visitor->conf = call->conf;

        if (ngx_http_wix_auth_visitor_renew(visitor) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    call->waits = 1;
    ngx_queue_insert_tail(&visitor->waiting, &call->queue);

    return NGX_OK;
}


static ngx_http_wix_auth_visitor_t *
ngx_http_wix_auth_visitor_get(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client)
{
    u_char                       *p;
    ngx_http_wix_auth_visitor_t  *visitor;

    visitor = ngx_http_wix_auth_visitor_find(&conf->url, client);

    if (visitor) {
        ngx_queue_remove(&visitor->queue);
        ngx_queue_insert_head(&ngx_http_wix_auth_visitors, &visitor->queue);
        return visitor;
    }

    /* more of them only while all are in use, which the transfers limit */

    if (ngx_http_wix_auth_nvisitors >= NGX_HTTP_WIX_AUTH_VISITORS_MAX) {
        ngx_http_wix_auth_visitor_evict();
    }

    visitor = ngx_alloc(sizeof(ngx_http_wix_auth_visitor_t) + conf->url.len
                        + client->len, ngx_cycle->log);
    if (visitor == NULL) {
        return NULL;
    }

    ngx_memzero(visitor, sizeof(ngx_http_wix_auth_visitor_t));

    /* copies: they outlive the configuration without a master process */

    p = (u_char *) visitor + sizeof(ngx_http_wix_auth_visitor_t);

    visitor->url.data = p;
    visitor->url.len = conf->url.len;
    p = ngx_cpymem(p, conf->url.data, conf->url.len);

    visitor->client.data = p;
    visitor->client.len = client->len;
    ngx_memcpy(p, client->data, client->len);

    ngx_queue_init(&visitor->waiting);
    ngx_queue_insert_head(&ngx_http_wix_auth_visitors, &visitor->queue);
    ngx_http_wix_auth_nvisitors++;

    return visitor;
}


static ngx_http_wix_auth_visitor_t *
ngx_http_wix_auth_visitor_find(ngx_str_t *url, ngx_str_t *client)
{
    ngx_queue_t                  *q;
    ngx_http_wix_auth_visitor_t  *visitor;

    if (ngx_http_wix_auth_visitors.next == NULL) {
        ngx_queue_init(&ngx_http_wix_auth_visitors);
    }

    for (q = ngx_queue_head(&ngx_http_wix_auth_visitors);
         q != ngx_queue_sentinel(&ngx_http_wix_auth_visitors);
         q = ngx_queue_next(q))
    {
        visitor = ngx_queue_data(q, ngx_http_wix_auth_visitor_t, queue);

        if (visitor->client.len == client->len
            && visitor->url.len == url->len
            && ngx_strncmp(visitor->client.data, client->data, client->len)
               == 0
            && ngx_strncmp(visitor->url.data, url->data, url->len) == 0)
        {
            return visitor;
        }
    }

    return NULL;
}


static void
ngx_http_wix_auth_visitor_evict(void)
{
    ngx_queue_t                  *q, *prev;
    ngx_http_wix_auth_visitor_t  *visitor;

    for (q = ngx_queue_last(&ngx_http_wix_auth_visitors);
         q != ngx_queue_sentinel(&ngx_http_wix_auth_visitors);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        visitor = ngx_queue_data(q, ngx_http_wix_auth_visitor_t, queue);

        if (visitor->call || visitor->pinned) {
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_wix_auth_nvisitors--;

        ngx_http_wix_auth_visitor_forget(visitor);
        ngx_free(visitor);

        if (ngx_http_wix_auth_nvisitors < NGX_HTTP_WIX_AUTH_VISITORS_MAX) {
            return;
        }
    }
}


/* a refresh keeps the identity; it is tried before a new one is asked for */

static ngx_int_t
ngx_http_wix_auth_visitor_renew(ngx_http_wix_auth_visitor_t *visitor)
{
    ngx_http_wix_auth_api_op_t       *op;
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    op = visitor->refresh.len ? &ngx_http_wix_auth_op_visitor_refresh
                              : &ngx_http_wix_auth_op_visitor;

    /* for many calls, so in the name of none */

    call = ngx_http_wix_auth_api_create(op, visitor->conf, &visitor->client,
                                        ngx_cycle->log,
                                        ngx_http_wix_auth_visitor_done,
                                        visitor);
    if (call == NULL) {
        return NGX_ERROR;
    }

    if (visitor->refresh.len) {
        w = ngx_http_wix_auth_api_grant(call, "refresh_token");
        ngx_http_wix_auth_json_put(w, "refreshToken", &visitor->refresh);

    } else {
        w = ngx_http_wix_auth_api_grant(call, "anonymous");
    }

    ngx_http_wix_auth_json_end(w);

    visitor->call = ngx_http_wix_auth_api_start(call, w, NULL);

    return visitor->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_visitor_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_visitor_t  *visitor = data;

    ngx_http_wix_auth_api_result_t  failed;

    visitor->call = NULL;

    if (result->reason == NGX_HTTP_WIX_AUTH_OK) {

        if (ngx_http_wix_auth_visitor_store(visitor, result) == NGX_OK) {
            ngx_http_wix_auth_visitor_wake(visitor, NULL);
            return;
        }

        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);

    } else if (visitor->refresh.len) {

        /* nobody misses this identity */

        ngx_http_wix_auth_visitor_forget(visitor);

        if (ngx_http_wix_auth_visitor_renew(visitor) == NGX_OK) {
            return;
        }

        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&failed, sizeof(ngx_http_wix_auth_api_result_t));

    failed.reason = result->reason;
    failed.cause = result->cause;
    failed.status = result->status;
    failed.retry_after = result->retry_after;
    failed.request_id = result->request_id;

    ngx_http_wix_auth_visitor_wake(visitor, &failed);
}


/*
 * Handlers may start and cancel calls: those that start now must not be
 * taken for calls that waited, hence the queue of our own.
 */

static void
ngx_http_wix_auth_visitor_wake(ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *failed)
{
    ngx_queue_t                      waiting, *q;
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    if (ngx_queue_empty(&visitor->waiting)) {
        return;
    }

    ngx_queue_init(&waiting);
    ngx_queue_add(&waiting, &visitor->waiting);
    ngx_queue_init(&visitor->waiting);

    visitor->pinned = 1;

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_http_wix_auth_api_call_t, queue);
        call->waits = 0;

        ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));
        result.retry_after = -1;

        if (failed) {
            result = *failed;

        } else {
            call->generation = visitor->generation;

            if (ngx_http_wix_auth_api_send(call, &visitor->access) == NGX_OK) {
                continue;
            }

            ngx_http_wix_auth_api_fail(&result,
                                       NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, call->log, 0,
                       "wix auth api %s: no visitor token, reason:%ui",
                       call->op->name, result.reason);

        ngx_http_wix_auth_api_finish(call, &result);
    }

    visitor->pinned = 0;
}


static ngx_int_t
ngx_http_wix_auth_visitor_store(ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *result)
{
    u_char     *p;
    time_t      margin;
    ngx_str_t   access, refresh;

    /* a refresh that brings no new token leaves the old one valid */

    access = result->access_token;
    refresh = result->refresh_token.len ? result->refresh_token
                                        : visitor->refresh;

    p = ngx_alloc(access.len + refresh.len, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, access.data, access.len);
    access.data = p;
    p += access.len;

    if (refresh.len) {
        ngx_memcpy(p, refresh.data, refresh.len);
        refresh.data = p;
    }

    ngx_http_wix_auth_visitor_forget(visitor);

    visitor->access = access;
    visitor->refresh = refresh;

    margin = ngx_min(result->lifetime / 10, NGX_HTTP_WIX_AUTH_VISITOR_MARGIN);
    visitor->renew = result->expires - margin;

    return NGX_OK;
}


/* a new generation: what is in flight with the old token knows it is old */

static void
ngx_http_wix_auth_visitor_forget(ngx_http_wix_auth_visitor_t *visitor)
{
    visitor->generation = ++ngx_http_wix_auth_visitor_generation;

    if (visitor->access.data == NULL) {
        return;
    }

    ngx_explicit_memzero(visitor->access.data,
                         visitor->access.len + visitor->refresh.len);
    ngx_free(visitor->access.data);

    ngx_str_null(&visitor->access);
    ngx_str_null(&visitor->refresh);
}
