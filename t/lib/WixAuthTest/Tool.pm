package WixAuthTest::Tool;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Programs of t/lib that link rooms of the module, but not nginx:
#
#     my $path = tool('state-file', qw(crypto url state_file));

use strict;
use warnings;

use Exporter 'import';
use WixAuthTest ();

our @EXPORT = qw(tool);

my %built;

# t/lib/NAME.c, with the rooms given
sub tool {
    my ($name, @rooms) = @_;

    return $built{$name} if $built{$name};

    my $src = $ENV{WIX_AUTH_NGINX_DEV} || '/usr/share/nginx/src';
    my $top = WixAuthTest::top_dir();
    my $module = "$top/ngx_http_wix_auth_module";
    my $program = WixAuthTest::temp_dir() . "/$name";

    my ($objs) = grep { -f "$_/ngx_auto_config.h" }
        glob "$top/build/objs-packaged-*";
    $objs or die "no ngx_auto_config.h below build/\n";

    # what is not called may want what is not here
    my @cc = ($ENV{CC} || 'gcc',
        qw(-O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -D_GNU_SOURCE
           -ffunction-sections), "-Wl,--gc-sections",
        (map { "-I$src/src/$_" } qw(core event event/modules os/unix)),
        "-I$objs", "-I$module", "-I$top/t/unit", '-o', $program,
        "$top/t/lib/$name.c", "$top/t/unit/ngx_stubs.c",
        (map { "$module/ngx_http_wix_auth_$_.c" } @rooms),
        qw(-lssl -lcrypto));

    local $ENV{LD_PRELOAD};
    delete $ENV{LD_PRELOAD};

    system(@cc) == 0 or die "t/lib/$name.c does not compile\n";
    return $built{$name} = $program;
}

1;
