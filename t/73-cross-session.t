#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What belongs to one is worth nothing to another: sessions, tokens and
# attempts of several clients, pages of other sites, planted cookies, replayed
# codes, sealed values in the wrong place, claims in headers.  And no header
# changes what the gate decides.  SEED=n for other noise.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Payloads;

use constant CLIENTS => 4;

my $random = noise();
my %login = (email => 'ann@example.com', password => 'secret-of-ann-1');
my %other = (email => 'bob@example.com', password => 'secret-of-bob-1');
my %from_wix = (headers => {'Sec-Fetch-Site' => 'cross-site'});
my @client = map { sprintf '%dc1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e1%d', $_, $_ }
    0 .. CLIENTS - 1;

# a Wix project for each client; the first has all that is not about clients
my @ours = qw(PORT OWN_PORT DIRECT_PORT ORIGINS_PORT);
my @emu = map {
    my @ports = $_ ? "CLIENT${_}_PORT" : @ours;
    start_emulator(
        client => $client[$_],
        member => [map { "$_->{email}:$_->{password}" } \%login, \%other],
        redirect_uri => [
            (map { 'http://localhost:' . port($_) . '/_wix/callback' } @ports),
            $_ ? () : 'http://a.b.example.com:' . port('NAME_PORT')
                . '/_wix/callback'],
        redirect_domain => ['localhost', 'a.b.example.com']);
} 0 .. CLIENTS - 1;
start_upstream();

my $key = temp_dir() . '/session.key';
spew($key, $random->bytes(48));
chmod 0600, $key;

my $locations = join '', map { my $mode = $_; <<"END" }
    location /$mode/ {
        wix_auth $mode;
        proxy_pass http://%%SITE%%;
        proxy_set_header X-Answer
            "$mode <\$wix_auth_member_id> \$wix_auth_status";
    }
    location /echo/$mode/ {
        wix_auth $mode;
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Wix-Auth-Member-Id \$wix_auth_member_id;
        proxy_set_header x_wix_auth_STATUS \$wix_auth_status;
    }
END
    qw(required optional audit off);

my $server = <<"END";
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        proxy_pass http://%%SITE%%;
        proxy_set_header X-Answer
            "site <\$wix_auth_member_id> \$wix_auth_status";
    }
    $locations
END

my $clients = join '', map { <<"END" } 1 .. CLIENTS - 1;
server {
    listen 127.0.0.1:%%CLIENT${_}_PORT%%;
    server_name localhost;
    wix_auth_client_id $client[$_];
    wix_auth_api %%API$_%%;
    wix_auth_bearer on;
    $server
}
END

my $h2 = have_module('http_v2');
my $listen2 = $h2 ? 'listen 127.0.0.1:%%H2_PORT%% http2;' : '';

# the site in the same nginx: it says what it was told
my $nginx = start_nginx(workers => 2, debug => 0,
    base => 'http://localhost:' . port('PORT'),
    vars => {SITE => '127.0.0.1:' . port('SITE_PORT'),
             map { ("API$_" => $emu[$_]->api) } 1 .. CLIENTS - 1},
    conf => <<"END");
wix_auth_zone zone=members:2m;
wix_auth_session_key $key;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
keepalive_requests 100000;
large_client_header_buffers 4 32k;
add_header X-Reason \$wix_auth_reason always;
underscores_in_headers on;

server {
    listen 127.0.0.1:%%PORT%%;
    $listen2
    server_name localhost;
    wix_auth_client_id $client[0];
    wix_auth_bearer on;
    $server
}
server {
    listen 127.0.0.1:%%OWN_PORT%%;
    server_name localhost;
    wix_auth_client_id $client[0];
    wix_auth_login /welcome;
    location = /welcome { wix_auth off; return 204; }
    $server
}
server {
    listen 127.0.0.1:%%DIRECT_PORT%%;
    server_name localhost;
    wix_auth_client_id $client[0];
    wix_auth_response_mode direct;
    $server
}
server {
    listen 127.0.0.1:%%ORIGINS_PORT%%;
    server_name localhost;
    wix_auth_client_id $client[0];
    wix_auth_origins https://app.example.com;
    $server
}
$clients

# a host that is not the default: missing it would open the gate
server {
    listen 127.0.0.1:%%NAME_PORT%% default_server;
    server_name open.example.com;
    location / { return 200 "the open server"; }
}
server {
    listen 127.0.0.1:%%NAME_PORT%%;
    server_name A.B.Example.com;
    wix_auth_client_id $client[0];
    $server
}

server {
    listen 127.0.0.1:%%SITE_PORT%%;
    location / { return 200 "\$http_x_answer"; }
}
END

my $p = port('PORT');

sub base { return 'http://localhost:' . port($_[0]) }
sub at { return $_[0] ? base("CLIENT$_[0]_PORT") : base('PORT') }
sub calls { return $emu[$_[0] // 0]->count($_[1] // '*') }

# as a program would ask
sub call {
    my ($b, $method, $url, %opt) = @_;
    return $b->request($method, $url, %opt, headers => {
        Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors',
        %{$opt{headers} // {}}});
}

sub reason { return $_[0]->status . ' ' . ($_[0]->header('X-Reason') // '') }

sub with_cookie {
    my ($b, $value, $name) = @_;
    $b->set_cookie(host => 'localhost', name => $name // 'wix_auth',
                   value => $value);
    return $b;
}

sub session_of { return ($_[0]->cookie('wix_auth') // {})->{value} }

# the address of the callback, before the browser has opened it
sub come_back {
    my ($b, %opt) = @_;

    my $res = $b->post('/_wix/login', json => {%login, return => '/deep',
                                               %{$opt{fields} // {}}});
    return $b->get($res->json->{redirectUrl}, %from_wix)->location
        // die "no way back\n";
}

sub param { return WixAuthTest::Response->query($_[1], $_[0]) }

# who is it, and what does Wix know of it
my @member = map {
    my $b = browser(base => at($_));
    is(login($b, %login)->status, 200, "a member of client $_");
    $b;
} 0 .. CLIENTS - 1;
my @cookie = map { session_of($_) } @member;
my @id = map { call($_, GET => '/_wix/session')->json->{member}{id} } @member;
my @n = 0 .. CLIENTS - 1;


subtest 'clients and cookies: only the diagonal' => sub {
    my (%got, %want);

    for my $i (@n) {
        for my $j (@n) {
            my $b = with_cookie(browser(base => at($j)), $cookie[$i]);
            my $own = $i == $j;
            my %see;

            my $res = call($b, GET => '/required/x');
            $see{gate} = reason($res) . ' ' . ($own ? $res->body : '');
            $see{page} = $b->get('/required/x')->status;
            $see{optional} = call($b, GET => '/optional/x')->body;
            $see{audit} = call($b, GET => '/audit/x')->body;
            $see{off} = call($b, GET => '/off/x')->body;
            $see{session} = call($b, GET => '/_wix/session')
                ->json->{authenticated} ? 1 : 0;
            $see{require} = call($b, GET => '/_wix/session?require=1')->status;
            $see{login} = $b->get('/_wix/login?return=/x')->status;

            $want{"$i at $j"} = {
                gate => $own ? "200  required <$id[$i]> HIT"
                             : '401 other_client ',
                page => $own ? 200 : 302,
                optional => $own ? "optional <$id[$i]> HIT"
                                 : 'optional <> ANONYMOUS',
                audit => $own ? "audit <$id[$i]> HIT" : 'audit <> AUDIT',
                off => 'off <> OFF', session => $own ? 1 : 0,
                require => $own ? 204 : 401, login => $own ? 303 : 200,
            };
            $got{"$i at $j"} = \%see;
        }
    }

    is_deeply(\%got, \%want, CLIENTS . ' x ' . CLIENTS . ' cookies');

    # all of them at once: each client takes its own
    for my $j (@n) {
        for my $order ([@cookie], [reverse @cookie]) {
            my $res = raw_response(port($j ? "CLIENT${j}_PORT" : 'PORT'),
                "GET /required/x HTTP/1.1\r\nHost: localhost\r\nCookie: "
                . join('; ', map { "wix_auth=$_" } @$order)
                . "\r\nConnection: close\r\n\r\n");
            is($res->body, "required <$id[$j]> HIT", "client $j among all");
        }
    }

    # a logout elsewhere ends nothing
    for my $i (@n) {
        for my $j (grep { $_ != $i } @n) {
            my $before = calls($j, 'redirect-session.logout');
            my $b = with_cookie(browser(base => at($j)), $cookie[$i]);
            call($b, POST => '/_wix/logout', json => {});
            is(calls($j, 'redirect-session.logout'), $before,
               "$i logs out at $j: Wix is not asked");
        }
        is(reason(call($member[$i], GET => '/x')), '200 ', "$i lives");
    }

    # nor does a login there
    for my $i (1 .. 2) {
        my $j = 3 - $i;
        my $b = with_cookie(browser(base => at($j)), $cookie[$i]);
        is(login($b, %other)->status, 200, "$i logs in at $j");
        isnt(session_of($b), $cookie[$i], 'as somebody else');
        is(reason(call($member[$i], GET => '/x')), '200 ', "$i lives");
        is(call($b, GET => at($i) . '/x')->status, 401, 'and has no other');
    }
};


subtest 'clients and tokens' => sub {
    my @token = map { $_->mint(email => $login{email})->{access_token} } @emu;
    my (%got, %want);

    for my $i (@n) {
        for my $j (@n) {
            for my $scheme ('', 'Bearer ') {
                my $res = call(browser(base => at($j)), GET => '/required/x',
                    headers => {Authorization => "$scheme$token[$i]"});
                $got{"$scheme$i at $j"} = reason($res)
                    . ($res->status == 200 ? $res->body : '');
                $want{"$scheme$i at $j"} = $i == $j
                    ? "200 required <$id[$j]> BEARER" : '401 invalid_token';
            }

            # and a good cookie does not help it
            my $res = call($member[$j], GET => '/required/x',
                headers => {Authorization => $token[$i]});
            $got{"$i at $j, with a cookie"} = $res->status;
            $want{"$i at $j, with a cookie"} = $i == $j ? 200 : 401;
        }
    }

    is_deeply(\%got, \%want, CLIENTS . ' x ' . CLIENTS . ' tokens');
};


subtest 'clients and attempts' => sub {
    for my $i (@n) {
        my $b = browser(base => at($i));
        my $url = come_back($b);
        my ($code, $state) = map { param($url, $_) } qw(code state);

        for my $j (grep { $_ != $i } @n) {
            my $before = calls($j);
            my $c = $b->clone(base => at($j));

            $c->get("/_wix/callback?code=$code&state=$state", %from_wix);
            my $res = call($c, POST => '/_wix/callback',
                           json => {code => $code, state => $state});
            is($res->status . ' ' . (($res->json // {})->{error} // ''),
               '400 state_mismatch', "attempt of $i at $j");
            ok(!session_of($c), 'no session');
            is(calls($j), $before, 'Wix is not asked');
        }

        $b->get($url, %from_wix);
        is(reason(call($b, GET => '/x')), '200 ', 'at home it is one');
    }

    # what waits for a code from a mail
    my %verify = (email => 'verify@wix.test', password => 'Emulator-pass-1');
    my $b = browser(base => at(1));
    my $token = $b->post('/_wix/login', json => \%verify)->json->{stateToken};
    my $code = $emu[1]->mailed_code($verify{email});

    for my $j (0, 2, 3) {
        my $before = calls($j);
        my $res = $b->clone(base => at($j))->post('/_wix/verify',
            json => {code => $code, stateToken => $token});
        is(($res->json // {})->{error}, 'attempt_expired', "verify at $j");
        is(calls($j), $before, 'Wix is not asked');
    }
    is(($b->post('/_wix/verify', json => {code => $code,
        stateToken => $token})->json // {})->{state}, 'SUCCESS', 'at home');
};


# Pages of other sites

# headers of a POST, and of none of our pages
my @strange = (
    (map { {'Sec-Fetch-Site' => $_} } 'cross-site', 'same-site', '', 'x',
        'SAME-ORIGIN', 'same-origin, none', ' none-'),
    (map { {'Sec-Fetch-Site' => 'cross-site', %$_} } {Origin => at(0)},
        {Origin => 'null'}, {Referer => at(0) . '/'}),
    (map { {Origin => $_} } 'null', '', 'https://evil.test',
        "https://localhost:$p", 'http://localhost', 'http://localhost:1',
        at(0) . '.evil.test', "http://x.localhost:$p", at(0) . '/',
        at(0) . '/x', at(0) . ',' . at(0), at(0) . ' ' . at(0),
        "http://evil.test\@localhost:$p", "//localhost:$p", "localhost:$p",
        "http://127.0.0.1:$p", 'https://*', '*',
        'file://', 'https://app.example.com'),
    {Origin => 'https://evil.test', Referer => at(0) . '/'},
    {Origin => ['https://evil.test', at(0)]},
    {'Sec-Fetch-Site' => ['cross-site', 'same-origin']},
    {Referer => 'https://evil.test/' . at(0)}, {Referer => 'https://evil.test'},
    {Referer => "http://localhost:$p\@evil.test/"}, {Referer => ''},
    {Referer => at(0) . '.evil.test/'},
);
my %fields = (
    login    => {%other, return => '/x'},
    register => {email => 'mallory@example.com', password => 'secret-of-m-1'},
    verify   => {code => 'AB12C3', stateToken => 'x'},
    recover  => {email => $login{email}},
    callback => {code => 'x' x 32, state => 'A' x 51},
    logout   => {},
);

subtest 'posts of other sites' => sub {
    my $b = $member[0]->clone;
    $b->get('/_wix/callback?x');
    my @jar = sort map { "$_->{name}=$_->{value}" } $b->cookies;
    my $before = calls();
    my ($n, @through) = (0);

    for my $name (sort keys %fields) {
        # with a code and a state that are good
        my $url = $name eq 'callback' ? come_back($b) : undef;
        my $fields = $url ? {map { ($_ => param($url, $_)) } qw(code state)}
            : $fields{$name};
        my $exchanges = calls(0, 'token.authorization_code');
        $before = calls() if $url;

        for my $headers (@strange) {
            for my $type ('form', 'json') {
                my $c = $b->clone(bare => 1);
                my $res = $c->post("/_wix/$name", $type => $fields,
                    headers => {Accept => 'application/json', %$headers});
                $n++;

                my $error = ($res->json // {})->{error} // '';
                push @through, join ' ', $name, $type, $res->status, $error,
                    map { "$_: $headers->{$_}" } sort keys %$headers
                    if $res->status != 403 || $error ne 'cross_site'
                        || $res->headers('Set-Cookie')
                        || defined $res->location;
            }
        }

        # a body that a form of any site can send, whatever it says it is
        for my $type ('text/plain', 'multipart/form-data; boundary=x',
                      'text/plain; application/json', '', 'text/json',
                      'application/csp-report', 'application/json-x')
        {
            my $res = $b->clone(bare => 1)->post("/_wix/$name",
                body => '{"email":"' . $other{email} . '","password":"'
                    . $other{password} . '","x":"="}', type => $type,
                headers => {'Sec-Fetch-Site' => 'cross-site',
                            Accept => 'application/json'});
            $n++;
            push @through, "$name, $type: " . $res->status
                if $res->status !~ /^(?:403|415)$/;
        }

        is(calls(0, 'token.authorization_code'), $exchanges,
           'a good code is not exchanged') if $url;
    }

    is(scalar @through, 0, "$n posts are refused");
    diag(join "\n", @through > 10 ? @through[0 .. 9] : @through) if @through;
    is(calls(), $before, 'Wix does not hear of any');
    is(reason(call($b, GET => '/x')), '200 ', 'the session lives');
    is(session_of($b), $cookie[0], 'and is the same');

    # an origin that is allowed is so at its own server only
    for my $name (sort keys %fields) {
        my %app = (Origin => 'https://app.example.com',
                   Accept => 'application/json');
        is(browser(bare => 1)->post("/_wix/$name", json => {}, headers => \%app)
           ->status, 403, "$name: not here");
        isnt(browser(bare => 1, base => base('ORIGINS_PORT'))
             ->post("/_wix/$name", json => {}, headers => \%app)->status, 403,
             'but there');
    }
};


subtest 'links of other sites' => sub {
    my $b = $member[0]->clone;
    my $before = calls();

    for my $name (sort keys %fields) {
        my $query = $name =~ /callback|logout/ ? 'x=y'
            : WixAuthTest::Client::form_encode({%{$fields{$name}},
                                                password => 'of-a-link'});

        for my $method (qw(GET HEAD PUT DELETE PATCH)) {
            for my $extra ('', '&_method=POST') {
                my $res = $b->clone->request($method,
                    "/_wix/$name?$query$extra", headers => {
                        'Sec-Fetch-Site' => 'cross-site',
                        'X-HTTP-Method-Override' => 'POST',
                        'X-Method-Override' => 'POST', 'X-HTTP-Method' => 'POST'
                    });
                like($res->status, qr/^(?:200|303|405)$/,
                     "$method $name$extra: nothing");
                ok(!$res->set_cookie('wix_auth'), 'no session, none ended');
            }
        }
    }

    is(calls(), $before, 'Wix has not been asked');
    is(reason(call($b, GET => '/x')), '200 ', 'the session lives');
};


# Planted cookies

subtest 'a session that was there before the login' => sub {
    my $gone = browser();
    login($gone, %other);
    my $ended = session_of($gone);
    my $copy = $gone->clone;
    $gone->post('/_wix/logout', form => {});
    is(call($copy, GET => '/x')->status, 401, 'one that has ended');

    # what the attacker has planted, newly made each time
    my %plant = (
        'his session' => sub {
            my $b = browser();
            login($b, %other);
            return session_of($b);
        },
        'an ended one' => sub { $ended },
        'made up' => sub { 'A' x 54 },
        'another client\'s' => sub { $cookie[1] },
    );
    my $code = 0;

    my %way = (
        'form' => sub {
            $_[0]->follow($_[0]->post('/_wix/login', form => {%login}));
        },
        'JSON' => sub {
            my $url = come_back($_[0]);
            $_[0]->post('/_wix/callback', json => {
                map { ($_ => param($url, $_)) } qw(code state)});
        },
        'direct' => sub {
            $_[0]{base} = base('DIRECT_PORT');
            $_[0]->post('/_wix/login', json => {%login});
        },
        'direct, a form' => sub {
            $_[0]{base} = base('DIRECT_PORT');
            $_[0]->post('/_wix/login', form => {%login});
        },
        'register' => sub {
            my $email = 'new-active-' . $code++ . '@example.com';
            $_[0]->follow($_[0]->post('/_wix/register', form => {
                email => $email, password => 'secret-of-new-1'}));
        },
        'verify' => sub {
            my %verify = (email => 'verify' . $code++ . '@example.com',
                          password => 'secret-of-new-1');
            $emu[0]->member(%verify, state => 'VERIFY');
            my $res = $_[0]->post('/_wix/login', form => \%verify);
            $_[0]->follow($_[0]->submit($res,
                {code => $emu[0]->mailed_code($verify{email})},
                action => qr/verify/));
        },
    );

    for my $way (sort keys %way) {
        for my $what (sort keys %plant) {
            my $planted = $plant{$what}->();
            my $b = with_cookie(browser(), $planted);
            $way{$way}->($b);

            my $new = session_of($b) // '';
            isnt($new, $planted, "$way, $what: replaced");
            like($new, qr/^[\w-]{54}$/, 'by a new one');
            is(reason(call($b, GET => '/x')), '200 ', 'which is good');

            my $eve = with_cookie(browser(), $planted);
            is(call($eve, GET => '/x')->status, 401, 'the planted one is not');
        }
    }

    is(reason(call($member[1], GET => '/x')), '200 ',
       'another client\'s is his as before');

    # no two are alike
    my %seen;
    for (1 .. 20) {
        my $b = browser(base => base('DIRECT_PORT'));
        $b->post('/_wix/login', json => {%login});
        $seen{session_of($b) // ''}++;
    }
    is(scalar keys %seen, 20, 'twenty logins, twenty sessions');
};


# Replay

subtest 'a code and its state are good once' => sub {
    my $b = browser();
    my $url = come_back($b);
    my %both = map { ($_ => param($url, $_)) } qw(code state);
    my $fresh = $b->clone;

    $b->get($url, %from_wix);
    ok(session_of($b), 'once');

    # before and after the logout, by link, form and JSON, at both workers
    for my $when ('while the session lives', 'after the logout') {
        for (1 .. 6) {
            for my $who ($fresh->clone, $b->clone) {
                $who->clear_cookies('wix_auth');
                $who->get($url, %from_wix);
                $who->post('/_wix/callback', form => \%both);
                call($who, POST => '/_wix/callback', json => \%both);
                ok(!session_of($who), "$when: no session") if $_ == 6;
            }
        }
        $b->post('/_wix/logout', form => {});
    }
    is(call($b, GET => '/x')->status, 401, 'logged out');

    # all at the same moment: one session and no more
    $b = browser();
    $url = come_back($b);
    my @c = map { $b->clone } 1 .. 16;
    my @res = concurrent(map { [$_, GET => $url, %from_wix] } @c);
    is(scalar(grep { $_->set_cookie('wix_auth') } @res), 1,
       'of sixteen at once one gets a session');
    is(scalar(grep { $_->status !~ /^(?:303|400)$/ } @res), 0,
       'the others begin again');

    # a code of somebody else with a state of one's own, and the other way
    my ($eve, $ann) = (browser(), browser());
    my $hers = come_back($ann);
    my $his = come_back($eve, fields => \%other);
    my $query = sub { '/_wix/callback?code=' . param($_[0], 'code')
                      . '&state=' . param($_[1], 'state') };

    $eve->get($query->($hers, $his), %from_wix);
    ok(!session_of($eve), 'her code, his state');
    is($emu[0]->count('token.authorization_code', error => 'invalid_grant')
       > 0 ? 1 : 0, 1, 'Wix saw another verifier');
    my $exchanges = calls(0, 'token.authorization_code');
    $eve->get($query->($his, $hers), %from_wix);
    $eve->get($hers, %from_wix);
    ok(!session_of($eve), 'his code, her state; and both of hers');
    is(calls(0, 'token.authorization_code'), $exchanges, 'Wix is not asked');

    # a step that was taken
    my %verify = (email => 'verify-twice@example.com',
                  password => 'secret-of-new-1');
    $emu[0]->member(%verify, state => 'VERIFY');
    $b = browser();
    my $token = $b->post('/_wix/login', json => \%verify)->json->{stateToken};
    my %step = (code => $emu[0]->mailed_code($verify{email}),
                stateToken => $token);
    my $first = $b->post('/_wix/verify', json => \%step);
    is($first->json->{state}, 'SUCCESS', 'a verification');
    isnt(($b->post('/_wix/verify', json => \%step)->json // {})->{state},
         'SUCCESS', 'is not one again');

    # the way to Wix is for one use
    my $wix = $first->json->{redirectUrl};
    my @way = map { $_->clone->get($wix, %from_wix) } $b, $b;
    is(scalar(grep { ($_->location // '') =~ /[?&]code=/ } @way), 1,
       'nor is the session token');
};


# Every sealed or signed value in every place where another belongs.

subtest 'values in the wrong place' => sub {
    my @verify = map { {email => "verify-place$_\@example.com",
                        password => 'secret-of-new-1'} } 0, 1;
    $emu[0]->member(%$_, state => 'VERIFY') for @verify;

    my $own = browser(base => base('OWN_PORT'));
    $own->post('/_wix/login', form => $verify[1]);
    my $b = browser();
    my $token = $b->post('/_wix/login', json => $verify[0])
        ->json->{stateToken};
    my @mailed = map { $emu[0]->mailed_code($_->{email}) } @verify;
    my $url = come_back($b);
    my $of = sub { ($_[0]->cookie("wix_auth_$_[1]") // {})->{value} };
    my %value = (
        session => $cookie[0], stateToken => $token,
        state => param($url, 'state'), binding => $of->($b, 'b'),
        returns => $of->($b, 'r'), 'token cookie' => $of->($own, 't'));

    is(scalar(grep { length($_ // '') >= 22 } values %value), 6,
       'six values');

    my $exchanges = calls(0, 'token.authorization_code');
    my $verified = calls(0, 'verify');

    for my $what (sort keys %value) {
        my $value = $value{$what};

        if ($what ne 'session') {
            is(call(with_cookie(browser(), $value), GET => '/x')->status, 401,
               "$what is no session");
        }
        if ($what ne 'state') {
            my $c = $b->clone;
            $c->get('/_wix/callback?code=' . param($url, 'code') . '&state='
                    . url_escape($value), %from_wix);
            ok(!session_of($c), "$what is no state");
        }
        if ($what ne 'binding') {
            my $c = with_cookie($b->clone, $value, 'wix_auth_b');
            $c->get($url, %from_wix);
            ok(!session_of($c), "$what binds nothing");
        }
        if ($what ne 'stateToken') {
            is(($b->clone->post('/_wix/verify', json => {code => $mailed[0],
                stateToken => $value})->json // {})->{error},
               'attempt_expired', "$what is no stateToken");
        }
        if ($what ne 'token cookie') {
            my $c = $own->clone;
            $c->clear_cookies('wix_auth_t');
            $c->set_cookie(host => 'localhost', name => 'wix_auth_t',
                           path => '/_wix/', value => $value);
            is($c->post('/_wix/verify', form => {code => $mailed[1]})
               ->location, '/welcome?error=attempt_expired&return=%2F',
               "$what is none in a cookie");
        }
    }

    is(calls(0, 'token.authorization_code'), $exchanges,
       'no code was exchanged');
    is(calls(0, 'verify'), $verified, 'and none verified');

    # as a list of return URLs they are as if they were not there
    for my $what (grep { $_ ne 'returns' } sort keys %value) {
        my $c = browser();
        my $back = come_back($c);
        $c->clear_cookies('wix_auth_r');
        $c->set_cookie(host => 'localhost', name => 'wix_auth_r',
                       path => '/_wix/', value => $value{$what});
        is($c->get($back, %from_wix)->location, '/', "$what leads nowhere");
    }

    # where they belong they are good
    is($b->clone->get($url, %from_wix)->location, '/deep', 'state, binding '
       . 'and returns');
    is(($b->post('/_wix/verify', json => {code => $mailed[0],
        stateToken => $token})->json // {})->{state}, 'SUCCESS',
       'stateToken');
    like($own->post('/_wix/verify', form => {code => $mailed[1]})->location,
         qr/sessionToken=/, 'and its cookie');
};


# Claims in headers

my @names = map { "X-Wix-Auth-$_" } qw(Member-Id Email Session-Id Status
    Contact-Id Nickname First-Name Last-Name Slug Picture Member-Status
    Email-Verified Access-Token Session-Remain Token-Remain Reason Time Roles);

subtest 'claims of being a member, in all spellings' => sub {
    my @spelling = map { spellings($random, $_) } @names;
    my (@bad, $n);

    cmp_ok(scalar @spelling, '>', 700, @spelling . ' names');

    # what the site makes of a header, as CGI and its heirs do
    my $check = sub {
        my ($res, $mode, $own, $what) = @_;

        my $headers = ($res->json // {})->{headers}
            // return push @bad, "$what: " . $res->status;
        my %cgi;

        push @{$cgi{uc s/-/_/gr}}, @{$headers->{$_}} for keys %$headers;
        my %left = map { ($_ => join ',', @{$cgi{$_}}) }
            grep { /^X_WIX_AUTH/ } keys %cgi;
        my %want = $mode eq 'off' ? (X_WIX_AUTH_STATUS => 'OFF')
            : $own ? (X_WIX_AUTH_MEMBER_ID => $id[0],
                      X_WIX_AUTH_STATUS => 'HIT')
            : (X_WIX_AUTH_STATUS => $mode eq 'audit' ? 'AUDIT' : 'ANONYMOUS');

        push @bad, "$what: " . join ', ', map { "$_ $left{$_}" }
            sort keys %left
            if join('|', map { "$_=$left{$_}" } sort keys %left)
                ne join('|', map { "$_=$want{$_}" } sort keys %want);
        push @bad, "$what: a claim" if $res->body =~ /claim/;
        return;
    };

    for my $mode (qw(required optional audit off)) {
        for my $own (0, 1) {
            next if $mode eq 'required' && !$own;

            my @list = @spelling;
            my @requests;

            while (my @some = splice @list, 0, 60) {
                push @requests, ['GET', "/echo/$mode/x", join '',
                    map({ "$_: claim\r\n" } @some),
                    $own ? "Cookie: a=b; wix_auth=$cookie[0]\r\n" : ()];
            }
            my @res = batch($p, @requests);

            is(scalar @res, scalar @requests, "$mode, " . ($own ? 'a member'
                                                           : 'a stranger'));
            $check->($res[$_], $mode, $own, "$mode $own, $_") for 0 .. $#res;
            $n += @spelling;

            next if !$h2;

            # of HTTP/2, where names are small
            my @small = unique(map { lc } @spelling);
            my $res = curl('--http2-prior-knowledge',
                map({ ('-H', "$_: claim") } @small[map { 3 * $_ }
                                                   0 .. $#small / 3]),
                $own ? ('-H', "Cookie: a=b; wix_auth=$cookie[0]") : (),
                'http://localhost:' . port('H2_PORT') . "/echo/$mode/x");
            $check->($res, $mode, $own, "$mode $own, HTTP/2");
        }
    }

    is(scalar @bad, 0, "$n claims");
    diag(join "\n", @bad > 6 ? @bad[0 .. 5] : @bad) if @bad;

    # they decide nothing either
    my @res = batch($p, map { ['GET', '/required/x', "$_: $id[0]\r\n"] }
                    @spelling);
    is(scalar(grep { $_->status != 401 } @res), 0, 'nor do they open a gate');
};


# What is no business of the gate

# the decision, without what differs from one request to the next
sub decision {
    my ($res) = @_;

    my $body = $res->body =~ s/"expiresIn":\d+//r;
    my ($id) = $body =~ m{("requestId":"\w+"|<dd>[0-9a-f]{32}</dd>)}
        ? $1 =~ /([0-9a-f]{32})/ : undef;
    $body =~ s/$id/id/g if defined $id;

    return join '|', $res->status, $res->location // '',
        $res->header('X-Reason') // '', $res->header('Cache-Control') // '',
        $res->header('WWW-Authenticate') // '',
        (join ',', map { s/=.*//r } $res->headers('Set-Cookie')),
        length $body > 60 ? md5_hex($body) : $body;
}

my @paths = ('/x', map({ "/$_/x" } qw(required optional audit off)),
             map { "/_wix/$_" } qw(login session session?require=1 verify
                                   callback callback?code=a&state=b nothing));

my $decisions = 0;

# [what, header lines]: the same answer as without them
sub unchanged {
    my ($what, @list) = @_;

    my @bad;
    my $n = 0;

    for my $who ('a stranger', 'a member') {
        my $cookie = $who =~ /member/ ? "Cookie: wix_auth=$cookie[0]\r\n" : '';

        for my $accept ('text/html', 'application/json') {
            for my $path (@paths) {
                my $base = "Accept: $accept\r\n$cookie";
                my @res = batch($p, map { ['GET', $path, "$base$_"] }
                                '', map { $_->[1] } @list);
                my $want = decision(shift @res);

                $n += @list;
                push @bad, "$who, $accept, $path: " . @res . ' answers'
                    if @res != @list;
                for my $i (0 .. $#res) {
                    my $got = decision($res[$i]);
                    push @bad, "$who, $accept, $path, $list[$i][0]: "
                        . substr($got, 0, 200) . ' and not '
                        . substr $want, 0, 200 if $got ne $want;
                }
            }
        }
    }

    $decisions += $n;
    is(scalar @bad, 0, "$what: $n decisions are the same");
    diag(join "\n", map { show($_, 600) } @bad > 5 ? @bad[0 .. 4] : @bad)
        if @bad;
    return;
}

subtest 'forwarded headers' => sub {
    my @names = qw(X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
        X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Uri X-Forwarded-Method
        X-Forwarded-Server X-Forwarded-Scheme X-Forwarded-Ssl X-Forwarded-User
        X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Path X-Forwarded-By
        X-Forwarded-Preferred-Username X-Forwarded-Access-Token X-Forwarded
        X-Forwarded-Client-Cert X-Forwarded-Original-Url X_Forwarded_Host
        Forwarded Forwarded-For X-Original-URL X-Original-URI X-Original-Host
        X-Original-Method X-Original-Forwarded-For X-Original-Remote-Addr
        X-Rewrite-URL X-Real-IP X-Client-IP X-Cluster-Client-IP Client-IP
        True-Client-IP CF-Connecting-IP Fastly-Client-IP X-Remote-Addr
        X-Remote-User Remote-User X-Authenticated-User X-WEBAUTH-USER X-User
        X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Redirect
        X-Auth-User X-Proxy-User X-Host X-HTTP-Host-Override X-Backend-Host
        X-HTTP-Method-Override X-HTTP-Method X-Method-Override X-Scheme
        X-Url-Scheme Front-End-Https X-Https X-Accel-Redirect
        X-Accel-Internal X-Sendfile X-Proxy-Url Proxy Via X-Via Destination
        Request-Uri Base-Url Uri Redirect Wix-Auth X-Wix-Authenticated
        X-Envoy-Original-Path X-Envoy-Internal X-Waf-Bypass X-Originating-IP);
    my @values = ('/off/x', "http://localhost:$p/off/x", 'off.example.com',
        'https', '127.0.0.1', $id[0], $login{email}, 'POST', 'on', '1',
        'for=127.0.0.1;host=evil.test;proto=https', 'evil.test, localhost');
    my @list;

    for my $i (0 .. $#names) {
        push @list, ["$names[$i]: $_", "$names[$i]: $_\r\n"]
            for map { $values[($i + $_) % @values] } 0, 5, 10;
    }
    # all at once
    push @list, map { my $value = $_;
        ["all: $value", join '', map { "$_: $value\r\n" } @names] } @values;

    unchanged(@names . ' names', @list);
};


subtest 'User-Agent, Referer, Origin and the like' => sub {
    my @known = ('kube-probe/1.27', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0',
        'Googlebot/2.1', 'curl/7.88', 'nginx', 'Wix', '-', '', 'health',
        "http://localhost:$p/", "http://localhost:$p", 'null',
        'https://app.example.com', $emu[0]->site, $emu[0]->api,
        'https://www.wix.com/', '/off/', "http://localhost:$p/_wix/login",
        '() { :; }; echo', '${jndi:x}', "'; --", '<script>', '%00', '*');
    my @names = ('User-Agent', 'Referer', 'Origin', 'From', 'Accept-Language',
        'Accept-Encoding', 'DNT', 'Sec-CH-UA', 'X-Request-Id', 'Pragma',
        'Cache-Control', 'If-None-Match', 'X-Health-Check', 'Purpose',
        'Sec-Fetch-Dest', 'Sec-Fetch-User', 'Sec-GPC', 'Via', 'Warning');
    my @list;

    for my $name (@names) {
        push @list, ["$name: $_", "$name: $_\r\n"]
            for @known[map { $random->n(scalar @known) } 1 .. 5],
                ($name =~ /^(?:User|Ref|Or)/ ? @known : ());

        # bytes that a header may have
        for (1 .. ($name =~ /^(?:User|Ref|Or)/ ? 25 : 3)) {
            my $noise = $random->bytes(1 + $random->n(80))
                =~ tr/\x01-\x08\x0b\x0c\x0e-\xff//cdr =~ s/^ +| +$//gr;
            push @list, [show("$name: $noise"), "$name: $noise\r\n"];
        }
    }

    unchanged(@names . ' names', @list);
};


subtest 'who asks like a page, who like a program' => sub {
    # these choose between 302 and 401, and never more
    my @headers = map { my $name = $_;
        map { "$name: $_\r\n" } '', 'navigate', 'cors', 'no-cors', 'websocket',
            'same-origin', 'none', 'text/html', '*/*', 'application/json',
            'XMLHttpRequest', 'prefetch', 'document', 'Basic eDp5', 'x', '1' }
        qw(Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-Dest Accept Sec-Purpose
           X-Requested-With Upgrade Authorization);
    my @requests;

    for (1 .. 800) {
        my %one = map { my $h = $random->pick(@headers);
                        (($h =~ /^([^:]+)/)[0] => $h) } 0 .. $random->n(4);
        push @requests, [$random->pick('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'),
                         $random->pick('/x', '/required/x'),
                         join '', map { $one{$_} } sort keys %one];
    }

    my @res = batch($p, @requests);
    my %status;
    $status{$_->status}++ for @res;
    is(scalar @res, scalar @requests, @res . ' answers to strangers');
    is(join(' ', sort keys %status), '302 401', 'to none of them 200');

    # a member gets through, but for a token that is none
    $_->[2] = "Cookie: wix_auth=$cookie[0]\r\n"
        . $_->[2] =~ s/^Authorization.*\r\n//mr for @requests;
    @res = batch($p, @requests);
    is(scalar(grep { $_->status == 200 } @res), scalar @requests,
       'a member gets through, whatever else there is');
};


subtest 'a host with capitals' => sub {
    my $port = port('NAME_PORT');
    my $host = "a.b.example.com:$port";
    my $b = browser(base => "http://$host");
    is(login($b, %login)->status, 200, 'a member');
    my $cookie = session_of($b);
    my @spelling = ("A.B.Example.COM:$port", "A.B.EXAMPLE.COM:$port",
        "a.b.example.COM:$port", "a.B.example.com:$port", 'A.B.EXAMPLE.COM',
        "A.b.Example.com.:$port", "a.b.example.com.:$port");

    my $ask = sub {
        my ($host, $path, $extra, $method, $body, $line) = @_;
        return raw_response($port, ($method // 'GET') . ' ' . ($line // $path)
            . " HTTP/1.1\r\nHost: $host\r\nAccept: text/html\r\n"
            . ($extra // '') . 'Content-Length: ' . length($body // '')
            . "\r\nConnection: close\r\n\r\n" . ($body // ''));
    };
    my $own = "Cookie: wix_auth=$cookie\r\n";
    my $post = "Content-Type: application/x-www-form-urlencoded\r\n";
    my $json = "Content-Type: application/json\r\n";

    is($ask->('open.example.com', '/x')->body, 'the open server', 'is open');
    is($ask->($host, '/x')->status, 302, 'the other is not');

    for my $name (@spelling) {
        for my $path (@paths) {
            is(decision($ask->($name, $path)), decision($ask->($host, $path)),
               "$name, $path: a stranger");
            is(decision($ask->($name, $path, $own)),
               decision($ask->($host, $path, $own)), 'a member');
        }

        # the host of an absolute request counts, and not the header's
        my $res = $ask->('open.example.com', '', '', 'GET', '',
                         "http://$name/x");
        is($res->status . ' ' . ($res->location // ''),
           '302 /_wix/login?return=%2Fx', 'in the request line');

        # as browsers write an origin
        next if $name !~ /com:/;
        my $login = '{"email":"' . $login{email} . '","password":"'
            . $login{password} . '"}';
        $res = $ask->($name, '/_wix/login', "${json}Origin: http://$host\r\n",
                      'POST', $login);
        is($res->status, 200, 'a post of its own page passes');
        is(param(($res->json // {})->{redirectUrl} // '', 'redirectUri'),
           "http://$host/_wix/callback", 'with the one redirect URI');
        is($ask->($name, '/_wix/login', "${post}Origin: http://evil.test\r\n",
                  'POST', 'email=x')->status, 403, 'another\'s does not');
    }
};


diag($random->seed . ": $decisions decisions with headers that are none of the"
     . ' gate\'s business');

done_testing();
