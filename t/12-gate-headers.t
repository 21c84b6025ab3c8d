#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the upstream does not get to see: our cookies, and headers in which a
# client could claim to be a member.  And what caches are told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my %login = (email => 'ann@example.com', password => 'secret-1');

start_emulator(
    member => ['ann@example.com:secret-1'],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT EXPIRES_PORT)],
);
start_upstream();

# /NAME/ is each kind of location in which a client id is in force
my $kinds = join '', map { <<"END" } qw(required optional audit off);
    location /$_/ {
        wix_auth $_;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /$_-set/ {
        wix_auth $_;
        set \$early \$http_cookie;
        proxy_set_header Cookie \$http_cookie;
        proxy_set_header X-Early \$early;
        proxy_pass http://%%UPSTREAM%%;
    }
END

my $h2 = have_module('http_v2');
my $listen2 = $h2 ? 'listen 127.0.0.1:%%H2_PORT%% http2;' : '';

my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;

server {
    listen 127.0.0.1:%%PORT%%;
    $listen2
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / { proxy_pass http://%%UPSTREAM%%; }

    $kinds

    location /member/ {
        proxy_set_header X-Wix-Auth-Member-Id \$wix_auth_member_id;
        proxy_set_header x_wix_auth_status \$wix_auth_status;
        proxy_pass http://%%UPSTREAM%%;
    }

    # seen before the location is known
    set \$claimed \$http_x_wix_auth_member_id;
    location /claimed/ {
        proxy_set_header X-Claimed \$claimed;
        proxy_set_header X-Now \$http_x_wix_auth_member_id;
        proxy_pass http://%%UPSTREAM%%;
    }

    # subrequests share the list of headers
    location /mirror/ {
        mirror /mirrored;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /mirrored {
        internal;
        proxy_pass http://%%UPSTREAM%%/mirrored;
    }
    location /ask/ {
        auth_request /asked;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /asked {
        internal;
        proxy_pass http://%%UPSTREAM%%/asked;
    }
    location /ssi/ {
        ssi on;
        alias %%DIR%%/html/;
    }
    location /fragment/ { proxy_pass http://%%UPSTREAM%%; }
    location /try/ { try_files /nothing.txt \@tried; }
    location \@tried { proxy_pass http://%%UPSTREAM%%; }
    location /moved/ { error_page 418 = \@tried; return 418; }

    # caches

    location /file/ { alias %%DIR%%/html/; }
    location /expires/ { expires 1h; alias %%DIR%%/html/; }
    location /expires-past/ { expires -1; alias %%DIR%%/html/; }
    location /expires-epoch/ { expires epoch; alias %%DIR%%/html/; }
    location /expires-max/ { expires max; alias %%DIR%%/html/; }
    location /expires-proxy/ {
        expires 1h;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /add/ {
        add_header Cache-Control "public, max-age=60";
        alias %%DIR%%/html/;
    }
    location /intercept/ {
        proxy_intercept_errors on;
        error_page 500 /file/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /open/ { wix_auth off; alias %%DIR%%/html/; }
    location /open-expires/ {
        wix_auth off;
        expires 1h;
        alias %%DIR%%/html/;
    }
    location /maybe/ { wix_auth optional; alias %%DIR%%/html/; }
    location /maybe-expires/ {
        wix_auth optional;
        expires 1h;
        alias %%DIR%%/html/;
    }
    location /either/ {
        satisfy any;
        allow all;
        alias %%DIR%%/html/;
    }
}

server {
    listen 127.0.0.1:%%UNDERSCORE_PORT%%;
    server_name localhost;
    underscores_in_headers on;
    ignore_invalid_headers off;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }
    $kinds
}

# no client id, no business of ours
server {
    listen 127.0.0.1:%%BARE_PORT%%;
    server_name localhost;
    underscores_in_headers on;
    ignore_invalid_headers off;

    location / { proxy_pass http://%%UPSTREAM%%; }
}

# expires reaches the endpoints too
server {
    listen 127.0.0.1:%%EXPIRES_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    expires 1h;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}

# another name
server {
    listen 127.0.0.1:%%NAMED_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_cookie site_session nosecure;
    wix_auth off;

    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

spew($nginx->dir . '/html/page.html', 'x' x 100);
spew($nginx->dir . '/html/ssi.html', 'A<!--#include virtual="/fragment/1" -->B'
     . '<!--#include virtual="/fragment/2" -->C');

my $ann = browser();
is(login($ann, %login)->status, 200, 'a member logs in');
my $value = $ann->cookie('wix_auth')->{value};
my $mine = "wix_auth=$value";
my $garbage = 'wix_auth=' . 'A' x 54;

my $bare = browser(bare => 1);
my $port = port('PORT');

# what the upstream got, as it tells in its answer
sub seen {
    my ($res) = @_;
    my $h = ($res->json // {})->{headers};
    return $h || {status => $res->status};
}

sub cookies { return join '|', @{seen($_[0])->{cookie} // ['none']} }

# headers of an HTTP/1 request in this order, values as given
sub send_1 {
    my ($path, $headers, $at) = @_;

    my $lines = '';
    my @list = @$headers;
    while (my ($k, $v) = splice @list, 0, 2) {
        $lines .= "$k: $v\r\n";
    }
    return raw_response($at // $port, "GET $path HTTP/1.1\r\nHost: localhost"
        . "\r\n${lines}Connection: close\r\n\r\n");
}

sub send_2 {
    my ($path, $headers) = @_;

    my @args;
    my @list = @$headers;
    while (my ($k, $v) = splice @list, 0, 2) {
        push @args, '-H', length $v ? "$k: $v" : "$k;";
    }
    return curl('--http2-prior-knowledge', @args,
                'http://localhost:' . port('H2_PORT') . $path);
}


subtest 'our cookies are cut out' => sub {
    # Cookie headers as sent, as the upstream gets them
    my @cases = (
        ['alone', [$mine], 'none'],
        ['first', ["$mine; a=1; b=2"], 'a=1; b=2'],
        ['in the middle', ["a=1; $mine; b=2"], 'a=1; b=2'],
        ['last', ["a=1; b=2; $mine"], 'a=1; b=2'],
        ['twice', ["$mine; a=1; $mine"], 'a=1'],
        ['six times', ["$garbage; " x 5 . "a=1; $mine"], 'a=1',
            {required => 401}],
        ['a quoted value beside it', ["a=\"x y\"; $mine; b=\"\""],
            'a="x y"; b=""'],
        ['an empty one', ["a=1; wix_auth=; $mine"], 'a=1'],
        ['with blanks around the name', ["a=1; wix_auth = $value; $mine"],
            'a=1'],
        ['without blanks', ["a=1;$mine;b=2"], 'a=1;b=2'],
        ['another case', ["$mine; WIX_AUTH=1; Wix_Auth=2"],
            'WIX_AUTH=1; Wix_Auth=2'],
        ['longer names', ["$mine; wix_auth2=1; xwix_auth=2; wix_aut=3"],
            'wix_auth2=1; xwix_auth=2; wix_aut=3'],
        ['in a value', ["$mine; a=wix_auth=1"], 'a=wix_auth=1'],
        ['its family', ["$mine; wix_auth_b=x; a=1; wix_auth_r=y; wix_auth_t=z"],
            'a=1'],
        ['two headers, first', ["$mine; a=1", 'b=2'], 'a=1|b=2'],
        ['two headers, second', ['a=1', "b=2; $mine"], 'a=1|b=2'],
        ['a header of its own, first', [$mine, 'a=1', 'b=2'], 'a=1|b=2'],
        ['a header of its own, middle', ['a=1', $mine, 'b=2'], 'a=1|b=2'],
        ['a header of its own, last', ['a=1', 'b=2', $mine], 'a=1|b=2'],
        ['each header has one', ["$mine; a=1", "$mine; b=2"], 'a=1|b=2'],
        ['nothing but ours', [$mine, $mine, "$mine; $garbage"], 'none'],
        ['none of ours', ['a=1; b=2'], 'a=1; b=2', {required => 401}],
        ['none of ours, untidy', ['a=1 ;; b=2'], 'a=1 ;; b=2',
            {required => 401}],
        ['only with a blank before "="', ["a=1; wix_auth =$value; b=2"],
            'a=1; b=2', {required => 401}],
        ['a lone semicolon', ["; $mine;"], 'none'],
    );

    for my $case (@cases) {
        my ($name, $headers, $want, $status) = @$case;
        my @list = map { (Cookie => $_) } @$headers;

        for my $mode ($name =~ /^(?:first|nothing but ours)$/
                      ? qw(required optional audit off) : qw(required off))
        {
            if (my $refused = $status->{$mode}) {
                is(send_1("/$mode/x", \@list)->status, $refused,
                   "$name: $mode refuses");
                next;
            }

            is(cookies(send_1("/$mode/x", \@list)), $want, "$name: $mode");

            # HTTP/2: one crumb a header, joined by nginx
            if ($h2) {
                is(cookies(send_2("/$mode/x", \@list)), $want =~ s/\|/; /gr,
                   "$name: $mode, HTTP/2");
            }
        }
    }

    my $res = send_1('/x', [Cookie => "wx=1; $mine"], port('NAMED_PORT'));
    is(cookies($res), "wx=1; $mine", 'another name is in force there');
    $res = send_1('/x', [Cookie => 'a=1; site_session=x; site_session_b=y; '
                                   . 'site_session_r=z; b=2'],
                  port('NAMED_PORT'));
    is(cookies($res), 'a=1; b=2', 'its whole family is cut');
};


subtest 'what was read before the cut' => sub {
    for my $mode (qw(required optional audit off)) {
        for my $case (["a=1; $mine; b=2", 'a=1; b=2'], [$mine, 'none'],
                      ["$mine; a=1", 'a=1'])
        {
            my ($sent, $want) = @$case;
            my $res = send_1("/$mode-set/x", [Cookie => $sent]);

            is(cookies($res), $want, "$mode: \$http_cookie is the new value");
            # the copy that the administrator made is his own
            is(seen($res)->{'x-early'}[0], $sent,
               "$mode: what set has copied is whole");
            unlike($res->body, qr/\\u0000/, "$mode: and has no zeros");
        }
    }
};


# one header dropped: those before and behind it must stay
my @claims = map { ($_, "claim-$_") } qw(
    X-Wix-Auth-Member-Id x-wix-auth-member-id X-WIX-AUTH-MEMBER-ID
    X-Wix-Auth-Email X-Wix-Auth-Anything X-Wix-Auth-
);
my @underscored = map { ($_, "claim-$_") } qw(
    X_Wix_Auth_Member_Id x_wix-auth_email X-Wix_Auth-Member-Id
    X_WIX_AUTH_STATUS x-wix-auth_nickname X_wix_auth_
    X.Wix.Auth.Member.Id X-Wix.Auth-Email X!Wix~Auth|Status
);
my @others = map { ("X-Other-$_", "other-$_") } 1 .. 24;
my @alike = ('X-Wix-Authx' => 'alike', 'X-Wix-Aut-h' => 'alike',
             'X-Wix' => 'alike', 'XX-Wix-Auth-Member-Id' => 'alike',
             'Wix-Auth-Member-Id' => 'alike');

sub dropped {
    my ($res, $sent, $what) = @_;

    my $seen = seen($res);
    my @left = grep { tr/a-z0-9/-/cr =~ /^x-wix-auth-/ } keys %$seen;

    is_deeply(\@left, [], "$what: no claim is left");
    unlike($res->body, qr/claim-/, "$what: and no value of one");

    my @list = @$sent;
    my @lost;
    while (my ($k, $v) = splice @list, 0, 2) {
        push @lost, $k if join(',', @{$seen->{lc $k} // []}) ne $v;
    }
    return is_deeply(\@lost, [], "$what: the others have arrived");
}

subtest 'claims of being a member' => sub {
    my @cookie = (Cookie => "a=1; $mine; b=2");

    for my $mode (qw(required optional audit off)) {
        my %lists = (
            'alone'  => [[@claims[0, 1], @cookie], []],
            'first'  => [[@claims, @others, @cookie], \@others],
            'last'   => [[@cookie, @others, @claims], \@others],
            'middle' => [[@others[0 .. 23], @claims, @others[24 .. 47],
                          @cookie], \@others],
            'mixed'  => [[(map { @claims[$_ * 2, $_ * 2 + 1],
                                 @others[$_ * 8 .. $_ * 8 + 7] } 0 .. 5),
                          @cookie, @claims], \@others],
            'alike'  => [[@claims, @alike, @cookie, @claims], \@alike],
            'many'   => [[(@claims) x 8, @others, @cookie, (@claims) x 8],
                         \@others],
        );

        for my $name ($mode =~ /^(?:required|off)$/ ? sort keys %lists
                      : 'mixed')
        {
            my ($list, $stay) = @{$lists{$name}};

            my $res = send_1("/$mode/x", $list);
            dropped($res, $stay, "$mode, $name");
            is(cookies($res), 'a=1; b=2', "$mode, $name: the cookies too");

            # a header with an underscore is ignored by nginx unless asked for
            my @more = (@underscored, @$list, @underscored);

            $res = send_1("/$mode/x", \@more, port('UNDERSCORE_PORT'));
            dropped($res, $stay, "$mode, $name, underscores");

            if ($h2) {
                $res = send_2("/$mode/x", $list);
                dropped($res, $stay, "$mode, $name, HTTP/2");
                is(cookies($res), 'a=1; b=2', "$mode, $name, HTTP/2: cookies");
            }
        }
    }

    # each place in a list of eighteen, and each neighbourhood
    for my $at (0 .. 17) {
        my @list = map { $_ == $at ? @claims[0, 1] : @others[$_ * 2,
                                                             $_ * 2 + 1] }
            0 .. 17;
        my @stay = map { $_ == $at ? () : @others[$_ * 2, $_ * 2 + 1] }
            0 .. 17;
        dropped(send_1('/off/x', \@list), \@stay, "place $at of 18");
    }

    my $res = send_1('/member/x', [@claims, @cookie, @claims]);
    my $seen = seen($res);
    like(join(',', @{$seen->{'x-wix-auth-member-id'} // []}),
         qr/^[0-9a-f-]{36}$/, 'what the administrator sends arrives, once');
    is(join(',', @{$seen->{x_wix_auth_status} // []}), 'HIT',
       'in any spelling');

    $res = send_1('/claimed/x', [@claims, @cookie]);
    $seen = seen($res);
    ok(!exists $seen->{'x-claimed'}, 'gone before the rewrite phase');
    ok(!exists $seen->{'x-now'}, 'and later');

    # the control: this is how it would look
    $res = send_1('/x', [@claims, @underscored, Cookie => "a=1; $garbage"],
                  port('BARE_PORT'));
    $seen = seen($res);
    like($seen->{'x-wix-auth-email'}[0], qr/claim/, 'a server without a '
         . 'client id passes all on');
    like($seen->{x_wix_auth_member_id}[0], qr/claim/, 'underscores as well');
    is(cookies($res), "a=1; $garbage", 'and all cookies');
};


subtest 'subrequests and internal redirects' => sub {
    my @list = (@claims, Cookie => "a=1; $mine; b=2", @claims);

    my $clean = sub {
        my ($headers, $what) = @_;

        is_deeply([grep { /^x-wix/ } keys %$headers], [], "$what: no claims");
        is(join('|', @{$headers->{cookie} // []}), 'a=1; b=2',
           "$what: no cookie");
    };

    $clean->(seen(send_1('/try/x', \@list)), 'try_files');
    $clean->(seen(send_1('/moved/x', \@list)), 'error_page');

    upstream()->clear;
    is(send_1('/mirror/x', \@list)->status, 200, 'mirror');
    my @got;
    wait_for { @got = upstream()->requests; return @got >= 2 };
    is(scalar(grep { $_->{uri} eq '/mirrored' } @got), 1, 'is mirrored');
    $clean->($_->{headers}, "mirror: $_->{uri}") for @got;

    upstream()->clear;
    is(send_1('/ask/x', \@list)->status, 200, 'auth_request');
    @got = upstream()->requests;
    is(scalar @got, 2, 'two requests');
    $clean->($_->{headers}, "auth_request: $_->{uri}") for @got;

    upstream()->clear;
    my $res = send_1('/ssi/ssi.html', \@list);
    like($res->body, qr/\AA\{.*\}B\{.*\}C\z/s, 'SSI');
    @got = upstream()->requests;
    is(scalar @got, 2, 'two fragments');
    $clean->($_->{headers}, "SSI: $_->{uri}") for @got;
};


# Caches

sub cache_control { return join '|', $_[0]->headers('Cache-Control') }

subtest 'private is for what a session let through' => sub {
    my $etag = $ann->get('/file/page.html')->header('ETag');
    my $modified = $ann->get('/file/page.html')->header('Last-Modified');

    my $up = sub { '/x?' . join '&', map { '__' . url_escape($_) =~ s/%3D/=/r }
                   @_ };
    my $h = sub { 'header=' . $_[0] };

    # name, URL, headers, status, Cache-Control
    my @cases = (
        ['a file', '/file/page.html', {}, 200, 'private'],
        ['a part of it', '/file/page.html', {Range => 'bytes=0-9'}, 206,
            'private'],
        ['an unknown part', '/file/page.html', {Range => 'bytes=900-'}, 416,
            'private'],
        ['not modified, by ETag', '/file/page.html',
            {'If-None-Match' => $etag}, 304, 'private'],
        ['not modified, by date', '/file/page.html',
            {'If-Modified-Since' => $modified}, 304, 'private'],
        ['no such file', '/file/nothing.html', {}, 404, 'private'],

        ['proxied', '/x', {}, 200, 'private'],
        ['its 304', $up->('status=304'), {}, 304, 'private'],
        ['its 404', $up->('status=404'), {}, 404, 'private'],
        ['its 500', $up->('status=500'), {}, 500, 'private'],
        ['its 302', $up->('status=302', $h->('Location:/y')), {}, 302,
            'private'],
        ['its own header', $up->($h->('Cache-Control:public, max-age=5')), {},
            200, 'public, max-age=5'],
        ['its own no-store', $up->($h->('Cache-Control:no-store')), {}, 200,
            'no-store'],
        ['its own max-age', $up->($h->('Cache-Control:max-age=60')), {}, 200,
            'max-age=60'],
        ['its own no-cache', $up->($h->('Cache-Control:no-cache')), {}, 200,
            'no-cache'],
        ['only Expires', $up->($h->('Expires:Thu, 01 Jan 2037 00:00:00 GMT')),
            {}, 200, 'private'],
        ['an intercepted 500', '/intercept' . $up->('status=500'), {}, 500,
            'private'],

        ['expires 1h', '/expires/page.html', {}, 200,
            'max-age=3600, private'],
        ['expires 1h, 304', '/expires/page.html',
            {'If-None-Match' => $etag}, 304, 'max-age=3600, private'],
        ['expires -1', '/expires-past/page.html', {}, 200,
            'no-cache, private'],
        ['expires epoch', '/expires-epoch/page.html', {}, 200,
            'no-cache, private'],
        ['expires max', '/expires-max/page.html', {}, 200,
            'max-age=315360000, private'],
        ['expires, proxied', '/expires-proxy/x', {}, 200,
            'max-age=3600, private'],
        ['the administrator\'s', '/add/page.html', {}, 200,
            'public, max-age=60'],

        ['no gate', '/open/page.html', {}, 200, ''],
        ['no gate, expires', '/open-expires/page.html', {}, 200,
            'max-age=3600'],
        ['optional', '/maybe/page.html', {}, 200, 'private'],
        ['optional, expires', '/maybe-expires/page.html', {}, 200,
            'max-age=3600, private'],
        ['something else satisfied', '/either/page.html', {}, 200, ''],
    );

    for my $case (@cases) {
        my ($name, $url, $headers, $status, $want) = @$case;

        # several values in one header or in several headers mean the same
        my $norm = sub { join ', ', split /\||,\s*/, $_[0] };

        my $res = $bare->get($url, headers => {%$headers, Cookie => $mine});
        is($res->status, $status, "$name: $status") or diag $res->head;
        is($norm->(cache_control($res)), $want, "$name: Cache-Control");

        if ($want =~ /max-age=\d+, private/) {
            isnt($res->header('Expires'), undef, "$name: Expires stays");
        }
        if ($want eq 'private') {
            is(scalar(my @v = $res->headers('Cache-Control')), 1,
               "$name: one header");
        }

        $res = $bare->head($url, headers => {%$headers, Cookie => $mine});
        is($norm->(cache_control($res)), $want, "$name: HEAD");

        next if !$h2;
        $res = send_2($url, [%$headers, Cookie => $mine]);
        is($res->status, $status, "$name: HTTP/2");
        is($norm->(cache_control($res)), $want, "$name: HTTP/2");
    }

    is($bare->get($up->($h->('Expires:Thu, 01 Jan 2037 00:00:00 GMT')),
                  headers => {Cookie => $mine})->header('Expires'),
       'Thu, 01 Jan 2037 00:00:00 GMT', 'the upstream\'s Expires stays');
};


subtest 'a stranger\'s answers' => sub {
    my %want = (
        '/maybe/page.html' => '', '/maybe-expires/page.html' => 'max-age=3600',
        '/either/page.html' => '', '/open/page.html' => '',
        '/open-expires/page.html' => 'max-age=3600', '/audit/x' => '',
        '/off/x' => '',
        # ours, whatever nginx would add
        '/file/page.html' => 'no-store', '/x' => 'no-store',
        '/add/page.html' => 'no-store',
    );

    for my $url (sort keys %want) {
        for my $headers ({}, {Accept => 'text/html'}) {
            my $res = $bare->get($url, headers => $headers);
            is(cache_control($res), $want{$url}, "$url: Cache-Control");
        }
        next if !$h2;
        is(cache_control(send_2($url, [])), $want{$url}, "$url: HTTP/2");
    }

    # expires is for 2xx and 3xx: our 302 must stay out of every cache
    for my $kind (qw(expires expires-past expires-epoch expires-max)) {
        for my $headers ({}, {Accept => 'text/html'}) {
            my $res = $bare->get("/$kind/page.html", headers => $headers);
            like($res->status, qr/^(?:302|401)$/, "$kind: refused");
            is(cache_control($res), 'no-store', "$kind: no-store");
        }
    }

    my $page = $bare->get('/_wix/login');
    is(cache_control($page), 'no-store', 'the login page');
    is(cache_control($bare->get('/_wix/session')), 'no-store', 'session');
    is(cache_control($bare->get('/_wix/nothing')), 'no-store', 'its 404');
};


subtest 'all that we answer is no-store, whatever expires says' => sub {
    my $b = browser(base => 'http://localhost:' . port('EXPIRES_PORT'));
    my $ours = sub {
        my ($res, $status, $what) = @_;

        is($res->status, $status, "$what: $status");
        is(cache_control($res), 'no-store', "$what: no-store");
        unlike($res->header('Expires') // '', qr/GMT/, "$what: no Expires");
    };

    $ours->($b->get('/x'), 302, 'a page');
    $ours->($b->get('/x', headers => {'Sec-Fetch-Mode' => 'cors'}), 401,
            'a call');
    $ours->($b->get('/_wix/login'), 200, 'the login page');
    $ours->($b->get('/_wix/session'), 200, 'session');
    $ours->($b->get('/_wix/session?require=1'), 401, 'session, required');

    my @chain = login($b, %login)->chain;
    is($chain[-1]->status, 200, 'login');
    $ours->($chain[0], 303, 'the answer to the form');
    $ours->($chain[-2], 303, 'the callback, which sets the cookie');
    ok($chain[-2]->set_cookie('wix_auth'), 'it does');

    $ours->($b->get('/_wix/session'), 200, 'session of a member');
    $ours->($b->get('/_wix/session?require=1'), 204, 'session, required');
    $ours->($b->get('/_wix/login'), 303, 'login of a member');
    $ours->($b->post('/_wix/logout'), 303, 'logout');
};

note 'no HTTP/2 in this nginx: its part is left out' if !$h2;

done_testing();
