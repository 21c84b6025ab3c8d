
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_bearer.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_refresh.h"
#include "ngx_http_wix_auth_variables.h"


typedef enum {
    NGX_HTTP_WIX_AUTH_VAR_MEMBER_ID = 0,
    NGX_HTTP_WIX_AUTH_VAR_EMAIL,
    NGX_HTTP_WIX_AUTH_VAR_ACCESS_TOKEN,
    NGX_HTTP_WIX_AUTH_VAR_SESSION_ID,
    NGX_HTTP_WIX_AUTH_VAR_SESSION_REMAIN,
    NGX_HTTP_WIX_AUTH_VAR_TOKEN_REMAIN
} ngx_http_wix_auth_var_e;


static ngx_int_t ngx_http_wix_auth_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_wix_auth_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_wix_auth_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_wix_auth_member_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_wix_auth_profile_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_wix_auth_record_t *ngx_http_wix_auth_variable_record(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_wix_auth_variable_text(
    ngx_http_variable_value_t *v, ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_variable_hex(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, u_char *src, size_t len);
static ngx_int_t ngx_http_wix_auth_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t number);
static ngx_int_t ngx_http_wix_auth_variable_empty(
    ngx_http_variable_value_t *v);


static ngx_str_t  ngx_http_wix_auth_cookie_name = ngx_string("http_cookie");


static ngx_http_variable_t  ngx_http_wix_auth_variable_list[] = {

    { ngx_string("wix_auth_status"), NULL,
      ngx_http_wix_auth_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_reason"), NULL,
      ngx_http_wix_auth_reason_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_time"), NULL,
      ngx_http_wix_auth_time_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_member_id"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_MEMBER_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_email"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_EMAIL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_access_token"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_ACCESS_TOKEN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_session_id"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_SESSION_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_session_remain"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_SESSION_REMAIN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_token_remain"), NULL,
      ngx_http_wix_auth_member_variable, NGX_HTTP_WIX_AUTH_VAR_TOKEN_REMAIN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_contact_id"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_CONTACT_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_nickname"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_NICKNAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_first_name"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_FIRST_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_last_name"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_LAST_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_slug"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_SLUG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_picture"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_PICTURE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_member_status"), NULL,
      ngx_http_wix_auth_profile_variable, NGX_HTTP_WIX_AUTH_PROFILE_STATUS,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wix_auth_email_verified"), NULL,
      ngx_http_wix_auth_profile_variable,
      NGX_HTTP_WIX_AUTH_PROFILE_EMAIL_VERIFIED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_str_t  ngx_http_wix_auth_statuses[] = {
    ngx_null_string,
    ngx_string("HIT"),
    ngx_string("REFRESHED"),
    ngx_string("WAITED"),
    ngx_string("STALE"),
    ngx_string("BEARER"),
    ngx_string("VISITOR"),
    ngx_string("ANONYMOUS"),
    ngx_string("EXPIRED"),
    ngx_string("DENIED"),
    ngx_string("AUDIT"),
    ngx_string("ERROR"),
    ngx_string("OFF")
};


ngx_int_t
ngx_http_wix_auth_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t            *var, *v;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    for (v = ngx_http_wix_auth_variable_list; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    wmcf->cookie_index = ngx_http_get_variable_index(cf,
                                              &ngx_http_wix_auth_cookie_name);

    return (wmcf->cookie_index == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


void
ngx_http_wix_auth_used_variables(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_variable_t            *v, *ours;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (ours = ngx_http_wix_auth_variable_list; ours->name.len; ours++) {

            if (v[i].name.len != ours->name.len
                || ngx_strncmp(v[i].name.data, ours->name.data,
                               ours->name.len)
                   != 0)
            {
                continue;
            }

            if (ours->get_handler == ngx_http_wix_auth_profile_variable) {
                wmcf->profile = 1;

            } else if (ours->get_handler == ngx_http_wix_auth_member_variable
                       && ours->data == NGX_HTTP_WIX_AUTH_VAR_ACCESS_TOKEN)
            {
                wmcf->access_token = 1;
            }
        }
    }
}


static ngx_int_t
ngx_http_wix_auth_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   *status;
    ngx_http_wix_auth_conf_t    *conf;
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec && rec->status) {
        /* a decision stands, even where an internal redirect leads out */
        status = &ngx_http_wix_auth_statuses[rec->status];

    } else {
        conf = ngx_http_get_module_loc_conf(r->main,
                                            ngx_http_wix_auth_module);
        status = &ngx_http_wix_auth_statuses[
                                    ngx_http_wix_auth_gated(conf)
                                    ? 0 : NGX_HTTP_WIX_AUTH_STATUS_OFF];
    }

    return ngx_http_wix_auth_variable_text(v, status);
}


static ngx_int_t
ngx_http_wix_auth_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec == NULL || (!rec->status && !rec->answered)) {
        return ngx_http_wix_auth_variable_empty(v);
    }

    return ngx_http_wix_auth_variable_text(v,
                                  &ngx_http_wix_auth_reason(rec->reason)->code);
}


static ngx_int_t
ngx_http_wix_auth_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec == NULL || !rec->status) {
        return ngx_http_wix_auth_variable_empty(v);
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%T.%03M", (time_t) rec->held / 1000,
                         rec->held % 1000)
             - p;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_member_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t                    bearer;
    ngx_http_wix_auth_record_t   *rec;
    ngx_http_wix_auth_session_t  *s;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec == NULL || !rec->status) {
        rec = ngx_http_wix_auth_variable_record(r);
    }

    if (rec == NULL || !rec->found) {
        return ngx_http_wix_auth_variable_empty(v);
    }

    s = &rec->session;
    bearer = (s->kind == NGX_HTTP_WIX_AUTH_KIND_BEARER);

    switch (data) {

    case NGX_HTTP_WIX_AUTH_VAR_SESSION_ID:

        if (bearer) {
            /* a verdict is no session */
            return ngx_http_wix_auth_variable_empty(v);
        }

        return ngx_http_wix_auth_variable_hex(r, v, s->handle, 16);

    case NGX_HTTP_WIX_AUTH_VAR_SESSION_REMAIN:

        if (bearer) {
            return ngx_http_wix_auth_variable_empty(v);
        }

        return ngx_http_wix_auth_variable_number(r, v,
                                                 s->expires - ngx_time());

    case NGX_HTTP_WIX_AUTH_VAR_TOKEN_REMAIN:
        return ngx_http_wix_auth_variable_number(r, v,
                                                 s->token_expires
                                                 - ngx_time());

    case NGX_HTTP_WIX_AUTH_VAR_EMAIL:
        return ngx_http_wix_auth_variable_text(v, &s->email);

    case NGX_HTTP_WIX_AUTH_VAR_ACCESS_TOKEN:
        return ngx_http_wix_auth_variable_text(v, bearer ? &rec->bearer
                                                         : &s->access_token);

    default: /* NGX_HTTP_WIX_AUTH_VAR_MEMBER_ID */
        return ngx_http_wix_auth_variable_text(v, &s->member_id);
    }
}


static ngx_int_t
ngx_http_wix_auth_profile_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    value;
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_variable_record(r);

    if (rec == NULL || !rec->found || rec->session.profile.len == 0) {
        return ngx_http_wix_auth_variable_empty(v);
    }

    ngx_http_wix_auth_profile_get(&rec->session.profile, data, &value);

    return ngx_http_wix_auth_variable_text(v, &value);
}


/*
 * The record, with a session where there is one.  Before the gate's decision
 * and where satisfy any has skipped it, a pure lookup: no call, no wait, no
 * activity of the member.  A bearer token decides alone, so then too.
 */

static ngx_http_wix_auth_record_t *
ngx_http_wix_auth_variable_record(ngx_http_request_t *r)
{
    ngx_str_t                    token;
    ngx_http_wix_auth_conf_t    *conf;
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec && rec->status) {
        return rec;
    }

    conf = ngx_http_get_module_loc_conf(r->main, ngx_http_wix_auth_module);

    if (!ngx_http_wix_auth_gated(conf) || conf->client_id == NULL
        || conf->zone == NULL)
    {
        return NULL;
    }

    rec = ngx_http_wix_auth_record(r);

    if (rec == NULL) {
        return NULL;
    }

    if (conf->bearer && conf->bearer->on
        && ngx_http_wix_auth_bearer_present(r->main, &token))
    {
        rec->bearer = token;

        return (ngx_http_wix_auth_record_verdict(rec, conf, &token, 0)
                == NGX_OK)
               ? rec : NULL;
    }

    if (ngx_http_wix_auth_record_lookup(rec, conf, 0, 0) != NGX_OK) {
        return NULL;
    }

    if (!rec->found) {
        return rec;
    }

    if (rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR
        && (conf->visitor == NULL || !conf->visitor->on))
    {
        return NULL;
    }

    /* Wix has not been asked: beyond token and grace nobody vouches for it */

    if (ngx_time() >= rec->session.token_expires
        && (rec->session.kind != NGX_HTTP_WIX_AUTH_KIND_MEMBER
            || rec->session.failures == 0
            || !ngx_http_wix_auth_refresh_stale(rec, conf,
                                                rec->session.cause)))
    {
        return NULL;
    }

    return rec;
}


/*
 * Empty is set but empty: a proxy_set_header of an empty value sends no
 * header.
 */

static ngx_int_t
ngx_http_wix_auth_variable_text(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    v->data = text->len ? text->data : (u_char *) "";
    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_variable_hex(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, u_char *src, size_t len)
{
    v->data = ngx_pnalloc(r->pool, len * 2);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_hex_dump(v->data, src, len);

    v->len = len * 2;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t number)
{
    v->data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(v->data, "%T", ngx_max(number, 0)) - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_variable_empty(ngx_http_variable_value_t *v)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    return ngx_http_wix_auth_variable_text(v, &none);
}
