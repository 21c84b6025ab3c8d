
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _REPLAY_H_INCLUDED_
#define _REPLAY_H_INCLUDED_


#include "fuzz.h"


typedef struct {
    const char       *name;
    fuzz_target_pt    run;
} replay_target_t;


/* made by the Makefile; the last one has no name */
extern replay_target_t  replay_targets[];


#endif /* _REPLAY_H_INCLUDED_ */
