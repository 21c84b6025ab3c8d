
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_SESSION_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_crypto.h"


/*
 * Floor 1: the session record and its store in shared memory.  Values leave
 * the zone by copy under the slab's own mutex, which the master unlocks when
 * a worker dies; nothing keeps a pointer into the zone.
 */


#define NGX_HTTP_WIX_AUTH_SESSION_COOKIE   54    /* characters */
#define NGX_HTTP_WIX_AUTH_SESSION_BLOCK    336   /* bytes of one block, whole
                                                    pointers: seven hold two
                                                    tokens of 1 KB */
#define NGX_HTTP_WIX_AUTH_SESSION_INLINE   384   /* member id and e-mail */
#define NGX_HTTP_WIX_AUTH_TOMBSTONE        600   /* life of a tombstone, s */
#define NGX_HTTP_WIX_AUTH_ZONE_MIN         (32 * 4096)

/* kinds of records; all but members yield to members when a zone is full */

typedef enum {
    NGX_HTTP_WIX_AUTH_KIND_MEMBER = 0,
    NGX_HTTP_WIX_AUTH_KIND_VISITOR,      /* a browser's, without a member */
    NGX_HTTP_WIX_AUTH_KIND_BEARER,       /* a verdict of token-info */
    NGX_HTTP_WIX_AUTH_KINDS
} ngx_http_wix_auth_kind_e;


#define NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX    64
#define NGX_HTTP_WIX_AUTH_EMAIL_MAX        254   /* RFC 5321, 4.5.3.1.3 */
#define NGX_HTTP_WIX_AUTH_TOKEN_MAX        8192


typedef struct ngx_http_wix_auth_zone_s  ngx_http_wix_auth_zone_t;


/* a copy of a record; strings point into buf of the caller */

typedef struct {
    u_char        id[16];           /* keyed SipHash of the cookie */
    u_char        handle[16];       /* SHA-256 of the cookie, first half */
    u_char        client[16];
    time_t        created;
    time_t        seen;
    time_t        expires;          /* absolute end of the session */
    time_t        token_expires;
    time_t        token_lifetime;
    ngx_uint_t    generation;       /* moves with each change of tokens */
    ngx_uint_t    jitter;           /* 0..255, drawn with each token */
    ngx_uint_t    failures;         /* refreshes of this generation */
    ngx_uint_t    cause;            /* of the last failure */
    ngx_msec_t    retry_at;         /* monotonic: no refresh before */
    ngx_uint_t    leased;           /* a refresh is in flight */
    ngx_uint_t    reason;           /* of a record that has ended */
    ngx_uint_t    kind;             /* ..._kind_e */

    ngx_str_t     member_id;        /* len 0: a visitor */
    ngx_str_t     email;
    ngx_str_t     profile;          /* packed; len 0: there is none yet */
    ngx_str_t     access_token;
    ngx_str_t     refresh_token;
} ngx_http_wix_auth_session_t;


/* what a lookup asks for */

typedef struct {
    u_char        id[16];
    u_char       *client;           /* 16 bytes; NULL: any */
    time_t        now;
    time_t        idle;             /* 0: no idle limit */
    u_char       *buf;              /* takes the strings */
    size_t        size;
    size_t        need;             /* set when size was too small */
    unsigned      touch:1;          /* this is activity of the member */
    unsigned      access:1;         /* copy the access token too */
    unsigned      profile:1;        /* copy the profile too */
    unsigned      bearer:1;         /* the id is of a bearer token: finds
                                       BEARER records alone, else never */
} ngx_http_wix_auth_session_query_t;


/* registers a zone; size 0 refers to one that is defined elsewhere */
ngx_shm_zone_t *ngx_http_wix_auth_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);

/* keys that live in the zone, derived once a worker; NULL: no memory */
ngx_http_wix_auth_ring_t *ngx_http_wix_auth_zone_ring(
    ngx_shm_zone_t *shm_zone);

/* the id under which a cookie value is stored */
void ngx_http_wix_auth_session_id(ngx_shm_zone_t *shm_zone,
    ngx_str_t *cookie, u_char id[16]);

/*
 * A new cookie value (54 characters at dst): base64url of 24 random bytes
 * and 16 bytes of HMAC under the ring's first key.  The first bit tells a
 * visitor's from a member's, so that both can be told apart when the record
 * is gone.
 */
ngx_int_t ngx_http_wix_auth_session_cookie(ngx_http_wix_auth_ring_t *ring,
    ngx_uint_t kind, u_char *dst);
/* the kind of a plausible cookie, MEMBER or VISITOR */
ngx_uint_t ngx_http_wix_auth_session_cookie_kind(ngx_str_t *cookie);
/* the id of a bearer token's record, of one with a profile or one without;
   never that of a cookie */
void ngx_http_wix_auth_session_bearer_id(ngx_shm_zone_t *shm_zone,
    ngx_str_t *token, ngx_uint_t profile, u_char id[16]);
/* length and alphabet alone: 1 when the value may be one of ours */
ngx_uint_t ngx_http_wix_auth_session_plausible(ngx_str_t *cookie);
/* NGX_OK when one of our keys made it, else NGX_DECLINED */
ngx_int_t ngx_http_wix_auth_session_genuine(ngx_http_wix_auth_ring_t *ring,
    ngx_str_t *cookie);

/*
 * NGX_OK: s is filled (refresh_token is not).  NGX_DECLINED: no such
 * record.  NGX_ABORT: it has ended, expired, idled out (members only), its
 * token has and there is nothing to refresh it with, or it belongs to another
 * client; s->reason tells, no value is given.  NGX_AGAIN: q->size is too
 * small, q->need is wanted.
 */
ngx_int_t ngx_http_wix_auth_session_find(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_query_t *q, ngx_http_wix_auth_session_t *s);

/*
 * Stores a new session made of s (id, handle, client, kind, created, expires,
 * token_*, strings).  A BEARER record that is there already is replaced, and
 * tokens of one are not kept.  NGX_OK; NGX_DECLINED: a string is too long,
 * member id or e-mail hold what no header may, or the member id is empty (a
 * visitor's: is not); NGX_ERROR: no room, even after evictions, which spare
 * members unless this is one.
 */
ngx_int_t ngx_http_wix_auth_session_create(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_t *s, ngx_log_t *log);

/*
 * Stores a profile, and the e-mail unless it is empty, of a member whose
 * session it is still: NGX_OK; NGX_DECLINED: the record is gone, has ended
 * or is another member's; NGX_ERROR: no room.  The generation stays.
 */
ngx_int_t ngx_http_wix_auth_session_profile(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_str_t *member_id, ngx_str_t *profile,
    ngx_str_t *email, ngx_log_t *log);

/* ends a session and leaves a tombstone (a verdict just goes): NGX_OK,
   NGX_DECLINED (not there) */
ngx_int_t ngx_http_wix_auth_session_end(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t reason, time_t now);

/*
 * Takes the right to refresh this generation for time milliseconds.
 * NGX_OK: *lease names it and s is filled with both tokens, strings from
 * pool.  NGX_BUSY: somebody else holds it.  NGX_ABORT: the back-off is not
 * over.  NGX_DONE: the generation has moved.  NGX_DECLINED: the record is
 * gone, or has no refresh token.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_wix_auth_session_lease(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t generation, ngx_msec_t time,
    ngx_pool_t *pool, ngx_http_wix_auth_session_t *s, ngx_uint_t *lease);

/*
 * Stores the result of a refresh by compare-and-swap on the generation;
 * refresh_token len 0 keeps the old one.  NGX_OK; NGX_DECLINED: the record
 * is gone or has moved on, nothing was stored; NGX_ERROR: no room.
 */
ngx_int_t ngx_http_wix_auth_session_refreshed(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t generation, ngx_str_t *access_token,
    ngx_str_t *refresh_token, time_t expires, time_t lifetime,
    ngx_log_t *log);

/*
 * Notes that a refresh failed, gives the lease back and sets the back-off
 * (1 s doubling to 30 s with jitter, or retry_after seconds when that is
 * longer).
 */
void ngx_http_wix_auth_session_failed(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t generation, ngx_uint_t lease,
    ngx_uint_t cause, ngx_int_t retry_after);

/* gives the lease back; nothing is known of the refresh */
void ngx_http_wix_auth_session_release(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t generation, ngx_uint_t lease);

/*
 * invalid_grant: ends the session only when its generation is still the one
 * whose token was sent and no other lease is alive: NGX_OK; else
 * NGX_DECLINED.
 */
ngx_int_t ngx_http_wix_auth_session_revoke(ngx_shm_zone_t *shm_zone,
    u_char id[16], ngx_uint_t generation, ngx_uint_t lease, time_t now);


#endif /* _NGX_HTTP_WIX_AUTH_SESSION_H_INCLUDED_ */
