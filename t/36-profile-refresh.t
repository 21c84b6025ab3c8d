#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_profile after the login: fetched anew with each refresh, fetched
# later when it failed, and what a blocked member's session comes to.  And
# that a 429 stops what runs in the background, in all workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(time);
use WixAuthTest;
use WixAuthTest::Refresh;

start_emulator(member => [MEMBER . ':' . PASSWORD]);

my $nginx = start_nginx(workers => 2, conf => gate(
    http => 'add_header X-Nick $wix_auth_nickname always;'
          . 'add_header X-Member-Status $wix_auth_member_status always;',
    server => 'wix_auth_profile on;',
    locations => <<'END'));
    location /optional { wix_auth optional; try_files /page.txt =404; }
    location /without { wix_auth_profile off; try_files /page.txt =404; }
END
page($nginx);

sub nick { return $_[0]->header('X-Nick') // '' }

sub nickname {
    my ($name) = @_;
    emulator()->member(email => MEMBER,
                       profile => {nickname => $name});
    return;
}

sub asked { return emu_count('members-my') }

nickname('Ann');


subtest 'a refresh brings the profile of that day' => sub {
    short_tokens(600);
    is(nick(get(scalar sessions(1))), 'Ann', 'from the login');

    # nobody asks before the end: half of a life is enough for a background
    # refresh
    short_tokens(1);
    my ($b) = sessions(1);
    nickname('Anna');
    my $before = asked();
    expire($b);

    my $res = get($b);
    is(verdict($res), '200 REFRESHED', 'refreshed');
    wait_for { nick(get($b)) eq 'Anna' } 10, 'the new name';
    is(asked(), $before + 1, 'by one call');
    is(nick(get($b, '/without')), '', 'empty where it is off');
    is(asked(), $before + 1, 'and no call more');
};


subtest 'waiters do not wait for the profile' => sub {
    my ($b) = sessions(1);
    expire($b);

    my $hang = emu_fault('members-my', {type => 'hang'}, count => -1);
    my $res = get($b);
    is(verdict($res), '200 REFRESHED', 'refreshed all the same');
    is(nick($res), 'Anna', 'with what was known');

    emulator()->clear_faults($hang);
    emu_control(POST => '/release', {});
};


subtest 'a profile that failed at the login comes later' => sub {
    short_tokens(600);
    my $away = emu_fault('members-my', {type => 'status', status => 503},
                         count => -1);

    my ($b) = sessions(1);
    my $before = asked();
    is(verdict(get($b)), '200 HIT', 'the login has worked');

    # one try a minute, whatever the number of requests
    wait_for { asked() == $before + 1 } 10, 'a try in the background';
    is(nick(get($b)), '', 'nothing is known yet') for 1 .. 5;
    is(asked(), $before + 1, 'no other try');

    emulator()->clear_faults($away);

    # the next session's first try succeeds
    $away = emu_fault('members-my', {type => 'status', status => 503});
    ($b) = sessions(1);
    is(verdict(get($b)), '200 HIT', 'another login');
    wait_for { nick(get($b)) eq 'Anna' } 10, 'its profile';
};


for (
    ['a 403 of Wix', {type => 'status', status => 403,
                      contentType => 'application/json',
                      body => '{"message":"no","details":{"applicationError":'
                            . '{"code":"PERMISSION_DENIED"}}}'}],
    ['the status BLOCKED', {type => 'patch',
                            set => {'member.status' => 'BLOCKED'}}],
) {
    my ($what, $action) = @$_;

    subtest "a blocked member: $what" => sub {
        short_tokens(1);
        my ($b) = sessions(1);
        expire($b);

        emu_fault('members-my', $action);
        is(verdict(get($b)), '200 REFRESHED', 'refreshed');

        my $res = wait_for {
            my $r = get($b);
            $r->status == 401 ? $r : undef;
        } 10, 'the end';
        is(verdict($res), '401 EXPIRED member_blocked', 'is told');
        is($res->json->{reason}, 'member_blocked', 'in the answer too');
        is(verdict(get($b, '/optional')), '200 EXPIRED member_blocked',
           'optional');
    };
}


for (
    ['a 500', {type => 'status', status => 500}],
    ['a page', {type => 'body', body => '<html>', status => 403,
                contentType => 'text/html'}],
    ['a 401', {type => 'status', status => 401}],
    ["another member's", {type => 'patch', set => {
        'member.id' => '99999999-9999-4999-8999-999999999999'}}],
) {
    my ($what, $action) = @$_;

    subtest "$what ends no session" => sub {
        short_tokens(1);
        my ($b) = sessions(1);
        expire($b);

        my $before = asked();
        emu_fault('members-my', $action);
        is(verdict(get($b)), '200 REFRESHED', 'refreshed');
        wait_for { asked() > $before } 10, 'the call';

        is(verdict(get($b)), '200 HIT', 'the session goes on') for 1 .. 3;
        is(nick(get($b)), 'Anna', 'with what was known');
    };
}


subtest 'a 429 pauses what nobody waits for' => sub {
    short_tokens(1);
    my ($old) = sessions(1);

    # a background refresh is due in the second half of a token's life
    short_tokens(8);
    my @b = sessions(4);

    my $throttle = refresh_fault({type => 'status', status => 429,
                                  headers => {'Retry-After' => 60}},
                                 count => -1);
    my $before = refreshes();
    my $said = sub { scalar $nginx->log_lines(
        qr/wix_auth: refresh: upstream_throttled, status 429/) };

    ok((wait_for { get($b[0]); $said->() } 10), 'one in the background');
    is(refreshes(), $before + 1, 'that is told to wait');

    # all of them are due by now, give or take their jitter
    my $end = time + 1.2;
    my %seen;
    while (time < $end) {
        $seen{verdict($_)}++ for concurrent(map {
            [$_, GET => '/', headers => {'Sec-Fetch-Mode' => 'cors'}]
        } @b);
    }
    is(join(', ', keys %seen), '200 HIT', 'all of them are served');
    is(refreshes(), $before + 1, 'no other one, in any worker');

    # who has to wait is not paused
    clear_fault($throttle);
    is(verdict(get($old)), '200 REFRESHED', 'a waiter is served');
};

done_testing();
