
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The circuit breaker and the budget of background refreshes, as several
 * workers use them: there is one zone, and the clock is ours.
 */


#include "unit.h"

#include "ngx_http_wix_auth_budget.h"


#define SECOND     1000
#define TIMEOUT    11000

#define WAITED     NGX_HTTP_WIX_AUTH_CLASS_WAITED
#define REFRESH    NGX_HTTP_WIX_AUTH_CLASS_REFRESH
#define LOOKUP     NGX_HTTP_WIX_AUTH_CLASS_LOOKUP


extern volatile ngx_msec_t  ngx_current_msec;

static ngx_shm_zone_t                    *z;
static ngx_http_wix_auth_record_node_t    record;
static ngx_http_wix_auth_breaker_conf_t   conf = { 3, 10 * SECOND };

static u_char                             one[16] = "client one";
static u_char                             two[16] = "client two";

static ngx_uint_t                         ticket;
static ngx_int_t                          after;
static ngx_msec_t                         span;
static ngx_uint_t                         cause = 2;




/* the only record that the zone has */

ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_zone_find(ngx_http_wix_auth_zone_sh_t *sh, u_char id[16])
{
    return memcmp(id, record.id, 16) == 0 ? &record : NULL;
}


static ngx_shm_zone_t *
zone(void)
{
    ngx_shm_zone_t            *shm_zone;
    ngx_http_wix_auth_zone_t  *zone;

    zone = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_t));
    zone->sh = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_sh_t));
    zone->shpool = ngx_pcalloc(pool, sizeof(ngx_slab_pool_t));
    memcpy(zone->hash_key, "0123456789abcdef", 16);

    if (ngx_http_wix_auth_counter_create(zone, NGX_HTTP_WIX_AUTH_ZONE_MIN)
        != NGX_OK)
    {
        abort();
    }

    shm_zone = ngx_pcalloc(pool, sizeof(ngx_shm_zone_t));
    shm_zone->data = zone;

    ngx_current_msec = 50 * SECOND;

    return shm_zone;
}


static ngx_int_t
ask(u_char client[16], ngx_uint_t class)
{
    return ngx_http_wix_auth_breaker_ask(z, client, class, &conf, TIMEOUT,
                                         &ticket, &after);
}


static ngx_int_t
result(u_char client[16], ngx_uint_t class, ngx_uint_t t, ngx_int_t rc)
{
    return ngx_http_wix_auth_breaker_result(z, client, class, &conf, t, rc,
                                            cause, &span);
}


static ngx_int_t
is_open(u_char client[16], ngx_uint_t class)
{
    return ngx_http_wix_auth_breaker_open(z, client, class, &conf, &after);
}


/* a call and its end; -100: it may not be made */

static ngx_int_t
call(u_char client[16], ngx_uint_t class, ngx_int_t rc)
{
    if (ask(client, class) == NGX_BUSY) {
        return -100;
    }

    return result(client, class, ticket, rc);
}


static void
open_it(u_char client[16], ngx_uint_t class)
{
    ngx_uint_t  i;

    for (i = 0; i < conf.max_fails; i++) {
        (void) call(client, class, NGX_ERROR);
    }
}


void
test_breaker(void)
{
    ngx_uint_t  i;

    z = zone();

    ok(sizeof(ngx_http_wix_auth_client_t) * NGX_HTTP_WIX_AUTH_CLIENTS <= 8192,
       "all slots of clients are two pages: %lu bytes",
       (unsigned long) sizeof(ngx_http_wix_auth_client_t)
       * NGX_HTTP_WIX_AUTH_CLIENTS);

    ok(is_open(one, WAITED) == NGX_OK, "closed at first");
    ok(ngx_http_wix_auth_breaker_cause(z, one, WAITED) == 0, "for no cause");

    for (i = 0; i < 10; i++) {
        (void) call(one, WAITED, NGX_ERROR);
        (void) call(one, WAITED, NGX_ERROR);
        (void) call(one, WAITED, NGX_DECLINED);

        if (call(one, WAITED, NGX_OK) != NGX_OK) {
            break;
        }
    }

    ok(i == 10, "a success between failures, and nothing opens");

    ok(call(one, WAITED, NGX_ERROR) == NGX_OK, "one failure");
    ok(call(one, WAITED, NGX_ERROR) == NGX_OK, "two");
    ok(call(one, WAITED, NGX_DECLINED) == NGX_OK, "one that says nothing");

    ngx_current_msec += 100000 * SECOND;
    ok(call(one, WAITED, NGX_ERROR) == NGX_DONE,
       "the third opens it, however late");
    ok(span >= 10 * SECOND && span <= 11 * SECOND,
       "for ten seconds and a little: %lu", (unsigned long) span);

    ok(is_open(one, WAITED) == NGX_BUSY && after >= 10 && after <= 11,
       "it is open: %ld s", (long) after);
    ok(ask(one, WAITED) == NGX_BUSY && after >= 10, "nobody calls");
    ok(ngx_http_wix_auth_breaker_cause(z, one, WAITED) == 2,
       "for the cause of the failure that has opened it");

    ngx_current_msec += 10 * SECOND - 1;
    ok(ask(one, WAITED) == NGX_BUSY && after >= 1 && after <= 2,
       "for fail_timeout");

    ngx_current_msec += SECOND + 1;
    ok(is_open(one, WAITED) == NGX_OK, "then it lets one through");
    ok(is_open(one, WAITED) == NGX_OK, "which a question does not take");
    ok(ask(one, WAITED) == NGX_DONE, "a call does");
    ok(ask(one, WAITED) == NGX_BUSY && after == 1, "no other");
    ok(is_open(one, WAITED) == NGX_BUSY && after == 1, "and that is told");

    ngx_current_msec += 2 * SECOND;
    ok(result(one, WAITED, ticket, NGX_OK) == NGX_AGAIN, "its success closes");
    ok(span >= 12 * SECOND && span <= 14 * SECOND,
       "after so long: %lu", (unsigned long) span);
    ok(is_open(one, WAITED) == NGX_OK, "closed");

    ok(call(one, WAITED, NGX_ERROR) == NGX_OK
       && call(one, WAITED, NGX_ERROR) == NGX_OK, "it counts from zero");
    ok(call(one, WAITED, NGX_ERROR) == NGX_DONE, "and opens again");

    /* other servers may have other settings */

    conf.fail_timeout = SECOND;
    ok(is_open(one, WAITED) == NGX_OK, "a shorter fail_timeout counts");
    conf.fail_timeout = 10 * SECOND;
    ok(is_open(one, WAITED) == NGX_BUSY, "for who has it");
}


void
test_breaker_probe(void)
{
    ngx_uint_t  i, probe, most, least;

    z = zone();
    open_it(one, REFRESH);

    most = 0;
    least = 100 * SECOND;

    for (i = 0; i < 100; i++) {
        ngx_current_msec += 11 * SECOND;

        if (ask(one, REFRESH) != NGX_DONE
            || ask(one, REFRESH) != NGX_BUSY
            || result(one, REFRESH, ticket, NGX_ERROR) != NGX_OK)
        {
            break;
        }

        for (probe = 0; is_open(one, REFRESH) == NGX_BUSY; probe += 50) {
            ngx_current_msec += 50;
        }

        most = ngx_max(most, probe);
        least = ngx_min(least, probe);
    }

    ok(i == 100, "a failed probe opens it again, a hundred times");
    ok(least >= 10 * SECOND && most <= 11 * SECOND,
       "for fail_timeout: %lu to %lu", (unsigned long) least,
       (unsigned long) most);
    ok(most - least >= SECOND / 4, "with jitter");

    ok(ask(one, REFRESH) == NGX_DONE, "a probe");
    ok(result(one, REFRESH, ticket, NGX_DECLINED) == NGX_OK,
       "that is given up");
    ok(ask(one, REFRESH) == NGX_DONE, "makes room for the next at once");

    /* the worker that makes this one is killed */

    probe = ticket;
    ngx_current_msec += TIMEOUT - 1;
    ok(ask(one, REFRESH) == NGX_BUSY, "it is waited for");
    ngx_current_msec += 1;
    ok(ask(one, REFRESH) == NGX_DONE, "but not for ever");
    ok(ask(one, REFRESH) == NGX_BUSY, "one at a time");

    ok(result(one, REFRESH, probe, NGX_OK) == NGX_OK
       && is_open(one, REFRESH) == NGX_BUSY, "an old probe closes nothing");
    ok(result(one, REFRESH, probe, NGX_ERROR) == NGX_OK
       && ask(one, REFRESH) == NGX_BUSY, "and ends nothing");
    ok(result(one, REFRESH, ticket, NGX_OK) == NGX_AGAIN, "the new one does");
}


/* calls that were under way when the state changed */

void
test_breaker_late(void)
{
    ngx_uint_t  i, early[8];

    z = zone();

    for (i = 0; i < nelems(early); i++) {
        (void) ask(one, LOOKUP);
        early[i] = ticket;
    }

    ok(result(one, LOOKUP, early[0], NGX_ERROR) == NGX_OK
       && result(one, LOOKUP, early[1], NGX_ERROR) == NGX_OK
       && result(one, LOOKUP, early[2], NGX_ERROR) == NGX_DONE,
       "calls side by side");

    ngx_current_msec += 9 * SECOND;
    ok(result(one, LOOKUP, early[3], NGX_ERROR) == NGX_OK,
       "a failure more is no news");
    ok(is_open(one, LOOKUP) == NGX_BUSY && after <= 2, "nor makes it longer");
    ok(result(one, LOOKUP, early[4], NGX_OK) == NGX_OK
       && is_open(one, LOOKUP) == NGX_BUSY, "a late answer closes nothing");

    ngx_current_msec += 2 * SECOND;
    ok(ask(one, LOOKUP) == NGX_DONE, "a probe");
    ok(result(one, LOOKUP, early[5], NGX_ERROR) == NGX_OK
       && ask(one, LOOKUP) == NGX_BUSY, "is not failed by another call");
    ok(result(one, LOOKUP, ticket, NGX_OK) == NGX_AGAIN, "closed");

    for (i = 0; i < 10; i++) {
        (void) result(one, LOOKUP, early[6], NGX_ERROR);
    }

    ok(is_open(one, LOOKUP) == NGX_OK, "nor by one of long ago");
}


void
test_breaker_apart(void)
{
    z = zone();
    open_it(one, LOOKUP);

    ok(is_open(one, LOOKUP) == NGX_BUSY, "lookups fail");
    ok(ask(one, WAITED) == NGX_OK && ask(one, REFRESH) == NGX_OK,
       "other classes do not");
    ok(ask(two, LOOKUP) == NGX_OK, "nor another client's");

    (void) call(one, WAITED, NGX_OK);
    ok(is_open(one, LOOKUP) == NGX_BUSY, "and do not close it");
}


/* more clients than slots */

void
test_breaker_slots(void)
{
    u_char           client[16];
    ngx_uint_t       i, kept;
    ngx_shm_zone_t  *to;

    z = zone();
    memset(client, 0, 16);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_CLIENTS; i++) {
        client[3] = (u_char) i;
        open_it(client, WAITED);
    }

    client[3] = 200;
    ok(call(client, WAITED, NGX_OK) == NGX_OK, "one without a slot may call");
    open_it(client, WAITED);
    ok(is_open(client, WAITED) == NGX_OK, "always");

    for (kept = 0, i = 0; i < NGX_HTTP_WIX_AUTH_CLIENTS; i++) {
        client[3] = (u_char) i;
        kept += is_open(client, WAITED) == NGX_BUSY;
    }

    ok(kept == NGX_HTTP_WIX_AUTH_CLIENTS, "and takes none that is in use: %lu",
       (unsigned long) kept);

    to = zone();
    ngx_current_msec = 51 * SECOND;
    ngx_http_wix_auth_counter_move(
                               ((ngx_http_wix_auth_zone_t *) to->data)->sh,
                               ((ngx_http_wix_auth_zone_t *) z->data)->sh);
    client[3] = 7;
    ok(ngx_http_wix_auth_breaker_open(to, client, WAITED, &conf, &after)
       == NGX_BUSY, "a zone of another size knows what is open");

    /* clients that are gone, and a new one */

    ngx_current_msec += 100 * SECOND;
    client[3] = 200;
    open_it(client, WAITED);
    ok(is_open(client, WAITED) == NGX_OK, "they are not forgotten at once");

    ngx_current_msec += 100 * SECOND;
    open_it(client, WAITED);
    ok(is_open(client, WAITED) == NGX_BUSY, "but in the end");
}


void
test_breaker_none(void)
{
    ngx_http_wix_auth_breaker_conf_t  off = { 0, 0 };

    z = zone();
    open_it(one, WAITED);

    ok(ngx_http_wix_auth_breaker_ask(z, one, WAITED, &off, TIMEOUT, &ticket,
                                     &after) == NGX_OK
       && ngx_http_wix_auth_breaker_result(z, one, WAITED, &off, ticket,
                                           NGX_OK, 0, &span) == NGX_OK
       && ngx_http_wix_auth_breaker_open(z, one, WAITED, &off, &after)
          == NGX_OK, "off");
    ok(is_open(one, WAITED) == NGX_BUSY, "and without a word");

    ok(ngx_http_wix_auth_breaker_ask(z, one, NGX_HTTP_WIX_AUTH_CLASS_NONE,
                                     &conf, TIMEOUT, &ticket, &after)
       == NGX_OK
       && ngx_http_wix_auth_breaker_result(z, one,
                                           NGX_HTTP_WIX_AUTH_CLASS_NONE,
                                           &conf, ticket, NGX_ERROR, 2,
                                           &span)
          == NGX_OK, "what is not the API");

    z = NULL;
    ok(ask(one, WAITED) == NGX_OK
       && result(one, WAITED, ticket, NGX_ERROR) == NGX_OK
       && is_open(one, WAITED) == NGX_OK, "no zone");
    ok(ngx_http_wix_auth_breaker_cause(z, one, WAITED) == 0, "and no cause");
}


void
test_budget_refresh(void)
{
    u_char      other[16] = "another session";
    ngx_uint_t  i, taken, held;

    z = zone();
    memcpy(record.id, "this session....", 16);
    record.retry_at = 0;

    for (i = 0, taken = 0; i < 50; i++) {
        taken += ngx_http_wix_auth_budget_refresh(z, one, other) == NGX_OK;
        ngx_current_msec += 10;
    }

    ok(taken == 20, "20 in a second: %lu", (unsigned long) taken);
    ok(record.retry_at == 0, "a record that is gone has no back-off");
    ok(ngx_http_wix_auth_budget_refresh(z, two, record.id) == NGX_OK
       && record.retry_at == 0, "another client has its own");

    for (i = 0, held = 0; i < 20; i++) {
        held += ngx_http_wix_auth_budget_refresh(z, one, record.id) == NGX_BUSY
                && record.retry_at >= ngx_current_msec + 750
                && record.retry_at <= ngx_current_msec + 1250;
    }

    ok(held == 20, "who is over it comes back in about a second");

    ngx_current_msec += 500;
    ok(ngx_http_wix_auth_budget_refresh(z, one, record.id) == NGX_OK,
       "the next second");

    /* a 429 holds what can wait, and this may be somebody without grace */

    ngx_http_wix_auth_budget_pause(z, one, 60);
    ok(ngx_http_wix_auth_budget_refresh(z, one, record.id) == NGX_OK,
       "a pause is another matter");
}
