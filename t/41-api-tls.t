#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Passwords and tokens go to Wix and to nobody else: how the API's certificate
# is checked, what plain http is good for, and that connections are reused
# only where they have been checked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my %ann = (email => 'ann@example.com', password => 'secret-1');
my $certs = certs();

# each API of this file has a server, hence a redirect URI, of its own
my @servers = qw(GOOD H1 TLS12 TLS13 ROGUE WRONG_HOST EXPIRED SELF_SIGNED OTHER_CA
                 SYSTEM_STORE GONE SPEAKS_HTTP PLAIN OWN_STORE BY_ADDRESS UPPER
                 DIRECT);

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { origin($_) . '/_wix/callback' } @servers],
);
my $plain_port = $emu->{api_port};

make_expired();
make_self_signed();

my $good = start_front(port_name => 'GOOD_API_PORT');
my $h1 = start_front(port_name => 'H1_API_PORT', http2 => 0);
my ($tls12, $tls13) = map {
    my ($name, $how) = @$_;
    start_front(port_name => "${name}_API_PORT", http2 => 0,
                extra => "keepalive_timeout 0; $how");
} ['TLS12', 'ssl_protocols TLSv1.2; ssl_session_cache shared:tls:1m;'],
  ['TLS13', 'ssl_protocols TLSv1.3;'];

start_front(port_name => 'ROGUE_API_PORT', cert => 'rogue');
start_front(port_name => 'WRONG_HOST_API_PORT', cert => 'wronghost');
front_with('EXPIRED_API_PORT', 'expired');
front_with('SELF_SIGNED_API_PORT', 'self-signed');

my $nginx = start_nginx(conf => conf(
    GOOD        => ['https://localhost:%%GOOD_API_PORT%%', 'ca'],
    H1          => ['https://localhost:%%H1_API_PORT%%', 'ca'],
    TLS12       => ['https://localhost:%%TLS12_API_PORT%%', 'ca'],
    TLS13       => ['https://localhost:%%TLS13_API_PORT%%', 'ca'],
    BY_ADDRESS  => ['https://127.0.0.1:%%GOOD_API_PORT%%', 'ca'],
    UPPER       => ['HTTPS://LOCALHOST:%%GOOD_API_PORT%%', 'ca'],
    ROGUE       => ['https://localhost:%%ROGUE_API_PORT%%', 'ca'],
    WRONG_HOST  => ['https://localhost:%%WRONG_HOST_API_PORT%%', 'ca'],
    EXPIRED     => ['https://localhost:%%EXPIRED_API_PORT%%', 'ca'],
    SELF_SIGNED => ['https://localhost:%%SELF_SIGNED_API_PORT%%', 'ca'],
    OTHER_CA    => ['https://localhost:%%GOOD_API_PORT%%', 'rogue-ca'],
    SYSTEM_STORE => ['https://localhost:%%GOOD_API_PORT%%', undef],
    GONE        => ['https://localhost:%%GONE_API_PORT%%', 'ca'],
    SPEAKS_HTTP => ["https://localhost:$plain_port", 'ca'],
    PLAIN       => ['%%API%%', undef],
));


subtest 'a certificate that is right' => sub {
    logs_in('GOOD', 'name of the certificate');
    logs_in('BY_ADDRESS', 'address of the certificate');
    logs_in('UPPER', 'name in upper case');
};


# The good API comes first: what it was asked on a connection that was found
# right must not serve those who trust another CA.

subtest 'a certificate that is wrong' => sub {
    is_refused('ROGUE', 'a CA that is not trusted');
    is_refused('WRONG_HOST', 'the name of another host');
    is_refused('EXPIRED', 'an expired certificate');
    is_refused('SELF_SIGNED', 'a self-signed certificate');
    is_refused('OTHER_CA', 'a trusted certificate of another API');
    is_refused('SYSTEM_STORE', 'a CA that the system does not know');
    is_refused('SPEAKS_HTTP', 'a server that does not speak TLS');

    logs_in('GOOD', 'the right one, still');
};


subtest 'the system\'s CA bundle is the default' => sub {
    # as an administrator would: the environment of the master names another
    local $ENV{SSL_CERT_FILE} = "$certs/ca.pem";

    my $own = start_nginx(conf => conf(
        OWN_STORE => ['https://localhost:%%GOOD_API_PORT%%', undef]));

    logs_in('OWN_STORE', 'our CA in the system\'s bundle');
};


subtest 'no server at all' => sub {
    my ($res, $log) = attempt('GONE');

    is($res->status, 503, 'status');
    is(($res->json // {})->{error}, 'upstream_unavailable', 'reason');
    ok($res->header('Retry-After'), 'Retry-After');
    like($log, qr/wix_auth: \w+: upstream_unavailable, no connection/,
         'the log tells it from a failure of TLS');
};


subtest 'plain http' => sub {
    logs_in('PLAIN', 'plain http on loopback');

    for my $url ('http://api.example.com', 'http://192.0.2.1:80',
                 'http://localhost.example.com', 'http://0.0.0.0:8080',
                 'http://127.0.0.1.example.com', 'http://[2001:db8::1]/',
                 'HTTP://api.example.com')
    {
        my ($ok, $out) = nginx_t(conf => conf(PLAIN => [$url, undef]));

        ok(!$ok, "$url is refused");
        like($out, qr/in the clear.*nginx\.conf:\d+/s,
             'with the reason and the place');
        like($out, qr/use https/, 'and a hint') or diag($out);
    }

    for my $url ('http://127.0.0.1', 'http://127.8.9.10:81',
                 'http://localhost:8080', 'http://[::1]:8080/base/')
    {
        my ($ok, $out) = nginx_t(conf => conf(PLAIN => [$url, undef]));
        ok($ok, "$url is allowed") or diag($out);
    }

    for my $url ('ftp://127.0.0.1/', 'www.wixapis.com', 'https://',
                 'https://user:pass@www.wixapis.com/', 'http://2130706433/',
                 'https://www.wixapis.com:99999/', 'https://a b/', '//host/')
    {
        my ($ok, $out) = nginx_t(conf => conf(PLAIN => ["\"$url\"", undef]));
        ok(!$ok, "$url is refused") or diag($out);
        like($out, qr/\[emerg\].*nginx\.conf:\d+/, 'with the place');
    }
};


subtest 'wix_auth_api_trusted_certificate' => sub {
    my $dir = temp_dir();

    spew("$dir/empty.pem", '');
    spew("$dir/noise.pem", "-----BEGIN CERTIFICATE-----\nnoise\n");

    for my $file ("$dir/missing.pem", "$dir/empty.pem", "$dir/noise.pem") {
        my ($ok, $out) = nginx_t(conf => conf(
            GOOD => ['https://localhost:%%GOOD_API_PORT%%', $file]));

        ok(!$ok, "$file is refused");
        like($out, qr/\Q$file\E/, 'by its name') or diag($out);
        like($out, qr/\[emerg\].*nginx\.conf:\d+/, 'with the place')
            or diag($out);
    }

    my ($ok, $out) = nginx_t(conf => conf(
        GOOD => ['https://localhost:%%GOOD_API_PORT%%', 'ca']));
    ok($ok, 'a bundle is allowed') or diag($out);
};


SKIP: {
    skip 'this nginx has no HTTP/2', 1 if !have_module('http_v2');
    skip 'this libcurl has no HTTP/2', 1
        if `curl --version` !~ /^Features:.*\bHTTP2\b/m;

    subtest 'HTTP/2: one connection for all' => sub {
        my $from = lines($good);

        logs_in('GOOD', 'a login') for 1 .. 3;

        my @res = concurrent(map {
            [client('GOOD'), POST => '/_wix/login', json => {%ann}]
        } 1 .. 20);
        is(scalar(grep { $_->status == 200 } @res), 20,
           'twenty logins at once');

        my @seen = requests($good, $from);
        cmp_ok(scalar @seen, '>=', 3 * 3 + 20 * 2, 'the API saw them all');
        is_deeply(values_of(protocol => @seen), ['HTTP/2.0'], 'over HTTP/2');
        is(scalar @{values_of(connection => @seen)}, 1, 'on one connection');
    };
}


subtest 'HTTP/1.1: connections are reused' => sub {
    my $from = lines($h1);

    logs_in('H1', 'a login') for 1 .. 5;

    my @seen = requests($h1, $from);
    cmp_ok(scalar @seen, '>=', 5 * 3, 'the API saw them all');
    is_deeply(values_of(protocol => @seen), ['HTTP/1.1'], 'over HTTP/1.1');
    is(scalar @{values_of(connection => @seen)}, 1,
       'one after the other, on one connection');

    my @res = concurrent(map {
        [client('H1'), POST => '/_wix/login', json => {%ann}]
    } 1 .. 8);
    is(scalar(grep { $_->status == 200 } @res), 8, 'eight logins at once');

    cmp_ok(scalar @{values_of(connection => requests($h1, $from))}, '<=', 8,
           'and not more than eight connections');
};


subtest 'plain http: connections are reused' => sub {
    my ($last) = map { $_->{seq} } reverse $emu->log_entries('*');

    logs_in('PLAIN', 'a login') for 1 .. 4;

    my @seen = grep { $_->{role} eq 'api' }
        $emu->log_entries('*', after => $last);
    cmp_ok(scalar @seen, '>=', 4 * 3, 'the API saw them all');
    is(scalar @{values_of(connection => @seen)}, 1, 'on one connection');
};


# libcurl wants a session cache at the server for TLS 1.2, tickets for 1.3

subtest 'a new connection resumes the TLS session' => sub {
    for my $case (['TLS12', $tls12], ['TLS13', $tls13]) {
        my ($name, $front) = @$case;
        my $from = lines($front);

        logs_in($name, $name) for 1 .. 3;

        my @seen = requests($front, $from);

        is(scalar @{values_of(connection => @seen)}, scalar @seen,
           "$name: each request has its own connection");

        my $resumed = grep { $_->{reused} eq 'r' } @seen;
        cmp_ok($resumed, '>=', @seen - 1,
               "$name: all but the first are resumed")
            or diag("$resumed of " . @seen);
    }
};


# A connection that was kept and is dead: neither an error for the member, nor
# a password that is sent twice.

subtest 'the API closes the connections' => sub {
    logs_in('H1', 'before');
    logs_in('GOOD', 'before');

    my ($last) = map { $_->{seq} } reverse $emu->log_entries('*');

    for my $front ($h1, $good) {
        $front->stop;
        $front->start;
    }

    logs_in('H1', 'after the server of HTTP/1.1 has been started anew');
    logs_in('GOOD', 'and that of HTTP/2');

    is($emu->count('login', after => $last), 2, 'one call for each login');
};


# With response mode direct we go to the site ourselves, with a session token:
# the API's store is used for that, and who is not trusted sees nothing of it.

subtest 'the site, in direct mode' => sub {
    start_front(port_name => 'SITE_PORT', api => $emu->site);
    start_front(port_name => 'ROGUE_SITE_PORT', api => $emu->site,
                cert => 'rogue');

    my $direct = start_nginx(conf => conf(
        DIRECT => ['https://localhost:%%GOOD_API_PORT%%', 'ca',
                   'wix_auth_response_mode direct;']));

    my $login = sub {
        my ($site) = @_;
        my $from = length $direct->error_log;

        $emu->control(POST => '/config', {
            siteUrl => 'https://localhost:' . port($site)});

        my $b = client('DIRECT');
        my $res = $b->post('/_wix/login', json => {%ann});
        is($res->status, 200, "$site: status") or diag($res->body);

        return (($res->json // {})->{redirectUrl} // '',
                $b->get('/_wix/session')->json->{authenticated},
                substr $direct->error_log, $from);
    };

    my ($url, $session) = $login->('SITE_PORT');
    is($url, '/', 'a certificate that is right: to the page');
    ok($session, 'with a session');

    my $asked = $emu->count('authorize');

    ($url, $session, my $log) = $login->('ROGUE_SITE_PORT');
    like($url, qr{^https://localhost:\d+/_api/oauth2/authorize\?},
         'one that is wrong: the browser may go there itself');
    ok(!$session, 'without a session');
    is($emu->count('authorize'), $asked, 'the site was told nothing');
    like($log, qr/wix_auth: direct: upstream_unavailable, TLS failed/,
         'the log says why');
};

done_testing();


sub origin { return 'http://localhost:' . port("$_[0]_PORT") }

sub client {
    my ($name) = @_;
    return browser(base => origin($name));
}

# a server for each name: [API, trusted certificate, other directives]
sub conf {
    my (%api) = @_;

    # the breaker is a client's, and here that has many APIs, bad ones too
    return join '', "wix_auth_api_breaker off;\n", map {
        my ($url, $ca, $more) = @{$api{$_}};
        my $trusted = !defined $ca ? ''
            : 'wix_auth_api_trusted_certificate '
                . ($ca =~ m{/} ? $ca : "%%CERTS%%/$ca.pem") . ';';

        <<"END";
server {
    listen 127.0.0.1:%%${_}_PORT%%;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_login_limit off;
    wix_auth_api $url;
    $trusted
    @{[$more // '']}
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { }
}
END
    } sort keys %api;
}

# the answer to a login, and what was logged about it
sub attempt {
    my ($name) = @_;

    my $from = length $nginx->error_log;
    my $res = client($name)->post('/_wix/login', json => {%ann});

    return ($res, join '', map { "$_\n" } grep { / wix_auth: / }
            split /\n/, substr $nginx->error_log, $from);
}

sub logs_in {
    my ($name, $what) = @_;

    my $b = client($name);
    my $res = login($b, %ann);

    # nothing is there, but the gate has let it through
    return is($res->status, 403, "$what: the login succeeds")
        || diag("$res->{url}: " . ($res->body =~ /data-error="(\w*)"/
                                    ? $1 : $res->body));
}

sub is_refused {
    my ($name, $what) = @_;

    my $before = calls();
    my ($res, $log) = attempt($name);

    is($res->status, 503, "$what: refused");
    is(($res->json // {})->{error}, 'upstream_unavailable', "$what: reason");
    like($log, qr/\[error\].*wix_auth: \w+: upstream_unavailable, TLS failed/,
         "$what: the log says that it was TLS") or diag($log);
    is(calls(), $before, "$what: the API was told nothing");
    is_deeply([$res->headers('Location')], [], "$what: no redirect");

    return;
}


# without what makes no sense: a TLS handshake, for one who does not speak it
sub calls { return scalar grep { $_->{op} ne 'unknown' } $emu->log_entries }


# Fronts and what they saw

sub front_with {
    my ($port, $cert) = @_;
    my $dir = temp_dir();

    return start_nginx(module => 0, scan => 0, debug => 0, conf => <<"END");
server {
    listen 127.0.0.1:%%$port%% ssl;
    server_name localhost;
    ssl_certificate $dir/$cert.pem;
    ssl_certificate_key $certs/server.key;
    location / { proxy_pass %%API%%; }
}
END
}

sub lines { return scalar split /\n/, slurp($_[0]->dir . '/front.log') }

sub requests {
    my ($front, $from) = @_;

    my @lines = split /\n/, slurp($front->dir . '/front.log');

    return map {
        my %r;
        @r{qw(protocol connection nth method uri status reused)} = split / /;
        \%r;
    } @lines[$from .. $#lines];
}

sub values_of {
    my ($field, @requests) = @_;
    my %seen = map { $_->{$field} => 1 } @requests;
    return [sort keys %seen];
}


# Certificates for the key of the good one

sub make_expired {
    my $dir = temp_dir();

    openssl("x509 -req -in $certs/server.csr -CA $certs/ca.pem "
        . "-CAkey $certs/ca.key -CAserial $dir/ca.srl -CAcreateserial "
        . "-days -1 -extfile $certs/server.ext -out $dir/expired.pem");
    return;
}

sub make_self_signed {
    my $dir = temp_dir();

    openssl("x509 -req -in $certs/server.csr -signkey $certs/server.key "
        . "-days 2 -extfile $certs/server.ext -out $dir/self-signed.pem");
    return;
}

sub openssl {
    my ($args) = @_;
    my $out = `openssl $args 2>&1`;
    die "openssl $args:\n$out\n" if $?;
    return;
}
