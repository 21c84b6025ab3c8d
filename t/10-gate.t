#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The gate's decision: who passes, who is sent to the login page and who gets
# a 401, what these answers look like, and which cookies are a session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

use constant LOGIN => {email => 'ann@example.com', password => 'secret-1'};

my @names = qw(PORT LIFE_PORT IDLE_PORT FOREIGN_PORT);

start_emulator(
    member => ['ann@example.com:secret-1'],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     @names],
);
start_upstream();

spew(temp_dir() . "/$_.key", join '', map { chr int rand 256 } 1 .. 48)
    for 'own', 'foreign';
chmod 0600, glob temp_dir() . '/*.key';

my $common = <<'END';
    wix_auth_api %%API%%;
    wix_auth_cookie nosecure;
    proxy_set_header X-Wix-Auth-Member-Id $wix_auth_member_id;
    add_header X-Status $wix_auth_status always;
    add_header X-Reason $wix_auth_reason always;
END

my $other = '11111111-2222-4333-8444-555555555555';

my $nginx = start_nginx(vars => {KEYS => temp_dir(), OTHER => $other},
                        conf => $common . <<'END');
wix_auth_zone zone=members:1m;
wix_auth_session_key %%KEYS%%/own.key;
wix_auth_client_id %%CLIENT%%;
msie_refresh on;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / { proxy_pass http://%%UPSTREAM%%; }

    location /302/ {
        wix_auth_unauthorized 302;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /401/ {
        wix_auth_unauthorized 401;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /optional/ {
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /audit/ {
        wix_auth audit;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /off/ {
        wix_auth off;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /file/ { alias %%DIR%%/html/; }
}

server {
    listen 127.0.0.1:%%LIFE_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_session_lifetime 1s;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /optional/ {
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
}

server {
    listen 127.0.0.1:%%IDLE_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_session_idle 1s;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}

server {
    listen 127.0.0.1:%%OTHER_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_client_id %%OTHER%%;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /optional/ {
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
}
END

# the same cookie name under another key
start_nginx(vars => {KEYS => temp_dir()}, conf => $common . <<'END');
wix_auth_zone zone=members:1m;
wix_auth_session_key %%KEYS%%/foreign.key;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%FOREIGN_PORT%%;
    server_name localhost;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

spew($nginx->dir . '/html/secret.txt', "CANARY-file\n");

my $stranger = browser(bare => 1);

sub status { return join ' ', map { $_ // '' } $_[0]->header('X-Status'),
                                               $_[0]->header('X-Reason') }

# Nothing of what is behind the gate may be in a denial, and no cache may
# keep one.
sub denied {
    my ($res, $what) = @_;

    my @bad;

    push @bad, 'the canary is in it' if $res->{raw} =~ /body_md5|CANARY/;
    push @bad, 'it sets a cookie' if defined $res->header('Set-Cookie');

    my @cache = $res->headers('Cache-Control');
    push @bad, "Cache-Control: @cache" if "@cache" ne 'no-store';

    for my $name ('Content-Type', 'Location', 'WWW-Authenticate') {
        my @values = $res->headers($name);
        push @bad, "$name: @values" if @values > 1;
    }

    push @bad, 'a page of nginx' if $res->body =~ /<center>nginx/;
    push @bad, 'incomplete' if !$res->{complete} && $res->{method} ne 'HEAD';

    return is(join('; ', @bad), '', "$what: nothing leaks, not cacheable");
}

# what kind of an answer is this?
sub kind {
    my ($res) = @_;

    my $type = $res->header('Content-Type') // '';
    my $location = $res->location;
    my $challenge = $res->header('WWW-Authenticate') // '';

    return $res->status . ' with a Location' if $res->status != 302
        && defined $location;

    if ($res->status == 302) {
        return '302 with a challenge' if length $challenge;
        return $location =~ m{\A/_wix/login\?return=} ? 'login'
            : "302 to $location";
    }

    return $res->status if $res->status != 401;
    return '401 without our challenge' if $challenge ne 'Bearer realm="wix"';
    return 'json' if $type eq 'application/json';
    return 'html' if $type =~ m{^text/html\b};
    return "401 $type";
}


upstream()->clear;

# Who is a navigation, in the order of the rules: each rule, and that it beats the next.

my @html = (Accept => 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8');
my @nav = ('Sec-Fetch-Mode' => 'navigate', @html);
my @preflight = (Origin => 'https://app.example.com',
                 'Access-Control-Request-Method' => 'PUT');
my @ws = (Upgrade => 'websocket', Connection => 'Upgrade');

# name, method, headers, answer under auto, answer under 302
my @requests = (
    ['no header at all', GET => [], 'json', 'login'],
    ['Accept: text/html', GET => [Accept => 'text/html'], 'login', 'login'],
    ['Accept with text/html in it', GET =>
        [Accept => 'application/json, text/html;q=0.1'], 'login', 'login'],
    ['Accept in capitals', GET => [ACCEPT => 'TEXT/HTML'], 'login', 'login'],
    ['Accept: */*', GET => [Accept => '*/*'], 'json', 'login'],
    ['Accept: application/json', GET => [Accept => 'application/json'],
        'json', 'login'],
    ['Accept: text/htm', GET => [Accept => 'text/htm'], 'json', 'login'],
    ['Accept: application/xhtml+xml', GET =>
        [Accept => 'application/xhtml+xml'], 'json', 'login'],

    ['X-Requested-With before Accept', GET =>
        ['X-Requested-With' => 'XMLHttpRequest', @html], 'json', 'login'],
    ['X-Requested-With, any value', GET =>
        ['x-requested-with' => 'fetch', @html], 'json', 'login'],

    ['navigate', GET => ['Sec-Fetch-Mode' => 'navigate'], 'login', 'login'],
    ['navigate before X-Requested-With', GET =>
        ['X-Requested-With' => 'XMLHttpRequest', @nav], 'login', 'login'],
    ['navigate before Accept', GET =>
        ['Sec-Fetch-Mode' => 'navigate', Accept => 'application/json'],
        'login', 'login'],
    (map { ["$_ before Accept", GET => ['Sec-Fetch-Mode' => $_, @html],
            'json', 'login'] }
        qw(cors no-cors same-origin websocket navigated navigat)),
    ['an empty Sec-Fetch-Mode is there', GET =>
        ['Sec-Fetch-Mode' => '', @html], 'json', 'login'],

    ['Authorization before navigate', GET =>
        [Authorization => 'Basic YW5uOng=', @nav], 'json', 'login'],
    ['Authorization: Bearer', GET => [Authorization => 'Bearer x', @nav],
        'json', 'login'],
    ['an empty Authorization', GET => [Authorization => '', @nav],
        'json', 'login'],
    ['Sec-Purpose before navigate', GET =>
        ['Sec-Purpose' => 'prefetch;prerender', @nav], 'json', 'login'],

    ['Upgrade before navigate', GET => [@ws, @nav], 'json', 'json'],
    ['Upgrade before all', GET => [@ws, Accept => 'text/html'],
        'json', 'json'],
    ['HEAD with Upgrade', HEAD => [@ws, @nav], 'json', 'json'],
    ['preflight before navigate', OPTIONS => [@preflight, @nav],
        'json', 'json'],
    ['OPTIONS with Origin alone is no preflight', OPTIONS =>
        [@preflight[0, 1], @nav], 'html', 'html'],
    ['OPTIONS without Origin is no preflight', OPTIONS =>
        [@preflight[2, 3], @nav], 'html', 'html'],
    ['GET with the headers of a preflight', GET => [@preflight, @nav],
        'login', 'login'],

    ['HEAD, a navigation', HEAD => [@nav], 'login', 'login'],
    ['HEAD, none', HEAD => [Accept => '*/*'], 'json', 'login'],
    (map { ["$_, a navigation", $_ => [@nav], 'html', 'html'],
           ["$_, none", $_ => [Accept => '*/*'], 'json', 'json'] }
        qw(POST PUT DELETE PATCH PROPFIND OPTIONS)),
    ['POST by Accept', POST => [@html], 'html', 'html'],
    ['POST with Authorization', POST => [Authorization => 'x', @html],
        'json', 'json'],
);

subtest 'who is a navigation' => sub {
    for my $case (@requests) {
        my ($name, $method, $headers, $auto, $always) = @$case;
        my %want = ('/auto/page?x=1' => $auto, '/302/page?x=1' => $always);

        for my $url (sort keys %want) {
            my $res = $stranger->request($method, $url,
                                         headers => {@$headers});

            is(kind($res), $want{$url}, "$name: $method $url");
            denied($res, "$name: $url");
            is($res->body, '', "$name: HEAD has no body") if $method eq 'HEAD';
        }

        my $res = $stranger->request($method, '/401/page',
                                     headers => {@$headers});
        is($res->status, 401, "$name: $method with 401");
        is($res->location, undef, "$name: no Location with 401");
        denied($res, "$name: /401/");
    }
};


subtest 'the redirect' => sub {
    my $res = $stranger->get('/deep/p%20age?a=1&b=%2541&c=%C3%A4',
                             headers => {@nav});

    is($res->location, '/_wix/login?return=%2Fdeep%2Fp%2520age%3Fa%3D1%26b%3D'
       . '%252541%26c%3D%25C3%25A4', 'a path, the request URI encoded once');
    is($res->query('return'), '/deep/p%20age?a=1&b=%2541&c=%C3%A4',
       'and to be had back as it was');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    isnt($res->body, '', 'a body of our own');
    unlike($res->body, qr/nginx|deep/, 'that repeats nothing');
    is($res->header('Content-Length'), length $res->body, 'Content-Length');
    is($res->header('Referrer-Policy') // '', 'same-origin',
       'Referrer-Policy') or diag $res->head;

    my $head = $stranger->head('/x', headers => {@nav});
    is($head->header('Content-Length'), length $res->body,
       'HEAD tells the same length');

    # msie_refresh turns a 302 of nginx's own into a page, which needs a
    # field that a path must not be in
    $res = $stranger->get('/msie', headers => {
        @nav, 'User-Agent' => 'Mozilla/4.0 (compatible; MSIE 6.0)'});
    is(kind($res), 'login', 'msie_refresh changes nothing');
    is(scalar(grep { /exited on signal/ } split /\n/, $nginx->error_log), 0,
       'and no worker died');

    $res = raw_response(port('PORT'),
        "GET /old HTTP/1.0\r\nAccept: text/html\r\n\r\n");
    is($res->location, '/_wix/login?return=%2Fold', 'HTTP/1.0 without Host');
};


subtest 'Location has nothing of what the client says about the host' => sub {
    my $port = port('PORT');

    for my $headers (
        {Host => 'evil.example'}, {Host => "evil.example:$port"},
        {Host => 'LOCALHOST'},
        {'X-Forwarded-Host' => 'evil.example', 'X-Forwarded-Proto' => 'https'},
        {'X-Forwarded-Prefix' => '/evil', Forwarded => 'host=evil.example'},
        {'X-Original-URL' => '/off/', 'X-Rewrite-URL' => '/off/',
         'X-Forwarded-Uri' => '/off/'},
        {Referer => 'http://evil.example/'})
    {
        my $what = join ', ', map { "$_: $headers->{$_}" } sort keys %$headers;

        my $res = $stranger->get('/page', headers => {@nav, %$headers});
        is($res->location, '/_wix/login?return=%2Fpage', $what);

        $res = $stranger->get('/page', headers => $headers);
        is($res->status, 401, "$what: 401");
        unlike($res->{raw}, qr/evil/, "$what: not in the 401");
    }

    my $res = raw_response($port, "GET http://evil.example/page?q HTTP/1.1\r\n"
        . "Host: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    is($res->location, '/_wix/login?return=%2Fpage%3Fq', 'absolute form');
};


subtest 'return of the redirect' => sub {
    my $ret = sub { $stranger->get($_[0], headers => {@nav})->query('return') };

    # "/", "?" and "=" take three bytes
    my $fits = '/a?b=' . 'x' x (1024 - 3 - 1 - 3 - 1 - 3);
    is(length url_escape($fits), 1024, 'the longest that fits');
    is($ret->($fits), $fits, '1,024 bytes encoded are kept');
    is($ret->("${fits}x"), '/a', 'with one more it is the path');
    is($ret->("$fits&"), '/a', 'the encoded length counts');

    my $path = '/' . 'y' x (1024 - 3);
    is($ret->($path), $path, 'a path of 1,024 bytes');
    is($ret->("$path?q"), $path, 'without its query');
    is($ret->("${path}y"), '/', 'a longer path is "/"');
    is($ret->("${path}y?q"), '/', 'with a query as well');
    is($ret->('/' . 'z' x 6000 . '?q'), '/', 'a very long one');

    for my $uri ('//evil.example/x', '///evil.example', '/\\evil.example',
                 '/%5Cevil.example', '/%2F/evil.example', '/.//evil.example',
                 '/a/..//evil.example', '/a/%2e%2e//evil.example')
    {
        my $res = $stranger->get($uri, headers => {@nav});
        is($res->status, 302, "$uri: 302");
        is($res->query('return') // 'none', '/', "$uri: does not lead away");
    }
};


subtest 'the 401' => sub {
    my $res = $stranger->get('/page?x', headers => {Accept => '*/*'});

    is($res->header('Content-Type'), 'application/json', 'JSON');
    is_deeply($res->json, {error => 'login_required', reason => 'no_session',
                           loginUrl => '/_wix/login'}, 'its body');
    is_deeply([$res->headers('WWW-Authenticate')], ['Bearer realm="wix"'],
              'WWW-Authenticate');
    is($res->header('Content-Length'), length $res->body, 'Content-Length');

    $res = $stranger->post('/page', body => 'a=1', headers => {@nav});

    is(kind($res), 'html', 'a form gets a page');
    like($res->body, qr{href="/_wix/login(?:\?return=[^"]*)?"},
         'with a link to the login');
    like($res->body, qr/no_session/, 'and the reason');
    like($res->header('Content-Security-Policy') // '',
         qr/default-src 'none'/, 'and a policy');
    unlike($res->header('Content-Security-Policy') // 'form-action',
           qr/form-action/, 'without form-action');

    # the body is not asked for before it is refused
    my $raw = raw(port('PORT'), "POST /page HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Length: 100000\r\nExpect: 100-continue\r\n"
        . "Accept: */*\r\n\r\n",
        until => qr/\r\n\r\n.*\}/s, timeout => 5);
    like($raw, qr{\AHTTP/1\.1 401 }, 'no 100 Continue before a 401');

    # refused bodies are read away: the connection goes on
    my $big = 'x' x 300_000;
    $raw = raw(port('PORT'),
        "POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000"
        . "\r\n\r\n${big}GET /off/a HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n\r\n");
    like($raw, qr{\AHTTP/1\.1 401 .*HTTP/1\.1 200 }s,
         'a body is discarded, the next request is served');
};


is(scalar(grep { $_->{uri} ne '/off/a' } upstream()->requests), 0,
   'the upstream was never asked for a stranger');


subtest 'static files' => sub {
    my $res = $stranger->get('/file/secret.txt', headers => {@nav});
    is(kind($res), 'login', 'a file: 302');
    denied($res, 'a file: 302');

    $res = $stranger->get('/file/secret.txt');
    is(kind($res), 'json', 'a file: 401');
    denied($res, 'a file: 401');
};


my $ann = browser();
my $res = login($ann, %{+LOGIN}, return => '/file/secret.txt');
my $cookie = ($ann->cookie('wix_auth') // {})->{value} // '';

is($res->body, "CANARY-file\n", 'a member gets the file')
    or diag($res->{raw});
is(length $cookie, 54, 'and has a cookie');

# the answer to a request with exactly this Cookie header (or headers)
sub with_cookie {
    my ($value, %opt) = @_;

    note_secret(cookie => $value)
        if !ref $value && $value =~ s/^wix_auth=//r =~ /^[\w-]{54}$/;

    return $stranger->get(
        ($opt{port} ? 'http://localhost:' . port($opt{port}) : '')
            . ($opt{path} // '/optional/'),
        headers => {Cookie => $value, %{$opt{headers} // {}}});
}


subtest 'modes' => sub {
    # status for a stranger, status for a member
    my %want = (
        off      => ['OFF ', 'OFF '],
        optional => ['ANONYMOUS no_session', 'HIT '],
        audit    => ['AUDIT no_session', 'HIT '],
    );

    for my $mode (sort keys %want) {
        my $res = $stranger->get("/$mode/x", headers => {@nav});

        is($res->status, 200, "$mode: a stranger passes");
        is(status($res), $want{$mode}[0], "$mode: status of a stranger");
        ok(!exists $res->json->{headers}{'x-wix-auth-member-id'},
           "$mode: no member for the upstream");
        is(scalar(my @v = $res->headers('Cache-Control')), 0,
           "$mode: nothing added to the answer for a stranger");

        $res = $ann->get("/$mode/x");

        is($res->status, 200, "$mode: a member passes");
        is(status($res), $want{$mode}[1], "$mode: status of a member");
        is(exists $res->json->{headers}{'x-wix-auth-member-id'},
           $mode ne 'off', "$mode: the upstream's member");
    }

    my $res = $stranger->get('/x', headers => {@nav});
    is(status($res), 'ANONYMOUS no_session', 'required: a stranger');

    $res = $ann->get('/x');
    is($res->status, 200, 'required: a member passes');
    is(status($res), 'HIT ', 'required: status of a member');
    like($res->json->{headers}{'x-wix-auth-member-id'}[0],
         qr/^[0-9a-f]{8}-[0-9a-f-]{27}$/, 'required: the upstream knows who');

    my $post = $ann->post('/x', body => 'payload');
    is($post->status, 200, 'required: a member posts');
    is($post->json->{body}, 'payload', 'the body arrives');

    my @audit = $nginx->log_lines(
        qr/\[info\].*wix_auth: would be refused, no_session/);
    is(scalar @audit, 1, 'audit writes what it would have done');
};


subtest 'what is no session' => sub {
    my ($id, $mac) = (substr($cookie, 0, 32), substr $cookie, 32);
    my $swap = sub {
        my ($at) = @_;
        my $copy = $cookie;
        substr $copy, $at, 1, substr($copy, $at, 1) eq 'A' ? 'B' : 'A';
        return $copy;
    };

    my %none = (
        'no cookie'          => 'other=1',
        'empty'              => 'wix_auth=',
        'no equal sign'      => 'wix_auth',
        'one character less' => 'wix_auth=' . substr($cookie, 0, 53),
        'one more'           => "wix_auth=${cookie}A",
        'half of it'         => "wix_auth=$id",
        'quoted'             => "wix_auth=\"$cookie\"",
        'a space inside'     => "wix_auth=$id $mac",
        'base64, not url'    => 'wix_auth=' . '+/' x 27,
        'other characters'   => 'wix_auth=' . '!' x 54,
        'bytes above 127'    => 'wix_auth=' . "\xff" x 54,
        'invented'           => 'wix_auth=' . 'A' x 54,
        'another MAC'        => 'wix_auth=' . $id . 'A' x 22,
        'another id'         => 'wix_auth=' . 'A' x 32 . $mac,
        'first bit'          => 'wix_auth=' . $swap->(0),
        'last of the id'     => 'wix_auth=' . $swap->(31),
        'first of the MAC'   => 'wix_auth=' . $swap->(32),
        'very long'          => 'wix_auth=' . 'A' x 5000,
        'lower and upper'    => 'wix_auth='
                                . ($cookie =~ tr/a-zA-Z/A-Za-z/r),
        'another name'       => "wix_autH=$cookie",
        'the __Host- name'   => "__Host-wix_auth=$cookie",
        'a prefix of it'     => "xwix_auth=$cookie; wix_auth2=$cookie",
        'inside a value'     => "a=wix_auth=$cookie",
        'a comma is no end'  => "a=1, wix_auth=$cookie",
    );

    for my $what (sort keys %none) {
        my $res = with_cookie($none{$what});
        is($res->status, 200, "$what: optional passes");
        is(status($res), 'ANONYMOUS no_session', "$what: no session");
        is($res->header('Set-Cookie'), undef, "$what: left alone");

        $res = with_cookie($none{$what}, path => '/x');
        is($res->status, 401, "$what: required refuses");
        is(($res->json // {})->{reason}, 'no_session', "$what: the reason");
        denied($res, $what);
    }

    # the last character has spare bits: same bytes, another spelling
    my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    my ($at) = grep { $alphabet[$_] eq substr $cookie, -1 } 0 .. 63;
    my $alias = substr($cookie, 0, 53) . $alphabet[$at ^ 1];
    note_secret(cookie => $alias);
    isnt(with_cookie("wix_auth=$alias")->header('X-Status'), 'HIT',
         'another spelling of the last bits is no session');

    is(status(with_cookie("wix_auth=$cookie")), 'HIT ', 'the cookie itself');
    is(status(with_cookie("a=1;wix_auth=$cookie;b=2")), 'HIT ',
       'between others, without blanks');
    is(status(with_cookie("a=1;\t wix_auth=$cookie \t; b=2")), 'HIT ',
       'with blanks around');

    my $foreign = browser(base => 'http://localhost:' . port('FOREIGN_PORT'));
    is(login($foreign, %{+LOGIN})->status, 200, 'a session of another nginx');
    my $value = $foreign->cookie('wix_auth')->{value};
    is(status(with_cookie("wix_auth=$value")), 'ANONYMOUS no_session',
       'sealed with another key: no session here');
};


subtest 'four cookies of the name are tried' => sub {
    my $bad = sub { join '; ', map { 'wix_auth=' . $_ x 54 } @_ };
    my $good = "wix_auth=$cookie";

    is(status(with_cookie("$good; " . $bad->('A' .. 'E'))), 'HIT ', 'first');
    is(status(with_cookie($bad->('A') . "; $good")), 'HIT ', 'second');
    is(status(with_cookie($bad->('A' .. 'C') . "; $good")), 'HIT ', 'fourth');
    is(status(with_cookie($bad->('A' .. 'D') . "; $good")),
       'ANONYMOUS no_session', 'the fifth is not looked at');
    is(status(with_cookie($bad->('A' .. 'D') . "; $good", path => '/x')),
       'ANONYMOUS no_session', 'and does not open the gate');
    is(status(with_cookie("wix_auth=; wix_auth=x; $good")), 'HIT ',
       'malformed ones do not hide it');

    is(status(with_cookie([$bad->('A', 'B'), "x=1; $good"])), 'HIT ',
       'in the second header');
    is(status(with_cookie([$bad->('A', 'B'), $bad->('C', 'D'), $good])),
       'ANONYMOUS no_session', 'the limit is over all headers');
};


subtest 'a session of another client' => sub {
    my $res = with_cookie("wix_auth=$cookie", port => 'OTHER_PORT');
    is($res->status, 200, 'optional passes');
    is(status($res), 'ANONYMOUS other_client', 'its status');
    ok(!exists $res->json->{headers}{'x-wix-auth-member-id'}, 'no member');

    $res = with_cookie("wix_auth=$cookie", port => 'OTHER_PORT', path => '/');
    is($res->status, 401, 'required refuses');
    is($res->json->{reason}, 'other_client', 'the reason');
    denied($res, 'another client');

    is(status(with_cookie("wix_auth=$cookie")), 'HIT ',
       'at home it is as good as before');
};


subtest 'a session that was logged out' => sub {
    my $b = browser();
    login($b, %{+LOGIN});
    my $value = $b->cookie('wix_auth')->{value};

    is(status(with_cookie("wix_auth=$value")), 'HIT ', 'lives');

    my $res = $b->post('/_wix/logout');
    is($res->status, 303, 'logout');

    $res = with_cookie("wix_auth=$value");
    is(status($res), 'EXPIRED session_ended', 'its status');
    is($res->header('Set-Cookie'), undef, 'the gate clears no cookie');
    ok(!exists $res->json->{headers}{'x-wix-auth-member-id'}, 'no member');

    $res = with_cookie("wix_auth=$value", path => '/x');
    is($res->status, 401, 'required refuses');
    is($res->json->{reason}, 'session_ended', 'the reason');
    denied($res, 'logged out');

    is(kind(with_cookie("wix_auth=$value", path => '/x',
                        headers => {@nav})), 'login', 'a page is redirected');

    is(status(with_cookie("wix_auth=$value; wix_auth=$cookie")), 'HIT ',
       'a dead cookie does not hide a living one');
};


subtest 'the end of a lifetime' => sub {
    my $base = 'http://localhost:' . port('LIFE_PORT');
    my $b = browser(base => $base);
    login($b, %{+LOGIN});
    my $value = ($b->cookie('wix_auth') // {})->{value} // '';
    is(length $value, 54, 'a session of one second');

    # activity does not extend it
    my $ended = wait_for {
        my $res = with_cookie("wix_auth=$value", port => 'LIFE_PORT',
                              path => '/');
        $res->status == 401 && $res;
    } 10, 'the session to expire';

    ok($ended, 'ends') or return;
    is(status($ended), 'EXPIRED session_expired', 'its status');
    is($ended->json->{reason}, 'session_expired', 'the reason');
    denied($ended, 'expired');

    is(status(with_cookie("wix_auth=$value", port => 'LIFE_PORT')),
       'EXPIRED session_expired', 'under optional as well');
};


subtest 'inactivity' => sub {
    my $b = browser(base => 'http://localhost:' . port('IDLE_PORT'));
    login($b, %{+LOGIN});
    my $value = $b->cookie('wix_auth')->{value};

    # the session endpoint is no activity
    my $idle = wait_for {
        my $res = $b->get('/_wix/session');
        $res->status == 200 && !$res->json->{authenticated};
    } 15, 'the session to become idle';

    ok($idle, 'ends while only its state is asked for') or return;

    my $res = with_cookie("wix_auth=$value", port => 'IDLE_PORT', path => '/');
    is($res->status, 401, 'required refuses');
    is(status($res), 'EXPIRED session_idle', 'its status');
    denied($res, 'idle');
};


subtest 'a genuine cookie that nobody knows' => sub {
    is(status(with_cookie("wix_auth=$cookie")), 'HIT ', 'known before');

    # the zone is gone with nginx, the key stays
    $nginx->stop;
    $nginx->start;

    my $res = with_cookie("wix_auth=$cookie");
    is(status($res), 'EXPIRED unknown_session', 'its status');
    is($res->header('Set-Cookie'), undef, 'the gate clears no cookie');

    $res = with_cookie("wix_auth=$cookie", path => '/x');
    is($res->status, 401, 'required refuses');
    is($res->json->{reason}, 'unknown_session', 'the reason');
    denied($res, 'unknown');

    is(kind(with_cookie("wix_auth=$cookie", path => '/x', headers => {@nav})),
       'login', 'a page is redirected');
    is(status(with_cookie('wix_auth=' . substr($cookie, 0, 53)
                          . (substr($cookie, -1) eq 'A' ? 'Q' : 'A'))),
       'ANONYMOUS no_session', 'a forged one still is none');
    is(status(with_cookie('wix_auth=' . 'A' x 54 . "; wix_auth=$cookie")),
       'EXPIRED unknown_session', 'beside a forged one');

    is(login($ann, %{+LOGIN})->status, 200, 'and one can log in again');
};

done_testing();
