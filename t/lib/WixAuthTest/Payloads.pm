package WixAuthTest::Payloads;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the abuse tests share: noise that is the same at every run, requests as
# nobody should send them, addresses that lead elsewhere, and ways to send
# thousands of requests in seconds.  A file reads
#
#     use WixAuthTest;
#     use WixAuthTest::Payloads;
#
#     my $random = noise();               # of SEED, or of a fixed one
#     my @case = raw_requests('/x');      # [name, bytes]
#     my @text = volley($port, map { $_->[1] } @case);
#     my @res  = batch($port, ['GET', '/x', "Accept: */*\r\n"], ...);

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use WixAuthTest;

our @EXPORT = qw(
    noise show unique
    raw_targets raw_methods raw_versions raw_headers raw_requests framings
    field_values json_bodies mutate_bytes
    return_urls mutate_urls judge
    spellings
    volley batch statuses
    h2_frame h2_headers h2_answers
);


# Noise.  ->n($max) is below $max; ->pick(@list), ->bytes($n), ->seed

sub noise {
    my ($seed) = @_;

    $seed //= $ENV{SEED} // 20260115;
    note "SEED=$seed";

    return bless {seed => $seed, state => $seed},
        'WixAuthTest::Payloads::Noise';
}

# bytes for a person's eyes
sub show {
    my ($bytes, $max) = @_;

    $max //= 160;
    my $more = length $bytes > $max ? ' .. ' . length $bytes : '';
    return substr($bytes, 0, $max)
        =~ s/([^ -~]|\\)/sprintf '\\x%02x', ord $1/ger . $more;
}

sub unique {
    my %seen;
    return grep { !$seen{$_}++ } @_;
}


# Requests as bytes

# what stands where a path should, made from one path
sub raw_targets {
    my ($path) = @_;

    my ($name) = $path =~ m{([^/]*)$};
    my ($dir) = $path =~ m{^(.*/)};

    return unique(
        # percent encoding that is none, and what hides in it
        (map { "$path$_" } qw(%zz % %4 %4g %g4 %% %%34 %25%7a %u0041 %uff0f
            %00 %00.png %01 %0a %0d%0a %09 %20 %7f %80 %ff %2500 %252e
            %c0%af %c1%9c %c0%ae%c0%ae %e0%80%af %f0%80%80%af
            %f8%80%80%80%af %fc%80%80%80%80%af %ed%a0%80 %f4%90%80%80 %fe%ff
            %c3 %c3%28 %e2%82 %a0%a1)),

        # raw bytes
        (map { "$path$_" } "\0", "\0.png", "\1", "\x08", "\t", "\x0b", "\x1b",
            "\x7f", "\x80", "\xff\xfe", "\xc0\xaf", "\xe0\x80\xaf",
            "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xef\xbb\xbf",
            "\\", "\\..\\", '"', "'", '<', '>', '{}', '|', '^', '`', '[', ']'),

        # dots and slashes
        "/$path", "//$path", "///$path", "$path/", "$path//", "$dir/$name",
        "/.$path", "/..$path", "/../..$path", "/./././.$path", "$dir./$name",
        "/nothing/..$path", "/nothing/../..$path", "/%2e$path",
        "/%2e%2e$path", "/nothing/%2e%2e$path", "/nothing/.%2e$path",
        "/nothing%2f..$path", "/%2e%2e%2f$name", "/%252e%252e$path",
        "/nothing/..%2f$name", "/nothing/..%5c$name", "/nothing/..%00$path",
        "/off/..$path", "/off/../off/..$path", "/off%2f..$path",
        "/off/%2e%2e$path", "/off/..;$path", "/off;/..$path",
        "/off/..//..$path", "/off/.../$name", "/off\\..$path",
        '/' . '../' x 300 . $name, '/' . './' x 2000 . $name,
        '/' . '/' x 4000 . $name, '/..' x 40 . $path,

        # parameters, query, fragment
        "$path;", "$path;/off/", "$path;a=b", "/;$path", "/off/;$path",
        "$path/;/..", "$path?", "$path??", "$path?/off/", "$path?&&&",
        "$path?=", "$path?%", "$path?%zz", "$path?a=%00", "$path?a=\0",
        "$path?\xff\xfe=\xc0\xaf", "$path?../off/", "$path#", "$path#/off/",
        "$path%23/off/", "$path%3f/off/", "$path?#?#", "$path?a=b c",

        # absolute form, and others that are none
        (map { "$_$path" } 'http://localhost', 'http://LOCALHOST',
            'HTTP://localhost', 'https://localhost', 'http://localhost:80',
            'http://localhost:', 'http://localhost:0', 'http://localhost:99999',
            'http://localhost:-1', 'http://localhost:x', 'http://other.test',
            'http://user:pass@localhost', 'http://@localhost', 'http://',
            'http:/', 'http:', 'http://[::1]', 'http://[::1', 'http://::1',
            'http://localhost\\', 'http://local%68ost', "http://local\0host",
            'http://localhost%00.test', 'http://..', 'http://-', 'ftp://x',
            'file://', 'x://localhost', '://localhost', 'localhost',
            'localhost:80', 'http://' . 'a' x 300, 'http://a/..', 'HTTP:',
            "http://localhost/off/..", 'http://localhost?', 'gopher:',
            'http://localhost//', 'http://xn--/'),
        'http://localhost', 'http://localhost?x', 'http://localhost#', 'http:',
        '*', '**', "*$path", '@named', '', '?', '#', '?x', '.', '..', './',
        substr($path, 1), "\$uri", "\${request_uri}$path",

        # spaces and their like
        " $path", "  $path", "\t$path", "$path ", "$path  x", "/ $path",
        "$path HTTP/1.0", "$path\r", "$path\rX: y", "$path\x0b$path",

        # other letters
        uc $path, "/\u$name", "/OFF/..$path", "/oFf$path",
        $path =~ s/([a-z])/sprintf '%%%02x', ord $1/er,
        $path =~ s/([a-z])/sprintf '%%%02X', ord $1/ger,
        $path =~ s/([a-z])/sprintf '%%25%02x', ord $1/er,

        # long ones
        (map { $path . 'x' x $_ } 1000, 8000, 16300, 33000, 70_000,
            90_000),
        "$path?" . 'y' x 8000, "$path?" . 'a=b&' x 1000,
        $path . '%41' x 2600, $path . '%' x 300,
        "$path?return=" . '%2f' x 2600,
    );
}

sub raw_methods {
    return ('HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE',
        'CONNECT', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK',
        'UNLOCK', 'LINK', 'UNLINK', 'TRACK', 'DEBUG', 'PURGE', 'QUERY', 'PRI',
        'get', 'Get', 'GeT', 'G', 'GE', 'GETS', 'GET1', 'GET_', '_GET', 'G-T',
        'G%45T', 'GET%20', "GET\t", "GET\0", "\0GET", "G\0ET", 'GET,POST',
        "GET\x0b", "\xef\xbb\xbfGET", "\xff", '', ' GET', "\r\nGET", "\nGET",
        "\r\n\r\nGET", "\rGET", 'GET ' . '/off/' . ' GET', '"GET"', 'G' x 300,
        'X' x 9000, 'X' x 66_000, "POST\x7f", 'P0ST', 'post', 'HEAD,',
        "GET\r\n", 'GET/x', '$GET', 'GET:', '1', 'HTTP/1.1', 'HTTP/1.1 200');
}

# what ends a request line
sub raw_versions {
    return ('', ' ', '  ', ' HTTP/1.0', ' HTTP/0.9', ' HTTP/1.2', ' HTTP/1.10',
        ' HTTP/1.01', ' HTTP/01.1', ' HTTP/1.', ' HTTP/1', ' HTTP/.1',
        ' HTTP/', ' HTTP', ' HTT', ' H', ' HTTP/2', ' HTTP/2.0', ' HTTP/3.0',
        ' HTTP/9.9', ' HTTP/99.99', ' HTTP/1.999999999999', ' HTTP/-1.1',
        ' HTTP/+1.1', ' HTTP/1,1', ' HTTP/1.1.1', ' HTTP/1.1x', ' HTTP/1.x',
        ' HTTP/0x1.1', ' HTTP /1.1', ' HTTP/ 1.1', ' HTTP/1 .1', ' HTTP/1. 1',
        ' HTTP/1.1 ', ' HTTP/1.1  ', " HTTP/1.1\t", " HTTP/1.1\0",
        "\tHTTP/1.1", "  HTTP/1.1", " \tHTTP/1.1", "\0HTTP/1.1", ' http/1.1',
        ' Http/1.1', ' HTTPS/1.1', ' SHTTP/1.1', ' ICY/1.1', ' RTSP/1.0',
        ' HTTP/1.1 HTTP/1.1', ' HTTP/1.0 HTTP/1.1', ' x HTTP/1.1',
        " HTTP/1.1\r", " HTTP/\xb1.1", ' HTTP/1.1;', ' HTTP/1.1#',
        ' HTTP/1.' . '1' x 5000, ' ' x 5000 . 'HTTP/1.1');
}

# Lines before the empty one.  A host is among them unless that is the point.
sub raw_headers {
    my $host = "Host: localhost\r\n";

    return (
        # hosts
        '', "Host:\r\n", "Host: \r\n", "Host\r\n", "$host$host",
        "${host}Host: other.test\r\n", "Host: a/b\r\n", "Host: a\\b\r\n",
        "Host: a b\r\n", "Host: localhost,other\r\n", "Host: local\0host\r\n",
        "Host: localhost:\r\n", "Host: localhost:x\r\n", "Host: :80\r\n",
        "Host: localhost:99999999999\r\n", "Host: [::1]\r\n", "Host: [::1\r\n",
        "Host: ::1\r\n", "Host: ..\r\n", "Host: .\r\n", "Host: a..b\r\n",
        "Host: localhost.\r\n", "Host: localhost..\r\n", "Host: LOCALHOST\r\n",
        "Host: user\@localhost\r\n", "Host: localhost#\r\n",
        "Host: localhost?x\r\n", "Host: \xff\xfe\r\n", "Host: %6cocalhost\r\n",
        "Host: local\thost\r\n", "Host: -\r\n", "Host: \$host\r\n",
        'Host: ' . 'a' x 300 . "\r\n", 'Host: ' . 'a.' x 4000 . "\r\n",
        "Host : localhost\r\n", "Host:localhost\r\n", "hOsT:\tlocalhost\r\n",
        " $host", "\t$host", "Host: localhost\r\n X: y\r\n",

        # names
        (map { "$host$_\r\n" } ': x', ' : x', 'x', '=', 'X : y', "X\t: y",
            'X Y: z', "X\0: y", "\0: y", "X\x7f: y", "X\xff: y", 'X(): y',
            '"X": y', 'X;Y: z', "X\x0b: y", 'X_Y: z', '_: y', '-: y', 'X:',
            'X::y', 'X: ', "X:\t", 'X' x 9000 . ': y', 'X-' x 100 . ': y',
            'GET / HTTP/1.1'),

        # values
        (map { "${host}X: $_\r\n" } "\0", "a\0b", "a\rb", "a\r\0b", "a\x0bb",
            "\x7f", "\x80\xff", "\xc0\xaf", "\xed\xa0\x80", "a\x08", 'a' x 8000,
            'a' x 64_000, 'a' x 70_000, ' ' x 5000, "\t" x 5000),

        # lines that go on, and ends that are none
        "${host}X: a\r\n b\r\n", "${host}X: a\r\n\tb\r\n", "${host} x: y\r\n",
        "${host}X: a\r\n \r\n", "${host}X: a\n", "X: a\n$host", "${host}X: a\r",
        "${host}X: a\n\rY: b\r\n", "${host}X: a\r\r\n", "Host: localhost\n",
        "Host: localhost\r", "\r\n$host", "\n$host",

        # many
        (map { my $n = $_; ($host . "X: y\r\n" x $n,
            $host . join('', map { "X-$_: $_\r\n" } 1 .. $n),
            $host . join('', map { "X-$_: " . 'z' x 60 . "\r\n" } 1 .. $n),
            $host . ": y\r\n" x $n, $host . "X_Y: z\r\n" x $n,
            $host . "X-Wix-Auth-Member-Id: m\r\n" x $n,
            $host . join('', map { "X-Wix-Auth-$_: m\r\n" } 1 .. $n),
            $host . "Cookie: a=b\r\n" x $n) } 990, 1200),
        $host . "Accept: text/html\r\n" x 200,
        $host . 'Accept: ' . 'text/html;q=0.5,' x 4000 . "\r\n",
        $host . 'Accept: ' . ',;=' x 10_000 . "\r\n",

        # cookies
        (map { "${host}Cookie: $_\r\n" } '', ';', ';;;;', '=', '=;=', 'a',
            'a=', '=a', 'a=b=c', "a=\0", "wix_auth=\0", "wix_auth\0=x",
            'wix_auth', 'wix_auth=', 'wix_auth==', 'wix_auth;', '"wix_auth"=x',
            'wix_auth="' . 'A' x 54 . '"', 'wix_auth=' . 'A' x 54,
            'wix_auth=' . "\xff" x 54, 'wix_auth=' . '%41' x 54,
            'wix_auth=' . 'A' x 64_000, 'x' x 64_000, ';' x 64_000,
            '=' x 64_000, ' ' x 60_000 . 'wix_auth=' . 'A' x 54,
            'wix_auth=x;' x 5000, 'wix_auth_b=x;wix_auth_r=y;' x 2000,
            '$Version=1; $Path=/; wix_auth=' . 'A' x 54,
            join('; ', map { "c$_=v$_" } 1 .. 1000),
            join('; ', map { "wix_auth$_=v$_" } 1 .. 1000),
            join('; ', ('wix_auth=' . 'A' x 54) x 100),
            join(',', ('wix_auth=' . 'A' x 54) x 100),
            'wix_auth_r=' . 'A' x 60_000, 'wix_auth_b=' . 'A' x 60_000,
            'wix_auth_b=!' . 'A' x 22 . '; wix_auth_b=' . 'B' x 22,
            'wix_auth_t=' . 'A' x 60_000),
        $host . ('Cookie: wix_auth=' . 'A' x 54 . "\r\n") x 100,
        $host . "Cookie:\r\n" x 500, $host . "Cookie: ;\r\n" x 500,

        # what the gate and the endpoints read
        (map { "$host$_\r\n" } 'Authorization: ', 'Authorization: Bearer',
            'Authorization: Bearer ', 'Authorization: Bearer ' . 'A' x 9000,
            "Authorization: Bearer \0", "Authorization: Bearer \xff\xfe",
            'Authorization: Basic ' . 'A' x 9000, 'Authorization: OauthNG.',
            'Authorization: OauthNG.JWS.' . 'A' x 9000,
            'Authorization: OauthNG.JWS.a.b.c', 'Authorization: Basic !!',
            'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Mode: ' . 'n' x 9000,
            'Sec-Fetch-Site: none', 'Sec-Fetch-Site: same-origin',
            'Upgrade: websocket', 'Upgrade: h2c', 'Upgrade: ' . 'x' x 9000,
            "Connection: upgrade, http2-settings\r\nHTTP2-Settings: AAMA\r\n"
                . 'Upgrade: h2c', 'Connection: close, close, keep-alive',
            'Connection: X-Wix-Auth-Member-Id', 'Keep-Alive: 99999999999',
            'Range: bytes=0-0', 'Range: bytes=' . '0-0,' x 2000,
            'If-Modified-Since: x', 'If-None-Match: *', 'If-Match: "x"',
            'Expect: 100-continue', 'Expect: x', 'TE: trailers',
            'Origin: null', 'Origin: ', 'Origin: ' . 'http://a' x 1000,
            'Referer: ' . 'http://a/' x 1000, "Origin: http://a\0b",
            'X-Requested-With: ', "Accept: \0", "Accept: text/html;q=1e999",
            'Accept: text/html;q=-1, application/json;q=0.000001',
            'Content-Type: ', 'Content-Type: ' . 'a/' x 4000),
    );
}

# Two opinions of where a body ends: [name, lines, body].  What a lax reader
# would take for a second request begins with $inner.
sub framings {
    my ($inner) = @_;

    my $size = length $inner;
    my $chunk = sprintf "%x\r\n%s\r\n0\r\n\r\n", $size, $inner;
    my $end = "0\r\n\r\n$inner";
    my $long = "Content-Length: $size";
    my $te = 'Transfer-Encoding: chunked';
    my $cl = sub { "Content-Length: $_[0]" };

    return (
        ['CL and TE', "$long\r\n$te", $chunk],
        ['TE and CL', "$te\r\n$long", $end],
        ['CL 0 and TE', $cl->(0) . "\r\n$te", $end],
        ['CL of the last chunk and TE', $cl->(5) . "\r\n$te", $end],
        ['two lengths', $cl->(0) . "\r\n$long", $inner],
        ['two lengths, the other way', "$long\r\n" . $cl->(0), $inner],
        ['the same length twice', "$long\r\n$long", $inner],
        ['a list of lengths', $cl->("$size, $size"), $inner],
        ['a list of two lengths', $cl->("0, $size"), $inner],
        (map { ["CL $_", $cl->($_), $inner] }
            '-1', "-$size", '+0', "+$size", '0x0', '00', '0 0', '0;', '0,',
            '1e1', ' ', '', 'x', '0.0', "0\0", '0 x', '"0"', '-0',
            '9223372036854775807', '9223372036854775808',
            '18446744073709551616', '9' x 40, '4294967296', '2147483648',
            "\xb2", '%30'),
        (map { ["TE $_", "Transfer-Encoding: $_", $end] }
            'identity', 'chunked, identity', 'identity, chunked',
            'gzip, chunked', 'chunked, chunked', 'chunked;q=1', 'xchunked',
            'chunkedx', 'chun ked', '"chunked"', "\x0bchunked", "chunked\0",
            "\tchunked\x0c", 'CHUNKED ,', ',chunked', 'chunked,', '', 'cow',
            "chunked\r\n identity", "\r\n chunked", 'chunked chunked'),
        (map { ["TE $_ and CL 0", "Transfer-Encoding: $_\r\n" . $cl->(0),
                $end] } 'identity', 'cow', 'xchunked', '', "chunked\0"),
        ['TE twice', "$te\r\n$te", $end],
        ['TE and identity', "$te\r\nTransfer-Encoding: identity", $end],
        ['identity and TE', "Transfer-Encoding: identity\r\n$te", $end],
        ['TE with a space', "Transfer-Encoding : chunked\r\n" . $cl->(0),
            $end],
        ['TE with a tab', "Transfer-Encoding\t: chunked\r\n" . $cl->(0), $end],
        ['TE with an underscore', "Transfer_Encoding: chunked\r\n" . $cl->(5),
            $end],
        ['TE folded', "X: y\r\n $te\r\n" . $cl->(5), $end],
        ['TE behind a bare CR', "X: y\r$te\r\n" . $cl->(5), $end],
        ['TE behind a bare LF', "X: y\n$te\r\n" . $cl->(5), $end],
        ['TE behind a NUL', "X: y\0$te\r\n" . $cl->(5), $end],
        ['CL with a space', "Content-Length : 0\r\n$long", $inner],
        ['CL folded', "Content-Length:\r\n $size", $inner],
        ['CL with an underscore', "Content_Length: 0\r\n$long", $inner],
        (map { ["chunk of $_->[0]", $te, $_->[1]] }
            ['size -1', "-1\r\n$end"], ['size +0', "+$end"],
            ['size 0x0', "0x$end"], ['no size', "\r\n$end"],
            ['a space', " 0\r\n\r\n$inner"], ['a tab', "\t0\r\n\r\n$inner"],
            ['size g', "g\r\n$end"], ['an underscore', "0_\r\n\r\n$inner"],
            ['an extension', "0;" . 'a=b;' x 3000 . "\r\n\r\n$inner"],
            ['a quoted extension', qq(0;a="\r\n\r\n$inner"\r\n\r\n)],
            ['bare LF', "0\n\n$inner"], ['bare CR', "0\r\r$inner"],
            ['an extension with LF', "0;\n\n$inner"],
            ['huge size', 'f' x 17 . "\r\n$end"],
            ['size 2^63', "8000000000000000\r\n$end"],
            ['size 2^64 - 1', "ffffffffffffffff\r\n$end"],
            ['size 2^32', "100000000\r\n$end"],
            ['many zeros', '0' x 5000 . "\r\n\r\n$inner"],
            ['the next line too near', "1\r\nx$end"],
            ['a missing end', "1\r\nxx\r\n$end"],
            ['trailers', "0\r\nContent-Length: 0\r\nX: y\r\n\r\n$inner"],
            ['a trailer without an end', "0\r\nX: $inner"],
            ['a NUL', "0\0\r\n\r\n$inner"]),
    );
}

# All of them for one path, one thing wrong at a time: [name, bytes]
sub raw_requests {
    my ($path, $extra) = @_;

    $extra //= '';
    my $tail = "Accept: text/html\r\n${extra}Connection: close\r\n\r\n";
    my $head = "Host: localhost\r\n$tail";
    my @list;

    push @list, map { ["target " . show($_, 60),
                       "GET $_ HTTP/1.1\r\n$head"] } raw_targets($path);
    push @list, map { ["method " . show($_, 60),
                       "$_ $path HTTP/1.1\r\n$head"] } raw_methods();
    push @list, map { ["version " . show($_, 60),
                       "GET $path$_\r\n$head"] } raw_versions();
    push @list, map { ["header " . show($_, 60),
                       "GET $path HTTP/1.1\r\n$_$tail"] } raw_headers();

    # the ends of lines, and requests of one line or less
    for my $end ("\n", "\r", "\n\r", "\r\r\n", "\0\r\n", "\r\n ", "\x0b",
                 "\x85", "\xe2\x80\xa8")
    {
        push @list, ['end ' . show($end),
                     "GET $path HTTP/1.1\r\n$head" =~ s/\r\n/$end/gr];
        push @list, ['first end ' . show($end),
                     "GET $path HTTP/1.1$end$head"];
        push @list, ['last end ' . show($end),
                     "GET $path HTTP/1.1\r\n" . $head =~ s/\r\n\z/$end/r];
    }
    push @list, map { ['all of it ' . show($_), $_] }
        "GET $path\r\n", "GET $path\n", "GET $path", "GET\r\n\r\n",
        "\r\n\r\n", "\0", "\0" x 4000, "\r\n" x 4000, "\n" x 4000, ' ' x 9000,
        "\xff" x 4000, "GET $path HTTP/1.1", "GET $path HTTP/1.1\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "\0" x 300,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"
            . "GET $path HTTP/1.1\r\n$head",
        "\r\n\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a" . "\x21\x11"
            . "GET $path HTTP/1.1\r\n$head",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "<xml>\r\n\r\n",
        '{"a":1}', "EHLO localhost\r\n", "GET $path HTTP/1.1\r\n" x 50 . $head;

    return @list;
}

# one to four bytes, or more, are not what they were
sub mutate_bytes {
    my ($random, $bytes) = @_;

    my @piece = ("\0", "\r", "\n", "\r\n", ' ', "\t", '/', '//', '\\', '..',
        '%', '%00', '%2f', '%2e', '%zz', '?', '#', ';', ':', '=', '&', '@',
        ',', '"', "\x7f", "\x80", "\xc0\xaf", "\xff", '*', '-1', '0', '9' x 20,
        "\r\n\r\n", "\r\nX: y", "\r\n ", 'HTTP/1.1', 'chunked', 'GET /off/',
        'Content-Length: 5', 'Transfer-Encoding: chunked', 'x' x 300);

    for (0 .. $random->n(4)) {
        my $at = $random->n(length($bytes) + 1);
        my $size = $random->n(8) + 1;
        my $how = $random->n(8);

        if ($how < 3) {
            substr $bytes, $at, 0, $random->pick(@piece);
        } elsif ($how == 3 && $at < length $bytes) {
            substr $bytes, $at, 1, chr $random->n(256);
        } elsif ($how == 4 && $at < length $bytes) {
            substr $bytes, $at, $size, '';
        } elsif ($how == 5 && $at < length $bytes) {
            my $part = substr $bytes, $at, 4 * $size;
            substr $bytes, $at, 0, $part x (1 + $random->n(3));
        } elsif ($how == 6 && $at < length $bytes) {
            my $bit = 1 << $random->n(8);
            substr $bytes, $at, 1, chr(ord(substr $bytes, $at, 1) ^ $bit);
        } elsif ($how == 7 && $random->n(6) == 0) {
            $bytes = substr $bytes, 0, $at;
        }
    }
    return $bytes;
}


# Fields

# values for a form or a query, encoded as they are to be sent
sub field_values {
    return (
        '', '%', '%4', '%zz', '%00', 'a%00b', "a\0b", '%0', '%%', '%25%30%30',
        '+', '%2b', '%20', '%0a', '%0d%0aX:%20y', "\xff\xfe", '%ff%fe',
        '%c0%af', '%c0%80', '%e0%80%80', '%f0%80%80%80', '%ed%a0%80',
        '%f4%90%80%80', '%c3', '%u0041', '%uff0f', '%26', '%3d', '=', '==',
        'a=b', 'a;b', '[]', '%5b%5d', '{"a":1}', '%22%3e%3cscript%3e',
        "'--", '${x}', '{{email}}', '%s%n%x', '../' x 20, '/..%00/', '//x',
        'null', 'true', '0', '-1', '1e999', '9' x 40, 'A' x 22, 'A' x 51,
        'A' x 54, 'A' x 250, 'A' x 1000, 'A' x 4097, 'A' x 12_000, '%41' x 5000,
        'A' x 64_000, "\x01", "\x7f", '%01%02', "\t", '%e2%80%ae', '%ef%bb%bf',
        'a@b', 'ann%40example.com', '%40', '@' x 60, "a\@b\xff", 'a@b%00.test',
    );
}

# JSON bodies as nobody should send them; NAME is a field's
sub json_bodies {
    my ($name, $value) = @_;

    my $good = qq("$name":"$value");

    return (
        '', ' ', '{', '}', '{}', '[]', '[{}]', '[', ']', 'null', 'true', '1',
        '""', '"', "{$good", "$good}", "{$good,}", "{,$good}", "{$good,,}",
        "{$good}x", "{$good}{$good}", "{$good} {}", "{$good}\0", "\0{$good}",
        "\xef\xbb\xbf{$good}", "\xff\xfe{$good}", "{$good,$good}",
        qq({$good,"$name":null}), qq({"$name":null,$good}),
        qq({"$name":}), qq({"$name"}), qq({$name:"x"}), qq({'$name':'x'}),
        qq({"$name":x}), qq({"$name":NaN}), qq({"$name":Infinity}),
        (map { qq({"$name":$_}) } 'null', 'true', '1', '-0', '1e999', '-1e-999',
            '01', '1.', '.1', '0x1', '9' x 400, '[]', '{}', '["x"]',
            '{"x":"y"}', '[[[[]]]]', '""', '" "', '"\\u0000"', '"a\\u0000b"',
            '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u"',
            '"\\u12"', '"\\uZZZZ"', '"\\x41"', '"\\"', '"\\', "\"a\0b\"",
            "\"\n\"", "\"\t\"", "\"\x01\"", "\"\xff\"", "\"\xc0\xaf\"",
            "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc3\"",
            '"' . 'A' x 12_000 . '"', '"' . '\\u0041' x 2500 . '"',
            '"' . 'A' x 64_000 . '"', '"<script>"', '"{{email}}"'),
        qq({"\\u${\ sprintf '%04x', ord $name}${\ substr $name, 1}":"x"}),
        qq({"\\u${\ sprintf '%04x', ord $name}${\ substr $name, 1}":"x",$good}),
        qq({"$name\\u0000":"x",$good}), qq({"":"x",$good}),
        qq({"\xff":"x",$good}), qq({"__proto__":{"$name":"x"}}),
        qq({"\u$name":"x"}), "{$good/*x*/}", "{$good//x\n}",
        '{"a":' x 40 . '1' . '}' x 40, '[' x 1000 . ']' x 1000,
        '{"a":' x 3000, '[' x 16_000, '{"a":[' x 2000,
        '{' . join(',', map { qq("k$_":"v") } 1 .. 1000) . '}',
        '{' . join(',', map { qq("k$_":"v") } 1 .. 1000) . ",$good}",
        qq({"profile":{"$name":"x"},$good}), qq({"profile":"x",$good}),
        qq({"profile":[1,[2,{"a":null}]],$good}),
        '{"profile":' . '{"a":' x 30 . '1' . '}' x 30 . ",$good}",
        '{' . 'x' x 70_000, ' ' x 16_000 . "{$good}", "{$good}" . "\n" x 16_000,
    );
}


# Addresses that should lead away, made of the tricks that are known: what
# parsers, regular expressions and decoders disagree about.
# return_urls('http://localhost:8000', 'https://app.example.com', ...): our own
# origin and others that are allowed

my @space = ("\t", "\n", "\r", "\x0b", "\x0c", "\0", "\x01", "\x1f", ' ',
    "\x7f", "\xa0", "\xc2\xa0", "\xc2\x85", "\xe1\x9a\x80", "\xe2\x80\x8b",
    "\xe2\x80\xa8", "\xe2\x80\xae", "\xe3\x80\x80", "\xef\xbb\xbf",
    "\xc2\xad", "\xe1\xa0\x8e", "\r\n", "\n\n", "\t\t");

my @slash = ("\xe2\x81\x84", "\xe2\x88\x95", "\xe2\xa7\xb8", "\xef\xbc\x8f",
    "\xef\xbc\xbc", "\xef\xb9\xa8", "\xe2\xa7\xb5", "\xc0\xaf", "\xc1\x9c",
    "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xa5");

sub percent { return $_[0] =~ s/(.)/sprintf '%%%02x', ord $1/gesr }
sub twice { return percent($_[0]) =~ s/%/%25/gr }

sub return_urls {
    my @origin = @_;

    my ($own, @other) = map { s{^https?://}{}r } @origin;
    my ($name, $port) = $own =~ /^(.*?)(?::(\d+))?$/;
    my $to = 'evil.test';
    my @list;

    # two slashes, or what somebody takes for two
    my @lead = ('//', '///', '////', '/////', '//////', '\\\\', '\\\\\\',
        '/\\', '\\/', '/\\/', '\\/\\', '//\\', '\\//', '/\\\\', '\\\\/',
        '/\\/\\', '/\\\\\\', '\\', '', '/', './/', '..//', '.\\\\', '/.//',
        '/..//', '/./\\', '/../\\', '/.\\/', '/.../', '/;/', '/;//', '//;@',
        '/x/..//', '/x/../\\', '/x/..\\/', '/x/y/../..//', '/x//../..//',
        '/x/..;//', '/.;//', '/..;//', '/%2e//', '/%2e%2e//', '/.%2e//',
        '/%2e.//', '/%2E%2E/\\', '/x/%2e%2e//', '/x/%2e%2e%2f/', '/%252e//',
        '/x/%252e%252e//', '/.%00.//', '/x/..%00//', '//./', '//../', '/./',
        '//.\\', '//\\.', '/x//', '//x/../', ':', '://', ':///', '@', '/@',
        '//@', '///@', '/\\@', '#', '?', '/#', '/?', '//?', '//#', '/#//',
        '/?//', '/#\\\\', '#//', '?//', '&//', '/&//', ';//', '=//', '$//');

    push @list, map { ("$_$to", "$_$to/%2f..") } @lead;
    push @list, map { "$_$own\@$to/" } @lead[0 .. 19];
    push @list, map { "/x/$_$to" } @lead[0 .. 12];

    # a slash that is encoded, once or more often, or none at all
    for my $byte ('/', '\\', '.', '@', ':', '?', '#', '//', '/\\', '\\\\') {
        for my $code (percent($byte), uc percent($byte), twice($byte),
                      twice($byte) =~ s/%/%25/gr, '%u00' . substr(percent(
                      $byte), 1), '&#x' . substr(percent($byte), 1) . ';')
        {
            push @list, "/$code$to", "$code/$to", "/x/..$code$code$to",
                "http:$code$code$to", "//$own$code\@$to";
        }
    }
    for my $byte (@slash) {
        push @list, "/$byte$to", "$byte$byte$to", "$byte/$to",
            "http:$byte$byte$to", "http:/$byte$to", "//$to$byte.$own",
            "http://$own$byte$to", "http://$own$byte\@$to",
            '/' . percent($byte) . $to, percent($byte) x 2 . $to;
    }

    # blanks and controls, as they are and encoded, at every joint
    for my $blank (@space) {
        for my $code ($blank, percent($blank)) {
            push @list, "$code//$to", "/$code/$to", "/$code\\$to",
                "/.$code//$to", "/..$code//$to", "http$code://$to",
                "http:/$code/$to", "ht${code}tp://$to",
                "http://$own$code\@$to", "java${code}script:alert(1)";
        }
        push @list, map { my $code = $_;
            ("/$code/$to", "//$own$code\@$to", "/x/..$code//$to") }
            twice($blank);
    }

    # somebody who is called like us
    for my $origin (@origin, "http://$name") {
        my ($scheme, $one) = $origin =~ m{^(https?://)(.*)};

        for my $sign ('@', '%40', ':@', ':80@', ':x@', '\\@', '/@', '?@', '#@',
                      ';@', '&@', '=@', '%2f@', '%5c@', '%23@', '%3f@', '%00@',
                      '%09@', '%20@', '%ff@', '+@', '@@', '@x@', ' @', "\t@",
                      "\xef\xbc\xa0", "\xef\xb9\xab", '.', '-', '%2e', '%00.',
                      '%0a.', '..', '', 'x.', '_.', '!.', '~.', "'.", '$.',
                      '*.', '(.', ',.', ';.', '&.', '+.', '=.', '{.', '|.',
                      '`.', '^.', '%.', '%%.', '"', '<', '[', ']')
        {
            push @list, map { "$_$one$sign$to" } $scheme, '//';
        }
        push @list, map { "$_$one" } '//evil.', '//evil', '//evil-',
            map({ "$scheme$_" } 'evil.', 'evil', "$to/", "$to?", "$to#",
                "$to\\", "$to;", "$to%2f", "$to%00", "$to\@x\@", "$to:80\\\@",
                'x:y@', 'x@', ':@', "$to&\@", "$to%40", "$to\x01\@", '.',
                '*.', 'www.', 'x-', '%2e', '@'),
            "//$to:80/", "//$to/..",
            'ftp://', 'ws://', 'wss://', 'file://', 'gopher://', 'blob:http://',
            'view-source:http://', 'feed:', 'http:', 'http:/', 'http:///',
            'http:////', 'http:\\\\', 'http:/\\', 'https:', 'https:///',
            'HTTP://', 'hTTp://', 'http;//', 'http//', 'http://http://',
            'http:://', ':http://', '//http:', 'http:@', 'http:/@', 'hxxp://';
    }

    # ports
    push @list, map { ("http://$name:$_/", "//$name:$_/", "http://$name:$_",
                       "http://$to:$_/") }
        '80', '443', '0', '1', '00', '65536', '-1', '+80', '', ' 80', '80 ',
        '8O', '0x50', '%38%30', '080', '80:80', "80\@$to", "$to", "80.$to",
        "80/\@$to", "80\\\@$to", "80#\@$to", "80?\@$to", '99999999999',
        ($port ? ("0$port", "+$port", "${port}0", "$port.", "$port\@$to",
                  "$port:80", "$port.$to", "$port$to", "$port\\.$to",
                  "$port%40$to", "$port;\@$to", "00000$port") : ());

    # hosts that do not look like one: 203.0.113.5, loopback, and other dots
    for my $host ('203.0.113.5', '3405803781', '0xcb007105', '031300070405',
        '0313.0.0161.05', '0xcb.0x0.0x71.0x5', '203.0.28933', '203.28933',
        '0xcb.28933', '203.0.113.05', '203.0.113.261', '0xcb.0.0161.5',
        '459.0.113.5', '8700770773', '203.0.113.5.', '203.0.113', '203',
        '00000313.0.0.1', '%32%30%33.0.113.5', '[::ffff:203.0.113.5]',
        '[::ffff:cb00:7105]', '[::203.0.113.5]', '[2001:db8::1]', '[::]',
        '[2001:DB8:0:0::0001]', '[fe80::1%25eth0]', '[fe80::1%eth0]', '[::1',
        '::1]', '[]', '[:]', '[v1.x]', '[::1]x', 'x[::1]', '127.0.0.1',
        '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.',
        '127.0.0.1.evil.test', '0', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]',
        "evil\xe3\x80\x82test", "evil\xef\xbc\x8etest", "evil\xef\xbd\xa1test",
        "evil\xe2\x80\xa4test", 'evil%E3%80%82test', 'evil%2etest',
        'evil%252etest', "\xe2\x93\x94vil.test", "ev\xc2\xadil.test",
        "ev\xe2\x80\x8bil.test", "e\xcc\x81vil.test", "\xc3\xa9vil.test",
        "\xd0\xb5vil.test", "\xf0\x9d\x93\xaevil.test", 'xn--vil-bma.test',
        'xn--', 'xn--a', 'XN--VIL-BMA.TEST', "\xc3\x9f.test", "\xc5\xbf.test",
        "\xe2\x84\xaa.test", "\xef\xbc\x85.test", "\xff.test", "\xc0\xae.test",
        'EVIL.TEST', 'evil.test.', 'evil.test..', '.evil.test', 'evil..test',
        '-evil.test', 'evil_.test', 'e' x 64 . '.test', 'e.' x 130 . 'test',
        'evil.test%00', 'evil.test%ff', 'evil.test%20', '%65vil.test', '%',
        '%zz', '*', '$', '!', "localhost\xe3\x80\x82evil\xe3\x80\x82test",
        "$name.", "$name..", ".$name", uc $name, "$name%00", "%6c$name",
        "x.$name", "$name\xe3\x80\x82", "xn--$name")
    {
        push @list, "//$host", "http://$host/", "/\\$host",
            "http://$own\@$host", "//$host:$port";
    }

    # schemes that are no address of a page
    my @code = ('javascript:', 'data:text/html,', 'vbscript:', 'livescript:',
        'mocha:', 'blob:', 'file:', 'ftp:', 'about:', 'mailto:', 'tel:', 'sms:',
        'view-source:', 'jar:', 'intent:', 'ms-x:', 'x:', 'wyciwyg:', 'jAvAs'
        . 'CrIpT:', 'javascript&colon;', 'javascript&#58;', 'javascript%3a',
        'javascript%253a', '%6aavascript:', '%6a%61vascript%3A',
        '&#106;avascript:', "\\u006aavascript:", '\\x6aavascript:',
        'data:text/html;base64,PHNjcmlwdD4=', 'data:;,', 'data:image/svg+xml,',
        '/javascript:', '//javascript:', './javascript:', '\\javascript:',
        ':javascript:', 'javascript:javascript:', 'x:javascript:',
        '/x/javascript:', '#javascript:', '?javascript:', ' javascript:');

    push @list, map { my $code = $_;
        map { "$code$_" } 'alert(1)', "//$own/%0d%0aalert(1)", "//$to",
            '<script>alert(1)</script>' } @code;

    # a line of the answer, a tag of the page
    push @list, map { my $end = $_;
        map { ("$_${end}Location: //$to", "$_${end}Set-Cookie:x=y",
               "$_$end${end}<script>alert(1)</script>") }
            '/', '/x?', "http://$own/", '/x#' }
        "\r\n", "\n", "\r", '%0d%0a', '%0a', '%0d', '%250d%250a', '%23%0a',
        '%E5%98%8A%E5%98%8D', "\xe5\x98\x8a\xe5\x98\x8d", '%c4%8d%c4%8a',
        '%u000d%u000a', '\\r\\n', "\xc4\x8d\xc4\x8a", '%0b', "\x0b", "\x85";
    push @list, map { ("/x$_", "/x?$_", "http://$own/$_", "/#$_") }
        '"><a href=//evil.test>', "'><script>alert(1)</script>", '"', "'", '<',
        '&quot;&gt;', '&#34;>', '`', '{{return}}', '" onfocus="alert(1)',
        "\xc0\xbc", '</form><form action=//evil.test>', '&return=//evil.test',
        '%22%3e%3ca%20href=//evil.test%3e';

    # our own address, and behind it another
    push @list, map { ("http://$own$_", $_) } "/?return=//$to",
        "/_wix/login?return=//$to", "/_wix/logout?return=//$to",
        "/redirect?url=http://$to", "//$to", "/\\$to", "/..//$to",
        "/x/..//$to", "/%2f$to", "/%2f%2f$to", "/%5c$to", "/%09/$to",
        "/http://$to", "/http:/$to", "/%00//$to", "#\@$to", "?\@$to", ";\@$to",
        "\\\@$to", "/\@$to", "/.//$to", "/%2e//$to", "/%2e%2e//$to",
        "/%252f$to", "/\t/$to", "/;//$to", "/&//$to", "/x?//$to", "/x#//$to",
        "/x?\\\\$to", "/x;\@$to", "/*//$to", "/~//$to", "/+//$to";

    # everything that the own and the allowed ones can be dressed in
    push @list, map { my $one = $_; map { "$_$one/x" } 'http://', 'https://',
        '//', 'HTTPS://', 'https:/', 'https:', "https:\t//", 'https:\\\\',
        "https://x\@", 'https://x:y@', 'https://.', 'https://evil.',
        'wss://', 'ftp://' } $own, @other;

    # long ones
    push @list, '/' . 'x' x 2040 . "//$to", '/' . '%2f' x 600 . $to,
        '/' . '../' x 500 . "/$to", '/' x 1500 . $to, '\\' x 1500 . $to,
        'http://' . 'a' x 1990 . ".$to", 'http://' . "$own\@" x 40 . $to,
        "//$to/" . 'x' x 2100, '/' . '%25' x 500 . "2f$to",
        '/' . '.' x 1000 . "//$to", "/x?" . 'y' x 3000 . "//$to";

    return unique(@list);
}

# a trick of one address put into another
sub mutate_urls {
    my ($random, $count, @list) = @_;

    my %seen = map { $_ => 1 } @list;
    my @short = grep { length() < 300 } @list;
    my @piece = (@space, @slash, '/', '/', '\\', '\\', '.', '..', ':', '@', '%',
        '?', '#', '&', ';', '%2f', '%5c', '%2e', '%00', '%09', '%0a', '%25',
        '%252f', '%40', '%3a', '[', ']', '<', '"', "'", 'http:', 'https:',
        'javascript:', 'evil.test', '//evil.test', '\\evil.test');
    my @new;

    while (@new < $count) {
        my $url = $random->pick(@short);

        for (0 .. $random->n(3)) {
            my $at = $random->n(length($url) + 1);
            my $how = $random->n(9);

            if ($how < 3) {
                substr $url, $at, 0, $random->pick(@piece);
            } elsif ($how == 3 && $at < length $url) {
                substr $url, $at, 1, $random->pick(@piece);
            } elsif ($how == 4 && $at < length $url) {
                substr $url, $at, 1, percent(substr $url, $at, 1);
            } elsif ($how == 5 && $at < length $url) {
                substr $url, $at, 1, twice(substr $url, $at, 1);
            } elsif ($how == 6) {
                my $other = $random->pick(@short);
                $url = substr($url, 0, $at)
                    . substr $other, $random->n(length $other || 1);
            } elsif ($how == 7 && $at < length $url) {
                substr $url, $at, 1 + $random->n(3), '';
            } elsif ($at < length $url) {
                substr $url, $at, 0, substr $url, $at, 1 + $random->n(4);
            }
        }

        push @new, $url if length $url && !$seen{$url}++;
    }

    return @new;
}


# What a browser makes of [address, page where it stands]: a list of
# [origin, href].  Where there is no origin it is the scheme ("javascript:"),
# or "none" when it is no URL.  One process of Node judges them all by the
# parser of the WHATWG; it reads bytes in hexadecimal, as each stands for
# itself in a header.

sub judge {
    my ($list) = @_;

    chomp(my $node = `command -v node || command -v nodejs` // '');
    die "node is not installed: t/install-packages test\n" if !length $node;

    my $script = <<'END';
const text = require('fs').readFileSync(0, 'latin1');
const out = text.split('\n').slice(0, -1).map(line => {
    const [url, base] = line.split(' ').map(
        hex => Buffer.from(hex, 'hex').toString('latin1'));
    try {
        const u = new URL(url, base);
        return u.origin + ' ' + u.protocol + ' '
            + Buffer.from(u.href).toString('hex');
    } catch (e) {
        return 'none - -';
    }
});
process.stdout.write(out.join('\n') + '\n');
END

    my ($file, $in) = map { temp_dir() . "/judge.$_" } qw(js txt);
    spew($file, $script);
    spew($in, join '', map { unpack('H*', $_->[0]) . ' '
                             . unpack('H*', $_->[1]) . "\n" } @$list);

    chomp(my @out = `'$node' '$file' < '$in'`);
    die "node failed\n" if $? || @out != @$list;

    return map {
        my ($origin, $protocol, $href) = split / /;
        # "null" for javascript:, data: and the like
        $origin = $protocol if $origin eq 'null';
        [$origin, $href eq '-' ? undef : pack 'H*', $href];
    } @out;
}


# all spellings of a header's name: "-" or "_" at each joint, and letters
sub spellings {
    my ($random, $name) = @_;

    my @part = split /-/, lc $name;
    my @all = shift @part;

    for my $part (@part) {
        @all = map { ("$_-$part", "${_}_$part") } @all;
    }

    return unique(map {
        my $one = $_;
        my $mixed = join '', map { $random->n(2) ? uc : $_ } split //, $one;
        my $flip = 0;
        ($one, uc $one, $one =~ s/\b([a-z])|_([a-z])/defined $1 ? uc $1
            : '_' . uc $2/ger, $mixed,
         join('', map { ($flip = !$flip) ? uc : $_ } split //, $one));
    } @all);
}


# Sending

# Each on a connection of its own, many at a time: the bytes that came back.
# A server that waits for more is told after a while that there is none.

sub volley {
    my ($port, @bytes) = @_;

    my @answer = ('') x @bytes;
    my $reads = IO::Select->new;
    my $writes = IO::Select->new;
    my %busy;
    my $next = 0;
    my $patience = slow(0.8);
    my $limit = slow(20);

    while ($next < @bytes || %busy) {

        while ($next < @bytes && keys %busy < 96) {
            my $sock = open_socket($port);
            setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
            $sock->blocking(0);
            $busy{fileno $sock} = {sock => $sock, n => $next, at => 0,
                                   start => time, last => time};
            $reads->add($sock);
            $writes->add($sock);
            $next++;
        }

        my ($readable, $writable) = IO::Select->select(
            $reads, $writes->count ? $writes : undef, undef, 0.1);

        for my $sock (@{$writable // []}) {
            my $c = $busy{fileno $sock};
            my $sent = syswrite $sock, $bytes[$c->{n}], 262_144, $c->{at};

            if (defined $sent) {
                $c->{at} += $sent;
                $c->{last} = time;
            }
            $writes->remove($sock)
                if !defined $sent && !$!{EAGAIN}
                    || $c->{at} >= length $bytes[$c->{n}];
        }

        for my $sock (@{$readable // []}) {
            my $c = $busy{fileno $sock};
            my $got = sysread $sock, $answer[$c->{n}], 65536,
                length $answer[$c->{n}];

            next if !defined $got && $!{EAGAIN};
            $c->{last} = time;
            next if $got;

            $reads->remove($sock);
            $writes->remove($sock) if $writes->exists($sock);
            delete $busy{fileno $sock};
            close $sock;
        }

        my $now = time;
        for my $c (values %busy) {
            if ($now - $c->{last} > $patience && !$c->{shut}++) {
                shutdown $c->{sock}, 1;
            }
            die "no end of the answer to " . show($bytes[$c->{n}]) . "\n"
                if $now - $c->{start} > $limit;
        }
    }

    return @answer;
}

# [method, path, header lines, body]: many on few connections, in order

sub batch {
    my ($port, @requests) = @_;

    my @answers;

    while (my @part = splice @requests, 0, 50) {
        my $bytes = '';

        for my $i (0 .. $#part) {
            my ($method, $path, $headers, $body) = @{$part[$i]};
            $headers //= '';
            $bytes .= "$method $path HTTP/1.1\r\n"
                . ($headers =~ /^Host:/mi ? '' : "Host: localhost:$port\r\n")
                . ($i == $#part ? "Connection: close\r\n" : '') . $headers
                . (defined $body ? 'Content-Length: ' . length($body) . "\r\n"
                                 : '')
                . "\r\n" . ($body // '');
        }

        push @answers, responses(raw($port, $bytes, timeout => 30),
                                 map { $_->[0] } @part);
    }

    return @answers;
}

# the answers in what came back, cut by their lengths
sub responses {
    my ($text, @methods) = @_;

    my @list;
    my $at = 0;

    while ($at < length $text) {
        my $end = index $text, "\r\n\r\n", $at;
        last if $end < 0;

        my $head = substr $text, $at, $end + 2 - $at;
        my ($status) = $head =~ m{\AHTTP/1\.[01] (\d{3})} or last;
        my $method = shift @methods // 'GET';
        my $size = $end + 4 - $at;

        if ($status == 100) {
            unshift @methods, $method;
            $at += $size;
            next;
        }
        if ($method eq 'HEAD' || $status =~ /^(?:204|304)$/) {
            # no body
        }
        elsif ($head =~ /^Content-Length: *(\d+)\r$/mi) {
            $size += $1;
        }
        elsif ($head =~ /^Transfer-Encoding: *chunked\r$/mi) {
            my $stop = index $text, "\r\n0\r\n\r\n", $end + 2;
            $size = $stop < 0 ? length($text) - $at : $stop + 7 - $at;
        }
        else {
            $size = length($text) - $at;
        }

        push @list, WixAuthTest::Response->parse(
            substr($text, $at, $size), $method);
        $at += $size;
    }

    return @list;
}

# their statuses; "none" when nothing like an answer has come
sub statuses {
    my ($text, @methods) = @_;

    my @list = map { $_->status } responses($text, @methods);
    return @list ? @list : 'none';
}


# HTTP/2 (RFC 9113) with literal headers (RFC 7541)

sub h2_frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

sub h2_number {
    my ($n) = @_;

    return chr $n if $n < 127;

    my $out = chr 127;
    for ($n -= 127; $n >= 128; $n >>= 7) {
        $out .= chr($n % 128 | 128);
    }
    return $out . chr $n;
}

sub h2_headers {
    my $out = '';

    while (my ($name, $value) = splice @_, 0, 2) {
        $out .= "\0" . h2_number(length $name) . $name
            . h2_number(length $value) . $value;
    }
    return $out;
}

# Streams by number: {status, body, reset}; 0 has what ended the connection.
# A status is either one of the static table or three digits, never Huffman.

sub h2_answers {
    my ($text) = @_;

    my %code = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304,
                0x8c => 400, 0x8d => 404, 0x8e => 500);
    my %stream;

    while (length $text >= 9) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $text;
        my $size = $high * 65536 + $low;
        last if length $text < 9 + $size;

        my $payload = substr $text, 9, $size;
        substr $text, 0, 9 + $size, '';

        if ($type == 0) {
            $stream{$id}{body} .= $payload;
        }
        elsif ($type == 1) {
            $payload =~ s/\A[\x20-\x3f]+//;
            $stream{$id}{status} = $code{ord $payload}
                // ($payload =~ /\A[\x08\x48]\x03(\d{3})/ ? $1 : 'unknown');
        }
        elsif ($type == 3) {
            $stream{$id}{reset} = unpack 'N', $payload;
        }
        elsif ($type == 7) {
            $stream{0}{reset} = unpack 'x4N', $payload;
        }
    }

    return \%stream;
}


package WixAuthTest::Payloads::Noise;

use strict;
use warnings;

sub n {
    my ($self, $max) = @_;

    use integer;
    $self->{state} = $self->{state} * 6364136223846793005
        + 1442695040888963407;
    return (($self->{state} >> 33) & 0x3fffffff) % $max;
}

sub seed { return "SEED=$_[0]{seed}" }
sub pick { my $self = shift; return $_[$self->n(scalar @_)] }

sub bytes {
    my ($self, $size) = @_;
    return join '', map { chr $self->n(256) } 1 .. $size;
}

1;
