#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Return URLs: thousands of hostile ones through every way in, judged by the
# URL parser of browsers (WHATWG, as Node has it); and the good ones are kept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

chomp(my $node = `command -v node || command -v nodejs` // '');
my $port = port('PORT');
my $own  = "http://localhost:$port";
my $ann  = 'ann@example.com';

my $emu = start_emulator(
    member => ["$ann:secret-of-ann"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT WIX_PORT)],
);

# nothing here is about the log, and there are many requests
my $nginx = start_nginx(debug => 0, workers => 2, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
keepalive_requests 100000;
large_client_header_buffers 4 32k;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { empty_gif; }
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login wix sso;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { empty_gif; }
}
END


# What an attacker would put into a link: bytes, as they arrive.

sub hostile {
    my @lead = (
        '//', '///', '////', '/\\', '\\/', '\\\\', '\\', '/\\/', '\\//',
        "/\t/", "/\n/", "/\r/", "/\t\\", "\t//", "\n//", " //", "\x0b//",
        "\0//", "/\0/", "/ /", "/\x7f/", "/\xa0/", "/\xc2\xa0/",
        "\xef\xbb\xbf//",
        '/%2f', '/%2F/', '/%5c', '/%5C/', '%2f%2f', '/%09/', '/%0a/',
        '/%0d%0a/', '/%00/', '/%20/', '/%252f', '/%25252f', '/%255c',
        '/%u002f', '/%c0%af', '/%e3%80%82/',
        '/.//', '/..//', '/./\\', '/../\\', '/.\\', '/..\\/', '/%2e//',
        '/%2e%2e//', '/.%2e//', '/%2E/\\', '/x/..//', '/x/../\\', '/x/%2e%2e//',
        '/x/.%2e//', '/a/b/../..//', '/a//../..//', '/././/', '/%252e//',
        "/.\t//", "/x/..\t//", "/\t.//", '/x/..;//', '/;//', './/', './/',
        '..//', '@', ':', '://', ':@', '?//', '#//', '/?//', '/#//',
        '/_wix/login?return=//', '',
    );
    my @scheme = ('', 'http:', 'https:', 'HTTP:', 'hTTps:', 'http:/',
        'https:/', 'http:\\', "ht\ttp:", "\x01http:", ' https:', 'ftp:', 'ws:',
        'javascript:', 'data:text/html,', 'blob:', 'file:', 'about:',
        'vbscript:', 'x:', ':', 'http%3a', "http:\n");
    my @host = (
        'evil.test', 'evil.test/x', 'evil.test:80', 'evil.test?x',
        'evil.test#x',
        'evil%2etest', "evil\xe3\x80\x82test", "evil\xef\xbc\x8etest",
        'x@evil.test', "localhost:$port\@evil.test",
        "localhost:$port\@evil.test/",
        "localhost:$port\\\@evil.test", "localhost:$port#\@evil.test",
        "localhost:$port?\@evil.test", "localhost:$port/\@evil.test",
        "localhost:$port.evil.test", 'localhost', 'localhost:1',
        "localhost.:$port", "localhost:0$port", "localhost:+$port",
        "localhost:$port:80", "localhost:${port}0", "x.localhost:$port",
        "LOCALHOST:$port", "loc\talhost:$port\@evil.test",
        '127.0.0.1', "127.0.0.1:$port", "127.1:$port", "2130706433:$port",
        "0x7f.1:$port", "[::1]:$port", "[::ffff:127.0.0.1]:$port",
        '[evil.test]',
        '%6cocalhost', "user:pass\@localhost:$port", "\@localhost:$port",
        '', '/', '.', '..', '/evil.test', '\\evil.test', 'evil.test\\x',
        "evil.test\r\nLocation: http://evil.test/", "evil.test\0.localhost",
    );
    my @list;

    for my $lead (@lead) {
        push @list, map { "$lead$_" } @host;
    }

    for my $scheme (@scheme) {
        for my $slashes ('', '/', '//', '///', '\\\\', '/\\', "/\t/") {
            push @list, map { "$scheme$slashes$_" }
                @host[0, 6, 9, 10, 15, 17, 26, 35, 38, 41, 43];
        }
    }

    # one byte anywhere
    for my $url ('//evil.test/', "$own/x", '/x', "$own\@evil.test/") {
        for my $at (0 .. 9) {
            for my $byte ("\t", "\n", "\r", "\0", ' ', '\\', '/', "\x80", '%',
                          '@', ':', '%2f', '%5c', '%0a', "\x1f")
            {
                my $copy = $url;
                next if $at > length $copy;
                substr($copy, $at, 0) = $byte;
                push @list, $copy;
            }
        }
    }

    # the same noise at every run
    my $seed = 20260101;
    my $random = sub {
        $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
        return ($seed >> 8) % $_[0];
    };
    my @piece = ('/', '/', '\\', '.', '..', ':', '@', '%', '?', '#', '&', ';',
        "\t", "\r", "\n", ' ', "\0", '%2f', '%5c', '%2e', '%09', '%25', '%40',
        'http:', 'https:', 'evil.test', 'localhost', ":$port", "\xe3\x80\x82",
        'x', '=', '[', ']', '<', '"', "'", '*', '|', '~', '+');

    for (1 .. 900) {
        push @list, ($random->(2) ? '/' : '')
            . join '', map { $piece[$random->(scalar @piece)] }
                0 .. $random->(7);
    }

    push @list, '/' . 'x' x 2047, '/' . 'x' x 2048, "$own/" . 'x' x 4000,
        '/' . '%2f' x 600, '/' . '../' x 600, '/' . '/' x 1000;

    my %seen;
    return grep { !$seen{$_}++ } @list;
}


# What a shop may have.  Absolute ones of our own stay or become paths.

my @good = (
    '/', '/shop', '/shop/', '/a/b/c.html', '/shop?a=1&b=2', '/shop?a=b%20c',
    '/shop?x=%2F%2Fevil.test', '/shop?next=https://other.test/x?y',
    '/shop?q=a+b', '/shop#part', '/shop?a=1#part', '/#/app/route?x=y',
    '/shop?a[]=1', '/shop?empty=', '/shop?', '/x;y=1/z', '/a~b/c-d_e.f',
    '/a,b', '/a:b', '/a@b', "/it's", '/a!b$c(d)*e', '/a=b',
    '/a%20b', '/a%20b/c%20d?e%20f#g%20h', '/100%25', '/a%2Cb', '/a%3Fb',
    '/a%23b', '/a%26b', '/%22quoted%22', '/%3Ctag%3E',
    # Hebrew, German, Japanese
    '/%D7%97%D7%A0%D7%95%D7%AA', '/%d7%97%d7%a0%d7%95%d7%aa/',
    '/%D7%9E%D7%95%D7%A6%D7%A8%D7%99%D7%9D/%D7%A0%D7%A2%D7%9C?%D7%A6=1#%D7%91',
    '/stra%C3%9Fe', '/%E5%BA%97/%E9%9D%B4', '/emoji-%F0%9F%91%9F',
    '/' . 'x' x 1000, '/shop?' . 'y' x 1500, '/a.b..c/...d', '/..a', '/a/b/..',
    '/.well-known/x', '/a/./b', '/x/../y', '/a//b',
    '/?return=/x', '/index.php?r=site/index&id=5', '/%7Euser',
);


# many requests on few connections

sub batch {
    my ($host_port, @requests) = @_;
    my @answers;

    while (my @part = splice @requests, 0, 40) {
        my $bytes = '';

        for my $i (0 .. $#part) {
            my ($method, $path, $headers, $body) = @{$part[$i]};
            $bytes .= "$method $path HTTP/1.1\r\nHost: localhost:$host_port\r\n"
                . ($i == $#part ? "Connection: close\r\n" : '')
                . ($headers // '')
                . (defined $body ? 'Content-Length: ' . length($body) . "\r\n"
                                 : '')
                . "\r\n" . ($body // '');
        }

        my $in = raw($host_port, $bytes, timeout => 30);

        for (@part) {
            my ($head) = $in =~ /\A(.*?\r\n\r\n)/s or last;
            my ($n) = $head =~ /^Content-Length: (\d+)\r$/m;
            my $text = substr $in, 0, length($head) + ($n // 0), '';
            push @answers, WixAuthTest::Response->parse($text, 'GET');
        }
    }

    return @answers;
}

# The origin that a browser would go to from each [address, page where it
# stands].  Node reads a line of hexadecimal bytes for each, since these are a
# header's characters and anything may be among them.

sub judge {
    my (@list) = @_;

    my $script = <<'END';
const text = require('fs').readFileSync(0, 'latin1');
const out = text.split('\n').slice(0, -1).map(line => {
    const [url, base] = line.split(' ').map(
        hex => Buffer.from(hex, 'hex').toString('latin1'));
    try {
        return new URL(url, base).origin;
    } catch (e) {
        return 'no URL';
    }
});
process.stdout.write(out.join('\n') + '\n');
END

    my ($file, $in) = map { temp_dir() . "/judge.$_" } qw(js txt);
    spew($file, $script);
    spew($in, join '', map { unpack('H*', $_->[0]) . ' '
                             . unpack('H*', $_->[1]) . "\n" } @list);

    my @out = `'$node' '$file' < '$in'`;
    die "node failed\n" if $? || @out != @list;
    chomp @out;
    return @out;
}

sub show { return $_[0] =~ s/([^ -~]|\\)/sprintf '\\x%02x', ord $1/ger }

# every Location and every hidden field: [way, return, address, page]
my @found;

my @corpus = hostile();
ok(@corpus > 4000, 'a corpus of ' . @corpus);

# no field may have a NUL: those are refused
my @hostile = grep { !/\0/ } @corpus;
my @nul = map { url_escape($_) } grep { /\0/ } @corpus;

# as a client that does not encode would send them
my $encoded = qr/\A(?:[^%]|%(?!00)[0-9a-fA-F]{2})*\z/;
my @plain = grep { !/[\x00-\x20\x7f&#+]/ } @hostile;
my @broken = grep { $_ !~ $encoded } @plain;
@plain = grep { $_ =~ $encoded } @plain;

my $b = browser();
is(login($b, email => $ann, password => 'secret-of-ann')->status, 200,
   'a session');
my $cookie = 'Cookie: wix_auth=' . $b->cookie('wix_auth')->{value} . "\r\n";


subtest 'GET login with a session: 303' => sub {
    my @answers = batch($port, map { ['GET', '/_wix/login?return='
                                      . url_escape($_), $cookie] } @hostile);
    is(scalar @answers, scalar @hostile, 'all are answered');

    my @bad = grep { $answers[$_]->status != 303 } 0 .. $#answers;
    is(join(' ', map { show($hostile[$_]) . ' ' . $answers[$_]->status } @bad),
       '', 'with a redirect');

    for my $i (0 .. $#answers) {
        my @location = $answers[$i]->headers('Location');
        push @found, ['GET login, 303', $hostile[$i], $_,
                      "$own/_wix/login"] for @location;
        fail('two Locations for ' . show($hostile[$i])) if @location > 1;
    }

    @answers = batch($port, map { ['GET', "/_wix/login?return=$_", $cookie] }
                     @plain);
    is(scalar @answers, scalar @plain, 'all are answered, unencoded');
    push @found, map { ['GET login, unencoded', $plain[$_],
                        $answers[$_]->location, "$own/_wix/login"] }
        grep { defined $answers[$_]->location } 0 .. $#plain;
};


subtest 'what no field may have is refused, once' => sub {
    my @bad;
    ok(@nul > 50 && @broken > 50, @nul . ' with a NUL, ' . @broken
       . ' with a broken encoding');

    # on connections that go on
    my @list = (@nul, @broken);
    my @answers = batch($port, map { ['GET', "/_wix/login?return=$_",
                                      $cookie] } @list);
    is(scalar @answers, scalar @list, 'all are answered');

    push @bad, map { show($list[$_]) . ': ' . $answers[$_]->status }
        grep { $answers[$_]->status != 400
               || defined $answers[$_]->location } 0 .. $#answers;
    is(scalar @bad, 0, 'each is refused');
    diag(join "\n", @bad[0 .. ($#bad > 4 ? 4 : $#bad)]) if @bad;
};


# the field of the form is what the next POST will carry, and a script of the
# page only ever adds a fragment to it

sub fields {
    my ($way, $answers) = @_;
    my $n = 0;

    for my $i (0 .. $#$answers) {
        my ($form) = $answers->[$i]->forms or next;
        $n++;
        push @found, [$way, $hostile[$i], $form->{fields}{return},
                      "$own/_wix/login"];
    }

    is($n, scalar @hostile, "$way: $n forms");
    return;
}

subtest 'GET login: the form' => sub {
    fields('GET login, form', [batch($port, map {
        ['GET', '/_wix/login?return=' . url_escape($_)] } @hostile)]);
};

subtest 'POST login: the form again' => sub {
    fields('POST login, form', [batch($port, map {
        ['POST', '/_wix/login', "Sec-Fetch-Site: same-origin\r\nContent-Type: "
         . "application/x-www-form-urlencoded\r\n",
         "email=$ann&return=" . url_escape($_)] } @hostile)]);
};


# The whole way is long, so it is gone by those that were let through and a
# choice of the others.

sub walk {
    my ($way, $b, $start, $return) = @_;

    my $res = $b->follow($start, until => qr{/callback\?});
    $res = $b->get($res->location) while
        ($res->location // '') =~ m{^http://localhost:\d+/_wix/callback\?};
    is($res->status, 303, 'callback of ' . show(substr $return, 0, 60));
    push @found, [$way, $return, $res->location, "$own/_wix/callback"];
    return $res->location;
}

sub sample {
    my ($n) = @_;
    my %kept = map { $_->[1] => 1 } grep { $_->[2] ne '/' } @found;
    my @kept = grep { $kept{$_} && length() < 1500 } @hostile;
    my @rest = grep { !$kept{$_} && length() < 1500 } @hostile;

    # evenly, so that every kind is there
    return map {
        my $list = $_;
        my $step = @$list / $n;
        map { $list->[$_ * $step] } 0 .. ($n > @$list ? @$list : $n) - 1;
    } \@kept, \@rest;
}

subtest 'POST login and callback' => sub {
    for my $return (sample(12)) {
        my $b = browser();
        my $res = $b->post('/_wix/login', form => {email => $ann,
            password => 'secret-of-ann', return => $return});
        walk('POST login, callback', $b, $res, $return);
    }
};

subtest 'POST login by JSON and callback' => sub {
    for my $return (grep { !/[^ -~]/ } sample(6)) {
        my $b = browser();
        my $res = $b->post('/_wix/login', json => {email => $ann,
            password => 'secret-of-ann', return => $return});
        walk('JSON login, callback', $b,
             $b->get($res->json->{redirectUrl}), $return);
    }
};

subtest 'GET login at Wix and callback' => sub {
    my $b = browser(base => 'http://localhost:' . port('WIX_PORT'));

    # so that Wix knows the browser and asks no more
    my $page = $b->follow($b->get('/_wix/login'));
    $b->follow($b->submit($page, {email => $ann,
        password => 'secret-of-ann', do => 'login'}));
    ok($b->cookie('wix_auth'), 'logged in at Wix');

    for my $return (sample(15)) {
        $b->clear_cookies('wix_auth');
        walk('GET login, callback', $b,
             $b->get('/_wix/login?return=' . url_escape($return)), $return);
    }
};


subtest 'return given twice, and elsewhere' => sub {
    for my $query ('return=/x&return=//evil.test',
                   'return=//evil.test&return=/x',
                   'return=/x&%72eturn=//evil.test', 'Return=//evil.test',
                   'redirect=//evil.test&next=//evil.test&url=//evil.test',
                   'return', 'return=', '//evil.test', 'return[]=//evil.test')
    {
        my $res = $b->get("/_wix/login?$query");
        push @found, ['odd query', $query, $res->location, "$own/_wix/login"]
            if defined $res->location;
        like($res->status . ' ' . ($res->location // ''),
             qr{^(?:303 /|400 )$}, $query);
    }

    # a path that is not ours in another way: the request line itself
    for my $path ('//evil.test/x', '/\\evil.test', '/%2f%2fevil.test',
                  '//evil.test/..//x', 'http://evil.test/x', '/x/..//evil.test',
                  '/./\\evil.test')
    {
        my $text = raw($port, "GET $path HTTP/1.1\r\nHost: localhost:$port\r\n"
            . "Accept: text/html\r\nConnection: close\r\n\r\n");
        my $res = WixAuthTest::Response->parse($text, 'GET');
        my $location = $res->location;
        ok(defined $location, "$path: " . $res->status) or next;
        push @found, ['gate', $path, $location, "$own/"];

        my $return = $res->query('return');
        push @found, ['gate, return', $path, $return, "$own/_wix/login"]
            if defined $return;
    }
};


subtest 'the good ones are kept' => sub {
    my @answers = batch($port, map { ['GET', '/_wix/login?return='
                                      . url_escape($_), $cookie] } @good);
    my @forms = batch($port, map { ['POST', '/_wix/login',
        "Sec-Fetch-Site: same-origin\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n",
        "email=$ann&return=" . url_escape($_)] } @good);

    for my $i (0 .. $#good) {
        my $what = substr $good[$i], 0, 60;
        is($answers[$i]->location, $good[$i], "GET $what");
        my ($form) = $forms[$i]->forms;
        is($form->{fields}{return}, $good[$i], "POST $what");
    }

    # the whole way, and the gate's own
    for my $url ('/a%20b/c%20d?e%20f#g%20h', '/shop?a=1&b=2', '/%D7%97%D7%A0'
                 . '?%D7%A6=1#%D7%91', '/shop?x=%2F%2Fevil.test', '/a//b')
    {
        my $b = browser();
        my $res = $b->post('/_wix/login', form => {email => $ann,
            password => 'secret-of-ann', return => $url});
        is(walk('good', $b, $res, $url), $url, "all the way: $url");

        my $path = $url =~ s/#.*//r;
        $res = browser()->get($path, headers => {Accept => 'text/html'});
        is($res->status, 302, 'the gate');
        is($res->query('return'), $path, "hands on $path");
        is(browser()->get($res->location)->status, 200, 'to the form');
    }

    # absolute ones of our own origin
    for my $path ('/', '/x', '/x?y=1', '/a%20b#c') {
        my $res = $b->get('/_wix/login?return=' . url_escape("$own$path"));
        is(($res->location // '') =~ s/^\Q$own\E//r, $path, "$own$path");
    }
};


subtest 'a browser never leaves the site' => sub {
    die "node is not installed: t/install-packages test\n" if !length $node;

    my %way;
    $way{$_->[0]}++ for @found;
    diag(join ', ', map { "$_: $way{$_}" } sort keys %way)
        if $ENV{WIX_AUTH_TEST_KEEP};
    is(scalar(keys %way) >= 8 ? 1 : 0, 1, @found . ' addresses of '
       . keys(%way) . ' ways');

    # what was asked for, and what came of it: as it is, and where somebody
    # on the way decodes it once or twice before it is read
    my @decoded;

    for (@found) {
        my ($path) = $_->[2] =~ /^([^?#]*)/;
        my $once = $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
        my $twice = $once =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
        push @decoded, [@$_[0, 1], $once, $_->[3]],
            [@$_[0, 1], $twice, $_->[3]];
    }

    my @origin = judge((map { [$_, "$own/_wix/login"] } @hostile),
                       (map { [@$_[2, 3]] } @found, @decoded),
                       ['//evil.test/x', "$own/"]);

    is(pop @origin, 'http://evil.test', 'the judge can tell');
    my $leaves = grep { $_ ne $own } splice @origin, 0, scalar @hostile;
    ok($leaves > 1500, "$leaves of " . @hostile . ' would leave');

    my @bad = map {
        my ($way, $return, $address) = @{(@found, @decoded)[$_]};
        "$way: " . show($return) . ' gives ' . show($address)
            . ', which is ' . $origin[$_];
    } grep { $origin[$_] ne $own } 0 .. $#origin;

    is(scalar(grep { $origin[$_] ne $own } 0 .. $#found), 0,
       'nothing that we say does');
    is(scalar @bad, 0, 'even where it is decoded');
    diag(join "\n", @bad > 20 ? @bad[0 .. 19] : @bad) if @bad;

    # nor has it a byte that somebody might read in another way
    my @odd = grep { $_->[2] =~ /[^!-~]|\\/ } @found;
    is(scalar @odd, 0, 'and it is plain ASCII');
    diag(join "\n", map { show($_->[1]) . ' gives ' . show($_->[2]) }
         @odd > 20 ? @odd[0 .. 19] : @odd) if @odd;
};


done_testing();
