
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_STATE_REFUSED  ".refused"
#define NGX_HTTP_WIX_AUTH_STATE_ASIDE    10      /* ".refused" to ".9" */

/* a header that is being written may look torn to another process */
#define NGX_HTTP_WIX_AUTH_STATE_LOOKS    3

/* Linux: another one after each start of the system */
#define NGX_HTTP_WIX_AUTH_STATE_BOOT     "/proc/sys/kernel/random/boot_id"


static void ngx_http_wix_auth_state_close(void *data);
static void ngx_http_wix_auth_state_boot(u_char boot[16]);
static ngx_fd_t ngx_http_wix_auth_state_spare(
    ngx_http_wix_auth_state_t *state, ngx_uint_t i, ngx_fd_t fd);
static void ngx_http_wix_auth_state_begin_with(
    ngx_http_wix_auth_state_t *state, ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wix_auth_state_inspect_once(
    ngx_http_wix_auth_state_t *state, ngx_http_wix_auth_state_slot_t *slots,
    ngx_log_t *log);
static ngx_int_t ngx_http_wix_auth_state_set_aside(
    ngx_http_wix_auth_state_t *state);
static ngx_int_t ngx_http_wix_auth_state_rename(
    ngx_http_wix_auth_state_t *state, ngx_uint_t slot, u_char *name);


ngx_int_t
ngx_http_wix_auth_state_add(ngx_conf_t *cf, ngx_shm_zone_t *shm_zone,
    ngx_str_t *file, ngx_http_wix_auth_ring_t *ring)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    u_char                     *p;
    ngx_uint_t                  i;
    ngx_pool_cleanup_t         *cln;
    ngx_http_wix_auth_state_t  *state;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_wix_auth_state_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    state = cln->data;
    ngx_memzero(state, sizeof(ngx_http_wix_auth_state_t));

    state->shm_zone = shm_zone;
    state->ring = ring;
    state->aside = NGX_INVALID_FILE;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        state->fd[i] = NGX_INVALID_FILE;

        p = ngx_pnalloc(cf->pool, file->len + sizeof(".1"));
        if (p == NULL) {
            return NGX_ERROR;
        }

        state->file[i].data = p;
        state->file[i].len = ngx_sprintf(p, "%V%s", file, i ? ".1" : "") - p;
        p[state->file[i].len] = '\0';
    }

    ngx_http_wix_auth_state_boot(state->boot);

    cln->handler = ngx_http_wix_auth_state_close;
    zone->state = state;

    return NGX_OK;
}


/* zeroes where the system does not tell */

static void
ngx_http_wix_auth_state_boot(u_char boot[16])
{
    u_char    text[64], hash[32];
    ssize_t   n;
    ngx_fd_t  fd;

    ngx_memzero(boot, 16);

    fd = open(NGX_HTTP_WIX_AUTH_STATE_BOOT, O_RDONLY|O_CLOEXEC);
    if (fd == NGX_INVALID_FILE) {
        return;
    }

    n = ngx_read_fd(fd, text, sizeof(text));

    if (n > 0 && ngx_http_wix_auth_sha256(text, n, hash) == NGX_OK) {
        ngx_memcpy(boot, hash, 16);
    }

    (void) ngx_close_file(fd);
}


static void
ngx_http_wix_auth_state_close(void *data)
{
    ngx_http_wix_auth_state_t  *state = data;

    ngx_uint_t  i;

    /* a single process does not leave its old configuration */

    if (state->timer.timer_set) {
        ngx_del_timer(&state->timer);
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        if (state->fd[i] != NGX_INVALID_FILE) {
            (void) ngx_close_file(state->fd[i]);
            state->fd[i] = NGX_INVALID_FILE;
        }
    }

    if (state->aside != NGX_INVALID_FILE) {
        (void) ngx_close_file(state->aside);
        state->aside = NGX_INVALID_FILE;
    }
}


void
ngx_http_wix_auth_state_fresh(ngx_shm_zone_t *shm_zone)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    if (zone->state) {
        zone->state->fresh = 1;
    }
}


void
ngx_http_wix_auth_state_open(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_uint_t                  i;
    ngx_http_wix_auth_state_t  *state;

    state = zone->state;

    if (state == NULL) {
        return;
    }

    state->log = cycle->log;

    if (ngx_http_wix_auth_random(state->claim, NGX_HTTP_WIX_AUTH_STATE_CLAIM)
        != NGX_OK)
    {
        state->off = 1;
        return;
    }

    ngx_http_wix_auth_state_begin_with(state, cycle);

    if (state->off) {
        return;
    }

    if (state->err && ngx_http_wix_auth_state_set_aside(state) != NGX_OK) {
        state->off = 1;
        return;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        state->fd[i] = ngx_http_wix_auth_state_fd(state, i, O_RDWR|O_CREAT,
                                                  cycle->log);

        if (state->fd[i] == NGX_INVALID_FILE) {
            state->off = 1;
            return;
        }
    }

    (void) ngx_http_wix_auth_state_claim(state, state->fd[0]);

    /* a single process that reloads does not begin anew */

    if (ngx_process == NGX_PROCESS_SINGLE
        && !ngx_is_init_cycle(cycle->old_cycle))
    {
        ngx_http_wix_auth_state_start(shm_zone, cycle);
    }
}


/* what lies in the file: loaded, or in a zone that goes on just looked at */

static void
ngx_http_wix_auth_state_begin_with(ngx_http_wix_auth_state_t *state,
    ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    ngx_http_wix_auth_state_slot_t  slots[NGX_HTTP_WIX_AUTH_STATE_SLOTS];

    if (state->fresh) {

        /* the old nginx of an upgrade stays: it is not waited for */

        if (ngx_is_init_cycle(cycle->old_cycle) && !ngx_inherited) {
            ngx_http_wix_auth_state_await(state, cycle->log);
        }

        ngx_http_wix_auth_state_load(state, cycle->log);
        return;
    }

    zone->sh->generation = 0;

    if (ngx_http_wix_auth_state_inspect(state, slots, cycle->log) == NGX_OK) {
        zone->sh->generation = ngx_http_wix_auth_state_generation(slots);
        ngx_explicit_memzero(slots, sizeof(slots));
    }
}


ngx_fd_t
ngx_http_wix_auth_state_fd(ngx_http_wix_auth_state_t *state, ngx_uint_t slot,
    int flags, ngx_log_t *log)
{
    ngx_fd_t         fd;
    ngx_err_t        err;
    ngx_uint_t       plain;
    ngx_file_info_t  fi;

    /* O_NONBLOCK is for a pipe that somebody has put there */

    fd = open((char *) state->file[slot].data,
              flags|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY, 0600);

    if (fd == NGX_INVALID_FILE) {

        err = ngx_errno;

        if (err != NGX_ENOENT || (flags & O_CREAT)) {
            ngx_log_error(NGX_LOG_ERR, log, err,
                          "wix_auth: state file \"%V\" cannot be opened, "
                          "sessions of zone \"%V\" are not saved",
                          &state->file[slot], &state->shm_zone->shm.name);
        }

        ngx_set_errno(err);

        return NGX_INVALID_FILE;
    }

    plain = ngx_fd_info(fd, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi);

    /* under another name it may be anything, and a backup as well */

    if (plain && fi.st_nlink <= 1) {
        return fd;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "wix_auth: state file \"%V\" %s, "
                  "sessions of zone \"%V\" are not saved",
                  &state->file[slot],
                  plain ? "has another name (a hard link)"
                        : "is no plain file",
                  &state->shm_zone->shm.name);

    (void) ngx_close_file(fd);
    ngx_set_errno(NGX_EISDIR);

    return NGX_INVALID_FILE;
}


ngx_int_t
ngx_http_wix_auth_state_inspect(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_slot_t *slots, ngx_log_t *log)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = NGX_ERROR;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_LOOKS; i++) {
        rc = ngx_http_wix_auth_state_inspect_once(state, slots, log);

        if (rc != NGX_DECLINED) {
            break;
        }
    }

    if (rc == NGX_ERROR) {
        state->off = 1;
    }

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_state_inspect_once(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_slot_t *slots, ngx_log_t *log)
{
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_uint_t  i;

    state->err = NULL;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {

        fd = ngx_http_wix_auth_state_fd(state, i, O_RDONLY, log);

        if (fd == NGX_INVALID_FILE && ngx_errno != NGX_ENOENT) {
            return NGX_ERROR;
        }

        rc = ngx_http_wix_auth_state_look(state, fd, &slots[i]);

        if (rc != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "wix_auth: state file \"%V\" cannot be read, "
                          "sessions of zone \"%V\" are not saved",
                          &state->file[i], &state->shm_zone->shm.name);
        }

        if (fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(fd);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (slots[i].rc == NGX_DECLINED && state->err == NULL) {
            state->err = slots[i].err;
            state->bad = i;
        }
    }

    if (state->err) {
        i = 1 - state->bad;

        if (slots[i].rc != NGX_OK
            || !ngx_http_wix_auth_state_unsynced(state,
                                                 &slots[state->bad].header))
        {
            return NGX_DECLINED;
        }

        slots[state->bad].rc = NGX_AGAIN;
        state->err = NULL;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_wix_auth_state_unsynced(ngx_http_wix_auth_state_t *state,
    ngx_http_wix_auth_state_header_t *h)
{
    static u_char  zeroes[16];

    return h->genuine
           && ngx_memcmp(h->boot, zeroes, 16) != 0
           && ngx_memcmp(state->boot, zeroes, 16) != 0
           && ngx_memcmp(h->boot, state->boot, 16) != 0;
}


ngx_int_t
ngx_http_wix_auth_state_look(ngx_http_wix_auth_state_t *state, ngx_fd_t fd,
    ngx_http_wix_auth_state_slot_t *slot)
{
    u_char           head[NGX_HTTP_WIX_AUTH_STATE_HEADER];
    ssize_t          n;
    ngx_file_info_t  fi;

    ngx_memzero(slot, sizeof(ngx_http_wix_auth_state_slot_t));
    slot->rc = NGX_DONE;

    if (fd == NGX_INVALID_FILE) {
        return NGX_OK;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    if (fi.st_nlink == 0) {
        ngx_set_errno(NGX_ENOENT);
        return NGX_ERROR;
    }

    slot->size = (uint64_t) ngx_file_size(&fi);

    n = pread(fd, head, sizeof(head), 0);
    if (n == -1) {
        return NGX_ERROR;
    }

    slot->rc = ngx_http_wix_auth_state_header_read(state->ring, head, n,
                                                   slot->size, &slot->header,
                                                   &slot->err);
    if (slot->rc == NGX_ERROR) {
        ngx_set_errno(NGX_ENOMEM);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_wix_auth_state_newest(ngx_http_wix_auth_state_slot_t *slots)
{
    ngx_uint_t  i, newest;

    newest = NGX_HTTP_WIX_AUTH_STATE_SLOTS;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {

        if (slots[i].rc == NGX_OK
            && (newest == NGX_HTTP_WIX_AUTH_STATE_SLOTS
                || slots[i].header.generation
                   > slots[newest].header.generation))
        {
            newest = i;
        }
    }

    return newest;
}


uint64_t
ngx_http_wix_auth_state_generation(ngx_http_wix_auth_state_slot_t *slots)
{
    ngx_uint_t  newest;

    newest = ngx_http_wix_auth_state_newest(slots);

    return (newest < NGX_HTTP_WIX_AUTH_STATE_SLOTS)
           ? slots[newest].header.generation : 0;
}


/*
 * Both slots go: which of them was the newer nobody can tell, and an older one
 * that stays would be used after the next crash.
 */

static ngx_int_t
ngx_http_wix_auth_state_set_aside(ngx_http_wix_auth_state_t *state)
{
    u_char      names[NGX_HTTP_WIX_AUTH_STATE_SLOTS][NGX_MAX_PATH];
    ngx_uint_t  i, other;

    other = 1 - state->bad;

    ngx_http_wix_auth_state_supersede(state);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
        if (ngx_http_wix_auth_state_rename(state, i, names[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_log_error(NGX_LOG_ERR, state->log, 0,
                  "wix_auth: state file \"%V\" %s; it was kept as \"%s\"%s%s%s,"
                  " and zone \"%V\" %s",
                  &state->file[state->bad], state->err, names[state->bad],
                  names[other][0] ? " (the other slot as \"" : "",
                  names[other], names[other][0] ? "\")" : "",
                  &state->shm_zone->shm.name,
                  state->fresh ? "begins empty" : "is saved into a new one");

    return NGX_OK;
}


/* to a name that is not taken; name is empty when there was nothing in it */

static ngx_int_t
ngx_http_wix_auth_state_rename(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, u_char *name)
{
    u_char           *p, *last, *file;
    ngx_err_t         err;
    ngx_uint_t        i;
    ngx_file_info_t   fi;

    name[0] = '\0';
    file = state->file[slot].data;

    if (ngx_link_info(file, &fi) == NGX_FILE_ERROR) {
        return NGX_OK;
    }

    /* an empty one is not worth keeping, but others may have it open */

    if (ngx_file_size(&fi) == 0 && slot != state->bad) {

        if (ngx_delete_file(file) != NGX_FILE_ERROR) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, state->log, ngx_errno,
                      "wix_auth: state file \"%V\" cannot be removed, "
                      "sessions of zone \"%V\" are not saved",
                      &state->file[slot], &state->shm_zone->shm.name);

        return NGX_ERROR;
    }

    last = name + NGX_MAX_PATH - 1;
    err = NGX_EEXIST;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_ASIDE; i++) {

        p = ngx_snprintf(name, last - name, "%V"
                         NGX_HTTP_WIX_AUTH_STATE_REFUSED,
                         &state->file[slot]);
        if (i) {
            p = ngx_snprintf(p, last - p, ".%ui", i);
        }

        *p = '\0';

        if (ngx_link_info(name, &fi) != NGX_FILE_ERROR) {
            continue;
        }

        err = ngx_errno;

        if (err == NGX_ENOENT
            && ngx_rename_file(file, name) != NGX_FILE_ERROR)
        {
            return NGX_OK;
        }

        err = ngx_errno;
        break;
    }

    ngx_log_error(NGX_LOG_ERR, state->log, err,
                  "wix_auth: state file \"%V\" %s, and cannot be kept as "
                  "\"%s\"; remove it, sessions of zone \"%V\" are not saved",
                  &state->file[state->bad], state->err, name,
                  &state->shm_zone->shm.name);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_wix_auth_state_reopen(ngx_http_wix_auth_state_t *state)
{
    ngx_fd_t         fd;
    ngx_uint_t       i;
    ngx_file_info_t  there, ours;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {

        if (ngx_link_info(state->file[i].data, &there) != NGX_FILE_ERROR
            && ngx_fd_info(state->fd[i], &ours) != NGX_FILE_ERROR
            && ngx_file_uniq(&there) == ngx_file_uniq(&ours)
            && there.st_dev == ours.st_dev)
        {
            continue;
        }

        fd = ngx_http_wix_auth_state_fd(state, i, O_RDWR|O_CREAT, state->log);

        if (fd != NGX_INVALID_FILE) {
            fd = ngx_http_wix_auth_state_spare(state, i, fd);
        }

        if (fd == NGX_INVALID_FILE) {
            return NGX_ERROR;
        }

        (void) ngx_close_file(state->fd[i]);
        state->fd[i] = fd;
    }

    return NGX_OK;
}


/* somebody else's file is not written over; gives a new one then */

static ngx_fd_t
ngx_http_wix_auth_state_spare(ngx_http_wix_auth_state_t *state,
    ngx_uint_t i, ngx_fd_t fd)
{
    u_char                          name[NGX_MAX_PATH];
    ngx_int_t                       rc;
    ngx_http_wix_auth_state_slot_t  slot;

    rc = ngx_http_wix_auth_state_look(state, fd, &slot);
    ngx_explicit_memzero(&slot.header, sizeof(slot.header));

    if (rc == NGX_OK && slot.rc != NGX_DECLINED) {
        return fd;
    }

    (void) ngx_close_file(fd);

    if (rc != NGX_OK) {
        (void) ngx_http_wix_auth_state_trouble(state, i, ngx_errno,
                                               "cannot be read");
        return NGX_INVALID_FILE;
    }

    state->bad = i;
    state->err = slot.err;

    if (ngx_http_wix_auth_state_rename(state, i, name) != NGX_OK) {
        return NGX_INVALID_FILE;
    }

    ngx_log_error(NGX_LOG_ERR, state->log, 0,
                  "wix_auth: state file \"%V\" %s; it was kept as \"%s\", and "
                  "zone \"%V\" is saved into a new one", &state->file[i],
                  state->err, name, &state->shm_zone->shm.name);

    return ngx_http_wix_auth_state_fd(state, i, O_RDWR|O_CREAT, state->log);
}


ngx_int_t
ngx_http_wix_auth_state_write(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, u_char *p, size_t size, uint64_t offset)
{
    ssize_t  n;

    while (size) {
        n = pwrite(state->fd[slot], p, size, (off_t) offset);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return ngx_http_wix_auth_state_trouble(state, slot,
                                                   n ? ngx_errno : NGX_ENOSPC,
                                                   "cannot be written");
        }

        p += n;
        size -= n;
        offset += n;
    }

    return NGX_OK;
}


/* once until it is over */

ngx_int_t
ngx_http_wix_auth_state_trouble(ngx_http_wix_auth_state_t *state,
    ngx_uint_t slot, ngx_err_t err, const char *what)
{
    if (!state->trouble) {
        state->trouble = 1;

        ngx_log_error(NGX_LOG_ERR, state->log, err,
                      "wix_auth: state file \"%V\" %s, sessions of zone "
                      "\"%V\" are not saved", &state->file[slot], what,
                      &state->shm_zone->shm.name);
    }

    return NGX_ERROR;
}
