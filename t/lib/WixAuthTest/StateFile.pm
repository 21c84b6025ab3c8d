package WixAuthTest::StateFile;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# State files with many sessions, for tests that cannot wait for so many
# logins (t/lib/state-file.c).
#
#     state_file($file, state_key(), 20_000);   # of the emulator's client
#     state_cookie($i);                         # of session $i, from 0 on
#
# The last ten have expired.

use strict;
use warnings;

use Exporter 'import';
use WixAuthTest ();

our @EXPORT = qw(state_key state_file state_cookie);

my ($key, $tool);


# a file for wix_auth_session_key
sub state_key {
    return $key if $key;

    $key = WixAuthTest::temp_dir() . '/state-key';
    WixAuthTest::spew($key, join '', map { chr 33 + int rand 90 } 1 .. 48);
    chmod 0600, $key or die "$key: $!\n";
    return $key;
}

# what follows the number is the program's own: token sizes, BOOT
sub state_file {
    my ($file, $key, $n, @more) = @_;

    $tool //= build();

    system($tool, $key, WixAuthTest::emulator()->client, $n, $file, @more) == 0
        or die "$tool failed\n";
    return;
}

sub state_cookie { return sprintf 'A%053d', $_[0] }

sub build {
    my $src = $ENV{WIX_AUTH_NGINX_DEV} || '/usr/share/nginx/src';
    my $top = WixAuthTest::top_dir();
    my $module = "$top/ngx_http_wix_auth_module";
    my $program = WixAuthTest::temp_dir() . '/state-file';

    my ($objs) = grep { -f "$_/ngx_auto_config.h" }
        glob "$top/build/objs-packaged-*";
    $objs or die "no ngx_auto_config.h below build/\n";

    my @cc = ($ENV{CC} || 'gcc', qw(-O1 -D_GNU_SOURCE),
        (map { "-I$src/src/$_" } qw(core event event/modules os/unix)),
        "-I$objs", "-I$module", "-I$top/t/unit", '-o', $program,
        "$top/t/lib/state-file.c", "$top/t/unit/ngx_stubs.c",
        (map { "$module/ngx_http_wix_auth_$_.c" } qw(crypto url state_file)),
        qw(-lssl -lcrypto));

    local $ENV{LD_PRELOAD};
    delete $ENV{LD_PRELOAD};

    system(@cc) == 0 or die "t/lib/state-file.c does not compile\n";
    return $program;
}

1;
