
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * lock-time SESSIONS CALLS: for how long the zone is locked.  The module's own
 * functions work on a zone of so many sessions in the memory of one process;
 * the lock is the clock here, so what is measured is from when a worker has
 * the lock to when it gives it back.  Prints a line for each kind of call:
 *
 *     name, locked p50, p99, p99.9, whole call p50     (tabs between, ns)
 *
 * and before them one that is named "clock": what the clock itself takes.
 */


#include <sys/mman.h>
#include <time.h>

#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_state.h"
#include "ngx_http_wix_auth_zone.h"
#include "ngx_stubs.h"


#define TOKEN    1024
#define A_TURN   20000       /* calls that fall into the same second */
#define ALL_IN   2600        /* bytes of the zone for a session, enough */
#define FULL     (1 << 30)   /* numbers that no session had before */


ngx_uint_t                ngx_pagesize = 4096;
ngx_uint_t                ngx_test_config = 1;   /* no zone to take over */
volatile ngx_msec_t       ngx_current_msec;
volatile ngx_time_t      *ngx_cached_time;
volatile ngx_cycle_t     *ngx_cycle;

static ngx_log_t          quiet;
static ngx_time_t         now;
static ngx_shm_zone_t     shm_zone;
static ngx_slab_pool_t   *slab;
static u_char            *unused;
static uint64_t           locked_at, *held, *whole;
static ngx_uint_t         nheld;
static char               access_token[TOKEN], refresh_token[TOKEN];


static uint64_t
ns(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked_at = ns();
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    uint64_t  t;

    t = ns();

    if (held) {
        held[nheld++] = t - locked_at;
    }
}


/* tables of the zone, and at last all pages: nothing is given back */

void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    u_char  *p;

    size = ngx_align(size, 4096);

    if (size > pool->pfree * 4096) {
        return NULL;
    }

    p = unused;
    unused += size;
    pool->pfree -= size / 4096;

    return p;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    /* it is fresh from the kernel */
    return ngx_slab_alloc(pool, size);
}


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    /* void */
}


/* for a zone that is new in an nginx that runs */

ngx_int_t
ngx_http_wix_auth_zone_resize(ngx_shm_zone_t *shm_zone)
{
    return NGX_OK;
}


void
ngx_http_wix_auth_state_fresh(ngx_shm_zone_t *shm_zone)
{
    /* void */
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    return &shm_zone;
}


static void
die(const char *what)
{
    fprintf(stderr, "lock-time: %s\n", what);
    exit(1);
}


static void
create_zone(size_t size)
{
    ngx_conf_t         cf;
    static ngx_pool_t  pool;

    slab = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    if (slab == MAP_FAILED) {
        die("no memory");
    }

    unused = (u_char *) slab + 4096;
    slab->pfree = size / 4096 - 1;

    ngx_str_set(&shm_zone.shm.name, "members");
    shm_zone.shm.addr = (u_char *) slab;
    shm_zone.shm.size = size;

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    cf.pool = &pool;

    if (ngx_http_wix_auth_zone_add(&cf, &shm_zone.shm.name, size, NULL) == NULL
        || shm_zone.init(&shm_zone, NULL) != NGX_OK)
    {
        die("no zone");
    }
}


static void
id_of(ngx_uint_t i, u_char id[16])
{
    char       cookie[55];
    ngx_str_t  text;

    snprintf(cookie, sizeof(cookie), "A%053lu", (unsigned long) i);

    text.len = 54;
    text.data = (u_char *) cookie;

    ngx_http_wix_auth_session_id(&shm_zone, &text, id);
}


static ngx_int_t
create(ngx_uint_t i)
{
    char                         id[64], email[64];
    ngx_http_wix_auth_session_t  s;

    ngx_memzero(&s, sizeof(s));

    id_of(i, s.id);

    s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s.created = now.sec;
    s.expires = now.sec + 86400;
    s.token_expires = now.sec + 14400;
    s.token_lifetime = 14400;
    s.member_id.data = (u_char *) id;
    s.member_id.len = snprintf(id, sizeof(id),
                               "00000000-0000-4000-8000-%012lu",
                               (unsigned long) i);
    s.email.data = (u_char *) email;
    s.email.len = snprintf(email, sizeof(email), "member-%lu@example.com",
                           (unsigned long) i);
    s.access_token.data = (u_char *) access_token;
    s.access_token.len = TOKEN;
    s.refresh_token.data = (u_char *) refresh_token;
    s.refresh_token.len = TOKEN;

    return ngx_http_wix_auth_session_create(&shm_zone, &s, &quiet);
}


static ngx_int_t
find(ngx_uint_t i, ngx_uint_t access)
{
    u_char                             buf[2 * TOKEN];
    ngx_http_wix_auth_session_t        s;
    ngx_http_wix_auth_session_query_t  q;

    ngx_memzero(&q, sizeof(q));

    id_of(i, q.id);
    q.now = now.sec;
    q.buf = buf;
    q.size = sizeof(buf);
    q.touch = 1;
    q.access = access;

    return ngx_http_wix_auth_session_find(&shm_zone, &q, &s);
}


static ngx_int_t
hit(ngx_uint_t i)
{
    return find(i, 0);
}


static ngx_int_t
hit_token(ngx_uint_t i)
{
    return find(i, 1);
}


static ngx_int_t
refresh(ngx_uint_t i)
{
    u_char           id[16];
    ngx_int_t        rc;
    ngx_str_t        access, again;
    ngx_uint_t       generation;

    static u_char   *known;
    static size_t    size;

    /* the generation is 1 at first, and one more with each refresh */

    if (i >= size) {
        known = realloc(known, 2 * i + 1);
        if (known == NULL) {
            die("no memory");
        }

        memset(known + size, 1, 2 * i + 1 - size);
        size = 2 * i + 1;
    }

    generation = known[i]++;

    access.data = (u_char *) access_token;
    access.len = TOKEN;
    again.data = (u_char *) refresh_token;
    again.len = TOKEN;

    id_of(i, id);

    rc = ngx_http_wix_auth_session_refreshed(&shm_zone, id, generation,
                                             &access, &again, now.sec + 14400,
                                             14400, &quiet);
    return rc;
}


/* in a zone that is full, so that another has to go */

static ngx_int_t
login(ngx_uint_t i)
{
    static ngx_uint_t  k;

    return create(FULL + k++);
}


static int
by_value(const void *one, const void *two)
{
    const uint64_t  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


static void
report(const char *name, ngx_uint_t n)
{
    qsort(held, n, sizeof(uint64_t), by_value);
    qsort(whole, n, sizeof(uint64_t), by_value);

    printf("%s\t%lu\t%lu\t%lu\t%lu\n", name, (unsigned long) held[n / 2],
           (unsigned long) held[n * 99 / 100],
           (unsigned long) held[n * 999 / 1000],
           (unsigned long) whole[n / 2]);

    nheld = 0;
}


/* one kind of call, for sessions drawn at random from the first n */

static void
measure(const char *name, ngx_uint_t n, ngx_uint_t calls,
    ngx_int_t (*call)(ngx_uint_t i))
{
    uint64_t    t;
    ngx_uint_t  k, i;

    for (k = 0; k < calls; k++) {

        if (k % A_TURN == 0) {
            now.sec++;
        }

        i = ((uint64_t) random() << 16 ^ random()) % n;

        t = ns();

        if (call(i) != NGX_OK) {
            die(name);
        }

        whole[k] = ns() - t;
    }

    if (nheld != calls) {
        die("a call has not locked just once");
    }

    report(name, calls);
}


int
main(int argc, char **argv)
{
    uint64_t                   t, *room;
    ngx_uint_t                 n, calls, k;
    ngx_http_wix_auth_zone_t  *zone;

    if (argc != 3) {
        fprintf(stderr, "usage: lock-time SESSIONS CALLS\n");
        return 2;
    }

    n = strtoul(argv[1], NULL, 10);
    calls = strtoul(argv[2], NULL, 10);

    if (n == 0 || calls == 0) {
        die("no sessions or no calls");
    }

    now.sec = 1700000000;
    ngx_cached_time = &now;
    ngx_current_msec = 1;

    memset(access_token, 'a', TOKEN);
    memset(refresh_token, 'r', TOKEN);

    room = malloc(calls * sizeof(uint64_t));
    whole = malloc(calls * sizeof(uint64_t));

    if (room == NULL || whole == NULL) {
        die("no memory");
    }

    create_zone(ngx_align(n * ALL_IN + 128 * 1024, 4096));

    for (k = 0; k < n; k++) {
        if (create(k) != NGX_OK) {
            die("a session does not fit");
        }
    }

    held = room;

    for (k = 0; k < calls; k++) {
        t = ns();
        ngx_shmtx_lock(NULL);
        ngx_shmtx_unlock(NULL);
        whole[k] = ns() - t;
    }

    report("clock", calls);

    measure("hit", n, calls, hit);
    measure("hit, with the access token", n, calls, hit_token);
    measure("refreshed", n, ngx_min(calls, 100 * n), refresh);

    held = NULL;
    k = n;
    zone = shm_zone.data;

    while (zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER] == 0) {
        if (create(k++) != NGX_OK) {
            die("a session does not fit");
        }
    }

    held = room;

    measure("stored, in a full zone", n, calls, login);

    return 0;
}
