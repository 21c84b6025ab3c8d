#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Wix is away for a long time: the circuit breaker that all workers share, what
# members see meanwhile, and how everybody comes back without a rush.  An
# outage of ten minutes lasts ten seconds here, and fail_timeout one.
# How many sessions there are in a build with sanitizers is printed.
#
# quiet

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant {GONE => 'gone@example.com', OTHER =>
    'aaaaaaaa-0000-4000-8000-00000000000b'};

# live sessions, and those of them whose tokens end before or during the outage
my ($LIVE, $ENDED) = flavour() eq 'packaged' ? (2000, 200) : (400, 60);
diag("$LIVE sessions instead of 2000: " . flavour()) if $LIVE != 2000;

my $OUTAGE = 10;
my $FAILS = 5;

# of one call, in the tests of probes
my $CALL = slow(2);

start_emulator(member => [map { "$_:" . PASSWORD } MEMBER, GONE],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT SHUT_PORT KILL_PORT CLASS_PORT SITE_PORT
                        COUNT_PORT CAUSE_PORT LATE_PORT)]);


# Many sessions

# A stand-in for Wix that makes sessions fast: it takes any password, and gives
# the tokens that the emulator has minted.  Logins at %%name_PORT%% ask it.

sub stand_in {
    my %life = @_;

    my ($tokens, $gates) = ('', '');

    for my $name (sort keys %life) {
        my ($email, $seconds) = @{$life{$name}};
        my $minted = emulator()->mint(email => $email);

        $tokens .= <<"END";
    location = /$name/oauth2/token {
        return 200 '{"access_token":"$minted->{access_token}","expires_in":$seconds,"refresh_token":"$minted->{refresh_token}"}';
    }
END
        $gates .= <<"END";
server {
    listen 127.0.0.1:%%\U$name\E_PORT%% reuseport;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_response_mode direct;
    wix_auth_api http://127.0.0.1:%%STAND_IN_PORT%%/$name;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    }

    start_nginx(module => 0, scan => 0, debug => 0, conf => <<"END");
access_log off;
map \$http_x_body \$state { "~\\"state\\":\\"([^\\"]+)\\"" \$1; }
map \$http_x_body \$to { "~\\"redirectUri\\":\\"([^\\"]+)\\"" \$1; }
server {
    listen 127.0.0.1:%%STAND_IN_PORT%%;
$tokens
    location ~ /login\$ {
        return 200 '{"state":"SUCCESS","sessionToken":"any"}';
    }
    location ~ /redirect-session\$ {
        rewrite ^ /echo break;
        proxy_pass http://127.0.0.1:%%STAND_IN_PORT%%;
        proxy_method GET;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Body \$request_body;
    }
    location = /echo {
        return 200 '{"redirectSession":{"fullUrl":"http://127.0.0.1:%%STAND_IN_PORT%%/_api/oauth2/authorize?redirectUri=\$to&state=\$state"}}';
    }
    location = /_api/oauth2/authorize {
        return 302 "\$arg_redirectUri?code=any&state=\$arg_state";
    }
}
END
    return $gates;
}

# Requests one behind the other on a few connections; the answers in order.
sub pipeline {
    my ($port, @requests) = @_;

    my $n = @requests < 32 ? scalar @requests : 32;
    my $deadline = time + slow(60);
    my (@in, @out, @answers, %at);
    my ($reads, $writes) = (IO::Select->new, IO::Select->new);

    for my $i (0 .. $#requests) {
        $out[$i % $n] .= $requests[$i];
    }

    for my $i (0 .. $n - 1) {
        my $sock = open_socket($port);
        $sock->blocking(0);
        $at{$sock} = $i;
        $in[$i] = '';
        $reads->add($sock);
        $writes->add($sock);
    }

    my $left = @requests;

    while ($left && time < $deadline) {
        my ($can_read, $can_write)
            = IO::Select->select($reads, $writes, undef, 1);

        for my $sock (@{$can_write // []}) {
            my $i = $at{$sock};
            my $sent = syswrite $sock, $out[$i], 16384;

            substr $out[$i], 0, $sent, '' if $sent;
            $writes->remove($sock) if !length $out[$i];
        }

        for my $sock (@{$can_read // []}) {
            my $i = $at{$sock};

            if (!sysread $sock, $in[$i], 65536, length $in[$i]) {
                $reads->remove($sock);
                next;
            }

            while ($in[$i] =~ /\A(HTTP.*?\r\n)\r\n/s) {
                my ($head) = $1;
                my ($size) = $head =~ /^Content-Length: (\d+)/m;
                my $all = 2 + length($head) + ($size // 0);

                last if length $in[$i] < $all;

                push @{$answers[$i]}, substr $in[$i], 0, $all, '';
                $left--;
            }
        }
    }

    die "$left answers are missing\n" if $left;
    return map { $answers[$_ % $n][int $_ / $n] } 0 .. $#requests;
}

# cookies of n new sessions
sub mass {
    my ($name, $n) = @_;

    my $body = '{"email":"any@example.com","password":"' . PASSWORD . '"}';
    my @answers = pipeline(port("${name}_PORT"), ("POST /_wix/login HTTP/1.1\r\n"
        . 'Host: localhost:' . port("${name}_PORT") . "\r\n"
        . "Content-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body") x $n);

    return map {
        /^Set-Cookie: wix_auth=([\w-]+)/m ? $1 : die "no session:\n$_\n";
    } @answers;
}

# "200 HIT" and so on, of each of the sessions, and the whole answers
sub sweep {
    my ($path, @cookies) = @_;

    my @answers = pipeline(port('PORT'), map {
        "GET $path HTTP/1.1\r\nHost: localhost:" . port('PORT') . "\r\n"
            . "Cookie: wix_auth=$_\r\nSec-Fetch-Mode: cors\r\n\r\n"
    } @cookies);

    return (\@answers, map {
        join ' ', grep { defined && length } /^HTTP\S+ (\d+)/,
            /^X-Status: (\S+)/m, /^X-Reason: (\S+)/m
    } @answers);
}

sub tally {
    my %n;
    $n{$_}++ for @_;
    return join ', ', map { "$n{$_} x $_" } sort keys %n;
}

# the most calls within a second
sub peak {
    my @at = sort { $a <=> $b } @_;
    my ($from, $most) = (0, 0);

    for my $i (0 .. $#at) {
        $from++ while $at[$i] - $at[$from] >= 1;
        $most = $i - $from + 1 if $i - $from + 1 > $most;
    }
    return $most;
}

sub last_seq { my @log = emu_log('*'); return @log ? $log[-1]{seq} : 0 }
sub breaker_lines { return $_[0]->log_lines(qr/breaker (?:opens|closes)/) }


subtest 'ten minutes' => sub {
    my $gates = stand_in(long => [MEMBER, 100_000], ended => [MEMBER, 1],
                         soon => [MEMBER, slow(20)], gone => [GONE, 1]);

    my $nginx = start_nginx(workers => 4, debug => 0, conf => gate(
        zone      => '8m', listen => 'reuseport',
        http      => "wix_auth_api_breaker max_fails=$FAILS fail_timeout=1s;\n"
            . "log_format outage '\$status \$wix_auth_status "
            . "\$wix_auth_reason';\naccess_log %%DIR%%/outage.log outage;\n",
        locations => <<'END') . $gates);
    location /brief { wix_auth_refresh_use_stale error for=1s;
                      try_files /page.txt =404; }
END
    page($nginx);
    emulator()->configure(keepSecrets => 0);

    my $began = time;
    my @ended = mass(ENDED => $ENDED);
    my @soon = mass(SOON => 20);
    my @gone = mass(GONE => 5);
    my @long = mass(LONG => $LIVE - @ended - @soon - @gone);
    my @all = (@long, @soon, @gone, @ended);
    diag(sprintf '%d sessions in %.1f s', scalar @all, time - $began);

    my (undef, @seen) = sweep('/', @long);
    is(tally(@seen), @long . ' x 200 HIT', 'all is well');

    # not refused, which would be over at once, but reset: each call is seen
    my $seq = last_seq();
    my $start = time;
    my ($answers, %seen);
    emu_fault('*', {type => 'reset'}, count => -1, match => {role => 'api'});

    for my $round (0 .. 1000) {
        my @some = $round == 0 || time > $start + $OUTAGE - 1
            ? @all : (@ended, @soon, @gone, @long[0 .. 20]);

        ($answers, @seen) = sweep('/', @some);
        $seen{$_}++ for @seen;
        $seen{cookie}++ for grep { /^Set-Cookie/mi } @$answers;
        $seen{emulator()->revoke(email => GONE) ? 'revoked' : ''} = 1
            if $round == 1;

        last if @some == @all && $round;
        sleep 0.3;
    }

    my $outage = time - $start;
    delete $seen{revoked};
    is_deeply([sort keys %seen],
              ['200 HIT', '200 STALE upstream_unavailable'],
              'nobody is sent away within grace, and no cookie is touched')
        or diag explain \%seen;
    is((grep { $_ eq '200 HIT' } @seen[0 .. $#long]), @long,
       'a good token needs no Wix');
    cmp_ok((grep { /STALE/ } @seen), '>=', @ended + @gone,
           'all whose token has ended are STALE');

    my %pid = map { /^X-Pid: (\d+)/m ? ($1 => 1) : () }
        grep { /STALE/ } @$answers;
    is(scalar keys %pid, 4, 'in all workers');

    cmp_ok((() = slurp($nginx->dir . '/outage.log')
        =~ /^200 STALE upstream_unavailable$/mg), '>=', @ended,
        'STALE is in the access log');

    # waited for and in the background: two breakers, and of each a probe a
    # second; the second one opens when the first back-offs are over
    my @at = map { $_->{time} } emu_log('*', after => $seq, role => 'api');
    my @first = grep { $_ < $start + 4 } @at;
    my @probes = grep { $_ >= $start + 4 } @at;
    my $time = $outage - 4 + 1;

    cmp_ok(scalar @first, '<=', 32 + 2 * 20 + 2 * ($FAILS + 4),
           'a few calls until it opens: ' . @first);
    cmp_ok(scalar @probes, '<=', 2 * $time,
           sprintf 'and then probes alone: %d in %.1f s', scalar @probes,
           $time);
    cmp_ok(scalar @probes, '>=', 1, 'some');

    my @lines = breaker_lines($nginx);
    is((grep { /\[error\].*breaker opens: client "\Q@{[emulator()->client]}\E", class (?:waited|refresh) / } @lines),
       2, 'one line for each') or diag explain \@lines;
    like($lines[0], qr/ $FAILS failures .* for [12] s/, 'says how long');
    is((grep { /\[error\].* not sent/ } $nginx->log_lines(qr/refresh/)), 0,
       'what is not sent is no error');

    ($answers, @seen) = sweep('/brief', @ended);
    is(tally(@seen), @ended . ' x 503 ERROR upstream_unavailable',
       'without grace');
    is((grep { /^Retry-After: [1-9]\d*\r$/m } @$answers), @ended,
       'Retry-After');
    is((grep { /^Set-Cookie/mi } @$answers), 0, 'the cookie stays');

    # Wix is back
    $seq = last_seq();
    emulator()->clear_faults;
    $start = time;

    my @todo = (@ended, @soon, @gone);
    my (%last, $late);
    %seen = ();

    while (@todo && time < $start + slow(60)) {
        (undef, @seen) = sweep('/', @todo);
        @last{@todo} = @seen;
        $seen{$_}++ for @seen;

        # those of the second kind may just be due
        @todo = grep { $last{$_} =~ /STALE/ } @todo;
        sleep 0.2;
    }

    diag(sprintf 'all are back after %.1f s', time - $start);
    is(tally(@last{@ended, @soon}), (@ended + @soon) . ' x 200 HIT',
       'everybody is back');
    is(tally(@last{@gone}), @gone . ' x 401 EXPIRED session_revoked',
       'but for who was removed at Wix meanwhile');
    is_deeply([sort keys %seen],
              ['200 HIT', '200 STALE upstream_unavailable',
               '401 EXPIRED session_revoked'], 'nothing else was seen');

    @at = map { $_->{time} } emu_log('token.refresh_token', after => $seq);
    cmp_ok(scalar @at, '>=', @ended + @gone, 'one call for each');
    cmp_ok(scalar @at, '<=', @ended + @gone + @soon + 5, 'and no more');

    # the windows of the budget and of this count are not the same
    cmp_ok(peak(@at), '<=', 2 * 20 + 2, 'no rush: at most ' . peak(@at)
           . ' in a second');
    cmp_ok((grep { $_ < $start + 3 } @at), '<=', 4 * 20 + 2,
           'from the beginning');

    @lines = grep { /\[notice\].*breaker closes: .* after \d+ s/ }
        breaker_lines($nginx);
    cmp_ok(scalar @lines, '>=', 1, 'a line says that Wix answers')
        or diag explain [breaker_lines($nginx)];

    emulator()->configure(keepSecrets => 1);
    $nginx->stop;
};


# One nginx for what follows.  A server has a zone and so a breaker of its own,
# unless it names another's.

my ($QUICK, $LONG) = map { "wix_auth_api_breaker max_fails=3 fail_timeout=$_;" }
    '1s', '60s';

sub server {
    my ($name, %opt) = @_;

    my $zone = $opt{zone} // "\L$name\E:1m";
    my $client = $opt{client} // '%%CLIENT%%';

    return <<"END";
server {
    listen 127.0.0.1:%%${name}_PORT%% reuseport;
    server_name localhost;
    wix_auth_zone zone=$zone;
    wix_auth_client_id $client;
    wix_auth required;
    $opt{lines}
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open { wix_auth off; try_files /page.txt =404; }
    location /off { wix_auth_refresh_use_stale off;
                    try_files /page.txt =404; }
    location / { try_files /page.txt =404; }
}
END
}

sub url {
    my ($name, $path) = @_;
    return 'http://localhost:'
        . port($name eq 'MAIN' ? 'PORT' : "${name}_PORT") . ($path // '/');
}

use constant CAUSES => <<'END';
    location /answers { wix_auth_refresh_use_stale http_5xx;
                        try_files /page.txt =404; }
    location /silence { wix_auth_refresh_use_stale error timeout;
                        try_files /page.txt =404; }
END

start_upstream();

my $nginx = start_nginx(workers => 4, conf => gate(
    listen => 'reuseport',
    server => "$QUICK wix_auth_refresh_lock_timeout 10s;")
    . server('SHUT', lines => $LONG)
    . server('KILL', lines => "$QUICK wix_auth_api_timeout ${CALL}s;")
    . server('CLASS', lines => "$LONG wix_auth_bearer on;" . <<'END')
    location /shop {
        wix_auth optional;
        wix_auth_visitor on;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
END
    . server('CLIENT', lines => $LONG, zone => 'class', client => OTHER)
    . server('SITE', lines => 'wix_auth_response_mode direct; '
        . 'wix_auth_api_breaker max_fails=1 fail_timeout=60s;')
    . server('COUNT', lines => $LONG)
    . server('CAUSE', lines => $LONG . CAUSES)
    . server('LATE', lines => $LONG . "wix_auth_api_timeout ${CALL}s;"
        . CAUSES));
page($nginx);
note_secret(password => PASSWORD);

sub post {
    my ($name, $endpoint, $b) = @_;

    return ($b // browser())->post(url($name, "/_wix/$endpoint"), json => {
        email => MEMBER, $endpoint eq 'login' ? (password => PASSWORD) : ()});
}

# a login that Wix takes part in: it leads to the next step
sub starts {
    my ($name, $what) = @_;
    my $res = post($name, 'login');

    is($res->status . ' ' . (($res->json // {})->{state} // ''),
       '200 SUCCESS', $what) or diag $res->body;
    return $res;
}

sub is_refused {
    my ($res, $what) = @_;

    is($res->status . ' ' . (($res->json // {})->{error} // ''),
       '503 upstream_unavailable', $what);
    like($res->header('Retry-After') // '', qr/^[1-9]\d*$/,
         "$what: Retry-After");
    return;
}

# lines about breakers that have opened so far
sub opened {
    my ($class, $client) = @_;
    $client //= emulator()->client;
    return scalar $nginx->log_lines(
        qr/\[error\].*breaker opens: client "\Q$client\E", class $class /);
}

sub calls { return emu_count('*', role => 'api', @_) }

# Three logins that fail; the fault hits the visitor's token or the login.
sub fail_logins {
    my ($name, @faults) = @_;

    for (@faults) {
        my $id = emu_fault('*', $_, count => -1, match => {role => 'api'});
        my $res = post($name, 'login');
        diag('the login has not failed') if $res->status < 500;
        clear_fault($id);
    }
    return;
}

sub open_it {
    my ($name, $what) = @_;
    my $before = opened('waited');

    fail_logins($name, ({type => 'reset'}) x 3);
    is(opened('waited') - $before, 1, $what // 'the breaker is open');
    return;
}

# fail_timeout and its jitter are over; to ask would be to call
sub half_open {
    my $until = time + 1.15;
    sleep 0.02 while time < $until;
    return;
}

short_tokens(1);
my @crowd = sessions(100);
my @shut = sessions(3, base => url('SHUT'));
my @kill = sessions(4, base => url('KILL'));
my @cause = sessions(2, base => url('CAUSE'));
my @late = sessions(2, base => url('LATE'));
expire(@crowd, @shut, @kill, @cause, @late);


subtest 'nobody waits while it is open' => sub {
    open_it('SHUT');

    my $seq = last_seq();
    my $hang = emu_fault('*', {type => 'hang'}, count => -1,
                         match => {role => 'api'});

    my $start = time;
    my $res = get($shut[0]);
    is(verdict($res), '200 STALE upstream_unavailable', 'within grace');

    $res = get($shut[1], '/off');
    is(verdict($res), '503 ERROR upstream_unavailable', 'without');
    my $after = $res->header('Retry-After') // '';
    like($after, qr/^\d+$/, 'Retry-After');
    cmp_ok($after, '>', 10, 'of the breaker');

    $res = $shut[2]->get('/_wix/session?require=1');
    is($res->status, 204, 'the judgement for auth_request');

    is_refused(post('SHUT', 'login'), 'a login');
    is_refused(post('SHUT', 'recover'), 'a recovery, which promises no mail');
    is(browser()->get(url('SHUT', '/_wix/login'))->status, 200,
       'the page is there');

    cmp_ok(time - $start, '<', slow(1.5), 'all of it at once');

    $nginx->reload;
    is_refused(post('SHUT', 'login'), 'after a reload');

    is(calls(after => $seq), 0, 'Wix is not asked');
    is((grep { !/\[info\]/ } $nginx->log_lines(qr/not sent/)), 0,
       'refused calls are in the log at info only');

    clear_fault($hang);
    emulator()->release;
};


subtest 'half-open: one probe of a hundred requests' => sub {
    open_it('MAIN');
    half_open();

    my $seq = last_seq();
    my $hang = refresh_fault({type => 'hang'}, count => -1);

    # each its own session and its own connection
    my @conns = map { conn() } @crowd;
    $conns[$_]->send($crowd[$_], GET => '/') for 0 .. $#crowd;

    my %waits = map { $_->sock => $_ } @conns;
    my @res;

    wait_for {
        for ($waits{probe} ? () : IO::Select->new(map { $_->sock }
             values %waits)->can_read(0))
        {
            push @res, delete($waits{$_})->read;
        }
        return keys %waits <= 1;
    } 10, 'all but one';

    is(tally(map { verdict($_) } @res),
       '99 x 200 STALE upstream_unavailable', '99 do not wait');
    my %pid = map { $_->header('X-Pid') => 1 } @res;
    is(scalar keys %pid, 4, 'in four workers');

    is(refreshes(after => $seq), 1, 'one call');
    is(emulator()->inflight->{count}, 1, 'which is still on its way');

    clear_fault($hang);
    emulator()->release;
    my ($probe) = values %waits;
    is(verdict($probe->read), '200 REFRESHED', 'its request has waited');

    is((() = $nginx->error_log =~ /\[notice\].*breaker closes: .*class waited/g),
       1, 'a line says so');
    is(post('MAIN', 'login')->status, 200, 'and a login is possible');
};


subtest 'the worker that probes is killed' => sub {
    open_it('KILL');
    half_open();

    my $seq = last_seq();
    my $hang = refresh_fault({type => 'hang'}, count => -1);

    my $conn = conn(port => port('KILL_PORT'));
    my $pid = $conn->pid($kill[0]);
    my $start = time;
    $conn->send($kill[0], GET => '/');
    wait_for { refreshes(after => $seq) } 5, 'the probe';

    $nginx->kill_worker($pid);
    is(verdict(get($kill[1])), '200 STALE upstream_unavailable',
       'the breaker waits for its answer');
    is(refreshes(after => $seq), 1, 'one call');

    # its time is that of a call, and a second more
    clear_fault($hang);
    sleep 0.02 while time < $start + $CALL + 1.2;

    is(verdict(get($kill[2])), '200 REFRESHED', 'then another one goes');
    is(verdict(get($kill[3])), '200 REFRESHED', 'and the breaker is closed');
    emulator()->release;
};


subtest 'classes are apart' => sub {
    my @tokens = map { emulator()->mint(email => MEMBER)->{access_token} }
        1 .. 5;
    my $ask = sub {
        return browser(bare => 1)->get(url('CLASS'), headers => {
            Authorization => "Bearer $tokens[$_[0]]"});
    };

    starts('CLASS', 'all is well');
    is(verdict($ask->(0)), '200 BEARER', 'with tokens too');

    my $before = opened('lookup');
    my $seq = last_seq();
    my $away = emu_fault('token-info', {type => 'status', status => 503,
        body => '<html>503</html>'}, count => -1);

    is(verdict($ask->($_)), '503 ERROR upstream_unavailable', "token $_")
        for 1 .. 3;
    is(opened('lookup') - $before, 1, 'the breaker is open');

    my $res = $ask->(4);
    is(verdict($res), '503 ERROR upstream_unavailable', 'the next token');
    cmp_ok($res->header('Retry-After') // 0, '>', 10, 'Retry-After');
    is(emu_count('token-info', after => $seq), 3, 'is not asked about');
    is(verdict($ask->(0)), '200 BEARER', 'a verdict that is known counts');

    starts('CLASS', 'logins go on');

    $seq = last_seq();
    $res = browser()->get(url('CLASS', '/shop'));
    is(verdict($res), '200 ANONYMOUS visitor_budget', 'a page of a stranger');
    is(calls(after => $seq), 0, 'makes no visitor');
    clear_fault($away);
};


subtest 'clients are apart' => sub {
    my ($own, $other) = (opened('waited'), opened('waited', OTHER));
    my $away = emu_fault('*', {type => 'reset'}, count => -1,
                         match => {client => OTHER});

    is(post('CLIENT', 'login')->status, 503, "login $_") for 1 .. 3;
    is(opened('waited', OTHER) - $other, 1, 'its breaker is open');

    my $seq = last_seq();
    is_refused(post('CLIENT', 'login'), 'the next login');
    is(calls(after => $seq), 0, 'is not sent');

    starts('CLASS', 'the other client of this zone goes on');
    is(opened('waited'), $own, 'and has lost nothing');
    clear_fault($away);
};


subtest 'the site is not the API' => sub {
    my $before = opened('\w+');
    my $away = emu_fault('authorize', {type => 'status', status => 503,
        body => '<html>503</html>'}, count => -1);

    my ($res) = map { starts('SITE', "login $_") } 1 .. 5;
    ok(!$res->headers('Set-Cookie') || !grep { /^wix_auth=/ }
       $res->headers('Set-Cookie'), 'the browser has to go there itself');
    is(emu_count('authorize', status => 503), 5, 'we have tried');
    is(opened('\w+'), $before, 'no breaker opens');

    clear_fault($away);
    my $b = browser();
    post('SITE', 'login', $b);
    like(verdict(get($b, url('SITE'))), qr/^200 (?:HIT|REFRESHED)$/,
         'and a login without the browser is possible');
};


subtest 'what is a failure' => sub {
    my $before = opened('waited');
    my $html = {type => 'status', body => '<html>away</html>'};
    my $code = {type => 'status', body => {message => 'no', details => {
        applicationError => {code => 'SOMETHING_ELSE'}}}};

    starts('COUNT', 'all is well') for 1 .. 2;

    fail_logins('COUNT',
        {%$html, status => 500}, {%$html, status => 501},
        {%$html, status => 505},
        {%$html, status => 200}, {type => 'oversize'},
        (map { {%$code, status => $_} } 502 .. 504),
        {%$html, status => 503, body => {error => 'server_error'}});
    is(opened('waited'), $before, 'Wix answered');

    # four that go away, and with them their calls
    my $hang = emu_fault('login', {type => 'hang'}, count => -1);
    my $gone = () = $nginx->access_log =~ / 499 /g;
    my $body = '{"email":"' . MEMBER . '","password":"' . PASSWORD . '"}';

    my @sock = map { open_socket(port('COUNT_PORT')) } 1 .. 4;
    syswrite $_, "POST /_wix/login HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body" for @sock;
    wait_for { emulator()->inflight->{count} == 4 } 10, 'their calls';

    close $_ for @sock;
    ok((wait_for { (() = $nginx->access_log =~ / 499 /g) >= $gone + 4 } 10),
       'they have gone');
    clear_fault($hang);
    emulator()->release;
    is(opened('waited'), $before, 'their calls tell nothing');

    fail_logins('COUNT', (map { {%$html, status => $_} } 502, 504));
    starts('COUNT', 'a success');
    fail_logins('COUNT', {%$html, status => 503}, {type => 'close'});
    is(opened('waited'), $before, 'and it counts from zero');

    fail_logins('COUNT', {type => 'truncate'});
    is(opened('waited') - $before, 1, 'three with nothing between them');
};


subtest 'what has opened it is the cause' => sub {
    my $before = opened('waited');
    my $away = {type => 'status', status => 503, body => '<html>away</html>'};

    fail_logins('CAUSE', {type => 'reset'}, $away, $away);
    is(opened('waited') - $before, 1, 'the breaker is open, by answers');

    my $seq = last_seq();
    my $hang = emu_fault('*', {type => 'hang'}, count => -1,
                         match => {role => 'api'});

    is(verdict(get($cause[0], '/answers')), '200 STALE upstream_unavailable',
       'http_5xx');
    is(verdict(get($cause[0], '/answers')), '200 STALE upstream_unavailable',
       'once more');
    is(verdict(get($cause[1], '/silence')), '503 ERROR upstream_unavailable',
       'not error and timeout');
    is(calls(after => $seq), 0, 'Wix is not asked');

    $before = opened('waited');
    fail_logins('LATE', ({type => 'hang'}) x 3);
    is(opened('waited') - $before, 1, 'the breaker is open, by silence');

    $seq = last_seq();
    is(verdict(get($late[0], '/silence')), '200 STALE upstream_unavailable',
       'timeout');
    is(verdict(get($late[1], '/answers')), '503 ERROR upstream_unavailable',
       'not http_5xx, and no timeout of this call');
    is(verdict(get($late[1], '/answers')), '503 ERROR upstream_unavailable',
       'nor of the next');
    is(calls(after => $seq), 0, 'Wix is not asked');
    clear_fault($hang);
    emulator()->release;
};

done_testing();
