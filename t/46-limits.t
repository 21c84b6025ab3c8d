#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Everything has a bound: the table in docs/security.md says of each what the
# code says, and those that no other file tries are tried here, at the bound
# and one beyond it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use WixAuthTest;
use WixAuthTest::Clock;

use constant {EMAIL => 'ann@example.com', SECRET => 'secret-of-ann-1'};

my $top = top_dir();
my $src = "$top/ngx_http_wix_auth_module";


# name, and the file that defines it => value
my %constant;

for my $file (glob "$src/*.[ch]") {
    my ($room) = $file =~ /ngx_http_wix_auth_(\w+\.[ch])$/;
    my $text = slurp($file);

    while ($text =~ /^#define NGX_HTTP_WIX_AUTH_(\w+)\s+(\(?\d[^\n]*?)\s*(?:\/\*|$)/mg)
    {
        my ($name, $value) = ($1, $2);
        next if $value !~ /^[\d\s()*+]+$/;
        $constant{"$name $room"} = eval $value;
    }
}


subtest 'the table' => sub {
    my ($table) = slurp("$top/docs/security.md")
        =~ /^## Limits\n.*?^\| what .*?\n\|[-|]+\n(.*?)^\n/ms;
    my $directives = slurp("$top/docs/directives.md");
    my (%said, @bad);

    for my $line (split /\n/, $table // '') {
        my (undef, $what, $bound, $where, $beyond, $test)
            = split /\s*\|\s*/, $line, -1;
        next if $what =~ /^\*\*/;

        my ($first) = $bound =~ m{^(?:1/)?(\d+)};

        if ($where =~ /^`(\w+)` in `(\w+\.[ch])`$/) {
            my $value = $constant{"$1 $2"};
            push @bad, "$what: $bound is " . ($value // 'nothing') . " in $2"
                if !defined $value || ($first // -1) != $value;
            push @bad, "$1 $2 twice" if $said{"$1 $2"}++ && $1 ne 'URL_MAX';
        }
        elsif ($where =~ /^\[(wix_auth_\w+)\]\(directives\.md#\1\)$/) {
            my ($entry) = $directives =~ /^### $1\n(.*?)(?=^##)/ms;
            $entry //= '';
            for my $value (map { split } $bound =~ /`([^`]+)`/g) {
                my $part = $value =~ s/^\w+=//r;
                push @bad, "$what: $value is not in $1"
                    if $entry !~ /\b\Q$value\E\b/
                        && $entry !~ /`\Q$part\E` by default/;
            }
            push @bad, "$what: no default" if $bound !~ /`/;
        }
        elsif ($where !~ /^nginx's `/) {
            push @bad, "$what: set by $where";
        }

        push @bad, "$what: no $test"
            if length $test && !-f "$top/" . $test =~ s/`//gr;
    }
    is(join("\n", @bad), '', 'says what the code says');
    cmp_ok(scalar keys %said, '>', 60, 'the constants were found');

    # those of other kinds that are called so: ends of time
    $said{$_} = 1 for 'BEARER_EXP_MAX bearer.c', 'EXPIRES_MAX verdict.c';

    my @missing = grep { !$said{$_}
        && /_(?:MAX|TRIES|RATE|ACTIVE|QUEUED|RESERVE)\b/ } sort keys %constant;
    is("@missing", '', 'and forgets none');
};


# From here on servers run.

my @servers = qw(PORT DIRECT_PORT CLOCK_PORT);
my $emu = start_emulator(
    member => [EMAIL . ':' . SECRET],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     @servers, 'QUERY_FIT_PORT', 'QUERY_OVER_PORT']);
start_upstream();
note_secret(password => SECRET);

my $common = <<'END';
wix_auth_zone zone=members:1m;
wix_auth_api_breaker off;
wix_auth_login_limit off;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
wix_auth required;
END

my $nginx = start_nginx(debug => 0, conf => <<"END");
events { worker_connections 4096; }
http {
$common
wix_auth_api %%API%%;
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;
map \$arg_client \$client {
    default %%CLIENT%%;
    ~^(?<n>\\d\\d)\$ 00000000-0000-0000-0000-0000000000\$n;
}
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-From;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location = /_wix/login {
        wix_auth_client_id \$client;
        wix_auth_endpoints;
    }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /open { wix_auth off; proxy_pass http://%%UPSTREAM%%; }
    location = /stub { wix_auth off; stub_status; }
    location /api { wix_auth_bearer on; proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%DIRECT_PORT%%;
    server_name localhost;
    wix_auth_response_mode direct;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
}
END

my $port = port('PORT');

sub post_login {
    my ($b, %input) = @_;
    return $b->post('/_wix/login', json => {
        email => EMAIL, password => SECRET, %input});
}

# status and reason in one
sub word {
    my ($res) = @_;
    my $got = $res->json // {};
    return join ' ', $res->status, $got->{error} // $got->{state} // ();
}

# what fits, and what is one too long
sub bound {
    my ($n, $what, $code, $fits, $over) = @_;
    is($code->($n), $fits, "$what: $n");
    is($code->($n + 1), $over, "$what: one more");
    return;
}

# the whole of a login, with one thing of Wix's answers another
sub through {
    my ($op, $action, $base) = @_;
    my $b = browser($base ? (base => $base) : ());
    my $id = $emu->fault($op, $action);
    my $res = post_login($b);
    my $url = ($res->json // {})->{redirectUrl};
    $res = $b->follow($b->get($url)) if $url && $url =~ /^http/;
    $emu->clear_faults;
    return ($res, $b);
}

sub patch { return {type => 'patch', set => {@_}} }


subtest 'input' => sub {
    my $b = browser();
    my $wrong = '401 invalid_credentials';
    my $bad = '400 invalid_request';
    my $json = sub { my %in = @_; return word(post_login($b, %in)) };
    my $mail = sub { 'x' x ($_[0] - length '@example.com') . '@example.com' };

    bound(128, 'fields of a form', sub {
        return $b->post('/_wix/login', headers => {Accept => 'application/json'},
            form => [email => EMAIL, password => 'wrong',
                     map { ("x$_" => '') } 3 .. $_[0]])->status;
    }, 401, 400);
    bound(128, 'fields of a query', sub {
        return $b->get('/_wix/login?' . join '&', map { "x$_=" } 1 .. $_[0])
            ->status;
    }, 200, 400);

    my $fields = sub {
        my ($res) = @_;
        return ($res->json // {})->{fields} // {};
    };
    bound(16, 'members that are told', sub {
        return scalar keys %{$fields->(post_login($b,
            map { ("m$_" => 1) } 1 .. $_[0]))};
    }, 16, 16);
    bound(64, 'their names', sub {
        my ($name) = keys %{$fields->(post_login($b, 'n' x $_[0] => 1))};
        return length $name;
    }, 64, 64);

    bound(254, 'an e-mail address', sub {
        return $json->(email => $mail->($_[0]), password => 'wrong') },
        $wrong, $bad);
    bound(1024, 'a password', sub {
        return $json->(password => 'p' x $_[0]) }, $wrong, $bad);
    bound(5000, 'a captcha', sub {
        return $json->(password => 'wrong', captcha => 'c' x $_[0]) },
        $wrong, $bad);
};


# a browser on its way back from Wix: itself, and state
sub under_way {
    my $b = browser();
    my $res = post_login($b);
    $res = $b->follow($b->get($res->json->{redirectUrl}),
                      until => qr{/_wix/callback});
    return ($b, $res->query('state'));
}

subtest 'a callback' => sub {
    my $exchanges = sub { $emu->count('token.authorization_code') };
    my ($b, $state) = under_way();
    my $before = $exchanges->();

    bound(4096, 'a code', sub {
        return $b->get('/_wix/callback?code=' . 'c' x $_[0] . "&state=$state")
            ->status;
    }, 303, 400);
    is($exchanges->(), $before + 1, 'one was shown to Wix');

    ($b, $state) = under_way();
    for my $bad (substr($state, 0, 50), $state . 'A') {
        my $c = $b->clone;
        is($c->get("/_wix/callback?code=abc&state=$bad")->location,
           '/_wix/login?return=%2F', 'a state of ' . length $bad);
    }
    is($exchanges->(), $before + 1, 'none of them');

    my $value = $b->cookie('wix_auth_b')->{value};
    is(length $value, 22, 'a binding');
    for my $length (21, 22, 23) {
        my $c = browser();
        $c->set_cookie(host => 'localhost', name => 'wix_auth_b',
                       value => substr $value . 'A', 0, $length);
        my $set = $c->get('/_wix/login')->set_cookie('wix_auth_b');
        is($set ? 'another' : 'kept', $length == 22 ? 'kept' : 'another',
           "one of $length");
    }
};


subtest 'cookies' => sub {
    my $b = browser();
    login($b, email => EMAIL, password => SECRET);
    my $true = 'wix_auth=' . $b->cookie('wix_auth')->{value};
    my $false = 'wix_auth=' . 'A' x 54;
    my $ask = sub {
        my ($uri, @cookies) = @_;
        return browser()->get($uri, headers => {
            Cookie => ref $cookies[0] ? $cookies[0]
                : join '; ', @cookies});
    };

    bound(4, 'the true session as number', sub {
        return $ask->('/', ($false) x ($_[0] - 1), $true)->status
    }, 200, 302);
    bound(16, 'of our cookies in a header', sub {
        return $ask->('/', ('wix_auth_b=x') x ($_[0] - 1), $true)->status
    }, 200, 302);
    is($ask->('/', ['wix_auth_b=x; ' x 15 . 'a=b', $true])->status, 200,
       'another header is counted anew');

    my $seen = $ask->('/open', ('wix_auth_b=x') x 20, 'shop=1', $true)
        ->json->{headers}{cookie} // [];
    is("@$seen", 'shop=1', 'what is not read is cut all the same');
};


subtest 'recovery' => sub {
    my $n = 0;
    my $ask = sub {
        my ($from) = @_;
        return browser(headers => {'X-Test-From' => $from})
            ->post('/_wix/recover', json => {email => EMAIL});
    };

    $ask->('198.51.100.1') for 1 .. 10;
    my $res = $ask->('198.51.100.1');
    is(word($res), '429 too_many_attempts', 'ten from one address');
    my $after = $res->header('Retry-After');
    ok($after <= 900 && $after > 900 - slow(20), "in 900 seconds: $after");

    # ten of sixty are gone
    my %word;
    $word{word($ask->("198.51.100.$_"))}++ for 101 .. 151;
    is_deeply(\%word, {'200 RECOVERY_EMAIL_SENT' => 50,
                       '429 too_many_attempts' => 1}, 'sixty of a client');
    $res = $ask->('198.51.100.200');
    ok($res->header('Retry-After') <= 60, 'in a minute');
};


# a token as Wix makes them, of a size
sub token {
    my ($id, $size) = @_;
    my $data = JSON::PP->new->encode({instance => {siteMemberId => $id}});
    my $token = join '.', 'OauthNG.JWS', (map { encode_base64url($_) }
        '{"alg":"HS256"}', JSON::PP->new->encode({data => $data})), 'sig';
    $token .= 's' x ($size - length $token) if $size;
    note_secret(token => $token);
    return $token;
}

# what becomes of a login with this in the answer with the tokens
sub granted {
    my ($res, $b) = through('token.authorization_code', patch(@_));
    my $session = $b->get('/_wix/session')->json;
    return $session->{authenticated} ? "in $session->{member}{id}"
        : $res->status . ($res->body =~ /\b(upstream_error)\b/ ? " $1" : '');
}

subtest 'tokens of Wix' => sub {
    my $bad = '502 upstream_error';
    my $id = (granted() =~ /^in (.*)/)[0];

    ok($id, 'a login');
    bound(8192, 'a refresh token', sub {
        return granted(refresh_token => 'r' x $_[0]) }, "in $id", $bad);
    bound(8192, 'an access token', sub {
        return granted(access_token => token('me', $_[0])) }, 'in me', $bad);
    bound(64, 'a member id', sub {
        return granted(access_token => token('m' x $_[0])) =~ s/(m+)$/length $1/er;
    }, 'in 64', $bad);
    bound(64, 'digits of a number', sub {
        return granted(expires_in => '3600.' . '0' x ($_[0] - 5)) },
        "in $id", $bad);
    bound(315360000, 'the life of a token', sub {
        return granted(expires_in => $_[0]) }, "in $id", $bad);
};


subtest 'answers to a login' => sub {
    my $b = browser();
    my $bad = '502 upstream_error';
    my $ends = sub {
        my ($action) = @_;
        $emu->fault('login', $action);
        my $word = word(post_login($b));
        $emu->clear_faults;
        return $word;
    };

    my $redirects = sub { return $emu->count('redirect-session.auth') };
    my $before = $redirects->();
    # Wix does not know it then, but it is asked
    bound(4096, 'sessionToken', sub {
        $ends->(patch(sessionToken => 's' x $_[0]));
        return $redirects->() - $before;
    }, 1, 1);

    $emu->member(email => 'eve@example.com', password => SECRET,
                 state => 'VERIFY');
    bound(2048, 'stateToken', sub {
        $emu->fault('login', patch(stateToken => 'AST.' . 't' x ($_[0] - 4)));
        my $word = word(post_login($b, email => 'eve@example.com'));
        $emu->clear_faults;
        return $word;
    }, '200 REQUIRE_EMAIL_VERIFICATION', $bad);

    bound(254, 'the e-mail address', sub {
        my ($res, $c) = through(login => patch('identity.email.address' =>
            'w' x ($_[0] - length '@example.com') . '@example.com'));
        return length $c->get('/_wix/session')->json->{member}{email};
    }, 254, length EMAIL);

    bound(65536, 'the body', sub {
        my $json = '{"state":"REQUIRE_OWNER_APPROVAL","x":""}';
        $json =~ s/""/'"' . 'x' x ($_[0] - length $json) . '"'/e;
        return $ends->({type => 'body', body => $json});
    }, '200 REQUIRE_OWNER_APPROVAL', $bad);

    # all of it counts, and what is not ours is some hundred bytes
    my $head = sub {
        my $pad = 'x' x 1000;
        my ($n) = @_;
        return $ends->({type => 'body', headers => {
            (map { ("X-Pad-$_" => $pad) } 10 .. 40), 'X-Pad-9' => 'x' x $n},
            body => '{"state":"REQUIRE_OWNER_APPROVAL"}'});
    };
    my ($low, $high) = (0, 4000);
    is($head->($low), '200 REQUIRE_OWNER_APPROVAL', 'the head: it fits');
    is($head->($high), $bad, 'and is too long');
    while ($high - $low > 1) {
        my $half = int(($low + $high) / 2);
        ($head->($half) =~ /^200/ ? $low : $high) = $half;
    }
    my $size = 32768 - 31 * length("X-Pad-10: \r\n" . 'x' x 1000)
        - length("X-Pad-9: \r\n") - $low;
    ok($size > 100 && $size < 700, "the rest of 32768 bytes are $size");

    bound(200, 'a sentence about a field', sub {
        $emu->fault('register', {type => 'status', status => 400,
            contentType => 'application/json', body => JSON::PP::encode_json({
                message => 'x', details => {validationError => {
                    fieldViolations => [{field => 'profile.slug',
                                         description => 'd' x $_[0]}]}}})});
        my $res = $b->post('/_wix/register', json => {
            email => 'new@example.com', password => SECRET});
        $emu->clear_faults;
        return length(($res->json // {})->{fields}{'profile.slug'} // '');
    }, 200, 200);

    bound(64, 'an error code', sub {
        my $from = length $nginx->error_log;
        $ends->({type => 'status', status => 500,
            contentType => 'application/json', body => JSON::PP::encode_json({
                message => 'x', details => {applicationError => {
                    code => 'C' x $_[0]}}})});
        return substr($nginx->error_log, $from) =~ /code "(C+)"/
            ? length $1 : 'none';
    }, 64, 'none');

    for my $said (3599, 3600, 3601, '9' x 30) {
        $emu->fault('login', {type => 'status', status => 429, headers => {
            'Retry-After' => $said}, body => '{}'});
        is(post_login($b)->header('Retry-After'),
           $said > 3600 ? 3600 : $said, "Retry-After $said");
        $emu->clear_faults;
    }
};


subtest 'what bearers are told' => sub {
    for my $said (300, 301, 3000) {
        my $token = $emu->mint(email => EMAIL)->{access_token};
        $emu->fault('token-info', {type => 'status', status => 503,
            headers => {'Retry-After' => $said}, body => '{}'});
        my $res = browser()->get('/api', headers => {
            Authorization => $token, 'Sec-Fetch-Mode' => 'cors'});
        is($res->status, 503, 'Wix is away');
        is($res->header('Retry-After'), 300, "$said seconds");
        $emu->clear_faults;
    }
};


subtest 'a direct login' => sub {
    my $base = 'http://localhost:' . port('DIRECT_PORT');
    my $back = "$base/_wix/callback";
    my $plain = length("$back?code=abc&state=") + 51;
    my $exchanges = sub { $emu->count('token.authorization_code') };

    # the page of Wix, with what it adds to its answer
    my $stub = sub {
        my ($name, $code, $more) = @_;
        return "location /$name/ { return 302 "
            . "\"$back?code=$code&state=\$arg_state$more\"; }\n";
    };
    my $locations = join '', map { $stub->(@$_) }
        (map { ["size$_", 'abc', '&x=' . 'x' x ($_ - $plain - 3)] } 2048, 2049),
        (map { ["args$_", 'abc', join '', map { "&x$_=" } 3 .. $_] } 16, 17),
        (map { ["code$_", 'c' x $_, ''] } 1800);
    my $site = start_nginx(module => 0, scan => 0, debug => 0, conf => <<"END");
server {
    listen 127.0.0.1:%%STUB_PORT%%;
    $locations
}
END
    my $goes = sub {
        my ($name) = @_;
        $emu->configure(siteUrl => 'http://127.0.0.1:' . port('STUB_PORT')
                        . "/$name");
        my $before = $exchanges->();
        my $url = (post_login(browser(base => $base))->json // {})->{redirectUrl};
        return $exchanges->() > $before ? 'the code comes'
            : ($url // '') =~ m{/authorize\?} ? 'the browser goes' : 'neither';
    };

    is($goes->('size2048'), 'the code comes', '2048 bytes');
    is($goes->('size2049'), 'the browser goes', '2049 bytes');
    is($goes->('args16'), 'the code comes', '16 parameters');
    is($goes->('args17'), 'the browser goes', '17 parameters');
    is($goes->('code1800'), 'the code comes', 'a code that fits in there');
    $site->stop;

    # The address that Wix tells, with more parameters than it needs.
    $emu->configure(siteUrl => $emu->site);
    my $url = post_login(browser())->json->{redirectUrl};
    my $n = () = $url =~ /=/g;
    my $api = $emu->api;
    my $server = sub {
        my ($name, $args) = @_;
        my $more = join '', map { "x$_=&" } $n + 1 .. $args;
        return <<"END";
server {
    listen 127.0.0.1:%%${name}_PORT%%;
    server_name localhost;
    wix_auth_response_mode direct;
    wix_auth_api http://127.0.0.1:%%FRONT_PORT%%/$name;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%FRONT_PORT%%;
    server_name front.localhost;
    wix_auth off;
    location /$name/ {
        proxy_pass $api/;
        proxy_set_header Accept-Encoding "";
        sub_filter_types application/json;
        sub_filter "authorize?" "authorize?$more";
    }
END
    };
    my $conf = $common . $server->(QUERY_FIT => 64) . "}\n"
        . $server->(QUERY_OVER => 65);
    # one server for both locations
    my ($front) = $conf =~ /^(server \{\n    listen \S+FRONT_PORT%%;\n(?:    \w+ \S+;\n)*)/m;
    my @locations = $conf =~ /\Q$front\E(.*?^    \}\n)/msg;
    $conf =~ s/\Q$front\E.*?^    \}\n(?:\}\n)?//msg;
    my $wrap = start_nginx(debug => 0,
        base => 'http://localhost:' . port('QUERY_FIT_PORT'),
        conf => "$conf$front@locations}\n");

    for (['QUERY_FIT', 'in', 64], ['QUERY_OVER', 'the browser goes', 65]) {
        my ($name, $want, $args) = @$_;
        my $b = browser(base => 'http://localhost:' . port("${name}_PORT"));
        my $url = (post_login($b)->json // {})->{redirectUrl} // '';
        is($b->cookie('wix_auth') ? 'in'
           : $url =~ m{/authorize\?} ? 'the browser goes' : "neither: $url",
           $want, "an address with $args parameters");
    }
    $wrap->stop;
};


subtest 'the request id of an answer' => sub {
    my $api = start_nginx(module => 0, scan => 0, debug => 0, conf => <<"END");
server {
    listen 127.0.0.1:%%ID_API_PORT%%;
    location / {
        add_header X-Wix-Request-Id @{['i' x 128]} always;
        return 500;
    }
    location /long {
        add_header X-Wix-Request-Id @{['l' x 129]} always;
        return 500;
    }
}
END
    my $servers = join '', map { <<"END" } ['SHORT', ''], ['LONG', '/long'];
server {
    listen 127.0.0.1:%%$_->[0]_ID_PORT%%;
    server_name localhost;
    wix_auth_api http://127.0.0.1:%%ID_API_PORT%%$_->[1];
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    my $asks = start_nginx(debug => 0, conf => $common . $servers,
                           base => 'http://localhost:' . port('LONG_ID_PORT'));

    for my $name ('SHORT', 'LONG') {
        post_login(browser(base => 'http://localhost:'
                           . port("${name}_ID_PORT")));
    }
    my @ids = $asks->error_log =~ /request id "(i+|l+)"/g;
    is_deeply([map { length } @ids], [128, 128], 'in the log');
    $_->stop for $asks, $api;
};


subtest 'visitor tokens of a worker' => sub {
    # clients that only this test knows
    my $token = {access_token => 'OauthNG.JWS.a.b.c', refresh_token => 'r',
                 expires_in => 14400, token_type => 'Bearer'};
    $emu->fault('token.anonymous', {type => 'body',
        body => JSON::PP::encode_json($token)}, count => -1);
    $emu->fault('login', {type => 'body',
        body => '{"state":"REQUIRE_OWNER_APPROVAL"}'}, count => -1);

    my $asked = sub {
        my $before = $emu->count('token.anonymous');
        browser()->post(sprintf('/_wix/login?client=%02d', $_), json => {
            email => EMAIL, password => SECRET}) for @_;
        return $emu->count('token.anonymous') - $before;
    };

    is($asked->(1 .. 64), 64, '64 clients');
    is($asked->(1 .. 64), 0, 'are known');
    is($asked->(65), 1, 'one more');
    is($asked->(2 .. 65), 0, 'takes the place of the first');
    is($asked->(1), 1, 'which begins anew');
    $emu->clear_faults;
};


subtest 'transfers that wait' => sub {
    my $most = 256 + 1024;
    my $body = '{"email":"' . EMAIL . '","password":"' . SECRET . '"}';
    my $bytes = join "\r\n", 'POST /_wix/login HTTP/1.1',
        "Host: localhost:$port", 'Content-Type: application/json',
        'Content-Length: ' . length $body, 'Connection: close', '', $body;

    # with a visitor token at hand each login is one transfer
    is(post_login(browser())->status, 200, 'a login');
    $emu->fault('login', 'hang', count => -1);

    my @sock = map {
        my $sock = open_socket($port);
        print $sock $bytes;
        $sock;
    } 1 .. $most;
    ok(wait_for { ($emu->inflight->{ops}{login} // 0) == 256 } 20,
       '256 calls are under way');

    my $select = IO::Select->new(@sock);
    ok(wait_for { browser()->get('/stub')->body =~ /Writing: (\d+)/
                  && $1 > $most }, 'the others are known');
    is(scalar(() = $select->can_read(0)), 0, "nobody of $most has an answer");

    my $start = time;
    is(word(post_login(browser())), '503 upstream_unavailable',
       'the next one has');
    ok(time - $start < slow(5), 'at once');
    is(scalar(() = $select->can_read(0)), 0, 'the others wait on');

    close $_ for @sock;
    $emu->clear_faults;
    $emu->release;
    ok(wait_for { $emu->inflight->{count} == 0 } 20, 'they leave');
    ok(wait_for { word(post_login(browser())) eq '200 SUCCESS' } 20,
       'and logins go on');
};


subtest 'connections that are kept' => sub {
    my $open = sub {
        my $hex = sprintf ':%04X 01 ', $emu->{api_port};
        # state 01 is established
        return () = slurp('/proc/net/tcp') =~ /\Q$hex\E/g;
    };
    my $before = $open->();

    $emu->fault('login', 'hang', count => -1);
    my @b = map { browser() } 1 .. 100;
    my @sock = map {
        my $sock = open_socket($port);
        my $body = '{"email":"' . EMAIL . '","password":"wrong"}';
        print $sock join "\r\n", 'POST /_wix/login HTTP/1.1',
            "Host: localhost:$port", 'Content-Type: application/json',
            'Content-Length: ' . length $body, 'Connection: close', '', $body;
        $sock;
    } @b;
    ok(wait_for { ($emu->inflight->{ops}{login} // 0) == 100 } 20,
       'a hundred calls') or return;
    cmp_ok(scalar($open->()), '>=', 100, 'have a connection each');

    $emu->clear_faults;
    $emu->release;
    for my $sock (@sock) {
        local $/;
        my $in = <$sock>;
        close $sock;
    }
    ok(wait_for { $open->() <= 64 } 10, '64 of them are kept')
        or diag(scalar $open->());
    cmp_ok(scalar($open->()), '>', 32, 'and not fewer');
};


subtest 'what takes time' => sub {
    plan(skip_all => scalar WixAuthTest::Clock->missing)
        if WixAuthTest::Clock->missing;

    my $clock = WixAuthTest::Clock->new(temp_dir());
    my $late = $clock->with(sub { start_nginx(debug => 0,
        base => 'http://localhost:' . port('CLOCK_PORT'), conf => <<"END") });
$common
wix_auth_api %%API%%;
wix_auth_refresh_use_stale off;
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;
server {
    listen 127.0.0.1:%%CLOCK_PORT%%;
    server_name localhost;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /api { wix_auth_bearer on; proxy_pass http://%%UPSTREAM%%; }
    location /shop {
        wix_auth optional;
        wix_auth_visitor on;
        proxy_set_header X-Token \$wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /profile {
        wix_auth_profile on;
        proxy_set_header X-Nick \$wix_auth_nickname;
        proxy_pass http://%%UPSTREAM%%;
    }
}
END
    my $base = $late->{base};
    my $calls = sub { return $emu->count($_[0]) };
    # how often it is called, with so much time in between
    my $again = sub {
        my ($op, $what, $code, @seconds) = @_;
        my $first = $calls->($op);
        $code->();
        ok(wait_for { $calls->($op) == $first + 1 }, "$what: a first call");
        for (@seconds) {
            my ($seconds, $want) = @$_;
            my $before = $calls->($op);
            $clock->pass($seconds);
            $code->();
            $want ? ok(wait_for { $calls->($op) == $before + 1 },
                       "another after $seconds s more")
                : is($calls->($op), $before, "none for $seconds s");
        }
    };

    my $data = JSON::PP::encode_json({instance => {
        appDefId => $emu->client, uid => 'nobody', siteMemberId => 'nobody'}});
    my $token = join '.', 'OauthNG.JWS', (map { encode_base64url($_) }
        '{"alg":"HS256"}', JSON::PP::encode_json({data => $data,
        exp => time + 86400, iat => time}), 's' x 32);
    note_secret(token => $token);
    my $bearer = sub {
        return browser(base => $base)->get('/api', headers => {
            Authorization => $token, 'Sec-Fetch-Mode' => 'cors'});
    };

    $again->('token-info', 'a refused bearer', $bearer, [28, 0], [3, 1]);

    $emu->fault('token.anonymous', {type => 'status', status => 503},
                count => -1);
    $again->('token.anonymous', 'no visitor',
             sub { browser(base => $base)->get('/shop') }, [8, 0], [3, 1]);
    $emu->clear_faults;

    # logins in between would ask for a visitor token
    $clock->pass(31);
    my $b = browser(base => $base);
    login($b, email => EMAIL, password => SECRET);
    $emu->fault('members-my', {type => 'status', status => 503}, count => -1);
    $again->('members-my', 'a profile', sub { $b->get('/profile') },
             [57, 0], [4, 1]);
    $emu->clear_faults;

    # a code, and another mail
    $emu->member(email => 'dan@example.com', password => SECRET,
                 state => 'VERIFY', code => 'AB12C3');
    my $d = browser(base => $base);
    my $waits = post_login($d, email => 'dan@example.com')->json->{stateToken};
    my $mail = sub { return word(post_login($d, email => 'dan@example.com',
                                            stateToken => $waits)) };
    my $code = sub { return word($d->post('/_wix/verify', json => {
        code => $_[0], stateToken => $waits})) };
    is($mail->(), '429 too_many_attempts', 'another mail: at once');
    $clock->pass(57);
    is($mail->(), '429 too_many_attempts', 'nor after 57 seconds');
    $clock->pass(4);
    is($mail->(), '200 REQUIRE_EMAIL_VERIFICATION', 'but after a minute');
    $code->('000000') for 1 .. 5;
    is($code->('AB12C3'), '429 too_many_attempts', 'five codes');
    $clock->pass(900 - 61 - 15);
    is($code->('AB12C3'), '429 too_many_attempts', 'to the end');
    $clock->pass(20);
    is($code->('AB12C3'), '400 attempt_expired', 'of 900 seconds');

    # what is left of a session
    my $c = $b->clone;
    $b->post('/_wix/logout', form => {});
    my $was = sub { return $c->get('/')->header('X-Reason') };
    is($was->(), 'session_ended', 'after a logout');
    $clock->pass(597);
    is($was->(), 'session_ended', 'it is known');
    $clock->pass(4);
    is($was->(), 'unknown_session', 'for 600 seconds');

    # connections to Wix
    my $connection = sub {
        post_login(browser(base => $base));
        return ($emu->log_entries('login'))[-1]{connection};
    };
    my $first = $connection->();
    $clock->pass(48);
    is($connection->(), $first, 'a connection is used again after 48 s');
    $clock->pass(52);
    isnt($connection->(), $first, 'and not after 52');

    # refreshes that fail
    $b = browser(base => $base);
    login($b, email => EMAIL, password => SECRET);
    $clock->pass(4 * 3600);
    my $retry = sub { return $b->get('/')->header('Retry-After') };
    for my $said (29, 3000) {
        $emu->fault('token.refresh_token', {type => 'status', status => 503,
            headers => {'Retry-After' => $said}});
        my $after = $retry->();
        cmp_ok($after, '<=', $said > 30 ? 30 : $said, "Retry-After $said");
        cmp_ok($after, '>', 25, "is taken as $after");
        $emu->clear_faults;
        $clock->pass(40);
        ok(wait_for { $b->get('/')->status == 200 }, 'then it goes on');
        $clock->pass(4 * 3600);
    }
    $emu->fault('token.refresh_token', {type => 'status', status => 503},
                count => -1);
    my @back;
    for (1 .. 7) {
        my ($before, $lines) = ($calls->('token.refresh_token'),
                               length $late->error_log);
        $b->get('/');
        ok(wait_for { substr($late->error_log, $lines) =~ /refresh: upstream/
                      && $calls->('token.refresh_token') == $before + 1 },
           'a refresh fails');
        push @back, $retry->();
        $clock->pass(50);
    }
    cmp_ok($back[0], '<=', 2, "back-offs: @back");
    cmp_ok($back[-1], '<=', 33, 'end at 30 s');
    cmp_ok($back[-1], '>=', 24, 'or near');
    $emu->clear_faults;
    $late->stop;
};


subtest 'templates' => sub {
    my $dir = temp_dir() . '/pages';
    mkdir $dir;
    for (64, 65) {
        spew("$dir/login.html", '{{' . 'n' x $_ . '}}');
        my ($ok, $out) = nginx_t("wix_auth_pages $dir;");
        ok(!$ok, "a placeholder's name of $_");
        like($out, $_ == 64 ? qr/unknown placeholder "n{64}"/
             : qr/unclosed placeholder/, 'is refused');
    }
};


subtest 'keys' => sub {
    my $dir = temp_dir();
    my $file = sub {
        my ($name, $secret) = @_;
        spew("$dir/$name.key", $secret);
        chmod 0600, "$dir/$name.key";
        return "wix_auth_session_key $dir/$name.key;";
    };
    my @keys = map { $file->("k$_", $_ x 48) } 1 .. 9;

    my ($ok, $out) = nginx_t(join ' ', @keys[0 .. 7]);
    ok($ok, 'eight keys') or diag($out);
    ($ok, $out) = nginx_t(join ' ', @keys);
    ok(!$ok, 'a ninth');
    like($out, qr/more than 8 session keys; remove the oldest/, 'is refused');

    # the 4096th byte is the last that counts
    my $long = 'k' x 4095;
    ($ok) = nginx_t($file->(a => "${long}ab") . $file->(b => "${long}bb"));
    ok($ok, 'keys that differ at byte 4096');
    ($ok, $out) = nginx_t($file->(a => "${long}ab") . $file->(b => "${long}ac"));
    ok(!$ok, 'and behind it');
    like($out, qr/holds the same key/, 'they are one');
};


done_testing();
