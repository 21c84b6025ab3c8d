#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Reloads, a graceful end and clients that go away, while calls to Wix are in
# flight: no request fails, no session is lost, nothing is left behind.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant BUSY    => 'busy@example.com';
use constant RELOADS => 20;
use constant CLIENTS => 6;
use constant ROUNDS  => 30;         # of clients that go away, at most

start_emulator(member => [map { "$_:" . PASSWORD } MEMBER, BUSY],
               rotate => 'grace');

my $nginx = start_nginx(workers => 2, conf => gate(
    zone      => '4m',
    server    => 'wix_auth_api_timeout ' . slow(5) . 's;'
        . ' wix_auth_refresh_lock_timeout ' . slow(5) . 's;',
    locations => <<'END') . <<'END');
    location = /stub { wix_auth off; stub_status; }
END
server {
    listen 127.0.0.1:%%H2_PORT%% http2;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
END
my $page = join '', map { "line $_ of the page\n" } 1 .. 200;
page($nginx, $page);

# an account of the connections and the memory of all workers
sub active {
    my ($n) = browser()->get('/stub')->body =~ /Active connections: (\d+)/;
    return $n;
}

sub sockets {
    my $n = 0;
    for my $pid ($nginx->worker_pids) {
        $n += grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
    }
    return $n;
}

sub memory {
    my $kb = 0;
    for my $pid ($nginx->worker_pids) {
        $kb += $1 if slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
    }
    return $kb;
}

sub inflight { return emu_control(GET => "/inflight?op=$_[0]")->{count} }


subtest RELOADS . ' reloads under load' => sub {
    # tokens of three seconds, and every refresh takes a while: at any moment
    # some are in flight, of requests that wait and of others
    short_tokens(3);
    emulator()->configure(accessTtl => 3);

    my $id = refresh_fault({type => 'delay', seconds => 0.3},
                           match => {email => BUSY}, count => -1);
    my @b = sessions(CLIENTS * 6, email => BUSY);
    my @load = map { client(@b[$_ * 6 .. $_ * 6 + 5]) } 0 .. CLIENTS - 1;

    my $done = 0;
    for (1 .. RELOADS) {
        # one of the times at which refreshes are under way
        wait_for { inflight('token.refresh_token') > 0 } 1;
        last if !$nginx->reload;
        $done++;
    }

    is($done, RELOADS, 'all done');
    ok((wait_for { refreshes(email => BUSY) >= @b * 2 } 20),
       'and refreshes in the background');
    spew(temp_dir() . '/stop', "1\n");

    my %sum;
    for my $out (@load) {
        my $line = do { local $/; <$out> };
        my $got = eval { JSON::PP::decode_json($line) } // {died => 1};
        $sum{$_} += $got->{$_} for keys %$got;
        close $out;
    }

    my @bad = grep { !/^(?:200 (?:HIT|WAITED|REFRESHED)|again)$/ } keys %sum;
    is_deeply(\@bad, [], 'no request has failed') or diag explain \%sum;
    cmp_ok($sum{'200 HIT'} // 0, '>', 300, 'there was load');
    cmp_ok($sum{'200 REFRESHED'} // 0, '>', 5, 'and requests that waited');
    note explain \%sum;

    is((grep { ($_->{status} // 200) != 200 } refresh_log(email => BUSY)), 0,
       'Wix has refused none');

    emulator()->configure(accessTtl => 14400);
    clear_fault($id);

    my @lost = grep {
        my $b = $_;
        !wait_for { verdict(get($b)) =~ /^200 (?:HIT|REFRESHED|WAITED)$/ } 3
    } @b;
    is(scalar @lost, 0, 'no session is lost');

    ok((wait_for { $nginx->worker_pids(all => 1) == 2 } 10),
       'no old worker stays');
};

subtest 'a refresh in the background outlives the worker it began in' => sub {
    short_tokens(4);
    my $b = sessions(1);
    my $before = refreshes();

    refresh_fault({type => 'delay', seconds => 1});
    ok((wait_for {
        get($b);
        return refreshes() > $before;
    } 5), 'it has begun');

    ok($nginx->reload, 'a reload');
    ok((wait_for { remain(get($b)) > 1000 } 5), 'its token has come');
    is(refreshes() - $before, 1, 'by that call');
};

subtest 'a login begins before a reload and ends after it' => sub {
    my $b = browser();
    my $c = conn();

    emu_fault('login', {type => 'delay', seconds => 0.7});
    $c->send($b, POST => '/_wix/login', json => {
        email => MEMBER, password => PASSWORD, return => '/'});
    ok((wait_for { inflight('login') } 3), 'under way');

    ok($nginx->reload, 'a reload');

    my $res = $c->read;
    is($res->status, 200, 'answered by the old worker');
    $b->take_cookies($res, 'http', 'localhost', '/_wix/login');
    like(($res->json // {})->{redirectUrl} // '', qr/^http/, 'goes on');

    $res = $b->follow($b->get($res->json->{redirectUrl}));
    is($res->status, 200, 'and ends with the new ones');
    is($res->header('X-Status'), 'HIT', 'with a session');
};

short_tokens(1);
my @old = expired(4 + ROUNDS);

subtest 'a request that waits is served in spite of a reload' => sub {
    my $b = shift @old;
    my $c = conn();
    my $before = refreshes();

    refresh_fault({type => 'delay', seconds => 0.7});
    $c->send($b, GET => '/');
    ok((wait_for { inflight('token.refresh_token') } 3), 'waits');
    ok($nginx->reload, 'a reload');

    # the new workers wait for the call of the old one
    my $res = get($b);
    like(verdict($res), qr/^200 (?:WAITED|HIT)$/, 'another, in a new worker');

    is(verdict($c->read), '200 REFRESHED', 'the first, in the old one');
    is(refreshes() - $before, 1, 'one call');
};

# What clients that went away leave behind shows in numbers that go up from
# one round to the next.
sub abandon {
    my ($b) = @_;

    my $call = refresh_fault({type => 'hang'});
    my @c = map { conn() } 1 .. 40;
    $_->send($b, GET => '/') for @c;

    my @logins = map { conn() } 1 .. 10;
    my $login = emu_fault('login', {type => 'hang'}, count => 10);
    $_->send(browser(), POST => '/_wix/login', json => {
        email => MEMBER, password => PASSWORD, return => '/'}) for @logins;

    ok((wait_for { inflight('token.refresh_token') == 1
                   && inflight('login') == 10 } 5), 'calls are under way');
    cmp_ok(active(), '>=', 51, 'and clients wait');

    $_->close for @c, @logins;

    ok((wait_for { active() == 1 } 5), 'they have gone, nginx noticed');
    is(inflight('token.refresh_token'), 1, 'the refresh is nobody\'s');

    # what goes on without a client ends with its call at the latest
    emulator()->release;
    ok((wait_for { inflight('*') == 0 } 7), 'no call is left');
    ok((wait_for { verdict(get($b)) eq '200 HIT' } 3),
       'its result was kept');
    return;
}

subtest 'clients that go away leave nothing behind' => sub {
    abandon(shift @old);
    abandon(shift @old);

    my $sockets = sockets();
    my @memory = memory();

    # the heap may grow to what is in use at a time, but not for ever
    for (1 .. ROUNDS) {
        abandon(shift @old);
        push @memory, memory();
        last if $_ >= 5 && $memory[-1] - $memory[-2] <= 32;
    }

    # idle connections to Wix are kept, but not ever more
    cmp_ok(sockets(), '<=', $sockets + 4, 'sockets');

    SKIP: {
        skip 'freed memory is kept back in this build: ' . flavour(), 1
            if flavour() ne 'packaged' || $ENV{WIX_AUTH_TEST_VALGRIND};
        cmp_ok($memory[-1] - $memory[-2], '<=', 32, 'KB that a round adds')
            or diag "@memory";
    }
};

subtest 'streams that are reset' => sub {
    plan skip_all => 'this nginx has no HTTP/2' if !have_module('http_v2');

    my $b = shift @old;
    my $url = 'http://localhost:' . port('H2_PORT') . '/';
    my $cookie = 'Cookie: ' . $b->cookie_header('http', 'localhost', '/');

    refresh_fault({type => 'hang'});

    for (1 .. 3) {
        my $res = curl('--http2-prior-knowledge', '--max-time', 0.5,
                       '-H', $cookie, $url);
        is($res->{exit}, 28, 'curl has given up');
    }

    ok((wait_for { active() == 1 } 5), 'no connection is left');
    emulator()->release;
    ok((wait_for { verdict(get($b)) eq '200 HIT' } 5), 'the session lives');
};

subtest 'QUIT finishes what is in flight' => sub {
    short_tokens(1);
    my $b = expired(1);
    my ($wait, $login) = (conn(), conn());

    refresh_fault({type => 'delay', seconds => 1});
    emu_fault('login', {type => 'delay', seconds => 1});

    $wait->send($b, GET => '/');
    $login->send(browser(), POST => '/_wix/login', json => {
        email => MEMBER, password => PASSWORD, return => '/'});
    ok((wait_for { inflight('token.refresh_token') && inflight('login') } 5),
       'a request waits, a login is under way');

    kill QUIT => $nginx->pid;

    my $res = $wait->read;
    is(verdict($res), '200 REFRESHED', 'the request is served first');
    is($res->body, $page, 'whole');

    # this one needs a second call
    $res = $login->read;
    is($res->status, 200, 'and the login');
    is(($res->json // {})->{state}, 'SUCCESS', 'comes to its end');

    # nginx lingers for clients that do not close
    $_->close for $wait, $login;
    is($nginx->stop('QUIT'), 0, 'then all is over');
};

done_testing();


# A client with a connection that stays open, in a process of its own, until
# told to stop; writes what it saw as JSON.  Some of its sessions are asked
# for all the time, one only when its token has expired.
sub client {
    my @b = @_;

    my $pid = open(my $out, '-|') // die "fork: $!\n";
    return $out if $pid;

    my (%seen, $c);
    my $rare = pop @b;
    my $next = time + 3.5;

    while (!-e temp_dir() . '/stop') {
        my @now = @b;

        if (time >= $next) {
            push @now, $rare;
            $next = time + 3.5;
        }

        for my $b (@now) {
            my ($res, $fresh);

            # a server may close an idle connection; a client that finds it
            # closed, without one byte of an answer, asks again
            for my $try (1, 2) {
                $fresh = !$c;
                $c //= eval { conn() } or last;
                $res = $c->get($b, '/');
                last if $res || $fresh;
                $seen{again}++;
                $c = undef;
            }

            my $what = !$res ? 'no answer'
                : $res->{error} // verdict($res);
            $what = 'another body' if $what =~ /^200 / && $res->body ne $page;
            $seen{$what}++;

            $c = undef if !$res || $res->{error}
                || ($res->header('Connection') // '') eq 'close';
        }
        sleep 0.05;
    }

    print JSON::PP::encode_json(\%seen);
    close STDOUT;
    POSIX::_exit(0);
}
