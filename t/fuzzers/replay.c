
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Runs all targets with all seeds, also with too little memory for each of
 * their allocations, and with mutations of them, without libFuzzer, and prints
 * TAP.  The mutations are always the same; how many of them there are is a
 * matter of time.
 *
 *     replay DIR [SECONDS [MUTATIONS]]     a directory for each target
 *     replay TARGET FILE                   one input
 */


#include "replay.h"

#include <dirent.h>


#define REPLAY_SEED   20260101
#define REPLAY_FILES  512
#define REPLAY_MAX    32768           /* bytes of an input */


typedef struct {
    uint8_t   *data;
    size_t     size;
} replay_input_t;


void __sanitizer_set_death_callback(void (*callback)(void));


static ngx_uint_t replay_target(replay_target_t *target, const char *dir,
    double end, ngx_uint_t left, ngx_uint_t mutations);
static ngx_uint_t replay_read(const char *dir, replay_input_t *inputs);
static ngx_int_t replay_load(const char *path, replay_input_t *input);
static void replay_run(replay_target_t *target, const uint8_t *data,
    size_t size, ngx_uint_t starve);
static size_t replay_mutate(uint8_t *data, size_t size,
    replay_input_t *inputs, ngx_uint_t n);
static size_t replay_splice(uint8_t *data, size_t size, size_t at,
    size_t gone, const uint8_t *from, size_t len);
static ngx_uint_t replay_random(ngx_uint_t below);
static double replay_clock(void);
static void replay_dies(void);
static void replay_signal(int signo);


static uint64_t          replay_state;
static replay_target_t  *replay_current;
static const uint8_t    *replay_data;
static size_t            replay_size;
static ngx_uint_t        replay_number;
static ngx_uint_t        replay_total;


int
main(int argc, char **argv)
{
    double            end;
    ngx_uint_t        n, mutations;
    replay_input_t    input;
    replay_target_t  *target;

    if (argc < 2) {
        fprintf(stderr, "usage: replay DIR [SECONDS [MUTATIONS]]\n");
        return 2;
    }

    setvbuf(stdout, NULL, _IOLBF, 0);

    __sanitizer_set_death_callback(replay_dies);
    signal(SIGABRT, replay_signal);
    signal(SIGALRM, replay_signal);

    for (target = replay_targets, n = 0; target->name; target++, n++) {

        if (argc == 3 && strcmp(target->name, argv[1]) == 0) {
            FUZZ_CHECK(replay_load(argv[2], &input) == NGX_OK);
            replay_run(target, input.data, input.size, 1);
            printf("%s: %s holds\n", target->name, argv[2]);
            return 0;
        }
    }

    end = replay_clock() + ((argc > 2) ? atof(argv[2]) : 30);
    mutations = (argc > 3) ? (ngx_uint_t) atol(argv[3]) : 3000;

    printf("1..%lu\n", (unsigned long) n);
    printf("# mutations from seed %d, at most %lu of each input and %.0f s "
           "in all\n", REPLAY_SEED, (unsigned long) mutations, end - replay_clock());

    for (target = replay_targets; target->name; target++, n--) {
        replay_total += replay_target(target, argv[1], end, n, mutations);
    }

    printf("# %lu inputs in %lu targets\n", (unsigned long) replay_total,
           (unsigned long) replay_number);

    return 0;
}


static ngx_uint_t
replay_target(replay_target_t *target, const char *dir, double end,
    ngx_uint_t left, ngx_uint_t mutations)
{
    char             path[1024];
    size_t           size;
    ngx_uint_t       i, k, n, done;
    replay_input_t   inputs[REPLAY_FILES];

    static uint8_t   buf[REPLAY_MAX];

    snprintf(path, sizeof(path), "%s/%s", dir, target->name);

    replay_number++;

    n = replay_read(path, inputs);

    if (n == 0) {
        printf("not ok %lu - %s: no seeds in %s\n",
               (unsigned long) replay_number, target->name, path);
        return 0;
    }

    for (i = 0; i < n; i++) {
        replay_run(target, inputs[i].data, inputs[i].size, 1);
    }

    /* the first mutation of each, the second of each and so on; what quick
       targets leave is for the slow ones */

    end = replay_clock() + (end - replay_clock()) / left;

    replay_state = REPLAY_SEED;
    done = 0;

    for (k = 0; k < mutations && replay_clock() < end; k++) {
        for (i = 0; i < n; i++) {
            size = ngx_min(inputs[i].size, sizeof(buf));

            if (size) {
                memcpy(buf, inputs[i].data, size);
            }

            size = replay_mutate(buf, size, inputs, n);

            replay_run(target, buf, size, 0);
            done++;
        }
    }

    printf("ok %lu - %s: %lu seeds, %lu mutations\n",
           (unsigned long) replay_number, target->name, (unsigned long) n,
           (unsigned long) done);

    for (i = 0; i < n; i++) {
        free(inputs[i].data);
    }

    return n + done;
}


static int
replay_plain(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}


static ngx_uint_t
replay_read(const char *dir, replay_input_t *inputs)
{
    int              i, n;
    char             path[2048];
    ngx_uint_t       found;
    struct dirent  **entries;

    /* in the same order everywhere */

    n = scandir(dir, &entries, replay_plain, alphasort);
    found = 0;

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);

        if (found < REPLAY_FILES
            && replay_load(path, &inputs[found]) == NGX_OK)
        {
            found++;
        }

        free(entries[i]);
    }

    if (n >= 0) {
        free(entries);
    }

    return found;
}


static ngx_int_t
replay_load(const char *path, replay_input_t *input)
{
    FILE    *file;
    ssize_t  size;

    file = fopen(path, "r");
    if (file == NULL) {
        return NGX_ERROR;
    }

    input->data = malloc(REPLAY_MAX);
    size = fread(input->data, 1, REPLAY_MAX, file);
    input->size = size;

    fclose(file);

    return NGX_OK;
}


static void
replay_run(replay_target_t *target, const uint8_t *data, size_t size,
    ngx_uint_t starve)
{
    replay_current = target;
    replay_data = data;
    replay_size = size;

    alarm(20);

    if (starve) {
        fuzz_starve(target->run, data, size);

    } else {
        fuzz_run(target->run, data, size);
    }

    alarm(0);
}


/* a few changes, each of a kind that parsers do not like */

static size_t
replay_mutate(uint8_t *data, size_t size, replay_input_t *inputs,
    ngx_uint_t n)
{
    size_t           at, len;
    uint8_t          bytes[4];
    ngx_uint_t       i;
    replay_input_t  *other;

    static const uint8_t  special[] = {
        0, 1, 9, 10, 13, 32, 34, 35, 37, 38, 39, 44, 46, 47, 58, 59, 60, 61,
        62, 63, 64, 91, 92, 93, 123, 125, 127, 128, 194, 237, 240, 255
    };

    for (i = 1 + replay_random(4); i; i--) {
        at = replay_random(size + 1);
        len = replay_random(ngx_min(size - at, 8) + 1);

        switch (replay_random(8)) {

        case 0:
            if (at < size) {
                data[at] ^= (uint8_t) (1 << replay_random(8));
            }
            break;

        case 1:
            if (at < size) {
                data[at] = special[replay_random(sizeof(special))];
            }
            break;

        case 2:
            size = replay_splice(data, size, at, len, NULL, 0);
            break;

        case 3:
            bytes[0] = special[replay_random(sizeof(special))];
            size = replay_splice(data, size, at, 0, bytes, 1);
            break;

        case 4:
            /* percent-encoded */
            if (at < size) {
                bytes[0] = '%';
                bytes[1] = (uint8_t) "0123456789abcdef"[data[at] >> 4];
                bytes[2] = (uint8_t) "0123456789ABCDEF"[data[at] & 15];
                size = replay_splice(data, size, at, 1, bytes, 3);
            }
            break;

        case 5:
            /* once more */
            len = replay_random(ngx_min(size - at, 64) + 1);
            size = replay_splice(data, size, replay_random(size + 1), 0,
                                 data + at, len);
            break;

        case 6:
            /* a part of another seed */
            other = &inputs[replay_random(n)];

            if (other->size) {
                len = replay_random(other->size);
                size = replay_splice(data, size, at,
                                     replay_random(size - at + 1),
                                     other->data + len,
                                     1 + replay_random(other->size - len));
            }
            break;

        default:
            /* cut off */
            if (replay_random(4) == 0) {
                size = at;
            }
        }
    }

    return size;
}


/* len bytes instead of those that go */

static size_t
replay_splice(uint8_t *data, size_t size, size_t at, size_t gone,
    const uint8_t *from, size_t len)
{
    uint8_t  copy[4096];

    len = ngx_min(len, sizeof(copy));
    len = ngx_min(len, REPLAY_MAX - (size - gone));

    if (len) {
        memcpy(copy, from, len);
    }

    memmove(data + at + len, data + at + gone, size - at - gone);
    memcpy(data + at, copy, len);

    return size - gone + len;
}


/* xorshift64* */

static ngx_uint_t
replay_random(ngx_uint_t below)
{
    replay_state ^= replay_state >> 12;
    replay_state ^= replay_state << 25;
    replay_state ^= replay_state >> 27;

    return below ? ((replay_state * 0x2545f4914f6cdd1dULL) >> 33) % below : 0;
}


static double
replay_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


/* what to begin with when somebody looks for the fault */

static void
replay_dies(void)
{
    char   path[256];
    FILE  *file;

    if (replay_current == NULL) {
        return;
    }

    snprintf(path, sizeof(path), "build/replay/failed-%s",
             replay_current->name);

    file = fopen(path, "w");

    if (file) {
        fwrite(replay_data, 1, replay_size, file);
        fclose(file);
    }

    printf("not ok %lu - %s: again with build/replay/replay %s %s\n",
           (unsigned long) replay_number, replay_current->name,
           replay_current->name, path);
    fflush(stdout);

    replay_current = NULL;
}


static void
replay_signal(int signo)
{
    replay_dies();
    signal(signo, SIG_DFL);
    raise(signo);
}
