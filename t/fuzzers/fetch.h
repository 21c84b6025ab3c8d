
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _FETCH_H_INCLUDED_
#define _FETCH_H_INCLUDED_


#include "fuzz.h"

#include "ngx_http_wix_auth_fetch.h"


/*
 * Stands for the fetch room: a transfer that was started waits here until the
 * target answers it.
 */


/* the one that waits, or NULL */
extern ngx_http_wix_auth_fetch_t  *fetch_waiting;

/* all that were started since fetch_reset() */
extern ngx_uint_t  fetch_started;

void fetch_reset(void);

/* hands the answer over and destroys the transfer */
void fetch_answer(ngx_http_wix_auth_fetch_t *f);


#endif /* _FETCH_H_INCLUDED_ */
