
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_CONF_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_api.h"
#include "ngx_http_wix_auth_cookie.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_page.h"
#include "ngx_http_wix_auth_url.h"


/*
 * What the configuration says; constant once it has been merged and
 * checked.
 */


#define NGX_HTTP_WIX_AUTH_VERSION  "0.1.0"


typedef enum {
    NGX_HTTP_WIX_AUTH_OFF = 0,
    NGX_HTTP_WIX_AUTH_OPTIONAL,
    NGX_HTTP_WIX_AUTH_REQUIRED,
    NGX_HTTP_WIX_AUTH_AUDIT
} ngx_http_wix_auth_mode_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_LOGIN_BUILTIN = 0,
    NGX_HTTP_WIX_AUTH_LOGIN_WIX,
    NGX_HTTP_WIX_AUTH_LOGIN_URI             /* the site's own page */
} ngx_http_wix_auth_login_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_STRANGER_AUTO = 0,
    NGX_HTTP_WIX_AUTH_STRANGER_302,
    NGX_HTTP_WIX_AUTH_STRANGER_401
} ngx_http_wix_auth_stranger_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_EP_NONE = 0,
    NGX_HTTP_WIX_AUTH_EP_ALL,               /* prefix + name */
    NGX_HTTP_WIX_AUTH_EP_LOGIN,
    NGX_HTTP_WIX_AUTH_EP_REGISTER,
    NGX_HTTP_WIX_AUTH_EP_VERIFY,
    NGX_HTTP_WIX_AUTH_EP_RECOVER,
    NGX_HTTP_WIX_AUTH_EP_CALLBACK,
    NGX_HTTP_WIX_AUTH_EP_LOGOUT,
    NGX_HTTP_WIX_AUTH_EP_SESSION,
    NGX_HTTP_WIX_AUTH_EP_MAX
} ngx_http_wix_auth_endpoint_e;


/* where in the configuration something was said */

typedef struct {
    ngx_str_t                       file;
    ngx_uint_t                      line;
} ngx_http_wix_auth_place_t;


/* index into ngx_http_wix_auth_cookies_t.names */

typedef enum {
    NGX_HTTP_WIX_AUTH_COOKIE_SESSION = 0,
    NGX_HTTP_WIX_AUTH_COOKIE_BINDING,
    NGX_HTTP_WIX_AUTH_COOKIE_RETURNS,
    NGX_HTTP_WIX_AUTH_COOKIE_TOKEN          /* sealed stateToken, of forms */
} ngx_http_wix_auth_cookie_e;


/* the cookies of a location, all made of the session cookie's settings */

typedef struct {
    ngx_http_wix_auth_cookie_t      session;
    ngx_http_wix_auth_cookie_t      binding;
    ngx_http_wix_auth_cookie_t      returns;   /* its path: the prefix */
    ngx_http_wix_auth_cookie_t      token;     /* and of this one */
    ngx_str_t                       names[4];  /* all of ours, to be cut */
    ngx_uint_t                      nnames;
    u_char                          first;     /* of each name, or 0 */
} ngx_http_wix_auth_cookies_t;


typedef struct {
    ngx_uint_t                      kind;      /* ..._login_e */
    ngx_uint_t                      sso;
    ngx_array_t                    *idps;      /* ngx_str_t, or NULL: none */
    ngx_str_t                       uri;       /* of LOGIN_URI: a path, or */
    unsigned                        absolute:1;   /* an https address */
} ngx_http_wix_auth_login_conf_t;


typedef struct {
    unsigned                        on:1;
    ngx_uint_t                      rate;      /* new ones a minute */
    time_t                          lifetime;
    unsigned                        used:1;    /* by an optional gate */
} ngx_http_wix_auth_visitor_conf_t;


typedef struct {
    unsigned                        on:1;
    time_t                          cache;
} ngx_http_wix_auth_bearer_conf_t;


typedef struct {
    ngx_array_t                    *values;    /* ngx_http_complex_value_t;
                                                  NULL: nothing required */
    ngx_uint_t                      status;    /* 403 */
    unsigned                        used:1;    /* by a gate */
} ngx_http_wix_auth_require_conf_t;


typedef struct {
    ngx_uint_t                      causes;    /* ..._cause_e, or'ed */
    time_t                          time;
} ngx_http_wix_auth_stale_conf_t;


/* failed logins: limit 0 is none */

typedef struct {
    ngx_uint_t                      pair;      /* of an account and address */
    time_t                          pair_time;
    ngx_uint_t                      account;   /* of an account in all */
    time_t                          account_time;
} ngx_http_wix_auth_login_limit_t;


typedef struct ngx_http_wix_auth_srv_conf_s  ngx_http_wix_auth_srv_conf_t;


typedef struct {
    ngx_uint_t                      mode;
    ngx_uint_t                      endpoint;  /* ..._endpoint_e */
    ngx_str_t                       prefix;    /* of endpoints here; len 0:
                                                  the server's */
    ngx_uint_t                      unauthorized;
    ngx_uint_t                      response_mode;   /* ..._response_e */
    ngx_uint_t                      captcha;   /* ..._captcha_e */
    ngx_flag_t                      profile;
    ngx_array_t                    *origins;   /* ngx_str_t, normalised; NULL:
                                                  none but our own */
    ngx_http_wix_auth_visitor_conf_t  *visitor;
    ngx_http_wix_auth_bearer_conf_t   *bearer;
    ngx_http_wix_auth_require_conf_t  *require;
    ngx_http_wix_auth_page_t       *pages;     /* never NULL */

    ngx_shm_zone_t                 *zone;
    ngx_http_wix_auth_ring_t       *ring;      /* NULL: keys of the zone */

    ngx_http_complex_value_t       *client_id;
    ngx_str_t                       client_text;  /* a constant client, */
    u_char                          client[16];   /* else len is 0 */

    ngx_http_complex_value_t       *redirect_uri;
    ngx_http_complex_value_t       *base_url;

    ngx_http_wix_auth_login_conf_t *login;
    ngx_http_wix_auth_cookies_t    *cookies;
    ngx_http_wix_auth_stale_conf_t *stale;
    ngx_http_wix_auth_login_limit_t  *login_limit;   /* never NULL */

    time_t                          lifetime;
    time_t                          idle;      /* 0: off */
    time_t                          refresh_before;
    ngx_msec_t                      refresh_lock_timeout;
    ngx_str_t                       logout_redirect;

    ngx_str_t                       api_url;
    ngx_msec_t                      api_timeout;
    ngx_msec_t                      api_connect_timeout;
    ngx_str_t                       api_certificate;
    ngx_str_t                       api_proxy;
    ngx_http_wix_auth_breaker_conf_t   api_breaker;  /* max_fails UNSET_UINT:
                                                  not said here */
    ngx_http_wix_auth_api_conf_t   *api;

    ngx_http_wix_auth_srv_conf_t   *server;
    ngx_http_wix_auth_place_t       place;     /* of wix_auth */
    ngx_http_wix_auth_place_t       client_place;
    ngx_http_wix_auth_place_t       redirect_place;
    ngx_http_wix_auth_place_t       cookie_place;
    ngx_http_wix_auth_place_t       base_place;
    ngx_http_wix_auth_place_t       idle_place;
    ngx_http_wix_auth_place_t       lifetime_place;
    ngx_http_wix_auth_place_t       zone_place;
    ngx_http_wix_auth_place_t       certificate_place;
    ngx_http_wix_auth_place_t       require_place;
    ngx_http_wix_auth_place_t       visitor_place;
    ngx_http_wix_auth_place_t       login_place;
    unsigned                        from_http:1;   /* wix_auth of http{} */
} ngx_http_wix_auth_conf_t;


typedef struct {
    ngx_str_t                       location;  /* its name */
    ngx_str_t                       prefix;    /* len 0: says nothing */
    ngx_uint_t                      endpoint;
    ngx_uint_t                      exact;
    ngx_http_wix_auth_conf_t       *conf;
    ngx_http_wix_auth_place_t       place;
} ngx_http_wix_auth_location_t;


/* a server_name that a Host header may match (cscf's own list is gone when
   requests come) */

typedef struct {
    ngx_str_t                       name;
#if (NGX_PCRE)
    ngx_http_regex_t               *regex;
#endif
} ngx_http_wix_auth_name_t;


struct ngx_http_wix_auth_srv_conf_s {
    ngx_array_t                    *locations; /* ..._location_t */
    ngx_array_t                    *gates;     /* ..._conf_t * */
    ngx_array_t                    *names;     /* ..._name_t */
    ngx_str_t                       name;      /* the first server_name */
    ngx_str_t                       prefix;    /* "/_wix/", len 0: none */
    unsigned                        plain:1;   /* name is a host name */
    unsigned                        tls:1;     /* a listener has ssl */
    unsigned                        loopback:1;   /* only loopback ones */
    unsigned                        clients:1; /* a client id somewhere */
    unsigned                        warned:1;
    in_port_t                       port;      /* of the first listener */
};


/* a level that says something which only a gate obeys */

typedef struct {
    ngx_http_wix_auth_conf_t       *conf;
    unsigned                        visitor:1; /* else require */
    unsigned                        location:1;   /* not http or server */
} ngx_http_wix_auth_wish_t;


/* compiled templates of a directory; dir len 0: the built-in ones */

typedef struct {
    ngx_str_t                       dir;
    ngx_http_wix_auth_page_t       *pages;
} ngx_http_wix_auth_pages_t;


/* wix_auth_zone ... state=file */

typedef struct {
    ngx_http_wix_auth_conf_t       *conf;      /* whose key is in force */
    ngx_shm_zone_t                 *zone;
    ngx_str_t                       file;
    ngx_http_wix_auth_place_t       place;
} ngx_http_wix_auth_state_conf_t;


/* a parsed CA bundle; file len 0: the system's */

typedef struct {
    ngx_str_t                       file;
    void                           *store;
} ngx_http_wix_auth_store_t;


typedef struct {
    ngx_array_t                    *pages;     /* ..._pages_t */
    ngx_array_t                    *wishes;    /* ..._wish_t */
    ngx_array_t                    *stores;    /* ..._store_t */
    ngx_array_t                    *states;    /* ..._state_conf_t */
    ngx_array_t                    *notices;   /* ngx_str_t, for the start */
    ngx_int_t                       cookie_index;   /* $http_cookie */
    unsigned                        access_token:1; /* the variable is used */
    unsigned                        profile:1; /* one of its variables is */
    unsigned                        used:1;    /* a gate or endpoints */
} ngx_http_wix_auth_main_conf_t;


/* names of the endpoints by ..._endpoint_e; len 0 where there is none */
extern ngx_str_t  ngx_http_wix_auth_endpoint_names[];

/* endpoints are never gated, whatever they inherit */
#define ngx_http_wix_auth_gated(conf)                                         \
    ((conf)->mode != NGX_HTTP_WIX_AUTH_OFF                                    \
     && (conf)->endpoint == NGX_HTTP_WIX_AUTH_EP_NONE)


extern ngx_module_t  ngx_http_wix_auth_module;
extern ngx_module_t  ngx_http_wix_auth_filter_module;


#endif /* _NGX_HTTP_WIX_AUTH_CONF_H_INCLUDED_ */
