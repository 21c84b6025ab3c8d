#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What strangers do to the limits, to the circuit breaker and to those who use
# the same nginx: floods that push counters out of their table, callers who hang
# up as soon as they are the probe, queues that are full, forms that are sent
# twice; and who is vouched for when Wix has not been asked.
#
# quiet

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;

use constant {
    FLOOD   => 2000,        # requests that Wix never sees
    HANG_UP => 60,          # callers at a time
    QUEUE   => 520,         # two times what a worker has under way, and more
};

my %ann = (email => 'ann@example.com', password => 'secret-of-ann-1');
my %vic = (email => 'vic@example.com', password => 'secret-of-vic-1');
my %flo = (email => 'flo@example.com', password => 'secret-of-flo-1');
my %bob = (email => 'bob@example.com', password => 'secret-of-bob-1');

my $emu = start_emulator(
    member => [map { "$_->{email}:$_->{password}" } \%ann, \%bob, \%flo],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT PROBE_PORT QUEUE_PORT)]);
$emu->member(%vic, state => 'VERIFY');
start_upstream();
note_secret(password => $_->{password}) for \%ann, \%bob, \%flo, \%vic;

# of calls at the queue, in seconds
my $timeout = slow(4);

my $nginx = start_nginx(debug => 0, workers => 2,
    vars => {TIMEOUT => $timeout}, conf => <<'END');
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;
add_header X-Member $wix_auth_member_id always;
add_header X-Remain $wix_auth_token_remain always;

server {
    listen 127.0.0.1:%%PORT%% reuseport;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
    location /any {
        wix_auth_refresh_use_stale off;
        satisfy any;
        allow 127.0.0.1;
        deny all;
        try_files /page.txt =404;
    }
    location /shop {
        wix_auth optional;
        wix_auth_visitor on rate=600r/m;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /api {
        wix_auth_bearer on;
        wix_auth_profile on;
        try_files /page.txt =404;
    }
}
server {
    listen 127.0.0.1:%%PROBE_PORT%% reuseport;
    server_name localhost;
    wix_auth_zone zone=probe:1m;
    wix_auth_api_breaker max_fails=3 fail_timeout=1s;
    wix_auth_login_limit off;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%QUEUE_PORT%%;
    server_name localhost;
    wix_auth_zone zone=queue:1m;
    wix_auth_api_timeout %%TIMEOUT%%s;
    wix_auth_login_limit off;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
spew($nginx->dir . '/html/page.txt', "a page\n");

my %person = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate',
              'Sec-Fetch-Site' => 'none');


subtest 'a flood does not make room for more tries' => sub {
    my $wrong = sub {
        my $res = login_at('PORT', {%flo, password => 'wrong-' . rand});
        return ($res->json // {})->{error} // $res->status;
    };
    my %said;

    $said{$wrong->()}++ for 1 .. 12;
    is_deeply(\%said, {invalid_credentials => 10, too_many_attempts => 2},
              'ten tries');

    my $vic = browser();
    my $token = $vic->post('/_wix/login', json => \%vic)->json->{stateToken};
    my $code = sub {
        my $res = $vic->post('/_wix/verify', json => {
            code => '000000', stateToken => $token});
        return ($res->json // {})->{error} // $res->status;
    };

    my %codes;
    $codes{$code->()}++ for 1 .. 7;
    is($codes{too_many_attempts}, 2, 'five codes');

    my ($login, $verify) = map { emu_count($_) } 'login', 'verify';
    my %flood;

    for (1 .. FLOOD / 50) {
        $flood{$_}++ for flood(50);
        is($wrong->(), 'too_many_attempts', 'no eleventh') or last;
        is($code->(), 'too_many_attempts', 'no sixth') or last;
    }

    is(join(',', keys %flood), 400, 'the flood is refused');
    is(emu_count('login') - $login, 0, 'Wix sees nothing of it');
    is(emu_count('verify') - $verify, 0, 'and no code');
};

subtest 'who hangs up does not keep the breaker open' => sub {
    # both workers have their visitor's token
    login_at('PROBE_PORT', \%ann) for 1 .. 6;

    my $away = emu_fault('login', {type => 'reset'}, count => -1);
    ok((wait_for { login_at('PROBE_PORT', \%ann)->status == 503
                   && $nginx->log_lines(qr/breaker opens/) } 5), 'open');
    $emu->clear_faults($away);
    my $slow = emu_fault('login', {type => 'delay', seconds => 0.3},
                         count => -1);

    my $others = hang_ups(port('PROBE_PORT'));
    my $status;
    # as people come: who asks all the time would be the probe himself
    my ($end, $next) = (time + slow(6), time);

    while (time < $end) {
        sleep 0.01 while time < $next;
        $next = time + 0.2;
        $status = login_at('PROBE_PORT', \%ann)->status;
        last if $status == 200;
    }
    is($status, 200, 'it closes while others come and go');

    kill TERM => $others;
    waitpid $others, 0;
    $emu->clear_faults($slow);

    ok((wait_for { $nginx->log_lines(qr/breaker closes/) } 5), 'in the log');
};

subtest 'a queue is no outage' => sub {
    my $port = port('QUEUE_PORT');
    login_at('QUEUE_PORT', \%ann);

    # the second half has its turn when less than half of the time is left
    my $slow = emu_fault('login',
        {type => 'delay', seconds => 0.6 * $timeout}, count => -1);
    my $opened = $nginx->log_lines(qr/breaker opens/);
    my @sock = map { post_login($port, "x$_\@example.com") } 1 .. QUEUE;

    my %status;
    for my $sock (@sock) {
        local $/;
        $status{(<$sock> // '') =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none'}++;
        close $sock;
    }
    $emu->clear_faults($slow);

    cmp_ok($status{504} // 0, '>', 5, 'some have waited in vain');
    cmp_ok($status{401} // 0, '>', 100, 'Wix has answered others');
    is($nginx->log_lines(qr/breaker opens/), $opened, 'no breaker opens');
    is(login_at('QUEUE_PORT', \%ann)->status, 200, 'the next login');
};

subtest 'beyond token and grace nobody is vouched for' => sub {
    my $b = browser();
    my $short = emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1}});
    is(login($b, %ann)->status, 200, 'a login');

    my $end = time + 2.1;
    my $res = $b->get('/any');
    like($res->header('X-Member') // '', qr/^[0-9a-f-]{36}$/,
         'a member while the token is good');

    wait_for { time > $end } 5, 'the end of the token';
    $res = $b->get('/any');
    is($res->status . ' ' . ($res->header('X-Member') // ''), '200 ',
       'a stranger, whom the address lets in');
    $emu->clear_faults($short);

    is($b->get('/')->status, 200, 'the gate refreshes');
    like($b->get('/any')->header('X-Member') // '', qr/^[0-9a-f-]{36}$/,
         'and then it is a member again');
};

subtest 'a form that is sent twice keeps the visitor' => sub {
    my $short = emu_fault('token.anonymous',
        {type => 'patch', set => {expires_in => 1}}, count => -1);
    my $b = browser();
    my $res = $b->get('/shop', headers => \%person);
    is($res->header('X-Status'), 'VISITOR', 'a visitor')
        or diag $res->header('X-Reason');
    my $end = time + 2.1;
    wait_for { time > $end } 5, 'the end of the token';

    my $id = emu_fault('token.refresh_token', {type => 'delay', seconds => 0.5},
                       count => -1);
    my $before = emu_count('token.refresh_token');

    my $twice = $b->prepare(POST => '/_wix/login', json => \%ann);
    my $sock = open_socket(port());
    print {$sock} $twice->{bytes};
    ok((wait_for { $emu->inflight('token.refresh_token')->{count} == 1 } 5),
       'the first one refreshes the visitor');
    close $sock;

    ok((wait_for { $nginx->access_log =~ m{POST /_wix/login HTTP/1\.1" 499} } 5),
       'and goes away');
    is($b->post('/_wix/login', json => \%ann)->status, 200, 'the second');
    is(emu_count('token.refresh_token') - $before, 2,
       'as the same visitor, whom it refreshes');

    $emu->clear_faults($_) for $id, $short;
};

subtest 'a blocked member gets nowhere while the profile is not to be had' => sub
{
    my @token = map { $emu->mint(email => $bob{email})->{access_token} } 1 .. 3;
    my $remain;
    my $ask = sub {
        my $res = browser(bare => 1)->get($nginx->url('/api'),
            headers => {Authorization => "Bearer $_[0]"});
        $remain = $res->header('X-Remain');
        return join ' ', $res->status, $res->header('X-Status') // '';
    };
    my $blocked = {type => 'patch', set => {'member.status' => 'BLOCKED'}};

    emu_fault('members-my', {type => 'status', status => 500, body => 'none'});
    my $id = emu_fault('members-my', $blocked, count => -1);
    is($ask->($token[0]), '200 BEARER', 'no profile, and no word about it');
    is($ask->($token[0]), '200 BEARER', 'which holds');
    cmp_ok($remain, '<=', 60, 'for a minute');
    is($ask->($token[2]), '401 ANONYMOUS', 'another is asked about');
    $emu->clear_faults($id);

    # last, because it is a pause for everybody
    emu_fault('members-my', {type => 'status', status => 429,
                             body => {message => 'no', details => {}}});
    is($ask->($token[1]), '503 ERROR', 'who can bring about a 429 waits');
};

done_testing();


sub login_at {
    my ($name, $who) = @_;
    return browser(base => 'http://localhost:' . port($name))
        ->post('/_wix/login', json => $who);
}

sub post_login {
    my ($port, $email) = @_;

    my $sock = open_socket($port);
    my $body = qq({"email":"$email","password":"y"});

    print {$sock} "POST /_wix/login HTTP/1.1\r\nHost: localhost:$port\r\n"
        . "Content-Type: application/json\r\nConnection: close\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    return $sock;
}

# statuses of forms of which nothing goes to Wix: the password is not UTF-8
my $number;

sub flood {
    my ($n) = @_;
    my $port = port();

    my @sock = map {
        my $body = 'email=x' . ++$number . '%40example.com&password=%FF';
        my $sock = open_socket($port);

        print {$sock} "POST /_wix/login HTTP/1.1\r\nHost: localhost:$port\r\n"
            . "Origin: http://localhost:$port\r\n"
            . "Accept: application/json\r\nConnection: close\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        $sock;
    } 1 .. $n;

    return map {
        local $/;
        my $text = readline($_) // '';
        close $_;
        $text =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none';
    } @sock;
}

# a process whose logins hang up after 150 ms, before Wix can have answered
sub hang_ups {
    my ($port) = @_;

    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    $SIG{TERM} = sub { POSIX::_exit(0) };
    my ($n, @live) = (0);

    while (1) {
        my $now = time;

        close((shift @live)->[0]) while @live && $live[0][1] < $now;

        if (@live < HANG_UP) {
            my $sock = eval { post_login($port, 'y' . ++$n . '@example.com') };
            push @live, [$sock, $now + 0.15] if $sock;

        } else {
            sleep 0.001;
        }
    }
}
