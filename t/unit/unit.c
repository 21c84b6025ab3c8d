
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Unit tests of the rooms that know no request: crypto, json, url, cookie,
 * profile; of fetch which peers are private, of session the counters, the
 * breaker and the format of the state file.
 * t/02-unit.t compiles them with sanitizers; the program prints TAP.
 */


#include "unit.h"


ngx_pool_t  *pool;

ngx_str_t  own[NOWN] = {
    ngx_string("https://own.example"),
    ngx_string("https://app.own.example:8443"),
    ngx_string("http://localhost:4321"),
    ngx_string("https://[::1]")
};


static ngx_uint_t  tests, failures;


void
ok(ngx_uint_t good, const char *fmt, ...)
{
    char     name[512], *p;
    va_list  args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    /* TAP takes "#" for a directive */

    for (p = name; *p; p++) {
        if (*p == '#') {
            *p = '%';
        } else if ((u_char) *p < 0x20 || (u_char) *p > 0x7e) {
            *p = '.';
        }
    }

    tests++;
    failures += !good;
    printf("%sok %lu - %s\n", good ? "" : "not ", (unsigned long) tests, name);
    fflush(stdout);
}


ngx_str_t
bytes(const char *data, size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_palloc(pool, len);

    if (len) {
        memcpy(s.data, data, len);
    }

    return s;
}


ngx_str_t
text(const char *data)
{
    return bytes(data, strlen(data));
}


ngx_uint_t
same(ngx_str_t *s, const char *expected)
{
    return s->len == strlen(expected)
           && (s->len == 0 || memcmp(s->data, expected, s->len) == 0);
}


ngx_uint_t
zeroes(const u_char *p, size_t len)
{
    while (len--) {
        if (*p++) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
hex_is(const u_char *p, size_t len, const char *expected)
{
    char    hex[129];
    size_t  i;

    for (i = 0; i < len; i++) {
        sprintf(hex + 2 * i, "%02x", p[i]);
    }

    return strcmp(hex, expected) == 0;
}


int
main(void)
{
    size_t     i;
    ngx_log_t  log;

    static void  (*all[])(void) = {
        test_siphash,
        test_digests,
        test_ring,
        test_seal,
        test_seal_bits,
        test_base64,
        test_store,
        test_json_reader,
        test_json_bad,
        test_json_limits,
        test_json_surrogates,
        test_json_numbers,
        test_json_writer,
        test_json_writer_misuse,
        test_json_tree,
        test_url,
        test_url_bad,
        test_url_limits,
        test_return_good,
        test_return_leads,
        test_return_bytes,
        test_return_encoded,
        test_return_all,
        test_guid,
        test_encode,
        test_form,
        test_cookie_find,
        test_cookie_cut,
        test_cookie_set,
        test_profile_clean,
        test_profile_pack,
        test_profile_hostile,
        test_peer,
        test_counter,
        test_counter_ways,
        test_counter_move,
        test_budget,
        test_budget_pause,
        test_budget_clients,
        test_blocks,
        test_block_create,
        test_block_strings,
        test_fetch_turns,
        test_fetch_order,
        test_fetch_deadline,
        test_fetch_refused,
        test_fetch_first,
        test_lease,
        test_lease_killed,
        test_lease_room,
        test_lessons_fields,
        test_lessons_keys,
        test_lessons_nonces,
        test_lessons_purposes,
        test_breaker,
        test_breaker_probe,
        test_breaker_late,
        test_breaker_apart,
        test_breaker_slots,
        test_breaker_none,
        test_budget_refresh,
        test_registration_json,
        test_registration_form,
        test_registration_refused,
        test_registration_form_refused,
        test_registration_hostile,
        test_registration_limits,
        test_registration_memory,
        test_state,
        test_state_bits,
        test_state_mixed,
        test_state_hostile,
        test_memory
    };

    ngx_memzero(&log, sizeof(ngx_log_t));

    for (i = 0; i < nelems(all); i++) {
        pool = ngx_create_pool(4096, &log);
        all[i]();
        ngx_destroy_pool(pool);
    }

    printf("1..%lu\n", (unsigned long) tests);

    return failures != 0;
}
