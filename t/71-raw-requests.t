#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Thousands of requests that nobody should send: broken request lines, floods
# of headers and cookies, two opinions of where a body ends, fields twice, NUL
# bytes and bad UTF-8, by HTTP/1 and HTTP/2.  None opens a gate, none stops a
# worker, none is answered with 500.  SEED=n for other noise.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Payloads;

my $random = noise();
my %login = (email => 'ann@example.com', password => 'secret-of-ann-1');

my $emu = start_emulator(
    member => ["$login{email}:$login{password}"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT LAX_PORT)]);

# The site behind the gate says which location has asked, for whom, and
# whether it got our cookie; a request that no location has sent has no name.
my $site = start_nginx(module => 0, scan => 0, debug => 0, conf => <<'END');
map $http_cookie $ours { "~(^|;) *wix_auth=" cookie; default none; }
log_format site '<$http_x_location> <$http_x_wix_auth_member_id> '
                '$request_method $request_uri';
access_log %%DIR%%/site.log site;
large_client_header_buffers 8 160k;
client_max_body_size 1m;
merge_slashes off;
server {
    listen 127.0.0.1:%%SITE_PORT%%;
    location / {
        return 200
            "canary-$http_x_location-<$http_x_wix_auth_member_id>-$ours\n";
    }
}
END

# what nginx itself refuses, it logs as it came
allow_leak(qr/ client sent /, qr{" 400 \d+ "-" "-"$});

my $locations = join '', map { my ($name, $path) = @$_; <<"END" }
    location $path {
        wix_auth $name;
        add_header X-Where $name always;
        proxy_pass http://site;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header X-Location $name;
        proxy_set_header X-Wix-Auth-Member-Id \$wix_auth_member_id;
    }
END
    ['required', '/'], ['optional', '/optional/'], ['off', '/off/'];

my $server = <<"END";
    server_name localhost;
    add_header X-Where nginx always;
    large_client_header_buffers 4 80k;
    client_max_body_size 1m;
    location ^~ /_wix/ {
        wix_auth_endpoints;
        add_header X-Where endpoints always;
    }
    $locations
END

my $h2 = have_module('http_v2');
my $listen2 = $h2 ? 'listen 127.0.0.1:%%H2_PORT%% http2;' : '';

my $nginx = start_nginx(workers => 2, debug => 0,
    base => 'http://localhost:' . port('PORT'), conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_login_limit off;
wix_auth_client_id %%CLIENT%%;
keepalive_requests 100000;
upstream site { server 127.0.0.1:%%SITE_PORT%%; keepalive 16; }

server {
    listen 127.0.0.1:%%PORT%%;
    $listen2
    $server
}

# as much as nginx lets through
server {
    listen 127.0.0.1:%%LAX_PORT%%;
    ignore_invalid_headers off;
    underscores_in_headers on;
    merge_slashes off;
    wix_auth_bearer on;
    $server
}
END

my $p = port('PORT');
my $lax = port('LAX_PORT');
my $member = browser();
is(login($member, %login)->status, 200, 'a member');
my $cookie = $member->cookie('wix_auth')->{value};
my @pids = $nginx->worker_pids;

# what is sent from here on is noise, and no secret of the emulator's
emulator()->configure(keepSecrets => 0, keepLog => 0);

# of an answer to anybody, on any way; no 500, no 502: the site answers all
my $allowed = qr/^(?:none|200|204|206|30[2347]|40[013456789]|41[123456789]
                    |42[19]|431|501|505)$/x;
my ($cases, %seen) = (0);

# What is wrong with an answer; undef when nothing is.
sub verdict {
    my ($text, $is_member, @status) = @_;

    for my $status (@status) {
        $seen{$status}++;
        return "status $status" if $status !~ $allowed;
    }
    return 'no answer, but bytes: ' . show($text, 40)
        if $status[0] eq 'none' && $text =~ /canary-required/;

    # one of ours never goes on to the site
    return 'our cookie at the site' if $text =~ /canary-\S*-cookie$/m;

    return if $is_member;
    return 'the site' if $text =~ /canary-required/;
    return 'a member\'s name' if $text =~ /canary-\w*-<[^>]+>/;

    # each head with its own name of a location
    while ($text =~ m{(HTTP/1\.[01] 2\d\d .*?\r\n\r\n)}gs) {
        return 'a 2xx of a gated location'
            if $1 =~ /^X-Where: required\r$/m;
    }
    return;
}

# [name, bytes] each
sub run {
    my ($what, $port, $is_member, @list) = @_;

    my @text = volley($port, map { $_->[1] } @list);
    my @bad;

    for my $i (0 .. $#list) {
        my ($method) = $list[$i][1] =~ /\A\s*(\S*)/;
        my $wrong = verdict($text[$i], $is_member,
                            statuses($text[$i], $method));
        push @bad, "$list[$i][0]: $wrong" if $wrong;
    }

    $cases += @list;
    is(scalar @bad, 0, "$what: " . @list . ' cases');
    diag(join "\n", @bad > 8 ? @bad[0 .. 7] : @bad) if @bad;
    return @text;
}

# what the site was asked, in lines
sub asked { return split /\n/, slurp($site->dir . '/site.log') }

sub named {
    my ($prefix, @list) = @_;
    return map { ["$prefix$_->[0]", $_->[1]] } @list;
}

sub post {
    my ($path, $type, $body, $extra) = @_;

    return "POST $path HTTP/1.1\r\nHost: localhost:$p\r\nContent-Type: $type"
        . "\r\nSec-Fetch-Site: same-origin\r\nContent-Length: "
        . length($body) . "\r\n" . ($extra // '')
        . "Connection: close\r\n\r\n$body";
}

sub form { return post($_[0], 'application/x-www-form-urlencoded', @_[1, 2]) }
sub json { return post($_[0], 'application/json', @_[1, 2]) }

my @endpoints = qw(login register verify recover callback logout session);
my @pool;


subtest 'one thing wrong at a time' => sub {
    my %list = map { $_ => [named("$_, ", raw_requests($_))] } '/deep/x',
        '/optional/x', map { "/_wix/$_" } @endpoints;
    my @gated = map { @{$list{$_}} } '/deep/x', '/optional/x';
    my @rest = map { @{$list{$_}} } grep { /_wix/ } sort keys %list;
    my $half = @rest / 2;

    run('gated and optional, strict', $p, 0, @gated);
    run('gated and optional, lax', $lax, 0, @gated);
    run('endpoints, strict', $p, 0, @rest[0 .. $half - 1]);
    run('endpoints, lax', $lax, 0, @rest[$half .. $#rest]);
    push @pool, @gated, @rest;
};


subtest 'one thing wrong, and a member' => sub {
    my $extra = "Cookie: wix_auth=$cookie\r\n";
    my @text = run('gated, lax', $lax, 1, raw_requests('/deep/x', $extra));

    cmp_ok(scalar(grep { /canary-required-<[0-9a-f-]{36}>-none/ } @text), '>',
           100, 'many get through, without the cookie');

    run('gated and endpoints, strict', $p, 1, map {
        named("$_, ", raw_requests($_, $extra))
    } '/deep/x', '/_wix/callback', '/_wix/session');
    is($member->get('/deep')->status, 200, 'the session lives');
};


subtest 'where does the body end' => sub {
    my $inner = "GET /deep/inner HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my %refused = map { $_ => 1 } (
        'CL and TE', 'TE and CL', 'CL 0 and TE', 'two lengths',
        'two lengths, the other way', 'the same length twice',
        'a list of lengths', 'a list of two lengths', 'CL -1', 'CL +0',
        'CL x', 'CL ', 'CL 9223372036854775808', 'CL 18446744073709551616',
        'TE with a space', 'CL with a space', 'TE twice', 'TE cow',
        'TE identity and CL 0');
    my (@list, @own);

    for my $path ('/deep/x', '/optional/x', '/off/x',
                  map { "/_wix/$_" } @endpoints)
    {
        for my $method ('GET', 'POST') {
            for my $extra ('', "Cookie: wix_auth=$cookie\r\n") {
                # that would end the session
                next if $extra && $path =~ /logout/;

                push @{$extra ? \@own : \@list}, map {
                    my ($name, $lines, $body) = @$_;
                    ["$method $path, $name", "$method $path HTTP/1.1\r\n"
                     . "Host: localhost\r\n${extra}Content-Type: "
                     . "application/json\r\n$lines\r\n\r\n$body",
                     $refused{$name}]
                } framings($inner);
            }
        }
    }

    my @text = (run('strangers', $p, 0, @list),
                run('a member', $p, 1, @own));
    my @bad;

    push @pool, @list;

    for my $case (@list, @own) {
        my @status = statuses(shift @text);
        push @bad, "$case->[0]: @status"
            if $case->[2] && "@status" !~ /^(?:400|411|413|501)$/;
    }

    is_deeply(\@bad, [], 'what has two meanings has none');

    cmp_ok(scalar(grep { m{^<optional> <-> POST /optional/x} } asked()), '>',
           10, 'bodies reach the site');
    is_deeply([grep { m{/deep/inner} } asked()], [],
              'nothing is hidden in them');
};


subtest 'noise' => sub {
    my @short = grep { length $_->[1] < 2500 } @pool;
    my @list = map {
        my $case = $random->pick(@short);
        ["noise in $case->[0]", mutate_bytes($random, $case->[1])]
    } 1 .. 4000;

    run('strict', $p, 0, @list[0 .. 2199]);
    run('lax', $lax, 0, @list[2200 .. 3999]);
};


# fields of each endpoint, with values that go as far as they can
my %field = (
    login    => {email => 'nobody@example.com', password => 'not-the-one-1',
                 captcha => 'x', return => '/x', stateToken => 'x'},
    register => {email => 'nobody', password => 'not-the-one-1',
                 captcha => 'x', return => '/x', 'profile.firstName' => 'x',
                 'profile.phonesV2[0].phone' => '1'},
    verify   => {code => 'AB12C3', stateToken => 'x', return => '/x',
                 email => 'x@example.com'},
    recover  => {email => 'nobody', return => '/x'},
    callback => {code => 'x' x 32, state => 'A' x 51, error => 'x'},
    logout   => {return => '/x'},
    session  => {require => '1'},
);

sub pairs {
    my ($fields, @but) = @_;
    my %but = map { $_ => 1 } @but;
    return map { "$_=" . url_escape($fields->{$_}) }
        grep { !$but{$_} } sort keys %$fields;
}

subtest 'fields' => sub {
    my %list = ($p => [], $lax => []);

    for my $name (@endpoints) {
        my $fields = $field{$name};
        my $path = "/_wix/$name";
        my @list;

        for my $one (sort keys %$fields) {
            my @rest = pairs($fields, $one);
            my $tail = join '', map { "&$_" } @rest;

            push @list, map { ["$one=" . show($_, 40),
                "GET $path?$one=$_$tail HTTP/1.1\r\nHost: localhost\r\n"
                . "Connection: close\r\n\r\n"] } field_values();

            next if $name eq 'session';

            push @list, map { ["form $one=" . show($_, 40),
                               form($path, "$one=$_$tail")] } field_values();
            push @list, map { ['JSON ' . show($_, 60), json($path, $_)] }
                json_bodies($one, $fields->{$one});
        }

        # names, and what is not a pair
        my $good = join '&', pairs($fields);
        my @odd = ('', '&', '=', '=&=', '&' x 10_000, '=' x 10_000, '%',
            "$good&", "&$good", "$good&&", "$good&=", "$good&=x", "$good&x",
            "$good&%=x", "$good&%00=x", "$good&\0=x", "$good&\xff=\xff",
            "$good#", "$good;x=y", "$good&x[]=y", "$good&x[0][y]=z",
            "$good&" . 'x' x 9000 . '=y', "$good&" . '%' x 200,
            join('&', map { "f$_=v" } 1 .. 1000), "$good&"
            . join('&', map { "f$_=v" } 1 .. 1000), uc $good,
            '%' . unpack('H2', $good) . substr($good, 1), "\xef\xbb\xbf$good",
            "$good\r\n", "\r\n$good", "$good\0", 'x=' x 2000, '+' x 2000);

        push @list, map { ['query ' . show($_, 60), "GET $path?$_ HTTP/1.1\r\n"
            . "Host: localhost\r\nConnection: close\r\n\r\n"] } @odd;
        push @list, map { ['form ' . show($_, 60), form($path, $_)] } @odd;

        # what the body is said to be
        for my $type ('', ';', 'application/json;', 'application/json; x',
                      'application/json;charset=utf-16', 'APPLICATION/JSON',
                      'application/json, text/plain', 'application/jsonx',
                      "application/json\0", 'application/x-www-form-urlencoded'
                      . ';charset=x', 'multipart/form-data; boundary=x',
                      'text/plain', '*/*', 'a' x 9000, "application/json\t")
        {
            push @list, ["type $type, form", post($path, $type, $good)],
                ["type $type, JSON", post($path, $type, '{"email":"x"}')];
        }

        push @{$list{$name =~ /^(?:login|verify|callback)$/ ? $p : $lax}},
            named("$name, ", @list);
    }

    run('strict', $p, 0, @{$list{$p}});
    run('lax', $lax, 0, @{$list{$lax}});
};


subtest 'no field may be there twice' => sub {
    my (@list, @bad);

    for my $name (@endpoints) {
        my $fields = $field{$name};
        my $good = join '&', pairs($fields);

        for my $one (sort keys %$fields) {
            my $value = url_escape($fields->{$one});
            my $encoded = '%' . unpack('H2', $one) . substr $one, 1;
            my %json = map { $_ => $fields->{$_} } grep { !/\./ } keys %$fields;
            my $json = '{' . join(',', map { qq("$_":"$json{$_}") }
                                  sort keys %json) . '}';
            my $twin = $one =~ s/\..*//r;

            for my $other ($value, '', 'x', "$value%20") {
                push @list, map { ["$name: $one, $other",
                    "GET /_wix/$name?$_ HTTP/1.1\r\nHost: localhost\r\n"
                    . "Accept: application/json\r\nConnection: close\r\n\r\n"]
                } "$good&$one=$other", "$one=$other&$good",
                    "$good&$encoded=$other"
                    if $name !~ /^logout/;

                next if $name eq 'session';

                push @list, map { ["$name: form, $one, $other",
                                   form("/_wix/$name", $_)] }
                    "$good&$one=$other", "$one=$other&$good",
                    "$good&$encoded=$other", "$one=$other&$good&x=y&$one=z";

                my $escape = sprintf '\\u%04x', ord $twin;
                push @list, map { ["$name: JSON, $twin",
                                   json("/_wix/$name", $_)] }
                    $json =~ s/\}$/,"$twin":"$other"}/r,
                    $json =~ s/\}$/,"$escape${\ substr $twin, 1}":"x"}/r,
                    $json =~ s/^\{/{"$twin":null,/r
                    if $json =~ /"$twin"/;
            }
        }
    }

    my @text = run('twice', $p, 0, @list);

    for my $i (0 .. $#list) {
        my ($status) = statuses($text[$i]);
        push @bad, "$list[$i][0]: $status" if $status ne 400;
    }

    is(scalar @bad, 0, 'each is refused with 400');
    diag(join "\n", @bad > 20 ? @bad[0 .. 19] : @bad) if @bad;
};


subtest 'floods around a true cookie' => sub {
    my $ours = "wix_auth=$cookie";
    my %flood = (
        '100 copies' => join('; ', ($ours) x 100),
        '1000 pairs before it' => join('; ', (map { "c$_=v$_" } 1 .. 1000),
                                       $ours),
        '1000 pairs behind it' => join('; ', $ours,
                                       map { "c$_=v$_" } 1 .. 1000),
        'between 60 KB' => 'a=' . 'x' x 30_000 . "; $ours; b=" . 'y' x 30_000,
        '60 KB of semicolons' => ';' x 60_000 . $ours,
        '60 KB of blanks' => ' ' x 60_000 . $ours,
        '5000 broken ones' => 'wix_auth; ' x 5000 . $ours,
        '1000 of a longer name' => 'xwix_auth=x; ' x 1000 . $ours,
        '100 lines' => join("\r\nCookie: ", ($ours) x 100),
        '900 lines around it' => join("\r\nCookie: ",
            (map { "c$_=v$_" } 1 .. 450), $ours,
            (map { "d$_=v$_" } 1 .. 450)),
    );

    for my $what (sort keys %flood) {
        my $res = raw_response($p, "GET /deep/x HTTP/1.1\r\nHost: localhost"
            . "\r\nCookie: $flood{$what}\r\nConnection: close\r\n\r\n");
        like($res->body, qr/^canary-required-<[0-9a-f-]{36}>-none$/,
             "$what: a member, and the site does not see the cookie");
    }

    # the limit of cookies that are looked at holds here too
    my $false = 'wix_auth=' . 'A' x 54 . '; ';
    my $res = raw_response($p, "GET /deep/x HTTP/1.1\r\nHost: localhost\r\n"
        . 'Cookie: ' . $false x 500 . "$ours\r\nConnection: close\r\n\r\n");
    is($res->status, 401, 'behind 500 false ones');

    $res = raw_response($lax, "GET /optional/x HTTP/1.1\r\nHost: localhost\r\n"
        . join('', map { "X-Wix-Auth-Member-Id: m$_\r\nX_Wix_Auth-$_: m\r\n" }
               1 .. 400) . "Connection: close\r\n\r\n");
    like($res->body, qr/^canary-optional-<>-none$/,
         '800 claims are worth nothing');
};


subtest 'HTTP/2' => sub {
    plan skip_all => 'this nginx has no HTTP/2' if !$h2;

    my @list;
    my $add = sub {
        my ($name, %h) = @_;
        my @extra = @{delete $h{extra} // []};
        my %all = (method => 'GET', scheme => 'http', path => '/deep/x',
                   authority => 'localhost', %h);
        push @list, [$name, h2_headers(
            (map { defined $all{$_} ? (":$_", $all{$_}) : () }
             qw(method scheme path authority)), accept => 'text/html',
            @extra)];
    };

    for my $path ('/deep/x', '/optional/x', '/_wix/login',
                  '/_wix/callback?code=a&state=b')
    {
        $add->('path ' . show($_, 60), path => $_) for raw_targets($path);
        $add->('method ' . show($_, 60), method => $_, path => $path)
            for raw_methods();
        $add->("$path, extra " . show($_->[0] . ': ' . $_->[1], 60),
               path => $path, extra => $_)
            for ['X-Y', 'z'], ['X', 'y'], ['', 'x'], ["x\0", 'y'],
                ['x y', 'z'], ["x\n", 'y'], ["x:y", 'z'], ["x", "\0"],
                ['x', "a\r\nb: c"], ['x', "a\nb"], ['x', "a\rb"], [' x', 'y'],
                ['connection', 'close'], ['transfer-encoding', 'chunked'],
                ['keep-alive', 'x'], ['te', 'x'], ['upgrade', 'websocket'],
                ['content-length', '5'], ['content-length', '-1'],
                ['content-length', 'x'], ['host', 'other.test'],
                ['host', ''], ['host', "a\0b"], [':path', '/off/'],
                [':method', 'POST'], [':status', '200'], [':x', 'y'],
                [':authority', 'other.test'], [':scheme', 'https'],
                ['x_y', 'z'], ['x-wix-auth-member-id', 'm'],
                ['X-Wix-Auth-Member-Id', 'm'], ['x_wix_auth_member_id', 'm'],
                ['cookie', ''], ['cookie', ';'], ['cookie', "a=\0"],
                ['cookie', 'wix_auth=' . 'A' x 54],
                [map { ('cookie', "c$_=v$_") } 1 .. 1000],
                [map { ('cookie', 'wix_auth=' . 'A' x 54) } 1 .. 100],
                [map { ("x-$_", 'y') } 1 .. 1000],
                ['cookie', 'x' x 60_000], ['x', 'y' x 79_000],
                ['x' x 5000, 'y'], ['expect', '100-continue'],
                ['authorization', "Bearer \0"], ['range', 'bytes=0-0'];
    }
    for my $part (qw(method scheme path authority)) {
        $add->("no $part", $part => undef);
        $add->("$part " . show($_), $part => $_)
            for '', "\0", ' ', "a\r\nb", "\xff", 'x' x 9000, '/', ':', '*',
                'http', 'https', 'ftp', 'HTTP', 'localhost:80', 'user@x',
                'a/b', '[::1', '//', 'x y', '%00', '/deep/x';
    }

    my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . h2_frame(4, 0, 0, pack 'nN', 4, 2 ** 30)
        . h2_frame(8, 0, 0, pack 'N', 2 ** 30);
    my $frames = sub {
        my ($id, $block) = @_;

        # a frame is 16 KB at most
        my @part = unpack '(a16000)*', $block;
        return join '', map {
            h2_frame($_ ? 9 : 1, ($_ ? 0 : 1) | ($_ == $#part ? 4 : 0), $id,
                     $part[$_]) } 0 .. $#part;
    };
    my @todo = map { [$_, $list[$_][1]] } 0 .. $#list;
    my (%status, @bad);

    # Many streams of a connection; what goes down with another's goes alone
    for my $many (30, 1) {
        my @groups;
        push @groups, [splice @todo, 0, $many] while @todo;

        my @text = volley(port('H2_PORT'), map {
            my $id = -1;
            join '', $preface, map { $frames->($id += 2, $_->[1]) } @$_
        } @groups);

        for my $g (0 .. $#groups) {
            my $got = h2_answers($text[$g]);
            my $id = -1;

            push @bad, "group: the site" if $text[$g] =~ /canary-required/;

            for my $case (@{$groups[$g]}) {
                my $a = $got->{$id += 2};
                my $name = $list[$case->[0]][0];

                if (!$a && $many > 1) {
                    push @todo, $case;
                    next;
                }
                my $status = $a->{status} // 'none';
                my $wrong = verdict($a->{body} // '', 0, $status);
                push @bad, "$name: $wrong" if $wrong;
                $status{$status}++;
            }
        }
    }

    $cases += @list;
    is(scalar @bad, 0, @list . ' streams');
    diag(join "\n", @bad > 8 ? @bad[0 .. 7] : @bad) if @bad;
    note(join ', ', map { "$_: $status{$_}" } sort keys %status);
    cmp_ok($status{302} // 0, '>', 100, 'many are read as requests');
};


subtest 'afterwards' => sub {
    is(join(' ', $nginx->worker_pids), "@pids", 'the workers are the same');
    is($member->get('/deep')->status, 200, 'the member is still one');
    is(verdict(raw($lax, "GET /deep HTTP/1.1\r\nHost: localhost\r\nCookie: "
        . "wix_auth=$cookie\r\nConnection: close\r\n\r\n"), 1, 200), undef,
       'there too');

    my @asked = asked();
    my ($id) = map { /^<required> <([^>]{36})>/ ? $1 : () } @asked;
    ok($id, 'the site was asked for the member ' . @asked . ' times');
    is_deeply([grep { !/^<(?:required> <\Q$id\E|(?:optional|off)> <-)>/
                      && !/^<optional> <\Q$id\E> / } @asked], [],
              'and for nobody else, unless by an open location');

    my @lines = $nginx->log_lines(qr/ \[(?:crit|alert|emerg)\] /);
    is_deeply(\@lines, [], 'nothing worse than an error in the log');

    @lines = $nginx->log_lines(qr/ \[(?:warn|error)\] .*wix_auth: /);
    is_deeply(\@lines, [], 'and none of ours');

    diag($random->seed . ": $cases raw requests, answered " . join ', ',
         map { "$_: $seen{$_}" } sort keys %seen);
    cmp_ok($cases, '>', 15_000, "$cases cases");
    cmp_ok($seen{$_} // 0, '>', 10, "some were answered $_")
        for 200, 302, 400, 401, 405, 414;
};


done_testing();
