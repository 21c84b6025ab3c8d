
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_url.h"


static ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_visit(
    ngx_http_wix_auth_api_op_t *op, ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *visitor, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);
static ngx_http_wix_auth_json_writer_t *ngx_http_wix_auth_api_identify(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_credentials_t *credentials);
static ngx_int_t ngx_http_wix_auth_api_direct_check(
    ngx_http_wix_auth_api_call_t *call);
static ngx_int_t ngx_http_wix_auth_api_direct_query(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *query);
static ngx_uint_t ngx_http_wix_auth_api_equal(ngx_str_t *a, ngx_str_t *b);


#define NGX_HTTP_WIX_AUTH_PATH_INFO      "/oauth2/token-info"
#define NGX_HTTP_WIX_AUTH_PATH_LOGIN     "/_api/iam/authentication/v2/login"
#define NGX_HTTP_WIX_AUTH_PATH_REGISTER                                       \
    "/_api/iam/authentication/v2/register"
#define NGX_HTTP_WIX_AUTH_PATH_VERIFY                                         \
    "/_api/iam/verification/v1/auth/verify"
#define NGX_HTTP_WIX_AUTH_PATH_RECOVER   "/_api/iam/recovery/v1/send-email"
#define NGX_HTTP_WIX_AUTH_PATH_REDIRECT                                       \
    "/_api/redirects-api/v1/redirect-session"
#define NGX_HTTP_WIX_AUTH_PATH_MEMBER                                         \
    "/members/v1/members/my?fieldsets=FULL"

#define NGX_HTTP_WIX_AUTH_AUTHORIZE      "/_api/oauth2/authorize"
#define NGX_HTTP_WIX_AUTH_QUERY_MAX      64    /* arguments of a full URL */


/* a code is for one use and a refresh token may be: neither is sent twice */

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_code = {
    "code", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_refresh = {
    "refresh", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_login = {
    "login", NGX_HTTP_WIX_AUTH_PATH_LOGIN,
    NGX_HTTP_WIX_AUTH_OP_LOGIN, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_login_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_register = {
    "register", NGX_HTTP_WIX_AUTH_PATH_REGISTER,
    NGX_HTTP_WIX_AUTH_OP_REGISTER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_login_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_verify = {
    "verify", NGX_HTTP_WIX_AUTH_PATH_VERIFY,
    NGX_HTTP_WIX_AUTH_OP_VERIFY, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_login_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0, 0
};

/* it sends a mail */

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_recover = {
    "recover", NGX_HTTP_WIX_AUTH_PATH_RECOVER,
    NGX_HTTP_WIX_AUTH_OP_RECOVER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_recover_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_anonymous = {
    "anonymous", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_info = {
    "token-info", NGX_HTTP_WIX_AUTH_PATH_INFO,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
    ngx_http_wix_auth_api_info_answer, ngx_http_wix_auth_api_info_refusal,
    0, 1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_member = {
    "member", NGX_HTTP_WIX_AUTH_PATH_MEMBER,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
    ngx_http_wix_auth_api_member_answer, ngx_http_wix_auth_api_member_refusal,
    0, 1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_authorize = {
    "authorize", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    1, 1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_logout = {
    "logout", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    NGX_HTTP_WIX_AUTH_OP_LOGOUT, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    0, 1, 0, 0, 0
};

/* what the address asks for is given once */

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_direct = {
    "direct", "",
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_NONE,
    ngx_http_wix_auth_api_direct_answer, NULL,
    0, 0, 0, 0, 1
};


/* as Wix spells them, in the order of ngx_http_wix_auth_response_e */

static const char  *ngx_http_wix_auth_api_modes[] = {
    "query", "fragment", "web_message", "query"
};


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
    ngx_str_t *client, ngx_str_t *refresh_token, ngx_uint_t class,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_refresh, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    call->class = class;

    w = ngx_http_wix_auth_api_grant(call, "refresh_token");

    ngx_http_wix_auth_json_put(w, "refreshToken", refresh_token);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_login(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_http_wix_auth_api_credentials_t *credentials,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_visit(&ngx_http_wix_auth_op_login, conf,
                                       client, &credentials->visitor, log,
                                       handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_identify(call, credentials);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_register(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_http_wix_auth_api_credentials_t *credentials,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_visit(&ngx_http_wix_auth_op_register, conf,
                                       client, &credentials->visitor, log,
                                       handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_identify(call, credentials);

    if (credentials->profile) {
        ngx_http_wix_auth_json_put_tree(w, "profile", credentials->profile);
    }

    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_verify(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *code, ngx_str_t *state_token,
    ngx_str_t *visitor, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_visit(&ngx_http_wix_auth_op_verify, conf,
                                       client, visitor, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "code", code);
    ngx_http_wix_auth_json_put(w, "stateToken", state_token);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_recover(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *email, ngx_str_t *redirect_uri,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_recover, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "email", email);
    ngx_http_wix_auth_json_object(w, "redirect");
    ngx_http_wix_auth_json_put(w, "url", redirect_uri);
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_anonymous(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_anonymous, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_grant(call, "anonymous");
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_token_info(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *token, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_info, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "token", token);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_member(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *access_token, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t  *call;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_member, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    return ngx_http_wix_auth_api_get(call, access_token);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_authorize(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_http_wix_auth_api_authorize_t *request,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_visit(&ngx_http_wix_auth_op_authorize, conf,
                                       client, &request->visitor, log, handler,
                                       data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "auth");
    ngx_http_wix_auth_json_object(w, "authRequest");
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_put_c(w, "responseType", "code");
    ngx_http_wix_auth_json_put_c(w, "responseMode",
                         ngx_http_wix_auth_api_modes[request->response_mode]);

    /* a frame's answer goes to an origin, not to an address */

    if (request->response_mode != NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE) {
        ngx_http_wix_auth_json_put(w, "redirectUri", &request->redirect_uri);
    }

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


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_direct(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *full_url, ngx_str_t *redirect_uri,
    ngx_str_t *state, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data)
{
    ngx_int_t                      rc;
    ngx_http_wix_auth_api_call_t  *call;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_direct, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    if (ngx_http_wix_auth_api_copy(call->pool, &call->url, full_url) != NGX_OK
        || ngx_http_wix_auth_api_copy(call->pool, &call->redirect_uri,
                                      redirect_uri)
           != NGX_OK
        || ngx_http_wix_auth_api_copy(call->pool, &call->state, state)
           != NGX_OK)
    {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    rc = ngx_http_wix_auth_api_direct_check(call);

    ngx_http_wix_auth_api_forget(call);

    if (rc == NGX_ERROR) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    if (rc != NGX_OK) {
        return ngx_http_wix_auth_api_refuse(call,
                                            NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR,
                                            call->err);
    }

    return ngx_http_wix_auth_api_get(call, NULL);
}


/* a call in the name of the browser's visitor, if it has one */

static ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_visit(ngx_http_wix_auth_api_op_t *op,
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_str_t *visitor,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t  *call;

    call = ngx_http_wix_auth_api_create(op, conf, client, log, handler, data);

    if (call == NULL || visitor->len == 0) {
        return call;
    }

    if (ngx_http_wix_auth_api_copy(call->pool, &call->own, visitor) != NGX_OK)
    {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    return call;
}


/* the object is left open */

static ngx_http_wix_auth_json_writer_t *
ngx_http_wix_auth_api_identify(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_credentials_t *credentials)
{
    const char                       *kind;
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "loginId");
    ngx_http_wix_auth_json_put(w, "email", &credentials->email);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_put(w, "password", &credentials->password);

    if (credentials->captcha.len) {
        kind = (credentials->captcha_kind
                == NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE)
               ? "InvisibleRecaptcha" : "Recaptcha";

        ngx_http_wix_auth_json_array(w, "captchaTokens");
        ngx_http_wix_auth_json_object(w, NULL);
        ngx_http_wix_auth_json_put(w, kind, &credentials->captcha);
        ngx_http_wix_auth_json_end(w);
        ngx_http_wix_auth_json_end(w);
    }

    return w;
}


/*
 * The address comes from Wix, and yet it could make us ask anybody anything:
 * only a place for authorization, outside of the network that we are in.
 */

static ngx_int_t
ngx_http_wix_auth_api_direct_check(ngx_http_wix_auth_api_call_t *call)
{
    u_char                   *p, *last;
    size_t                    len;
    ngx_int_t                 rc;
    ngx_str_t                 query;
    ngx_http_wix_auth_url_t   url, api;

    rc = ngx_http_wix_auth_url_parse(call->pool, &call->url, &url, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    call->outside = 1;

    if (url.loopback) {
        rc = ngx_http_wix_auth_url_parse(call->pool, &call->conf->url, &api,
                                         &call->err);
        if (rc != NGX_OK) {
            return rc;
        }

        call->outside = api.loopback ? 0 : 1;
    }

    if (call->outside
        && (url.loopback
            || url.port != 443
            || url.scheme.len != sizeof("https") - 1))
    {
        call->err = "fullUrl is not https on port 443";
        return NGX_DECLINED;
    }

    last = url.path.data + url.path.len;

    p = ngx_strlchr(url.path.data, last, '?');
    if (p == NULL) {
        call->err = "fullUrl has no query";
        return NGX_DECLINED;
    }

    len = sizeof(NGX_HTTP_WIX_AUTH_AUTHORIZE) - 1;

    if ((size_t) (p - url.path.data) < len
        || ngx_memcmp(p - len, NGX_HTTP_WIX_AUTH_AUTHORIZE, len) != 0)
    {
        call->err = "fullUrl is not that of authorize";
        return NGX_DECLINED;
    }

    query.data = p + 1;
    query.len = last - query.data;

    return ngx_http_wix_auth_api_direct_query(call, &query);
}


static ngx_int_t
ngx_http_wix_auth_api_direct_query(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *query)
{
    ngx_int_t   rc;
    ngx_str_t  *uri, *other, *state;

    rc = ngx_http_wix_auth_form_parse(call->pool, query,
                                      NGX_HTTP_WIX_AUTH_QUERY_MAX,
                                      &call->pairs, &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    /* both spellings are known at Wix */

    uri = ngx_http_wix_auth_form_get(call->pairs, "redirectUri");
    other = ngx_http_wix_auth_form_get(call->pairs, "redirect_uri");

    if ((uri == NULL) == (other == NULL)
        || !ngx_http_wix_auth_api_equal(uri ? uri : other,
                                        &call->redirect_uri))
    {
        call->err = "fullUrl is for another redirect URI";
        return NGX_DECLINED;
    }

    state = ngx_http_wix_auth_form_get(call->pairs, "state");

    if (state == NULL || !ngx_http_wix_auth_api_equal(state, &call->state)) {
        call->err = "fullUrl is for another state";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_api_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}
