
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_zone.h"


/* claims are locks on bytes that lie behind any save */
#define NGX_HTTP_WIX_AUTH_STATE_LOCKS    ((off_t) 1 << 40)
#define NGX_HTTP_WIX_AUTH_STATE_PLACES   ((off_t) 1 << 24)

/* for another nginx to end: so often, so many ms */
#define NGX_HTTP_WIX_AUTH_STATE_WAITS    50
#define NGX_HTTP_WIX_AUTH_STATE_WAIT     100


#ifdef F_OFD_SETLK
static ngx_uint_t ngx_http_wix_auth_state_written(
    ngx_http_wix_auth_state_t *state);
static void ngx_http_wix_auth_state_place(struct flock *fl, u_char *claim);
#endif
static ngx_int_t ngx_http_wix_auth_state_back(
    ngx_http_wix_auth_state_t *state);
static ngx_uint_t ngx_http_wix_auth_state_claimed(ngx_fd_t fd,
    u_char claim[NGX_HTTP_WIX_AUTH_STATE_CLAIM]);
static ngx_int_t ngx_http_wix_auth_state_lock(ngx_fd_t fd, u_char *claim);
static ngx_uint_t ngx_http_wix_auth_state_locked(ngx_fd_t fd, u_char *claim);


ngx_int_t
ngx_http_wix_auth_state_claim(ngx_http_wix_auth_state_t *state, ngx_fd_t fd)
{
    ssize_t  n;

    /* first the lock, so that no claim is seen without one */

    if (ngx_http_wix_auth_state_lock(fd, state->claim) != NGX_OK) {
        return ngx_http_wix_auth_state_trouble(state, 0, ngx_errno,
                                               "cannot be locked");
    }

    n = pwrite(fd, state->claim, NGX_HTTP_WIX_AUTH_STATE_CLAIM,
               NGX_HTTP_WIX_AUTH_STATE_HEADER);

    if (n != NGX_HTTP_WIX_AUTH_STATE_CLAIM) {
        return ngx_http_wix_auth_state_trouble(state, 0,
                                               n == -1 ? ngx_errno
                                                       : NGX_ENOSPC,
                                               "cannot be written");
    }

    return NGX_OK;
}


/*
 * Old workers that have the file open see that it is not theirs any more, for
 * as long as the lock lives.  What nobody has open is kept as it is.
 */

void
ngx_http_wix_auth_state_supersede(ngx_http_wix_auth_state_t *state)
{
    ngx_fd_t  fd;

    fd = ngx_http_wix_auth_state_fd(state, 0, O_RDWR, state->log);

    if (fd == NGX_INVALID_FILE) {
        return;
    }

    if (!ngx_http_wix_auth_state_locked(fd, NULL)) {
        (void) ngx_close_file(fd);
        return;
    }

    state->aside = fd;

    (void) ngx_http_wix_auth_state_claim(state, fd);
}


/* an nginx that quits has given its ports away, but saves until its end */

void
ngx_http_wix_auth_state_await(ngx_http_wix_auth_state_t *state,
    ngx_log_t *log)
{
#ifdef F_OFD_SETLK

    ngx_uint_t  i;

    for (i = 0; ngx_http_wix_auth_state_written(state); i++) {

        if (i == NGX_HTTP_WIX_AUTH_STATE_WAITS) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "wix_auth: another nginx still writes state file "
                          "\"%V\", what happens there from now on is not "
                          "saved", &state->file[0]);
            return;
        }

        if (i == 0) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "wix_auth: another nginx still writes state file "
                          "\"%V\", waiting for its end", &state->file[0]);
        }

        ngx_msleep(NGX_HTTP_WIX_AUTH_STATE_WAIT);
    }

#endif
}


#ifdef F_OFD_SETLK

/* the file is opened each time: it may be made anew at the end */

static ngx_uint_t
ngx_http_wix_auth_state_written(ngx_http_wix_auth_state_t *state)
{
    u_char      claim[NGX_HTTP_WIX_AUTH_STATE_CLAIM];
    ngx_fd_t    fd;
    ngx_uint_t  written;

    fd = open((char *) state->file[0].data,
              O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY);

    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    ngx_memzero(claim, sizeof(claim));

    written = pread(fd, claim, sizeof(claim), NGX_HTTP_WIX_AUTH_STATE_HEADER)
              != -1
              && ngx_http_wix_auth_state_claimed(fd, claim);

    (void) ngx_close_file(fd);

    return written;
}

#endif


ngx_int_t
ngx_http_wix_auth_state_mine(ngx_http_wix_auth_state_t *state)
{
    u_char   claim[NGX_HTTP_WIX_AUTH_STATE_CLAIM];
    ssize_t  n;

    ngx_memzero(claim, sizeof(claim));

    n = pread(state->fd[0], claim, sizeof(claim),
              NGX_HTTP_WIX_AUTH_STATE_HEADER);

    if (n == -1) {
        return ngx_http_wix_auth_state_trouble(state, 0, ngx_errno,
                                               "cannot be read");
    }

    if (ngx_memcmp(claim, state->claim, sizeof(claim)) == 0) {
        return NGX_OK;
    }

    if (!ngx_http_wix_auth_state_claimed(state->fd[0], claim)) {
        return ngx_http_wix_auth_state_back(state);
    }

    /* in a worker that is about to quit this is as it should be; after a
       reload it learns of that a moment later */

    if (state->lost && !state->told
        && !ngx_exiting && !ngx_quit && !ngx_terminate && !state->last)
    {
        state->told = 1;

        ngx_log_error(NGX_LOG_WARN, state->log, 0,
                      "wix_auth: a newer nginx saves into state file \"%V\", "
                      "this one does not any more", &state->file[0]);
    }

    state->lost = 1;

    return NGX_DECLINED;
}


/*
 * The owner of the file has gone.  To go on after an upgrade that was given up
 * is right for an nginx that serves; one that is about to end has an old zone,
 * and leaves a newer save alone.
 */

static ngx_int_t
ngx_http_wix_auth_state_back(ngx_http_wix_auth_state_t *state)
{
    ngx_http_wix_auth_zone_t  *zone = state->shm_zone->data;

    uint64_t                         generation;
    ngx_uint_t                       i;
    ngx_http_wix_auth_state_slot_t   slots[NGX_HTTP_WIX_AUTH_STATE_SLOTS];

    if (ngx_exiting || state->last) {

        for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_SLOTS; i++) {
            if (ngx_http_wix_auth_state_look(state, state->fd[i], &slots[i])
                != NGX_OK)
            {
                return ngx_http_wix_auth_state_trouble(state, i, ngx_errno,
                                                       "cannot be read");
            }
        }

        /* a first slot that is empty was just made anew: nobody else is here */

        generation = slots[0].size
                     ? ngx_http_wix_auth_state_generation(slots) : 0;

        ngx_explicit_memzero(slots, sizeof(slots));

        if (generation && generation != zone->sh->generation) {
            state->lost = 1;
            return NGX_DECLINED;
        }
    }

    if (state->lost) {
        state->lost = 0;
        state->told = 0;

        ngx_log_error(NGX_LOG_NOTICE, state->log, 0,
                      "wix_auth: state file \"%V\" is ours again",
                      &state->file[0]);
    }

    return ngx_http_wix_auth_state_claim(state, state->fd[0]);
}


static ngx_uint_t
ngx_http_wix_auth_state_claimed(ngx_fd_t fd,
    u_char claim[NGX_HTTP_WIX_AUTH_STATE_CLAIM])
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STATE_CLAIM; i++) {
        if (claim[i]) {
            return ngx_http_wix_auth_state_locked(fd, claim);
        }
    }

    return 0;
}


/*
 * A claim lives as long as one of the processes does that have inherited the
 * descriptor of its owner.
 */

static ngx_int_t
ngx_http_wix_auth_state_lock(ngx_fd_t fd, u_char *claim)
{
#ifdef F_OFD_SETLK

    struct flock  fl;

    ngx_http_wix_auth_state_place(&fl, claim);

    return (fcntl(fd, F_OFD_SETLK, &fl) == -1) ? NGX_ERROR : NGX_OK;

#else

    return NGX_OK;

#endif
}


/* no claim: any of them */

static ngx_uint_t
ngx_http_wix_auth_state_locked(ngx_fd_t fd, u_char *claim)
{
#ifdef F_OFD_SETLK

    struct flock  fl;

    ngx_http_wix_auth_state_place(&fl, claim);

    return fcntl(fd, F_OFD_GETLK, &fl) == -1 || fl.l_type != F_UNLCK;

#else

    /* whoever has claimed the file is taken to be alive until it says so */

    return claim != NULL;

#endif
}


#ifdef F_OFD_SETLK

static void
ngx_http_wix_auth_state_place(struct flock *fl, u_char *claim)
{
    ngx_memzero(fl, sizeof(struct flock));

    fl->l_type = F_WRLCK;
    fl->l_whence = SEEK_SET;
    fl->l_start = NGX_HTTP_WIX_AUTH_STATE_LOCKS;
    fl->l_len = NGX_HTTP_WIX_AUTH_STATE_PLACES;

    if (claim) {
        fl->l_start += ((off_t) claim[0] << 16) | (claim[1] << 8) | claim[2];
        fl->l_len = 1;
    }
}

#endif


void
ngx_http_wix_auth_state_release(ngx_http_wix_auth_state_t *state)
{
    u_char   zeroes[NGX_HTTP_WIX_AUTH_STATE_CLAIM];

    ngx_memzero(zeroes, sizeof(zeroes));

    if (pwrite(state->fd[0], zeroes, sizeof(zeroes),
               NGX_HTTP_WIX_AUTH_STATE_HEADER)
        == -1)
    {
        (void) ngx_http_wix_auth_state_trouble(state, 0, ngx_errno,
                                               "cannot be written");
    }
}
