
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_PAGE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 3: the HTML that is shown.  Pages are files in pages/, embedded when
 * the module is built.  A template is text with placeholders in double
 * braces; every value is escaped for HTML text and for quoted attributes
 * alike, so a template cannot forget it.  An unknown placeholder is an
 * error when the template is compiled.
 */


typedef enum {
    NGX_HTTP_WIX_AUTH_PAGE_LOGIN = 0,
    NGX_HTTP_WIX_AUTH_PAGE_REGISTER,
    NGX_HTTP_WIX_AUTH_PAGE_VERIFY,      /* the code from the mail */
    NGX_HTTP_WIX_AUTH_PAGE_RECOVER,     /* its form, or what was done */
    NGX_HTTP_WIX_AUTH_PAGE_PENDING,     /* waits for the owner's approval */
    NGX_HTTP_WIX_AUTH_PAGE_ERROR,
    NGX_HTTP_WIX_AUTH_PAGE_SIGNED_OUT,
    NGX_HTTP_WIX_AUTH_PAGE_LOGOUT,      /* the button that posts logout */
    NGX_HTTP_WIX_AUTH_PAGE_CALLBACK,    /* posts the fragment; never a
                                           template of the site */
    NGX_HTTP_WIX_AUTH_PAGE_MAX
} ngx_http_wix_auth_page_e;


/* unset members are empty */

typedef struct {
    ngx_str_t     action;      /* where the form posts, or a link goes */
    ngx_str_t     return_url;  /* {{return}} */
    ngx_str_t     email;
    ngx_str_t     error;       /* the reason code */
    ngx_str_t     message;     /* one plain sentence */
    ngx_str_t     state_token; /* {{stateToken}} */
    ngx_str_t     site;        /* the host name shown to the person */
    ngx_str_t     request_id;  /* {{requestId}} */
    ngx_str_t     prefix;      /* {{prefix}} of the endpoints, for links */
    ngx_str_t     query;       /* {{query}}: "?return=...", encoded, or "" */
    ngx_str_t     state;       /* {{state}}: "RECOVERY_EMAIL_SENT" or "" */
    ngx_array_t  *fields;      /* ..._pair_t: {{fields.email}}, the sentence
                                  about a field of the form; or NULL */
    ngx_uint_t    captcha;     /* ..._captcha_e: what {{captcha}} shows */
    ngx_uint_t    response_mode;   /* {{mode}}: "web_message" or "" */
} ngx_http_wix_auth_page_values_t;


typedef struct ngx_http_wix_auth_page_s  ngx_http_wix_auth_page_t;

/*
 * Compiles templates and computes each page's Content-Security-Policy
 * (default-src 'none', style and script by hash, no form-action); at
 * configuration time, from cf->pool.  dir: where files named as the built-in
 * ones replace them; NULL: nowhere; a file that is missing is built in.
 * *pages is an array of NGX_HTTP_WIX_AUTH_PAGE_MAX.  NGX_OK or NGX_ERROR
 * (logged, with the file, its line and the fault).
 */
ngx_int_t ngx_http_wix_auth_page_init(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_http_wix_auth_page_t **pages);

/* the value of the Content-Security-Policy header for this page, which opens
   what a captcha and a hidden frame need, and only for them */
ngx_str_t *ngx_http_wix_auth_page_policy(ngx_http_wix_auth_page_t *pages,
    ngx_uint_t page, ngx_uint_t captcha, ngx_uint_t response_mode);

/* the public key of a captcha for its widget */
ngx_str_t *ngx_http_wix_auth_page_site_key(ngx_uint_t captcha);

/* renders into pool: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_page_render(ngx_pool_t *pool,
    ngx_http_wix_auth_page_t *pages, ngx_uint_t page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *html);


#endif /* _NGX_HTTP_WIX_AUTH_PAGE_H_INCLUDED_ */
