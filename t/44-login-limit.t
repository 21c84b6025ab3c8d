#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_login_limit: failed logins are counted for an account and an
# address, over all workers, and for an account in all; who is over, for how
# long, what takes a count back, and that neither an office nor a victim is
# locked out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Time::HiRes qw(time);
use WixAuthTest;
use WixAuthTest::Clock;

use constant {PAIR => 3, ACCOUNT => 5, SECRET => 'secret-of-ann-1',
              OTHER => '1b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e22'};

my @ports = qw(PORT SHORT_PORT SLOW_PORT OFF_PORT PLAIN_PORT OTHER_PORT
               PAGE_PORT VERIFY_PORT);

my $emu = start_emulator(redirect_uri => [
    map { 'http://localhost:' . port($_) . '/_wix/callback' } @ports]);
my $other = start_emulator(client => OTHER, redirect_uri => $emu->{redirect_uri});

my $clock = WixAuthTest::Clock->missing
    ? undef : WixAuthTest::Clock->new(temp_dir());

my $server = sub {
    my ($port, $lines, $locations) = @_;
    return <<"END";
server {
    listen 127.0.0.1:%%$port%% reuseport;
    server_name localhost;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-From;
    $lines
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { wix_auth off; return 200 "\$wix_auth_member_id\\n"; }
    @{[$locations // '']}
}
END
};

# nothing of this is about the health of Wix; the table of counters is so
# large that no subtest pushes out what another one counts
my $conf = join '', <<'END',
wix_auth_zone zone=members:32m;
wix_auth_api %%API%%;
wix_auth_api_breaker off;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
wix_auth_login_limit pair=3/15m account=1000/1h;
wix_auth required;
add_header X-Pid $pid always;
END
    $server->(PORT => 'wix_auth_origins https://app.example.com;'),
    $server->(SHORT_PORT => 'wix_auth_login_limit pair=2/2s account=1000/1h;'),
    $server->(SLOW_PORT => 'wix_auth_login_limit account=5/1h;'),
    $server->(OFF_PORT => 'wix_auth_login_limit off;', <<'END'),
    location = /_wix/login {
        wix_auth_login_limit pair=1/15m;
        wix_auth_endpoints;
    }
    location = /_wix/other {
        wix_auth_endpoints login;
    }
END
    $server->(PLAIN_PORT => 'listen unix:%%DIR%%/peer;
        wix_auth_base_url http://localhost:%%PLAIN_PORT%%;'),
    $server->(OTHER_PORT => 'wix_auth_client_id ' . OTHER . '; wix_auth_api '
        . $other->api . ';'),
    $server->(PAGE_PORT => 'wix_auth_login /welcome;'),
    $server->(VERIFY_PORT => 'wix_auth_response_mode direct;');

sub start {
    my ($conf, %opt) = @_;
    my $start = sub { start_nginx(conf => $conf, debug => 0, %opt) };
    return $clock ? $clock->with($start) : $start->();
}

my $nginx = start($conf, workers => 4);

my $n = 0;

# a member of a name that no other subtest uses
sub someone {
    my (%opt) = @_;
    my $email = 'who' . $n++ . '@example.com';
    $emu->member(email => $email, password => SECRET, %opt);
    note_secret(password => SECRET);
    return $email;
}

sub from {
    my ($peer, $port) = @_;
    return browser(base => 'http://localhost:' . port($port // 'PORT'),
                   headers => {'X-Test-From' => $peer // '192.0.2.1'});
}

sub try_login {
    my ($b, $email, $password, %opt) = @_;
    return $b->post($opt{uri} // '/_wix/login', json => {
        email => $email, password => $password // 'wrong-password-1'});
}

# what became of it, in one word
sub word {
    my ($res) = @_;
    my $got = $res->json // {};
    return $got->{error} // $got->{state} // $res->status;
}

# n alike: the words, counted
sub many {
    my ($count, $b, $email, $password, %opt) = @_;
    my %seen;
    $seen{word($_)}++ for map { try_login($b, $email, $password, %opt) }
        1 .. $count;
    return join ' ', map { "$_:$seen{$_}" } sort keys %seen;
}

sub calls { return $emu->count('login', email => $_[0]) }

sub too_many {
    my ($res, $from, $to, $what) = @_;
    my $after = $res->header('Retry-After') // -1;
    is($res->status . ' ' . word($res), '429 too_many_attempts', $what);
    cmp_ok($after, '>=', $from, "Retry-After $after: not before $from");
    cmp_ok($after, '<=', $to, "and at most $to");
    return $after;
}


subtest 'a pair' => sub {
    my ($b, $email) = (from(), someone());

    is(many(PAIR, $b, $email), 'invalid_credentials:3', 'three may fail');
    too_many(try_login($b, $email), 880, 900, 'the fourth');
    too_many(try_login($b, $email, SECRET), 880, 900,
             'the right password says nothing');
    is(calls($email), PAIR, 'Wix has been asked three times');

    is(word(try_login($b, uc $email)), 'too_many_attempts',
       'capitals are no other account');
    is(word(try_login($b, "  $email ")), 'too_many_attempts', 'nor blanks');

    is(word(try_login(from('192.0.2.2'), $email, SECRET)), 'SUCCESS',
       'another address may');
    is(word(try_login($b, someone(), SECRET)), 'SUCCESS',
       'and other accounts from the same one');

    my @lines = grep { /wix_auth: / } split /\n/, $nginx->error_log;
    is((() = grep { /wix_auth: too many failed logins, limit "pair"/ } @lines),
       4, 'each is in the log');
    is((() = grep { /\Q$email\E/i } @lines), 0, 'without the e-mail address');
};


subtest 'at the same moment, over four workers' => sub {
    my $email = someone();
    my (%word, %pid);

    for my $res (concurrent(map {
            [from(), POST => '/_wix/login', json => {
                email => $email, password => "wrong-$_"}] } 1 .. 40))
    {
        $word{word($res)}++;
        $pid{$res->header('X-Pid')}++;
    }
    is_deeply(\%word, {invalid_credentials => PAIR,
                       too_many_attempts => 40 - PAIR}, 'three of forty');
    is(calls($email), PAIR, 'are sent to Wix');
    cmp_ok(scalar keys %pid, '>', 1, 'by several workers');

    # those that succeed make room for one another, but not more at a time
    $email = someone();
    my $id = $emu->fault('login', {type => 'hang'}, count => -1,
                         match => {email => $email});
    my @c = map { open_socket(port('PORT')) } 1 .. PAIR;
    my $body = "{\"email\":\"$email\",\"password\":\"wrong\"}";
    my $send = sub {
        my ($peer) = @_;
        return join "\r\n", 'POST /_wix/login HTTP/1.1', 'Host: localhost:'
            . port('PORT'), "X-Test-From: $peer",
            'Content-Type: application/json',
            'Content-Length: ' . length $body, 'Connection: close', '', $body;
    };
    print {$_} $send->('192.0.2.1') for @c;
    ok(wait_for { $emu->inflight->{ops}{login}
                  && $emu->inflight->{ops}{login} == PAIR }, 'three wait');
    is(word(try_login(from(), $email)), 'too_many_attempts',
       'the next one does not even');

    close $_ for @c;
    ok(wait_for { $emu->inflight->{count} == 0 }, 'they leave');
    $emu->clear_faults($id);
    is(word(try_login(from(), $email)), 'too_many_attempts',
       'nobody knows what their passwords were, and they stay counted');
};


subtest 'the window ends' => sub {
    my ($b, $email) = (from(undef, 'SHORT_PORT'), someone());
    my $began = time;

    is(many(2, $b, $email), 'invalid_credentials:2', 'two in two seconds');
    my $after = too_many(try_login($b, $email, SECRET), 1, 2, 'then');
    my $told = time;

    ok(wait_for { word(try_login($b, $email, SECRET)) eq 'SUCCESS' },
       'and again');
    cmp_ok(time - $began, '>=', 1.9, 'not before two seconds');
    cmp_ok(time - $told, '<=', slow($after + 1), 'nor later than told');
};


subtest 'a success clears the pair' => sub {
    my ($b, $email) = (from(), someone());

    for my $type ('json', 'form') {
        is(many(PAIR - 1, $b, $email), 'invalid_credentials:2', 'two fail');
        my $res = $b->post('/_wix/login', $type => {
            email => $email, password => SECRET});
        is($res->status, $type eq 'json' ? 200 : 303, "$type: one does not");
    }
    is(many(PAIR + 1, $b, $email),
       'invalid_credentials:3 too_many_attempts:1', 'and all begins again');
};


subtest 'what is no failed login' => sub {
    my %want = (
        APPROVAL  => 'REQUIRE_OWNER_APPROVAL',
        BLOCKED   => 'access_denied',
        RESET     => 'password_reset_required',
        CAPTCHA   => 'captcha_required',
        MFA       => 'unsupported_state',
        THROTTLED => 'upstream_throttled',
    );
    for my $state (sort keys %want) {
        is(many(PAIR + 2, from(), someone(state => $state), SECRET),
           "$want{$state}:5", $state);
    }

    my $email = someone();
    for my $action ({type => 'status', status => 500}, {type => 'reset'},
                    {type => 'body', body => '{"state":"SUCC'},
                    {type => 'status', status => 401, body => '{}'})
    {
        my $id = $emu->fault('login', $action, count => -1,
                             match => {email => $email});
        my $got = many(PAIR + 2, from(), $email, SECRET);
        like($got, qr/^\w+:5$/, "an outage: $got");
        unlike($got, qr/too_many|credentials/, 'is nobody\'s fault');
        $emu->clear_faults($id);
    }

    is(many(PAIR + 2, from(), $email, 'x' x 2000), 'invalid_request:5',
       'input that is none');
    is(many(PAIR + 1, from(), $email),
       'invalid_credentials:3 too_many_attempts:1', 'nothing of it counted');

    is(many(PAIR + 1, from(), someone(state => 'NO_PASSWORD'), SECRET),
       'invalid_credentials:3 too_many_attempts:1',
       'an account without a password is one that fails');
};


# status, headers and body, but for what differs from time to time
sub whole {
    my ($res) = @_;
    return ($res->{head} =~ s/^(?:Date|Retry-After|X-Pid|Set-Cookie):[^\n]*\n?//mgir)
        . "\n\n" . ($res->body =~ s/[0-9a-f]{32}/ID/gr
                    =~ s/\w+\@example\.com/ADDRESS/gr);
}

subtest 'unknown addresses are like known ones' => sub {
    for my $type ('json', 'form') {
        my @seen;

        for my $email (someone(), 'foe' . $n++ . '@example.com') {
            my $b = from();
            push @seen, join "\n", map { whole($_) } map { $b->post(
                '/_wix/login', $type => {email => $email,
                password => "wrong-$_"}) } 1 .. PAIR + 2;
        }
        is($seen[1], $seen[0], "$type: not a byte of difference");
        like($seen[0], qr/too_many_attempts/, '(over the limit, too)');
    }
};


subtest 'what the browser sees' => sub {
    my ($b, $email) = (from(), someone());
    many(PAIR, $b, $email);

    my $page = $b->get('/_wix/login?return=%2Fshop');
    my $res = $b->submit($page, {email => $email, password => SECRET});
    is($res->status, 429, 'a form');
    cmp_ok($res->header('Retry-After') // 0, '>', 800, 'with Retry-After');
    my ($form) = $res->forms;
    is($form->{action}, '/_wix/login', 'gets its page again');
    is($form->{fields}{email}, $email, 'with the address');
    is($form->{fields}{return}, '/shop', 'and the return URL');
    is($form->{fields}{password}, '', 'but no password');
    like($res->body, qr/Too many attempts/, 'and a sentence');
    like($res->header('Content-Type'), qr{^text/html}, 'in HTML');
    is($res->header('Cache-Control'), 'no-store', 'for no cache');

    $res = $b->post('/_wix/login', json => {email => $email,
        password => SECRET}, headers => {Origin => 'https://app.example.com',
        'Sec-Fetch-Site' => 'same-site'});
    too_many($res, 800, 900, 'fetch of another origin');
    is($res->header('Access-Control-Allow-Origin'), 'https://app.example.com',
       'may read it');
    like($res->header('Access-Control-Expose-Headers') // '',
         qr/\bRetry-After\b/i, 'and the time');

    $res = from(undef, 'PAGE_PORT')->post('/_wix/login', form => {
        email => $email, password => SECRET, return => '/shop'});
    is($res->status, 303, 'a page of the site\'s own');
    is($res->location, '/welcome?error=too_many_attempts&return=%2Fshop',
       'is told why');
};


subtest 'who is one peer' => sub {
    my $one = sub {
        my ($what, $first, @same) = @_;
        my $email = someone();
        many(PAIR, from($first), $email);
        is(word(try_login(from($_), $email)), 'too_many_attempts',
           "$what: $_ is $first") for @same;
    };
    my $two = sub {
        my ($what, $first, @others) = @_;
        my $email = someone();
        many(PAIR, from($first), $email);
        is(word(try_login(from($_), $email)), 'invalid_credentials',
           "$what: $_ is not $first") for @others;
    };

    $one->('a network of IPv6', '2001:db8:1:2::1', '2001:db8:1:2::2',
           '2001:db8:1:2:ffff:ffff:ffff:ffff');
    $two->('networks of IPv6', '2001:db8:1:2::1', '2001:db8:1:3::1',
           '2001:db8:2:2::1');
    $two->('IPv4', '192.0.2.1', '192.0.2.2', '192.0.3.1');
    $one->('IPv4 in IPv6', '::ffff:192.0.2.1', '192.0.2.1');
    $two->('IPv4 in IPv6', '::ffff:192.0.2.1', '::ffff:192.0.2.2', '::1');
    $two->('bytes of another kind', '192.0.2.1', 'c000:201::');

    my $email = someone();
    my $unix = sub {
        my $sock = IO::Socket::UNIX->new(Peer => $nginx->dir . '/peer')
            or die "the unix socket: $!\n";
        my $body = "{\"email\":\"$email\",\"password\":\"wrong\"}";
        print $sock join "\r\n", 'POST /_wix/login HTTP/1.0',
            'Host: localhost', 'Content-Type: application/json',
            'Content-Length: ' . length $body, '', $body;
        my $text = do { local $/; <$sock> };
        return $text =~ /"error":"(\w+)"/ ? $1 : $text;
    };
    is($unix->(), 'invalid_credentials', "unix socket, $_") for 1 .. PAIR;
    is($unix->(), 'too_many_attempts', 'they are one peer');
    is(word(try_login(from(), $email)), 'invalid_credentials',
       'which is no other');

    # recovery counts peers, too
    my $recover = sub {
        return from($_[0])->post('/_wix/recover', json => {
            email => $email})->status;
    };
    is($recover->('2001:db8:9:9::' . $_), 200, "recovery $_ of a network")
        for 1 .. 10;
    is($recover->('2001:db8:9:9:1::'), 429, 'the next');
    is($recover->('2001:db8:9:8::1'), 200, 'of another network');
};


subtest 'an office behind one address' => sub {
    my $b = from('192.0.2.99');
    my %word;

    # each mistypes twice, and gets it right then
    for my $email (map { someone() } 1 .. 25) {
        $word{word(try_login($b, $email))}++ for 1, 2;
        $word{word(try_login($b, $email, SECRET))}++;
    }
    is_deeply(\%word, {invalid_credentials => 50, SUCCESS => 25},
              'nobody is locked out');
};


subtest 'other clients, other levels' => sub {
    my $email = someone();
    $other->member(email => $email, password => SECRET);
    many(PAIR, from(), $email);
    is(word(try_login(from(undef, 'OTHER_PORT'), $email)),
       'invalid_credentials', 'an account of another client is another');
    is(many(PAIR, from(undef, 'OTHER_PORT'), $email),
       'invalid_credentials:2 too_many_attempts:1', 'with a count of its own');

    is(word(try_login(from(undef, 'PLAIN_PORT'), $email)),
       'too_many_attempts', 'servers of one client have one count');

    my $b = from(undef, 'OFF_PORT');
    $email = someone();
    is(many(PAIR + 5, $b, $email, undef, uri => '/_wix/other'),
       'invalid_credentials:8', '"off"');
    is(many(2, $b, $email), 'invalid_credentials:1 too_many_attempts:1',
       'a location with a limit of its own');
    is(word(try_login(from(), $email)), 'invalid_credentials',
       'what nobody counted does not count elsewhere');

    my $default = start_nginx(debug => 0, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%DEFAULT_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_redirect_uri http://localhost:%%PORT%%/_wix/callback;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    is(many(11, browser(base => $default->{base}), $email),
       'invalid_credentials:10 too_many_attempts:1', 'ten without a word');
    $default->stop;
};


subtest 'who has to verify an address' => sub {
    my $email = someone(state => 'VERIFY', code => 'AB12C3');
    my $b = from();
    my ($logins, $codes, $last) = (0, 0);

    # a stranger who has registered with somebody's address, and now guesses
    while ($logins < 50) {
        $last = try_login($b, $email, SECRET);
        my $token = ($last->json // {})->{stateToken} // last;
        $logins++;

        for (1 .. 20) {
            my $res = $b->post('/_wix/verify', json => {
                code => sprintf('%06d', $codes), stateToken => $token});
            last if word($res) ne 'invalid_code';
            $codes++;
        }
    }
    too_many($last, 850, 900, 'no more logins');
    is($logins, PAIR, 'after three');
    is($codes, 5 * PAIR, 'with five codes each');
    is($emu->count('verify', email => $email), 5 * PAIR,
       'which is all that Wix has seen');

    # the owner, elsewhere
    $b = from('192.0.2.7', 'VERIFY_PORT');
    for my $round (1, 2) {
        my $token;
        $token = (try_login($b, $email, SECRET)->json // {})->{stateToken}
            for 1 .. PAIR;
        ok($token, "round $round: three logins wait for a code");
        is(word($b->post('/_wix/verify', json => {code => 'AB12C3',
            stateToken => $token})), 'SUCCESS', 'a code of one is right');
        $emu->member(email => $email, state => 'VERIFY', code => 'AB12C3');
    }
    is(word(try_login($b, $email, SECRET)), 'REQUIRE_EMAIL_VERIFICATION',
       'and each time the count is gone');
};


subtest 'an account that many attack' => sub {
    plan(skip_all => scalar WixAuthTest::Clock->missing) if !$clock;

    my $email = someone();
    my $at = sub { from($_[0], 'SLOW_PORT') };
    my $victim = $at->('192.0.2.200');
    my $attack = sub {
        return join ' ', map { word(try_login($at->("203.0.113.$_"), $email)) }
            @_;
    };

    is(word(try_login($victim, $email, SECRET)), 'SUCCESS', 'peace');
    is($attack->(1 .. ACCOUNT), join(' ', ('invalid_credentials') x ACCOUNT),
       'five addresses fail');
    is($attack->(6 .. 20), join(' ', ('too_many_attempts') x 15),
       'others have to wait');
    is($attack->(1 .. 2), 'too_many_attempts too_many_attempts',
       'the first ones, too');
    is(calls($email), ACCOUNT + 1, 'Wix does not see them');

    my $res = try_login($victim, $email, SECRET);
    too_many($res, 29, 30, 'the victim waits once');
    my $form = $victim->post('/_wix/login', form => {email => $email,
        password => SECRET});
    is($form->status, 429, 'and is told it on the page');
    cmp_ok($form->header('Retry-After'), '<=', 30, 'with the rest of it');

    is($attack->(30 .. 60), join(' ', ('too_many_attempts') x 31),
       'whatever others do meanwhile');
    $clock->pass(25);
    too_many(try_login($victim, $email, SECRET), 3, 5, 'not yet');
    $clock->pass(5);
    is($attack->(70 .. 99), join(' ', ('too_many_attempts') x 30),
       'others come first');
    is(word(try_login($victim, $email, SECRET)), 'SUCCESS',
       'then the victim is let in');

    # a second device of the victim begins to wait again
    too_many(try_login($victim, $email, SECRET), 29, 30, 'and waits again');
    $clock->pass(599);
    is(word(try_login($victim, $email, SECRET)), 'SUCCESS',
       'for as long as ten minutes the turn is kept');
    too_many(try_login($victim, $email, SECRET), 29, 30, 'again');
    $clock->pass(601);
    too_many(try_login($victim, $email, SECRET), 29, 30, 'and no longer');

    # a turn is one try, whoever comes at the same moment
    my $before = calls($email);
    $attack->(100);
    $clock->pass(31);
    my %word;
    $word{word($_)}++ for concurrent(map {
        [$at->('203.0.113.100'), POST => '/_wix/login', json => {
            email => $email, password => 'wrong'}] } 1 .. 20);
    is_deeply(\%word, {invalid_credentials => 1, too_many_attempts => 19},
              'of twenty at once, one is a try');
    is(calls($email), $before + 1, 'that Wix sees');

    is(word(try_login($at->('192.0.2.200'), someone(), SECRET)), 'SUCCESS',
       'other accounts know nothing of it');

    $clock->pass(3600);
    is(word(try_login($at->('203.0.113.250'), $email)), 'invalid_credentials',
       'an hour later it is over');

    my @lines = grep { /limit "account"/ } split /\n/, $nginx->error_log;
    cmp_ok(scalar @lines, '>', 50, 'the log tells which limit it was');
};


subtest 'without the clock: slow, but not closed' => sub {
    my $email = someone();
    my $peer = 0;

    is(word(try_login(from('198.51.100.' . $peer++, 'SLOW_PORT'), $email)),
       'invalid_credentials', "failure $_") for 1 .. ACCOUNT;
    for (1 .. 3) {
        too_many(try_login(from('192.0.2.3', 'SLOW_PORT'), $email, SECRET),
                 1, 30, "try $_");
    }
    is(calls($email), ACCOUNT, 'Wix does not see them');

    # what only had to wait has not been a try
    is(word(try_login(from('192.0.2.3'), $email)), 'invalid_credentials',
       'the pair is as it was') for 1 .. PAIR;
};


subtest 'a right password takes nothing off the account' => sub {
    my $email = someone();
    my $at = sub { from("198.51.100.$_[0]", 'SLOW_PORT') };

    for my $i (1 .. ACCOUNT) {
        is(word(try_login($at->($i), $email)), 'invalid_credentials',
           "failure $i");
        is(word(try_login($at->(100), $email, SECRET)),
           $i < ACCOUNT ? 'SUCCESS' : 'too_many_attempts',
           $i < ACCOUNT ? 'the member comes and goes' : 'all count');
    }
};


subtest 'a flood of counters' => sub {
    # The table of a small zone has room for 512: failures of accounts that do
    # not exist push out what there was.
    my @own = map { "FLOOD_${_}_PORT" } 'PAIR', 'SLOW';
    $emu->configure(redirectUris => [
        map { 'http://localhost:' . port($_) . '/_wix/callback' } @own]);
    my $small = start(<<'END' . $server->($own[0] => '')
wix_auth_zone zone=small:1m;
wix_auth_api %%API%%;
wix_auth_api_breaker off;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
wix_auth_login_limit pair=3/15m account=1000/1h;
wix_auth required;
END
        . $server->($own[1] => 'wix_auth_login_limit account=5/1h;'),
        base => 'http://localhost:' . port($own[0]));

    my $flood = sub {
        my ($round) = @_;
        my %word;
        for my $part (0 .. 11) {
            $word{word($_)}++ for concurrent(map {
                [from("198.18.$part.$_", $own[0]), POST => '/_wix/login',
                 json => {email => "flood-$round-$part-$_\@example.com",
                          password => 'wrong'}] } 1 .. 50);
        }
        return \%word;
    };

    my ($email, $b) = (someone(), from('192.0.2.55', $own[0]));

    many(PAIR - 1, $b, $email);
    is_deeply($flood->(1), {invalid_credentials => 600}, 'six hundred fail');
    is(word(try_login($b, $email, SECRET)), 'SUCCESS',
       'nobody else is locked out');

    many(PAIR, $b, $email);
    is(word(try_login($b, $email)), 'too_many_attempts', 'limits hold again');

    # an account under attack, whose member has begun to wait
    $email = someone();
    my $victim = from('192.0.2.201', $own[1]);
    try_login(from("203.0.113.$_", $own[1]), $email) for 1 .. ACCOUNT;
    too_many(try_login($victim, $email, SECRET), 29, 30, 'the member waits');
    $flood->(2);

    my $res = try_login($victim, $email, SECRET);
    if ($res->status == 429) {
        # what has been counted for the account has outlived that
        too_many($res, 1, 30, 'not longer than before');
        $clock->pass(30) if $clock;
        $res = try_login($victim, $email, SECRET) if $clock;
    }
    is(word($res), 'SUCCESS', 'the member gets in') if $clock
        || $res->status != 429;

    $small->stop;
};


done_testing();
