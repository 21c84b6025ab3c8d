
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Linked into the module by t/76-coverage.t, with --wrap for each function
 * here: calls of the module that allocate, or that fail for want of memory,
 * fail when the test says so.  nginx's own calls do not go through here.
 *
 * The test writes into the file that WIX_AUTH_TEST_FAILING names, which every
 * process has mapped.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>


enum { MEMORY = 1, LIBRARY = 2, FILES = 4 };

/* callers that make a call another one, and calls that are remembered */
enum { FRAMES = 6, CALLS = 4096 };


/* in the order of t/76-coverage.t */

typedef struct {
    uint32_t    kinds;        /* what may fail, 0: nothing */
    uint32_t    pid;          /* in this process, 0: in all */
    uint32_t    first;        /* the first call that fails, from 1; 0: none */
    uint32_t    last;         /* the last one */
    uint32_t    calls;        /* counted since */
    uint32_t    failed;
    uint64_t    where;        /* the first that failed: offset in the .so */
    char        name[32];
    uint32_t    stacks[CALLS];
} control_t;


static control_t  *control;


static void  start(void) __attribute__((constructor));
static int  fails(uint32_t kind, const char *name, void *caller);
static uint32_t  stack(void);


static void
start(void)
{
    int          fd;
    void        *p;
    const char  *file;

    file = getenv("WIX_AUTH_TEST_FAILING");

    if (file == NULL) {
        return;
    }

    fd = open(file, O_RDWR);
    if (fd == -1) {
        perror(file);
        abort();
    }

    p = mmap(NULL, sizeof(control_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd,
             0);
    close(fd);

    if (p == MAP_FAILED) {
        perror("mmap");
        abort();
    }

    control = p;
}


static int
fails(uint32_t kind, const char *name, void *caller)
{
    Dl_info   info;
    uint32_t  n;

    if (control == NULL || !(control->kinds & kind)
        || (control->pid != 0 && control->pid != (uint32_t) getpid()))
    {
        return 0;
    }

    n = __sync_add_and_fetch(&control->calls, 1);

    if (control->first == 0 && n <= CALLS) {
        control->stacks[n - 1] = stack();
    }

    if (control->first == 0 || n < control->first || n > control->last) {
        return 0;
    }

    if (__sync_add_and_fetch(&control->failed, 1) == 1) {
        strncpy(control->name, name, sizeof(control->name) - 1);

        if (dladdr(caller, &info)) {
            control->where = (char *) caller - (char *) info.dli_fbase;
        }
    }

    return 1;
}


/* a hash of the callers */

static uint32_t
stack(void)
{
    int        i, n;
    void      *frames[FRAMES + 3];
    uint32_t   hash;

    hash = 2166136261u;
    n = backtrace(frames, FRAMES + 3);

    /* without stack(), fails() and the wrapper */

    for (i = 3; i < n; i++) {
        hash = (hash ^ (uint32_t) (uintptr_t) frames[i]) * 16777619;
    }

    return hash;
}


/* WRAP(kind, type, what a failure returns, name, parameters, arguments) */

#define WRAP(kind, type, failure, name, params, args)                         \
                                                                              \
    type __real_##name params;                                                \
    type __wrap_##name params;                                                \
                                                                              \
    type                                                                      \
    __wrap_##name params                                                      \
    {                                                                         \
        if (fails(kind, #name, __builtin_return_address(0))) {                \
            return failure;                                                   \
        }                                                                     \
                                                                              \
        return __real_##name args;                                            \
    }

#define POINTER(name, params, args)                                           \
    WRAP(MEMORY, void *, NULL, name, params, args)

/* NGX_ERROR */
#define NGINX(name, params, args)                                             \
    WRAP(MEMORY, intptr_t, -1, name, params, args)

#define OPENSSL(name, params, args)                                           \
    WRAP(LIBRARY, int, 0, name, params, args)

/* CURLE_OUT_OF_MEMORY, and errors of its others and of yajl */
#define CURL(name, params, args)                                              \
    WRAP(LIBRARY, int, 27, name, params, args)
#define OTHER(name, params, args)                                             \
    WRAP(LIBRARY, int, 3, name, params, args)

#define LIBRARY_POINTER(name, params, args)                                   \
    WRAP(LIBRARY, void *, NULL, name, params, args)


POINTER(ngx_alloc, (size_t n, void *log), (n, log))
POINTER(ngx_calloc, (size_t n, void *log), (n, log))
POINTER(ngx_palloc, (void *pool, size_t n), (pool, n))
POINTER(ngx_pcalloc, (void *pool, size_t n), (pool, n))
POINTER(ngx_pnalloc, (void *pool, size_t n), (pool, n))
POINTER(ngx_pstrdup, (void *pool, void *s), (pool, s))
POINTER(ngx_create_pool, (size_t n, void *log), (n, log))
POINTER(ngx_pool_cleanup_add, (void *pool, size_t n), (pool, n))
POINTER(ngx_array_create, (void *pool, uintptr_t n, size_t size),
        (pool, n, size))
POINTER(ngx_array_push, (void *a), (a))
POINTER(ngx_list_push, (void *l), (l))
POINTER(ngx_slab_alloc, (void *pool, size_t n), (pool, n))
POINTER(ngx_slab_calloc, (void *pool, size_t n), (pool, n))
POINTER(ngx_http_wix_auth_record_take, (void *sh, uintptr_t n), (sh, n))
POINTER(ngx_get_connection, (int fd, void *log), (fd, log))
POINTER(ngx_http_add_variable, (void *cf, void *name, uintptr_t flags),
        (cf, name, flags))
POINTER(ngx_shared_memory_add, (void *cf, void *name, size_t n, void *tag),
        (cf, name, n, tag))
POINTER(ngx_http_get_variable, (void *r, void *name, uintptr_t key),
        (r, name, key))

NGINX(ngx_http_wix_auth_chain_take, (void *sh, uintptr_t n, void *chain),
      (sh, n, chain))
NGINX(ngx_http_complex_value, (void *r, void *cv, void *value), (r, cv, value))
NGINX(ngx_http_compile_complex_value, (void *ccv), (ccv))
NGINX(ngx_http_get_variable_index, (void *cf, void *name), (cf, name))
NGINX(ngx_conf_full_name, (void *cycle, void *name, uintptr_t prefix),
      (cycle, name, prefix))
NGINX(ngx_connection_local_sockaddr, (void *c, void *s, uintptr_t port),
      (c, s, port))
NGINX(ngx_handle_read_event, (void *ev, uintptr_t flags), (ev, flags))

LIBRARY_POINTER(EVP_CIPHER_CTX_new, (void), ())
LIBRARY_POINTER(EVP_CIPHER_fetch, (void *ctx, void *name, void *query),
                (ctx, name, query))
LIBRARY_POINTER(EVP_MD_fetch, (void *ctx, void *name, void *query),
                (ctx, name, query))
LIBRARY_POINTER(EVP_MAC_fetch, (void *ctx, void *name, void *query),
                (ctx, name, query))
LIBRARY_POINTER(EVP_MAC_CTX_new, (void *mac), (mac))
LIBRARY_POINTER(EVP_KDF_fetch, (void *ctx, void *name, void *query),
                (ctx, name, query))
LIBRARY_POINTER(EVP_KDF_CTX_new, (void *kdf), (kdf))
LIBRARY_POINTER(X509_STORE_new, (void), ())
LIBRARY_POINTER(curl_easy_init, (void), ())
LIBRARY_POINTER(curl_multi_init, (void), ())
LIBRARY_POINTER(curl_share_init, (void), ())
LIBRARY_POINTER(curl_slist_append, (void *list, void *s), (list, s))
LIBRARY_POINTER(yajl_gen_alloc, (void *af), (af))

OPENSSL(EVP_MAC_init, (void *c, void *key, size_t n, void *params),
        (c, key, n, params))
OPENSSL(EVP_MAC_update, (void *c, void *data, size_t n), (c, data, n))
OPENSSL(EVP_MAC_final, (void *c, void *out, void *len, size_t n),
        (c, out, len, n))
OPENSSL(EVP_Digest, (void *data, size_t n, void *md, void *len, void *type,
                     void *engine), (data, n, md, len, type, engine))
OPENSSL(EVP_EncryptInit_ex, (void *c, void *cipher, void *engine, void *key,
                             void *iv), (c, cipher, engine, key, iv))
OPENSSL(EVP_EncryptUpdate, (void *c, void *out, void *len, void *in, int n),
        (c, out, len, in, n))
OPENSSL(EVP_EncryptFinal_ex, (void *c, void *out, void *len), (c, out, len))
OPENSSL(EVP_DecryptInit_ex, (void *c, void *cipher, void *engine, void *key,
                             void *iv), (c, cipher, engine, key, iv))
OPENSSL(EVP_DecryptUpdate, (void *c, void *out, void *len, void *in, int n),
        (c, out, len, in, n))
OPENSSL(EVP_DecryptFinal_ex, (void *c, void *out, void *len), (c, out, len))
OPENSSL(EVP_CIPHER_CTX_ctrl, (void *c, int type, int arg, void *ptr),
        (c, type, arg, ptr))
OPENSSL(EVP_KDF_derive, (void *c, void *out, size_t n, void *params),
        (c, out, n, params))
OPENSSL(RAND_bytes, (void *buf, int n), (buf, n))
OPENSSL(X509_STORE_load_file, (void *store, void *file), (store, file))

CURL(curl_multi_add_handle, (void *multi, void *easy), (multi, easy))
CURL(curl_global_init, (long flags), (flags))
OTHER(yajl_gen_string, (void *g, void *s, size_t n), (g, s, n))
OTHER(yajl_gen_map_open, (void *g), (g))
OTHER(yajl_gen_map_close, (void *g), (g))
OTHER(yajl_gen_array_open, (void *g), (g))
OTHER(yajl_gen_array_close, (void *g), (g))


/* one more argument, which fits a register whatever it is */

#define SETTER(name, type)                                                    \
                                                                              \
    int __real_##name(void *handle, int option, ...);                         \
    int __wrap_##name(void *handle, int option, ...);                         \
                                                                              \
    int                                                                       \
    __wrap_##name(void *handle, int option, ...)                              \
    {                                                                         \
        void     *value;                                                      \
        va_list   args;                                                       \
                                                                              \
        va_start(args, option);                                               \
        value = va_arg(args, void *);                                         \
        va_end(args);                                                         \
                                                                              \
        if (fails(LIBRARY, #name, __builtin_return_address(0))) {             \
            return 27;                                                        \
        }                                                                     \
                                                                              \
        return __real_##name(handle, option, value);                          \
    }

SETTER(curl_easy_setopt, int)
SETTER(curl_multi_setopt, int)
SETTER(curl_share_setopt, int)


/* files: the last argument of open() is there with O_CREAT only */

int __real_open64(const char *name, int flags, int mode);
int __wrap_open64(const char *name, int flags, int mode);
int
__wrap_open64(const char *name, int flags, int mode)
{
    if (fails(FILES, "open", __builtin_return_address(0))) {
        return -1;
    }

    return __real_open64(name, flags, mode);
}

#define FILE_CALL(type, name, params, args)                                   \
    WRAP(FILES, type, -1, name, params, args)

FILE_CALL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
FILE_CALL(ssize_t, pread64, (int fd, void *p, size_t n, off_t at),
          (fd, p, n, at))
FILE_CALL(ssize_t, pwrite64, (int fd, void *p, size_t n, off_t at),
          (fd, p, n, at))
FILE_CALL(int, fsync, (int fd), (fd))
FILE_CALL(int, ftruncate64, (int fd, off_t n), (fd, n))
FILE_CALL(int, rename, (const char *from, const char *to), (from, to))
FILE_CALL(int, fstat64, (int fd, void *st), (fd, st))
FILE_CALL(int, stat64, (const char *name, void *st), (name, st))
FILE_CALL(int, lstat64, (const char *name, void *st), (name, st))
