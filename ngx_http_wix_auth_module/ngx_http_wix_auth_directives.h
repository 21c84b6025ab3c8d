
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_DIRECTIVES_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_DIRECTIVES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_conf.h"


/*
 * Roof: one function a directive that nginx's own slots do not suit.  Each
 * fills an ngx_http_wix_auth_conf_t and refuses what it cannot use with the
 * fault and a hint; they return NGX_CONF_OK, NGX_CONF_ERROR (logged) or a
 * text for nginx to print.
 */


char *ngx_http_wix_auth_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_endpoints(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_session_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_redirect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_base(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_choice(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_seconds(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_logout_target(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_login_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_use_stale(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* flows: who shows the login, who may pass, who may call */
char *ngx_http_wix_auth_login_method(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_visitor(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_bearer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_pages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* the API of Wix */
char *ngx_http_wix_auth_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_api_times(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wix_auth_proxy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_wix_auth_breaker(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* wix_auth_cookie, and the family of cookies that is made of it */
char *ngx_http_wix_auth_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* what is in force without the directive */
char *ngx_http_wix_auth_cookie_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
char *ngx_http_wix_auth_pages_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);


#endif /* _NGX_HTTP_WIX_AUTH_DIRECTIVES_H_INCLUDED_ */
