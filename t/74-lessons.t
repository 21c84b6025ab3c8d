#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What went wrong at other gates, first part: ways around the gate, redirects,
# sessions and cookies.  The rows are those of the table in docs/security.md,
# which also names the tests elsewhere that prove the others; what the
# sources themselves show is in t/54-lessons.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path ();
use List::Util qw(shuffle);
use MIME::Base64 qw(decode_base64url);
use Time::HiRes qw(sleep time);
use WixAuthTest;

use constant ANN => 'ann@example.com';
use constant PW  => 'secret-of-ann-1';

my %ann = (email => ANN, password => PW);

# TLS: what a browser sees of HOP, to which it speaks plain HTTP
my $emu = start_emulator(
    member => [ANN . ':' . PW],
    redirect_uri => [
        (map { 'http://localhost:' . port($_) . '/_wix/callback' }
            qw(PORT FRONT_PORT ROTATE_PORT)),
        'https://localhost:' . port('TLS_PORT') . '/_wix/callback',
    ],
);
my $up = start_upstream();

my @modes = qw(off optional audit required);

# ways from one location to another; "first" is what is decided before: the
# location that the request came to ("from"), or nothing
my %way = (
    rewrite    => {first => '',     lines => 'rewrite ^ /to/%s/x last;'},
    return     => {first => '',     lines =>
                   'error_page 418 = /to/%s/x; return 418;'},
    named      => {first => '',     lines =>
                   'error_page 418 = @to_%s; return 418;'},
    try_uri    => {first => 'from', lines => 'try_files /none /to/%s/x;'},
    try_named  => {first => 'from', lines => 'try_files /none @to_%s;'},
    index      => {first => 'from', lines =>
                   'root %%DIR%%/html/dir; index /to/%s/x;'},
    accel      => {first => 'from', lines => 'proxy_pass http://%%UPSTREAM%%/'
                   . 'accel?__header=X-Accel-Redirect:/to/%s/x;'},
    intercept  => {first => 'from', lines => 'proxy_intercept_errors on; '
                   . 'error_page 404 = /to/%s/x; '
                   . 'proxy_pass http://%%UPSTREAM%%/gone?__status=404;'},
);

my ($from, $to) = ('', '');

for my $mode (@modes) {
    my $pass = "proxy_set_header X-To $mode; "
        . 'proxy_set_header X-Member $wix_auth_member_id; '
        . 'proxy_pass http://%%UPSTREAM%%;';

    $to .= "    location /to/$mode/ { wix_auth $mode; $pass }\n"
        . "    location \@to_$mode { wix_auth $mode; $pass }\n";

    for my $way (sort keys %way) {
        for my $next (@modes) {
            my $lines = sprintf $way{$way}{lines} =~ s/%%/%%%%/gr, $next;

            $from .= "    location /from/$way/$mode/$next/ "
                . "{ wix_auth $mode; $lines }\n";
        }
    }
}

# every variable that there is
my @variables = slurp(top_dir()
    . '/ngx_http_wix_auth_module/ngx_http_wix_auth_variables.c')
    =~ /ngx_string\("(wix_auth_\w+)"\)/g;
my $told = join "\n", map { "    add_header V-$_ \$$_ always;" } @variables;

my $conf = <<"END";
wix_auth_zone zone=members:2m;
wix_auth_api %%API%%;
wix_auth_refresh_use_stale off;
$told

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_cookie nosecure;
    wix_auth required;
    wix_auth_profile on;
    wix_auth_bearer on;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /public/ { wix_auth off; proxy_pass http://%%UPSTREAM%%; }
    location /optional/ { wix_auth optional; proxy_pass http://%%UPSTREAM%%; }
    location /none/ {
        wix_auth_require \$arg_nothing;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /cache/ {
        wix_auth_bearer on cache=5m;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /ssi/ { ssi on; alias %%DIR%%/html/; }
    location /ssi-open/ { wix_auth off; ssi on; alias %%DIR%%/html/; }
$to
$from
}

# what stands in front says what it likes about the host
server {
    listen 127.0.0.1:%%FRONT_PORT%%;
    server_name localhost;
    access_log off;

    location / {
        proxy_pass http://127.0.0.1:%%HOST_PORT%%;
        proxy_set_header Host \$http_x_say;
    }
}
server {
    listen 127.0.0.1:%%HOST_PORT%%;
    server_name _;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_cookie nosecure;
    wix_auth_base_url http://localhost:%%FRONT_PORT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}

# TLS ends here, and the rest of the way is plain
server {
    listen 127.0.0.1:%%TLS_PORT%% ssl;
    server_name localhost;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    access_log off;
    location / {
        proxy_pass http://127.0.0.1:%%HOP_PORT%%;
        proxy_set_header Host \$http_host;
    }
}
server {
    listen 127.0.0.1:%%HOP_PORT%%;
    server_name _;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_base_url https://localhost:%%TLS_PORT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}

# the same, but nobody has said so
server {
    listen 127.0.0.1:%%MUTE_PORT%%;
    server_name shop.example.com;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_cookie mute;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END

my $nginx = start_nginx(conf => $conf, workers => 2);

for my $from (@modes) {
    File::Path::make_path(
        map { $nginx->dir . "/html/dir/from/index/$from/$_" } @modes);
}
spew($nginx->dir . '/html/page.html', join '', 'A',
     (map { qq(<!--#include virtual="/to/$_/x" -->) } @modes), 'Z');

my @nav = ('Sec-Fetch-Mode' => 'navigate', Accept => 'text/html');
my $stranger = browser(bare => 1);

my $member = browser();
is(login($member, %ann)->status, 200, 'a member logs in');
my $cookie = $member->cookie('wix_auth')->{value};
my $mine = {Cookie => "wix_auth=$cookie"};

my $ended = browser();
login($ended, %ann);
my $dead = {Cookie => 'wix_auth=' . $ended->cookie('wix_auth')->{value}};
$ended->post('/_wix/logout', form => {});


subtest 'row 1: one request knows nothing of another' => sub {
    cmp_ok(scalar @variables, '>=', 15, 'there are variables');

    # what an answer to nobody tells of anybody
    my $personal = sub {
        my ($res) = @_;
        return join ' ', map { "$_=" . $res->header("V-$_") }
            grep { !/_(?:status|reason|time)$/
                   && length($res->header("V-$_") // '') } @variables;
    };

    like($personal->($stranger->get('/x', headers => $mine)),
         qr/member_id=[0-9a-f-]{36}.*session_id=/, 'a member has them');

    # behind a member on his connection, and on others, many times: the
    # configuration of the location has nothing left of him
    my $ask = sub {
        my ($path, $cookie) = @_;
        return join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
            ($cookie ? "Cookie: $cookie" : ()), '', '';
    };

    for my $round (1 .. 5) {
        my @path = ('/x', '/optional/x', '/to/audit/x', '/public/x');
        my $raw = raw(port('PORT'), join('', map {
            $ask->($_, $mine->{Cookie}), $ask->($_)
        } @path) . "GET /x HTTP/1.1\r\nHost: localhost\r\n"
            . "Connection: close\r\n\r\n");
        my @res = map { WixAuthTest::Response->parse($_, 'GET') }
            split m{(?=HTTP/1\.1 \d{3} [A-Z])}, $raw;

        is(join(' ', map { $_->status } @res),
           '200 401 200 200 200 200 200 200 401', 'a pipeline');
        is(join('', map { $personal->($res[2 * $_ + 1]) } 0 .. $#path), '',
           'nothing about anybody on the same connection');
        is(join('', map { $personal->($stranger->get($_)) } @path), '',
           'nor on others');
    }
};


subtest 'row 5: what nginx takes for a path decides, not what it looks like'
    => sub
{
    # ways to write a path, none of which may make a gated one public
    my @disguise = (
        '%s?x=/public/', '%s?/public/', '%s#/public/', '%s%%23/public/',
        '%s%%3f/public/', '%s;/public/', '%s/..;/public/', '%s%%00/public/',
        '%s%%2f..%%2fpublic%%2f', '/public/../%s', '/public/..%%2f%s',
        '/public/%%2e%%2e/%s', '/public/%%2e%%2e%%2f%s', '/public%%2f../%s',
        '/public/./../%s', '/public/x/../../%s', '/public//..//%s',
        '/PUBLIC/%s', '/public%s', '//public/../%s', '/%%70ublic/../%s',
        '/public\\..\\%s', '/public/..\\%s', '/public/.%%2e/%s',
        '/public/%%252e%%252e/%s', '/x/public/%s', '/publi%%63/..%%2F%s',
    );
    my (@open, %got);

    $up->clear;

    for my $disguise (@disguise) {
        for my $path ('secret', 'secret/file', '') {
            my $uri = sprintf($disguise, $path) =~ s{^(?!/)}{/}r;

            my $res = raw_response(port('PORT'), "GET $uri HTTP/1.1\r\n"
                . "Host: localhost\r\nConnection: close\r\n\r\n");
            $got{$res->status}++;
            next if $res->status !~ /^2/;

            # it went through: then nginx itself took it for a public one
            my $seen = ($res->json // {})->{uri} // '';
            push @open, $uri if resolved($seen) !~ m{^/public/};
        }
    }

    is_deeply(\@open, [], 'no gated path is served');
    cmp_ok($got{401} // 0, '>=', 30, 'most are refused') or diag explain \%got;
    is_deeply([grep { resolved($_->{uri}) !~ m{^/public/} } $up->requests],
              [], 'nor has the site seen one');
};

# the path as a strict reader takes it: decoded once, without dot segments
sub resolved {
    my ($uri) = @_;

    my $path = $uri =~ s/[?#].*//sr;
    $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    $path =~ s{/+}{/}g;

    my @out;
    for my $part (split m{/}, $path, -1) {
        if ($part eq '..') { pop @out if @out > 1 }
        elsif ($part ne '.') { push @out, $part }
    }
    return join '/', @out;
}


subtest 'row 9: a decision is made anew wherever a request is led' => sub {
    my %who = (stranger => {}, member => $mine, ended => $dead);
    my (@wrong, %n);

    my $lets = sub {
        my ($mode, $who) = @_;
        return $mode ne 'required' || $who eq 'member';
    };

    for my $way (sort keys %way) {
        for my $from (@modes) {
            for my $to (@modes) {
                for my $who (sort keys %who) {
                    my $res = $stranger->get("/from/$way/$from/$to/",
                                             headers => $who{$who});
                    my $in = $lets->($to, $who)
                        && (!$way{$way}{first} || $lets->($from, $who));

                    my $seen = $res->json // {};
                    my $there = ($seen->{headers}{'x-to'} // [''])->[0];
                    my $as = ($seen->{headers}{'x-member'} // [''])->[0];
                    my $bad = '';

                    if ($in) {
                        $bad = 'did not arrive' if $there ne $to;
                        $bad = 'has a member' if $who ne 'member'
                            && length $as;
                        $bad = 'has no member' if $who eq 'member'
                            && $to =~ /required|optional/ && !length $as;
                    } else {
                        $bad = 'is not refused' if $res->status != 401;
                        $bad = 'got something' if $res->{raw} =~ /body_md5/;
                    }

                    $n{$in ? 'in' : 'out'}++;
                    push @wrong, "$who, $way from $from to $to: "
                        . $res->status . " $bad" if $bad;
                }
            }
        }
    }

    is_deeply(\@wrong, [], 'every way, from every gate to every gate');
    is_deeply(\%n, {in => 290, out => 94}, 'all of them were gone');

    # a page decides for what it includes
    for my $who (sort keys %who) {
        my $open = $stranger->get('/ssi-open/page.html',
                                  headers => $who{$who});
        my @parts = $open->body =~ /"body_md5"/g;
        is(scalar @parts, scalar @modes, "$who: an open page includes all");

        my $gated = $stranger->get('/ssi/page.html', headers => $who{$who});
        @parts = $gated->body =~ /"body_md5"/g;
        is(scalar @parts, $who eq 'member' ? scalar @modes : 0,
           "$who: a gated one what it may");
    }
};


subtest 'row 10: an answer of ours is the whole answer' => sub {
    my $p = port('PORT');
    my @paths = (qw(/x /none/x /to/required/x), map { "/_wix/$_" }
        qw(login register verify recover callback logout session nothing),
        'callback?code=a&state=b', 'callback?error=access_denied',
        'session?require=1', 'login?wix=1');
    my @kinds = (
        ['GET', @nav], ['GET', 'Sec-Fetch-Mode' => 'cors'], ['HEAD', @nav],
        ['POST', @nav, 'Content-Type' => 'application/x-www-form-urlencoded'],
        ['POST', 'Content-Type' => 'application/json'],
        ['POST', 'Content-Type' => 'text/plain'], ['PUT', @nav],
        ['OPTIONS', Origin => 'https://x.example',
         'Access-Control-Request-Method' => 'GET'],
        ['GET', Upgrade => 'websocket', Connection => 'Upgrade'],
        ['GET', Authorization => 'Bearer x'],
    );
    my (@bad, %seen);

    $up->clear;

    for my $path (@paths) {
        for my $kind (@kinds) {
            my ($method, @headers) = @$kind;
            my $head = '';
            my $body = $method eq 'POST' ? '{}' : '';

            for (my $i = 0; $i < @headers; $i += 2) {
                $head .= "$headers[$i]: $headers[$i + 1]\r\n";
            }
            $head .= "Content-Length: 2\r\n" if $method eq 'POST';

            my $raw = raw($p, "$method $path HTTP/1.1\r\nHost: localhost:$p"
                . "\r\n$head\r\n$body"
                . "GET /public/next HTTP/1.1\r\nHost: localhost\r\n"
                . "Connection: close\r\n\r\n");

            # one answer, whole, and then that of the site to the next request
            my ($first, $rest) = cut($raw, $method);
            my @next = $rest =~ m{^HTTP/1\.1 (\d+)}mg;
            my ($status) = $first =~ m{\AHTTP/1\.1 (\d+)};
            $seen{$status // 'none'}++;

            push @bad, "$method $path: something of the site"
                if $first =~ /body_md5|public/;
            push @bad, "$method $path: @next"
                if "@next" ne '200' || $rest !~ /\A\S+ 200 .*body_md5/s;
            push @bad, "$method $path: " . ($status // 'no answer')
                if ($status // 0) =~ /^(?:0|5.*)$/;
        }
    }

    is_deeply(\@bad, [], 'one answer to each request');
    cmp_ok(scalar keys %seen, '>=', 6, 'of many kinds') or diag explain \%seen;
    is_deeply([grep { $_->{uri} ne '/public/next' } $up->requests], [],
              'the site was never asked');
};

# the first answer and the rest
sub cut {
    my ($raw, $method) = @_;

    my ($head) = $raw =~ /\A(.*?\r\n\r\n)/s or return ($raw, '');
    my $at = length $head;

    if ($method ne 'HEAD' && $head !~ m{\AHTTP/1\.1 (?:204|304)}) {
        if ($head =~ /^Content-Length: *(\d+)\r$/mi) {
            $at += $1;
        } elsif ($head =~ /^Transfer-Encoding: chunked\r$/mi) {
            my $end = index $raw, "\r\n0\r\n\r\n", $at - 2;
            $at = $end + 7 if $end >= 0;
        }
    }
    return (substr($raw, 0, $at), substr $raw, $at);
}


subtest 'row 11: an address has one "@"' => sub {
    my @bad = ('ann@evil.example@example.com', 'ann@@example.com',
               '@example.com', 'ann@', '@', 'ann', 'ann@a@b@example.com',
               'ann@evil.example%40example.com@');

    # what a person types
    my $calls = emu_count('login');

    for my $address (@bad) {
        my $res = browser()->post('/_wix/login',
            json => {email => $address, password => PW});
        is($res->status . ' ' . ($res->json->{error} // ''),
           '400 invalid_request', "typed: $address");
    }
    is(emu_count('login'), $calls, 'Wix has heard of none of them');

    # What Wix says: the login is one, but a rule about addresses, as in
    # "map $wix_auth_email", finds none that ends in two ways.
    my %from = (
        'login' => ['identity.email.address', 'FRONT_PORT'],
        'members-my' => ['member.loginEmail', 'PORT'],
    );

    for my $op (sort keys %from) {
        my ($field, $port) = @{$from{$op}};
        my $base = 'http://localhost:' . port($port);

        for my $address (@bad, 'other@example.com') {
            my $id = emu_fault($op, {type => 'patch',
                set => {$field => $address}}, count => -1);
            my $b = browser(base => $base, headers => {
                'X-Say' => 'localhost'});
            my $res = login($b, %ann);
            $emu->clear_faults($id);

            my $good = $address =~ /^other/;
            is($res->status, 200, "$op: a login with $address");
            is($b->get('/x')->header('V-wix_auth_email') // '',
               $good ? $address : ANN, "$op: $address is "
               . ($good ? '' : 'not ') . 'the address');
        }
    }
};


subtest 'row 12: a verdict about a token ends with the token' => sub {
    my $other = '11111111-2222-4333-8444-555555555555';
    my $make = sub {
        my ($ttl, $client) = @_;

        $emu->configure(accessTtl => $ttl);
        my $mint = $emu->mint(email => ANN);
        $emu->configure(accessTtl => 14400);
        return $mint->{access_token};
    };
    my $ask = sub {
        return $stranger->get($_[1] // '/cache/x', headers => {
            Authorization => "Bearer $_[0]"});
    };

    my $token = $make->(3);
    my $end = time + 3;

    is($ask->($token)->status, 200, 'accepted, and cached for five minutes');
    my $calls = emu_count('token-info');

    my ($in, $out) = (0, 0);
    while (time < $end - 1) {
        $in++ if $ask->($token)->status == 200;
        sleep 0.1;
    }
    cmp_ok($in, '>', 0, 'good while it lives');
    is(emu_count('token-info'), $calls, 'by the cached verdict');

    my $res = wait_for {
        my $r = $ask->($token);
        return $r->status == 401 ? $r : undef;
    } 5, 'the token to end';
    cmp_ok(time, '<', $end + slow(1), 'it ends in time') if $res;
    is(($res && $res->json // {})->{reason}, 'invalid_token',
       'and is refused from then on');

    # a verdict of Wix about another client's token opens nothing
    $token = $make->(3600);
    emu_fault('token-info', {type => 'patch', set => {clientId => $other}});
    is($ask->($token)->status, 401, 'a token of another client');
    is($ask->($token)->status, 401, 'and again');
};


subtest 'row 20: after a logout no browser has anything left' => sub {
    my %base = (
        plain => 'http://localhost:' . port('PORT'),
        tls   => 'https://localhost:' . port('TLS_PORT'),
    );

    for my $kind (sort keys %base) {
        my $b = browser(base => $base{$kind});
        is(login($b, %ann)->status, 200, "$kind: logged in");
        is($b->get('/x')->status, 200, "$kind: a session");
        $b->post('/_wix/logout', form => {});

        # what is left names an attempt to log in, and ends with it
        my @left = grep { $_->{name} =~ /wix_auth/ } $b->cookies;
        is_deeply([map { $_->{name} }
                   grep { $_->{name} !~ /_(?:b|r)$/ || $_->{max_age} > 900 }
                   @left], [], "$kind: no session cookie");
        is($b->get('/x')->status, 302, "$kind: logged out");

        # and none of it is a session, under any name
        for my $c (@left) {
            my $res = $stranger->get("$base{$kind}/x", headers => {
                Cookie => join '; ', map { "$_=$c->{value}" }
                    qw(wix_auth __Host-wix_auth)});
            is($res->status, 401, "$kind: $c->{name} opens nothing");
        }
    }
};


subtest 'row 25: hundreds of refused calls add no byte to the cookies' => sub {
    my $b = $ended->clone;
    $b->set_cookie(host => 'localhost', name => 'wix_auth',
                   value => $dead->{Cookie} =~ s/^wix_auth=//r);

    my $size = sub {
        return length $b->cookie_header('http', 'localhost', '/_wix/login');
    };
    my $before = $size->();
    my %seen;

    for (1 .. 10) {
        my @res = concurrent(50, $b, GET => '/x', headers => {
            'Sec-Fetch-Mode' => 'cors', Accept => 'application/json'});
        $seen{$_->status}++ for @res;
        $seen{cookie}++ for map { $_->headers('Set-Cookie') } @res;
    }

    is_deeply(\%seen, {401 => 500}, '500 calls of a dead session');
    is($size->(), $before, 'the Cookie header is as long as before');

    $seen{$_->status}++
        for map { $b->get('/x', headers => {@nav}) } 1 .. 50;
    is($seen{302}, 50, '50 pages');
    is($size->(), $before, 'add nothing either');

    # attempts do, within bounds: one cookie, the newest in it
    for my $n (1 .. 12) {
        my $page = $b->get('/_wix/login?return=' . url_escape(
            '/' . 'x' x 900 . $n));
        $b->submit($page, {%ann}) if $n > 4;
    }
    cmp_ok($size->(), '<', 54 + 22 + 3584 + 100, 'at most 4 KB');
    is(scalar(my @c = grep { $_->{name} =~ /wix_auth/ } $b->cookies), 3,
       'in three cookies');
    is(login($b, %ann)->status, 200, 'and one can log in');
};


subtest 'row 27: cookies of another time do not go round' => sub {
    my $keys = temp_dir();
    spew("$keys/$_.key", join '', map { chr int rand 256 } 1 .. 48)
        for qw(one two);
    chmod 0600, "$keys/one.key", "$keys/two.key";

    my $server = sub {
        my ($cookie, @keys) = @_;
        return join "\n", 'wix_auth_zone zone=members:1m;',
            'wix_auth_api %%API%%;', 'wix_auth_client_id %%CLIENT%%;',
            (map { "wix_auth_session_key $keys/$_.key;" } @keys),
            "wix_auth_cookie $cookie;", 'server {',
            'listen 127.0.0.1:%%ROTATE_PORT%%;', 'server_name localhost;',
            'wix_auth required;',
            'location ^~ /_wix/ { wix_auth_endpoints; }',
            'location / { proxy_pass http://%%UPSTREAM%%; }', '}';
    };

    my $gate = start_nginx(conf => $server->('nosecure', 'one'));
    my $base = 'http://localhost:' . port('ROTATE_PORT');
    my $change = sub {
        ok($gate->reload(conf => WixAuthTest::expand($gate,
                                                     $server->(@_))),
           "a reload: @_");
    };

    # to the login once, then in: how many answers were redirects to it
    my $through = sub {
        my ($b, $what) = @_;

        my $res = $b->follow($b->get('/x', headers => {@nav}));
        my @chain = $res->chain;
        my @login = grep { ($_->location // '') =~ m{^/_wix/login} } @chain;

        is(scalar @login, 1, "$what: one redirect to the login");
        is($res->status, 200, "$what: which is a page");

        $res = $b->follow($b->submit($res, {%ann}));
        is($res->status, 200, "$what: and then in");
        is(scalar(grep { ($_->location // '') =~ m{^/_wix/login} }
                  $res->chain), 0, "$what: without a second one");
        is($b->get('/x', headers => {@nav})->status, 200, "$what: to stay");
        return;
    };

    my $b = browser(base => $base);
    login($b, %ann);
    my $begun = browser(base => $base);
    my $page = $begun->get('/_wix/login?return=%2Fx');
    my $sent = $begun->submit($page, {%ann});

    # a new key in front of the old one costs nobody anything
    $change->('nosecure', 'two', 'one');
    is($b->get('/x', headers => {@nav})->status, 200, 'the session goes on');
    is($begun->follow($sent)->status, 200, 'and so does an attempt');

    # the old one goes, with nginx: cookies that nothing can read any more
    $gate->stop;
    $gate->write_conf(WixAuthTest::expand($gate,
                                          $server->('nosecure', 'two')));
    $gate->start;
    $through->($b, 'a lost key');

    # what is left of other settings, beside and in the place of ours
    for my $case (
        ['garbage', map { [$_, 'not-of-this-world'] }
            qw(wix_auth wix_auth_b wix_auth_r wix_auth_t)],
        ['empty', map { [$_, ''] } qw(wix_auth wix_auth_b wix_auth_r)],
        ['of the right form', ['wix_auth', 'A' x 54],
            ['wix_auth_b', 'B' x 22], ['wix_auth_r', 'C' x 3000]],
        ['restarted before', ['wix_auth_b', '!' . 'B' x 22]],
    ) {
        my ($what, @cookies) = @$case;
        my $c = browser(base => $base);

        $c->set_cookie(host => 'localhost', name => $_->[0],
                       value => $_->[1], path =>
                       $_->[0] =~ /_[rt]$/ ? '/_wix/' : '/') for @cookies;
        $through->($c, "leftovers, $what");

        # the same again where the browser sends the old ones as well
        $c = browser(base => $base, headers => {Cookie => undef});
        my @old = map { "$_->[0]=$_->[1]" } @cookies;
        my $res = $c->get('/x', headers => {@nav,
            Cookie => join '; ', @old});
        is($res->status, 302, "leftovers, $what: never an error");
        is($res->header('Set-Cookie'), undef, 'and not touched');
    }

    # another scope: the new cookie comes beside the old one
    $b = browser(base => $base);
    login($b, %ann);
    $change->('domain=localhost nosecure', 'two');
    is($b->get('/x', headers => {@nav})->status, 200, 'the old one is read');
    $b->post('/_wix/logout', form => {});
    $through->($b, 'another domain');

    $change->('sid nosecure', 'two');
    $through->($b, 'another name');

    $gate->stop;
};


subtest 'row 28: the cookie does not ask what a proxy says of the host' => sub {
    my $base = 'http://localhost:' . port('FRONT_PORT');

    for my $host ('localhost', 'internal', 'internal:8080', 'INTERNAL',
                  '10.0.0.1', 'app.evil.example', 'localhost:' . port('PORT'),
                  'a.b.c.')
    {
        my $b = browser(base => $base, headers => {'X-Say' => $host});
        my $res = login($b, %ann, return => '/x');

        is($res->status, 200, "$host: logged in");

        my @lines = map { $_->headers('Set-Cookie') } $res->chain;
        is_deeply([grep { /Domain=/i } @lines], [], "$host: no domain");

        my @again = map { $b->get('/x') } 1 .. 3;
        is(join(' ', map { $_->status } @again), '200 200 200',
           "$host: one session");
        is(scalar(grep { $_->header('Set-Cookie') } @again), 0,
           "$host: which is not set again");
    }
};


subtest 'row 29: Secure, whatever the last hop is' => sub {
    my $b = browser(base => 'https://localhost:' . port('TLS_PORT'));
    my @answers = ($b->get('/_wix/login'), login($b, %ann)->chain);
    push @answers, $b->post('/_wix/logout', form => {});

    my @lines = grep { /wix_auth/ } map { $_->headers('Set-Cookie') } @answers;
    cmp_ok(scalar @lines, '>=', 4, 'cookies are set and cleared');
    is_deeply([grep { !/; Secure/ } @lines], [], 'each is Secure');
    is_deeply([grep { !/^__(?:Host|Secure)-/ } @lines], [],
              'by its name, too');

    # nothing that such a hop says changes it
    for my $headers ({}, {'X-Forwarded-Proto' => 'http'},
                     {'X-Forwarded-Ssl' => 'off', Forwarded => 'proto=http'})
    {
        my $res = browser(bare => 1)->get('http://localhost:'
            . port('HOP_PORT') . '/_wix/login', headers => $headers);
        like($res->set_cookie(qr/_b=/) // '', qr/; Secure/,
             join ',', %$headers);
    }

    # without the public address a Secure cookie would be lost: no login
    my $res = browser(bare => 1)->post('http://localhost:'
        . port('MUTE_PORT') . '/_wix/login', json => {%ann}, headers => {
            Host => 'shop.example.com', 'X-Forwarded-Proto' => 'https'});
    is($res->status . ' ' . (($res->json // {})->{error} // ''),
       '500 insecure_transport', 'plain, and no word of TLS');
    is($res->header('Set-Cookie'), undef, 'sets nothing');
};


subtest 'row 39: no token is in a cookie' => sub {
    # cookies are alike, whatever is behind them
    my @size;

    for my $pad (0, 3000) {
        $emu->configure(accessTokenPad => $pad);
        my $b = browser();
        is(login($b, %ann)->status, 200, 'logged in');
        push @size, length $b->cookie('wix_auth')->{value};

        my @secret = map { $_->{value} } grep { $_->{kind} =~ /token/ }
            emu_secrets();
        my @found;

        for my $c ($b->cookies) {
            my $plain = decode_base64url($c->{value});
            push @found, $c->{name} if grep {
                my $piece = substr $_, 0, 24;
                index($c->{value}, $piece) >= 0 || index($plain, $piece) >= 0
            } @secret;
        }
        cmp_ok(scalar @secret, '>', 3, 'there are tokens');
        is_deeply(\@found, [], 'in no cookie');
    }
    $emu->configure(accessTokenPad => 0);
    is("@size", '54 54', '54 characters, always');
};


subtest 'row 45: a flood of cookies costs Wix nothing' => sub {
    my $before = emu_count('*');
    my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    my %seen;

    for my $round (1 .. 10) {
        my @res = concurrent(map {
            my $value = join '', map { $alphabet[rand 64] } 1 .. 54;
            [$stranger, GET => $_ % 2 ? '/x' : '/optional/x',
             headers => {Cookie => "wix_auth=$value", @nav}]
        } 1 .. 50);
        $seen{$_->status}++ for @res;
    }

    is_deeply(\%seen, {200 => 250, 302 => 250}, '500 cookies of the right '
        . 'form');
    is(emu_count('*'), $before, 'Wix was not asked');
};


subtest 'row 48: a callback with any part missing' => sub {
    my %part = (
        code  => ['', 'code=', 'code=a', 'code=a&code=b', 'code'],
        state => ['', 'state=', 'state=a', 'state=' . 'A' x 51,
                  'state=a&state=b', 'state'],
        error => ['', 'error=', 'error=access_denied', 'error=a&error=b'],
        more  => ['', '&', '&&=', 'error_description=x', '%', 'a=%zz'],
    );
    my (@bad, %seen);
    my $before = emu_count('token.authorization_code');
    my $b = browser();
    $b->get('/_wix/login');

    for my $code (@{$part{code}}) {
        for my $state (@{$part{state}}) {
            for my $error (@{$part{error}}) {
                for my $more (@{$part{more}}) {
                    my $query = join '&', shuffle grep { length }
                        $code, $state, $error, $more;
                    my $res = $b->get("/_wix/callback?$query");

                    $seen{$res->status}++;
                    push @bad, "$query: " . $res->status
                        if $res->status !~ /^(?:303|400)$/;
                }
            }
        }
    }

    is_deeply(\@bad, [], 'an error or another try') or diag explain \%seen;
    is(emu_count('token.authorization_code'), $before, 'Wix saw no code');
    ok(!$b->cookie('wix_auth'), 'nobody was logged in');

    # and with more than there is room for
    my $long = 'x' x 64_000;
    for my $name (qw(code state error)) {
        my $res = $b->get("/_wix/callback?$name=$long");
        is($res->status, 414, "$name of 64 KB in the URL");

        for my $type (qw(form json)) {
            $res = $b->post('/_wix/callback', $type => {
                code => 'a', state => 'b', $name => $long});
            is($res->status, 413, "$name of 64 KB, $type");
        }
    }
    is($stranger->get('/_wix/login')->status, 200, 'it serves on');
};

done_testing();
