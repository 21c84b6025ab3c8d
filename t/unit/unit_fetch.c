
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The queues of the fetch room, without libcurl and nginx's loop: how much is
 * done in a turn, in which order, and that nothing is lost in between.
 */


#include "unit.h"

#include <ngx_event.h>

#include "ngx_http_wix_auth_transfer.h"


#define TURN    NGX_HTTP_WIX_AUTH_FETCH_TURN
#define ACTIVE  NGX_HTTP_WIX_AUTH_FETCH_ACTIVE
#define MOST    (2 * ACTIVE)


static void fetch_begin(void);
static ngx_http_wix_auth_fetch_t *start(ngx_uint_t urgent);
static void handler(ngx_http_wix_auth_fetch_t *f);
static void in_order(ngx_http_wix_auth_fetch_t *f);
static void starter(ngx_http_wix_auth_fetch_t *f);
static void curl_ends(ngx_uint_t n);
static ngx_uint_t turn(void);


ngx_queue_t    ngx_posted_next_events;
ngx_rbtree_t   ngx_event_timer_rbtree;

static ngx_cycle_t                      cycle;
static ngx_http_wix_auth_fetch_conf_t   conf;
static ngx_http_wix_auth_fetch_t       *curl[MOST];   /* has these */
static ngx_uint_t                       ncurl, handled, timers, strangers;
static ngx_uint_t                       first, order;


/* nginx's, and the room's other parts */

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timers++;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timers--;
}


ngx_int_t
ngx_http_wix_auth_fetch_setup(ngx_http_wix_auth_fetch_transfer_t *t)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_fetch_attach(ngx_http_wix_auth_fetch_transfer_t *t)
{
    curl[ncurl++] = &t->fetch;
    return NGX_OK;
}


void
ngx_http_wix_auth_fetch_detach(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_uint_t  i;

    for (i = 0; i < ncurl; i++) {
        if (curl[i] == &t->fetch) {
            curl[i] = curl[--ncurl];
            return;
        }
    }
}


void
ngx_http_wix_auth_fetch_cleanup(ngx_http_wix_auth_fetch_transfer_t *t)
{
    /* void */
}


void
ngx_http_wix_auth_fetch_stop(ngx_cycle_t *cycle)
{
    /* void */
}


static void
fetch_begin(void)
{
    static ngx_time_t  now;

    ngx_cached_time = &now;
    ngx_queue_init(&ngx_posted_next_events);

    ncurl = handled = timers = strangers = first = order = 0;

    conf.timeout = 1000;
    cycle.log = pool->log;

    (void) ngx_http_wix_auth_fetch_init_worker(&cycle);
}


static ngx_http_wix_auth_fetch_t *
start(ngx_uint_t urgent)
{
    ngx_http_wix_auth_fetch_t  *f;

    f = ngx_http_wix_auth_fetch_create(pool->log);

    f->conf = &conf;
    f->handler = handler;
    f->urgent = urgent;

    ngx_http_wix_auth_fetch_start(f);

    return f;
}


static void
handler(ngx_http_wix_auth_fetch_t *f)
{
    handled++;
    strangers += !f->urgent;

    /* how many answers before the first refusal */

    if (f->error == NGX_HTTP_WIX_AUTH_FETCH_DONE && first == handled - 1) {
        first = handled;
    }
}


/* the ones whose turn it is, with the error of their first end */

static void
in_order(ngx_http_wix_auth_fetch_t *f)
{
    order += (f->status == order
              && f->error == NGX_HTTP_WIX_AUTH_FETCH_DONE);
}


/* what a handler starts comes after all that were there */

static void
starter(ngx_http_wix_auth_fetch_t *f)
{
    handled++;
    (void) start(f->urgent);
}


/* of those that curl has, the oldest first */

static void
curl_ends(ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_http_wix_auth_fetch_end(curl[i]->transfer,
                                    NGX_HTTP_WIX_AUTH_FETCH_DONE);
    }
}


/* the loop: 0 when it would sleep */

static ngx_uint_t
turn(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    if (ngx_queue_empty(&ngx_posted_next_events)) {
        return 0;
    }

    q = ngx_queue_head(&ngx_posted_next_events);
    ev = ngx_queue_data(q, ngx_event_t, queue);

    ngx_delete_posted_event(ev);
    ev->handler(ev);

    return 1;
}


void
test_fetch_turns(void)
{
    ngx_uint_t  i, before, most;

    fetch_begin();

    for (i = 0; i < 3 * TURN + 1; i++) {
        (void) start(1);
    }

    ok(ncurl == 0, "fetch: nothing is sent from inside start()");

    most = 0;

    for (i = 0; ncurl < 3 * TURN + 1; i++) {
        before = ncurl;

        if (!turn()) {
            break;
        }

        most = ngx_max(most, ncurl - before);
    }

    ok(ncurl == 3 * TURN + 1 && i == 4 && most == TURN,
       "fetch: %d transfers are begun in 4 turns", 3 * TURN + 1);
    ok(!turn(), "fetch: then there is nothing to do");

    curl_ends(3 * TURN + 1);
    ok(handled == 0, "fetch: no handler runs from inside curl");

    most = 0;

    for (i = 0; turn(); i++) {
        most = ngx_max(most, handled);
        handled = 0;
    }

    ok(i == 4 && most == TURN && ncurl == 0,
       "fetch: as many answers are handled in 4 turns");
    ok(timers == 0 && ngx_http_wix_auth_fetch_count() == 0,
       "fetch: nothing of them is left");

    ngx_http_wix_auth_fetch_exit_worker(&cycle);
}


void
test_fetch_order(void)
{
    ngx_uint_t                  i, all, urgent;
    ngx_http_wix_auth_fetch_t  *f;

    fetch_begin();

    for (i = 0; i < ACTIVE + 4; i++) {
        (void) start(0);
    }

    while (turn()) { /* void */ }

    ok(ncurl == ACTIVE && ngx_http_wix_auth_fetch_count() == ACTIVE + 4,
       "fetch: %d have a place, the others wait", ACTIVE);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_FETCH_RESERVE + 2; i++) {
        (void) start(1);
    }

    while (turn()) { /* void */ }

    ok(ncurl == ACTIVE + NGX_HTTP_WIX_AUTH_FETCH_RESERVE,
       "fetch: more of the urgent ones have");

    /* places of strangers: the urgent ones come first */

    urgent = 0;
    curl_ends(2);

    while (turn()) { /* void */ }

    for (i = 0; i < ncurl; i++) {
        urgent += curl[i]->urgent;
    }

    ok(urgent == NGX_HTTP_WIX_AUTH_FETCH_RESERVE + 2
       && ncurl == ACTIVE + NGX_HTTP_WIX_AUTH_FETCH_RESERVE,
       "fetch: and come before those that wait longer");

    /* a place that is given up is another's at once */

    f = start(1);
    while (turn()) { /* void */ }

    for (i = 0; curl[i]->urgent; i++) { /* void */ }

    ngx_http_wix_auth_fetch_cancel(curl[i]);
    strangers++;

    while (turn()) { /* void */ }

    ok(f->launched, "fetch: and get the place of one that is cancelled");

    /* one that waits, one that runs and one that has ended are cancelled */

    f = start(0);
    ngx_http_wix_auth_fetch_cancel(f);

    all = ACTIVE + 4 - !curl[0]->urgent;
    ngx_http_wix_auth_fetch_cancel(curl[0]);

    curl_ends(TURN + 2);

    all -= !curl[TURN + 1]->urgent;
    ngx_http_wix_auth_fetch_cancel(curl[TURN + 1]);

    handled = 0;

    while (turn()) { /* void */ }

    ok(handled == TURN + 1, "fetch: what is cancelled has no handler");

    while (ncurl) {
        curl_ends(ncurl);
        while (turn()) { /* void */ }
    }

    ok(timers == 0 && ngx_http_wix_auth_fetch_count() == 0
       && strangers == all,
       "fetch: all others have had theirs");

    ngx_http_wix_auth_fetch_exit_worker(&cycle);
}


void
test_fetch_deadline(void)
{
    ngx_uint_t                           i;
    ngx_http_wix_auth_fetch_t           *f;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    fetch_begin();

    for (i = 0; i < TURN; i++) {
        (void) start(1);
    }

    while (turn()) { /* void */ }

    f = start(1);

    while (turn()) { /* void */ }

    /* as many answers before it as a turn takes */

    curl_ends(TURN);

    t = f->transfer;
    t->deadline.timer_set = 0;
    timers--;
    t->deadline.handler(&t->deadline);

    ok(turn() && handled == TURN && timers == 1,
       "fetch: a transfer whose time is over holds the worker");
    ok(turn() && handled == TURN + 1 && timers == 0,
       "fetch: until it is handled");

    /* each handler starts another one, for ever */

    for (i = 0; i < TURN; i++) {
        start(1)->handler = starter;
    }

    (void) turn();
    handled = 0;

    for (i = 0; i < ncurl; i++) {
        curl[i]->handler = starter;
    }

    curl_ends(TURN);

    ok(turn() && handled == TURN && ncurl == TURN,
       "fetch: what handlers start is begun in their turn");

    curl_ends(TURN);

    while (turn()) { /* void */ }

    ngx_http_wix_auth_fetch_exit_worker(&cycle);

    ok(timers == 0, "fetch: no timer is left");
}


void
test_fetch_refused(void)
{
    ngx_uint_t  i, refused;

    fetch_begin();

    /* all places are taken, and all places of those who wait */

    refused = 100;

    for (i = 0; i < ACTIVE + NGX_HTTP_WIX_AUTH_FETCH_QUEUED; i++) {
        (void) start(0);
    }

    while (turn()) { /* void */ }

    for (i = 0; i < refused; i++) {
        (void) start(0);
    }

    ok(handled == 0, "fetch: who is refused hears of it later");

    curl_ends(2);
    (void) turn();

    ok(handled == TURN && first == 2,
       "fetch: two answers come before a hundred refusals");

    for (i = 0; i < 2; i++) {
        (void) turn();
    }

    ok(handled == 3 * TURN, "fetch: of which each turn has its part");

    /* the rest goes without a handler, as the worker does */

    handled = 0;
    ngx_http_wix_auth_fetch_exit_worker(&cycle);

    ok(handled == 0 && timers == 0
       && ngx_queue_empty(&ngx_posted_next_events),
       "fetch: a worker that leaves takes all with it");
}


/* first come, first served */

void
test_fetch_first(void)
{
    ngx_uint_t                  i, good;
    ngx_http_wix_auth_fetch_t  *f[3];

    fetch_begin();

    for (i = 0; i < 3; i++) {
        f[i] = start(1);
    }

    (void) turn();

    good = (curl[0] == f[0] && curl[1] == f[1] && curl[2] == f[2]);

    ok(good, "fetch: transfers are begun in their order");

    for (i = 0; i < 3; i++) {
        f[i]->status = i;
        f[i]->handler = in_order;
        ngx_http_wix_auth_fetch_end(f[i]->transfer,
                                    NGX_HTTP_WIX_AUTH_FETCH_DONE);
    }

    /* a deadline after the answer */

    ngx_http_wix_auth_fetch_end(f[1]->transfer,
                                NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT);

    order = 0;
    (void) turn();

    ok(order == 3, "fetch: and their answers handled in theirs");

    ngx_http_wix_auth_fetch_exit_worker(&cycle);
}
