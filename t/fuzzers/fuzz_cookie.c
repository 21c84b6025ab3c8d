
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The Cookie header: what is found lies in the header and has the name that
 * was asked for, what is cut is not found again, and the rest stays.  The
 * Set-Cookie header: whatever the settings, one cookie in one line.
 *
 * Input: the header; two lines, a name and a value; a line of letters, which
 * settings the cookie has; domain and path.
 */


#include "fuzz.h"

#include "ngx_http_wix_auth_cookie.h"
#include "ngx_http_wix_auth_session.h"


#define HITS  8


static ngx_str_t  names[] = {
    ngx_string("__Host-wix_auth"),
    ngx_string("__Host-wix_auth_b"),
    ngx_string("wix"),
    ngx_null_string
};

#define NAMES  (sizeof(names) / sizeof(names[0]))


static ngx_uint_t token(ngx_str_t *name);
static void find(fuzz_t *f, ngx_str_t *header);
static void cut(fuzz_t *f, ngx_str_t *header);
static void part(fuzz_t *f, ngx_str_t *header, ngx_str_t *rest);
static void set(fuzz_t *f, ngx_str_t *name, ngx_str_t *value);
static void attributes(ngx_http_wix_auth_cookie_t *c, ngx_str_t *value,
    time_t max_age, ngx_str_t *header);
static void take(ngx_str_t *rest, ngx_str_t *text);
static void session(ngx_str_t *value);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t  header, name, value;

    header = fuzz_line(f);
    name = fuzz_line(f);
    value = fuzz_line(f);

    /* wix_auth_cookie takes nothing else */

    names[NAMES - 1] = token(&name) ? name : names[0];

    find(f, &header);
    cut(f, &header);
    set(f, &name, &value);
    session(&value);
}


/* RFC 9110, 5.6.2 */

static ngx_uint_t
token(ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= 0x20 || name->data[i] > 0x7e
            || strchr("\"(),/:;<=>?@[\\]{}", name->data[i]))
        {
            return 0;
        }
    }

    return name->len > 0 && name->len <= 64;
}


static void
find(fuzz_t *f, ngx_str_t *header)
{
    u_char                          *p;
    ngx_str_t                        values[HITS], *v;
    ngx_uint_t                       i, k, n, each;
    ngx_http_wix_auth_cookie_hit_t   hits[HITS];

    n = ngx_http_wix_auth_cookie_scan(header, names, NAMES, hits, 0, HITS);

    FUZZ_CHECK(n <= HITS);

    for (i = 0; i < n; i++) {
        v = &hits[i].value;

        FUZZ_CHECK(hits[i].name < NAMES);
        FUZZ_CHECK(v->data >= header->data
                   && v->data + v->len <= header->data + header->len);
        FUZZ_CHECK(memchr(v->data, ';', v->len) == NULL);
        FUZZ_CHECK(i == 0 || v->data > hits[i - 1].value.data);

        if (v->len) {
            FUZZ_CHECK(*v->data != ' ' && *v->data != '\t');
            FUZZ_CHECK(v->data[v->len - 1] != ' '
                       && v->data[v->len - 1] != '\t');
        }

        /* the name and "=" are before it */

        for (p = v->data; p > header->data && p[-1] != '='; p--) {
            FUZZ_CHECK(p[-1] == ' ' || p[-1] == '\t');
        }

        k = names[hits[i].name].len;

        FUZZ_CHECK((size_t) (p - header->data) > k);
        FUZZ_CHECK(memcmp(p - 1 - k, names[hits[i].name].data, k) == 0);
    }

    /* name by name it is the same, unless there was no place for all */

    if (n == HITS) {
        return;
    }

    for (k = 0, each = 0; k < NAMES; k++) {

        /* the fuzzer's name may be one of ours */

        for (i = 0; i < k && !fuzz_equal(&names[i], &names[k]); i++) {
            /* void */
        }

        if (i == k) {
            each += ngx_http_wix_auth_cookie_find(header, &names[k], values,
                                                  0, HITS);
        }
    }

    FUZZ_CHECK(each == n);
}


static void
cut(fuzz_t *f, ngx_str_t *header)
{
    size_t                          len, again;
    ngx_str_t                       rest, inplace, own;
    ngx_http_wix_auth_cookie_hit_t  hits[HITS];

    rest = fuzz_copy(f, header->data, header->len);
    memset(rest.data, 0x5a, rest.len);

    len = ngx_http_wix_auth_cookie_cut(rest.data, header, names, NAMES);

    FUZZ_CHECK(len <= header->len);

    rest.len = len;
    part(f, header, &rest);

    FUZZ_CHECK(ngx_http_wix_auth_cookie_scan(&rest, names, NAMES, hits, 0,
                                             HITS)
               == 0);

    inplace = fuzz_copy(f, header->data, header->len);
    inplace.len = ngx_http_wix_auth_cookie_cut(inplace.data, &inplace, names,
                                               NAMES);

    FUZZ_CHECK(fuzz_equal(&rest, &inplace));

    /* nothing to cut any more: a second time changes nothing */

    own = fuzz_copy(f, rest.data, rest.len);
    again = ngx_http_wix_auth_cookie_cut(own.data, &own, names, NAMES);

    FUZZ_CHECK(again == rest.len);
    own.len = again;
    FUZZ_CHECK(fuzz_equal(&own, &rest));
}


/* where one part is all that goes, it is what cut() takes out */

static void
part(fuzz_t *f, ngx_str_t *header, ngx_str_t *rest)
{
    size_t                          before;
    ngx_str_t                       gone, left, plain, alike[2];
    ngx_uint_t                      i, n, m;
    ngx_http_wix_auth_cookie_hit_t  hits[HITS], same[HITS];

    /* as names of a site are: the one begins with the other */

    alike[0] = names[0];
    alike[1] = names[1];

    n = ngx_http_wix_auth_cookie_part(header, alike, 2,
                                ngx_http_wix_auth_cookie_first(alike, 2),
                                hits, HITS, &gone);
    m = ngx_http_wix_auth_cookie_scan(header, alike, 2, same, 0, HITS);

    FUZZ_CHECK(n == m);

    for (i = 0; i < n; i++) {
        FUZZ_CHECK(hits[i].name == same[i].name);
        FUZZ_CHECK(fuzz_equal(&hits[i].value, &same[i].value));
    }

    n = ngx_http_wix_auth_cookie_part(header, names, NAMES,
                                ngx_http_wix_auth_cookie_first(names, NAMES),
                                hits, HITS, &left);

    FUZZ_CHECK(n == ngx_http_wix_auth_cookie_scan(header, names, NAMES, same,
                                                  0, HITS));
    FUZZ_CHECK(left.len == 0 || header->len - left.len == rest->len);

    /* cut() without names only tidies up */

    plain = fuzz_copy(f, header->data, header->len);
    plain.len = ngx_http_wix_auth_cookie_cut(plain.data, header, NULL, 0);

    FUZZ_CHECK(fuzz_equal(&plain, rest) == (n == 0 && left.data == NULL));

    if (gone.len == 0) {
        return;
    }

    FUZZ_CHECK(m == 1);
    FUZZ_CHECK(gone.data >= header->data
               && gone.data + gone.len <= header->data + header->len);

    before = gone.data - header->data;
    left = fuzz_copy(f, header->data, header->len);
    left.len = ngx_http_wix_auth_cookie_cut(left.data, header, alike, 2);

    FUZZ_CHECK(left.len == header->len - gone.len);
    FUZZ_CHECK(memcmp(left.data, header->data, before) == 0);
    FUZZ_CHECK(memcmp(left.data + before, gone.data + gone.len,
                      left.len - before)
               == 0);
}


static void
set(fuzz_t *f, ngx_str_t *name, ngx_str_t *value)
{
    time_t                       max_age;
    ngx_int_t                    rc;
    ngx_str_t                    flags, header, found;
    ngx_http_wix_auth_cookie_t   c;

    flags = fuzz_line(f);

    memset(&c, 0, sizeof(ngx_http_wix_auth_cookie_t));

    c.name = *name;
    c.domain = fuzz_line(f);
    c.path = fuzz_line(f);
    c.secure = (memchr(flags.data, 's', flags.len) != NULL);
    c.samesite_none = (memchr(flags.data, 'n', flags.len) != NULL);
    c.partitioned = (memchr(flags.data, 'p', flags.len) != NULL);
    c.session = (memchr(flags.data, 'e', flags.len) != NULL);

    max_age = memchr(flags.data, '0', flags.len) ? 0
              : memchr(flags.data, '-', flags.len) ? -1 : 2592000;

    rc = ngx_http_wix_auth_cookie_set(f->pool, &c, value, max_age, &header);

    if (rc != NGX_OK) {
        FUZZ_CHECK(rc == NGX_ERROR && header.len == 0);
        FUZZ_CHECK(f->starved
                   || !fuzz_clean(&c.name) || memchr(c.name.data, ';', c.name.len)
                   || !fuzz_clean(&c.domain)
                   || memchr(c.domain.data, ';', c.domain.len)
                   || !fuzz_clean(&c.path)
                   || memchr(c.path.data, ';', c.path.len)
                   || !fuzz_clean(value)
                   || memchr(value->data, ';', value->len));
        return;
    }

    attributes(&c, value, max_age, &header);

    /* as a browser would send it back */

    if (name->len && memchr(name->data, '=', name->len) == NULL
        && name->data[0] != ' ' && name->data[0] != '\t'
        && (value->len == 0
            || (value->data[0] != ' ' && value->data[0] != '\t'
                && value->data[value->len - 1] != ' '
                && value->data[value->len - 1] != '\t')))
    {
        header.len = name->len + 1 + value->len;

        FUZZ_CHECK(ngx_http_wix_auth_cookie_find(&header, name, &found, 0, 1)
                   == 1);
        FUZZ_CHECK(fuzz_equal(&found, value));
    }
}


/* each attribute once, and in the order that is expected */

static void
attributes(ngx_http_wix_auth_cookie_t *c, ngx_str_t *value, time_t max_age,
    ngx_str_t *header)
{
    char       age[64];
    ngx_str_t  rest, text;

    FUZZ_CHECK(fuzz_clean(header));

    rest = *header;

    take(&rest, &c->name);
    take(&rest, &fuzz_str("="));
    take(&rest, value);

    if (c->domain.len) {
        take(&rest, &fuzz_str("; Domain="));
        take(&rest, &c->domain);
    }

    if (c->path.len) {
        take(&rest, &fuzz_str("; Path="));
        take(&rest, &c->path);
    }

    if (max_age == 0 || (max_age > 0 && !c->session)) {
        text.data = (u_char *) age;
        text.len = snprintf(age, sizeof(age), "; Max-Age=%ld", (long) max_age);
        take(&rest, &text);
    }

    take(&rest, &fuzz_str("; HttpOnly"));

    if (c->secure) {
        take(&rest, &fuzz_str("; Secure"));
    }

    take(&rest, c->samesite_none ? &fuzz_str("; SameSite=None")
                                 : &fuzz_str("; SameSite=Lax"));

    if (c->partitioned) {
        take(&rest, &fuzz_str("; Partitioned"));
    }

    FUZZ_CHECK(rest.len == 0);
}


static void
take(ngx_str_t *rest, ngx_str_t *text)
{
    FUZZ_CHECK(rest->len >= text->len
               && memcmp(rest->data, text->data, text->len) == 0);

    rest->data += text->len;
    rest->len -= text->len;
}


/* a session cookie that nobody made */

static void
session(ngx_str_t *value)
{
    size_t      i;
    ngx_uint_t  good;

    static ngx_http_wix_auth_ring_t  ring;

    if (ring.nkeys == 0) {
        FUZZ_CHECK(ngx_http_wix_auth_ring_add(&ring, (u_char *)
                       "a secret that only this target knows", 32) == NGX_OK);
    }

    good = (value->len == NGX_HTTP_WIX_AUTH_SESSION_COOKIE);

    for (i = 0; i < value->len && good; i++) {
        good = (value->data[i] == '-' || value->data[i] == '_'
                || (value->data[i] >= '0' && value->data[i] <= '9')
                || (value->data[i] >= 'A' && value->data[i] <= 'Z')
                || (value->data[i] >= 'a' && value->data[i] <= 'z'));
    }

    FUZZ_CHECK(ngx_http_wix_auth_session_plausible(value) == good);
    FUZZ_CHECK(ngx_http_wix_auth_session_genuine(&ring, value)
               == NGX_DECLINED);

    if (good) {
        FUZZ_CHECK(ngx_http_wix_auth_session_cookie_kind(value)
                   <= NGX_HTTP_WIX_AUTH_KIND_VISITOR);
    }
}
