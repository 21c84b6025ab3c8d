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
use WixAuthTest::Tool;

our @EXPORT = qw(state_key state_file state_cookie);

my $key;


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

    my $tool = tool('state-file', qw(crypto url state_file));

    system($tool, $key, WixAuthTest::emulator()->client, $n, $file, @more) == 0
        or die "$tool failed\n";
    return;
}

sub state_cookie { return sprintf 'A%053d', $_[0] }

1;
