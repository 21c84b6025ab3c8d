#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# An API that does not answer costs only those who wait for it: whatever else
# the same worker serves stays as fast as in a twin of that nginx that nothing
# stalls.  The two are asked in turn, request by request, so that the noise of
# the machine hits both.
#
# alone

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Names;

use IO::Select;
use POSIX ();
use Time::HiRes qw(time);

use constant {
    MEMBERS   => 100,       # sessions that expire together
    LOGINS    => 100,       # people who log in at that moment
    SAMPLES   => 400,       # of a kind, in each round
    ROUNDS    => 3,
    IN_FLIGHT => 256,       # transfers of a worker, the rest wait for a place
    LOOK_UPS  => 20,        # names that nobody answers for
};

my @member = ('ann@example.com', 'secret-1');
my ($names, %asked, $cpus);

my $emu = start_emulator(
    member       => [join ':', @member],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT TWIN_PORT NARROW_PORT)],
);

my $conf = site('%%PORT%%');
my $nginx = start_nginx(debug => 0, conf => $conf);
my $twin = start_nginx(debug => 0, conf => site('%%TWIN_PORT%%'));

for my $server ($nginx, $twin) {
    mkdir "$server->{dir}/html/open";
    spew("$server->{dir}/html/$_", "$_\n") for 'page.txt', 'open/page.txt';
}

pin($nginx, $twin);

my ($ann, $twin_ann) = map { logged_in($_) } 'PORT', 'TWIN_PORT';


subtest 'an API that accepts and never answers' => sub {
    my @expired = expired_members();

    $emu->fault('token.refresh_token', 'hang', count => -1);
    $emu->fault('login', 'hang', count => -1);

    my @waiting = (
        map({ send_off($_, GET => '/page.txt') } @expired),
        map({ send_off(browser(), POST => '/_wix/login',
                       json => {email => $member[0], password => $member[1]})
            } 1 .. LOGINS),
    );

    wait_for { $emu->inflight->{count} == MEMBERS + LOGINS } 20,
        'all calls to hang at the API';

    is($emu->inflight->{ops}{'token.refresh_token'}, MEMBERS,
       'a refresh for each expired session hangs');
    is($emu->inflight->{ops}{login}, LOGINS, 'and every login');

    as_fast_as_ever($nginx, $twin);

    is(scalar(grep { readable($_) } @waiting), 0,
       'nobody of those who wait has got an answer');

    $emu->clear_faults;
    $emu->release;

    my @answers = collect(@waiting);

    is(count_status(200, @answers[0 .. MEMBERS - 1]), MEMBERS,
       'after that every session goes on')
        or diag(summary(@answers[0 .. MEMBERS - 1]));
    is(count_status(200, @answers[MEMBERS .. $#answers]), LOGINS,
       'and every login succeeds')
        or diag(summary(@answers[MEMBERS .. $#answers]));
    is($emu->inflight->{count}, 0, 'no call is left');
};


subtest 'more calls than one worker makes at a time' => sub {
    my $n = IN_FLIGHT + 64;

    $emu->fault('login', 'hang', count => -1);

    my @waiting = map {
        send_off(browser(), POST => '/_wix/login',
                 json => {email => $member[0], password => $member[1]})
    } 1 .. $n;

    ok(wait_for(sub { $emu->inflight->{count} >= IN_FLIGHT }, 20,
                IN_FLIGHT . ' calls'), IN_FLIGHT . ' logins hang at the API');

    # the answer shows that the worker has seen all that was sent before
    is($ann->get('/page.txt')->status, 200, 'the worker serves others');
    is($emu->inflight->{count}, IN_FLIGHT, 'and makes no more calls');

    $emu->clear_faults;
    $emu->release;

    my @answers = collect(@waiting);
    is(count_status(200, @answers), $n, 'after that all of them succeed')
        or diag(summary(@answers));
};


subtest 'a client that leaves takes its call along' => sub {
    $emu->fault('login', 'hang', count => -1);

    my @waiting = map {
        send_off(browser(), POST => '/_wix/login',
                 json => {email => $member[0], password => $member[1]})
    } 1 .. 20;

    ok(wait_for(sub { $emu->inflight->{count} == 20 }, 20, '20 calls'),
       '20 logins hang');

    close $_ for @waiting;

    ok(wait_for(sub { $emu->inflight->{count} == 0 }, 20, 'calls to go'),
       'the calls end with their clients');

    $emu->clear_faults;
};


subtest 'no connection left in the worker' => sub {
    my $narrow = start_nginx(debug => 0, conf => <<"END");
events { worker_connections 48; }
http {
    wix_auth_zone zone=members:1m;
    wix_auth_api %%API%%;
    wix_auth_api_timeout 20s;
    @{[server_of('%%NARROW_PORT%%', '%%CLIENT%%')]}
}
END
    spew("$narrow->{dir}/html/page.txt", "page\n");

    # what nginx says itself; and it is at that level that it says so
    allow_log(qr/48 worker_connections are not enough/);

    my $b = logged_in('NARROW_PORT');

    $emu->fault('login', 'hang', count => -1);

    # each of them needs two connections: its own and one to the API
    my @waiting = map {
        send_off(browser(base => "http://localhost:" . port('NARROW_PORT')),
                 POST => '/_wix/login',
                 json => {email => $member[0], password => $member[1]})
    } 1 .. 40;

    ok(wait_for(sub { $narrow->error_log
                      =~ /worker_connections are not enough/ }, 20,
                'connections to run out'), 'the connections run out');

    $emu->clear_faults;

    # more calls may come once connections are free again: release them too
    my $deadline = time + slow(20);
    my @answers = collect_while(sub { $emu->release; time < $deadline },
                                @waiting);

    my %seen;
    $seen{$_->status}++ for @answers;
    ok($seen{200}, 'those who had got both are answered')
        or diag(summary(@answers));
    is_deeply([sort grep { !/^(?:200|500|503|0)$/ } keys %seen], [],
       'the others get an error or a closed connection')
        or diag(summary(@answers));

    my $res = wait_for {
        my $r = $b->get('/page.txt');
        $r->status == 200 && $r;
    } 10, 'the worker to recover';

    ok($res, 'the worker serves its member again');

    my $after = logged_in('NARROW_PORT');
    is($after->get('/page.txt')->status, 200, 'and somebody can log in');
    is(() = $narrow->error_log =~ /exited on signal/g, 0, 'nobody died');
};


subtest 'a name server that is silent' => sub {
    # only this nginx sees it
    ($names, my $why) = WixAuthTest::Names->silent(temp_dir());

    plan skip_all => $why if !$names;

    # calls to one API share a look-up: there are as many APIs as look-ups
    my $apis = join '', map { <<"END" } 1 .. LOOK_UPS;
server {
    listen 127.0.0.1:%%SILENT_PORT%%;
    server_name api$_.localhost;
    wix_auth_cookie nosecure;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_login_limit off;
    wix_auth_api https://api$_.silent-name.test;
    wix_auth_api_timeout @{[slow(60)]}s connect=@{[slow(60)]}s;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    my $deaf = $names->with(sub {
        start_nginx(debug => 0, conf => site('%%DEAF_PORT%%') . $apis);
    });

    mkdir "$deaf->{dir}/html/open";
    spew("$deaf->{dir}/html/$_", "$_\n") for 'page.txt', 'open/page.txt';
    pin($deaf);

    my @waiting = map {
        send_off(browser(base => 'http://api' . (1 + $_ % LOOK_UPS)
                             . '.localhost:' . port('SILENT_PORT')),
                 POST => '/_wix/login',
                 json => {email => $member[0], password => $member[1]})
    } 1 .. 3 * LOOK_UPS;

    ok(wait_for(sub { asked() == LOOK_UPS }, 10, 'the look-ups'),
       LOOK_UPS . ' look-ups are under way')
        or diag('the name server was asked for ' . asked() . ' names');

    as_fast_as_ever($deaf, $twin, strangers_only => 1);

    is(scalar(grep { readable($_) } @waiting), 0, 'and still unanswered');

    # nginx does not wait for curl's threads either
    close $_ for @waiting;
    my $start = time;
    $deaf->stop('TERM');
    cmp_ok(time - $start, '<', slow(5), 'nginx stops although they wait');
};

done_testing();


sub site {
    my ($port) = @_;

    return <<"END" . server_of($port, '%%CLIENT%%');
wix_auth_zone zone=members:4m;
wix_auth_api %%API%%;
wix_auth_api_timeout @{[slow(120)]}s;
wix_auth_refresh_lock_timeout @{[slow(120)]}s;
keepalive_requests 1000000;
END
}

sub server_of {
    my ($port, $client) = @_;

    return <<"END";
server {
    listen 127.0.0.1:$port;
    server_name localhost;
    wix_auth_client_id $client;
    wix_auth_login_limit off;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open/ { wix_auth off; }
    location / { }
}
END
}

sub logged_in {
    my ($port) = @_;

    my $b = browser(base => 'http://localhost:' . port($port));
    my $res = login($b, email => $member[0], password => $member[1],
                    return => '/page.txt');

    # 404 where the file is not there yet: the gate has let it through
    die "login: " . $res->status . "\n" if $res->status !~ /^(?:200|404)$/;

    return $b;
}


# Members whose tokens have just expired.  All steps of all of them at once.

sub expired_members {
    my $ttl = slow(2);

    # of a token that is held for long, and of theirs
    $emu->configure(accessTtl => $ttl);

    my @b = map { browser() } 1 .. MEMBERS;
    my @res = concurrent(map {
        [$_, POST => '/_wix/login',
         json => {email => $member[0], password => $member[1]}]
    } @b);

    for (1 .. 2) {
        my @next = map { $_->location // ($_->json // {})->{redirectUrl} }
            @res;
        @res = concurrent(map { [$b[$_], GET => $next[$_]] } 0 .. $#b);
    }

    my $born = time;
    $emu->configure(accessTtl => 14400);

    is(count_status(303, @res), MEMBERS, MEMBERS . ' members have logged in')
        or diag(summary(@res));

    # nginx's clock has seconds only
    wait_for { time > $born + $ttl + 1 } $ttl + 2;

    return @b;
}


# Workers that are compared share one processor, and so its other load; this
# process goes elsewhere.  Without that the comparison is fair but noisier.

sub pin {
    my (@servers) = @_;

    my @cpus = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/,
        slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m
        ? $1 : '0';

    $cpus ||= \@cpus;
    return if @$cpus < 2;

    for my $pid (map { $_->worker_pids } @servers) {
        system("taskset -cp $cpus->[-1] $pid >/dev/null 2>&1");
    }
    system("taskset -cp $cpus->[0] $$ >/dev/null 2>&1");

    return;
}


# The worker's answers to members and to everybody, against the twin's.

sub as_fast_as_ever {
    my ($stalled, $free, %opt) = @_;

    my %kind = (
        'ungated requests' => ['/open/page.txt', 200, 0],
        'strangers at the gate' => ['/page.txt', 401, 0],
        ($opt{strangers_only} ? ()
         : ('members' => ['/page.txt', 200, 1])),
    );

    for my $what (sort keys %kind) {
        my ($path, $status, $member) = @{$kind{$what}};

        my @side = (
            side($stalled, $path, $status, $member && $ann),
            side($free, $path, $status, $member && $twin_ann),
        );
        my @times = ([], []);

        for my $n (1 .. ROUNDS * SAMPLES) {
            # who is asked first changes, too
            for my $i ($n % 2 ? (0, 1) : (1, 0)) {
                push @{$times[$i]}, ask($side[$i]);
            }
        }

        is($_->{wrong}, 0, "$what: all answers are right") for @side;

        my ($p, $base) = map { p99(@$_) } @times;
        my $limit = 2 * $base > $base + 0.005 ? 2 * $base : $base + 0.005;

        cmp_ok($p, '<=', $limit, sprintf
               '%s: p99 is %.3f ms, without a stall %.3f ms', $what,
               $p * 1000, $base * 1000);

        # one long stop is one slow answer of many
        my ($slowest, $other) = map { (sort { $b <=> $a } @$_)[0] } @times;
        cmp_ok($slowest, '<', $other + slow(0.5), sprintf
               '%s: the slowest took %.0f ms, without a stall %.0f ms',
               $what, $slowest * 1000, $other * 1000);
    }

    return;
}

sub side {
    my ($server, $path, $status, $b) = @_;

    my ($port) = $server->{base} =~ /:(\d+)$/;
    my $cookie = $b ? $b->cookie_header('http', 'localhost', $path) : '';

    return {
        sock   => open_socket($port),
        status => $status,
        wrong  => 0,
        bytes  => "GET $path HTTP/1.1\r\nHost: localhost:$port\r\n"
            . (length $cookie ? "Cookie: $cookie\r\n" : '') . "\r\n",
    };
}

# one request on a connection that stays open; seconds until the whole answer
sub ask {
    my ($side) = @_;

    my $in = '';
    my $start = time;

    syswrite $side->{sock}, $side->{bytes};

    while (1) {
        my $n = sysread $side->{sock}, $in, 65536, length $in;
        die "the connection is gone\n" if !$n;

        my $end = index $in, "\r\n\r\n";
        next if $end < 0;
        last if $in =~ /^Content-Length: *(\d+)\r$/mi
            && length($in) - $end - 4 >= $1;
    }

    my $time = time - $start;

    $side->{wrong}++ if $in !~ m{\AHTTP/1\.1 $side->{status} };
    return $time;
}

sub p99 {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[int(0.99 * @sorted)];
}


# Requests whose answers are read later

sub send_off {
    my ($b, $method, $url, %opt) = @_;

    my $p = $b->prepare($method, $url, %opt);
    my $sock = open_socket($p->{port});

    WixAuthTest::Client::write_all($sock, $p->{bytes}, time + slow(10));
    return $sock;
}

sub readable { return scalar IO::Select->new($_[0])->can_read(0) }

sub collect {
    my $deadline = time + slow(30);
    return collect_while(sub { time < $deadline }, @_);
}

# answers in the order of the sockets
sub collect_while {
    my ($go_on, @socks) = @_;

    my $select = IO::Select->new(@socks);
    my %in = map { fileno($_) => '' } @socks;

    while ($select->count && $go_on->()) {
        for my $sock ($select->can_read(0.1)) {
            my $n = sysread $sock, $in{fileno $sock}, 65536,
                length $in{fileno $sock};
            $select->remove($sock) if !$n;
        }
    }

    return map { WixAuthTest::Response->parse($in{fileno $_}, 'GET') } @socks;
}

sub count_status {
    my ($status, @res) = @_;
    return scalar grep { $_->status == $status } @res;
}

sub summary {
    my %n;
    $n{$_->status . ' ' . (($_->json // {})->{error} // '')}++ for @_;
    return join ', ', map { "$n{$_} x $_" } sort keys %n;
}


# how many names have been asked for
sub asked {
    for my $packet ($names->asked) {
        $asked{$1} = 1 if $packet =~ /(api\d+)\x0bsilent-name/;
    }
    return scalar keys %asked;
}
