
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_zone.h"


/* a save that ends while the file is read makes another try worth it */
#define NGX_HTTP_WIX_AUTH_STATE_TRIES  3


typedef struct {
    ngx_http_wix_auth_session_t       s;
    ngx_http_wix_auth_record_node_t  *rn;      /* NULL: not in the zone */
} ngx_http_wix_auth_state_entry_t;


typedef struct {
    u_char                           *data;    /* of the slot */
    size_t                            size;
    ngx_uint_t                        slot;
    ngx_http_wix_auth_state_header_t  header;
    ngx_http_wix_auth_state_entry_t  *entries;
    ngx_uint_t                        n;
    ngx_uint_t                        max;
    ngx_uint_t                        expired;
    ngx_uint_t                        left;    /* what did not fit */
    unsigned                          torn:1;  /* an unfinished save */
} ngx_http_wix_auth_state_load_t;


static ngx_int_t ngx_http_wix_auth_state_read(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_load_t *load, ngx_log_t *log);
static ngx_int_t ngx_http_wix_auth_state_read_slot(
    ngx_http_wix_auth_state_t *state, ngx_http_wix_auth_state_load_t *load,
    ngx_uint_t i, ngx_http_wix_auth_state_slot_t *slot, ngx_log_t *log);
static ngx_int_t ngx_http_wix_auth_state_read_all(ngx_fd_t fd, u_char *p,
    size_t size);
static ngx_int_t ngx_http_wix_auth_state_collect(void *ctx,
    ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_state_restore(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_state_load_t *load);
static ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_state_put_record(
    ngx_http_wix_auth_zone_t *zone, ngx_http_wix_auth_session_t *s);
static int ngx_libc_cdecl ngx_http_wix_auth_state_by_use(const void *one,
    const void *two);
static int ngx_libc_cdecl ngx_http_wix_auth_state_by_age(const void *one,
    const void *two);
static void ngx_http_wix_auth_state_report(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_load_t *load, ngx_log_t *log);
static void ngx_http_wix_auth_state_forget(
    ngx_http_wix_auth_state_load_t *load);


void
ngx_http_wix_auth_state_load(ngx_http_wix_auth_state_t *state,
    ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_wix_auth_state_load_t   load;

    rc = NGX_ERROR;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_TRIES; i++) {
        ngx_memzero(&load, sizeof(ngx_http_wix_auth_state_load_t));

        rc = ngx_http_wix_auth_state_read(state, &load, log);

        if (rc != NGX_DECLINED) {
            break;
        }

        ngx_http_wix_auth_state_forget(&load);
    }

    if (rc == NGX_OK) {
        ngx_http_wix_auth_state_restore(state->shm_zone->data, &load);
    }

    if (rc == NGX_OK || rc == NGX_DONE) {
        state->err = NULL;
        ngx_http_wix_auth_state_report(state, &load, log);
    }

    ngx_http_wix_auth_state_forget(&load);
}


/*
 * NGX_OK; NGX_DONE: there is nothing to read; NGX_DECLINED: the file cannot be
 * used, state->err tells why, and it is set aside when nginx has got so far
 * that it will start; NGX_ERROR: logged.
 */

static ngx_int_t
ngx_http_wix_auth_state_read(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_load_t *load, ngx_log_t *log)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_wix_auth_state_slot_t  slots[NGX_HTTP_WIX_AUTH_STATE_SLOTS];

    rc = ngx_http_wix_auth_state_inspect(state, slots, log);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        if (slots[i].rc == NGX_AGAIN) {
            load->torn = 1;
        }
    }

    i = ngx_http_wix_auth_state_newest(slots);

    if (i == NGX_HTTP_WIX_AUTH_STATE_SLOTS) {
        return NGX_DONE;
    }

    rc = ngx_http_wix_auth_state_read_slot(state, load, i, &slots[i], log);

    if (rc == NGX_DECLINED && slots[1 - i].rc == NGX_OK
        && ngx_http_wix_auth_state_unsynced(state, &slots[i].header))
    {
        ngx_http_wix_auth_state_forget(load);
        load->torn = 1;

        i = 1 - i;
        rc = ngx_http_wix_auth_state_read_slot(state, load, i, &slots[i],
                                               log);
    }

    ngx_explicit_memzero(slots, sizeof(slots));

    if (rc == NGX_DONE || rc == NGX_AGAIN) {
        /* a save has begun meanwhile */
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_state_read_slot(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_load_t *load, ngx_uint_t i,
    ngx_http_wix_auth_state_slot_t *slot, ngx_log_t *log)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    load->slot = i;
    load->header = slot->header;
    load->size = (size_t) slot->size;

    state->bad = i;
    state->err = "is damaged or has been changed";

    if (load->header.records
        > load->size / NGX_HTTP_WIX_AUTH_STATE_RECORD)
    {
        return NGX_DECLINED;
    }

    load->max = load->header.records;

    load->data = ngx_alloc(load->size, log);
    load->entries = ngx_alloc((load->max + 1)
                              * sizeof(ngx_http_wix_auth_state_entry_t), log);

    if (load->data == NULL || load->entries == NULL) {
        state->off = 1;
        return NGX_ERROR;
    }

    fd = ngx_http_wix_auth_state_fd(state, load->slot, O_RDONLY, log);
    if (fd == NGX_INVALID_FILE) {
        state->off = 1;
        return NGX_ERROR;
    }

    rc = ngx_http_wix_auth_state_read_all(fd, load->data, load->size);

    if (rc == NGX_OK) {
        rc = ngx_http_wix_auth_state_parse(state->ring, load->data,
                                           load->size, &load->header,
                                           ngx_http_wix_auth_state_collect,
                                           load, &state->err);
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "wix_auth: state file \"%V\" cannot be read, zone "
                      "\"%V\" begins empty and is not saved",
                      &state->file[load->slot], &state->shm_zone->shm.name);
        state->off = 1;
    }

    (void) ngx_close_file(fd);

    return rc;
}


/* NGX_DECLINED: it has become shorter */

static ngx_int_t
ngx_http_wix_auth_state_read_all(ngx_fd_t fd, u_char *p, size_t size)
{
    size_t   done;
    ssize_t  n;

    for (done = 0; done < size; done += n) {

        n = pread(fd, p + done, size - done, (off_t) done);

        if (n == 0) {
            return NGX_DECLINED;
        }

        if (n == -1) {

            if (ngx_errno != NGX_EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_state_collect(void *ctx, ngx_http_wix_auth_session_t *s)
{
    ngx_http_wix_auth_state_load_t  *load = ctx;

    time_t                            now;
    ngx_http_wix_auth_state_entry_t  *entry;

    if (load->n == load->max || !ngx_http_wix_auth_session_storable(s)) {
        return NGX_DECLINED;
    }

    if (s->expires <= ngx_time()) {
        load->expired++;
        return NGX_OK;
    }

    entry = &load->entries[load->n++];

    entry->s = *s;
    entry->rn = NULL;

    /* what was used after the save cannot be true, and would keep a session
       from idling out; but the clock may still be behind at this moment */

    now = ngx_max(ngx_time(), load->header.saved);

    entry->s.created = ngx_min(s->created, now);
    entry->s.seen = ngx_min(s->seen, now);

    return NGX_OK;
}


/* members before visitors, of each the most recently used first, as many as
   fit; as a zone does that moves into a smaller one */

static void
ngx_http_wix_auth_state_restore(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_state_load_t *load)
{
    ngx_uint_t                        i;
    ngx_http_wix_auth_zone_sh_t      *sh;
    ngx_http_wix_auth_state_entry_t  *entry;

    sh = zone->sh;
    entry = load->entries;

    ngx_memcpy(sh->hash_key, load->header.hash_key, 16);
    ngx_memcpy(sh->secret, load->header.secret, 32);
    ngx_memcpy(zone->hash_key, sh->hash_key, 16);
    sh->generation = load->header.generation;

    ngx_qsort(entry, load->n, sizeof(ngx_http_wix_auth_state_entry_t),
              ngx_http_wix_auth_state_by_use);

    for (i = 0; i < load->n; i++) {

        if (ngx_http_wix_auth_zone_find(sh, entry[i].s.id)) {
            continue;
        }

        entry[i].rn = ngx_http_wix_auth_state_put_record(zone, &entry[i].s);

        if (entry[i].rn == NULL) {
            load->left = load->n - i;
            load->n = i;
            break;
        }

        ngx_queue_insert_tail(ngx_http_wix_auth_zone_lru(sh, entry[i].s.kind),
                              &entry[i].rn->lru);
    }

    ngx_qsort(entry, load->n, sizeof(ngx_http_wix_auth_state_entry_t),
              ngx_http_wix_auth_state_by_age);

    for (i = 0; i < load->n; i++) {
        if (entry[i].rn) {
            ngx_queue_insert_tail(&sh->age[entry[i].s.kind],
                                  &entry[i].rn->age);
        }
    }
}


/* in the table and counted, but in no queue; NULL: no room */

static ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_state_put_record(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_session_t *s)
{
    size_t                            size;
    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_http_wix_auth_record_node_t  *rn;

    strings[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID] = s->member_id;
    strings[NGX_HTTP_WIX_AUTH_STRING_EMAIL] = s->email;
    strings[NGX_HTTP_WIX_AUTH_STRING_PROFILE] = s->profile;
    strings[NGX_HTTP_WIX_AUTH_STRING_ACCESS] = s->access_token;
    strings[NGX_HTTP_WIX_AUTH_STRING_REFRESH] = s->refresh_token;

    size = ngx_http_wix_auth_strings_size(strings);

    rn = ngx_http_wix_auth_record_take(zone->sh,
                                       ngx_http_wix_auth_blocks_for(size));
    if (rn == NULL) {
        return NULL;
    }

    /* leases and back-offs are of a clock that has stopped */

    ngx_memcpy(rn->id, s->id, 16);
    ngx_memcpy(rn->handle, s->handle, 16);
    ngx_memcpy(rn->client, s->client, 16);
    rn->created = s->created;
    rn->seen = s->seen;
    rn->moved = s->seen;
    rn->expires = s->expires;
    rn->token_expires = s->token_expires;
    rn->token_lifetime = (uint32_t) s->token_lifetime;
    rn->generation = (uint32_t) s->generation;
    rn->jitter = (u_char) s->jitter;
    rn->kind = (u_char) s->kind;

    ngx_http_wix_auth_record_write(rn, strings);

    ngx_http_wix_auth_zone_link(zone->sh, rn);
    zone->sh->live[rn->kind]++;

    return rn;
}


static int ngx_libc_cdecl
ngx_http_wix_auth_state_by_use(const void *one, const void *two)
{
    const ngx_http_wix_auth_state_entry_t  *a = one;
    const ngx_http_wix_auth_state_entry_t  *b = two;

    if (a->s.kind != b->s.kind) {
        return (a->s.kind < b->s.kind) ? -1 : 1;
    }

    if (a->s.seen != b->s.seen) {
        return (a->s.seen > b->s.seen) ? -1 : 1;
    }

    return ngx_http_wix_auth_state_by_age(one, two);
}


static int ngx_libc_cdecl
ngx_http_wix_auth_state_by_age(const void *one, const void *two)
{
    const ngx_http_wix_auth_state_entry_t  *a = one;
    const ngx_http_wix_auth_state_entry_t  *b = two;

    if (a->s.created != b->s.created) {
        return (a->s.created > b->s.created) ? -1 : 1;
    }

    return 0;
}


static void
ngx_http_wix_auth_state_report(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_load_t *load, ngx_log_t *log)
{
    ngx_uint_t  none;

    none = (load->data == NULL);

    if (load->torn) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "wix_auth: the last save into state file \"%V\" was "
                      "not finished, %s", &state->file[0],
                      none ? "and there is none before it"
                           : "the one before it is used");
    }

    if (none) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "wix_auth: nothing is in state file \"%V\" yet, "
                      "zone \"%V\" begins empty",
                      &state->file[0], &state->shm_zone->shm.name);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "wix_auth: zone \"%V\" has %ui sessions of state file "
                  "\"%V\", saved %T s ago; %ui had expired, "
                  "%ui did not fit",
                  &state->shm_zone->shm.name, load->n,
                  &state->file[load->slot],
                  ngx_max(ngx_time() - load->header.saved, 0),
                  load->expired, load->left);
}


static void
ngx_http_wix_auth_state_forget(ngx_http_wix_auth_state_load_t *load)
{
    if (load->data) {
        ngx_explicit_memzero(load->data, load->size);
        ngx_free(load->data);
    }

    if (load->entries) {
        ngx_free(load->entries);
    }

    ngx_explicit_memzero(load, sizeof(ngx_http_wix_auth_state_load_t));
}
