
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_STATE_PARTS_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_STATE_PARTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_wix_auth_session.h"
#include "ngx_http_wix_auth_state.h"


/*
 * What the files of the state part share: the format of a slot, which knows
 * neither files nor zones, and the slots themselves.
 *
 *     header   80 in clear: magic, version, key id, chunks, records,
 *                 generation, time, length of the whole, boot, salt
 *              76 sealed: the keys of the zone; the 80 are its AAD
 *     claim    16 random: who may write, in "file" alone; no part of a save
 *     chunks   4 length, then sealed: records; AAD: salt and number
 *
 * Numbers are big endian.  All is sealed under a key of its own, derived from
 * the salt of this save, so that chunks of two saves never mix and nonces of
 * all saves together need not differ.
 */


#define NGX_HTTP_WIX_AUTH_STATE_SLOTS    2

#define NGX_HTTP_WIX_AUTH_STATE_CLEAR    80
#define NGX_HTTP_WIX_AUTH_STATE_KEYS     48      /* hash_key, secret */
#define NGX_HTTP_WIX_AUTH_STATE_HEADER                                        \
    (NGX_HTTP_WIX_AUTH_STATE_CLEAR + NGX_HTTP_WIX_AUTH_RAW_EXTRA              \
     + NGX_HTTP_WIX_AUTH_STATE_KEYS)
#define NGX_HTTP_WIX_AUTH_STATE_CLAIM    16
#define NGX_HTTP_WIX_AUTH_STATE_START                                         \
    (NGX_HTTP_WIX_AUTH_STATE_HEADER + NGX_HTTP_WIX_AUTH_STATE_CLAIM)

/* before and behind the records of a chunk */
#define NGX_HTTP_WIX_AUTH_STATE_BEFORE   (4 + NGX_HTTP_WIX_AUTH_RAW_NONCE)
#define NGX_HTTP_WIX_AUTH_STATE_BEHIND   NGX_HTTP_WIX_AUTH_RAW_TAG

#define NGX_HTTP_WIX_AUTH_STATE_RECORD   106     /* without its strings */
#define NGX_HTTP_WIX_AUTH_STATE_EMPTY    4096           /* buckets in a step */
#define NGX_HTTP_WIX_AUTH_STATE_CHUNK    (128 * 1024)   /* records, at most */


typedef struct ngx_http_wix_auth_state_s  ngx_http_wix_auth_state_t;


typedef struct {
    uint32_t      chunks;
    uint32_t      records;
    uint64_t      generation;       /* the higher, the newer */
    time_t        saved;
    uint64_t      length;           /* of the whole slot */
    u_char        boot[16];         /* of the system; zeroes: the save does
                                       not depend on it, it was synced */
    u_char        salt[16];
    u_char        hash_key[16];     /* of the zone, as secret is */
    u_char        secret[32];
    u_char        key_id;
    u_char        key[32];          /* of this save */
    unsigned      genuine:1;        /* when it was read: a key fits, */
    unsigned      first:1;          /* the one that seals */
} ngx_http_wix_auth_state_header_t;


/* gets a record; its strings lie in the bytes that are parsed.  Anything but
   NGX_OK ends the parsing */
typedef ngx_int_t (*ngx_http_wix_auth_state_handler_pt)(void *ctx,
    ngx_http_wix_auth_session_t *s);


/* for a new save: salt, and a key that is made of it and of the first of the
   ring: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_state_key(ngx_http_wix_auth_ring_t *ring,
    ngx_http_wix_auth_state_header_t *h);

/* NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_state_header_write(
    ngx_http_wix_auth_state_header_t *h,
    u_char dst[NGX_HTTP_WIX_AUTH_STATE_HEADER]);

/*
 * Reads the header of a slot of size bytes, of which the first len are at
 * data.  NGX_OK: it is genuine.  NGX_DONE: nothing has been saved there.
 * NGX_AGAIN: a save was not finished.  NGX_DECLINED: anything else, of which
 * *err tells what.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_wix_auth_state_header_read(ngx_http_wix_auth_ring_t *ring,
    u_char *data, size_t len, uint64_t size,
    ngx_http_wix_auth_state_header_t *h, const char **err);

/* the numbers of a record, and the lengths of its strings, which follow */
void ngx_http_wix_auth_state_record_write(u_char *dst,
    ngx_http_wix_auth_session_t *s);

/* seals a chunk in place: len bytes of records at buf + BEFORE; the whole has
   BEFORE + len + BEHIND bytes.  NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_state_chunk_seal(
    ngx_http_wix_auth_state_header_t *h, ngx_uint_t number, u_char *buf,
    size_t len);

/*
 * A whole slot in memory, which is opened in place; no I/O, no zone.  Returns
 * NGX_OK when all of it is genuine and well-formed and the handler has had all
 * records, else as header_read(), or what the handler returned.  What the
 * handler got before that must be forgotten then.  The caller wipes data.
 */
ngx_int_t ngx_http_wix_auth_state_parse(ngx_http_wix_auth_ring_t *ring,
    u_char *data, size_t len, ngx_http_wix_auth_state_header_t *h,
    ngx_http_wix_auth_state_handler_pt handler, void *ctx, const char **err);


/* a slot as it lies on the disk */

typedef struct {
    ngx_int_t                          rc;     /* of header_read() */
    uint64_t                           size;
    ngx_http_wix_auth_state_header_t   header;
    const char                        *err;
} ngx_http_wix_auth_state_slot_t;


/* a save that goes on, step by step */

typedef struct {
    ngx_uint_t                         slot;
    uint64_t                           offset;
    ngx_http_wix_auth_state_header_t   header;
    u_char                             last[16];   /* id of the last record */
    ngx_uint_t                         changes;
    ngx_uint_t                         touches;
    ngx_msec_t                         start;
    unsigned                           active:1;
    unsigned                           again:1;    /* for the other slot */
} ngx_http_wix_auth_state_save_t;


struct ngx_http_wix_auth_state_s {
    ngx_shm_zone_t                    *shm_zone;
    ngx_http_wix_auth_ring_t          *ring;
    ngx_str_t                          file[NGX_HTTP_WIX_AUTH_STATE_SLOTS];
    ngx_fd_t                           fd[NGX_HTTP_WIX_AUTH_STATE_SLOTS];
    ngx_fd_t                           aside;  /* the first slot that was */
    ngx_log_t                         *log;

    const char                        *err;    /* why the slot that is bad */
    ngx_uint_t                         bad;    /* was refused, or NULL */

    u_char                             boot[16];   /* of this system, now */
    u_char                             claim[NGX_HTTP_WIX_AUTH_STATE_CLAIM];
    u_char                            *buf;    /* of a chunk */
    ngx_event_t                        timer;
    ngx_http_wix_auth_state_save_t     save;

    ngx_uint_t                         changes;    /* at the last save */
    ngx_uint_t                         touches;
    ngx_msec_t                         ended;

    unsigned                           saved:1;    /* by us */
    unsigned                           fresh:1;    /* the zone is new */
    unsigned                           off:1;      /* nothing is saved */
    unsigned                           last:1;     /* the end has come */
    unsigned                           lost:1;     /* another has claimed, */
    unsigned                           told:1;     /* and the log says so */
    unsigned                           trouble:1;  /* the last save failed */
};


/* opens a slot, and looks whether it is a plain file; logs */
ngx_fd_t ngx_http_wix_auth_state_fd(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, int flags, ngx_log_t *log);

/* reads the header of a slot; a file that is not there, fd being
   NGX_INVALID_FILE, is an empty one.  NGX_OK or NGX_ERROR, with errno */
ngx_int_t ngx_http_wix_auth_state_look(ngx_http_wix_auth_state_t *state,
    ngx_fd_t fd, ngx_http_wix_auth_state_slot_t *slot);

/* of the newest whole save; 0: there is none */
uint64_t ngx_http_wix_auth_state_generation(
    ngx_http_wix_auth_state_slot_t *slots);

/* of both slots the one with the newest whole save; SLOTS: none */
ngx_uint_t ngx_http_wix_auth_state_newest(
    ngx_http_wix_auth_state_slot_t *slots);

/* puts our claim, and its lock, into the first slot: NGX_OK; NGX_ERROR:
   logged */
ngx_int_t ngx_http_wix_auth_state_claim(ngx_http_wix_auth_state_t *state,
    ngx_fd_t fd);

/* our claim in the first slot, before it is set aside: for those who have it
   open */
void ngx_http_wix_auth_state_supersede(ngx_http_wix_auth_state_t *state);

/* at the start: while another nginx has claimed the file, for some seconds */
void ngx_http_wix_auth_state_await(ngx_http_wix_auth_state_t *state,
    ngx_log_t *log);

/* reads the file into a zone that has just been created; all of it or, when it
   cannot be used, nothing: then state->err tells why, or state->off is set.
   Writes nothing */
void ngx_http_wix_auth_state_load(ngx_http_wix_auth_state_t *state,
    ngx_log_t *log);

/* may we write?  NGX_OK; NGX_DECLINED: somebody else has claimed the file, or
   has and we are about to end; NGX_ERROR: logged */
ngx_int_t ngx_http_wix_auth_state_mine(ngx_http_wix_auth_state_t *state);

/* gives the claim back: others may save again */
void ngx_http_wix_auth_state_release(ngx_http_wix_auth_state_t *state);

/* follows a file that has been moved or removed; what lies there now and is no
   save is kept aside: for the master alone.  NGX_OK or NGX_ERROR, logged */
ngx_int_t ngx_http_wix_auth_state_reopen(ngx_http_wix_auth_state_t *state);

/* NGX_OK or NGX_ERROR, logged */
ngx_int_t ngx_http_wix_auth_state_write(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, u_char *p, size_t size, uint64_t offset);

/* NGX_ERROR; logs what is the matter with a slot, once until it is over */
ngx_int_t ngx_http_wix_auth_state_trouble(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, ngx_err_t err, const char *what);

/* 1 when the system has gone down since this save, which nobody had synced:
   what is wrong with it may be that it did not reach the disk */
ngx_uint_t ngx_http_wix_auth_state_unsynced(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_header_t *h);

/* looks at both slots by their names.  NGX_OK; NGX_DECLINED: one of them
   cannot be used, state->err tells why; NGX_ERROR: logged, state->off is set */
ngx_int_t ngx_http_wix_auth_state_inspect(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_slot_t *slots, ngx_log_t *log);


#endif /* _NGX_HTTP_WIX_AUTH_STATE_PARTS_H_INCLUDED_ */
