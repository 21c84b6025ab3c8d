#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What a member's request costs, in instructions that callgrind counts and in
# system calls: they are the same on a busy machine.  The figures of docs/performance.md come from
# here and from t/bench; what makes the hot path longer fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::BenchZone ();
use WixAuthTest::Instructions;

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

start_emulator(member => ['ann@example.com:secret-1']);

my $who = '$wix_auth_member_id $wix_auth_email $wix_auth_status';
my $as_long = '$host $request_method $uri';


subtest 'a hit' => sub {
    my $nginx = counted_site('few', FEW, $who, $as_long);
    my %gated = map { $_ => instructions($nginx, GATED, "/$_") }
        qw(off plain used);
    my %free = map { $_ => instructions($nginx, FREE, "/$_") }
        qw(plain used);

    adds('wix_auth off', $gated{off} - $free{plain}, OFF);
    adds('a hit', $gated{plain} - $free{plain}, HIT);
    adds('with member id, e-mail and status in a header',
         $gated{used} - $free{used}, USED);

    $nginx->stop;
    my $many = counted_site('many', MANY, $who, $as_long);

    adds('20,000 sessions instead of 100',
         instructions($many, GATED, '/used', MANY / 2) - $gated{used}, DEEPER);
    $many->stop;
};

subtest 'with the access token in a header' => sub {
    my $nginx = counted_site('token', FEW, "$who \$wix_auth_access_token",
                             "$as_long " . 'x' x 1000);

    adds('a token of 1,000 bytes',
         instructions($nginx, GATED, '/used')
         - instructions($nginx, FREE, '/used'), TOKEN);
    $nginx->stop;
};

subtest 'system calls' => sub {
    my $nginx = counted_site('calls', FEW, $who, $as_long, CALLS);
    my %calls = (
        free => {system_calls($nginx, FREE, '/used')},
        hit => {system_calls($nginx, GATED, '/used')},
    );

    # it was seen at work
    is($calls{free}{$_}, 1, "an ungated request has one $_")
        for qw(epoll_wait writev);
    is_deeply($calls{hit}, $calls{free}, 'a hit has the same');

    $nginx->stop;
};

# not how long, which is for make bench, but that it can be told
subtest 'under the lock' => sub {
    my %of = map { shift @$_ => $_ }
        WixAuthTest::BenchZone::lock_times(FEW, 1000);

    is(keys %of, 5, 'the clock and four kinds of calls');

    for (sort keys %of) {
        my ($p50, $p99, $p999, $whole) = @{$of{$_}};

        ok($p50 <= $p99 && $p99 <= $p999 && $p50 <= $whole
           && ($p50 > 0 || $_ eq 'clock'), "$_: @{$of{$_}}");
    }
};

done_testing();


sub adds {
    my ($what, $n, $limit) = @_;

    cmp_ok($n, '<=', $limit, "$what: at most $limit");
    diag("$what: $n instructions a request");
    return;
}
