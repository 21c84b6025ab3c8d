#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The body of a request that waits for a refresh reaches the site byte for
# byte: all sizes, lengths and chunks, HTTP/1.1 and HTTP/2, one connection for
# many requests, pipelined, and with Expect: 100-continue.

use strict;
use warnings;

use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use IO::Select;
use JSON::PP ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant DELAY => 0.2;

start_emulator(member => [MEMBER . ':' . PASSWORD]);
start_upstream();

my $nginx = start_nginx(workers => 2, conf => gate(
    http   => 'client_max_body_size 8m; client_body_buffer_size 16k;'
        . ' proxy_http_version 1.1;',
    server => <<'END',
    location /site { proxy_pass http://%%UPSTREAM%%; }
    location /straight { proxy_pass http://%%UPSTREAM%%;
                         proxy_request_buffering off; }
END
) . <<'END');
server {
    listen 127.0.0.1:%%H2_PORT%% http2;
    listen 127.0.0.1:%%H2_TLS_PORT%% ssl http2;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /site { proxy_pass http://%%UPSTREAM%%; }
    location /straight { proxy_pass http://%%UPSTREAM%%;
                         proxy_request_buffering off; }
}
END
page($nginx);

short_tokens(1);
my @old = expired(75);
sub old { return shift @old // expired(1) }

# every refresh takes its time
refresh_fault({type => 'delay', seconds => DELAY}, count => -1);

# bytes of all kinds; no two parts are alike, so a lost or doubled one shows
sub body {
    my ($size) = @_;

    my ($text, $n) = ('', 0);
    $text .= md5_hex($n++) . pack('n', $n) . "\r\n\0"
        while length $text < $size;
    return substr $text, 0, $size;
}

my @sizes = ([0, '0 B'], [1, '1 B'], [65_536, '64 KB'], [2_097_152, '2 MB']);
my %body = map { $_->[1] => body($_->[0]) } @sizes;

sub chunked {
    my ($body, $size) = @_;

    my $text = '';
    for (my $at = 0; $at < length $body; $at += $size) {
        my $part = substr $body, $at, $size;
        $text .= sprintf("%x\r\n", length $part) . "$part\r\n";
    }
    return $text . "0\r\n\r\n";
}

# what the site got is what was sent, and the request has waited
sub arrived {
    my ($res, $body, $what, $verdict) = @_;

    my $got = $res->json // {};

    is(verdict($res), $verdict // '200 REFRESHED', "$what: passes");
    is($got->{method}, 'POST', "$what: as a POST");
    is($got->{length}, length $body, "$what: the length");
    is($got->{body_md5}, md5_hex($body), "$what: the bytes");
    return;
}


for my $path ('/site', '/straight') {
    subtest "$path: with Content-Length" => sub {
        for (map { $_->[1] } @sizes) {
            my $res = get_post(old(), $path, body => $body{$_});
            arrived($res, $body{$_}, $_);
            cmp_ok($res->{time}, '>=', DELAY * 0.9, "$_: has waited");
        }
    };

    subtest "$path: in chunks" => sub {
        for (map { $_->[1] } @sizes) {
            my $res = get_post(old(), $path,
                headers => {'Transfer-Encoding' => 'chunked'},
                body => chunked($body{$_}, 7_001));
            arrived($res, $body{$_}, $_);
        }
    };

    subtest "$path: the body comes while the request waits, and after" => sub {
        for my $wait (0.1, DELAY + 0.3) {
            my $b = old();
            my $c = conn();
            my $body = $body{'64 KB'};
            my $bytes = $c->bytes($b, POST => $path, body => $body);
            my $half = length($bytes) - 40_000;

            $c->write(substr($bytes, 0, $half), 'POST');
            sleep $wait;
            $c->write(substr $bytes, $half);
            arrived($c->read, $body, "the rest after $wait s");
        }
    };

    subtest "$path: one connection for many requests" => sub {
        my $c = conn();

        for (map { $_->[1] } @sizes) {
            $c->send(old(), POST => $path, body => $body{$_});
            arrived($c->read, $body{$_}, $_);
        }

        # what follows is not taken for a rest of the body
        my $b = old();
        is(verdict($c->get($b, $path)), '200 REFRESHED', 'a GET afterwards');
        is(verdict($c->get($b, $path)), '200 HIT', 'and a hit');
    };

    subtest "$path: pipelined" => sub {
        my ($one, $two) = (old(), old());
        my $c = conn();

        my @bodies = ($body{'1 B'}, body(5_000), body(30_000), '');
        my $bytes = join '',
            $c->bytes($one, POST => "$path?1", body => $bodies[0]),
            $c->bytes($two, POST => "$path?2", body => $bodies[1]),
            $c->bytes($one, POST => "$path?3",
                headers => {'Transfer-Encoding' => 'chunked'},
                body => chunked($bodies[2], 999)),
            $c->bytes($two, POST => "$path?4", body => $bodies[3]),
            $c->bytes($one, GET => "$path?5");

        $c->write($bytes);
        my @want = ('200 REFRESHED', '200 REFRESHED', '200 HIT', '200 HIT');

        for my $n (0 .. 3) {
            push @{$c->{asked}}, 'POST';
            my $res = $c->read;
            arrived($res, $bodies[$n], "request $n", $want[$n]);
            is(($res->json // {})->{uri}, "$path?" . ($n + 1), 'in order');
        }

        is(verdict($c->read), '200 HIT', 'the GET at the end');
    };

    subtest "$path: Expect: 100-continue" => sub {
        for (map { $_->[1] } grep { $_->[0] } @sizes) {
            my $b = old();
            my $c = conn();
            my $bytes = $c->bytes($b, POST => $path, body => $body{$_},
                headers => {Expect => '100-continue'});
            my ($head) = $bytes =~ /\A(.*?\r\n\r\n)/s;
            my $start = time;

            $c->write($head, 'POST');
            is(interim($c), 'HTTP/1.1 100 Continue', "$_: asked to go on");
            cmp_ok(time - $start, '>=', DELAY * 0.9,
                   "$_: not before it is let in");

            $c->write(substr $bytes, length $head);
            arrived($c->read, $body{$_}, $_);
        }

        # one that does not wait for the 100
        my $c = conn();
        $c->send(old(), POST => $path, body => $body{'64 KB'},
                 headers => {Expect => '100-continue'});
        arrived($c->read, $body{'64 KB'}, 'impatient');
    };

    subtest "$path: HTTP/2" => sub {
        plan skip_all => 'this nginx has no HTTP/2' if !have_module('http_v2');

        for (map { $_->[1] } @sizes) {
            arrived(h2(old(), $path, $body{$_}), $body{$_}, $_);
        }

        arrived(h2(old(), $path, $body{'2 MB'},
                   '-H', 'Expect: 100-continue'), $body{'2 MB'}, 'Expect');
    };
}

subtest 'many bodies at once through one refresh' => sub {
    my $b = old();
    my $before = refreshes();

    my @bodies = map { body(1_000 * $_) . $_ } 1 .. 30;
    my @res = concurrent(map {
        [$b->clone, POST => '/site', body => $_,
         headers => {'Sec-Fetch-Mode' => 'cors'}]
    } @bodies);

    my @bad = grep {
        $res[$_]->status != 200
            || ($res[$_]->json // {})->{body_md5} ne md5_hex($bodies[$_])
    } 0 .. $#bodies;

    is_deeply(\@bad, [], 'each has its own');
    is(refreshes() - $before, 1, 'one call');
};

subtest 'many streams of one HTTP/2 connection' => sub {
    plan skip_all => 'this nginx has no HTTP/2' if !have_module('http_v2');
    my $b = old();
    my $before = refreshes();
    my $file = temp_dir() . '/stream';
    my $url = 'https://localhost:' . port('H2_TLS_PORT') . '/site?many';

    # over TLS, where curl shares one connection from the start
    spew($file, $body{'64 KB'});

    my @out = map { temp_dir() . "/out$_" } 1 .. 12;
    system('curl', '-s', '-Z', '--max-time', slow(20), '--cacert',
        certs() . '/ca.pem', '--stderr', '/dev/null', '--noproxy', '*', '-H', cookie_of($b), '-H',
        'Content-Type: application/octet-stream', '--data-binary',
        "\@$file", map { ($url, '-o', $_) } @out);

    my @bad = grep {
        my $got = eval { JSON::PP::decode_json(slurp($_)) } // {};
        ($got->{body_md5} // '') ne md5_hex($body{'64 KB'})
    } @out;

    is_deeply(\@bad, [], 'each is whole');
    is(refreshes() - $before, 1, 'one call');

    my @lines = grep { m{"POST /site\?many HTTP/2\.0" 200} }
        split /\n/, $nginx->access_log;
    is(scalar @lines, 12, 'in HTTP/2');
};

subtest 'a body that is too large is refused as ever' => sub {
    my $c = conn();
    my $b = old();
    my ($head) = $c->bytes($b, POST => '/site', headers => {
        'Content-Length' => 100_000_000}) =~ /\A(.*?\r\n\r\n)/s;

    $c->write($head, 'POST');
    is($c->read->status, 413, 'client_max_body_size');
    is(verdict(get($b)), '200 REFRESHED', 'that has cost no refresh');
};

done_testing();


sub get_post {
    my ($b, $path, %opt) = @_;

    return $b->post($path, %opt, headers => {
        'Sec-Fetch-Mode' => 'cors', %{$opt{headers} // {}}});
}

# the status line of an interim answer
sub interim {
    my ($c) = @_;

    wait_for {
        return 1 if $c->{in} =~ /\r\n\r\n/;
        IO::Select->new($c->sock)->can_read(0.1)
            and sysread $c->sock, $c->{in}, 4096, length $c->{in};
        return;
    } 5;

    return $c->{in} =~ s{\A(HTTP/1\.1 100[^\r]*)\r\n\r\n}{} ? $1 : $c->{in};
}

sub cookie_of {
    my ($b) = @_;
    return 'Cookie: ' . $b->cookie_header('http', 'localhost', '/');
}

sub h2 {
    my ($b, $path, $body, @args) = @_;

    my $file = temp_dir() . '/h2';
    spew($file, $body);

    return curl('--http2-prior-knowledge', '-H', cookie_of($b),
        '-H', 'Content-Type: application/octet-stream', @args,
        '--data-binary', "\@$file",
        'http://localhost:' . port('H2_PORT') . $path);
}
