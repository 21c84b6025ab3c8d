
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_registration.h"


#define NGX_HTTP_WIX_AUTH_PASSWORD_MAX  1024
#define NGX_HTTP_WIX_AUTH_CAPTCHA_MAX   5000
#define NGX_HTTP_WIX_AUTH_CODE_LEN      6


static ngx_uint_t ngx_http_wix_auth_form_idp(ngx_http_wix_auth_call_t *call,
    ngx_str_t *idp);
static ngx_uint_t ngx_http_wix_auth_form_is(ngx_http_wix_auth_call_t *call,
    const char *name);
static void ngx_http_wix_auth_form_text(ngx_http_wix_auth_call_t *call,
    const char *name, ngx_str_t *text);
static ngx_uint_t ngx_http_wix_auth_form_printable(ngx_str_t *text);
static ngx_uint_t ngx_http_wix_auth_form_address(ngx_str_t *email);
static void ngx_http_wix_auth_form_email(ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_form_password(ngx_http_wix_auth_call_t *call,
    ngx_str_t *password);
static void ngx_http_wix_auth_form_captcha(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_form_profile(
    ngx_http_wix_auth_call_t *call, ngx_http_wix_auth_json_t **profile);
static void ngx_http_wix_auth_form_mode(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_form_started(
    ngx_http_wix_auth_call_t *call, ngx_int_t rc);
static void ngx_http_wix_auth_form_finished(ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_form_outcome(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_form_forget(
    ngx_http_wix_auth_call_t *call);


static ngx_str_t  ngx_http_wix_auth_state_verify =
                                  ngx_string("REQUIRE_EMAIL_VERIFICATION");
static ngx_str_t  ngx_http_wix_auth_state_approval =
                                  ngx_string("REQUIRE_OWNER_APPROVAL");
static ngx_str_t  ngx_http_wix_auth_state_recovery =
                                  ngx_string("RECOVERY_EMAIL_SENT");


ngx_int_t
ngx_http_wix_auth_get_form(ngx_http_wix_auth_call_t *call)
{
    ngx_uint_t                       kind, asked;
    ngx_http_wix_auth_login_t       *l;
    ngx_http_wix_auth_answer_t       a;
    ngx_http_wix_auth_handlers_t    *form;

    l = call->login;
    kind = call->conf->login->kind;
    form = &ngx_http_wix_auth_handlers[call->endpoint];

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    ngx_http_wix_auth_call_return(call);

    if (ngx_http_wix_auth_record_lookup(l->rec, call->conf, 0, 0) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (ngx_http_wix_auth_call_member(call)) {
        call->html = 1;
        return ngx_http_wix_auth_call_redirect(call, &l->return_url, 0, &a);
    }

    /* the way out for who needs a step that no form of ours has */

    asked = (call->endpoint == NGX_HTTP_WIX_AUTH_EP_LOGIN
             && ngx_http_wix_auth_form_is(call, "wix"));

    if (kind == NGX_HTTP_WIX_AUTH_LOGIN_WIX || asked) {

        if (l->binding.len == 0
            && ngx_http_wix_auth_form_get(call->input, "again"))
        {
            return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_STATE_MISMATCH);
        }

        return ngx_http_wix_auth_call_at_wix(call,
                                      call->conf->login->sso && !asked);
    }

    if (kind == NGX_HTTP_WIX_AUTH_LOGIN_URI && form->own) {
        return ngx_http_wix_auth_call_own_page(call,
                                               NGX_HTTP_MOVED_TEMPORARILY,
                                               NULL, NULL, &a);
    }

    if (form->bind && ngx_http_wix_auth_login_bind(l) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    a.status = NGX_HTTP_OK;

    return ngx_http_wix_auth_call_page(call, form->page, NGX_HTTP_WIX_AUTH_OK,
                                       &a);
}


ngx_int_t
ngx_http_wix_auth_post_credentials(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                   rc;
    ngx_str_t                   password;
    ngx_uint_t                  registers;
    ngx_http_wix_auth_json_t   *profile;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;
    registers = (call->endpoint == NGX_HTTP_WIX_AUTH_EP_REGISTER);
    profile = NULL;

    ngx_http_wix_auth_call_return(call);

    ngx_http_wix_auth_form_text(call, "stateToken", &call->token);

    ngx_http_wix_auth_form_email(call);
    ngx_http_wix_auth_form_password(call, &password);
    ngx_http_wix_auth_form_captcha(call);

    if (registers && ngx_http_wix_auth_form_profile(call, &profile) != NGX_OK)
    {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (call->wrong) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    if (call->token.len) {

        /* the same once more, for another mail with a code */

        rc = ngx_http_wix_auth_login_resend(l, &call->token);

        if (rc != NGX_OK) {
            return ngx_http_wix_auth_form_started(call, rc);
        }
    }

    ngx_http_wix_auth_form_mode(call);
    l->done = ngx_http_wix_auth_form_finished;

    rc = registers ? ngx_http_wix_auth_login_register(l, &password, profile)
                   : ngx_http_wix_auth_login_password(l, &password);

    return ngx_http_wix_auth_form_started(call, rc);
}


ngx_int_t
ngx_http_wix_auth_post_verify(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                   code, email, sealed;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    ngx_http_wix_auth_call_return(call);

    ngx_http_wix_auth_form_text(call, "code", &code);
    ngx_http_wix_auth_form_text(call, "email", &email);
    ngx_http_wix_auth_form_text(call, "stateToken", &call->token);

    /* nobody vouches for it: the session's address comes from Wix */

    if (ngx_http_wix_auth_form_address(&email)) {
        call->email = email;
    }

    if (code.len != NGX_HTTP_WIX_AUTH_CODE_LEN
        || !ngx_http_wix_auth_form_printable(&code))
    {
        ngx_http_wix_auth_call_wrong(call, "code",
                           "Please enter the six characters of the code.");

        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    sealed = call->token.len ? call->token : l->rec->token;

    if (sealed.len == 0) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED);
    }

    ngx_http_wix_auth_form_mode(call);
    l->done = ngx_http_wix_auth_form_finished;

    return ngx_http_wix_auth_form_started(call,
                           ngx_http_wix_auth_login_verify(l, &code, &sealed));
}


/* the answer must not depend on whose address it is, nor wait for Wix */

ngx_int_t
ngx_http_wix_auth_post_recover(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                   rc;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    ngx_http_wix_auth_call_return(call);
    ngx_http_wix_auth_form_email(call);

    if (call->wrong) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    rc = ngx_http_wix_auth_login_recover(l);

    if (rc != NGX_OK) {
        return ngx_http_wix_auth_form_started(call, rc);
    }

    call->state = ngx_http_wix_auth_state_recovery;
    ngx_str_null(&l->email);

    return ngx_http_wix_auth_call_state(call, &call->state,
                                        NGX_HTTP_WIX_AUTH_PAGE_RECOVER);
}


ngx_int_t
ngx_http_wix_auth_call_at_wix(ngx_http_wix_auth_call_t *call,
    ngx_uint_t silent)
{
    ngx_str_t                   idp;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (!ngx_http_wix_auth_form_idp(call, &idp)) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    l->response_mode = (call->conf->response_mode
                        == NGX_HTTP_WIX_AUTH_RESPONSE_FRAGMENT)
                       ? NGX_HTTP_WIX_AUTH_RESPONSE_FRAGMENT
                       : NGX_HTTP_WIX_AUTH_RESPONSE_QUERY;

    l->done = ngx_http_wix_auth_form_finished;

    /* who names a provider wants to log in there, and not to be recognised */

    return ngx_http_wix_auth_form_started(call,
              ngx_http_wix_auth_login_wix(l, &idp, silent && idp.len == 0));
}


/* 1: there is none, or it is one of those that are allowed */

static ngx_uint_t
ngx_http_wix_auth_form_idp(ngx_http_wix_auth_call_t *call, ngx_str_t *idp)
{
    ngx_str_t    *value, *allowed;
    ngx_uint_t    i;
    ngx_array_t  *idps;

    ngx_str_null(idp);

    value = ngx_http_wix_auth_form_get(call->input, "idp");

    if (value == NULL || value->len == 0) {
        return 1;
    }

    idps = call->conf->login->idps;

    if (idps == NULL) {
        return 0;
    }

    allowed = idps->elts;

    for (i = 0; i < idps->nelts; i++) {
        if (allowed[i].len == value->len
            && ngx_strncasecmp(allowed[i].data, value->data, value->len) == 0)
        {
            *idp = *value;
            return 1;
        }
    }

    return 0;
}


/* name=1 */

static ngx_uint_t
ngx_http_wix_auth_form_is(ngx_http_wix_auth_call_t *call, const char *name)
{
    ngx_str_t  *value;

    value = ngx_http_wix_auth_form_get(call->input, name);

    return value && value->len == 1 && value->data[0] == '1';
}


/* without spaces around; len 0 when it is not there */

static void
ngx_http_wix_auth_form_text(ngx_http_wix_auth_call_t *call, const char *name,
    ngx_str_t *text)
{
    ngx_str_t  *value;

    ngx_str_null(text);

    value = ngx_http_wix_auth_form_get(call->input, name);

    if (value == NULL) {
        return;
    }

    *text = *value;

    while (text->len && *text->data == ' ') {
        text->data++;
        text->len--;
    }

    while (text->len && text->data[text->len - 1] == ' ') {
        text->len--;
    }
}


static ngx_uint_t
ngx_http_wix_auth_form_printable(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


/*
 * Wix judges addresses; here only what must not reach a header is refused,
 * and what has two ends
 */

static ngx_uint_t
ngx_http_wix_auth_form_address(ngx_str_t *email)
{
    ngx_uint_t  i, at, n;

    if (email->len > NGX_HTTP_WIX_AUTH_EMAIL_MAX) {
        return 0;
    }

    at = 0;
    n = 0;

    for (i = 0; i < email->len; i++) {

        if (email->data[i] <= ' ' || email->data[i] == 0x7f) {
            return 0;
        }

        if (email->data[i] == '@') {
            at = i;
            n++;
        }
    }

    return n == 1 && at > 0 && at < email->len - 1;
}


static void
ngx_http_wix_auth_form_email(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t  email;

    ngx_http_wix_auth_form_text(call, "email", &email);

    if (email.len == 0) {
        ngx_http_wix_auth_call_wrong(call, "email",
                                     "Please enter an e-mail address.");
        return;
    }

    if (email.len <= NGX_HTTP_WIX_AUTH_EMAIL_MAX) {
        call->login->email = email;
    }

    if (!ngx_http_wix_auth_form_address(&email)) {
        ngx_http_wix_auth_call_wrong(call, "email",
                                     "This is not an e-mail address.");
    }
}


static void
ngx_http_wix_auth_form_password(ngx_http_wix_auth_call_t *call,
    ngx_str_t *password)
{
    ngx_str_t  *value;

    ngx_str_null(password);

    value = ngx_http_wix_auth_form_get(call->input, "password");

    if (value == NULL || value->len == 0) {
        ngx_http_wix_auth_call_wrong(call, "password",
                                     "Please enter a password.");
        return;
    }

    if (value->len > NGX_HTTP_WIX_AUTH_PASSWORD_MAX) {
        ngx_http_wix_auth_call_wrong(call, "password",
                                     "This password is too long.");
        return;
    }

    *password = *value;
}


/* Google's own script fills a field whose name it chooses */

static void
ngx_http_wix_auth_form_captcha(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t  *token;

    token = &call->login->captcha;

    ngx_http_wix_auth_form_text(call, "captcha", token);

    if (token->len == 0) {
        ngx_http_wix_auth_form_text(call, "g-recaptcha-response", token);
    }

    if (token->len > NGX_HTTP_WIX_AUTH_CAPTCHA_MAX
        || !ngx_http_wix_auth_form_printable(token))
    {
        ngx_str_null(token);
        ngx_http_wix_auth_call_wrong(call, "captcha",
                                "This is no answer of a robot check.");
    }
}


/* NGX_OK (call->wrong tells the rest) or NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_form_profile(ngx_http_wix_auth_call_t *call,
    ngx_http_wix_auth_json_t **profile)
{
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    pool = call->request->pool;

    if (call->fields == NULL) {
        call->fields = ngx_array_create(pool, 4,
                                        sizeof(ngx_http_wix_auth_pair_t));

        if (call->fields == NULL) {
            return NGX_ERROR;
        }
    }

    if (call->type == NGX_HTTP_WIX_AUTH_TYPE_JSON) {
        rc = ngx_http_wix_auth_registration_json(pool, call->profile,
                                                 call->fields, profile);
    } else {
        rc = ngx_http_wix_auth_registration_form(pool, call->input,
                                                 call->fields, profile);
    }

    if (rc == NGX_DECLINED) {
        call->wrong = 1;
        return NGX_OK;
    }

    return rc;
}


/* a form has no script to read a fragment or a message with */

static void
ngx_http_wix_auth_form_mode(ngx_http_wix_auth_call_t *call)
{
    ngx_uint_t  mode;

    mode = call->conf->response_mode;

    if (call->type != NGX_HTTP_WIX_AUTH_TYPE_JSON
        && mode != NGX_HTTP_WIX_AUTH_RESPONSE_DIRECT)
    {
        mode = NGX_HTTP_WIX_AUTH_RESPONSE_QUERY;
    }

    call->login->response_mode = mode;
}


static ngx_int_t
ngx_http_wix_auth_form_started(ngx_http_wix_auth_call_t *call, ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS);

    case NGX_DECLINED:
        return ngx_http_wix_auth_call_error(call,
                                      NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE);

    default:
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }
}


static void
ngx_http_wix_auth_form_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t  rc;

    rc = ngx_http_wix_auth_form_forget(call);

    if (rc == NGX_OK) {
        rc = ngx_http_wix_auth_form_outcome(call);

    } else {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_call_finish(call, rc);
}


static ngx_int_t
ngx_http_wix_auth_form_outcome(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        return ngx_http_wix_auth_call_error(call, l->reason);
    }

    switch (l->state) {

    case NGX_HTTP_WIX_AUTH_STATE_VERIFY:
        return ngx_http_wix_auth_call_state(call,
                                            &ngx_http_wix_auth_state_verify,
                                            NGX_HTTP_WIX_AUTH_PAGE_VERIFY);

    case NGX_HTTP_WIX_AUTH_STATE_APPROVAL:
        return ngx_http_wix_auth_call_state(call,
                                            &ngx_http_wix_auth_state_approval,
                                            NGX_HTTP_WIX_AUTH_PAGE_PENDING);

    default:
        ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

        return ngx_http_wix_auth_call_redirect(call, &l->redirect_url,
                                               l->leaves, &a);
    }
}


/* the waiting stateToken has served, or never will */

static ngx_int_t
ngx_http_wix_auth_form_forget(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                   none;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (l->rec->token.len == 0) {
        return NGX_OK;
    }

    switch (l->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        if (l->state == NGX_HTTP_WIX_AUTH_STATE_VERIFY) {
            return NGX_OK;
        }

        break;

    case NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED:
    case NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE:
        break;

    default:
        return NGX_OK;
    }

    ngx_str_null(&none);

    return ngx_http_wix_auth_call_token(call, &none);
}
