
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_STATE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_STATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_crypto.h"


/*
 * Floor 1, part of the session room: the sessions of a zone in a sealed file,
 * so that they outlive a restart of nginx (wix_auth_zone ... state=file).
 *
 * Two slots, "file" and "file.1".  A save goes into the older one and writes
 * the header last, so that one of them is always whole.  Master and workers
 * share descriptors that the master has opened: a worker needs no permission
 * on the directory.  A clean end leaves everything in "file".
 *
 * Whoever opens the file last, a new configuration or a new binary, claims
 * it; all others stop to save, until they find the claim given back or its
 * owner gone.
 *
 * No function here fails: without its file a zone works as any other.
 */


/* the zone has a state file; at configuration time.  ring must live as long as
   the cycle */
ngx_int_t ngx_http_wix_auth_state_add(ngx_conf_t *cf,
    ngx_shm_zone_t *shm_zone, ngx_str_t *file,
    ngx_http_wix_auth_ring_t *ring);

/* the zone has just been created: the file, if it has one, is to be loaded */
void ngx_http_wix_auth_state_fresh(ngx_shm_zone_t *shm_zone);

/* init module, in the master: loads the file into a fresh zone, sets it aside
   if it cannot be used, opens the slots and claims them */
void ngx_http_wix_auth_state_open(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);

/* init process: one worker begins to save at intervals */
void ngx_http_wix_auth_state_start(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);

/* exit process: stops to */
void ngx_http_wix_auth_state_stop(ngx_shm_zone_t *shm_zone);

/* exit master, after the last worker: saves everything at once */
void ngx_http_wix_auth_state_finish(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_WIX_AUTH_STATE_H_INCLUDED_ */
