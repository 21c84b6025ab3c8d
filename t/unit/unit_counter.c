
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * What is counted over all workers.  The clock is ours, and the zone is no
 * more than what the counters look at.
 */


#include "unit.h"

#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_zone.h"


#define SECOND  1000


volatile ngx_msec_t  ngx_current_msec;

static ngx_int_t  locked;


void test_counter(void);
void test_counter_ways(void);
void test_counter_move(void);
void test_budget(void);
void test_budget_pause(void);
void test_budget_clients(void);


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    locked--;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *shpool, size_t size)
{
    return ngx_pcalloc(pool, size);
}


static ngx_shm_zone_t *
zone(size_t size)
{
    ngx_shm_zone_t            *shm_zone;
    ngx_http_wix_auth_zone_t  *z;

    z = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_t));
    z->sh = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_sh_t));
    z->shpool = ngx_pcalloc(pool, sizeof(ngx_slab_pool_t));
    memcpy(z->hash_key, "0123456789abcdef", 16);

    ok(ngx_http_wix_auth_counter_create(z, size) == NGX_OK,
       "counters of a zone of %lu bytes", (unsigned long) size);

    shm_zone = ngx_pcalloc(pool, sizeof(ngx_shm_zone_t));
    shm_zone->data = z;

    ngx_current_msec = 5 * SECOND;

    return shm_zone;
}


static ngx_http_wix_auth_zone_sh_t *
shared(ngx_shm_zone_t *z)
{
    return ((ngx_http_wix_auth_zone_t *) z->data)->sh;
}


void
test_counter(void)
{
    time_t           left;
    ngx_str_t        key, other;
    ngx_uint_t       i;
    ngx_shm_zone_t  *z;

    z = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);
    key = text("a key");
    other = text("another");

    for (i = 0; i < 5; i++) {
        ok(ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                          &key, 5, 900, &left)
           == NGX_OK, "take %lu of 5", (unsigned long) i + 1);
        ok(left == 900 - (time_t) i, "the window began with the first");
        ngx_current_msec += SECOND;
    }

    ok(ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                      &key, 5, 9000, &left)
       == NGX_BUSY && left == 895, "the sixth is too many");
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY, &key,
                                     &left)
       == 5 && left == 895, "a refused one does not count");

    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_RESEND, &key,
                                     &left)
       == 0 && left == 0, "kinds are apart");
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                     &other, &left)
       == 0, "keys are apart");

    ngx_current_msec += 895 * SECOND - 1;
    ok(ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                      &key, 5, 900, &left)
       == NGX_BUSY && left == 1, "to the last millisecond");

    ngx_current_msec += 1;
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY, &key,
                                     &left)
       == 0 && left == 0, "then it is over");
    ok(ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                      &key, 5, 10, &left)
       == NGX_OK && left == 10, "and another begins");

    /* a worker whose clock is a little behind */

    ngx_current_msec -= 20;
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY, &key,
                                     &left)
       == 1 && left == 10, "a start that lies ahead");

    ngx_http_wix_auth_counter_clear(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY, &key);
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY, &key,
                                     &left)
       == 0, "forgotten");

    ok(ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                      &key, 0, 10, &left)
       == NGX_BUSY && left >= 1, "a limit of nothing");
    ok(locked == 0, "every lock was given back");
}


/* strangers fill the table: the newest stay, and nothing else is touched */

void
test_counter_ways(void)
{
    char             name[32];
    time_t           left;
    ngx_str_t        key;
    ngx_uint_t       i, n, found, sets;
    ngx_shm_zone_t  *z;

    z = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);
    sets = shared(z)->sets;
    n = sets * 4;

    ok(n >= 64, "%lu counters in the smallest zone", (unsigned long) n);

    for (i = 0; i < 20 * n; i++) {
        sprintf(name, "stranger %lu", (unsigned long) i);
        key = text(name);
        ngx_current_msec++;

        if (ngx_http_wix_auth_counter_take(z, NGX_HTTP_WIX_AUTH_COUNT_REFUSED,
                                           &key, 1, 3600, &left)
            != NGX_OK)
        {
            break;
        }
    }

    ok(i == 20 * n, "a full table takes everyone");
    ok(ngx_http_wix_auth_counter_get(z, NGX_HTTP_WIX_AUTH_COUNT_REFUSED, &key,
                                     &left)
       == 1, "the newest is there");

    for (found = 0, i = 0; i < 20 * n; i++) {
        sprintf(name, "stranger %lu", (unsigned long) i);
        key = text(name);
        found += ngx_http_wix_auth_counter_get(z,
                                               NGX_HTTP_WIX_AUTH_COUNT_REFUSED,
                                               &key, &left);

        if (i == 10 * n) {
            ok(found == 0, "the older half has gone");
        }
    }

    ok(found == n, "all places are taken: %lu", (unsigned long) found);

    ok(shared(zone(1 << 20))->sets == 128, "1m: 512 counters");
    ok(shared(zone(16 << 20))->sets == 2048, "16m: 8192 counters");
}


void
test_counter_move(void)
{
    char             name[32];
    time_t           left;
    ngx_int_t        after;
    ngx_str_t        key;
    ngx_uint_t       i, there, found;
    ngx_shm_zone_t  *z, *to;

    static u_char    client[16] = "a client";

    z = zone(1 << 20);

    for (i = 0; i < 300; i++) {
        sprintf(name, "key %lu", (unsigned long) i);
        key = text(name);
        ngx_current_msec += 10;
        (void) ngx_http_wix_auth_counter_take(z,
                                              NGX_HTTP_WIX_AUTH_COUNT_RECOVER,
                                              &key, 10, i < 5 ? 1 : 3600,
                                              &left);
    }

    ngx_http_wix_auth_budget_pause(z, client, 20);

    i = ngx_current_msec;
    to = zone(16 << 20);
    ngx_current_msec = i;
    ngx_http_wix_auth_counter_move(shared(to), shared(z));

    for (there = 0, found = 0, i = 0; i < 300; i++) {
        sprintf(name, "key %lu", (unsigned long) i);
        key = text(name);
        there += ngx_http_wix_auth_counter_get(z,
                                               NGX_HTTP_WIX_AUTH_COUNT_RECOVER,
                                               &key, &left);
        found += ngx_http_wix_auth_counter_get(to,
                                               NGX_HTTP_WIX_AUTH_COUNT_RECOVER,
                                               &key, &left);
    }

    ok(there > 200, "some may have met in a full set: %lu of 300 left",
       (unsigned long) there);
    ok(found == there, "a larger zone keeps them: %lu", (unsigned long) found);
    ok(ngx_http_wix_auth_budget_paused(to, client) == 20, "and the pause");
    ok(ngx_http_wix_auth_budget_take(to, client,
                                     NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP, 60,
                                     &after)
       == NGX_BUSY && after == 20, "which is in force");

    i = ngx_current_msec;
    to = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);
    ngx_current_msec = i;
    ngx_http_wix_auth_counter_move(shared(to), shared(z));

    ok(ngx_http_wix_auth_counter_get(to, NGX_HTTP_WIX_AUTH_COUNT_RECOVER,
                                     &key, &left)
       == 1 && left == 3600, "a smaller zone keeps the newest");
}


void
test_budget(void)
{
    ngx_int_t        after;
    ngx_uint_t       i, taken;
    ngx_shm_zone_t  *z;

    static u_char    one[16] = "client one", two[16] = "client two";

    z = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);

    for (i = 0, taken = 0; i < 200; i++) {
        taken += ngx_http_wix_auth_budget_take(z, one,
                                               NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                               60, &after)
                 == NGX_OK;
        ngx_current_msec += 100;
    }

    ok(taken == 60, "60 in a minute");
    ok(after == 41, "the rest of the minute: %ld", (long) after);
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_VISITOR,
                                     60, &after)
       == NGX_OK, "visitors have their own");
    ok(ngx_http_wix_auth_budget_take(z, two, NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                     60, &after)
       == NGX_OK, "another client has its own");

    ngx_current_msec += 40 * SECOND - 1;
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                     60, &after)
       == NGX_BUSY && after == 1, "not yet");

    ngx_current_msec += 1;
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                     60, &after)
       == NGX_OK, "the next minute");
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                     1, &after)
       == NGX_BUSY && after == 60, "a lower rate is obeyed at once");
    ok(locked == 0, "every lock was given back");
}


void
test_budget_pause(void)
{
    ngx_int_t        after, expected;
    ngx_shm_zone_t  *z;

    static u_char    one[16] = "client one", two[16] = "client two";

    z = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);

    ok(ngx_http_wix_auth_budget_paused(z, one) == 0, "no pause");

    ngx_http_wix_auth_budget_pause(z, one, 7);
    ok(ngx_http_wix_auth_budget_paused(z, one) == 7, "Retry-After");
    ok(ngx_http_wix_auth_budget_paused(z, two) == 0, "of this client");
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_VISITOR,
                                     60, &after)
       == NGX_BUSY && after == 7, "no visitors");
    ok(ngx_http_wix_auth_budget_take(z, one, NGX_HTTP_WIX_AUTH_BUDGET_RECOVER,
                                     60, &after)
       == NGX_OK, "but mails");

    ngx_http_wix_auth_budget_pause(z, one, 3);
    ok(ngx_http_wix_auth_budget_paused(z, one) == 7, "never shorter");
    ngx_http_wix_auth_budget_pause(z, one, -1);
    ok(ngx_http_wix_auth_budget_paused(z, one) == 7, "nor of our own");
    ngx_http_wix_auth_budget_pause(z, one, 100000);
    ok(ngx_http_wix_auth_budget_paused(z, one) == 300, "at most 300 s");

    ngx_current_msec += 300 * SECOND - 1;
    ok(ngx_http_wix_auth_budget_paused(z, one) == 1, "rounded up");
    ngx_current_msec += 1;
    ok(ngx_http_wix_auth_budget_paused(z, one) == 0, "over");

    /* our own: each 429 after a pause doubles it */

    for (expected = 1; expected < 120; expected *= 2) {
        ngx_http_wix_auth_budget_pause(z, two, -1);
        ngx_http_wix_auth_budget_pause(z, two, -1);

        ok(ngx_http_wix_auth_budget_paused(z, two) == ngx_min(expected, 60),
           "a pause of %ld s", (long) ngx_min(expected, 60));

        ngx_current_msec += ngx_min(expected, 60) * SECOND;
        ok(ngx_http_wix_auth_budget_paused(z, two) == 0, "over");
    }

    ngx_current_msec += 60 * SECOND;
    ngx_http_wix_auth_budget_pause(z, two, -1);
    ok(ngx_http_wix_auth_budget_paused(z, two) == 1,
       "two minutes later it begins again");
}


void
test_budget_clients(void)
{
    u_char           client[16];
    ngx_int_t        after;
    ngx_uint_t       i, own;
    ngx_shm_zone_t  *z;

    z = zone(NGX_HTTP_WIX_AUTH_ZONE_MIN);
    memset(client, 0, 16);

    for (i = 0, own = 0; i < 32; i++) {
        client[3] = (u_char) i;
        own += ngx_http_wix_auth_budget_take(z, client,
                                             NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                             1, &after)
               == NGX_OK;
    }

    ok(own == 32, "32 clients have a budget each: %lu", (unsigned long) own);

    client[3] = 200;
    ok(ngx_http_wix_auth_budget_take(z, client,
                                     NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP, 1,
                                     &after)
       == NGX_BUSY, "the next shares one");

    ngx_current_msec += 60 * SECOND;
    ok(ngx_http_wix_auth_budget_take(z, client,
                                     NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP, 1,
                                     &after)
       == NGX_OK, "or gets one that is not in use");
    client[3] = 0;
    ok(ngx_http_wix_auth_budget_take(z, client,
                                     NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP, 1,
                                     &after)
       == NGX_OK, "as do the others");
}
