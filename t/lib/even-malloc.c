
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * An allocator for counting, to be preloaded: each call takes the same number
 * of instructions, whatever was allocated before.  With that of the C library
 * two nginx that differ in their configuration differ by up to 200
 * instructions a request, only because their heaps look different.
 *
 * Sizes are powers of 2; memory is never given back to the system.  For one
 * thread.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>


#define HEAD     sizeof(head_t)
#define SIZES    40
#define SHIFTED  SIZES             /* what a head says that is not the first */
#define CHUNK    ((size_t) 1 << 26)


/* before what the caller gets */

typedef struct {
    uint64_t   size;               /* 2 to the n, or SHIFTED */
    uint64_t   shift;              /* how far it is behind the first head */
} head_t;


typedef struct free_s  free_t;

struct free_s {
    free_t    *next;
};


static free_t  *unused[SIZES];
static char    *fresh, *end;


static head_t *head_of(void *p);
static void *take(size_t size);


void *
malloc(size_t len)
{
    void      *p;
    size_t     n;
    head_t    *h;

    if (len > (size_t) 1 << (SIZES - 2)) {
        errno = ENOMEM;
        return NULL;
    }

    n = 64 - __builtin_clzl((len + HEAD - 1) | 31);

    p = unused[n];

    if (p) {
        unused[n] = unused[n]->next;
        return p;
    }

    h = take((size_t) 1 << n);

    if (h == NULL) {
        errno = ENOMEM;
        return NULL;
    }

    h->size = n;
    h->shift = 0;

    return h + 1;
}


static void *
take(size_t size)
{
    void    *p;
    size_t   chunk;

    if ((size_t) (end - fresh) < size) {
        chunk = (size > CHUNK) ? size : CHUNK;

        p = mmap(NULL, chunk, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

        if (p == MAP_FAILED) {
            return NULL;
        }

        fresh = p;
        end = fresh + chunk;
    }

    p = fresh;
    fresh += size;

    return p;
}


static head_t *
head_of(void *p)
{
    head_t  *h;

    h = (head_t *) p - 1;

    return (h->size == SHIFTED) ? (head_t *) ((char *) h - h->shift) : h;
}


void
free(void *p)
{
    free_t  *f;
    head_t  *h;

    if (p == NULL) {
        return;
    }

    h = head_of(p);
    f = (free_t *) (h + 1);

    f->next = unused[h->size];
    unused[h->size] = f;
}


void *
calloc(size_t n, size_t size)
{
    void    *p;
    size_t   len;

    if (__builtin_mul_overflow(n, size, &len)) {
        errno = ENOMEM;
        return NULL;
    }

    p = malloc(len);

    return p ? memset(p, 0, len) : NULL;
}


size_t
malloc_usable_size(void *p)
{
    head_t  *h;

    if (p == NULL) {
        return 0;
    }

    h = head_of(p);

    return ((size_t) 1 << h->size) - ((char *) p - (char *) h);
}


void *
realloc(void *p, size_t len)
{
    void    *q;
    size_t   room;

    if (p == NULL) {
        return malloc(len);
    }

    room = malloc_usable_size(p);

    if (len <= room) {
        return p;
    }

    q = malloc(len);

    if (q) {
        memcpy(q, p, room);
        free(p);
    }

    return q;
}


int
posix_memalign(void **memptr, size_t align, size_t len)
{
    char    *p, *q;
    head_t  *h;

    p = malloc((align > HEAD) ? len + align : len);

    if (p == NULL) {
        return ENOMEM;
    }

    q = (char *) (((uintptr_t) p + align - 1) & ~(uintptr_t) (align - 1));

    if (q != p) {
        h = (head_t *) q - 1;
        h->size = SHIFTED;
        h->shift = q - p;
    }

    *memptr = q;

    return 0;
}


void *
memalign(size_t align, size_t len)
{
    void  *p;

    return posix_memalign(&p, align, len) ? NULL : p;
}


void *
aligned_alloc(size_t align, size_t len)
{
    return memalign(align, len);
}
