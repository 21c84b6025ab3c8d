
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * state-file KEY GUID N FILE [BOOT | ACCESS REFRESH]: a state file with N sessions of a client,
 * as the module does, for tests that cannot wait for so many logins.  The
 * cookie of session i is "A" and i in 53 digits; it was used i seconds before
 * the first one.  The last ten have expired.  With BOOT it is a save of a
 * system that has gone down since then; ACCESS and REFRESH are lengths of the
 * tokens, at most 4096.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_url.h"
#include "ngx_stubs.h"


#define TOKEN    4096
#define REST     400        /* of a record, at most */
#define EXPIRED  10


static size_t  access_len = 1000;
static size_t  refresh_len = 600;


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static u_char *
record(u_char *p, ngx_http_wix_auth_state_header_t *h, u_char client[16],
    ngx_uint_t i, ngx_uint_t n, time_t now)
{
    char                          cookie[55], id[64], email[64];
    char                          access[TOKEN], refresh[TOKEN];
    ngx_http_wix_auth_session_t   s;

    memset(&s, 0, sizeof(s));

    snprintf(cookie, sizeof(cookie), "A%053lu", (unsigned long) i);
    snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012lu",
             (unsigned long) i);
    snprintf(email, sizeof(email), "member-%lu@example.com",
             (unsigned long) i);

    memset(access, 'a', access_len);
    memset(refresh, 'r', refresh_len);

    ngx_http_wix_auth_siphash(h->hash_key, (u_char *) cookie, 54, s.id);
    memcpy(s.handle, s.id, 16);
    memcpy(s.client, client, 16);

    s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s.created = now - i - 1;
    s.seen = now - i;
    s.expires = (i < n - EXPIRED) ? now + 24 * 60 * 60 : now - 1;
    s.token_expires = now + 4 * 60 * 60;
    s.token_lifetime = 4 * 60 * 60;
    s.generation = 1;
    s.member_id.len = strlen(id);
    s.email.len = strlen(email);
    s.access_token.len = access_len;
    s.refresh_token.len = refresh_len;

    ngx_http_wix_auth_state_record_write(p, &s);
    p += NGX_HTTP_WIX_AUTH_STATE_RECORD;

    p = ngx_cpymem(p, id, s.member_id.len);
    p = ngx_cpymem(p, email, s.email.len);
    p = ngx_cpymem(p, access, access_len);

    return ngx_cpymem(p, refresh, refresh_len);
}


int
main(int argc, char **argv)
{
    FILE       *f;
    u_char      secret[4096], client[16], *buf, *p;
    u_char      header[NGX_HTTP_WIX_AUTH_STATE_START];
    size_t      len;
    time_t      now;
    ngx_str_t   guid;
    ngx_uint_t  n, i, in_chunk;

    static ngx_http_wix_auth_ring_t          ring;
    static ngx_http_wix_auth_state_header_t  h;

    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: state-file KEY GUID N FILE "
                "[BOOT | ACCESS REFRESH]\n");
        return 2;
    }

    if (argc == 7) {
        access_len = strtoul(argv[5], NULL, 10);
        refresh_len = strtoul(argv[6], NULL, 10);

        if (access_len > TOKEN || refresh_len > TOKEN) {
            fprintf(stderr, "state-file: tokens have at most %d bytes\n",
                    TOKEN);
            return 2;
        }
    }

    f = fopen(argv[1], "r");
    if (f == NULL) {
        die(argv[1]);
    }

    len = fread(secret, 1, sizeof(secret), f);
    fclose(f);

    guid.data = (u_char *) argv[2];
    guid.len = strlen(argv[2]);

    if (ngx_http_wix_auth_ring_add(&ring, secret, len) != NGX_OK
        || ngx_http_wix_auth_guid_parse(&guid, client) != NGX_OK
        || ngx_http_wix_auth_random(h.hash_key, 16) != NGX_OK
        || ngx_http_wix_auth_random(h.secret, 32) != NGX_OK
        || ngx_http_wix_auth_state_key(&ring, &h) != NGX_OK)
    {
        die("keys");
    }

    n = strtoul(argv[3], NULL, 10);
    in_chunk = NGX_HTTP_WIX_AUTH_STATE_CHUNK
               / (access_len + refresh_len + REST);
    now = time(NULL);

    umask(077);

    f = fopen(argv[4], "w");
    buf = malloc(NGX_HTTP_WIX_AUTH_STATE_CHUNK + 64);

    if (f == NULL || buf == NULL) {
        die(argv[4]);
    }

    memset(header, 0, sizeof(header));
    fwrite(header, 1, sizeof(header), f);
    h.length = sizeof(header);

    for (i = 0; i < n; /* void */ ) {
        p = buf + NGX_HTTP_WIX_AUTH_STATE_BEFORE;

        do {
            p = record(p, &h, client, i, n, now);
            h.records++;
        } while (++i < n && i % in_chunk);

        len = p - buf - NGX_HTTP_WIX_AUTH_STATE_BEFORE;

        if (ngx_http_wix_auth_state_chunk_seal(&h, h.chunks++, buf, len)
            != NGX_OK)
        {
            die("seal");
        }

        len += NGX_HTTP_WIX_AUTH_STATE_BEFORE + NGX_HTTP_WIX_AUTH_STATE_BEHIND;
        h.length += len;

        fwrite(buf, 1, len, f);
    }

    /* and a newer one than what a test has beside it */

    h.generation = argc == 6 ? 1000 : 1;
    memset(h.boot, argc == 6 ? 'b' : 0, 16);
    h.saved = now;

    if (ngx_http_wix_auth_state_header_write(&h, header) != NGX_OK) {
        die("seal");
    }

    rewind(f);
    fwrite(header, 1, NGX_HTTP_WIX_AUTH_STATE_HEADER, f);
    free(buf);

    if (fclose(f) != 0) {
        die(argv[4]);
    }

    return 0;
}
