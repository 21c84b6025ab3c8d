#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Return URLs, made by all the tricks that are known and by mixing them,
# through every way in and out: what comes out is judged by the URL parser of
# browsers (WHATWG, as Node has it), all in one go.  None may lead away from
# our own origin or those that are allowed.  SEED=n for other mixtures.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Payloads;

use constant MIXED => 3000;

my $random = noise();
my %login = (email => 'ann@example.com', password => 'secret-of-ann-1');
my @ports = qw(PORT ORIGINS_PORT URI_PORT ABS_PORT DIRECT_PORT);
my @apps = ('https://app.example.com', 'https://b.example.com:8443');
my $away = 'https://login.example.com';

my $emu = start_emulator(
    member => ["$login{email}:$login{password}"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     @ports]);
# hundreds of logins: their state is not what this is about
emulator()->configure(keepLog => 0);

my $server = <<'END';
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { empty_gif; }
END

my $nginx = start_nginx(workers => 2, debug => 0, conf => <<"END");
wix_auth_zone zone=members:4m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_login_limit off;
wix_auth_client_id %%CLIENT%%;
keepalive_requests 100000;
large_client_header_buffers 4 32k;

server {
    listen 127.0.0.1:%%PORT%%;
    $server
}
server {
    listen 127.0.0.1:%%ORIGINS_PORT%%;
    $server
    wix_auth_origins @apps;
}
server {
    listen 127.0.0.1:%%URI_PORT%%;
    $server
    wix_auth_login /account?x=1#top;
    wix_auth_origins @apps;
    location = /account { wix_auth off; empty_gif; }
}
server {
    listen 127.0.0.1:%%ABS_PORT%%;
    $server
    wix_auth_login $away/in;
}
server {
    listen 127.0.0.1:%%DIRECT_PORT%%;
    $server
    wix_auth_response_mode direct;
    wix_auth_origins @apps;
}
END

my $p = port('PORT');
my %own = map { $_ => 'http://localhost:' . port($_) } @ports;
my @core = return_urls("http://localhost:$p", @apps);
my @mixed = mutate_urls($random, MIXED, @core);

# no field may hold a NUL
my @nul = grep { /\0/ } @core, @mixed;
my @corpus = grep { !/\0/ } @core, @mixed;
my @plain = grep { !/[\x00-\x20\x7f&#+]/
                   && /\A(?:[^%]|%(?!00)[0-9a-fA-F]{2})*\z/ } @corpus;

diag($random->seed . ': ' . @core . ' addresses, ' . @mixed
     . ' mixtures of them');
cmp_ok(scalar @core, '>=', 1400, @core . ' addresses');
cmp_ok(scalar @mixed, '>=', 3000, @mixed . ' mixtures');

# [way, what was asked, address, the page where it stands, allowed origins],
# the first of those that are alike
my @found;
my (%way, %alike, %kept);
my $addresses = 0;

sub found {
    my ($way, $asked, $address, $server, @allowed) = @_;

    $address //= '';
    $addresses++;
    $way{$way}++;
    push @found, [$way, $asked, $address, "$own{$server}/_wix/login",
                  [$own{$server}, @allowed]]
        if !$alike{join "\0", $address, $server, @allowed}++;
    return;
}

# which origins a server lets through
sub allowed { return $_[0] =~ /ORIGINS|URI|DIRECT/ ? @apps : () }

sub some {
    my ($share, $of) = @_;
    return map { $corpus[$_] } grep { $_ % $of == $share } 0 .. $#corpus;
}

sub member {
    my ($server) = @_;
    my $b = browser(base => $own{$server});
    is(login($b, %login)->status, 200, "$server: a session")
        if $server =~ /^(?:PORT|ORIGINS)/;
    return $b;
}

# the fields and links of a page
sub page {
    my ($way, $asked, $res, $server) = @_;
    my $body = $res->body;

    while ($body =~ /name="return" value="([^"]*)"/g) {
        found("$way: field", $asked, WixAuthTest::Response::html_unescape($1),
              $server, allowed($server));
    }
    while ($body =~ / (href|action)="([^"]*)"/g) {
        my ($kind, $url) = ($1, WixAuthTest::Response::html_unescape($2));

        # they stay here, whatever is allowed
        found("$way: $kind", $asked, $url, $server);

        my $return = $res->query('return', $url);
        found("$way: $kind, return", $asked, $return, $server,
              allowed($server)) if defined $return;
    }
    return;
}

my %skeleton;

# pages of many addresses; nothing of an address may become markup
sub pages {
    my ($way, $server, $urls, $request) = @_;

    my ($plain) = batch(port($server), $request->('/x'));
    my $shape = sub {
        my $body = $_[0]->body;
        return join ' ', $body =~ tr/<//, $body =~ tr/>//, $body =~ tr/"//;
    };
    my $want = $shape->($plain);
    my @res = batch(port($server), map { $request->($_) } @$urls);
    my @odd = grep { $res[$_]->status != $plain->status
                     || $shape->($res[$_]) ne $want } 0 .. $#res;

    is(scalar @res, scalar @$urls, "$way: " . @res . ' pages');
    is(scalar @odd, 0, 'all of one shape, ' . $plain->status);
    diag(join "\n", map { show($urls->[$_]) . ' ' . $res[$_]->status }
         @odd[0 .. ($#odd > 4 ? 4 : $#odd)]) if @odd;

    page($way, $urls->[$_], $res[$_], $server) for 0 .. $#res;
    return;
}

# answers with a Location, and in some a return URL
sub locations {
    my ($way, $server, $urls, $request, $status, $carries, @allowed) = @_;

    my @res = batch(port($server), map { $request->($_) } @$urls);
    my @odd = grep { $res[$_]->status != $status
                     || $res[$_]->headers('Location') != 1 } 0 .. $#res;

    is(scalar @res, scalar @$urls, "$way: " . @res . ' redirects');
    is(scalar @odd, 0, "each $status with one Location");
    diag(join "\n", map { show($urls->[$_]) . ' ' . $res[$_]->status }
         @odd[0 .. ($#odd > 4 ? 4 : $#odd)]) if @odd;

    for my $i (0 .. $#res) {
        my $location = $res[$i]->location // next;
        found($way, $urls->[$i], $location, $server, @allowed);
        $kept{$server}{$urls->[$i]} = 1 if !$carries && $location ne '/';

        next if !$carries;
        my $return = $res[$i]->query('return', $location);
        found("$way, return", $urls->[$i], $return, $server, allowed($server));
    }
    return @res;
}

my $form = "Sec-Fetch-Site: same-origin\r\n"
    . "Content-Type: application/x-www-form-urlencoded\r\n";
my %wrong = (login => 'email=x', register => 'email=x', verify => 'code=x',
             recover => 'email=x');


subtest 'GET: the pages' => sub {
    my @names = sort keys %wrong;

    for my $i (0 .. $#names) {
        my $name = $names[$i];
        my @urls = $name eq 'login' ? @corpus : some($i, 4);

        pages("GET $name", PORT => \@urls, sub {
            ['GET', "/_wix/$name?return=" . url_escape($_[0])] });
    }
    pages('GET login, origins', ORIGINS_PORT => [some(1, 4)], sub {
        ['GET', '/_wix/login?return=' . url_escape($_[0])] });
    pages('GET login, as it is', PORT => [@plain[map { 4 * $_ }
                                          0 .. $#plain / 4]], sub {
        ['GET', "/_wix/login?return=$_[0]"] });
};


subtest 'POST: the pages again' => sub {
    my @names = sort keys %wrong;

    for my $i (0 .. $#names) {
        my $name = $names[$i];
        pages("POST $name", PORT => [some($i, 4)], sub {
            ['POST', "/_wix/$name", $form,
             "$wrong{$name}&return=" . url_escape($_[0])] });
    }

    # pages of errors, which lead back to the login
    pages('POST verify, no token', PORT => [some(4, 8)], sub {
        ['POST', '/_wix/verify', $form, 'code=AB12C3&return='
         . url_escape($_[0])] });
    pages('POST recover, origins', ORIGINS_PORT => [some(5, 8)], sub {
        ['POST', '/_wix/recover', $form, 'email=x&return='
         . url_escape($_[0])] });
    pages('POST login, another site', PORT => [some(6, 8)], sub {
        ['POST', '/_wix/login', $form =~ s/same-origin/cross-site/r,
         'email=x&return=' . url_escape($_[0])] });
};


subtest 'GET with a session: straight on' => sub {
    for my $server (qw(PORT ORIGINS_PORT)) {
        my $cookie = 'Cookie: wix_auth='
            . member($server)->cookie('wix_auth')->{value} . "\r\n";
        my @names = sort keys %wrong;

        for my $i (0 .. $#names) {
            my $name = $names[$i];
            my @urls = $name ne 'login' ? some($i, 4)
                : $server eq 'PORT' ? @corpus : some(1, 2);

            locations("GET $name, 303, $server", $server, \@urls, sub {
                ['GET', "/_wix/$name?return=" . url_escape($_[0]), $cookie] },
                303, 0, allowed($server));
        }

        locations("GET login, as it is, $server", $server, \@plain, sub {
            ['GET', "/_wix/login?return=$_[0]", $cookie] },
            303, 0, allowed($server)) if $server eq 'PORT';
    }

    # that the good ones are kept is what makes the others mean something
    my $b = browser(base => $own{ORIGINS_PORT});
    login($b, %login);
    for my $url ('/x?a=//evil.test', "$apps[0]/x", "$apps[1]/y?z#a",
                 "$own{ORIGINS_PORT}/x")
    {
        is($b->get('/_wix/login?return=' . url_escape($url))->location, $url,
           "$url is kept");
    }
};


subtest 'the site\'s own login page' => sub {
    my @many = some(0, 4);
    my @some = some(1, 8);

    locations('own page', URI_PORT => [some(1, 2)], sub {
        ['GET', '/_wix/login?return=' . url_escape($_[0])] }, 302, 1);
    locations('own page, register', URI_PORT => \@some, sub {
        ['GET', '/_wix/register?return=' . url_escape($_[0])] }, 302, 1);
    locations('own page, an error', URI_PORT => \@many, sub {
        ['POST', '/_wix/login', $form, 'email=x&return='
         . url_escape($_[0])] }, 303, 1);
    locations('own page, recover', URI_PORT => \@some, sub {
        ['POST', '/_wix/recover', $form, 'email=x&return='
         . url_escape($_[0])] }, 303, 1);
    locations('own page, verify', URI_PORT => \@some, sub {
        ['POST', '/_wix/verify', $form, 'code=x&return='
         . url_escape($_[0])] }, 303, 1);
    locations('login host', ABS_PORT => \@many, sub {
        ['GET', '/_wix/login?return=' . url_escape($_[0])] }, 302, 1, $away);
    locations('login host, an error', ABS_PORT => \@some, sub {
        ['POST', '/_wix/login', $form, 'email=x&return='
         . url_escape($_[0])] }, 303, 1, $away);
};


subtest 'logout asks nobody where to go' => sub {
    my @res = locations('logout', PORT => [some(1, 4)], sub {
        ['POST', '/_wix/logout', $form, 'return=' . url_escape($_[0])
         . '&url=' . url_escape($_[0])] }, 303);
    my @res2 = locations('logout, in the query', PORT => [some(2, 4)], sub {
        ['POST', '/_wix/logout?return=' . url_escape($_[0]), $form, ''] },
        303);
    is(scalar(grep { $_->location ne '/' } @res, @res2), 0, 'always "/"');
};


subtest 'the gate\'s own' => sub {
    # as a request's target; what nginx refuses has no Location of ours
    my @urls = grep { !/[\x00-\x20\x7f]/ && m{^(?:/|https?://)}i
                      && length() < 3000 } @corpus;
    @urls = @urls[map { 2 * $_ } 0 .. $#urls / 2];
    my @text = volley($p, map { "GET $_ HTTP/1.1\r\nHost: localhost:$p\r\n"
        . "Accept: text/html\r\nConnection: close\r\n\r\n" } @urls);
    my $n = 0;

    for my $i (0 .. $#urls) {
        my $res = WixAuthTest::Response->parse($text[$i], 'GET');
        my $location = $res->location // next;
        found('gate', $urls[$i], $location, 'PORT');
        my $return = $res->query('return') // next;
        found('gate, return', $urls[$i], $return, 'PORT');
        $n++;
    }
    cmp_ok($n, '>', 500, "$n redirects to the login");
};


# Whole logins take long, so a choice of the addresses goes by them: evenly of
# those that were let through, and of the others.

sub choice {
    my ($n, $server) = @_;

    my $kept = $kept{$server};
    my @short = grep { length() < 1500 } @corpus;

    return map {
        my $list = $_;
        my $many = $n > @$list ? @$list : $n;
        map { $list->[$_ * @$list / $many] } 0 .. $many - 1;
    } [grep { $kept->{$_} } @short], [grep { !$kept->{$_} } @short];
}

# one step of many logins at a time: [browser, ...] each
sub steps {
    my (@list) = @_;
    my @res;
    push @res, concurrent(splice @list, 0, 40) while @list;
    return @res;
}

# from answers that lead to Wix on to the callback's
sub back {
    my ($b, @url) = @_;

    my %from = (headers => {'Sec-Fetch-Site' => 'cross-site'});
    my @res = steps(map { [$b->[$_], GET => $url[$_], %from] } 0 .. $#$b);
    my @callback = map { $_->location // '/nowhere' } @res;
    return (\@callback, steps(map {
        [$b->[$_], GET => $callback[$_], %from] } 0 .. $#$b));
}

subtest 'a login, and its callback' => sub {
    for my $server (qw(PORT ORIGINS_PORT)) {
        my @urls = choice(60, $server);
        my $first = browser(base => $own{$server});
        $first->get('/_wix/login');
        my @b = map { $first->clone } @urls;

        my @res = steps(map {
            [$b[$_], POST => '/_wix/login', form => {%login,
             return => $urls[$_]}] } 0 .. $#urls);
        is(scalar(grep { $_->status == 303 } @res), scalar @urls,
           "$server: " . @urls . ' logins');

        my ($callback, @end) = back(\@b, map { $_->location } @res);
        is(scalar(grep { $_->status == 303 && $_->set_cookie('wix_auth') }
                  @end), scalar @urls, 'and as many sessions');
        found("callback, $server", $urls[$_], $end[$_]->location, $server,
              allowed($server)) for 0 .. $#end;

        # the same address again, with the session and without: the code is
        # used
        @end = steps(map { [$b[$_], GET => $callback->[$_]] } 0 .. $#b);
        found("callback again, $server", $urls[$_], $end[$_]->location,
              $server, allowed($server)) for 0 .. $#end;

        $_->clear_cookies('wix_auth') for @b;
        @end = steps(map { [$b[$_], GET => $callback->[$_]] } 0 .. $#b);
        is(scalar(grep { $_->status == 303 } @end), scalar @urls,
           'a used code begins again');
        for my $i (0 .. $#end) {
            found("callback, begins again, $server", $urls[$i],
                  $end[$i]->location, $server);
            my $return = $end[$i]->query('return') // next;
            found("callback, begins again, return, $server", $urls[$i],
                  $return, $server, allowed($server));
        }
    }
};


subtest 'JSON' => sub {
    # a JSON text is UTF-8
    my @urls = grep { my $copy = $_; utf8::decode($copy) }
        choice(40, 'ORIGINS_PORT');
    my @texts = map { my $copy = $_; utf8::decode($copy); $copy } @urls;
    my $first = browser(base => $own{DIRECT_PORT});
    $first->get('/_wix/login');
    my @b = map { $first->clone } @urls;

    my @res = steps(map {
        [$b[$_], POST => '/_wix/login', json => {%login,
         return => $texts[$_]}] } 0 .. $#urls);
    is(scalar(grep { $_->status == 200 && $_->set_cookie('wix_auth') } @res),
       scalar @urls, @urls . ' logins, direct');
    found('redirectUrl, direct', $urls[$_], ($res[$_]->json // {})
          ->{redirectUrl}, 'DIRECT_PORT', @apps) for 0 .. $#res;

    # POST callback
    my @some = @urls[grep { $_ % 2 } 0 .. $#urls];
    @texts = @texts[grep { $_ % 2 } 0 .. $#urls];
    $first = browser(base => $own{ORIGINS_PORT});
    $first->get('/_wix/login');
    @b = map { $first->clone } @some;
    @res = steps(map {
        [$b[$_], POST => '/_wix/login', json => {%login,
         return => $texts[$_]}] } 0 .. $#some);
    @res = steps(map { [$b[$_], GET => ($res[$_]->json // {})->{redirectUrl}
                        // '/nowhere'] } 0 .. $#some);
    @res = steps(map {
        my $i = $_;
        my $location = $res[$i]->location // '';
        [$b[$i], POST => '/_wix/callback', json => {
            map { ($_ => $res[$i]->query($_, $location)) } qw(code state)}]
    } 0 .. $#some);
    is(scalar(grep { ($_->json // {})->{redirectUrl} } @res), scalar @some,
       @some . ' by POST callback');
    found('redirectUrl, POST callback', $some[$_], ($res[$_]->json // {})
          ->{redirectUrl}, 'ORIGINS_PORT', @apps) for 0 .. $#res;
};


subtest 'logins that need another step' => sub {
    my @urls = choice(25, 'PORT');
    my $first = browser(base => $own{PORT});
    $first->get('/_wix/login');

    for (['verify@wix.test', 200, 'the code'], ['mfa@wix.test', 501,
         'Wix\'s page'], ['approval-state@wix.test', 200, 'approval'],
         ['captcha@wix.test', 403, 'a captcha'])
    {
        my ($email, $status, $what) = @$_;
        my @b = map { $first->clone } @urls;
        my @res = steps(map { [$b[$_], POST => '/_wix/login', form => {
            email => $email, password => 'Emulator-pass-1',
            return => $urls[$_]}] } 0 .. $#urls);

        is(scalar(grep { $_->status == $status } @res), scalar @urls,
           "$what: " . @urls . ' pages');
        page($what, $urls[$_], $res[$_], 'PORT') for 0 .. $#res;
    }

    # the whole way of a registration with a code
    my @few = @urls[map { $_ * 3 } 0 .. $#urls / 3];
    my @b = map { $first->clone } @few;
    emulator()->member(email => "new-verify$_\@wix.test", registered => 0,
                       state => 'VERIFY', code => 'AB12C3',
                       password => 'Emulator-pass-1') for 0 .. $#few;
    my @res = steps(map { [$b[$_], POST => '/_wix/register', form => {
        email => "new-verify$_\@wix.test", password => 'Emulator-pass-1',
        return => $few[$_]}] } 0 .. $#few);
    page('register, the code', $few[$_], $res[$_], 'PORT') for 0 .. $#few;

    @res = steps(map {
        my ($page) = $res[$_]->forms;
        [$b[$_], POST => '/_wix/verify', form => {%{$page->{fields}},
         code => 'AB12C3'}] } 0 .. $#few);
    is(scalar(grep { $_->status == 303 } @res), scalar @few,
       @few . ' codes are right');
    my (undef, @end) = back(\@b, map { $_->location } @res);
    found('register, verify, callback', $few[$_], $end[$_]->location, 'PORT')
        for 0 .. $#few;
};


# Origins that come in: what they open is judged by the same parser.
my (@origins, @opened);

subtest 'origins' => sub {
    # header lines that arrive as they are
    @origins = unique(map { s/^[ \t]+|[ \t]+$//gr }
                      grep { !/[\0\r\n]/ && length() < 1500 } some(0, 3));
    my $port = port('ORIGINS_PORT');

    my @res = batch($port, map { ['GET', '/_wix/session', "Origin: $_\r\n"] }
                    @origins, @apps);
    is(scalar(grep { defined $_->header('Access-Control-Allow-Origin') }
              splice @res, -2), 2, 'allowed ones are told so');
    is(scalar @res, scalar @origins, @origins . ' others');
    is_deeply([map { show($origins[$_]) }
               grep { defined $res[$_]->header('Access-Control-Allow-Origin') }
               0 .. $#res], [], 'are not');

    for my $name (qw(Origin Referer)) {
        my @res = batch($port, map {
            ['POST', '/_wix/login', "$name: $_\r\nContent-Type: "
             . "application/x-www-form-urlencoded\r\nAccept: "
             . "application/json\r\n", 'email=x'] } @origins);
        is(scalar @res, scalar @origins, "by $name");

        for my $i (0 .. $#res) {
            push @opened, [$name, $origins[$i]] if $res[$i]->status == 400;
            fail(show($origins[$i]) . ': ' . $res[$i]->status)
                if $res[$i]->status !~ /^40[03]$/;
        }
    }
    cmp_ok(scalar(grep { $_->[0] eq 'Referer' } @opened), '>', 0,
           @opened . ' are welcome');
};


subtest 'what holds a NUL is refused' => sub {
    my @res = batch($p, map { ['GET', '/_wix/login?return=' . url_escape($_)] }
                    @nul);
    cmp_ok(scalar @nul, '>', 50, @nul . ' addresses');
    is(scalar(grep { $_->status != 400 || defined $_->location } @res), 0,
       'each of them');
};


subtest 'a browser never leaves' => sub {
    diag("$addresses addresses of " . keys(%way) . ' ways, ' . @found
         . ' of them different');
    note(join ', ', map { "$_: $way{$_}" } sort keys %way);
    cmp_ok(scalar keys %way, '>=', 40, keys(%way) . ' ways');

    # what an upstream or a proxy on the way might read: decoded once, twice
    my @decoded = map {
        my ($way, $asked, $address, $page, $allowed) = @$_;
        my ($path, $rest) = ($address // '') =~ /^([^?#]*)(.*)$/s;
        my $once = $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
        my $twice = $once =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
        map { ["$way, decoded", $asked, $_, $page, $allowed] }
            grep { $_ ne $path } unique($once, $twice);
    } @found;

    my $page = "$own{PORT}/_wix/login";
    my @judged = judge([(map { [$_, $page] } @corpus),
                        (map { [@$_[2, 3]] } @found, @decoded),
                        (map { [$_->[1], 'x:'] } @opened),
                        ['//evil.test/x', $page], ['/\\evil.test', $page]]);

    is($_->[0], 'http://evil.test', 'the judge can tell')
        for splice @judged, -2;
    my @welcome = splice @judged, -@opened;
    my @naive = splice @judged, 0, scalar @corpus;
    my $leaves = grep { $_->[0] !~ /^(?:\Q$own{PORT}\E|none)$/ } @naive;
    cmp_ok($leaves, '>', 1400, "$leaves of " . @corpus . ' would leave');

    my @bad = grep {
        my $origin = $judged[$_][0];
        my $case = (@found, @decoded)[0] && ($_ < @found ? $found[$_]
                                             : $decoded[$_ - @found]);
        !grep { $_ eq $origin } @{$case->[4]};
    } 0 .. $#judged;

    is(scalar @bad, 0, '0 escapes of ' . @judged . ' judgements');
    diag(join "\n", map {
        my $case = $_ < @found ? $found[$_] : $decoded[$_ - @found];
        "$case->[0]: " . show($case->[1]) . ' gives ' . show($case->[2] // '-')
            . ", which is $judged[$_][0]";
    } @bad > 20 ? @bad[0 .. 19] : @bad) if @bad;

    my %allowed = map { $_ => 1 } $own{ORIGINS_PORT}, @apps;
    is_deeply([map { "$opened[$_][0]: " . show($opened[$_][1]) }
               grep { !$allowed{$welcome[$_][0]} } 0 .. $#opened], [],
              'only pages of allowed origins may post');

    my @odd = grep { ($_->[2] // '') !~ /\A[!-\[\]-~]+\z/ } @found;
    is(scalar @odd, 0, 'all is plain ASCII');
    diag(join "\n", map { "$_->[0]: " . show($_->[1]) . ' gives '
                          . show($_->[2] // '-') }
         @odd > 20 ? @odd[0 .. 19] : @odd) if @odd;
};


done_testing();
