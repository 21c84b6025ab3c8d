#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What a member's request costs, in instructions that callgrind counts and in
# system calls: they are the same on a busy machine.  What makes the hot path
# longer fails; docs/performance.md has the figures of t/bench.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::BenchZone ();
use WixAuthTest::Instructions;

use constant {
    HIT    => 2_150,        # no variable
    USED   => 2_200,        # member id, e-mail and status in a header
    TOKEN  => 3_200,        # the access token as well
    OFF    => 1_150,        # wix_auth off, where a client id is in force
    DEEPER => 300,          # 20,000 sessions instead of 100
    FEW    => 100,
    MANY   => 20_000,
};

plan(skip_all => 'a sanitizer counts too') if flavour() ne 'packaged';

start_emulator(member => ['ann@example.com:secret-1']);

my $who = '$wix_auth_member_id $wix_auth_email $wix_auth_status';
my $as_long = '$host $request_method $uri';

# whoever comes, the many from all over the table
my @few = map { $_ * 11 } 1 .. 5;
my @many = map { $_ * 3_511 } 1 .. 5;


subtest 'a hit' => sub {
    my $nginx = counted_site('few', FEW, $who);
    my %gated = map { $_ => instructions($nginx, "/$_", @few) }
        qw(off plain used);
    $nginx->stop;

    my $free = free_site('free', $as_long);
    my %free = map { $_ => instructions($free, "/$_") } qw(plain used);
    $free->stop;

    adds('wix_auth off', $gated{off} - $free{plain}, OFF);
    adds('a hit', $gated{plain} - $free{plain}, HIT);
    adds('with member id, e-mail and status in a header',
         $gated{used} - $free{used}, USED);

    my $many = counted_site('many', MANY, $who);

    adds('20,000 sessions instead of 100',
         instructions($many, '/used', @many) - $gated{used}, DEEPER);
    $many->stop;
};

subtest 'with the access token in a header' => sub {
    my $nginx = counted_site('token', FEW, "$who \$wix_auth_access_token");
    my $free = free_site('alike', "$as_long " . 'x' x 1000);

    adds('a token of 1,000 bytes',
         instructions($nginx, '/used', @few) - instructions($free, '/used'),
         TOKEN);
    $_->stop for $nginx, $free;
};

subtest 'system calls' => sub {
    my $nginx = counted_site('calls', FEW, $who, CALLS);
    my $free = free_site('none', $as_long, CALLS);
    my %calls = (
        free => {system_calls($free, '/used')},
        hit => {system_calls($nginx, '/used')},
    );

    # it was seen at work
    is($calls{free}{$_}, 1, "an ungated request has one $_")
        for qw(epoll_wait writev);
    is_deeply($calls{hit}, $calls{free}, 'a hit has the same');

    $_->stop for $nginx, $free;
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
