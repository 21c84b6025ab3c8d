#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Attacks that must fail: smuggled requests, bodies in pieces, another
# client's session, foreign and damaged attempts, browsers without cookies,
# clients that leave at every stage, HTTP/2 noise, full zones, floods of
# logins, reloads and killed workers.  SEED=n repeats a run.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Payloads qw(h2_frame h2_headers);
use WixAuthTest::Refresh;

my $seed = $ENV{SEED} // int(time * 1000) % 2 ** 31;
srand $seed;
note "SEED=$seed";

use constant OTHER => '1b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e22';

# every front that takes part in a login, at the same Wix app
my @fronts = ((map { [$_, '/_wix/'] } qw(PORT MORE_PORT OTHER_PORT)),
              [WIX_PORT => '/sign/']);

my $emu = start_emulator(
    member => [MEMBER . ':' . PASSWORD], rotate => 'grace',
    redirect_uri => [map { 'http://localhost:' . port($_->[0]) . $_->[1]
                           . 'callback' } @fronts]);
my $up = start_upstream();
my $key = temp_dir() . '/session.key';

spew($key, join '', map { chr int rand 256 } 1 .. 48);
chmod 0600, $key;

# what nginx itself refuses, it logs as it came
allow_leak(qr/ client sent .* while (?:reading|processing) /);
allow_log(qr/ exited on signal 9$/);

my $nginx = start_nginx(
    workers => 1, debug => 0, base => 'http://localhost:' . port('PORT'),
    conf => gate(
    zone => '512k',
    http => <<"END",
wix_auth_session_key $key;
large_client_header_buffers 4 80k;
map \$uri \$client {
    volatile;
    /v/other @{[OTHER]};
    /v/none "";
    default %%CLIENT%%;
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_login wix sso;
    location ^~ /sign/ { wix_auth_endpoints; }
    location /mark { wix_auth off; return 200 "MARK \$uri\n"; }
    location / { try_files /page.txt =404; }
}
server {
    listen 127.0.0.1:%%OTHER_PORT%%;
    server_name localhost;
    wix_auth_client_id @{[OTHER]};
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
END
    server => (have_module('http_v2')
               ? 'listen 127.0.0.1:%%H2_PORT%% http2;' : ''),
    locations => <<'END',
    location /mark { wix_auth off; return 200 "MARK $uri\n"; }
    location /v/ { wix_auth_client_id $client; proxy_pass http://%%UPSTREAM%%; }
END
));

my $node = start_nginx(workers => 1, debug => 0, conf => gate(
    http => "wix_auth_session_key $key;",
    server => 'wix_auth_base_url http://localhost:%%PORT%%;')
    =~ s/listen 127\.0\.0\.1:%%PORT%%/listen 127.0.0.1:%%NODE_PORT%%/r);

page($_) for $nginx, $node;

my $p = port('PORT');
my $credentials = '{"email":"' . MEMBER . '","password":"' . PASSWORD . '"}';

note_secret(password => PASSWORD);
short_tokens(3600);


# Answers of one connection, as statuses and marks.
sub answers {
    my ($port, $bytes) = @_;

    my $out = raw($port, $bytes, timeout => 8);
    return join ' ', grep { defined }
        $out =~ m{HTTP/1\.1 (?!100)(\d+)|MARK (\S+)}g;
}

sub leave {
    my ($sock) = @_;
    setsockopt $sock, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $sock;
    return;
}

sub fds {
    my ($pid) = $nginx->worker_pids;
    return scalar(() = glob "/proc/$pid/fd/*");
}

sub port_of { return 'http://localhost:' . port($_[0]) . ($_[1] // '/') }

# ($browser, query of the callback): a login up to the last step
sub started {
    my ($port) = @_;

    my $b = browser();
    my $res = $b->post(port_of($port, '/_wix/login'), json => {
        email => MEMBER, password => PASSWORD, return => '/deep'});
    $res = $b->get($res->json->{redirectUrl},
        headers => {'Sec-Fetch-Site' => 'cross-site'});

    return ($b, $res->location =~ /(\?.*)/);
}

sub exchanges { return emu_count('token.authorization_code') }


subtest 'a body never becomes the next request' => sub {
    my $inner = "GET /mark/inner HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $next = "GET /mark/next HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n\r\n";
    my $size = length $inner;
    my $many = substr $inner x 1000, 0, 20000;

    my %body = (
        length   => ["Content-Length: $size", $inner],
        large    => ['Content-Length: 20000', $many],
        chunked  => ['Transfer-Encoding: chunked',
                     sprintf "%x;e=1\r\n%s\r\n0\r\nTrailer: x\r\n\r\n",
                     $size, $inner],
        expect   => ["Expect: 100-continue\r\nContent-Length: $size", $inner],
    );
    my (@inner, @lost);

    for my $port ($p, port('WIX_PORT')) {
        my $prefix = $port == $p ? '_wix' : 'sign';

        for my $to ("$prefix/login", "$prefix/callback?code=a&state=b",
                    "$prefix/logout", "$prefix/session", "$prefix/no", 'gated')
        {
            for my $how ('GET', 'PUT', 'POST text/plain same-origin',
                         'POST application/json same-origin',
                         'POST application/json cross-site')
            {
                my ($method, $type, $site) = split / /, $how;

                for my $kind (sort keys %body) {
                    my ($head, $bytes) = @{$body{$kind}};

                    my $got = answers($port, "$method /$to HTTP/1.1\r\n"
                        . "Host: localhost:$port\r\n"
                        . 'Content-Type: ' . ($type // 'text/plain') . "\r\n"
                        . 'Sec-Fetch-Site: ' . ($site // 'none') . "\r\n"
                        . "$head\r\n\r\n$bytes"
                        . $next);

                    push @inner, "$how $to $kind: $got" if $got =~ /inner/;
                    push @lost, "$how $to $kind: $got"
                        if $got !~ /^\d+ \d+/;
                }
            }
        }
    }

    is_deeply(\@inner, [], 'no body is taken for a request');
    is_deeply(\@lost, [], 'the request after it is answered');

    # here the end of the body cannot be found cheaply: close instead
    my $chunk = sprintf "%x\r\n%s\r\n", length $many, $many;
    unlike(answers($p, "POST /_wix/login HTTP/1.1\r\nHost: localhost:$p\r\n"
        . "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        . "\r\n$chunk${chunk}0\r\n\r\n$next"), qr/inner/, 'large and chunked');
};


subtest 'a body split at every byte' => sub {
    my $body = '{"email":"nobody@example.com","password":"wrong-one-1"}';
    my $chunks = join('', map { "1\r\n$_\r\n" } split //, $body)
        . "0\r\nX: y\r\n\r\n";
    my %seen;

    for (['Content-Length: ' . length $body, $body, 1],
         ['Transfer-Encoding: chunked', $chunks, 5])
    {
        my ($head, $bytes, $step) = @$_;

        my $all = "POST /_wix/login HTTP/1.1\r\nHost: localhost:$p\r\n"
            . "Content-Type: application/json\r\n$head\r\n\r\n${bytes}"
            . "GET /mark/next HTTP/1.1\r\nHost: localhost\r\n"
            . "Connection: close\r\n\r\n";
        my $at = index $all, "\r\n\r\n";
        my @parts;

        for (my $i = $at; $i < $at + length($bytes) + 10; $i += $step) {
            my $sock = open_socket($p);
            syswrite $sock, substr $all, 0, $i;
            push @parts, [$sock, substr $all, $i];
        }

        # all first parts have been read before a second one is sent
        is(get(browser(), '/open')->status, 200, 'first parts are there');

        syswrite $_->[0], $_->[1] for @parts;

        for (@parts) {
            my $in = '';
            while (sysread $_->[0], $in, 65536, length $in) { }
            $seen{join ' ', $in =~ m{HTTP/1\.1 (\d+)}g}++;
        }
    }

    is_deeply([sort keys %seen], ['401 200'], 'one answer each');
};


subtest 'one client\'s member at another client\'s gate' => sub {
    my ($b) = sessions(1);

    is(verdict(get($b, '/v/ours')), '200 HIT', 'his own');
    is(verdict(get($b, port_of('OTHER_PORT'))), '401 ANONYMOUS other_client',
        'another server of the zone');
    is(verdict(get($b, '/v/other')), '401 ANONYMOUS other_client',
        'a variable client');
    is(get($b, '/v/none')->status, 500, 'no client at all');

    # inside one location the client may change with an internal redirect
    $up->clear;
    for (['/v/other', 401], ['/v/none', 500]) {
        my ($to, $status) = @$_;

        is(get($b, '/v/ours?__header=' . url_escape("X-Accel-Redirect:$to"))
            ->status, $status, "X-Accel-Redirect to $to");
    }
    is_deeply([grep { m{^/v/(?:other|none)} } map { $_->{uri} } $up->requests],
        [], 'the upstream was never asked');

    is(verdict(get($b, '/v/ours')), '200 HIT', 'the session lives');
};


subtest 'attempts of others' => sub {
    my ($b, $query) = started('PORT');
    my $before = exchanges();

    my $thief = browser();
    $thief->get('/_wix/login');

    my $mixed = $b->clone;
    for my $c ($mixed->cookies) {
        $c->{value} = $thief->cookie('wix_auth_b')->{value}
            if $c->{name} eq 'wix_auth_b';
    }

    for (['no cookie', browser(), "/_wix/callback$query"],
         ['another browser', $thief, "/_wix/callback$query"],
         ['another binding', $mixed, "/_wix/callback$query"],
         ['another client', $b->clone,
          port_of('OTHER_PORT', "/_wix/callback$query")],
         ['another prefix', $b->clone,
          port_of('WIX_PORT', "/sign/callback$query")])
    {
        my ($what, $who, $url) = @$_;

        my $res = $who->get($url,
            headers => {'Sec-Fetch-Site' => 'cross-site'});
        like($res->location // '', qr{/login}, "$what: back to the login");
        ok(!$who->cookie('wix_auth'), "$what: no session");
    }

    my ($state) = $query =~ /state=([^&]+)/;
    my @passed;

    for my $i (0 .. length($state) - 1) {
        my $bad = $state;
        my $ch = substr $bad, $i, 1;
        substr $bad, $i, 1, $ch eq 'A' ? 'B' : 'A';

        my $c = $b->clone;
        $c->get('/_wix/callback' . $query =~ s/\Q$state\E/$bad/r);
        push @passed, $i if $c->cookie('wix_auth');
    }
    is_deeply(\@passed, [], 'no damaged state passes');
    is(exchanges(), $before, 'and its code is not shown to Wix');

    # what is sealed and damaged is as if it were not there
    my $res = (my $c = $b->clone)->get('/_wix/login');
    for ($c->cookies) {
        substr $_->{value}, 40, 1, substr($_->{value}, 40, 1) eq 'A' ? 'B' : 'A'
            if $_->{name} eq 'wix_auth_r';
    }
    $res = $c->get("/_wix/callback$query");
    is($res->location, '/', 'damaged returns cookie: to the root');
    ok($c->cookie('wix_auth'), 'and logged in');
};


subtest 'a login goes on at another node' => sub {
    my ($b, $query) = started('PORT');

    my $res = $b->get(port_of('NODE_PORT', "/_wix/callback$query"));
    is($res->location, '/deep', 'the return URL');
    is(verdict(get($b, port_of('NODE_PORT'))), '200 HIT', 'the session');
    like(verdict(get($b)), qr/^401 EXPIRED unknown_session/,
        'which is not in the other zone');
};


subtest 'no bit of a session cookie can be changed' => sub {
    my ($b) = sessions(1);
    my $good = $b->cookie('wix_auth')->{value};
    my @passed;

    for my $i (0 .. length($good) - 1) {
        for my $bit (1, 2, 16, 32) {
            my $bad = $good;
            substr $bad, $i, 1, chr(ord(substr $bad, $i, 1) ^ $bit);
            next if $bad =~ /[^!-~]|[;,]/;

            my $res = raw_response($p, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                . "Cookie: wix_auth=$bad\r\nConnection: close\r\n\r\n");
            push @passed, "$i/$bit" if $res->status != 401;
        }
    }
    is_deeply(\@passed, [], 'refused');
};


subtest 'cookies of all shapes' => sub {
    my ($b) = sessions(1);
    my $good = $b->cookie('wix_auth')->{value};
    my (%seen, @strange);

    for (1 .. (slow(1) > 2 ? 80 : 150)) {
        my @parts = map {
            my $junk = join '', map { chr(0x20 + int rand 0xdf) }
                1 .. rand 60;
            ("wix_auth=$junk", "wix_auth_b=$junk", "wix_auth_r=$junk",
             'wix_auth=' . 'A' x 54, 'wix_auth_r=' . 'A' x rand 6000,
             'wix_auth_b=!' . 'B' x 22, '=;;wix_auth', $junk)[rand 8]
        } 1 .. 1 + rand 40;

        my $cookie = substr join((';', '; ', ' ;', ',')[rand 4], @parts),
            0, 64000;
        my ($method, $path) = @{([GET => '/'], [GET => '/_wix/session'],
            [GET => '/_wix/login'], [POST => '/_wix/logout'],
            [GET => '/_wix/callback?code=a&state=' . 'x' x 51])[rand 5]};

        my $res = raw_response($p, "$method $path HTTP/1.1\r\n"
            . "Host: localhost:$p\r\nCookie: $cookie\r\n"
            . "Sec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n");
        push @strange, "$method $path " . $res->status
            if $res->status !~ /^(?:200|303|401)$/
                || $path eq '/' && $res->status != 401;
    }
    is_deeply(\@strange, [], 'known answers only');

    for my $before (1, 3) {
        is(raw_response($p, "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: "
            . ('wix_auth=' . 'A' x 54 . '; ') x $before
            . "wix_auth=$good\r\nConnection: close\r\n\r\n")->status, 200,
            "the true one after $before others");
    }
};


subtest 'a hostile Host is nowhere an address' => sub {
    for my $host ("localhost:1\@evil.test", "localhost:$p:x", 'evil.test',
                  'localhost:99999', "localhost:$p#evil.test",
                  "localhost:$p?evil.test")
    {
        my $head = "HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n"
            . "Accept: text/html\r\n";
        my @res = map { raw_response($p, $_) }
            "GET /x $head\r\n", "GET /_wix/login $head\r\n",
            "GET /_wix/callback $head\r\n",
            "POST /_wix/login $head" . "Content-Type: application/json\r\n"
            . 'Content-Length: ' . length($credentials)
            . "\r\n\r\n$credentials";

        unlike(join("\n", map { $_->{raw} } @res),
            qr/evil\.test|99999|:x\b/, $host);
    }
};


subtest 'a browser that keeps no cookies does not go round' => sub {
    # Wix is asked silently, says that nobody is logged in, and the callback
    # cannot know to whom it says so
    my $b = browser();
    my $url = port_of('WIX_PORT', '/x');
    my ($res, $hops);

    for ($hops = 0; $hops < 16; $hops++) {
        $b->clear_cookies(qr/wix_auth/);
        $res = $b->get($url, headers => {'Sec-Fetch-Site' => 'cross-site'});
        last if $res->status !~ /^30/;
        $url = WixAuthTest::Client::resolve($url, $res->location);
    }

    # gate, login, Wix, callback: twice, and a page that says so
    cmp_ok($hops, '<', 12, 'it comes to an end');
    is($res->status, 400, 'with an error');
};


subtest 'clients that leave' => sub {
    my $before = fds();

    for my $op (qw(token.anonymous login redirect-session.auth)) {
        for my $action ({type => 'delay', seconds => 0.2}, {type => 'hang'},
                        {type => 'drip', interval => 0.02, bytes => 20})
        {
            my $fault = emu_fault($op, $action, count => -1);
            my @socks;

            for my $i (1 .. 10) {
                my $sock = open_socket($p);
                syswrite $sock, "POST /_wix/login HTTP/1.1\r\n"
                    . "Host: localhost:$p\r\nContent-Type: application/json"
                    . "\r\nContent-Length: " . length($credentials)
                    . "\r\n\r\n$credentials";
                shutdown $sock, 1 if $i % 3 == 0;

                my $wix = open_socket(port('WIX_PORT'));
                syswrite $wix, "GET /sign/login HTTP/1.1\r\n"
                    . "Host: localhost\r\nAccept: text/html\r\n\r\n";
                push @socks, $sock, $wix;
            }

            for (@socks) {
                sleep 0.01;             # so that each is at another stage
                leave($_);
            }
            clear_fault($fault);
        }
    }

    for my $i (1 .. 4) {
        my ($b, $query) = started('PORT');
        my $fault = emu_fault('token.authorization_code',
            {type => 'delay', seconds => 0.2}, count => 1);
        my $c = conn();

        $c->send($b, GET => "/_wix/callback$query");
        sleep 0.05 * $i;
        leave($c->sock);
        clear_fault($fault);
    }

    is(get(browser(), '/open')->status, 200, 'the worker serves on');
    ok(wait_for(sub { fds() <= $before + 70 }, 10),
        'descriptors come back, but for kept connections')
        or diag "$before before, " . fds() . ' now';
};


sub h2_noise {
    my ($port, $cookie) = @_;

    my $bytes = my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . h2_frame(4, 0, 0, '');

    for my $k (0 .. rand 6) {
        my $id = 2 * $k + 1;
        my $post = rand() < 0.5;
        my $path = (qw(/_wix/login /_wix/session /_wix/logout / /open
                       /_wix/callback?code=a&state=b))[rand 6];
        my @h = (':method', $post ? 'POST' : 'GET', ':scheme', 'http',
                 ':path', $path, ':authority', "localhost:$port",
                 'sec-fetch-site', 'same-origin',
                 'accept', rand() < 0.5 ? 'text/html' : 'application/json');

        push @h, 'content-type', 'application/json' if rand() < 0.9;
        push @h, 'content-length', (3, 20000, length $credentials)[rand 3]
            if $post && rand() < 0.7;
        push @h, 'cookie', "wix_auth=$cookie" if rand() < 0.5;

        my $end = !$post && rand() < 0.9;
        $bytes .= h2_frame(1, $end ? 5 : 4, $id, h2_headers(@h));

        if (!$end) {
            my @parts = rand() < 0.1 ? ('z' x 16000, 'z' x 9000)
                : unpack '(a' . (1 + int rand 60) . ')*', $credentials;
            my $last = rand() < 0.8;

            $bytes .= h2_frame(0, $last && $_ == $#parts ? 1 : 0, $id,
                            $parts[$_]) for 0 .. $#parts;
            $bytes .= h2_frame(1, 5, $id, h2_headers('x-t', '1'))
                if !$last && rand() < 0.5;
        }

        $bytes .= h2_frame(3, 0, $id, pack 'N', 8) if rand() < 0.3;
        $bytes .= h2_frame(4, 0, 0, pack 'nN', 4, rand 100) if rand() < 0.2;
    }

    substr $bytes, length($preface) + rand(length($bytes) - length $preface),
        1, chr rand 256 if rand() < 0.3;

    return $bytes;
}

SKIP: {
    skip 'nginx has no HTTP/2', 2 if !have_module('http_v2');

    # libcurl closes a socket that is not connected yet before it says so
    subtest 'streams that end while a call connects' => sub {
        my $port = port('H2_PORT');
        my $head = h2_headers(':method', 'POST', ':scheme', 'http', ':path',
            '/_wix/login', ':authority', "localhost:$port",
            'content-type', 'application/json');
        my $fault = emu_fault('*', {type => 'hang'}, count => -1);

        for (1 .. 20) {
            my $sock = open_socket($port);
            syswrite $sock, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . h2_frame(4, 0, 0, '');

            for my $id (map { 2 * $_ + 1 } 0 .. 19) {
                syswrite $sock, h2_frame(1, 4, $id, $head)
                    . h2_frame(0, 1, $id, $credentials);
                sleep rand 0.0008;
                syswrite $sock, h2_frame(3, 0, $id, pack 'N', 8);
            }
            close $sock;
        }
        clear_fault($fault);

        is(get(browser(), '/open')->status, 200, 'the worker serves on');
        is(scalar(() = $nginx->error_log =~ / \[alert\] .*epoll_ctl/g), 0,
            'no event is left for a closed socket');
    };

    subtest 'noise on HTTP/2' => sub {
        my ($b) = sessions(1);
        my $pid = ($nginx->worker_pids)[0];
        my $port = port('H2_PORT');
        my @faults = map {
            emu_fault($_, {type => 'delay', seconds => 0.1}, count => -1)
        } qw(login redirect-session.auth redirect-session.logout);

        for (1 .. 120) {
            my $sock = open_socket($port);
            my $bytes = h2_noise($port, $b->cookie('wix_auth')->{value});
            my $cut = int rand length $bytes;

            syswrite $sock, substr $bytes, 0, $cut;
            sleep rand 0.01;
            syswrite $sock, substr $bytes, $cut;

            sysread $sock, my $in, 65536
                if IO::Select->new($sock)->can_read(rand 0.05);
            rand() < 0.5 ? leave($sock) : close $sock;
        }
        clear_fault(@faults);

        is(get(browser(), '/open')->status, 200, 'the worker serves on');
        is(($nginx->worker_pids)[0], $pid, 'it is the same');
    };
}


subtest 'a storm of refreshes whose clients leave' => sub {
    short_tokens(1);
    my @b = expired(8);
    my $before = refreshes();
    my $fault = refresh_fault({type => 'delay', seconds => 0.4}, count => -1);
    my (@conn, %seen);

    for my $i (0 .. 47) {
        my $c = conn();
        $c->send($b[$i % 8], GET => '/');
        push @conn, $c;
    }

    # some before the answers, some while they come in
    for my $i (grep { $_ % 3 == 0 } 0 .. 47) {
        leave($conn[$i]->sock);
    }
    wait_for { refreshes() - $before >= 8 } 5;
    for my $i (grep { $_ % 3 == 1 } 0 .. 47) {
        sleep 0.03;
        leave($conn[$i]->sock);
    }

    for my $i (grep { $_ % 3 == 2 } 0 .. 47) {
        my $res = $conn[$i]->read;
        $seen{$res ? $res->status : 'none'}++;
    }
    clear_fault($fault);

    is_deeply(\%seen, {200 => 16}, 'who stays is served');
    is(refreshes() - $before, 8, 'one refresh a session');
    short_tokens(3600);
};


subtest 'logins that hang keep no member out' => sub {
    short_tokens(1);
    my ($b) = expired(1);
    short_tokens(3600);

    # more than a worker has calls at one time
    my $fault = emu_fault('login', {type => 'hang'}, count => -1,
        match => {email => 'mallory@example.com'});
    my $body = '{"email":"mallory@example.com","password":"guess-guess-1"}';
    my @flood;

    for (1 .. 270) {
        my $sock = open_socket($p);
        syswrite $sock, "POST /_wix/login HTTP/1.1\r\nHost: localhost:$p\r\n"
            . "Content-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";
        push @flood, $sock;
    }

    my $held = sub { emulator()->control(GET => '/inflight')->{count} // 0 };

    # all the places that a worker has for calls like these
    ok(wait_for(sub { $held->() == 256 }, 8), 'every place is taken');

    like(verdict(get($b)), qr/^200 REFRESHED/, 'a refresh gets through');

    leave($_) for @flood;
    clear_fault($fault);
    ok(wait_for(sub { $held->() == 0 }, 10), 'calls of those who left end');
};


subtest 'reloads with another size, and workers that are killed' => sub {
    my $conf = $nginx->{conf};
    my @b = sessions(10);
    my %seen;

    for my $size ('1m', '512k', '1m') {
        my @conn = map {
            my $c = conn();
            $c->send($_, GET => '/');
            $c;
        } @b[0 .. 4];

        ok($nginx->reload(conf => $conf
            =~ s/zone=members:\w+/zone=members:$size/r), "zone of $size");
        $seen{verdict($_->read)}++ for @conn;
        push @b, sessions(3);
        $seen{verdict(get($_))}++ for @b;
    }
    is_deeply([keys %seen], ['200 HIT'], 'nobody is logged out');

    # its lease ends with the worker; until then others wait or go on stale
    short_tokens(1);
    my @e = expired(3);
    short_tokens(3600);
    my $fault = refresh_fault({type => 'hang'}, count => -1);
    my @conn = map { my $c = conn(); $c->send($_, GET => '/'); $c } @e;

    wait_for { (emulator()->control(GET => '/inflight')->{count} // 0) >= 3 } 5;
    $nginx->kill_worker;
    clear_fault($fault);
    undef @conn;

    %seen = ();
    $seen{verdict(get($_))}++ for @b;
    is_deeply([keys %seen], ['200 HIT'], 'sessions survive it');
    like(verdict($_), qr/^200 (?:STALE|WAITED|REFRESHED)/, 'not logged out')
        for (concurrent(map { [$_, GET => '/'] } @e));
};


subtest 'a full zone' => sub {
    ok($nginx->reload(conf => $nginx->{conf}
        =~ s/zone=members:\w+/zone=members:128k/r), 'the smallest zone');

    my @b = map { sessions(30) } 1 .. 3;
    my ($old, $new) = map { my $n = $_; scalar grep {
        verdict(get($_)) =~ /^200/ } $n ? @b[-10 .. -1] : @b[0 .. 9] } 0, 1;
    is($new, 10, 'the newest stay');
    is($old, 0, 'the oldest made room');

    short_tokens(1);
    my ($one) = expired(1);
    short_tokens(3600);
    my $fault = refresh_fault({type => 'hang'}, count => 1);
    my $c = conn();

    $c->send($one, GET => '/');
    wait_for { (emulator()->control(GET => '/inflight')->{count} // 0) >= 1 } 5;
    sessions(30) for 1 .. 3;
    emulator()->control(POST => '/release', {});

    is(verdict($c->read), '200 REFRESHED',
        'a session whose refresh is under way is not evicted');
};


done_testing();
