
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_session.h"


/*
 * Floor 1, the cellar of the session room and for it alone: how records lie
 * in shared memory.  All functions but the last want the zone's mutex locked.
 */


#define NGX_HTTP_WIX_AUTH_STRINGS    4        /* of a record */
#define NGX_HTTP_WIX_AUTH_EVICT_MAX  8        /* evictions for a block */


typedef struct ngx_http_wix_auth_block_s  ngx_http_wix_auth_block_t;

struct ngx_http_wix_auth_block_s {
    ngx_http_wix_auth_block_t  *next;
    u_char                      data[];
};


/*
 * The head block of a record.  Member id, e-mail, access token and refresh
 * token follow one another in data[] and in the chained blocks.
 */

typedef struct {
    ngx_rbtree_node_t           node;          /* key: first bytes of id */
    ngx_queue_t                 lru;           /* newest activity first */
    ngx_queue_t                 age;           /* newest creation first */
    ngx_http_wix_auth_block_t  *next;
    u_char                      id[16];
    u_char                      handle[16];
    u_char                      client[16];
    time_t                      created;
    time_t                      seen;
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
    u_char                      data[];
} ngx_http_wix_auth_record_node_t;


#define NGX_HTTP_WIX_AUTH_HEAD_ROOM                                           \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_record_node_t, data))

#define NGX_HTTP_WIX_AUTH_BLOCK_ROOM                                          \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_block_t, data))


typedef struct {
    ngx_rbtree_t                rbtree;
    ngx_rbtree_node_t           sentinel;
    ngx_queue_t                 lru;           /* live records */
    ngx_queue_t                 age;
    ngx_queue_t                 ended;         /* tombstones, by their lru */
    u_char                      hash_key[16];
    u_char                      secret[32];
    uint32_t                    leases;
    ngx_uint_t                  live;
    ngx_uint_t                  tombstones;
    ngx_uint_t                  evicted;       /* live ones, ever */
    time_t                      warned;
} ngx_http_wix_auth_zone_sh_t;


struct ngx_http_wix_auth_zone_s {
    ngx_http_wix_auth_zone_sh_t  *sh;
    ngx_slab_pool_t              *shpool;
    ngx_http_wix_auth_ring_t     *ring;        /* of this process */
    u_char                        hash_key[16];
};


/* NULL: no such record; a tombstone is a record too */
ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_zone_find(
    ngx_http_wix_auth_zone_sh_t *sh, u_char id[16]);

/* of the tree: the first bytes of the id */
ngx_uint_t ngx_http_wix_auth_zone_key(u_char id[16]);

/* 1 while a refresh of the record is in flight */
ngx_uint_t ngx_http_wix_auth_record_leased(ngx_http_wix_auth_record_node_t *rn,
    ngx_msec_t now);

/* the numbers of a record, without its strings */
void ngx_http_wix_auth_record_copy(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_t *s);

/* size bytes of the strings, from byte skip on */
void ngx_http_wix_auth_record_read(ngx_http_wix_auth_record_node_t *rn,
    size_t skip, u_char *dst, size_t size);

/* points the first n strings of s into the bytes that read() copied to p,
   the others to nothing */
void ngx_http_wix_auth_record_strings(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_t *s, u_char *p, ngx_uint_t n);

/* all strings, into the head block and the chain, which must be long enough */
void ngx_http_wix_auth_record_write(ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings);

/* expiry, and the jitter of the next refresh */
void ngx_http_wix_auth_record_token(ngx_http_wix_auth_record_node_t *rn,
    time_t expires, time_t lifetime);

/* the chain behind the head block for size bytes of strings, made by bounded
   eviction if need be: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_blocks_alloc(ngx_http_wix_auth_zone_t *zone,
    size_t size, ngx_http_wix_auth_block_t **chain, time_t now);

/* wipes and frees a chain */
void ngx_http_wix_auth_blocks_free(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_block_t *block);

/* one block; *tries bounds the evictions.  NULL: no room */
void *ngx_http_wix_auth_block_alloc(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t *tries, time_t now);

/* unlinks, wipes and frees a record */
void ngx_http_wix_auth_zone_delete(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn);

/* a little housekeeping: at most two expired records and two tombstones */
void ngx_http_wix_auth_zone_expire(ngx_http_wix_auth_zone_t *zone, time_t now);

/* turns a record into a tombstone */
void ngx_http_wix_auth_zone_end(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_uint_t reason, time_t now);

/* unlocked: tells, at most once a second, that live sessions were evicted */
void ngx_http_wix_auth_zone_warn(ngx_shm_zone_t *shm_zone, ngx_uint_t evicted,
    ngx_log_t *log);


#endif /* _NGX_HTTP_WIX_AUTH_ZONE_H_INCLUDED_ */
