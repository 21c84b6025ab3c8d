#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Compiles t/unit with what knows no request (crypto, json, url, cookie,
# profile, parts of fetch and session) and sanitizers; the program prints the
# results itself.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
chdir $top or die "$top: $!\n";

my $src = $ENV{WIX_AUTH_NGINX_DEV} || '/usr/share/nginx/src';
my $cc = $ENV{CC} || 'gcc';

# configure writes it, so it is there even where the module does not compile
sub objs {
    my @found = grep { -f "$_/ngx_auto_config.h" } glob 'build/objs-packaged-*';
    return $found[0];
}

if (!objs()) {
    local @ENV{qw(CC NGINX_SRC)} = ($cc, '');
    system('t/build module > /dev/null 2>&1');
}

my $objs = objs();
my $module = 'ngx_http_wix_auth_module';
my $dir = 'build/unit';
make_path($dir);

my @sanitize = ('-fsanitize=address,undefined',
                '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer');

# what no test calls may want what is not here
my @sections = ('-ffunction-sections', '-Wl,--gc-sections');

# two runs of this file may meet
my $program = "$dir/unit.$$";

# t/coverage reads what was run
my @counted = ('--coverage', '-O0', '-dumpdir', "$dir/");
unlink glob "$dir/*.gcda";

my @command = ($cc, @counted, qw(-g -Wall -Wextra -Werror -Wno-unused-parameter
                       -D_GNU_SOURCE), @sanitize, @sections,
    (map { "-I$src/src/$_" } qw(core event event/modules os/unix http)),
    '-I' . ($objs // ''), "-I$module", '-It/unit', '-o', $program,
    glob('t/unit/*.c'),
    (map { "$module/ngx_http_wix_auth_$_.c" }
     qw(crypto json write_json url cookie profile fetch peer_fetch
        counter budget breaker state_file registration shape leaf)),
    qw(-lyajl -lssl -lcrypto));

my $output = $objs ? `@command 2>&1` : "no ngx_auto_config.h below build/\n";

if (!$objs || $? != 0) {
    plan tests => 1;
    fail('the unit tests compile');
    diag($output);
    exit 1;
}

rename $program, "$dir/unit" or die "$dir/unit: $!\n";
delete $ENV{LD_PRELOAD};
exec "$dir/unit" or die "$dir/unit: $!\n";
