
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_session.h"


/*
 * Floor 1, the cellar of the session room and for it alone: how records lie
 * in shared memory.  All functions want the zone's mutex locked.
 */


#define NGX_HTTP_WIX_AUTH_EVICT_MAX  8        /* records looked at for one
                                                 that may go */


/* the strings of a record, in their order; _BIT names one of a set */

typedef enum {
    NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID = 0,
    NGX_HTTP_WIX_AUTH_STRING_EMAIL,
    NGX_HTTP_WIX_AUTH_STRING_PROFILE,
    NGX_HTTP_WIX_AUTH_STRING_ACCESS,
    NGX_HTTP_WIX_AUTH_STRING_REFRESH,
    NGX_HTTP_WIX_AUTH_STRINGS
} ngx_http_wix_auth_string_e;

#define NGX_HTTP_WIX_AUTH_STRING_BIT(name)                                    \
    (1 << NGX_HTTP_WIX_AUTH_STRING_##name)

#define NGX_HTTP_WIX_AUTH_STRING_ALL  ((1 << NGX_HTTP_WIX_AUTH_STRINGS) - 1)

/* the most that all of them take */
#define NGX_HTTP_WIX_AUTH_STRING_ROOM                                         \
    (NGX_HTTP_WIX_AUTH_SESSION_INLINE + NGX_HTTP_WIX_AUTH_PROFILE_MAX         \
     + 2 * NGX_HTTP_WIX_AUTH_TOKEN_MAX)


typedef struct ngx_http_wix_auth_block_s  ngx_http_wix_auth_block_t;

struct ngx_http_wix_auth_block_s {
    ngx_http_wix_auth_block_t  *next;
    u_char                      data[];
};


/*
 * The head block of a record.  Its strings follow one another in data[] and
 * in the chained blocks.
 */

typedef struct ngx_http_wix_auth_record_node_s
    ngx_http_wix_auth_record_node_t;

struct ngx_http_wix_auth_record_node_s {
    ngx_http_wix_auth_record_node_t  *chain;   /* next of its bucket */
    u_char                      id[16];
    ngx_queue_t                 lru;           /* newest use first, about */
    ngx_queue_t                 age;           /* newest creation first, of
                                                  its kind */
    ngx_http_wix_auth_block_t  *next;
    u_char                      handle[16];
    u_char                      client[16];
    time_t                      created;
    time_t                      seen;
    time_t                      moved;         /* to the head of lru */
    time_t                      expires;
    time_t                      token_expires;
    ngx_msec_t                  lease_until;
    ngx_msec_t                  retry_at;
    uint32_t                    token_lifetime;
    uint32_t                    generation;
    uint32_t                    lease;         /* 0: none */
    uint16_t                    len[NGX_HTTP_WIX_AUTH_STRINGS];
    u_char                      jitter;
    u_char                      failures;
    u_char                      cause;
    u_char                      reason;        /* not 0: a tombstone */
    u_char                      kind;
    u_char                      data[];
};


#define NGX_HTTP_WIX_AUTH_HEAD_ROOM                                           \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_record_node_t, data))

#define NGX_HTTP_WIX_AUTH_BLOCK_ROOM                                          \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_block_t, data))


/*
 * The blocks of a zone: those that were used and given back, and behind them
 * those that never were.
 */

typedef struct {
    ngx_uint_t                  all;
    ngx_uint_t                  used;
    ngx_http_wix_auth_block_t  *given;
    u_char                     *fresh;
} ngx_http_wix_auth_blocks_t;

#define ngx_http_wix_auth_blocks_left(sh)                                     \
    ((sh)->blocks.all - (sh)->blocks.used)


typedef struct ngx_http_wix_auth_counter_s  ngx_http_wix_auth_counter_t;
typedef struct ngx_http_wix_auth_client_s   ngx_http_wix_auth_client_t;


typedef struct {
    ngx_http_wix_auth_blocks_t    blocks;      /* first: t/lib reads it */
    ngx_http_wix_auth_record_node_t  **buckets;
    ngx_uint_t                    nbuckets;    /* 2 to the n */
    ngx_uint_t                    shift;       /* what of a key is below it */
    ngx_queue_t                   members;     /* live ones, by their lru */
    ngx_queue_t                   guests;      /* visitors and verdicts */
    ngx_queue_t                   ended;       /* tombstones */
    ngx_queue_t                   age[NGX_HTTP_WIX_AUTH_KINDS];
    u_char                        hash_key[16];
    u_char                        secret[32];
    uint32_t                      leases;
    ngx_uint_t                    live[NGX_HTTP_WIX_AUTH_KINDS];
    ngx_uint_t                    tombstones;
    ngx_uint_t                    evicted[NGX_HTTP_WIX_AUTH_KINDS];
                                               /* live ones, ever */
    time_t                        warned;
    ngx_uint_t                    changes;     /* of what a state file has, */
    ngx_uint_t                    touches;     /* and of "seen" */
    uint64_t                      generation;  /* of its last save */

    ngx_http_wix_auth_counter_t  *counters;
    ngx_uint_t                    sets;        /* of counters; 2 to the n */
    ngx_http_wix_auth_client_t   *clients;
} ngx_http_wix_auth_zone_sh_t;


struct ngx_http_wix_auth_zone_s {
    ngx_http_wix_auth_zone_sh_t  *sh;
    ngx_slab_pool_t              *shpool;
    ngx_http_wix_auth_ring_t     *ring;        /* of this process */

    struct ngx_http_wix_auth_state_s  *state;  /* NULL: no state file */
    u_char                        hash_key[16];
};


/* block.c: blocks, and strings in them */

/* at init, after all that is allocated as well: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_blocks_create(ngx_http_wix_auth_zone_t *zone);

/* how many a record has whose strings take size bytes, the head among them */
ngx_uint_t ngx_http_wix_auth_blocks_for(size_t size);

/* n blocks, chained; 0 is none.  NGX_OK; NGX_DECLINED: not so many are left */
ngx_int_t ngx_http_wix_auth_chain_take(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_uint_t n, ngx_http_wix_auth_block_t **chain);

/* wipes a chain and gives it back */
void ngx_http_wix_auth_chain_give(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_block_t *chain);

/* a head, of zeroes but for its chain, n blocks in all.  NULL: n is 0, or
   there are not so many left */
ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_record_take(
    ngx_http_wix_auth_zone_sh_t *sh, ngx_uint_t n);

/* wipes a record that is in no queue and gives its blocks back */
void ngx_http_wix_auth_record_give(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn);

/* size bytes of the strings, from byte skip on */
void ngx_http_wix_auth_record_read(ngx_http_wix_auth_record_node_t *rn,
    size_t skip, u_char *dst, size_t size);

/* bytes of the strings that the bits of set name */
size_t ngx_http_wix_auth_record_size(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set);

/* bytes of all of these */
size_t ngx_http_wix_auth_strings_size(ngx_str_t *strings);

/* copies these strings, one behind the other, to p and points strings there,
   the others to nothing; returns the end */
u_char *ngx_http_wix_auth_record_strings(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set, u_char *p, ngx_str_t *strings);

/* all strings, into the head block and the chain, which must be long enough */
void ngx_http_wix_auth_record_write(ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings);


/* zone.c: which records there are */

/* NULL: no such record; a tombstone is a record too */
ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_zone_find(
    ngx_http_wix_auth_zone_sh_t *sh, u_char id[16]);

/* the record that comes after this id in the table, which is in order.  NULL:
   none, or *left buckets were empty: then *left is 0, and id where to go on */
ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_zone_next(
    ngx_http_wix_auth_zone_sh_t *sh, u_char id[16], ngx_uint_t *left);

/* a state file does not have verdicts */
#define ngx_http_wix_auth_zone_changed(sh, kind)                              \
    ((sh)->changes += ((kind) != NGX_HTTP_WIX_AUTH_KIND_BEARER))

/* the queue in which the least recently used of this kind comes last */
ngx_queue_t *ngx_http_wix_auth_zone_lru(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_uint_t kind);

/* puts a record, whose id is set, into the table */
void ngx_http_wix_auth_zone_link(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn);

/* notes that a record was used: once a second is enough */
void ngx_http_wix_auth_zone_used(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, time_t now);

/* 1 while a refresh of the record is in flight */
ngx_uint_t ngx_http_wix_auth_record_leased(ngx_http_wix_auth_record_node_t *rn,
    ngx_msec_t now);

/* evicts until n blocks are left, if need be; only a member's record may cost
   a member.  NGX_OK or NGX_ERROR: no room */
ngx_int_t ngx_http_wix_auth_zone_room(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t kind, ngx_uint_t n, time_t now);

/* unlinks, wipes and frees a record */
void ngx_http_wix_auth_zone_delete(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn);

/* a little housekeeping: at most two expired records of each kind and two
   tombstones */
void ngx_http_wix_auth_zone_expire(ngx_http_wix_auth_zone_t *zone, time_t now);

/* turns a record into a tombstone; a verdict has no use for one and goes */
void ngx_http_wix_auth_zone_end(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_uint_t reason, time_t now);


/* resize.c, session.c, counter.c */

/* at init: takes over what a zone of this name and another size holds in the
   configuration that is being replaced: NGX_OK; NGX_DECLINED: there is none */
ngx_int_t ngx_http_wix_auth_zone_resize(ngx_shm_zone_t *shm_zone);

/* the numbers of a record, and the strings that the bits of set name, at buf */
void ngx_http_wix_auth_session_copy(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set, u_char *buf, ngx_http_wix_auth_session_t *s);

/* 1 when lengths, texts and kind are those of a record */
ngx_uint_t ngx_http_wix_auth_session_storable(ngx_http_wix_auth_session_t *s);

/* the counter table, 1/64 of size, and the slots of the clients: at init */
ngx_int_t ngx_http_wix_auth_counter_create(ngx_http_wix_auth_zone_t *zone,
    size_t size);

/* copies all of them; what does not fit any more are the lowest counts */
void ngx_http_wix_auth_counter_move(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_zone_sh_t *old);


#endif /* _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_ */
