#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What a member's request costs, in instructions that callgrind counts: they
# are the same on a busy machine.  The figures of docs/performance.md come from
# here and from t/bench; what makes the hot path longer fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Instructions;
use WixAuthTest::StateFile;

use constant {
    HIT    => 2_000,        # no variable
    USED   => 2_200,        # member id, e-mail and status in a header
    TOKEN  => 3_700,        # the access token as well
    OFF    => 900,          # wix_auth off, where a client id is in force
    DEEPER => 300,          # 20,000 sessions instead of 100
    FEW    => 100,
    MANY   => 20_000,
};

plan(skip_all => 'a sanitizer counts too') if flavour() ne 'packaged';

my $emu = start_emulator(member => ['ann@example.com:secret-1']);
my $key = temp_dir() . '/key';

spew($key, join '', map { chr 33 + int rand 90 } 1 .. 48);
chmod 0600, $key or die "$key: $!\n";

my $who = '$wix_auth_member_id $wix_auth_email $wix_auth_status';
my $as_long = '$host $request_method $uri';


subtest 'a hit' => sub {
    my $nginx = site('few', FEW, $who, $as_long);
    my %gated = map { $_ => gated($nginx, "/$_") } qw(off plain used);
    my %free = map { $_ => free($nginx, "/$_") } qw(plain used);

    adds('wix_auth off', $gated{off} - $free{plain}, OFF);
    adds('a hit', $gated{plain} - $free{plain}, HIT);
    adds('with member id, e-mail and status in a header',
         $gated{used} - $free{used}, USED);

    $nginx->stop;
    my $many = site('many', MANY, $who, $as_long);

    adds('20,000 sessions instead of 100',
         gated($many, '/used', MANY / 2) - $gated{used}, DEEPER);
    $many->stop;
};

subtest 'with the access token in a header' => sub {
    my $nginx = site('token', FEW, "$who \$wix_auth_access_token",
                     "$as_long " . 'x' x 1000);

    adds('a token of 1,000 bytes',
         gated($nginx, '/used') - free($nginx, '/used'), TOKEN);
    $nginx->stop;
};

done_testing();


sub adds {
    my ($what, $n, $limit) = @_;

    cmp_ok($n, '<=', $limit, "$what: at most $limit");
    diag("$what: $n instructions a request");
    return;
}

sub site {
    my ($name, $n, $gated, $free) = @_;

    my $file = temp_dir() . "/state-$name";
    state_file($file, $key, $n + 10);

    return start_counted(conf => <<"END");
wix_auth_zone zone=members:64m state=$file;
wix_auth_session_key $key;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
access_log off;
keepalive_requests 100000;

server {
    listen 127.0.0.1:%%\U$name\E_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /off { wix_auth off; empty_gif; }
    location /plain { empty_gif; }
    location /used { add_header X-Who "$gated"; empty_gif; }
}
server {
    listen 127.0.0.1:%%\U$name\E_FREE_PORT%%;
    server_name localhost;
    location /plain { empty_gif; }
    location /used { add_header X-Who "$free"; empty_gif; }
}
END
}

sub gated {
    my ($nginx, $path, $i) = @_;
    return instructions($nginx, [$nginx->ports]->[0], request($path, $i));
}

sub free {
    my ($nginx, $path) = @_;
    return instructions($nginx, [$nginx->ports]->[1], request($path));
}

# as a browser with some cookies of the site
sub request {
    my ($path, $i) = @_;

    return join("\r\n", "GET $path HTTP/1.1", 'Host: localhost',
        'User-Agent: count', 'Accept: */*',
        'Cookie: theme=dark; wix_auth=' . state_cookie($i // 5)
        . '; lang=en') . "\r\n\r\n";
}
