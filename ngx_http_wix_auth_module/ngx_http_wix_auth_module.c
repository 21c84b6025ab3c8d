
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_directives.h"
#include "ngx_http_wix_auth_endpoints.h"
#include "ngx_http_wix_auth_filter.h"
#include "ngx_http_wix_auth_gate.h"
#include "ngx_http_wix_auth_session.h"
#include "ngx_http_wix_auth_state.h"
#include "ngx_http_wix_auth_strip.h"
#include "ngx_http_wix_auth_variables.h"


#define NGX_HTTP_WIX_AUTH_HSL                                                 \
    (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)

#define NGX_HTTP_WIX_AUTH_HS  (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF)


static ngx_int_t ngx_http_wix_auth_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_wix_auth_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_wix_auth_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_wix_auth_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_wix_auth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_wix_auth_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_http_wix_auth_merge_flows(ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf);
static void ngx_http_wix_auth_merge_places(ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf);
static char *ngx_http_wix_auth_merge_api(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *prev, ngx_http_wix_auth_conf_t *conf);
static char *ngx_http_wix_auth_register(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wix_auth_init_process(ngx_cycle_t *cycle);
static void ngx_http_wix_auth_exit_process(ngx_cycle_t *cycle);
static void ngx_http_wix_auth_exit_master(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_wix_auth_states(ngx_cycle_t *cycle,
    ngx_http_wix_auth_state_conf_t **states);


static ngx_conf_enum_t  ngx_http_wix_auth_unauthorized[] = {
    { ngx_string("auto"), NGX_HTTP_WIX_AUTH_STRANGER_AUTO },
    { ngx_string("302"), NGX_HTTP_WIX_AUTH_STRANGER_302 },
    { ngx_string("401"), NGX_HTTP_WIX_AUTH_STRANGER_401 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_wix_auth_response_modes[] = {
    { ngx_string("query"), NGX_HTTP_WIX_AUTH_RESPONSE_QUERY },
    { ngx_string("fragment"), NGX_HTTP_WIX_AUTH_RESPONSE_FRAGMENT },
    { ngx_string("web_message"), NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE },
    { ngx_string("direct"), NGX_HTTP_WIX_AUTH_RESPONSE_DIRECT },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_wix_auth_captchas[] = {
    { ngx_string("off"), NGX_HTTP_WIX_AUTH_CAPTCHA_OFF },
    { ngx_string("invisible"), NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE },
    { ngx_string("visible"), NGX_HTTP_WIX_AUTH_CAPTCHA_VISIBLE },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_wix_auth_commands[] = {

    { ngx_string("wix_auth"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_wix_auth_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_endpoints"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wix_auth_endpoints,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_zone"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE12,
      ngx_http_wix_auth_zone,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_session_key"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE1,
      ngx_http_wix_auth_session_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_client_id"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_client,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_redirect_uri"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_redirect,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_base_url"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_base,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_login"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_1MORE,
      ngx_http_wix_auth_login_method,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_response_mode"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_choice,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, response_mode),
      &ngx_http_wix_auth_response_modes },

    { ngx_string("wix_auth_unauthorized"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_choice,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, unauthorized),
      &ngx_http_wix_auth_unauthorized },

    { ngx_string("wix_auth_require"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_HTTP_LMT_CONF|NGX_CONF_1MORE,
      ngx_http_wix_auth_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_origins"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_1MORE,
      ngx_http_wix_auth_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_session_lifetime"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_seconds,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, lifetime),
      NULL },

    { ngx_string("wix_auth_session_idle"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_seconds,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, idle),
      "off" },

    { ngx_string("wix_auth_cookie"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_1MORE,
      ngx_http_wix_auth_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_refresh_before"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, refresh_before),
      NULL },

    { ngx_string("wix_auth_refresh_lock_timeout"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, refresh_lock_timeout),
      NULL },

    { ngx_string("wix_auth_refresh_use_stale"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_1MORE,
      ngx_http_wix_auth_use_stale,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_profile"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, profile),
      NULL },

    { ngx_string("wix_auth_visitor"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE123,
      ngx_http_wix_auth_visitor,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_bearer"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE12,
      ngx_http_wix_auth_bearer,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_captcha"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_choice,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, captcha),
      &ngx_http_wix_auth_captchas },

    { ngx_string("wix_auth_login_limit"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE12,
      ngx_http_wix_auth_login_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_logout_redirect"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_logout_target,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_pages"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_http_wix_auth_pages,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_api"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE1,
      ngx_http_wix_auth_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_api_timeout"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE12,
      ngx_http_wix_auth_api_times,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_api_trusted_certificate"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE1,
      ngx_http_wix_auth_certificate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_api_proxy"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE1,
      ngx_http_wix_auth_proxy,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("wix_auth_api_breaker"),
      NGX_HTTP_WIX_AUTH_HS|NGX_CONF_TAKE12,
      ngx_http_wix_auth_breaker,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_wix_auth_module_ctx = {
    ngx_http_wix_auth_preconfiguration,    /* preconfiguration */
    ngx_http_wix_auth_postconfiguration,   /* postconfiguration */

    ngx_http_wix_auth_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_wix_auth_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_wix_auth_create_loc_conf,     /* create location configuration */
    ngx_http_wix_auth_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_wix_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_wix_auth_module_ctx,         /* module context */
    ngx_http_wix_auth_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_wix_auth_init_module,         /* init module */
    ngx_http_wix_auth_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_wix_auth_exit_process,        /* exit process */
    ngx_http_wix_auth_exit_master,         /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_wix_auth_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_wix_auth_add_variables(cf);
}


static ngx_int_t
ngx_http_wix_auth_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    ngx_http_wix_auth_used_variables(cf);

    if (ngx_http_wix_auth_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!wmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_fetch_check(cf->log) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* masks code and state before anything can refuse and log them */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_wix_auth_mask_handler;

    /* takes our cookies and headers away, whatever the gate's mode */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_wix_auth_cut_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_wix_auth_drop_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_wix_auth_gate_handler;

    return NGX_OK;
}


static void *
ngx_http_wix_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    wmcf->pages = ngx_array_create(cf->pool, 1,
                                   sizeof(ngx_http_wix_auth_pages_t));
    if (wmcf->pages == NULL) {
        return NULL;
    }

    wmcf->wishes = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_wix_auth_wish_t));
    if (wmcf->wishes == NULL) {
        return NULL;
    }

    wmcf->stores = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_wix_auth_store_t));
    if (wmcf->stores == NULL) {
        return NULL;
    }

    wmcf->states = ngx_array_create(cf->pool, 1,
                                    sizeof(ngx_http_wix_auth_state_conf_t));
    if (wmcf->states == NULL) {
        return NULL;
    }

    wmcf->notices = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (wmcf->notices == NULL) {
        return NULL;
    }

    return wmcf;
}


static void *
ngx_http_wix_auth_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_wix_auth_srv_conf_t  *wscf;

    wscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_srv_conf_t));
    if (wscf == NULL) {
        return NULL;
    }

    wscf->locations = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_wix_auth_location_t));
    if (wscf->locations == NULL) {
        return NULL;
    }

    wscf->gates = ngx_array_create(cf->pool, 4,
                                   sizeof(ngx_http_wix_auth_conf_t *));
    if (wscf->gates == NULL) {
        return NULL;
    }

    wscf->names = ngx_array_create(cf->pool, 2,
                                   sizeof(ngx_http_wix_auth_name_t));
    if (wscf->names == NULL) {
        return NULL;
    }

    return wscf;
}


static void *
ngx_http_wix_auth_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_wix_auth_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->endpoint = NGX_HTTP_WIX_AUTH_EP_NONE;
     *     conf->client_text, conf->logout_redirect, conf->api_url,
     *     conf->api_certificate, conf->api_proxy = { 0, NULL };
     *     conf->ring, conf->api, conf->server and places = NULL;
     */

    conf->mode = NGX_CONF_UNSET_UINT;
    conf->unauthorized = NGX_CONF_UNSET_UINT;
    conf->response_mode = NGX_CONF_UNSET_UINT;
    conf->captcha = NGX_CONF_UNSET_UINT;
    conf->profile = NGX_CONF_UNSET;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->visitor = NGX_CONF_UNSET_PTR;
    conf->bearer = NGX_CONF_UNSET_PTR;
    conf->require = NGX_CONF_UNSET_PTR;
    conf->pages = NGX_CONF_UNSET_PTR;
    conf->zone = NGX_CONF_UNSET_PTR;
    conf->client_id = NGX_CONF_UNSET_PTR;
    conf->redirect_uri = NGX_CONF_UNSET_PTR;
    conf->base_url = NGX_CONF_UNSET_PTR;
    conf->login = NGX_CONF_UNSET_PTR;
    conf->cookies = NGX_CONF_UNSET_PTR;
    conf->stale = NGX_CONF_UNSET_PTR;
    conf->login_limit = NGX_CONF_UNSET_PTR;
    conf->lifetime = NGX_CONF_UNSET;
    conf->idle = NGX_CONF_UNSET;
    conf->refresh_before = NGX_CONF_UNSET;
    conf->refresh_lock_timeout = NGX_CONF_UNSET_MSEC;
    conf->api_timeout = NGX_CONF_UNSET_MSEC;
    conf->api_connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->api_breaker.max_fails = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_wix_auth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_wix_auth_conf_t  *prev = parent;
    ngx_http_wix_auth_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    /* all unset: the built-in login */

    static ngx_http_wix_auth_login_conf_t  login;

    static ngx_http_wix_auth_stale_conf_t  stale = {
        NGX_HTTP_WIX_AUTH_CAUSE_ERROR
        |NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT
        |NGX_HTTP_WIX_AUTH_CAUSE_5XX
        |NGX_HTTP_WIX_AUTH_CAUSE_429,
        600
    };

    ngx_http_wix_auth_merge_places(prev, conf);

    if (conf->ring == NULL) {
        conf->ring = prev->ring;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && prev->endpoint != NGX_HTTP_WIX_AUTH_EP_NONE) {

        /* "if" and limit_except inside are endpoints still */

        conf->endpoint = prev->endpoint;
        conf->prefix = prev->prefix;
        clcf->handler = ngx_http_wix_auth_endpoints_handler;
    }

    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_HTTP_WIX_AUTH_OFF);
    ngx_conf_merge_uint_value(conf->unauthorized, prev->unauthorized,
                              NGX_HTTP_WIX_AUTH_STRANGER_AUTO);
    ngx_conf_merge_ptr_value(conf->zone, prev->zone, NULL);
    ngx_conf_merge_ptr_value(conf->client_id, prev->client_id, NULL);
    ngx_conf_merge_ptr_value(conf->redirect_uri, prev->redirect_uri, NULL);
    ngx_conf_merge_ptr_value(conf->base_url, prev->base_url, NULL);
    ngx_conf_merge_ptr_value(conf->login, prev->login, &login);
    ngx_conf_merge_ptr_value(conf->cookies, prev->cookies, NULL);
    ngx_conf_merge_ptr_value(conf->stale, prev->stale, &stale);
    ngx_http_wix_auth_merge_flows(prev, conf);
    ngx_conf_merge_value(conf->lifetime, prev->lifetime, 24 * 60 * 60);
    ngx_conf_merge_value(conf->idle, prev->idle, 0);
    ngx_conf_merge_value(conf->refresh_before, prev->refresh_before, 300);
    ngx_conf_merge_msec_value(conf->refresh_lock_timeout,
                              prev->refresh_lock_timeout, 5000);
    ngx_conf_merge_str_value(conf->logout_redirect, prev->logout_redirect,
                             "/");

    if (conf->cookies == NULL
        && ngx_http_wix_auth_cookie_default(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->pages == NULL
        && ngx_http_wix_auth_pages_default(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_wix_auth_merge_api(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_wix_auth_register(cf, conf);
}


static void
ngx_http_wix_auth_merge_flows(ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf)
{
    /* all unset: off */

    static ngx_http_wix_auth_visitor_conf_t  visitor;
    static ngx_http_wix_auth_bearer_conf_t   bearer;
    static ngx_http_wix_auth_require_conf_t  require;

    static ngx_http_wix_auth_login_limit_t   limit = {
        10, 15 * 60, 100, 60 * 60
    };

    ngx_conf_merge_uint_value(conf->response_mode, prev->response_mode,
                              NGX_HTTP_WIX_AUTH_RESPONSE_QUERY);
    ngx_conf_merge_uint_value(conf->captcha, prev->captcha,
                              NGX_HTTP_WIX_AUTH_CAPTCHA_OFF);
    ngx_conf_merge_value(conf->profile, prev->profile, 0);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_ptr_value(conf->visitor, prev->visitor, &visitor);
    ngx_conf_merge_ptr_value(conf->bearer, prev->bearer, &bearer);
    ngx_conf_merge_ptr_value(conf->require, prev->require, &require);
    ngx_conf_merge_ptr_value(conf->login_limit, prev->login_limit, &limit);
    ngx_conf_merge_ptr_value(conf->pages, prev->pages, NULL);
}


/* before the values: what is unset here was said further out */

static void
ngx_http_wix_auth_merge_places(ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf)
{
    if (conf->mode == NGX_CONF_UNSET_UINT) {
        conf->place = prev->place;
        conf->from_http = prev->from_http;
    }

    if (conf->client_id == NGX_CONF_UNSET_PTR) {
        conf->client_place = prev->client_place;
        conf->client_text = prev->client_text;
        ngx_memcpy(conf->client, prev->client, 16);
    }

    if (conf->redirect_uri == NGX_CONF_UNSET_PTR) {
        conf->redirect_place = prev->redirect_place;
    }

    if (conf->cookies == NGX_CONF_UNSET_PTR) {
        conf->cookie_place = prev->cookie_place;
    }

    if (conf->base_url == NGX_CONF_UNSET_PTR) {
        conf->base_place = prev->base_place;
    }

    if (conf->idle == NGX_CONF_UNSET) {
        conf->idle_place = prev->idle_place;
    }

    if (conf->lifetime == NGX_CONF_UNSET) {
        conf->lifetime_place = prev->lifetime_place;
    }

    if (conf->zone == NGX_CONF_UNSET_PTR) {
        conf->zone_place = prev->zone_place;
    }

    if (conf->login == NGX_CONF_UNSET_PTR) {
        conf->login_place = prev->login_place;
    }
}


/* one description of the API for each level that says something about it */

static char *
ngx_http_wix_auth_merge_api(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_http_wix_auth_api_conf_t  *api;

    if (conf->api_certificate.data == NULL) {
        conf->certificate_place = prev->certificate_place;
    }

    if (prev->api
        && conf->api_url.data == NULL
        && conf->api_certificate.data == NULL
        && conf->api_proxy.data == NULL
        && conf->api_timeout == NGX_CONF_UNSET_MSEC
        && conf->api_breaker.max_fails == NGX_CONF_UNSET_UINT
        && conf->zone == prev->zone)
    {
        conf->api = prev->api;
        conf->api_certificate = prev->api_certificate;
        return NGX_CONF_OK;
    }

    ngx_conf_merge_str_value(conf->api_url, prev->api_url,
                             "https://www.wixapis.com");
    ngx_conf_merge_str_value(conf->api_certificate, prev->api_certificate,
                             "");
    ngx_conf_merge_str_value(conf->api_proxy, prev->api_proxy, "");
    ngx_conf_merge_msec_value(conf->api_timeout, prev->api_timeout, 10000);
    ngx_conf_merge_msec_value(conf->api_connect_timeout,
                              prev->api_connect_timeout, 2000);

    if (conf->api_breaker.max_fails == NGX_CONF_UNSET_UINT) {
        conf->api_breaker = prev->api_breaker;
    }

    if (conf->api_breaker.max_fails == NGX_CONF_UNSET_UINT) {
        conf->api_breaker.max_fails = 5;
        conf->api_breaker.fail_timeout = 10000;
    }

    api = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_api_conf_t));
    if (api == NULL) {
        return NGX_CONF_ERROR;
    }

    api->url = conf->api_url;
    api->fetch.proxy = conf->api_proxy;
    api->fetch.timeout = conf->api_timeout;
    api->fetch.connect_timeout = conf->api_connect_timeout;
    api->zone = conf->zone;
    api->breaker = conf->api_breaker;

    conf->api = api;

    return NGX_CONF_OK;
}


/* lets the server know its gates, and its endpoints their settings */

static char *
ngx_http_wix_auth_register(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_wix_auth_conf_t       **gate;
    ngx_http_wix_auth_location_t    *location;
    ngx_http_wix_auth_srv_conf_t    *wscf;
    ngx_http_wix_auth_main_conf_t   *wmcf;

    wscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_wix_auth_module);
    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    conf->server = wscf;

    if (conf->client_id) {
        wscf->clients = 1;
        wmcf->used = 1;
    }

    if (conf->endpoint != NGX_HTTP_WIX_AUTH_EP_NONE) {
        location = wscf->locations->elts;

        for (i = 0; i < wscf->locations->nelts; i++) {
            if (location[i].conf == conf) {
                wmcf->used = 1;
            }
        }

        return NGX_CONF_OK;
    }

    if (conf->mode == NGX_HTTP_WIX_AUTH_OFF) {
        return NGX_CONF_OK;
    }

    wmcf->used = 1;

    if (conf->require->values) {
        conf->require->used = 1;
    }

    if (conf->visitor->on && conf->mode == NGX_HTTP_WIX_AUTH_OPTIONAL) {
        conf->visitor->used = 1;
    }

    gate = ngx_array_push(wscf->gates);
    if (gate == NULL) {
        return NGX_CONF_ERROR;
    }

    *gate = conf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_wix_auth_init_module(ngx_cycle_t *cycle)
{
    ngx_str_t                       *notice;
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_main_conf_t   *wmcf;
    ngx_http_wix_auth_state_conf_t  *state;

    if (ngx_test_config) {
        return NGX_OK;
    }

    /* a single process lives on, but an old zone may not */

    if (ngx_process == NGX_PROCESS_SINGLE
        && !ngx_is_init_cycle(cycle->old_cycle))
    {
        n = ngx_http_wix_auth_states(cycle->old_cycle, &state);

        for (i = 0; i < n; i++) {
            ngx_http_wix_auth_state_stop(state[i].zone);
        }
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_wix_auth_module);
    if (wmcf == NULL) {
        return NGX_OK;
    }

    notice = wmcf->notices->elts;

    for (i = 0; i < wmcf->notices->nelts; i++) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "wix_auth: %V",
                      &notice[i]);
    }

    n = ngx_http_wix_auth_states(cycle, &state);

    for (i = 0; i < n; i++) {
        ngx_http_wix_auth_state_open(state[i].zone, cycle);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_state_conf_t  *state;

    n = ngx_http_wix_auth_states(cycle, &state);

    for (i = 0; i < n; i++) {
        ngx_http_wix_auth_state_start(state[i].zone, cycle);
    }

    return ngx_http_wix_auth_fetch_init_worker(cycle);
}


static void
ngx_http_wix_auth_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_state_conf_t  *state;

    n = ngx_http_wix_auth_states(cycle, &state);

    for (i = 0; i < n; i++) {
        ngx_http_wix_auth_state_stop(state[i].zone);
    }

    ngx_http_wix_auth_api_exit_worker();
    ngx_http_wix_auth_fetch_exit_worker(cycle);
}


static void
ngx_http_wix_auth_exit_master(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_state_conf_t  *state;

    n = ngx_http_wix_auth_states(cycle, &state);

    for (i = 0; i < n; i++) {
        ngx_http_wix_auth_state_finish(state[i].zone, cycle);
    }
}


static ngx_uint_t
ngx_http_wix_auth_states(ngx_cycle_t *cycle,
    ngx_http_wix_auth_state_conf_t **states)
{
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_wix_auth_module);
    if (wmcf == NULL) {
        return 0;
    }

    *states = wmcf->states->elts;

    return wmcf->states->nelts;
}
