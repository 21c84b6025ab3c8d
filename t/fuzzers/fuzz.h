
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A target is one function, fuzz_one(), in a file fuzz_NAME.c.  It reads the
 * input, calls the module's own parsers, and checks what must hold whatever
 * the input was.  The parts of an input are lines where that is possible, so
 * that seeds can be written and read by people.
 */


typedef struct {
    ngx_pool_t   *pool;
    u_char       *pos;
    u_char       *last;
    uint64_t      hash;           /* of the input */
    unsigned      starved:1;      /* an allocation has failed */
} fuzz_t;


/* what must hold; written to stderr, and the process ends */

#define FUZZ_CHECK(condition)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fuzz_fail(__FILE__, __LINE__, #condition);                        \
        }                                                                     \
    } while (0)

void fuzz_fail(const char *file, int line, const char *what)
    __attribute__((noreturn));


/* the target */
void fuzz_one(fuzz_t *f);

/* one input: with all memory, and for some inputs with too little as well */
typedef void (*fuzz_target_pt)(fuzz_t *f);
void fuzz_run(fuzz_target_pt target, const uint8_t *data, size_t size);

/* the same input with each number of allocations before one fails */
void fuzz_starve(fuzz_target_pt target, const uint8_t *data, size_t size);


/*
 * The next line of the input, and all that is left of it.  Both are memory of
 * their own, of exactly their length, so that a byte too far is seen.
 */
ngx_str_t fuzz_line(fuzz_t *f);
ngx_str_t fuzz_rest(fuzz_t *f);

/* the next line as a number, at most max; 0 when it is none */
ngx_uint_t fuzz_number(fuzz_t *f, ngx_uint_t max);

/* a copy of exactly that length, which never fails, freed with the pool */
ngx_str_t fuzz_copy(fuzz_t *f, const void *data, size_t len);
/* the same with a NUL behind it */
ngx_str_t fuzz_copy0(fuzz_t *f, const void *data, size_t len);

/* between these two, memory is enough even for a starved input */
ngx_int_t fuzz_plenty(void);
void fuzz_enough(ngx_int_t allocations);

/* a line's next word; len 0: there is none */
ngx_str_t fuzz_word(ngx_str_t *line);


ngx_uint_t fuzz_is(ngx_str_t *text, const char *expected);
ngx_uint_t fuzz_equal(ngx_str_t *a, ngx_str_t *b);
ngx_uint_t fuzz_contains(ngx_str_t *text, ngx_str_t *part);
/* from 0x21 to 0x7e, blanks if wanted */
ngx_uint_t fuzz_printable(ngx_str_t *text, ngx_uint_t blanks);
/* no control character: fit for a header line */
ngx_uint_t fuzz_clean(ngx_str_t *text);
/* well-formed (RFC 3629, 4) */
ngx_uint_t fuzz_utf8(ngx_str_t *text);

#define fuzz_str(s)  (ngx_str_t) { sizeof(s) - 1, (u_char *) (s) }


/* stubs: what the module has logged since the input began */

extern ngx_log_t   fuzz_log;
extern ngx_str_t   fuzz_logged;         /* the last line */
extern ngx_uint_t  fuzz_lines;          /* all */
extern ngx_uint_t  fuzz_emergencies;    /* NGX_LOG_EMERG */

void fuzz_log_reset(void);


#endif /* _FUZZ_H_INCLUDED_ */
