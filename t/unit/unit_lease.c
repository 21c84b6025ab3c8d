
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The life of a session under refresh, over all workers: every order of what
 * three workers, the clock, a kill, a logout and the answers of Wix can do is
 * tried on the real functions, and in every state that comes of it the rules
 * must hold.  Nothing runs at the same time here, because each function takes
 * the lock of the zone; it is the order that matters.
 */


#include "unit.h"


/* other tests have a zone of their own, so this one brings its copy along */

#define ngx_http_wix_auth_zone_find  lease_zone_find

#include "ngx_http_wix_auth_session.c"
#include "ngx_http_wix_auth_block.c"
#include "ngx_http_wix_auth_zone.c"

#include "unit_lease.h"


volatile ngx_time_t  *ngx_cached_time;
extern volatile ngx_msec_t  ngx_current_msec;

static world_t           w;
static ngx_shm_zone_t   *shm_zone;
static u_char            id[16] = "a session";
static u_char           *seen;
static ngx_uint_t        states, moves, broken, revoked, stored;
static const char       *rule;


static void explore(void);
static ngx_uint_t known(void);
static picture_t *picture(void);
static uint32_t left(ngx_msec_t time);
static int compare(const void *one, const void *two);
static void settled(void);
static move_e worker_moves(ngx_uint_t n, ngx_uint_t choice);
static void look(worker_t *wk);
static void lease(ngx_uint_t n);
static move_e call(worker_t *wk, ngx_uint_t answer);
static void answered(ngx_uint_t n);
static void got_tokens(worker_t *wk);
static void got_grant(ngx_uint_t n);
static ngx_uint_t other_holds(ngx_uint_t n);
static move_e world_moves(ngx_uint_t choice);
static void holds(ngx_uint_t good, const char *what);
static ngx_http_wix_auth_record_node_t *record(void);
static ngx_uint_t stored_token(void);
static void begin(trouble_t *t);
static ngx_str_t token(char kind, ngx_uint_t n);
static ngx_uint_t number(ngx_str_t *text);
static ngx_int_t with_chain(u_char id[16], const char *name, char kind);
static ngx_str_t long_token(char kind);
static ngx_uint_t its_own(void);


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    /* void */
}


void
test_lease(void)
{
    size_t      i;
    ngx_uint_t  total;

    /* more of each would only repeat what these have shown */

    static trouble_t  troubles[] = {
        { "nothing goes wrong", ROTATE_STRICT, 6, 0, 0, 0, 0, 0, 0, 0 },
        { "off", ROTATE_OFF, 4, 1, 1, 1, 0, 0, 1, 1 },
        { "grace", ROTATE_GRACE, 4, 1, 2, 1, 0, 0, 1, 1 },
        { "grace, with a logout", ROTATE_GRACE, 4, 1, 1, 0, 1, 0, 1, 1 },
        { "grace, Wix ends it", ROTATE_GRACE, 4, 1, 1, 0, 0, 1, 1, 1 },
        { "strict", ROTATE_STRICT, 4, 1, 2, 1, 0, 0, 1, 1 },
        { "strict, Wix ends it", ROTATE_STRICT, 4, 1, 1, 0, 0, 1, 0, 1 }
    };

    seen = malloc((size_t) SEEN * 16);
    total = 0;

    for (i = 0; i < nelems(troubles); i++) {
        begin(&troubles[i]);
        explore();

        ok(broken == 0, "lease: %s: %lu states, %lu moves, %lu stored, "
           "%lu revoked%s%s", troubles[i].name, (unsigned long) states,
           (unsigned long) moves, (unsigned long) stored,
           (unsigned long) revoked, broken ? ": not so: " : "",
           broken ? rule : "");
        ok(stored > 0, "lease: %s: tokens were stored", troubles[i].name);

        /*
         * What costs a session: Wix says so, or a strict rotation whose
         * answer was lost.
         */

        ok((revoked > 0) == (troubles[i].bans
                             || (troubles[i].rotate == ROTATE_STRICT
                                 && troubles[i].losses)),
           "lease: %s: sessions end when they must, and only then",
           troubles[i].name);

        total += states;
    }

    ok(total > 20000, "lease: every order of %lu states is fine",
       (unsigned long) total);

    free(seen);
    seen = NULL;
}


/* every move from here, and all that follow */

static void
explore(void)
{
    move_e      move;
    world_t     was;
    ngx_uint_t  n, choice, moved;

    if (broken || known()) {
        return;
    }

    states++;
    moved = 0;
    was = w;

    for (n = 0; n <= WORKERS; n++) {
        for (choice = 0; /* void */ ; choice++) {

            ngx_current_msec = w.now;

            move = (n < WORKERS) ? worker_moves(n, choice)
                                 : world_moves(choice);

            if (move == MOVE_NONE) {
                break;
            }

            if (move == MOVE_DONE) {
                moves++;
                moved = 1;
                explore();
            }

            w = was;
        }
    }

    if (!moved) {
        settled();
        w = was;
    }
}


/*
 * The state as far as it matters: where blocks lie does not, nor how late it
 * is, nor which worker is which.
 */

static ngx_uint_t
known(void)
{
    u_char      *p, digest[16];
    size_t       i;

    static u_char  key[16], zero[16];

    ngx_http_wix_auth_siphash(key, (u_char *) picture(), sizeof(picture_t),
                              digest);

    memcpy(&i, digest, sizeof(i));

    for (i %= SEEN; /* void */ ; i = (i + 1) % SEEN) {
        p = seen + i * 16;

        if (memcmp(p, digest, 16) == 0) {
            return 1;
        }

        if (memcmp(p, zero, 16) == 0) {
            break;
        }
    }

    holds(states < SEEN / 2, "there is room for all states");
    memcpy(p, digest, 16);

    return 0;
}


static picture_t *
picture(void)
{
    ngx_uint_t                        i;
    worker_t                         *wk;
    ngx_http_wix_auth_record_node_t  *rn;

    static picture_t  s;

    memset(&s, 0, sizeof(s));

    rn = record();

    memcpy(&s.left, &w.model.left, sizeof(trouble_t));
    memcpy(s.valid, w.model.valid, TOKENS);
    memcpy(s.parent, w.model.parent, TOKENS);
    s.banned = w.model.banned;
    s.ended = w.model.ended;
    s.failures = rn->failures;
    s.reason = rn->reason;
    s.token = rn->reason ? 0 : stored_token();
    s.retry = left(rn->retry_at);
    s.until = rn->lease ? left(rn->lease_until) : 0;

    for (i = 0; i < WORKERS; i++) {
        wk = &w.model.worker[i];

        s.worker[i].step = wk->step;
        s.worker[i].answer = wk->answer;
        s.worker[i].sent = wk->sent;
        s.worker[i].got = wk->got;
        s.worker[i].holds = wk->holds;
        s.worker[i].newest = (wk->generation == rn->generation);
        s.worker[i].own = (wk->holds && wk->lease == rn->lease);
        s.worker[i].until = wk->holds ? left(wk->until) : 0;
    }

    qsort(s.worker, WORKERS, sizeof(s.worker[0]), compare);

    return &s;
}


static uint32_t
left(ngx_msec_t time)
{
    return (time > w.now) ? time - w.now : 0;
}


static int
compare(const void *one, const void *two)
{
    return memcmp(one, two, sizeof(((picture_t *) NULL)->worker[0]));
}


/* nothing more happens: whoever comes then can go on */

static void
settled(void)
{
    ngx_int_t                         rc;
    ngx_uint_t                        lease;
    ngx_pool_t                       *p;
    ngx_http_wix_auth_session_t       s;
    ngx_http_wix_auth_record_node_t  *rn;

    rn = record();
    holds(rn != NULL, "what has ended leaves a tombstone");

    holds(rn == NULL
          || w.memory.sh.blocks.used == ngx_http_wix_auth_blocks_for(
                 ngx_http_wix_auth_record_size(rn,
                                               NGX_HTTP_WIX_AUTH_STRING_ALL)),
          "no block is lost");

    if (rn == NULL || rn->reason) {
        return;
    }

    holds(!w.model.ended, "a session that was ended stays so");

    p = ngx_create_pool(0, pool->log);
    ngx_current_msec += 60000;

    rc = ngx_http_wix_auth_session_lease(shm_zone, id, rn->generation, LEASE,
                                         p, &s, &lease);
    holds(rc == NGX_OK, "after a while anybody may refresh");

    ngx_destroy_pool(p);
}


static move_e
worker_moves(ngx_uint_t n, ngx_uint_t choice)
{
    worker_t  *wk;

    wk = &w.model.worker[n];

    switch (wk->step) {

    case STEP_LOOK:
        if (choice || w.model.left.looks == 0) {
            return MOVE_NONE;
        }

        look(wk);
        return MOVE_DONE;

    case STEP_LEASE:
        if (choice) {
            return MOVE_NONE;
        }

        lease(n);
        return MOVE_DONE;

    case STEP_CALL:
        return (choice > ANSWER_ERROR) ? MOVE_NONE : call(wk, choice);

    case STEP_ANSWER:
        if (choice) {
            return MOVE_NONE;
        }

        answered(n);
        return MOVE_DONE;

    default: /* STEP_DEAD */
        return MOVE_NONE;
    }
}


static void
look(worker_t *wk)
{
    u_char                             buf[1024];
    ngx_int_t                          rc;
    ngx_http_wix_auth_session_t        s;
    ngx_http_wix_auth_session_query_t  q;

    memset(&q, 0, sizeof(q));
    memcpy(q.id, id, 16);
    q.now = 1;
    q.buf = buf;
    q.size = sizeof(buf);
    q.access = 1;

    rc = ngx_http_wix_auth_session_find(shm_zone, &q, &s);

    w.model.left.looks--;

    if (rc != NGX_OK) {
        holds(rc == NGX_ABORT && record() && record()->reason,
              "a living session is found");
        return;
    }

    holds(number(&s.access_token) == stored_token(),
          "tokens change together");

    /* a token that is used is what a grace ends with */

    if (w.model.left.rotate == ROTATE_GRACE) {
        w.model.valid[w.model.parent[stored_token()]] = 0;
    }

    if (!s.leased) {
        wk->generation = s.generation;
        wk->step = STEP_LEASE;
    }
}


static void
lease(ngx_uint_t n)
{
    ngx_int_t                         rc;
    worker_t                         *wk;
    ngx_uint_t                        held, lease;
    ngx_pool_t                       *p;
    ngx_http_wix_auth_session_t       s;
    ngx_http_wix_auth_record_node_t  *rn;

    wk = &w.model.worker[n];
    wk->step = STEP_LOOK;

    rn = record();
    held = other_holds(n);
    p = ngx_create_pool(0, pool->log);

    rc = ngx_http_wix_auth_session_lease(shm_zone, id, wk->generation, LEASE,
                                         p, &s, &lease);

    switch (rc) {

    case NGX_OK:
        holds(!held, "one refresh at a time");
        holds(rn && rn->reason == 0 && rn->generation == wk->generation,
              "a lease is for the generation that was seen");

        wk->step = STEP_CALL;
        wk->holds = 1;
        wk->lease = lease;
        wk->until = ngx_current_msec + LEASE;
        wk->sent = number(&s.refresh_token);

        holds(wk->sent == stored_token(), "the token that is stored is sent");
        break;

    case NGX_BUSY:
        holds(held, "busy: somebody holds the lease");
        break;

    case NGX_DONE:
        holds(rn->generation != wk->generation, "done: somebody was faster");
        break;

    case NGX_ABORT:
        holds(rn->failures && rn->retry_at > ngx_current_msec,
              "no pause but after a failure");
        break;

    default: /* NGX_DECLINED */
        holds(rn == NULL || rn->reason, "declined: it has ended");
        break;
    }

    ngx_destroy_pool(p);
}


/* Wix gets the request, whenever that is */

static move_e
call(worker_t *wk, ngx_uint_t answer)
{
    model_t  *m;

    m = &w.model;

    if ((answer == ANSWER_ERROR && m->left.errors == 0)
        || (answer == ANSWER_LOST && m->left.losses == 0))
    {
        return MOVE_SKIPPED;
    }

    wk->step = STEP_ANSWER;
    wk->answer = answer;

    if (answer == ANSWER_ERROR) {
        m->left.errors--;
        return MOVE_DONE;
    }

    if (answer == ANSWER_LOST) {
        m->left.losses--;
    }

    if (m->banned || !m->valid[wk->sent]) {

        if (answer == ANSWER_TOKENS) {
            wk->answer = ANSWER_GRANT;
        }

        return MOVE_DONE;
    }

    switch (m->left.rotate) {

    case ROTATE_OFF:
        wk->got = wk->sent;
        return MOVE_DONE;

    case ROTATE_GRACE:
        m->valid[m->parent[wk->sent]] = 0;
        break;

    default: /* ROTATE_STRICT */
        m->valid[wk->sent] = 0;
    }

    holds(m->issued < TOKENS - 1, "there are tokens enough");

    wk->got = ++m->issued;
    m->valid[wk->got] = 1;
    m->parent[wk->got] = wk->sent;

    return MOVE_DONE;
}


static void
answered(ngx_uint_t n)
{
    worker_t    *wk;
    ngx_uint_t   held, alive, before;

    wk = &w.model.worker[n];

    switch (wk->answer) {

    case ANSWER_TOKENS:
        got_tokens(wk);
        break;

    case ANSWER_GRANT:
        got_grant(n);
        break;

    default: /* ANSWER_LOST, ANSWER_ERROR */
        alive = record()->reason == 0;
        before = alive ? stored_token() : 0;
        held = other_holds(n);

        ngx_http_wix_auth_session_failed(shm_zone, id, wk->generation,
                                         wk->lease, 1, -1);

        holds(held == ngx_http_wix_auth_record_leased(record(),
                                                      ngx_current_msec),
              "a failure gives back its own lease and no other");
        holds(!alive || (record()->reason == 0 && stored_token() == before),
              "a failure ends no session and changes no token");
    }

    memset(wk, 0, sizeof(worker_t));
}


static void
got_tokens(worker_t *wk)
{
    ngx_int_t                         rc;
    ngx_str_t                         access, refresh;
    ngx_uint_t                        alive, generation;
    ngx_http_wix_auth_record_node_t  *rn;

    rn = record();
    alive = rn->reason == 0;
    generation = rn->generation;

    access = token('a', wk->got);
    refresh = token('r', wk->got);

    rc = ngx_http_wix_auth_session_refreshed(shm_zone, id, wk->generation,
                                             &access, &refresh, 3600, 3600,
                                             pool->log);
    if (rc != NGX_OK) {
        holds(rc == NGX_DECLINED, "there is room for it");
        holds(!alive || generation != wk->generation,
              "nothing that came in time is thrown away");
        return;
    }

    stored++;

    holds(alive && generation == wk->generation,
          "tokens replace only those that they were made from");
    holds(rn->generation == generation + 1, "a generation is one more");
    holds(stored_token() == wk->got && rn->lease == 0,
          "what came is stored, and the lease is over");
}


static void
got_grant(ngx_uint_t n)
{
    worker_t                         *wk;
    ngx_uint_t                        alive, before, held, generation;
    ngx_http_wix_auth_record_node_t  *rn;

    wk = &w.model.worker[n];
    rn = record();
    alive = rn->reason == 0;
    before = alive ? stored_token() : 0;
    generation = rn->generation;
    held = other_holds(n);

    if (ngx_http_wix_auth_session_revoke(shm_zone, id, wk->generation,
                                         wk->lease, 1)
        != NGX_OK)
    {
        holds(!alive || generation != wk->generation || held,
              "a session that Wix has ended does end");
        return;
    }

    revoked++;

    holds(alive && before == wk->sent && generation == wk->generation,
          "only the token that is stored ends a session");
    holds(!held, "not while somebody else is at it");
    holds(w.model.left.rotate == ROTATE_STRICT || w.model.banned,
          "a rotation with a grace costs nobody the session");
}


/* does another worker, alive or dead, hold the lease of these tokens? */

static ngx_uint_t
other_holds(ngx_uint_t n)
{
    ngx_uint_t                        i;
    worker_t                         *wk;
    ngx_http_wix_auth_record_node_t  *rn;

    rn = record();

    for (i = 0; i < WORKERS; i++) {
        wk = &w.model.worker[i];

        if (i != n && wk->holds && wk->until > ngx_current_msec
            && rn->reason == 0 && rn->generation == wk->generation)
        {
            return 1;
        }
    }

    return 0;
}


/* the clock, a kill, a logout, and Wix that has had enough */

static move_e
world_moves(ngx_uint_t choice)
{
    model_t   *m;
    worker_t  *wk;

    m = &w.model;

    switch (choice) {

    case 0:
        if (m->left.ticks == 0) {
            return MOVE_SKIPPED;
        }

        m->left.ticks--;
        w.now += 1500;
        return MOVE_DONE;

    case 1:
        if (m->left.leaps == 0) {
            return MOVE_SKIPPED;
        }

        m->left.leaps--;
        w.now += 40000;
        return MOVE_DONE;

    case 2:
        if (m->left.ends == 0) {
            return MOVE_SKIPPED;
        }

        m->left.ends--;
        m->ended = 1;
        (void) ngx_http_wix_auth_session_end(shm_zone, id,
                                        NGX_HTTP_WIX_AUTH_SESSION_ENDED, 1);
        holds(record()->reason != 0, "a logout ends a session");
        return MOVE_DONE;

    case 3:
        if (m->left.bans == 0) {
            return MOVE_SKIPPED;
        }

        m->left.bans--;
        m->banned = 1;
        return MOVE_DONE;

    default:
        if (choice - 4 >= WORKERS) {
            return MOVE_NONE;
        }

        wk = &m->worker[choice - 4];

        /* whoever has nothing in hand is missed by nobody */

        if (m->left.kills == 0 || !wk->holds || wk->step == STEP_DEAD) {
            return MOVE_SKIPPED;
        }

        m->left.kills--;
        wk->step = STEP_DEAD;
        return MOVE_DONE;
    }
}


static void
holds(ngx_uint_t good, const char *what)
{
    if (!good && broken == 0) {
        broken = 1;
        rule = what;
    }
}


static ngx_http_wix_auth_record_node_t *
record(void)
{
    return ngx_http_wix_auth_zone_find(&w.memory.sh, id);
}


/* the number of the tokens in the record, which must be of one make */

static ngx_uint_t
stored_token(void)
{
    u_char     buf[1024];
    ngx_str_t  s[NGX_HTTP_WIX_AUTH_STRINGS];

    (void) ngx_http_wix_auth_record_strings(record(),
                                            NGX_HTTP_WIX_AUTH_STRING_ALL, buf,
                                            s);

    holds(number(&s[NGX_HTTP_WIX_AUTH_STRING_ACCESS])
          == number(&s[NGX_HTTP_WIX_AUTH_STRING_REFRESH]),
          "no token of one answer beside that of another");

    return number(&s[NGX_HTTP_WIX_AUTH_STRING_REFRESH]);
}


static void
begin(trouble_t *t)
{
    ngx_uint_t                    i;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_session_t   s;

    static ngx_time_t  time = { 1, 0, 0 };

    memset(&w, 0, sizeof(w));
    memset(seen, 0, (size_t) SEEN * 16);

    states = moves = broken = revoked = stored = 0;

    ngx_cached_time = &time;
    ngx_current_msec = w.now = 100000;

    w.memory.sh.blocks.all = BLOCKS;
    w.memory.sh.blocks.fresh = w.memory.block[0];
    w.memory.sh.buckets = w.memory.bucket;
    w.memory.sh.nbuckets = 2;
    w.memory.sh.shift = 8 * sizeof(ngx_uint_t) - 1;
    ngx_queue_init(&w.memory.sh.members);
    ngx_queue_init(&w.memory.sh.guests);
    ngx_queue_init(&w.memory.sh.ended);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KINDS; i++) {
        ngx_queue_init(&w.memory.sh.age[i]);
    }

    zone = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_zone_t));
    zone->sh = &w.memory.sh;
    zone->shpool = ngx_pcalloc(pool, sizeof(ngx_slab_pool_t));

    shm_zone = ngx_pcalloc(pool, sizeof(ngx_shm_zone_t));
    shm_zone->data = zone;

    memset(&s, 0, sizeof(s));
    memcpy(s.id, id, 16);
    s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s.expires = 86400;
    s.token_expires = 1;
    s.token_lifetime = 1;
    s.member_id = text("ann");
    s.access_token = token('a', 1);
    s.refresh_token = token('r', 1);

    if (ngx_http_wix_auth_session_create(shm_zone, &s, pool->log) != NGX_OK) {
        holds(0, "there is a session");
    }

    w.model.left = *t;
    w.model.issued = 1;
    w.model.valid[1] = 1;
}


/* a kind, a number, and so many more that it does not fit into the head */

static ngx_str_t
token(char kind, ngx_uint_t n)
{
    static char  a[PAD], r[PAD];

    char       *p;
    ngx_str_t   s;

    p = (kind == 'a') ? a : r;
    memset(p, kind, PAD);
    p[0] = (char) ('A' + n);
    p[PAD - 1] = (char) ('A' + n);

    s.data = (u_char *) p;
    s.len = PAD;

    return s;
}


/* 0 when its beginning and its end are of two */

static ngx_uint_t
number(ngx_str_t *text)
{
    if (text->len != PAD || text->data[0] != text->data[PAD - 1]) {
        return 0;
    }

    return text->data[0] - 'A';
}


/*
 * A worker is killed while it changes a session, and the master opens the
 * lock: the session may be lost, but what is found of it is its own.
 */

void
test_lease_killed(void)
{
    u_char      other[16] = "another";
    ngx_str_t   access;
    ngx_uint_t  n, op, kills, good;

    static trouble_t  none = { "none", ROTATE_OFF, 0, 0, 0, 0, 0, 0, 0, 0 };

    seen = malloc((size_t) SEEN * 16);
    kills = 0;
    good = 1;

    for (op = 0; op < 3; op++) {
        for (n = 1; n < 10; n++) {
            begin(&none);
            good &= (with_chain(id, "ann", 'a') == NGX_OK);

            stub_kill = n;

            if (setjmp(stub_killed) == 0) {

                access = long_token('a');

                if (op == 0) {
                    (void) ngx_http_wix_auth_session_refreshed(shm_zone, id, 1,
                               &access, &access, 86400, 1, pool->log);

                } else if (op == 1) {
                    (void) ngx_http_wix_auth_session_end(shm_zone, id,
                               NGX_HTTP_WIX_AUTH_SESSION_ENDED, 0);

                } else {
                    access.len = 10;
                    (void) ngx_http_wix_auth_session_refreshed(shm_zone, id, 1,
                               &access, &access, 86400, 1, pool->log);
                }

            } else {
                kills++;
            }

            stub_kill = 0;

            good &= its_own();

            /* somebody else logs in, and takes what blocks there are */

            (void) with_chain(other, "bob", 'b');

            good &= its_own();
        }
    }

    free(seen);
    seen = NULL;

    ok(kills > 5, "lease: %lu workers are killed while they write",
       (unsigned long) kills);
    ok(good, "lease: nobody gets what is another's");
}


/* a session whose tokens take more than one block beside the head */

static ngx_int_t
with_chain(u_char id[16], const char *name, char kind)
{
    ngx_http_wix_auth_session_t  s;

    memset(&s, 0, sizeof(s));
    memcpy(s.id, id, 16);

    s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s.expires = 86400;
    s.token_expires = 1;
    s.member_id = text(name);
    s.access_token = long_token(kind);
    s.refresh_token = long_token(kind);

    return ngx_http_wix_auth_session_create(shm_zone, &s, pool->log);
}


static ngx_str_t
long_token(char kind)
{
    ngx_str_t  s;

    static char  a[LONG], b[LONG];

    s.data = (u_char *) ((kind == 'a') ? a : b);
    s.len = LONG;

    memset(s.data, kind, LONG);

    return s;
}


/* what is found of the session is its own, if it is found at all */

static ngx_uint_t
its_own(void)
{
    u_char                             buf[1024];
    size_t                             i;
    ngx_http_wix_auth_session_t        s;
    ngx_http_wix_auth_session_query_t  q;

    memset(&q, 0, sizeof(q));
    memcpy(q.id, id, 16);
    q.buf = buf;
    q.size = sizeof(buf);
    q.access = 1;

    if (ngx_http_wix_auth_session_find(shm_zone, &q, &s) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < s.access_token.len; i++) {
        if (s.access_token.data[i] != 'a') {
            return 0;
        }
    }

    return s.member_id.len == 3 && memcmp(s.member_id.data, "ann", 3) == 0
           && s.access_token.len != 0;
}


/* a zone that lacks one block, or two, or all */

void
test_lease_room(void)
{
    u_char                       other[16] = "another", small[16];
    ngx_uint_t                   n, left;
    ngx_http_wix_auth_session_t  s;

    static trouble_t  none = { "none", ROTATE_OFF, 0, 0, 0, 0, 0, 0, 0, 0 };

    seen = malloc((size_t) SEEN * 16);

    for (n = 0; n < 4; n++) {
        begin(&none);
        (void) with_chain(id, "ann", 'a');

        /* of one block each */

        for (left = 3; left > n; left--) {
            memset(&s, 0, sizeof(s));
            memset(small, (int) left, 16);
            memcpy(s.id, small, 16);

            s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
            s.expires = 86400;
            s.member_id = text("bob");

            (void) ngx_http_wix_auth_session_create(shm_zone, &s, pool->log);
        }

        ok(ngx_http_wix_auth_blocks_left(&w.memory.sh) == n
           && with_chain(other, "eve", 'b') == NGX_OK
           && w.memory.sh.evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER] == (n < 3),
           "lease: three blocks where %lu are left cost %lu sessions",
           (unsigned long) n, (unsigned long) (n < 3));
    }

    free(seen);
    seen = NULL;
}
