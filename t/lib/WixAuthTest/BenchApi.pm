package WixAuthTest::BenchApi;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What has to do with Wix: logins and refreshes, how warm the connections are,
# what members notice of a storm of refreshes and of an API that does not
# answer, and what memory those take who wait.  Wix is the emulator behind an
# nginx that speaks TLS and HTTP/2, as Wix does.

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max min sum);
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest ();
use WixAuthTest::Bench;

our @EXPORT = qw(bench_member bench_ports api latency waiting unpin);

use constant {EMAIL => 'bench@example.com', PASSWORD => 'secret-of-bench'};

# at a time, and in all; and how many go before the count
use constant {AT_ONCE => 40, LOGINS => 400, FIRST => 40};

# sessions of a storm and how often there is one; sessions and logins of the
# stall
use constant {STORM => 2000, STORMS => 3};
use constant {STALLED => 200, STALLED_LOGINS => 50};

# seconds of quiet before each storm and before the stall; between two probes
use constant {QUIET => 5, EVERY => 0.002};

# requests that wait: two counts that all are transfers, and one beyond
use constant WAITING => [50, 250, 500];

my $front;

sub bench_member { return EMAIL . ':' . PASSWORD }
sub bench_ports { return qw(API LATENCY WAITING) }


# all may run where they like
sub unpin {
    pin('all', $$, WixAuthTest::emulator()->{pid},
        $front ? $front->worker_pids : ());
    return;
}

# An nginx with the gate before the front, with times that nothing here
# reaches.  In the mode "direct" a login is one request of the browser.

sub gate {
    my ($name, $seconds) = @_;

    $front //= WixAuthTest::start_front(
        extra => 'keepalive_requests 100000000;');

    my $api = $front->{base};

    return WixAuthTest::start_nginx(debug => 0, conf => <<"END");
events { worker_connections 8192; }
http {
    access_log off;
    keepalive_requests 100000000;
    wix_auth_zone zone=members:16m;
    wix_auth_api $api;
    wix_auth_api_trusted_certificate %%CERTS%%/ca.pem;
    wix_auth_api_timeout ${seconds}s;
    wix_auth_refresh_lock_timeout ${seconds}s;
    wix_auth_cookie nosecure;
    wix_auth_login_limit off;
    wix_auth_response_mode direct;
    server {
        listen 127.0.0.1:%%$name\_PORT%%;
        server_name localhost;
        wix_auth_client_id %%CLIENT%%;
        wix_auth required;
        location ^~ /_wix/ { wix_auth_endpoints; }
        location / {
            add_header X-Status \$wix_auth_status always;
            empty_gif;
        }
    }
}
END
}

sub base { return 'http://localhost:' . WixAuthTest::port("$_[0]_PORT") }

# n browsers that have logged in there
sub logged_in {
    my ($name, $n) = @_;

    my @all;

    while (@all < $n) {
        my @some = map { WixAuthTest::browser(base => base($name)) }
            1 .. ($n - @all < AT_ONCE ? $n - @all : AT_ONCE);

        for (WixAuthTest::concurrent(map { [$_, login_form()] } @some)) {
            die 'login: ' . $_->status . ' ' . ($_->{error} // $_->body) . "\n"
                if $_->status != 200;
        }

        $_->cookie('wix_auth') or die "a login without a cookie\n" for @some;
        push @all, @some;
    }
    return @all;
}

sub login_form {
    return (POST => '/_wix/login', json => {
        email => EMAIL, password => PASSWORD, return => '/'});
}

# the same, and their tokens have ended
sub ended {
    my ($name, $n) = @_;

    my $fault = WixAuthTest::emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1}}, count => -1);
    my @b = logged_in($name, $n);

    WixAuthTest::emulator()->clear_faults($fault);

    lapse();
    return @b;
}

# until tokens of a second have ended; nginx's clock has seconds only
sub lapse {
    my $end = time + 2.1;
    sleep 0.02 while time < $end;
    return;
}

# Requests of browsers whose answers are read later
sub send_off {
    my ($name, @requests) = @_;

    return map {
        my ($b, @request) = @$_;
        my $p = $b->prepare(@request);
        my $sock = WixAuthTest::open_socket($p->{port});

        WixAuthTest::Client::write_all($sock, $p->{bytes}, time + 30);
        $sock;
    } @requests;
}

# how many of them are answered with 200 and such a header, and closed
sub collect {
    my ($like, @socks) = @_;

    my $good = 0;

    for my $sock (@socks) {
        my $in = '';
        1 while sysread $sock, $in, 65536, length $in;
        $good++ if $in =~ m{\AHTTP/1\.1 200 } && $in =~ $like;
        close $sock;
    }
    return $good;
}

my $refreshed = qr/^X-Status: REFRESHED\r$/m;

# refreshes that a worker makes at a time
sub transfers {
    my $text = WixAuthTest::slurp(WixAuthTest::top_dir()
        . '/ngx_http_wix_auth_module/ngx_http_wix_auth_fetch.h');

    return sum map { $text =~ /_FETCH_$_\s+(\d+)/ ? $1 : die "no $_\n" }
        qw(ACTIVE RESERVE);
}

sub in_flight {
    my ($n, $what) = @_;

    WixAuthTest::wait_for {
        WixAuthTest::emulator()->inflight->{count} >= $n
    } 60, $what or die "not all of $what are there\n";
    return;
}


# api

sub api {
    heading('api',
        'Logins (mode "direct") and refreshes of tokens that have ended,'
            . ' through one worker.');

    my $emu = WixAuthTest::emulator();
    my $nginx = gate('API', 30);

    $emu->clear_log;
    logged_in('API', FIRST);

    my @first = front_calls();

    my $anonymous = sub { return $emu->count('token.anonymous') };

    # expire while others still log in
    my $fault = WixAuthTest::emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1}}, count => -1);
    my @b;
    my $logins = timed($nginx, sub { @b = logged_in('API', LOGINS) });
    $emu->clear_faults($fault);

    lapse();

    my $refreshes = timed($nginx, sub {
        for (my $i = 0; $i < @b; $i += AT_ONCE) {
            my $last = $i + AT_ONCE - 1;
            $last = $#b if $last > $#b;

            for (WixAuthTest::concurrent(map { [$_, GET => '/'] }
                                         @b[$i .. $last]))
            {
                die 'refresh: ' . $_->status . "\n" if $_->status != 200
                    || ($_->header('X-Status') // '') ne 'REFRESHED';
            }
        }
    });

    my @calls = front_calls();
    grep { $_->{new} } @first or die "the first calls were on no connection\n";

    my $visitors = $anonymous->();

    $nginx->stop;

    return calls($logins, $refreshes, $visitors, @calls);
}

# seconds, and how busy emulator and worker were
sub timed {
    my ($nginx, $code) = @_;

    my %pid = (emulator => WixAuthTest::emulator()->{pid},
        worker => $nginx->worker_pids, front => $front->worker_pids);
    my %before = map { $_ => cpu_ns($pid{$_}) } keys %pid;
    my $start = time;

    $code->();

    my $seconds = time - $start;
    my %used = map { $_ => (cpu_ns($pid{$_}) - $before{$_}) / 1e9 } keys %pid;

    return {seconds => $seconds, used => \%used};
}

sub calls {
    my ($logins, $refreshes, $visitors, @calls) = @_;

    my @rows = (['', 'a second', 'emulator busy', 'worker busy',
                 'worker ms each']);

    for (['logins', $logins], ['refreshes', $refreshes]) {
        my ($what, $of) = @$_;
        my $used = $of->{used};

        push @rows, [$what, sprintf('%.0f', LOGINS / $of->{seconds}),
            (map { sprintf '%.0f %%', 100 * $used->{$_} / $of->{seconds} }
             qw(emulator worker)),
            sprintf('%.2f', $used->{worker} * 1000 / LOGINS)];
    }

    table(@rows);
    say_line('   Emulator and browsers, a Perl process each, take turns and set'
             . ' the pace: the figures');
    say_line('   a second are theirs.  Those of the worker are what the gate'
             . ' itself costs.');
    say_line();

    my $cold = grep { $_->{new} } @calls;
    my %protocol = map { $_->{protocol} => 1 } @calls;

    say_line(sprintf '   %d calls to the API by %s: %d new TLS connections,'
             . ' %.1f for 1,000 calls.', scalar @calls,
             join(', ', sort keys %protocol), $cold, 1000 * $cold / @calls);
    say_line("   Visitor tokens asked for in the whole section: $visitors.");
    say_line();

    must('per cent of API calls on a warm connection',
         100 * (@calls - $cold) / @calls, '>=', 99);
    must('visitor tokens of one worker, in one lifetime', $visitors, '<=', 1);

    return {logins => $logins, refreshes => $refreshes, calls => scalar @calls,
            cold => $cold};
}

# what the front has logged since the last time; a connection that it has not
# seen before is a new one
my $read = 0;
my %seen;

sub front_calls {
    my $text = WixAuthTest::slurp($front->dir . '/front.log');
    my $new = substr $text, $read;

    $read = length $text;

    return map {
        my ($protocol, $connection) = split ' ';
        {protocol => $protocol, new => !$seen{$connection}++};
    } split /\n/, $new;
}


# latency

sub latency {
    my $stall = stall();

    heading('latency',
        'Of a member whose token is good, asked every 2 ms on a connection'
            . ' that stays open;',
        'from when a request is due, so that an answer that is late counts'
            . ' for all it holds',
        'up.  Storm: ' . STORM . ' sessions whose tokens have ended are'
            . " touched at once; there are",
        STORMS . " of them, with other sessions each time.  Stall: $stall s",
        'of an API that does not answer, with ' . STALLED . ' refreshes and '
            . STALLED_LOGINS . ' logins that wait for it.');

    my $emu = WixAuthTest::emulator();
    my $nginx = gate('LATENCY', $stall + 120);
    my ($worker) = $nginx->worker_pids;

    # those who ask share a processor with the worker, the rest the other one
    pin(0, $emu->{pid}, $front->worker_pids);
    pin(-1, $worker);

    my ($member) = logged_in('LATENCY', 1);
    my $probe = probe($member);
    my (%times, @seconds, $delay);

    for (1 .. STORMS) {
        my @b = ended('LATENCY', STORM);

        pin(-1, $$);
        quietly($probe, \%times, $worker);
        $delay = run_delay($worker, $$);
        push @{$times{storm}}, storm($probe, \@seconds, @b);
        $times{delay}{storm} += run_delay($worker, $$) - $delay;
        pin('all', $$);
    }

    my @stalled = ended('LATENCY', STALLED);

    pin(-1, $$);
    quietly($probe, \%times, $worker);
    $delay = run_delay($worker, $$);
    push @{$times{stall}}, stalled($probe, $stall, @stalled);
    $times{delay}{stall} = run_delay($worker, $$) - $delay;
    pin('all', $$, $emu->{pid}, $front->worker_pids);

    $nginx->stop;

    say_line('   All ' . STORM . ' refreshes of each storm succeeded, in '
             . join(', ', @seconds) . ' s.');
    say_line();

    return percentiles(\%times);
}

sub quietly {
    my ($probe, $times, $worker) = @_;

    my $delay = run_delay($worker, $$);

    push @{$times->{quiet}}, $probe->(lasts(QUIET));
    $times->{delay}{quiet} += run_delay($worker, $$) - $delay;
    return;
}

# milliseconds that they could have run but had no processor: more of it than
# the two have between themselves is other work of the machine
sub run_delay {
    my $sum = 0;

    for my $pid (@_) {
        my ($ns) = WixAuthTest::slurp("/proc/$pid/schedstat") =~ /^\d+ (\d+)/;
        $sum += ($ns // 0) / 1e6;
    }
    return $sum;
}

sub percentiles {
    my ($times) = @_;

    my @rows = (['', 'requests', 'p50, ms', 'p99, ms', 'p99.9, ms',
                 'longest, ms', 'no processor, ms a s']);
    my %p99;

    for my $what (qw(quiet storm stall)) {
        my @t = @{$times->{$what}};

        $p99{$what} = 1000 * quantile(0.99, @t);
        push @rows, [$what, scalar @t, (map { sprintf '%.3f', 1000 * $_ }
            quantile(0.5, @t), quantile(0.99, @t), quantile(0.999, @t),
            high(@t)),
            sprintf '%.0f', $times->{delay}{$what} / (EVERY * @t)];
    }

    table(@rows);

    my $limit = max(1.5 * $p99{quiet}, $p99{quiet} + 5);

    must("p99 in ms, $_", $p99{$_}, '<=', sprintf '%.3f', $limit)
        for qw(storm stall);

    return \%p99;
}

sub lasts {
    my ($seconds) = @_;

    my $end = time + $seconds;
    return sub { time < $end };
}

# A probe: ->(goes on?) gives the times in seconds, from when a request was
# due: it may be late because the one before was not answered, or because the
# worker, with which the probe shares a processor, was at work.
sub probe {
    my ($b) = @_;

    my $port = WixAuthTest::port('LATENCY_PORT');
    my $cookie = $b->cookie('wix_auth')->{value};
    my $sock = WixAuthTest::open_socket($port);
    my $bytes = "GET / HTTP/1.1\r\nHost: localhost:$port\r\n"
        . "Cookie: wix_auth=$cookie\r\n\r\n";

    return sub {
        my ($goes_on) = @_;

        my @times;
        my $due = time;

        while ($goes_on->()) {
            my $left = $due - time;
            sleep $left if $left > 0;

            one($sock, $bytes);

            push @times, time - $due;
            $due += EVERY;
        }
        return @times;
    };
}

sub one {
    my ($sock, $bytes) = @_;

    my $in = '';

    syswrite $sock, $bytes;

    while ($in !~ /\r\n\r\n(.*)/s || length $1 < 43) {
        sysread $sock, $in, 65536, length $in
            or die "the member's connection was closed\n";
    }

    $in =~ m{\AHTTP/1\.1 200 .*^X-Status: HIT\r$}ms
        or die "the member was not served: $in\n";
    return;
}

# another process touches them all, and reports how it went
sub storm {
    my ($probe, $seconds, @b) = @_;

    pipe my $from, my $to or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        my $ok = eval {
            pin(0, $$);
            my $start = time;
            my $n = collect($refreshed, send_off('LATENCY',
                map { [$_, GET => '/'] } @b));
            syswrite $to, sprintf "%d %.1f\n", $n, time - $start;
            1;
        };
        warn $@ if !$ok;
        # it owns none of the servers
        POSIX::_exit($ok ? 0 : 1);
    }

    close $to;

    my @times = $probe->(sub { waitpid($pid, POSIX::WNOHANG()) == 0 });
    my $line = <$from> // die "the storm has failed\n";

    my ($answered, $took) = $line =~ /^(\d+) (\S+)/;

    die "$answered of " . STORM . " refreshes succeeded\n"
        if $answered != STORM;
    push @$seconds, $took;
    return @times;
}

sub stalled {
    my ($probe, $seconds, @b) = @_;

    my $emu = WixAuthTest::emulator();

    $emu->fault($_, 'hang', count => -1) for qw(token.refresh_token login);

    my @waiting = send_off('LATENCY',
        (map { [$_, GET => '/'] } @b),
        (map { [WixAuthTest::browser(base => base('LATENCY')), login_form()] }
         1 .. STALLED_LOGINS));

    in_flight(STALLED + STALLED_LOGINS, 'the calls that hang');

    my @times = $probe->(lasts($seconds));

    $emu->clear_faults;
    $emu->release;

    my $good = collect($refreshed, splice @waiting, 0, STALLED)
        + collect(qr/^Set-Cookie: wix_auth=/m, splice @waiting);
    die "after the stall $good of " . (STALLED + STALLED_LOGINS) . " succeed\n"
        if $good != STALLED + STALLED_LOGINS;

    return @times;
}


# waiting

sub waiting {
    heading('waiting',
        'Memory of one worker (anonymous pages) while requests wait for'
            . ' refreshes that hang.',
        'A worker makes ' . transfers() . ' of them at a time, the others wait'
            . ' for a place.');

    my $emu = WixAuthTest::emulator();
    my $nginx = gate('WAITING', 300);
    my @b = ended('WAITING', WAITING->[-1]);

    # a worker that has not made room for anything yet
    $nginx->reload or die "reload\n";

    my ($worker) = $nginx->worker_pids;
    my ($member) = logged_in('WAITING', 1);

    $emu->fault('token.refresh_token', 'hang', count => -1);

    my (@socks, @at);

    for my $n (0, @{WAITING()}) {
        push @socks, send_off('WAITING',
            map { [$_, GET => '/'] } splice @b, 0, $n - @socks);
        in_flight(min($n, transfers()), 'the calls');

        # what was sent before has been read when this is answered
        $member->get('/')->status == 200 or die "the member was refused\n";
        push @at, [$n, anonymous_kb($worker)];
    }

    $emu->clear_faults;
    my $good = release_all($emu, @socks);

    $nginx->stop;
    die "$good of " . @socks . " that waited succeed\n" if $good != @socks;

    return costs(@at);
}

# a call that begins after the release has no fault any more
sub release_all {
    my ($emu, @socks) = @_;

    $emu->release;
    return collect($refreshed, @socks);
}

sub costs {
    my (@at) = @_;

    my ($few, $full, $over) = @at[1 .. 3];
    my $each = sub {
        my ($from, $to) = @_;
        return ($to->[1] - $from->[1]) / ($to->[0] - $from->[0]);
    };

    table(['waiting', 'memory, KB'], @at);

    # some of those that came last are calls, too
    my $queued = ($over->[1] - $full->[1]
                  - (transfers() - $full->[0]) * $each->($few, $full))
        / ($over->[0] - transfers());
    my $both = $each->($few, $full);

    table(['a request', 'KB'],
          ['that waits and makes the call', sprintf '%.1f', $both],
          ['that waits for a place', sprintf '%.1f', $queued],
          ['the transfer alone', sprintf '%.1f', $both - $queued],
          ['mean of all ' . $over->[0],
           sprintf '%.1f', $each->($at[0], $over)]);

    return {both => $both, queued => $queued};
}

sub anonymous_kb {
    my ($kb) = WixAuthTest::slurp("/proc/$_[0]/status")
        =~ /^RssAnon:\s+(\d+) kB/m or die "no RssAnon\n";
    return $kb;
}

1;
