
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_STATE_INTERVAL  1000   /* ms between saves, */
#define NGX_HTTP_WIX_AUTH_STATE_SHARE     4      /* or so many times the last */
#define NGX_HTTP_WIX_AUTH_STATE_FIRST     2000   /* ms: others have noticed */
#define NGX_HTTP_WIX_AUTH_STATE_PAUSE     5      /* ms between steps */
#define NGX_HTTP_WIX_AUTH_STATE_SEEN      60000  /* ms: "seen" so often */

#define NGX_HTTP_WIX_AUTH_STATE_SAVED     64     /* records of a step, */
#define NGX_HTTP_WIX_AUTH_STATE_PASSED    256    /* and with those left out */

#define NGX_HTTP_WIX_AUTH_STATE_BUF                                           \
    (NGX_HTTP_WIX_AUTH_STATE_BEFORE + NGX_HTTP_WIX_AUTH_STATE_CHUNK           \
     + NGX_HTTP_WIX_AUTH_STATE_BEHIND)


static void ngx_http_wix_auth_state_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_wix_auth_state_due(
    ngx_http_wix_auth_state_t *state);
static ngx_int_t ngx_http_wix_auth_state_begin(
    ngx_http_wix_auth_state_t *state);
static ngx_int_t ngx_http_wix_auth_state_step(
    ngx_http_wix_auth_state_t *state);
static ngx_uint_t ngx_http_wix_auth_state_copy(
    ngx_http_wix_auth_state_t *state, size_t *len);
static ngx_int_t ngx_http_wix_auth_state_end(ngx_http_wix_auth_state_t *state);
static ngx_int_t ngx_http_wix_auth_state_save(
    ngx_http_wix_auth_state_t *state);


void
ngx_http_wix_auth_state_start(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_http_wix_auth_state_t  *state;

    state = zone->state;

    if (state == NULL || state->off) {
        return;
    }

    /* helpers are number 0 too */

    if (ngx_process != NGX_PROCESS_SINGLE
        && (ngx_process != NGX_PROCESS_WORKER || ngx_worker != 0))
    {
        return;
    }

    state->buf = ngx_palloc(cycle->pool, NGX_HTTP_WIX_AUTH_STATE_BUF);
    if (state->buf == NULL) {
        return;
    }

    state->log = cycle->log;

    state->timer.handler = ngx_http_wix_auth_state_timer;
    state->timer.data = state;
    state->timer.log = cycle->log;
    state->timer.cancelable = 1;

    ngx_add_timer(&state->timer, NGX_HTTP_WIX_AUTH_STATE_FIRST);
}


void
ngx_http_wix_auth_state_stop(ngx_shm_zone_t *shm_zone)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    if (zone->state && zone->state->timer.timer_set) {
        ngx_del_timer(&zone->state->timer);
    }
}


/* goes on while the worker is exiting: that may take hours, and be cut short */

static void
ngx_http_wix_auth_state_timer(ngx_event_t *ev)
{
    ngx_http_wix_auth_state_t  *state = ev->data;

    ngx_int_t   rc;
    ngx_msec_t  rest;

    rest = NGX_HTTP_WIX_AUTH_STATE_INTERVAL;

    if (state->save.active) {
        rc = ngx_http_wix_auth_state_step(state);

        rest = ngx_max(rest, NGX_HTTP_WIX_AUTH_STATE_SHARE
                             * (ngx_current_msec - state->save.start));

    } else if (ngx_http_wix_auth_state_due(state)) {
        rc = ngx_http_wix_auth_state_begin(state);

    } else {
        rc = NGX_OK;
    }

    ngx_add_timer(&state->timer, (rc == NGX_AGAIN)
                                 ? NGX_HTTP_WIX_AUTH_STATE_PAUSE : rest);
}


/* read without the lock: what is missed now is seen the next time */

static ngx_uint_t
ngx_http_wix_auth_state_due(ngx_http_wix_auth_state_t *state)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    if (!state->saved || state->changes != zone->sh->changes) {
        return 1;
    }

    return state->touches != zone->sh->touches
           && ngx_current_msec - state->ended >= NGX_HTTP_WIX_AUTH_STATE_SEEN;
}


/* NGX_AGAIN: begun; else this save will not be */

static ngx_int_t
ngx_http_wix_auth_state_begin(ngx_http_wix_auth_state_t *state)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    u_char                           zeroes[NGX_HTTP_WIX_AUTH_STATE_HEADER];
    ngx_int_t                        rc;
    ngx_uint_t                       i, newest;
    ngx_http_wix_auth_state_save_t  *save;
    ngx_http_wix_auth_state_slot_t   slots[NGX_HTTP_WIX_AUTH_STATE_SLOTS];

    rc = ngx_http_wix_auth_state_mine(state);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        if (ngx_http_wix_auth_state_look(state, state->fd[i], &slots[i])
            != NGX_OK)
        {
            return ngx_http_wix_auth_state_trouble(state, i, ngx_errno,
                                                   "cannot be read");
        }
    }

    save = &state->save;
    ngx_memzero(save, sizeof(ngx_http_wix_auth_state_save_t));

    newest = ngx_http_wix_auth_state_newest(slots);

    if (newest < NGX_HTTP_WIX_AUTH_STATE_SLOTS) {
        save->header.generation = slots[newest].header.generation;

        /* a key that has moved down may be taken away */
        save->again = !slots[newest].header.first;
    }

    ngx_explicit_memzero(slots, sizeof(slots));

    save->slot = (newest == 0) ? 1 : 0;
    save->header.generation++;
    save->offset = NGX_HTTP_WIX_AUTH_STATE_START;
    save->changes = zone->sh->changes;
    save->touches = zone->sh->touches;
    ngx_memcpy(save->header.boot, state->boot, 16);
    save->start = ngx_current_msec;

    if (ngx_http_wix_auth_state_key(state->ring, &save->header) != NGX_OK) {
        return ngx_http_wix_auth_state_trouble(state, save->slot, 0,
                                               "cannot be sealed");
    }

    /* from now on until its end this slot is known to be unfinished */

    ngx_memzero(zeroes, sizeof(zeroes));

    if (ngx_http_wix_auth_state_write(state, save->slot, zeroes,
                                      sizeof(zeroes), 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    save->active = 1;

    return NGX_AGAIN;
}


/* NGX_AGAIN: there is more to do; NGX_OK: all is saved; else it failed */

static ngx_int_t
ngx_http_wix_auth_state_step(ngx_http_wix_auth_state_t *state)
{
    size_t                           len;
    ngx_int_t                        rc;
    ngx_uint_t                       more;
    ngx_http_wix_auth_state_save_t  *save;

    save = &state->save;
    save->active = 0;

    more = ngx_http_wix_auth_state_copy(state, &len);

    rc = NGX_OK;

    if (len) {
        rc = ngx_http_wix_auth_state_chunk_seal(&save->header,
                                                save->header.chunks,
                                                state->buf, len);
        if (rc != NGX_OK) {
            ngx_explicit_memzero(state->buf, NGX_HTTP_WIX_AUTH_STATE_BUF);

            return ngx_http_wix_auth_state_trouble(state, save->slot, 0,
                                                   "cannot be sealed");
        }

        len += NGX_HTTP_WIX_AUTH_STATE_BEFORE + NGX_HTTP_WIX_AUTH_STATE_BEHIND;

        /* so late, since a newer nginx may write here a moment from now */

        rc = ngx_http_wix_auth_state_mine(state);

        if (rc == NGX_OK) {
            rc = ngx_http_wix_auth_state_write(state, save->slot, state->buf,
                                               len, save->offset);
        }

        save->offset += len;
        save->header.chunks++;
    }

    if (rc == NGX_OK) {
        rc = more ? NGX_AGAIN : ngx_http_wix_auth_state_end(state);
    }

    if (rc == NGX_AGAIN) {
        save->active = 1;
        return NGX_AGAIN;
    }

    ngx_explicit_memzero(&save->header,
                         sizeof(ngx_http_wix_auth_state_header_t));

    return rc;
}


/* the next records, len bytes of them, into the buffer; 0: there are no more
   behind these.  (An id of zeroes alone, where it begins, is no hash.) */

static ngx_uint_t
ngx_http_wix_auth_state_copy(ngx_http_wix_auth_state_t *state, size_t *len)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    u_char                           *p, *last;
    size_t                            size;
    time_t                            now;
    ngx_uint_t                        passed, saved, left;
    ngx_http_wix_auth_session_t       s;
    ngx_http_wix_auth_state_save_t   *save;
    ngx_http_wix_auth_record_node_t  *rn;

    save = &state->save;
    now = ngx_time();
    saved = 0;

    p = state->buf + NGX_HTTP_WIX_AUTH_STATE_BEFORE;
    last = p + NGX_HTTP_WIX_AUTH_STATE_CHUNK;

    ngx_shmtx_lock(&zone->shpool->mutex);

    left = NGX_HTTP_WIX_AUTH_STATE_EMPTY;
    rn = ngx_http_wix_auth_zone_next(zone->sh, save->last, &left);

    for (passed = 0;
         rn && passed < NGX_HTTP_WIX_AUTH_STATE_PASSED
         && saved < NGX_HTTP_WIX_AUTH_STATE_SAVED;
         passed++)
    {
        if (rn->reason == 0 && now < rn->expires
            && rn->kind != NGX_HTTP_WIX_AUTH_KIND_BEARER)
        {
            size = NGX_HTTP_WIX_AUTH_STATE_RECORD
                   + ngx_http_wix_auth_record_size(rn,
                                                NGX_HTTP_WIX_AUTH_STRING_ALL);

            if (size > (size_t) (last - p)) {
                break;
            }

            ngx_http_wix_auth_session_copy(rn, NGX_HTTP_WIX_AUTH_STRING_ALL,
                                           p + NGX_HTTP_WIX_AUTH_STATE_RECORD,
                                           &s);

            ngx_http_wix_auth_state_record_write(p, &s);

            p += size;
            saved++;
        }

        ngx_memcpy(save->last, rn->id, 16);

        rn = ngx_http_wix_auth_zone_next(zone->sh, save->last, &left);
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    save->header.records += saved;

    *len = p - (state->buf + NGX_HTTP_WIX_AUTH_STATE_BEFORE);

    return rn != NULL || left == 0;
}


static ngx_int_t
ngx_http_wix_auth_state_end(ngx_http_wix_auth_state_t *state)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    u_char                           header[NGX_HTTP_WIX_AUTH_STATE_HEADER];
    ngx_int_t                        rc;
    ngx_http_wix_auth_state_save_t  *save;

    save = &state->save;

    save->header.saved = ngx_time();
    save->header.length = save->offset;

    /* neither changes while the zone lives: no lock */

    ngx_memcpy(save->header.hash_key, zone->sh->hash_key, 16);
    ngx_memcpy(save->header.secret, zone->sh->secret, 32);

    rc = ngx_http_wix_auth_state_header_write(&save->header, header);

    if (rc != NGX_OK) {
        ngx_explicit_memzero(header, sizeof(header));

        return ngx_http_wix_auth_state_trouble(state, save->slot, 0,
                                               "cannot be sealed");
    }

    rc = ngx_http_wix_auth_state_mine(state);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ftruncate(state->fd[save->slot], (off_t) save->offset) == -1) {
        return ngx_http_wix_auth_state_trouble(state, save->slot, ngx_errno,
                                               "cannot be written");
    }

    rc = ngx_http_wix_auth_state_write(state, save->slot, header,
                                       sizeof(header), 0);
    if (rc != NGX_OK) {
        return rc;
    }

    zone->sh->generation = save->header.generation;

    state->changes = save->changes;
    state->touches = save->touches;
    state->ended = ngx_current_msec;
    state->saved = !save->again;

    if (state->trouble) {
        state->trouble = 0;

        ngx_log_error(NGX_LOG_NOTICE, state->log, 0,
                      "wix_auth: state file \"%V\" is written again",
                      &state->file[0]);
    }

    return NGX_OK;
}


void
ngx_http_wix_auth_state_finish(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_int_t                   rc;
    ngx_http_wix_auth_state_t  *state;

    state = zone->state;

    /* the new binary began with what had been saved then, and goes its way */

    if (state == NULL || state->off || ngx_new_binary) {
        return;
    }

    state->log = cycle->log;
    state->save.active = 0;
    state->last = 1;

    if (state->buf == NULL) {
        state->buf = ngx_palloc(cycle->pool, NGX_HTTP_WIX_AUTH_STATE_BUF);
        if (state->buf == NULL) {
            return;
        }
    }

    if (ngx_http_wix_auth_state_reopen(state) != NGX_OK) {
        return;
    }

    /* what follows is synced, and needs no excuse */
    ngx_memzero(state->boot, 16);

    /* first where the newest save is not, so that one of them is whole */

    rc = ngx_http_wix_auth_state_save(state);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "wix_auth: state file \"%V\" has been taken over by "
                      "another nginx, sessions of zone \"%V\" are not saved",
                      &state->file[0], &shm_zone->shm.name);
    }

    if (rc != NGX_OK) {
        return;
    }

    if (state->save.slot != 0
        && ngx_http_wix_auth_state_save(state) != NGX_OK)
    {
        return;
    }

    if (ftruncate(state->fd[1], 0) == -1) {
        (void) ngx_http_wix_auth_state_trouble(state, 1, ngx_errno,
                                               "cannot be truncated");
    }

    ngx_http_wix_auth_state_release(state);
}


/* all at once, and onto the disk: for the master alone */

static ngx_int_t
ngx_http_wix_auth_state_save(ngx_http_wix_auth_state_t *state)
{
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_state_begin(state);

    while (rc == NGX_AGAIN) {
        rc = ngx_http_wix_auth_state_step(state);
    }

    if (rc == NGX_OK && fsync(state->fd[state->save.slot]) == -1) {
        rc = ngx_http_wix_auth_state_trouble(state, state->save.slot,
                                             ngx_errno, "cannot be synced");
    }

    return rc;
}
