
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_endpoints.h"
#include "ngx_http_wix_auth_filter.h"
#include "ngx_http_wix_auth_gate.h"
#include "ngx_http_wix_auth_session.h"
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
static char *ngx_http_wix_auth_merge_api(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *prev, ngx_http_wix_auth_conf_t *conf);
static char *ngx_http_wix_auth_register(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wix_auth_init_process(ngx_cycle_t *cycle);
static void ngx_http_wix_auth_exit_process(ngx_cycle_t *cycle);

static char *ngx_http_wix_auth_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_endpoints(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_wix_auth_endpoint_find(ngx_str_t *name);
static char *ngx_http_wix_auth_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_session_key(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_wix_auth_read_key(ngx_conf_t *cf, ngx_str_t *file,
    u_char *buf, size_t size, size_t *len);
static char *ngx_http_wix_auth_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_redirect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_base(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_complex(ngx_conf_t *cf,
    ngx_http_complex_value_t **slot);
static char *ngx_http_wix_auth_login_method(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_wix_auth_seconds(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_cookie_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
static char *ngx_http_wix_auth_cookie_family(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c);
static ngx_uint_t ngx_http_wix_auth_cookie_token(ngx_str_t *name);
static char *ngx_http_wix_auth_use_stale(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_api_times(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_wix_auth_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_wix_auth_proxy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


ngx_str_t  ngx_http_wix_auth_endpoint_names[] = {
    ngx_null_string,
    ngx_null_string,
    ngx_string("login"),
    ngx_string("callback"),
    ngx_string("logout"),
    ngx_string("session"),
    ngx_null_string
};


static ngx_conf_enum_t  ngx_http_wix_auth_unauthorized[] = {
    { ngx_string("auto"), NGX_HTTP_WIX_AUTH_STRANGER_AUTO },
    { ngx_string("302"), NGX_HTTP_WIX_AUTH_STRANGER_302 },
    { ngx_string("401"), NGX_HTTP_WIX_AUTH_STRANGER_401 },
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

    { ngx_string("wix_auth_unauthorized"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, unauthorized),
      &ngx_http_wix_auth_unauthorized },

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

    { ngx_string("wix_auth_logout_redirect"),
      NGX_HTTP_WIX_AUTH_HSL|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wix_auth_conf_t, logout_redirect),
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
    NULL,                                  /* exit master */
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

    if (ngx_http_wix_auth_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!wmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_fetch_check(cf->log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_page_init(cf, &wmcf->pages) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_used_variables(cf);

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

    wmcf->stores = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_wix_auth_store_t));
    if (wmcf->stores == NULL) {
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
    conf->zone = NGX_CONF_UNSET_PTR;
    conf->client_id = NGX_CONF_UNSET_PTR;
    conf->redirect_uri = NGX_CONF_UNSET_PTR;
    conf->base_url = NGX_CONF_UNSET_PTR;
    conf->login = NGX_CONF_UNSET_PTR;
    conf->cookies = NGX_CONF_UNSET_PTR;
    conf->stale = NGX_CONF_UNSET_PTR;
    conf->lifetime = NGX_CONF_UNSET;
    conf->idle = NGX_CONF_UNSET;
    conf->refresh_before = NGX_CONF_UNSET;
    conf->refresh_lock_timeout = NGX_CONF_UNSET_MSEC;
    conf->api_timeout = NGX_CONF_UNSET_MSEC;
    conf->api_connect_timeout = NGX_CONF_UNSET_MSEC;

    return conf;
}


static char *
ngx_http_wix_auth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_wix_auth_conf_t  *prev = parent;
    ngx_http_wix_auth_conf_t  *conf = child;

    static ngx_http_wix_auth_login_conf_t  login = {
        NGX_HTTP_WIX_AUTH_LOGIN_BUILTIN, 0, NULL
    };

    static ngx_http_wix_auth_stale_conf_t  stale = {
        NGX_HTTP_WIX_AUTH_CAUSE_ERROR
        |NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT
        |NGX_HTTP_WIX_AUTH_CAUSE_5XX
        |NGX_HTTP_WIX_AUTH_CAUSE_429,
        600
    };

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

    if (conf->ring == NULL) {
        conf->ring = prev->ring;
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

    if (ngx_http_wix_auth_merge_api(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_wix_auth_register(cf, conf);
}


/* one description of the API for each level that says something about it */

static char *
ngx_http_wix_auth_merge_api(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *prev,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_http_wix_auth_api_conf_t  *api;

    if (conf->api_url.data == NULL) {
        conf->api_place = prev->api_place;
    }

    if (prev->api
        && conf->api_url.data == NULL
        && conf->api_certificate.data == NULL
        && conf->api_proxy.data == NULL
        && conf->api_timeout == NGX_CONF_UNSET_MSEC)
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

    api = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_api_conf_t));
    if (api == NULL) {
        return NGX_CONF_ERROR;
    }

    api->url = conf->api_url;
    api->fetch.proxy = conf->api_proxy;
    api->fetch.timeout = conf->api_timeout;
    api->fetch.connect_timeout = conf->api_connect_timeout;

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

        /* never gated, whatever is inherited */
        conf->mode = NGX_HTTP_WIX_AUTH_OFF;

        return NGX_CONF_OK;
    }

    if (conf->mode == NGX_HTTP_WIX_AUTH_OFF) {
        return NGX_CONF_OK;
    }

    wmcf->used = 1;

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
    ngx_str_t                      *notice;
    ngx_uint_t                      i;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (ngx_test_config) {
        return NGX_OK;
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

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_init_process(ngx_cycle_t *cycle)
{
    return ngx_http_wix_auth_fetch_init_worker(cycle);
}


static void
ngx_http_wix_auth_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_fetch_exit_worker(cycle);
}


static char *
ngx_http_wix_auth_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    static ngx_str_t  modes[] = {
        ngx_string("off"),
        ngx_string("optional"),
        ngx_string("required"),
        ngx_string("audit")
    };

    if (wlcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {

        if (value[1].len == modes[i].len
            && ngx_strcmp(value[1].data, modes[i].data) == 0)
        {
            wlcf->mode = i;
            wlcf->from_http = (cf->cmd_type == NGX_HTTP_MAIN_CONF);
            ngx_http_wix_auth_place(cf, &wlcf->place);

            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"wix_auth\", it must be "
                       "off, optional, required or audit", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_endpoints(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    u_char                        *p;
    ngx_str_t                     *value, last;
    ngx_uint_t                     named;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_wix_auth_location_t  *location;
    ngx_http_wix_auth_srv_conf_t  *wscf;

    if (wlcf->endpoint != NGX_HTTP_WIX_AUTH_EP_NONE) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
        || clcf->name.len == 0)
    {
        return "is not allowed in a regex or named location; "
               "use \"location ^~ /_wix/\"";
    }

    value = cf->args->elts;
    named = (cf->args->nelts == 2);

    for (p = clcf->name.data + clcf->name.len;
         p > clcf->name.data && p[-1] != '/';
         p--)
    {
        /* void */
    }

    last.data = p;
    last.len = clcf->name.data + clcf->name.len - p;

    if (named) {
        wlcf->endpoint = ngx_http_wix_auth_endpoint_find(&value[1]);

        if (wlcf->endpoint == NGX_HTTP_WIX_AUTH_EP_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown endpoint \"%V\", it must be login, "
                               "callback, logout or session", &value[1]);
            return NGX_CONF_ERROR;
        }

    } else if (clcf->exact_match) {
        wlcf->endpoint = ngx_http_wix_auth_endpoint_find(&last);

        if (wlcf->endpoint == NGX_HTTP_WIX_AUTH_EP_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"location = %V\" does not end with the name "
                               "of an endpoint; give it as "
                               "\"wix_auth_endpoints login\"", &clcf->name);
            return NGX_CONF_ERROR;
        }

    } else if (last.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "location \"%V\" of \"wix_auth_endpoints\" must "
                           "end in \"/\"; use \"location ^~ %V/\"",
                           &clcf->name, &clcf->name);
        return NGX_CONF_ERROR;

    } else {
        wlcf->endpoint = NGX_HTTP_WIX_AUTH_EP_ALL;
    }

    wscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_wix_auth_module);

    location = ngx_array_push(wscf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(location, sizeof(ngx_http_wix_auth_location_t));

    location->location = clcf->name;
    location->endpoint = wlcf->endpoint;
    location->exact = clcf->exact_match;
    location->conf = wlcf;
    ngx_http_wix_auth_place(cf, &location->place);

    if (wlcf->endpoint == NGX_HTTP_WIX_AUTH_EP_ALL
        || ngx_http_wix_auth_endpoint_find(&last) == wlcf->endpoint)
    {
        location->prefix.data = clcf->name.data;
        location->prefix.len = last.data - clcf->name.data;
    }

    clcf->handler = ngx_http_wix_auth_endpoints_handler;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_wix_auth_endpoint_find(ngx_str_t *name)
{
    ngx_str_t   *names;
    ngx_uint_t   i;

    names = ngx_http_wix_auth_endpoint_names;

    for (i = NGX_HTTP_WIX_AUTH_EP_LOGIN; i < NGX_HTTP_WIX_AUTH_EP_MAX; i++) {
        if (name->len == names[i].len
            && ngx_strncmp(name->data, names[i].data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_HTTP_WIX_AUTH_EP_NONE;
}


static char *
ngx_http_wix_auth_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, name, s;

    if (wlcf->zone != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        return "needs \"zone=name:size\"";
    }

    if (cf->args->nelts == 3) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"wix_auth_zone\"; "
                           "only \"zone=name:size\" is known", &value[2]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data + 5;
    size = 0;

    p = (u_char *) ngx_strchr(name.data, ':');

    if (p == NULL) {
        name.len = value[1].data + value[1].len - name.data;

    } else {
        name.len = p - name.data;

        s.data = p + 1;
        s.len = value[1].data + value[1].len - s.data;

        size = ngx_parse_size(&s);

        if (size == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size in \"%V\"; "
                               "use for example \"zone=members:16m\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }

        if (size < (ssize_t) NGX_HTTP_WIX_AUTH_ZONE_MIN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "zone \"%V\" is too small; give it at least "
                               "128k, and a megabyte for 400 sessions",
                               &name);
            return NGX_CONF_ERROR;
        }
    }

    if (name.len == 0) {
        return "needs \"zone=name:size\"";
    }

    wlcf->zone = ngx_http_wix_auth_zone_add(cf, &name, size,
                                            &ngx_http_wix_auth_module);
    if (wlcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_session_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char        *rv;
    u_char       secret[4096];
    size_t       len;
    ngx_int_t    rc;
    ngx_str_t   *value, file;

    value = cf->args->elts;
    file = value[1];

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (wlcf->ring == NULL) {
        wlcf->ring = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_ring_t));
        if (wlcf->ring == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rv = ngx_http_wix_auth_read_key(cf, &file, secret, sizeof(secret), &len);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rc = ngx_http_wix_auth_ring_add(wlcf->ring, secret, len);

    ngx_explicit_memzero(secret, sizeof(secret));

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    if (rc == NGX_ABORT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" holds the same key as another "
                           "one; give each key once", &file);

    } else if (rc == NGX_BUSY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d session keys; remove the oldest",
                           NGX_HTTP_WIX_AUTH_RING_MAX);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keys could not be derived from \"%V\"; "
                           "check the OpenSSL installation", &file);
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_read_key(ngx_conf_t *cf, ngx_str_t *file, u_char *buf,
    size_t size, size_t *len)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be opened; create it with "
                           "\"openssl rand -out %V 48\"", file, file);
        return NGX_CONF_ERROR;
    }

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && (ngx_file_access(&fi) & 0007))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key file \"%V\" is open to every user of this "
                           "machine; use \"chmod 600\"", file);
    }

    n = ngx_read_fd(fd, buf, size);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be read", file);
        return NGX_CONF_ERROR;
    }

    if (n < NGX_HTTP_WIX_AUTH_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" has %z bytes, a key needs at "
                           "least %d; create it with "
                           "\"openssl rand -out %V 48\"",
                           file, n, NGX_HTTP_WIX_AUTH_SECRET_MIN, file);
        return NGX_CONF_ERROR;
    }

    *len = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char       *rv;
    u_char     *p;
    ngx_str_t  *value;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->client_id);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_wix_auth_place(cf, &wlcf->client_place);

    if (wlcf->client_id->lengths) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_http_wix_auth_guid_parse(&value[1], wlcf->client) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a client id; copy it from the "
                           "OAuth app in the project's Headless settings at "
                           "Wix", &value[1]);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, 36);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_wix_auth_guid_write(p, wlcf->client);

    wlcf->client_text.data = p;
    wlcf->client_text.len = 36;

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_redirect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->redirect_uri);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_wix_auth_place(cf, &wlcf->redirect_place);

    value = cf->args->elts;

    if (wlcf->redirect_uri->lengths || value[1].data[0] == '/') {
        return NGX_CONF_OK;
    }

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid redirect URI \"%V\": %s; give a path or an "
                       "absolute URL, exactly as allowed at Wix",
                       &value[1], err);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_base(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->base_url);

    if (rv != NGX_CONF_OK || wlcf->base_url->lengths) {
        return rv;
    }

    value = cf->args->elts;
    err = "it has a path";

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        == NGX_OK
        && (url.path.len == 0
            || (url.path.len == 1 && url.path.data[0] == '/')))
    {
        wlcf->base_url->value = url.origin;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid base URL \"%V\": %s; give the public origin, "
                       "for example \"https://shop.example.com\"",
                       &value[1], err);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_complex(ngx_conf_t *cf, ngx_http_complex_value_t **slot)
{
    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (*slot != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs a value";
    }

    *slot = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*slot == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = *slot;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_login_method(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    u_char                           guid[16];
    ngx_str_t                       *value, *idp, s;
    ngx_uint_t                       i;
    ngx_http_wix_auth_login_conf_t  *login;

    if (wlcf->login != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    login = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_login_conf_t));
    if (login == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->login = login;
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "builtin") == 0) {
        login->kind = NGX_HTTP_WIX_AUTH_LOGIN_BUILTIN;

    } else if (ngx_strcmp(value[1].data, "wix") == 0) {
        login->kind = NGX_HTTP_WIX_AUTH_LOGIN_WIX;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"wix_auth_login\", it "
                           "must be builtin or wix", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (login->kind == NGX_HTTP_WIX_AUTH_LOGIN_WIX
            && ngx_strcmp(value[i].data, "sso") == 0)
        {
            login->sso = 1;
            continue;
        }

        if (login->kind == NGX_HTTP_WIX_AUTH_LOGIN_WIX
            && ngx_strncmp(value[i].data, "idp=", 4) == 0)
        {
            s.data = value[i].data + 4;
            s.len = value[i].len - 4;

            if (ngx_http_wix_auth_guid_parse(&s, guid) != NGX_OK) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" is not a connection id; Wix "
                                   "names identity providers by GUIDs", &s);
                return NGX_CONF_ERROR;
            }

            if (login->idps == NULL) {
                login->idps = ngx_array_create(cf->pool, 2,
                                               sizeof(ngx_str_t));
                if (login->idps == NULL) {
                    return NGX_CONF_ERROR;
                }
            }

            idp = ngx_array_push(login->idps);
            if (idp == NULL) {
                return NGX_CONF_ERROR;
            }

            *idp = s;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"wix_auth_login\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* a time of at least a second; "off" is 0 where cmd->post allows it */

static char *
ngx_http_wix_auth_seconds(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    time_t     *slot;
    ngx_str_t  *value;

    slot = (time_t *) (p + cmd->offset);

    if (*slot != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cmd->post && ngx_strcmp(value[1].data, cmd->post) == 0) {
        *slot = 0;
        return NGX_CONF_OK;
    }

    *slot = ngx_parse_time(&value[1], 1);

    if (*slot == (time_t) NGX_ERROR || *slot < 1) {
        return "needs a time of at least one second, for example \"24h\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_wix_auth_cookie_t   *c;
    ngx_http_wix_auth_cookies_t  *cookies;

    if (wlcf->cookies != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    cookies = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_cookies_t));
    if (cookies == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->cookies = cookies;
    ngx_http_wix_auth_place(cf, &wlcf->cookie_place);

    c = &cookies->session;
    c->secure = 1;
    ngx_str_set(&c->path, "/");

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "domain=", 7) == 0) {
            c->domain.data = value[i].data + 7;
            c->domain.len = value[i].len - 7;

        } else if (ngx_strncmp(value[i].data, "path=", 5) == 0) {
            c->path.data = value[i].data + 5;
            c->path.len = value[i].len - 5;

        } else if (ngx_strcmp(value[i].data, "samesite=lax") == 0) {
            c->samesite_none = 0;

        } else if (ngx_strcmp(value[i].data, "samesite=none") == 0) {
            c->samesite_none = 1;

        } else if (ngx_strcmp(value[i].data, "samesite=strict") == 0) {
            return "cannot be samesite=strict: a browser would not send the "
                   "cookie on the return from Wix; use samesite=lax";

        } else if (ngx_strcmp(value[i].data, "partitioned") == 0) {
            c->partitioned = 1;

        } else if (ngx_strcmp(value[i].data, "nosecure") == 0) {
            c->secure = 0;

        } else if (ngx_strcmp(value[i].data, "session") == 0) {
            c->session = 1;

        } else if (i == 1 && ngx_http_wix_auth_cookie_token(&value[i])) {
            c->name = value[i];

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_cookie\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_wix_auth_cookie_family(cf, cookies);
}


static char *
ngx_http_wix_auth_cookie_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf)
{
    conf->cookies = ngx_pcalloc(cf->pool,
                                sizeof(ngx_http_wix_auth_cookies_t));
    if (conf->cookies == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->cookies->session.secure = 1;
    ngx_str_set(&conf->cookies->session.path, "/");

    return ngx_http_wix_auth_cookie_family(cf, conf->cookies);
}


/*
 * Completes the session cookie and makes the binding and returns cookies of
 * it (RFC 6265bis, 4.1.3: what the __Host- and __Secure- prefixes promise).
 */

static char *
ngx_http_wix_auth_cookie_family(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c)
{
    u_char     *p;
    size_t      skip;
    ngx_str_t   base, prefix;
    ngx_uint_t  host;

    static ngx_str_t  host_name = ngx_string("__Host-wix_auth");
    static ngx_str_t  plain_name = ngx_string("wix_auth");

    if (c->session.name.len == 0) {
        c->session.name = (c->session.domain.len || !c->session.secure
                           || c->session.path.len != 1)
                          ? plain_name : host_name;
    }

    host = (c->session.name.len > 7
            && ngx_strncasecmp(c->session.name.data, (u_char *) "__Host-", 7)
               == 0);

    if (host && (c->session.domain.len || !c->session.secure
                 || c->session.path.len != 1
                 || c->session.path.data[0] != '/'))
    {
        return "has a name that begins with __Host-, which excludes domain=, "
               "path= and nosecure; choose another name";
    }

    if (c->session.name.len > 9 && !c->session.secure
        && ngx_strncasecmp(c->session.name.data, (u_char *) "__Secure-", 9)
           == 0)
    {
        return "has a name that begins with __Secure-, which excludes "
               "nosecure; choose another name";
    }

    if (!c->session.secure
        && (c->session.samesite_none || c->session.partitioned))
    {
        return "cannot have samesite=none or partitioned without Secure; "
               "remove nosecure";
    }

    if (c->session.path.len == 0 || c->session.path.data[0] != '/') {
        return "needs a path that begins with \"/\"";
    }

    skip = host ? 7 : 0;

    base.data = c->session.name.data + skip;
    base.len = c->session.name.len - skip;

    ngx_str_null(&prefix);

    if (host) {
        ngx_str_set(&prefix, "__Secure-");
    }

    c->binding = c->session;
    c->binding.session = 0;
    ngx_str_null(&c->binding.domain);
    ngx_str_set(&c->binding.path, "/");

    c->returns = c->binding;
    ngx_str_null(&c->returns.path);

    c->binding.name.len = c->session.name.len + 2;
    c->returns.name.len = prefix.len + base.len + 2;

    p = ngx_pnalloc(cf->pool, c->binding.name.len + c->returns.name.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    c->binding.name.data = p;
    p = ngx_sprintf(p, "%V_b", &c->session.name);

    c->returns.name.data = p;
    ngx_sprintf(p, "%V%V_r", &prefix, &base);

    c->names[0] = c->session.name;
    c->names[1] = c->binding.name;
    c->names[2] = c->returns.name;
    c->nnames = 3;

    return NGX_CONF_OK;
}


/* a token of RFC 9110, 5.6.2 */

static ngx_uint_t
ngx_http_wix_auth_cookie_token(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9'))
        {
            continue;
        }

        if (c == 0 || ngx_strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return 0;
        }
    }

    return name->len > 0 && name->len <= 64;
}


static char *
ngx_http_wix_auth_use_stale(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                       *value, s;
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_stale_conf_t  *stale;

    static ngx_conf_bitmask_t  causes[] = {
        { ngx_string("error"), NGX_HTTP_WIX_AUTH_CAUSE_ERROR },
        { ngx_string("timeout"), NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT },
        { ngx_string("http_5xx"), NGX_HTTP_WIX_AUTH_CAUSE_5XX },
        { ngx_string("http_429"), NGX_HTTP_WIX_AUTH_CAUSE_429 },
        { ngx_null_string, 0 }
    };

    if (wlcf->stale != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    stale = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_stale_conf_t));
    if (stale == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->stale = stale;
    stale->time = 600;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "for=", 4) == 0) {
            s.data = value[i].data + 4;
            s.len = value[i].len - 4;

            stale->time = ngx_parse_time(&s, 1);

            if (stale->time == (time_t) NGX_ERROR) {
                return "needs a time in \"for=\", for example \"for=10m\"";
            }

            continue;
        }

        for (n = 0; causes[n].name.len; n++) {
            if (ngx_strcmp(value[i].data, causes[n].name.data) == 0) {
                stale->causes |= causes[n].mask;
                break;
            }
        }

        if (causes[n].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in "
                               "\"wix_auth_refresh_use_stale\", it must be "
                               "off, or some of error, timeout, http_5xx, "
                               "http_429 and for=time", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (stale->causes == 0) {
        return "names no cause; add for example \"error timeout\", "
               "or use \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->api_url.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid API URL \"%V\": %s; Wix's is "
                           "\"https://www.wixapis.com\"", &value[1], err);
        return NGX_CONF_ERROR;
    }

    if (url.scheme.len == 4 && !url.loopback) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plain http to \"%V\" would send passwords and "
                           "tokens in the clear; use https (http is for "
                           "loopback only)", &url.host);
        return NGX_CONF_ERROR;
    }

    wlcf->api_url = value[1];

    while (wlcf->api_url.data[wlcf->api_url.len - 1] == '/') {
        wlcf->api_url.len--;
    }

    ngx_http_wix_auth_place(cf, &wlcf->api_place);

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_api_times(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t  *value, s;

    if (wlcf->api_timeout != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->api_timeout = ngx_parse_time(&value[1], 0);

    if (wlcf->api_timeout == (ngx_msec_t) NGX_ERROR
        || wlcf->api_timeout == 0)
    {
        return "needs a time above zero, for example \"10s\"";
    }

    if (cf->args->nelts == 2) {
        wlcf->api_connect_timeout = ngx_min(2000, wlcf->api_timeout);
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "connect=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of "
                           "\"wix_auth_api_timeout\"; only \"connect=time\" "
                           "is known", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 8;
    s.len = value[2].len - 8;

    wlcf->api_connect_timeout = ngx_parse_time(&s, 0);

    if (wlcf->api_connect_timeout == (ngx_msec_t) NGX_ERROR
        || wlcf->api_connect_timeout == 0)
    {
        return "needs a time above zero in \"connect=\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->api_certificate.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wlcf->api_certificate = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_proxy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->api_proxy.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&wlcf->api_proxy, "");
        return NGX_CONF_OK;
    }

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid proxy URL \"%V\": %s; use for example "
                           "\"http://proxy.example.com:3128\"",
                           &value[1], err);
        return NGX_CONF_ERROR;
    }

    wlcf->api_proxy = value[1];

    return NGX_CONF_OK;
}
