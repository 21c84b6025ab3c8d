
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_MARKUP_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_MARKUP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 1, a part of the page room and for it alone: a page as a file, and as
 * markup that a browser holds against a policy.
 */


/* what a policy opens */
#define NGX_HTTP_WIX_AUTH_MARKUP_CAPTCHA  0x01
#define NGX_HTTP_WIX_AUTH_MARKUP_FRAME    0x02


/*
 * Reads a template of the site and warns about what the policy will refuse.
 * name ends with a NUL beyond its length.  NGX_OK, NGX_DECLINED when there is
 * no such file, or NGX_ERROR (logged).
 */
ngx_int_t ngx_http_wix_auth_markup_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);

/* the number of the line, from 1 */
ngx_uint_t ngx_http_wix_auth_markup_line(ngx_str_t *text, u_char *at);

/* the policy of a page, with a hash of each <style> and <script>: NGX_OK or
   NGX_ERROR */
ngx_int_t ngx_http_wix_auth_markup_policy(ngx_pool_t *pool, ngx_str_t *html,
    ngx_uint_t opens, ngx_str_t *policy);


#endif /* _NGX_HTTP_WIX_AUTH_MARKUP_H_INCLUDED_ */
