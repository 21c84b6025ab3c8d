
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_session.h"
#include "ngx_http_wix_auth_site.h"


static ngx_int_t ngx_http_wix_auth_site_base(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site);
static ngx_int_t ngx_http_wix_auth_site_request(ngx_http_request_t *r,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_str_t *origin);
static ngx_uint_t ngx_http_wix_auth_site_tls(ngx_http_request_t *r);
static ngx_uint_t ngx_http_wix_auth_site_named(ngx_http_request_t *r,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_str_t *host);
static ngx_int_t ngx_http_wix_auth_site_origins(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site);
static ngx_int_t ngx_http_wix_auth_site_redirect(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site);


ngx_int_t
ngx_http_wix_auth_site_client(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site)
{
    u_char     *p;
    ngx_str_t   value;

    if (conf->client_text.len) {
        site->client = conf->client_text;
        ngx_memcpy(site->client_id, conf->client, 16);
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, conf->client_id, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_guid_parse(&value, site->client_id) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "wix_auth: \"wix_auth_client_id\" gives no client id "
                      "for this request, but a value of %uz bytes",
                      value.len);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, 36);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_guid_write(p, site->client_id);

    site->client.data = p;
    site->client.len = 36;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_site(ngx_http_request_t *r, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_site_t *site)
{
    ngx_memzero(site, sizeof(ngx_http_wix_auth_site_t));

    if (ngx_http_wix_auth_site_client(r, conf, site) != NGX_OK
        || ngx_http_wix_auth_site_base(r, conf, site) != NGX_OK
        || ngx_http_wix_auth_site_origins(r, conf, site) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_site_redirect(r, conf, site);
}


static ngx_int_t
ngx_http_wix_auth_site_base(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site)
{
    ngx_str_t                 text;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (conf->base_url) {
        if (ngx_http_complex_value(r, conf->base_url, &text) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_http_wix_auth_site_request(r, conf->server, &text)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_url_parse(r->pool, &text, &url, &err) != NGX_OK
        || url.path.len > 1)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "wix_auth: \"wix_auth_base_url\" gives no origin for "
                      "this request, but a value of %uz bytes", text.len);
        return NGX_ERROR;
    }

    site->base = url.origin;
    site->host = url.host;
    site->secure = (url.scheme.len == 5);
    site->loopback = url.loopback;

    return NGX_OK;
}


/* scheme, host and port as the client used them, when the host is ours */

static ngx_int_t
ngx_http_wix_auth_site_request(ngx_http_request_t *r,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_str_t *origin)
{
    u_char     *p;
    ngx_int_t   n;
    ngx_str_t   host, port;
    ngx_uint_t  tls, number;

    tls = ngx_http_wix_auth_site_tls(r);

    host = r->headers_in.server;
    ngx_str_null(&port);

    if (host.len && ngx_http_wix_auth_site_named(r, wscf, &host)) {

        if (r->headers_in.host
            && r->headers_in.host->value.len > host.len + 1
            && r->headers_in.host->value.data[host.len] == ':')
        {
            port.data = r->headers_in.host->value.data + host.len;
            port.len = r->headers_in.host->value.len - host.len;

            n = ngx_atoi(port.data + 1, port.len - 1);

            if (n < 1 || n > 65535 || port.data[1] == '0') {
                /* nobody can have come by such an address */
                port.len = 0;
            }
        }

    } else {
        host = wscf->name;

        if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        number = ngx_inet_get_port(r->connection->local_sockaddr);

        if (number && number != (ngx_uint_t) (tls ? 443 : 80)) {
            port.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN + 1);
            if (port.data == NULL) {
                return NGX_ERROR;
            }

            port.len = ngx_sprintf(port.data, ":%ui", number) - port.data;
        }
    }

    origin->data = ngx_pnalloc(r->pool, sizeof("https://") + host.len
                                        + port.len);
    if (origin->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(origin->data, "http%s://%V%V", tls ? "s" : "", &host,
                    &port);

    origin->len = p - origin->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_site_tls(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        return 1;
    }
#endif

#if (NGX_HTTP_V3)
    if (r->http_version == NGX_HTTP_VERSION_30) {
        return 1;
    }
#endif

    return 0;
}


static ngx_uint_t
ngx_http_wix_auth_site_named(ngx_http_request_t *r,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_str_t *host)
{
    ngx_str_t                 *s;
    ngx_uint_t                 i;
    ngx_http_wix_auth_name_t  *name;

    name = wscf->names->elts;

    for (i = 0; i < wscf->names->nelts; i++) {
        s = &name[i].name;

#if (NGX_PCRE)
        if (name[i].regex) {
            if (ngx_regex_exec(name[i].regex->regex, host, NULL, 0) >= 0) {
                return 1;
            }

            continue;
        }
#endif

        if (s->len == host->len
            && ngx_strncmp(s->data, host->data, s->len) == 0)
        {
            return 1;
        }

        /* ".example.com" and "*.example.com" */

        if (s->len && (s->data[0] == '.' || s->data[0] == '*')) {
            ngx_str_t  tail = *s;

            if (tail.data[0] == '*') {
                tail.data++;
                tail.len--;
            }

            if (host->len > tail.len
                && ngx_strncmp(host->data + host->len - tail.len, tail.data,
                               tail.len) == 0)
            {
                return 1;
            }

            if (s->data[0] == '.' && host->len == s->len - 1
                && ngx_strncmp(host->data, s->data + 1, host->len) == 0)
            {
                return 1;
            }
        }

        /* "www.example.*" */

        if (s->len > 1 && s->data[s->len - 1] == '*'
            && host->len >= s->len
            && ngx_strncmp(host->data, s->data, s->len - 1) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* where a return URL may lead to */

static ngx_int_t
ngx_http_wix_auth_site_origins(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site)
{
    ngx_uint_t  n;

    n = conf->origins ? conf->origins->nelts : 0;

    site->origins = ngx_palloc(r->pool, (n + 1) * sizeof(ngx_str_t));
    if (site->origins == NULL) {
        return NGX_ERROR;
    }

    site->origins[0] = site->base;
    site->norigins = n + 1;

    if (n) {
        ngx_memcpy(site->origins + 1, conf->origins->elts,
                   n * sizeof(ngx_str_t));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_site_redirect(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site)
{
    u_char     *p;
    ngx_str_t   uri;

    ngx_str_null(&uri);

    if (conf->redirect_uri
        && ngx_http_complex_value(r, conf->redirect_uri, &uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_site_prefix(conf, &uri, &site->prefix);

    if (uri.len && uri.data[0] != '/') {
        site->redirect_uri = uri;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, site->base.len + site->prefix.len + uri.len
                             + sizeof("callback"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    site->redirect_uri.data = p;

    p = uri.len ? ngx_sprintf(p, "%V%V", &site->base, &uri)
                : ngx_sprintf(p, "%V%Vcallback", &site->base, &site->prefix);

    site->redirect_uri.len = p - site->redirect_uri.data;

    return NGX_OK;
}


void
ngx_http_wix_auth_site_prefix(ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *redirect_uri, ngx_str_t *prefix)
{
    u_char                        *p, *last;
    ngx_str_t                      path;
    ngx_uint_t                     i;
    ngx_http_wix_auth_location_t  *location;

    if (conf->prefix.len) {
        *prefix = conf->prefix;
        return;
    }

    *prefix = conf->server->prefix;

    if (redirect_uri->len == 0) {
        return;
    }

    /* of several prefixes, the one that the redirect URI is below */

    path = *redirect_uri;
    last = path.data + path.len;

    if (path.data[0] != '/') {
        p = ngx_strlchr(path.data, last, '/');

        if (p == NULL || last - p < 3) {
            return;
        }

        p = ngx_strlchr(p + 2, last, '/');

        if (p == NULL) {
            return;
        }

        path.data = p;
        path.len = last - p;
    }

    location = conf->server->locations->elts;

    for (i = 0; i < conf->server->locations->nelts; i++) {

        if (location[i].prefix.len
            && path.len > location[i].prefix.len
            && ngx_strncmp(path.data, location[i].prefix.data,
                           location[i].prefix.len) == 0)
        {
            *prefix = location[i].prefix;
            return;
        }
    }
}


ngx_http_wix_auth_ring_t *
ngx_http_wix_auth_site_ring(ngx_http_wix_auth_conf_t *conf)
{
    return conf->ring ? conf->ring : ngx_http_wix_auth_zone_ring(conf->zone);
}


ngx_uint_t
ngx_http_wix_auth_site_own(ngx_http_request_t *r,
    ngx_http_wix_auth_site_t *site, ngx_str_t *origin)
{
    u_char                   *p;
    ngx_str_t                 own;
    const char               *err;
    ngx_http_wix_auth_url_t   url, self;

    if (ngx_http_wix_auth_url_parse(r->pool, origin, &url, &err) != NGX_OK
        || url.path.len)
    {
        return 0;
    }

    if (url.origin.len == site->base.len
        && ngx_strncmp(url.origin.data, site->base.data, site->base.len) == 0)
    {
        return 1;
    }

    if (r->headers_in.host == NULL || r->headers_in.host->value.len == 0) {
        return 0;
    }

    own.data = ngx_pnalloc(r->pool, sizeof("https://")
                                    + r->headers_in.host->value.len);
    if (own.data == NULL) {
        return 0;
    }

    p = ngx_sprintf(own.data, "http%s://%V",
                    ngx_http_wix_auth_site_tls(r) ? "s" : "",
                    &r->headers_in.host->value);
    own.len = p - own.data;

    return ngx_http_wix_auth_url_parse(r->pool, &own, &self, &err) == NGX_OK
           && self.path.len == 0
           && self.origin.len == url.origin.len
           && ngx_strncmp(self.origin.data, url.origin.data, url.origin.len)
              == 0;
}


ngx_uint_t
ngx_http_wix_auth_site_allowed(ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *origin)
{
    ngx_str_t   *allowed;
    ngx_uint_t   i;

    if (conf->origins == NULL) {
        return 0;
    }

    /* a browser writes an origin in one way only (RFC 6454, 6.2) */

    allowed = conf->origins->elts;

    for (i = 0; i < conf->origins->nelts; i++) {
        if (allowed[i].len == origin->len
            && ngx_strncmp(allowed[i].data, origin->data, origin->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_wix_auth_site_page_url(ngx_http_request_t *r,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *base, const char *name,
    ngx_str_t *value, ngx_str_t *return_url, ngx_str_t *url)
{
    size_t       len;
    u_char      *p, *last, *fragment, separator;
    ngx_str_t    origin;

    last = login->uri.data + login->uri.len;

    fragment = ngx_strlchr(login->uri.data, last, '#');
    if (fragment == NULL) {
        fragment = last;
    }

    /* another host would take a path for one of its own */

    ngx_str_null(&origin);

    if (login->absolute && return_url->len && return_url->data[0] == '/') {
        origin = *base;
    }

    len = login->uri.len + sizeof("?=&return=")
          + ngx_http_wix_auth_url_encoded_len(&origin)
          + ngx_http_wix_auth_url_encoded_len(return_url);

    if (name) {
        len += ngx_strlen(name) + ngx_http_wix_auth_url_encoded_len(value);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_cpymem(p, login->uri.data, fragment - login->uri.data);

    separator = ngx_strlchr(url->data, p, '?') ? '&' : '?';

    if (name) {
        *p++ = separator;
        p = ngx_cpymem(p, name, ngx_strlen(name));
        *p++ = '=';
        p = ngx_http_wix_auth_url_encode(p, value);

        separator = '&';
    }

    if (return_url->len) {
        *p++ = separator;
        p = ngx_cpymem(p, "return=", sizeof("return=") - 1);
        p = ngx_http_wix_auth_url_encode(p, &origin);
        p = ngx_http_wix_auth_url_encode(p, return_url);
    }

    p = ngx_cpymem(p, fragment, last - fragment);

    url->len = p - url->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_site_login_url(ngx_http_request_t *r, ngx_str_t *prefix,
    ngx_str_t *return_url, ngx_str_t *url)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, prefix->len + sizeof("login?return=")
                    + ngx_http_wix_auth_url_encoded_len(return_url));
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_sprintf(p, "%Vlogin", prefix);

    if (return_url->len) {
        p = ngx_cpymem(p, "?return=", sizeof("?return=") - 1);
        p = ngx_http_wix_auth_url_encode(p, return_url);
    }

    url->len = p - url->data;

    return NGX_OK;
}
