
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "whatwg.h"


#define whatwg_alpha(c)  (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')
#define whatwg_slash(c)  ((c) == '/' || (c) == '\\')


static void whatwg_authority(const u_char *p, const u_char *last,
    whatwg_t *to);
static ngx_int_t whatwg_hex(u_char c);


void
whatwg_resolve(ngx_str_t *text, const char *base_scheme, whatwg_t *to)
{
    u_char        buf[65536];
    size_t        i, n;
    const u_char *p, *end, *last;

    memset(to, 0, sizeof(whatwg_t));

    /* C0 controls and spaces at the ends go, tabs and newlines everywhere */

    p = text->data;
    last = p + text->len;

    while (p < last && *p <= 0x20) {
        p++;
    }

    while (last > p && last[-1] <= 0x20) {
        last--;
    }

    for (n = 0; p < last && n < sizeof(buf); p++) {
        if (*p != '\t' && *p != '\n' && *p != '\r') {
            buf[n++] = *p;
        }
    }

    p = buf;
    last = buf + n;

    /* a scheme */

    for (end = p; end < last; end++) {
        if (!whatwg_alpha(*end)
            && (end == p || ((*end < '0' || *end > '9') && *end != '+'
                             && *end != '-' && *end != '.')))
        {
            break;
        }
    }

    strcpy(to->scheme, base_scheme);

    if (end > p && end < last && *end == ':') {
        n = end - p;

        if (!(n == 4 && strncasecmp((char *) p, "http", 4) == 0)
            && !(n == 5 && strncasecmp((char *) p, "https", 5) == 0))
        {
            to->kind = WHATWG_FOREIGN;
            return;
        }

        for (i = 0; i < n; i++) {
            to->scheme[i] = (char) ngx_tolower(p[i]);
        }

        to->scheme[n] = '\0';
        p = end + 1;

        /* "https:path" is relative to a base of the same scheme */

        if (strcmp(to->scheme, base_scheme) != 0
            || (last - p >= 2 && p[0] == '/' && p[1] == '/'))
        {
            whatwg_authority(p, last, to);
            return;
        }
    }

    if (last - p >= 2 && whatwg_slash(p[0]) && whatwg_slash(p[1])) {
        whatwg_authority(p, last, to);
        return;
    }

    to->kind = WHATWG_HERE;
}


static void
whatwg_authority(const u_char *p, const u_char *last, whatwg_t *to)
{
    size_t            n;
    ngx_int_t         high, low;
    const u_char     *end, *at, *colon;
    struct in6_addr   addr;

    to->kind = WHATWG_FAILURE;
    to->port = (strcmp(to->scheme, "https") == 0) ? 443 : 80;

    while (p < last && whatwg_slash(*p)) {
        p++;
    }

    for (end = p; end < last; end++) {
        if (whatwg_slash(*end) || *end == '?' || *end == '#') {
            break;
        }
    }

    at = memrchr(p, '@', end - p);
    if (at) {
        to->user = 1;
        p = at + 1;
    }

    /* the port follows the last colon outside of brackets */

    colon = NULL;

    if (p < end && *p == '[') {
        colon = memchr(p, ']', end - p);

        if (colon == NULL) {
            return;
        }

        colon = (++colon < end && *colon == ':') ? colon : NULL;

    } else {
        colon = memchr(p, ':', end - p);
    }

    if (colon && colon + 1 < end) {
        for (n = 0, at = colon + 1; at < end; at++) {

            if (*at < '0' || *at > '9') {
                return;
            }

            n = n * 10 + (*at - '0');

            if (n > 65535) {
                return;
            }
        }

        to->port = n;
    }

    end = colon ? colon : end;

    for (n = 0; p < end && n < sizeof(to->host) - 1; p++) {

        to->host[n] = (char) ngx_tolower(*p);

        if (*p == '%' && end - p > 2) {
            high = whatwg_hex(p[1]);
            low = whatwg_hex(p[2]);

            if (high >= 0 && low >= 0) {
                to->host[n] = (char) ngx_tolower((u_char) (high * 16 + low));
                p += 2;
            }
        }

        if ((u_char) to->host[n] <= 0x20
            || strchr("%#/<>?@\\^`{|}\x7f", to->host[n]))
        {
            return;
        }

        n++;
    }

    if (n == 0) {
        return;
    }

    if (to->host[0] == '[') {

        /* there are many ways to write one address */

        to->host[n - 1] = '\0';

        if (inet_pton(AF_INET6, to->host + 1, &addr) != 1) {
            return;
        }

        inet_ntop(AF_INET6, &addr, to->host + 1, INET6_ADDRSTRLEN);
        strcat(to->host, "]");
    }

    to->kind = WHATWG_THERE;
}


static ngx_int_t
whatwg_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


ngx_uint_t
whatwg_is(whatwg_t *to, ngx_str_t *origin)
{
    char  text[2200];

    if (to->kind != WHATWG_THERE || to->user) {
        return 0;
    }

    if (to->port == (ngx_uint_t) (to->scheme[4] ? 443 : 80)) {
        snprintf(text, sizeof(text), "%s://%s", to->scheme, to->host);

    } else {
        snprintf(text, sizeof(text), "%s://%s:%u", to->scheme, to->host,
                 (unsigned) to->port);
    }

    return fuzz_is(origin, text);
}
