#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Refreshes over several workers: many sessions that expire together, a
# worker that dies or stalls while it holds the lease of a refresh, and an
# answer that comes after somebody else's.
#
# quiet

use strict;
use warnings;

use lib 't/lib';
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant MANY => 500;

# of one call; the lease of a refresh ends a second after it
use constant CALL => 1;

use constant CROWD => 'crowd@example.com';
use constant OTHER => 'other@example.com';

start_emulator(member => [map { "$_:" . PASSWORD } MEMBER, CROWD, OTHER],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT MORE_PORT)]);
login_at(more(''));

my $nginx = start_nginx(workers => 4, conf => gate(
    listen => 'reuseport', zone => '4m',
    server => 'wix_auth_api_timeout ' . slow(CALL) . 's;'
        . ' wix_auth_refresh_lock_timeout ' . slow(500) . 'ms;',
    more   => 'wix_auth_api_timeout 60s; wix_auth_refresh_lock_timeout 30s;'));
page($nginx);

short_tokens(1);
my @old = sessions(6);

# sessions whose tokens are good, to see that others are served
short_tokens(3600);
my @well = sessions(8, email => OTHER);
expire(@old);


# A session past expiry whose refresh hangs in a worker that we know, and a
# connection to another worker.

sub held_refresh {
    my ($b, $action) = @_;

    my ($holder, $other) = (conn());
    my $pid = $holder->pid($b);

    for (1 .. 200) {
        $other = conn();
        last if $other->pid($b) != $pid;
        $other = undef;
    }

    my $before = refreshes();
    refresh_fault($action, when => 'after');
    $holder->send($b, GET => '/');

    wait_for { refreshes() > $before } 5, 'the refresh'
        or die "no refresh\n";

    return ($holder, $pid, $other);
}

sub others_are_served {
    my ($what) = @_;

    my @res = concurrent(map {
        [$_, GET => '/', headers => {'Sec-Fetch-Mode' => 'cors'}]
    } (@well) x 5);

    is((grep { verdict($_) eq '200 HIT' } @res), 5 * @well,
       "$what: all other sessions are served");
    cmp_ok((sort { $b <=> $a } map { $_->{time} } @res)[0], '<', slow(0.5),
           "$what: at once");
    return;
}


for my $rotate (qw(off grace)) {
    subtest "a worker is killed while it refreshes, rotation $rotate" => sub {
        emulator()->configure(rotate => $rotate);

        my $b = shift @old;
        my $before = refreshes();
        my ($holder, $pid, $other) = held_refresh($b, {type => 'hang'});
        my $start = time;

        ok($other, 'another worker is at hand');
        $nginx->kill_worker($pid);
        is($holder->read, undef, 'its client has lost its connection');

        others_are_served('after the kill');

        # the lease is that of the dead for a while
        my (@early, $res);

        ok((wait_for {
            $res = $other->get($b, '/');
            return 1 if verdict($res) =~ /^200 (?:REFRESHED|HIT)/;
            push @early, verdict($res);
            return;
        } CALL + 4), 'refreshed by a worker that lives');

        is(remain($res) > 1000, 1, 'the next request has refreshed')
            or diag explain [@early, verdict($res)];
        cmp_ok(time - $start, '<', slow(CALL + 1) + slow(1.5),
               'as soon as the lease is over');
        is_deeply([grep { $_ ne '200 STALE upstream_timeout' } @early], [],
                  'until then nobody was logged out');
        is(refreshes() - $before, 2, 'two calls in all');

        is(verdict(get($b)), '200 HIT', 'the session lives');
        emulator()->release;
    };
}

subtest 'the answer of a worker that stalls comes too late' => sub {
    my $b = shift @old;
    my $before = refreshes();

    # Wix refuses the token, but the worker only gets to the answer when a
    # sibling has a new one: it may see the refusal, or that its own time is
    # over, and neither concerns the winner
    my ($holder, $pid, $other) = held_refresh($b,
        {type => 'body', status => 400, seconds => slow(0.3),
         body => {error => 'invalid_grant'}});

    ok($other, 'another worker is at hand');
    kill STOP => $pid;

    my $res;
    ok((wait_for {
        $res = $other->get($b, '/');
        return verdict($res) eq '200 REFRESHED';
    } CALL + 4), 'the lease to end') or diag verdict($res);

    kill CONT => $pid;

    $res = $holder->read;
    like(verdict($res), qr/^200 (?:HIT|WAITED|REFRESHED)$/,
         'the request that had stalled is served');

    ok((wait_for {
        $nginx->log_lines(
            qr/late invalid_grant|wix_auth: refresh: upstream_timeout/)
    } 5), 'its answer is dealt with');

    for (1 .. 3) {
        is(verdict(get($b)), '200 HIT', 'the winner keeps the session');
    }

    cmp_ok(remain(get($b)), '>', 1000, 'with its token');
    is(refreshes() - $before, 2, 'two calls');
};

subtest 'the tokens of a worker that stalls come too late' => sub {
    my $b = shift @old;
    my $before = refreshes();

    my ($holder, $pid, $other) = held_refresh($b,
        {type => 'patch', seconds => slow(0.3), set => {expires_in => 77}});

    kill STOP => $pid;

    my $res;
    ok((wait_for {
        $res = $other->get($b, '/');
        return verdict($res) eq '200 REFRESHED';
    } CALL + 4), 'the lease to end') or diag verdict($res);

    kill CONT => $pid;
    like(verdict($holder->read), qr/^200 (?:HIT|WAITED|REFRESHED)$/,
         'the request that had stalled is served');
    cmp_ok(remain(get($b)), '>', 1000, 'the winner keeps its token');
    is(refreshes() - $before, 2, 'two calls');
};

# a worker may die with the lock of the zone: the master opens it, and says so
allow_log(qr/shared memory zone "members" was locked by/);

subtest 'kills under load leave the zone usable' => sub {
    my @pids;

    for (1 .. 4) {
        my $load = fork // die "fork: $!\n";

        if (!$load) {
            my $end = time + 0.5;
            concurrent(map { [$_, GET => '/'] } @well) while time < $end;
            POSIX::_exit(0);
        }

        sleep 0.1;
        push @pids, $nginx->kill_worker(($nginx->worker_pids)[$_ - 1]);
        waitpid $load, 0;
    }

    is(scalar @pids, 4, 'four workers were killed');
    others_are_served('afterwards');
    is(verdict(get(shift @old)), '200 REFRESHED', 'refreshes go on');
};

subtest MANY . ' sessions expire at once' => sub {
    short_tokens(1);

    my @b = expired(MANY, email => CROWD);
    my $id = refresh_fault({type => 'delay', seconds => 0.05},
                           match => {email => CROWD}, count => -1);

    my @res = concurrent(map {
        [$_, GET => more('/'), headers => {'Sec-Fetch-Mode' => 'cors'}]
    } @b);

    my %verdict;
    $verdict{verdict($_)}++ for @res;

    is($verdict{'200 REFRESHED'}, MANY, 'each is answered, refreshed')
        or diag explain \%verdict;
    is(refreshes(email => CROWD), MANY, 'by one call each');

    clear_fault($id);
    @res = concurrent(map { [$_, GET => more('/')] } @b);
    is((grep { verdict($_) eq '200 HIT' } @res), MANY, 'and all go on');
    is(refreshes(email => CROWD), MANY, 'without another call');
};

done_testing();
