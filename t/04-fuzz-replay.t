#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The targets of "make fuzz" without libFuzzer: each seed, and what has ever
# found a fault, and mutations of them, with gcc and sanitizers.  The program
# prints the results itself.

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;

use constant {SECONDS => 30, MUTATIONS => 3000};

my $top = abs_path(dirname(__FILE__) . '/..');
chdir $top or die "$top: $!\n";

my $out = 'build/replay';
my $cc = $ENV{CC} || 'gcc';

make_path($out);

# two runs of this file may meet
open my $lock, '>', "$out/.lock" or die "$out/.lock: $!\n";
flock $lock, LOCK_EX or die "$out/.lock: $!\n";

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD)};

# configure writes it, so it is there even where the module does not compile
if (!glob 'build/objs-packaged-*/ngx_auto_config.h') {
    local $ENV{NGINX_SRC} = '';
    system('t/build module > /dev/null 2>&1');
}

my $jobs = $ENV{JOBS} || 2;
my $output = `make -s -f t/fuzzers/Makefile -j$jobs OUT=$out CC=$cc KIND=replay 2>&1`;

if ($? != 0) {
    plan tests => 1;
    fail('the targets compile');
    diag($output);
    exit 1;
}

exec "$out/replay", 't/fuzzers/seeds', SECONDS, MUTATIONS
    or die "$out/replay: $!\n";
