
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_transfer.h"


typedef struct {
    uint32_t  addr;
    uint32_t  mask;
} ngx_http_wix_auth_fetch_net_t;


static ngx_uint_t ngx_http_wix_auth_fetch_inner4(uint32_t addr);
static ngx_uint_t ngx_http_wix_auth_fetch_inner6(u_char *p);
static uint32_t ngx_http_wix_auth_fetch_addr(u_char *p);


/* of the IANA IPv4 special-purpose registry, what is not for everybody */

static ngx_http_wix_auth_fetch_net_t  ngx_http_wix_auth_fetch_nets[] = {
    { 0x00000000, 0xff000000 },    /* 0.0.0.0/8, this network */
    { 0x0a000000, 0xff000000 },    /* 10.0.0.0/8 */
    { 0x64400000, 0xffc00000 },    /* 100.64.0.0/10, carriers' NAT */
    { 0x7f000000, 0xff000000 },    /* 127.0.0.0/8 */
    { 0xa9fe0000, 0xffff0000 },    /* 169.254.0.0/16, link-local */
    { 0xac100000, 0xfff00000 },    /* 172.16.0.0/12 */
    { 0xc0000000, 0xffffff00 },    /* 192.0.0.0/24 */
    { 0xc0a80000, 0xffff0000 },    /* 192.168.0.0/16 */
    { 0xc6120000, 0xfffe0000 },    /* 198.18.0.0/15, benchmarks */
    { 0xe0000000, 0xe0000000 }     /* multicast, reserved, broadcast */
};


ngx_uint_t
ngx_http_wix_auth_fetch_inner(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return ngx_http_wix_auth_fetch_inner4(ntohl(sin->sin_addr.s_addr));

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return ngx_http_wix_auth_fetch_inner6(sin6->sin6_addr.s6_addr);
#endif

    default:
        return 1;
    }
}


ngx_uint_t
ngx_http_wix_auth_fetch_inner_host(ngx_str_t *host)
{
    char             text[INET6_ADDRSTRLEN];
    u_char           addr[16];
    ngx_str_t        h;

    h = *host;

    if (h.len > 1 && h.data[0] == '[' && h.data[h.len - 1] == ']') {
        h.data++;
        h.len -= 2;
    }

    if (h.len == 0) {
        return 1;
    }

    /* RFC 6761, 6.3 */

    if (h.len >= 9
        && ngx_strncasecmp(h.data + h.len - 9, (u_char *) "localhost", 9) == 0
        && (h.len == 9 || h.data[h.len - 10] == '.'))
    {
        return 1;
    }

    if (h.len >= sizeof(text)) {
        return 0;
    }

    ngx_memcpy(text, h.data, h.len);
    text[h.len] = '\0';

    if (inet_pton(AF_INET, text, addr) == 1) {
        return ngx_http_wix_auth_fetch_inner4(
            ngx_http_wix_auth_fetch_addr(addr));
    }

    if (inet_pton(AF_INET6, text, addr) == 1) {
        return ngx_http_wix_auth_fetch_inner6(addr);
    }

    return 0;
}


ngx_uint_t
ngx_http_wix_auth_fetch_inner_url(ngx_str_t *url)
{
    u_char     *p, *last, *end;
    ngx_str_t   host;

    last = url->data + url->len;

    p = ngx_strlchr(url->data, last, '/');

    if (p == NULL || last - p < 2) {
        return 1;
    }

    p += 2;

    for (end = p; end < last; end++) {
        if (*end == '/' || *end == '?' || *end == '#'
            || (*end == ':' && *p != '[')
            || (end > p && end[-1] == ']'))
        {
            break;
        }
    }

    host.data = p;
    host.len = end - p;

    return ngx_http_wix_auth_fetch_inner_host(&host);
}


/* a kept connection may have been made for a transfer that had no limits */

ngx_uint_t
ngx_http_wix_auth_fetch_inner_peer(ngx_http_wix_auth_fetch_transfer_t *t,
    const char *peer)
{
    ngx_str_t  host;

    /* of a proxy: it may be anywhere */

    if (!t->fetch.outside || t->fetch.conf->proxy.len) {
        return 0;
    }

    host.data = (u_char *) peer;
    host.len = peer ? ngx_strlen(peer) : 0;

    return ngx_http_wix_auth_fetch_inner_host(&host);
}


static ngx_uint_t
ngx_http_wix_auth_fetch_inner4(uint32_t addr)
{
    ngx_uint_t                      i, n;
    ngx_http_wix_auth_fetch_net_t  *net;

    net = ngx_http_wix_auth_fetch_nets;
    n = sizeof(ngx_http_wix_auth_fetch_nets)
        / sizeof(ngx_http_wix_auth_fetch_nets[0]);

    for (i = 0; i < n; i++) {
        if ((addr & net[i].mask) == net[i].addr) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_wix_auth_fetch_inner6(u_char *p)
{
    static u_char  zero[12];
    static u_char  nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    static u_char  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

    /* "::" and "::1" among those that hold an IPv4 address at their end */

    if (ngx_memcmp(p, zero, 12) == 0
        || ngx_memcmp(p, mapped, 12) == 0
        || ngx_memcmp(p, nat64, 12) == 0)
    {
        return ngx_http_wix_auth_fetch_inner4(
            ngx_http_wix_auth_fetch_addr(p + 12));
    }

    /* 2002::/16, an IPv4 address follows */

    if (p[0] == 0x20 && p[1] == 0x02) {
        return ngx_http_wix_auth_fetch_inner4(
            ngx_http_wix_auth_fetch_addr(p + 2));
    }

    /* 64:ff9b:1::/48, local NAT64 */

    if (ngx_memcmp(p, nat64, 4) == 0) {
        return 1;
    }

    /* fc00::/7, fe80::/10 and the former fec0::/10, ff00::/8 */

    return (p[0] & 0xfe) == 0xfc
           || (p[0] == 0xfe && (p[1] & 0x80))
           || p[0] == 0xff;
}


static uint32_t
ngx_http_wix_auth_fetch_addr(u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}
