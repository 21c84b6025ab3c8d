
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_url.h"


/* the longest values that are taken from an answer */

#define NGX_HTTP_WIX_AUTH_TOKEN_MAX          8192
#define NGX_HTTP_WIX_AUTH_SESSION_TOKEN_MAX  4096
#define NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX      64
#define NGX_HTTP_WIX_AUTH_ADDRESS_MAX        254   /* RFC 5321, 4.5.3.1.3 */
#define NGX_HTTP_WIX_AUTH_CODE_MAX           2048
#define NGX_HTTP_WIX_AUTH_EXPIRES_IN_MAX     315360000  /* ten years */
#define NGX_HTTP_WIX_AUTH_EXPIRES_MAX        253402300799  /* of year 9999 */

/* arguments of an authorization response */
#define NGX_HTTP_WIX_AUTH_RESPONSE_MAX       16


typedef struct {
    const char                     *path;
    size_t                          max;
} ngx_http_wix_auth_api_field_t;


static ngx_int_t ngx_http_wix_auth_api_token_member(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *token, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_token_data(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *text, ngx_str_t *id);
static ngx_uint_t ngx_http_wix_auth_api_member_id(
    ngx_http_wix_auth_json_t *root, const char *path, ngx_str_t *id);
static ngx_int_t ngx_http_wix_auth_api_profile(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_direct_pairs(
    ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_address(ngx_http_wix_auth_json_t *root,
    const char *path, ngx_str_t *address);
static ngx_uint_t ngx_http_wix_auth_api_visible(ngx_str_t *text, size_t max);


/* in the order of ngx_http_wix_auth_profile_field_e; all of them together are
   less than NGX_HTTP_WIX_AUTH_PROFILE_MAX */

static ngx_http_wix_auth_api_field_t  ngx_http_wix_auth_api_profile_fields[] = {
    { "member.contactId", 64 },
    { "member.profile.nickname", 256 },
    { "member.contact.firstName", 256 },
    { "member.contact.lastName", 256 },
    { "member.profile.slug", 256 },
    { "member.profile.photo.url", 2048 },
    { "member.status", 32 },
    { "member.loginEmailVerified", 0 }     /* a boolean */
};


ngx_int_t
ngx_http_wix_auth_api_text(ngx_http_wix_auth_json_t *root, const char *path,
    size_t max, ngx_str_t *value)
{
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

    if (!ngx_http_wix_auth_api_visible(value, max)) {
        ngx_str_null(value);
        return NGX_DECLINED;
    }

    return NGX_OK;
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

    return ngx_http_wix_auth_api_token_member(call, &result->access_token,
                                              &result->member_id);
}


/*
 * The id is read from the payload without a look at the signature, which
 * only Wix can check: the token has just come from there over TLS.  A token
 * of another make leaves id empty.
 */

static ngx_int_t
ngx_http_wix_auth_api_token_member(ngx_http_wix_auth_api_call_t *call,
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
        rc = ngx_http_wix_auth_api_token_data(call, &text, id);
    }

    ngx_http_wix_auth_json_wipe(root);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_api_token_data(ngx_http_wix_auth_api_call_t *call,
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

        ngx_http_wix_auth_api_address(call->root, "identity.email.address",
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


/* nothing is told but that it was done */

ngx_int_t
ngx_http_wix_auth_api_recover_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_api_info_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    int64_t                    expires;
    ngx_str_t                  type, client;
    ngx_http_wix_auth_json_t  *node;

    node = ngx_http_wix_auth_json_get(call->root, "active");

    if (node == NULL || node->type != NGX_HTTP_WIX_AUTH_JSON_BOOL) {
        call->err = "no valid \"active\"";
        return NGX_DECLINED;
    }

    if (!node->value) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_json_string(call->root, "subjectType", 64, &type)
        != NGX_OK)
    {
        call->err = "no valid subjectType";
        return NGX_DECLINED;
    }

    if (ngx_strcmp(type.data, "MEMBER") != 0) {
        return NGX_OK;
    }

    if (!ngx_http_wix_auth_api_member_id(call->root, "subjectId",
                                         &result->member_id)
        || ngx_http_wix_auth_json_string(call->root, "clientId", 36, &client)
           != NGX_OK
        || ngx_http_wix_auth_guid_parse(&client, result->client_id) != NGX_OK)
    {
        ngx_str_null(&result->member_id);
        call->err = "no valid subjectId or clientId";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_json_positive(call->root, "exp",
                                        NGX_HTTP_WIX_AUTH_EXPIRES_MAX,
                                        &expires)
        != NGX_OK)
    {
        ngx_str_null(&result->member_id);
        call->err = "no valid exp";
        return NGX_DECLINED;
    }

    result->expires = (time_t) expires;
    result->active = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_api_member_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_str_t  status;

    if (!ngx_http_wix_auth_api_member_id(call->root, "member.id",
                                         &result->member_id))
    {
        ngx_str_null(&result->member_id);
        call->err = "no valid member.id";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_json_string(call->root, "member.status", 64, &status)
        == NGX_OK
        && ngx_strcmp(status.data, "BLOCKED") == 0)
    {
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED);
        return NGX_OK;
    }

    ngx_http_wix_auth_api_address(call->root, "member.loginEmail",
                                  &result->email);

    return ngx_http_wix_auth_api_profile(call, result);
}


/* what is missing or of another type is unknown, as it is for new members */

static ngx_int_t
ngx_http_wix_auth_api_profile(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_str_t                      *field;
    ngx_uint_t                      i;
    ngx_http_wix_auth_json_t       *node;
    ngx_http_wix_auth_api_field_t  *from;

    field = ngx_pcalloc(call->pool, NGX_HTTP_WIX_AUTH_PROFILE_FIELDS
                                    * sizeof(ngx_str_t));
    if (field == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        from = &ngx_http_wix_auth_api_profile_fields[i];

        node = ngx_http_wix_auth_json_get(call->root, from->path);
        if (node == NULL) {
            continue;
        }

        if (node->type == NGX_HTTP_WIX_AUTH_JSON_STRING && from->max) {
            field[i] = node->text;
            ngx_http_wix_auth_profile_clean(&field[i], from->max);

        } else if (node->type == NGX_HTTP_WIX_AUTH_JSON_BOOL
                   && from->max == 0)
        {
            field[i].data = (u_char *) (node->value ? "1" : "0");
            field[i].len = 1;
        }
    }

    result->profile = field;

    return NGX_OK;
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


/* RFC 6749, 4.1.2: where it leads is the answer */

ngx_int_t
ngx_http_wix_auth_api_direct_answer(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t   rc;
    ngx_str_t  *state, *code, *error;

    if (result->status < 300 || result->status > 399) {
        call->err = "no redirect";
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_api_direct_pairs(call);
    if (rc != NGX_OK) {
        return rc;
    }

    state = ngx_http_wix_auth_form_get(call->pairs, "state");
    code = ngx_http_wix_auth_form_get(call->pairs, "code");
    error = ngx_http_wix_auth_form_get(call->pairs, "error");

    if (state == NULL
        || state->len != call->state.len
        || !ngx_http_wix_auth_equal(state->data, call->state.data, state->len))
    {
        call->err = "redirect with another state";
        return NGX_DECLINED;
    }

    if ((code == NULL) == (error == NULL)) {
        call->err = "redirect without a code";
        return NGX_DECLINED;
    }

    if (code) {

        if (!ngx_http_wix_auth_api_visible(code, NGX_HTTP_WIX_AUTH_CODE_MAX)) {
            call->err = "redirect without a valid code";
            return NGX_DECLINED;
        }

        result->code = *code;

        return NGX_OK;
    }

    if (!ngx_http_wix_auth_api_visible(error,
                                       NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX))
    {
        call->err = "redirect without a valid error";
        return NGX_DECLINED;
    }

    result->error = *error;

    return NGX_OK;
}


/* exactly our redirect URI, and what was added to it */

static ngx_int_t
ngx_http_wix_auth_api_direct_pairs(ngx_http_wix_auth_api_call_t *call)
{
    u_char      ch;
    size_t      len;
    ngx_str_t   query, *uri;

    uri = &call->redirect_uri;
    len = uri->len;
    ch = ngx_strlchr(uri->data, uri->data + len, '?') ? '&' : '?';

    if (call->location.len <= len
        || ngx_memcmp(call->location.data, uri->data, len) != 0
        || call->location.data[len] != ch)
    {
        call->err = "redirect to another address";
        return NGX_DECLINED;
    }

    query.data = call->location.data + len + 1;
    query.len = call->location.len - len - 1;

    /* a fragment would become a part of the last value */

    if (ngx_strlchr(query.data, query.data + query.len, '#')) {
        call->err = "redirect with a fragment";
        return NGX_DECLINED;
    }

    return ngx_http_wix_auth_form_parse(call->pool, &query,
                                        NGX_HTTP_WIX_AUTH_RESPONSE_MAX,
                                        &call->pairs, &call->err);
}


/*
 * Sites tell people by the end of an address: one with a second "@" has two
 * ends, and is none.
 */

static void
ngx_http_wix_auth_api_address(ngx_http_wix_auth_json_t *root,
    const char *path, ngx_str_t *address)
{
    u_char  *at, *last;

    if (ngx_http_wix_auth_api_text(root, path, NGX_HTTP_WIX_AUTH_ADDRESS_MAX,
                                   address)
        != NGX_OK)
    {
        return;
    }

    last = address->data + address->len;
    at = ngx_strlchr(address->data, last, '@');

    if (at == NULL || at == address->data || at + 1 == last
        || ngx_strlchr(at + 1, last, '@'))
    {
        ngx_str_null(address);
    }
}


static ngx_uint_t
ngx_http_wix_auth_api_visible(ngx_str_t *text, size_t max)
{
    size_t  i;

    if (text->len == 0 || text->len > max) {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= 0x20 || text->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
