package WixAuthTest::Clock;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Moves the wall clock of an nginx, so that what lasts 15 minutes or 24 hours
# is tested without waiting:
#
#     my $clock = WixAuthTest::Clock->new(temp_dir());
#     my $nginx = $clock->with(sub { start_nginx(...) });
#     $clock->advance(900);       # the time of day alone, as a person sets it
#     $clock->pass(900);          # all clocks, as if so much time had passed
#
# A small library is preloaded that adds to gettimeofday(), the only thing
# nginx takes the time of day from, and to the monotonic clocks.

use strict;
use warnings;

my $source = <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* of the time of day, and of monotonic time */
static volatile long *offset;

__attribute__((constructor)) static void
clock_init(void)
{
    int    fd;
    void  *p;

    fd = open(getenv("WIX_AUTH_TEST_CLOCK") ?: "", O_RDONLY);

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, 2 * sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
    offset = (p == MAP_FAILED) ? NULL : p;
    close(fd);
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    static int  (*real)(struct timeval *, void *);
    int           rc;

    if (real == NULL) {
        real = (int (*)(struct timeval *, void *))
               dlsym(RTLD_NEXT, "gettimeofday");
    }

    rc = real(tv, tz);

    if (rc == 0 && offset) {
        tv->tv_sec += *offset;
    }

    return rc;
}

int
clock_gettime(clockid_t id, struct timespec *tp)
{
    static int  (*real)(clockid_t, struct timespec *);
    int           rc;

    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))
               dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = real(id, tp);

    if (rc == 0 && offset
        && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE
            || id == CLOCK_MONOTONIC_RAW))
    {
        tp->tv_sec += offset[1];
    }

    return rc;
}
END

# why it cannot be used here, or nothing
sub missing {
    return 'a preloaded library does not go with sanitizers and valgrind'
        if $WixAuthTest::Nginx::FLAVOUR ne 'packaged'
        || $WixAuthTest::Nginx::VALGRIND;
    return;
}

sub new {
    my ($class, $dir) = @_;

    my $self = bless {seconds => 0, passed => 0, file => "$dir/clock",
                      lib => "$dir/clock.so"}, $class;
    my $cc = $ENV{CC} || 'cc';

    WixAuthTest::Nginx::spew("$dir/clock.c", $source);
    $self->set(0);

    my $out = `$cc -shared -fPIC -O1 -o $self->{lib} $dir/clock.c -ldl 2>&1`;
    die "the clock does not compile:\n$out\n" if $?;

    return $self;
}

sub with {
    my ($self, $code) = @_;

    local $ENV{LD_PRELOAD} = $self->{lib};
    local $ENV{WIX_AUTH_TEST_CLOCK} = $self->{file};

    return $code->();
}

sub advance {
    my ($self, $seconds) = @_;

    return $self->set($self->{seconds} + $seconds);
}

sub pass {
    my ($self, $seconds) = @_;

    return $self->set($self->{seconds} + $seconds,
                      $self->{passed} + $seconds);
}

sub set {
    my ($self, $seconds, $passed) = @_;

    $self->{seconds} = $seconds;
    $self->{passed} = $passed // $self->{passed};

    # in place: the file is mapped
    open my $fh, -e $self->{file} ? '+<' : '>', $self->{file}
        or die "$self->{file}: $!\n";
    syswrite $fh, pack 'l!2', $self->{seconds}, $self->{passed};
    close $fh;

    return;
}

1;
