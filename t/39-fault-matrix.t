#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Twenty faults of Wix, each against every operation: what is answered, that
# nobody's session is lost or half made, that others are served meanwhile, and
# that the next attempt succeeds once the fault is over.  All of it twice:
#
#     before    the fault comes instead of the operation; refresh tokens stay
#     after     Wix has done what was asked for, and the answer is lost or
#               spoilt; refresh tokens rotate, with grace
#
# What a call comes to, and what follows for who waits for it, is written down
# here as docs/flows.md, docs/directives.md and the reasons in README.md have
# it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(time);
use WixAuthTest;
use WixAuthTest::Matrix;
use WixAuthTest::Names;

use constant {
    PASSWORD => 'secret-of-all-1',
    KEEPER   => 'keeper@example.com',   # who is logged in already
    PATIENCE => 1,                      # with what never answers, in seconds
    RETRY    => 2,                      # what Wix asks for in Retry-After
};

use constant {
    AWAY      => [503, 'upstream_unavailable'],
    LATE      => [504, 'upstream_timeout'],
    NONSENSE  => [502, 'upstream_error'],
    THROTTLED => [429, 'upstream_throttled'],
    DENIED    => [403, 'access_denied'],
    UNKNOWN   => [401, 'invalid_credentials'],
    BAD_CODE  => [400, 'invalid_code'],
    BAD_TOKEN => [401, 'invalid_token'],
    BLOCKED   => [undef, 'member_blocked'],
    DONE      => [undef, 'sent'],
};

# what a call comes to that meets the fault, and how the fault is made
my @faults = (
    ['refused',           AWAY, 'refuse'],
    ['reset',             AWAY, {type => 'reset'}],
    ['silent',            LATE, {type => 'hang'}],
    ['slow header',       LATE, {type => 'drip', head => 1,
                                 interval => slow(0.05)}],
    ['slow drip',         LATE, {type => 'drip', interval => slow(0.05)}],
    ['500',               NONSENSE, {type => 'status', status => 500}],
    ['502',               AWAY, {type => 'status', status => 502}],
    ['503, Retry-After',  AWAY, {type => 'status', status => 503,
                                 headers => {'Retry-After' => RETRY}}],
    ['429',               THROTTLED, {type => 'status', status => 429,
                                      headers => {'Retry-After' => RETRY}}],
    ['401',               NONSENSE, {type => 'status', status => 401}],
    ['403',               NONSENSE, {type => 'status', status => 403}],
    ['404',               NONSENSE, {type => 'status', status => 404}],
    ['HTML with 200',     NONSENSE, {type => 'body',
                                     contentType => 'text/html',
                                     body => '<html>Hello</html>'}],
    ['empty 200',         NONSENSE, {type => 'body', body => ''}],
    ['truncated JSON',    NONSENSE, {type => 'truncate', framed => 1}],
    ['10 MB',             NONSENSE, {type => 'oversize'}],
    ['1000 levels',       NONSENSE, {type => 'deep'}],
    ['wrong types',       NONSENSE, {type => 'types'}],
    ['bad TLS',           AWAY, 'tls'],
    ['dead DNS',          LATE, 'dns'],
);
my %fault = (here => {want => AWAY, how => ''},
             map { $_->[0] => {want => $_->[1], how => $_->[2]} } @faults);

# The operations: Wix's name for the call, and ours in the error log.  Profile
# and token-info are one operation of two parts.
my %op = (
    visitor      => ['token.anonymous', 'visitor'],
    login        => ['login', 'login'],
    register     => ['register', 'register'],
    verify       => ['verify', 'verify'],
    redirect     => ['redirect-session.auth', 'authorize'],
    code         => ['token.authorization_code', 'code'],
    refresh      => ['token.refresh_token', 'refresh'],
    profile      => ['members-my', 'member'],
    'token-info' => ['token-info', 'token-info'],
    recover      => ['recovery', 'recover'],
    logout       => ['redirect-session.logout', 'logout'],
);
my @ops = qw(visitor login register verify redirect code refresh profile
             token-info recover logout);

# where the status has a meaning of its own for this operation
my %instead = (
    login        => {403 => DENIED, 404 => UNKNOWN},
    register     => {403 => DENIED},
    verify       => {401 => BAD_CODE, 403 => DENIED, 404 => BAD_CODE},
    profile      => {403 => BLOCKED, 404 => BLOCKED},
    'token-info' => {map { $_ => BAD_TOKEN } 401, 403, 404},
    # an empty answer is all that Wix has to say about a mail that is sent
    recover      => {403 => DENIED, 404 => UNKNOWN, 'empty 200' => DONE},
);

my %cannot = (
    recover => {'wrong types' => 'the answer is an empty object, in which '
                                 . 'nothing has a type'},
);

# what must not be sent twice once Wix may have acted on it
my %once = map { $_ => 1 } qw(login register verify code refresh recover);

# a request to Wix that comes before the call, in the same request to us
my %preceded = (redirect => 'login', profile => 'token.authorization_code',
                visitor => 'login');


my $certs = certs();
my @all = map { my $f = $_->[0]; map { [$_, $f] } @ops } @faults;

my $emu = start_emulator(
    member       => [KEEPER . ':' . PASSWORD],
    redirect_uri => [map { 'http://' . host(@$_) . ':'
                           . port(port_name($_->[1])) . '/_wix/callback' }
                     @all, [bystander => 'here'], [bystander => 'dead DNS'],
                     [strict => 'here']],
    redirect_domain => [map { host(@$_) } @all],
);

my $front = start_front(port_name => 'TLS_API_PORT', http2 => 0);

my $nginx = start_nginx(debug => 0, conf => shared() . join '',
    vhost('bystander', 'here'), vhost('strict', 'here'),
    map { vhost(@$_) } grep { $fault{$_->[1]}{how} ne 'dns' } @all);
page($nginx);

my ($names, $why) = WixAuthTest::Names->silent(temp_dir());
my $deaf = $names && $names->with(sub {
    start_nginx(debug => 0, conf => shared() . join '',
        map { well_and_deaf(@$_) } [bystander => 'dead DNS'],
            grep { $fault{$_->[1]}{how} eq 'dns' } @all);
});
page($deaf) if $deaf;

my %cell = map {
    my ($op, $fault) = @$_;
    my $dns = $fault{$fault}{how} eq 'dns';

    "$op $fault" => cell(op => $op, fault => $fault, held => '',
        operation => $op =~ /^(?:profile|token-info)$/
            ? 'profile and token-info' : $op,
        nginx => $dns ? $deaf : $nginx, port => port(port_name($fault)));
} @all, [bystander => 'here'], [bystander => 'dead DNS'],
    [strict => 'here'];

$_->{beside} = $cell{'bystander ' . ($_->{fault} eq 'dead DNS' ? 'dead DNS'
                                     : 'here')} for values %cell;

my ($pass, @late);

note_secret(password => PASSWORD);
log_in($cell{'bystander here'});

for (['before', 'off'], ['after', 'grace']) {
    ($pass, my $rotate) = @$_;

    $emu->configure(rotate => $rotate);
    prepare(map { $cell{"$_->[0] $_->[1]"} } @all);

    for my $fault (map { $_->[0] } @faults) {
        $fault eq 'dead DNS' ? dead_dns() : meet($fault);
    }

    later();
}

no_name_server() if $deaf;
strict();
guests();

my ($ok, $text) = total(2 * @faults * 10);
$text = @faults . " faults x 10 operations, before and after: $text";
ok($ok, $text);
diag($text);

done_testing();


# A pass: everybody is logged in who has to be, in the name of the keeper or
# in that of the cell's own member, by whom the emulator knows the cell.

sub prepare {
    my (@cells) = @_;

    for my $cell (@cells) {
        $cell->{pass} = $pass;
        $cell->{email} = "$pass-"
            . $cell->{host} =~ s/\.localhost$/\@example.com/r;
    }

    $emu->control(POST => '/members', [map { {
        email => $_->{email}, password => PASSWORD,
        $_->{op} eq 'verify' ? (state => 'VERIFY', code => '123456') : (),
        profile => {nickname => 'Nick'},
    } } grep { $_->{op} ne 'register' } @cells]);

    @cells = grep { $_->{nginx} } @cells;

    my @refresh = grep { $_->{op} eq 'refresh' } @cells;
    my @other = grep { $_->{op} !~ /^(?:refresh|token-info|recover)$/
                       && $_->{fault} ne 'dead DNS' } @cells;

    short_tokens(@refresh);

    # the second time most have the session that the first one has ended with
    log_in(grep { !held($_) } @other);
    $_->{held} = held($_) for @other;

    expire(@refresh);
    return;
}

# logins whose tokens end at once
sub short_tokens {
    my (@cells) = @_;

    my $id = $emu->fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1}}, count => -1);
    log_in(@cells);
    $emu->clear_faults($id);
    return;
}

sub expire {
    my ($last) = sort { $b <=> $a } map { $_->{since} } @_;
    wait_for { time > $last + 1.1 };
    return;
}

sub log_in {
    my (@cells) = @_;

    while (my @some = splice @cells, 0, 40) {
        for (@some) {
            $_->{owner} = $_->{op} =~ /^(?:refresh|logout|strict)$/
                ? $_->{email} : KEEPER;
        }

        my @res = lockstep(map { passage($_, email => $_->{owner},
                                         password => PASSWORD) } @some);

        for (@some) {
            my $res = shift @res;
            die "$_->{name}: no login, " . $res->status . ' ' . $res->body
                . "\n" if !held($_);
            @$_{qw(held since)} = (held($_), time);
        }
    }
    return;
}


# One fault and all operations.  Those that make the call first thing meet it
# together.

sub meet {
    my ($fault) = @_;

    my %of = map { $_ => $cell{"$_ $fault"} } @ops;
    my $how = $fault{$fault}{how};
    my @first = @ops[1 .. $#ops];

    @first = grep { !$preceded{$_} } @first if !ref $how;
    run($fault, $how, @of{@first});

    if (!ref $how) {
        $how .= '-within';
        run($fault, $how, $of{$_}) for qw(redirect profile);
    }

    # the worker has a visitor for all logins: Wix does not know it any more
    $emu->revoke(visitors => JSON::PP::true());
    run($fault, $how, $of{visitor});
    return;
}

sub run {
    my ($fault, $how, @cells) = @_;

    @cells = grep {
        my $why = $cannot{$_->{op}}{$fault};
        cannot($_, $why) if $why;
        !$why;
    } @cells;

    ready(@cells);

    my $server = $cells[0]{nginx};
    my $from = length $server->error_log;
    my ($strike, $within, $end) = ref $how ? spoil($how, @cells)
        : main->can($how =~ s/-/_/r)->(@cells);

    $strike->();
    $emu->clear_log;
    attempt($within, @cells);

    for my $cell (grep { in_background($_) } @cells) {
        wait_for { logged($cell, substr $server->error_log, $from) } 10,
            "what became of $cell->{name}";
    }

    my @calls = $emu->log_entries('*', role => 'api');
    look(@cells);
    $end->();

    my $log = substr $server->error_log, $from;

    for my $cell (@cells) {
        tried($cell, 'the fault', sub { judge($cell, \@calls, $log) });
    }

    again(@cells);
    return;
}


# The faults: what begins one, what happens when the requests are on their way,
# and what ends it.

sub spoil {
    my ($how, @cells) = @_;

    return (sub {
        $emu->control(POST => '/faults', [map { {
            match  => {op => $op{$_->{op}}[0],
                       $_->{op} eq 'visitor' ? () : (email => $_->{email})},
            count  => -1,
            when   => $pass,
            action => {%$how,
                       # its answer has two bytes
                       $_->{op} eq 'recover' && $how->{interval}
                           ? (interval => slow(2 * PATIENCE)) : ()},
        } } @cells]);
    }, undef, sub { $emu->clear_faults });
}

sub refuse {
    return (sub {
        $emu->fault('unknown', {type => 'refuse'}, match => {role => 'api'});
        browser(base => $emu->api, bare => 1)->get('/');
    }, undef, sub { $emu->release });
}

sub refuse_within {
    my ($cell) = @_;

    return (sub {
        $emu->fault($preceded{$cell->{op}}, {type => 'refuse'},
                    match => {email => $cell->{email}});
    }, undef, sub { $emu->release });
}

sub tls {
    return (sub { show('rogue') }, undef, sub { show('server') });
}

sub tls_within {
    my ($cell) = @_;

    return (sub {
        $emu->fault($preceded{$cell->{op}}, {type => 'hang'},
                    match => {email => $cell->{email}});
    }, sub {
        wait_for { $emu->inflight->{count} } 10, 'the call before';
        show('rogue');
        $emu->release;
    }, sub { show('server') });
}

# the certificate of the API
sub show {
    my ($name) = @_;
    $front->reload(conf => $front->{conf}
        =~ s{(?:server|rogue)(?=\.(?:pem|key);)}{$name}gr);
    return;
}


# The name of the API has to be looked up, and nobody answers.  A worker that
# knows the address goes on with it for a while, so the call that meets the
# fault is the first one of its request: logins use the token of the browser's
# own visitor, and the profile is asked for behind a page.

sub dead_dns {
    my @cells = map { $cell{"$_ dead DNS"} } @ops;
    my %of = map { $_->{op} => $_ } @cells;

    if (!$deaf) {
        diag("dead DNS is not tried: $why");
        SKIP: { skip "dead DNS: $why", scalar @cells }
        skipped($_) for @cells;
        return;
    }

    # a worker that has never asked
    $names->forget;
    $deaf->reload;

    delete $_->{at} for @cells, $cell{'bystander dead DNS'};
    my $id = $emu->fault('members-my', {type => 'status', status => 503},
                         count => -1, match => {email => KEEPER});
    log_in(@of{qw(visitor code profile logout)}, $cell{'bystander dead DNS'});
    $emu->clear_faults($id);

    my @visiting = @of{qw(login register verify redirect)};
    $_->{b}->clear_cookies for @visiting;
    lockstep(map { my $c = $_; [sub { [$c->{b}, GET => '/shop'] }] }
             @visiting);
    @$_{qw(owner held)} = ('', held($_)) for @visiting;

    run('dead DNS', 'dns', @cells);
    return;
}

sub dns {
    my (@cells) = @_;

    return (sub {
        $_->{at} = "http://$_->{host}:" . port('DEAF_PORT')
            for @cells, $cell{'bystander dead DNS'};
        $names->asked;
    }, sub {
        wait_for { $names->asked } 10, 'the look-ups';
    }, sub {
        $names->know('wixapis.test');
    });
}


# And where nobody listens at the address of the name server

sub no_name_server {
    subtest 'dead DNS, at once' => sub {
        my $cell = $cell{'login dead DNS'};

        $names->forget;
        $names->close;
        $deaf->reload;

        my $from = length $deaf->error_log;
        my $res = $cell->{b}->post(at($cell, '/_wix/login'), json => {
            email => $cell->{email}, password => PASSWORD});

        refused($cell, $res, AWAY);
        like(substr($deaf->error_log, $from),
             qr/wix_auth: visitor: upstream_unavailable, no connection/,
             'the log tells it');

        $names->know('wixapis.test');
        my ($last) = lockstep(passage($cell, email => $cell->{email},
                                      password => PASSWORD));
        is($last->status, 303, 'the next attempt');
    };
    return;
}


# The steps of a cell

sub ready {
    my (@cells) = @_;

    lockstep(map {
        my $cell = $_;
        my ($op, $b) = @$cell{qw(op b)};
        my @login = @{passage($cell, email => $cell->{email},
                              password => PASSWORD)};

        $op eq 'verify' ? [$login[0], sub {
            $cell->{token} = ($_[0]->json // {})->{stateToken}; return;
        }] : $op eq 'code' || $op eq 'profile' ? [@login[0, 1], sub {
            $cell->{callback} = $_[0]->location; return;
        }] : ();
    } @cells);

    for my $cell (@cells) {
        $cell->{token} = $emu->mint(email => $cell->{email})->{access_token}
            if $cell->{op} eq 'token-info';
    }
    return;
}

sub ask {
    my ($cell) = @_;

    my ($op, $b) = @$cell{qw(op b)};
    my %who = (email => $cell->{email}, password => PASSWORD, return => '/');
    my $to = sub { at($cell, $_[0]) };

    return [$b, POST => $to->("/_wix/$op"), json => {%who}]
        if $op eq 'login' || $op eq 'register';
    return [$b, GET => $to->('/_wix/login?wix=1'), program()]
        if $op eq 'redirect' && $cell->{at};
    return [$b, POST => $to->('/_wix/login'), json => {%who}]
        if $op eq 'redirect' || $op eq 'visitor';
    return [$b, POST => $to->('/_wix/verify'), json => {
        code => '123456', stateToken => $cell->{token}, return => '/'}]
        if $op eq 'verify';
    return [$b, GET => $to->($cell->{callback}), headers => {
        Accept => 'application/json', 'Sec-Fetch-Site' => 'cross-site'}]
        if $op eq 'code' || ($op eq 'profile' && !$cell->{at});
    return [$b, GET => $to->('/bearer'),
            program(Authorization => $cell->{token})] if $op eq 'token-info';
    return [$b, POST => $to->('/_wix/recover'), json => {email => $who{email}}]
        if $op eq 'recover';
    return [$b, POST => $to->('/_wix/logout'), form => {}] if $op eq 'logout';
    return [$b, GET => $to->('/'), program()];
}

# no navigation, so an answer and not a redirect
sub program {
    return (headers => {Accept => 'application/json',
                        'Sec-Fetch-Mode' => 'cors', @_});
}

sub attempt {
    my ($within, @cells) = @_;

    my $beside = $cells[0]{beside};
    my @asks = ((map { ask($_) } @cells),
                [$beside->{b}, GET => at($beside, '/')]);
    my @sent = map {
        my ($b, $method, $url, %opt) = @$_;
        $b->prepare($method, $url, %opt);
    } @asks;
    my $deadline = time + slow(30);

    WixAuthTest::Client::send_all(\@sent, $deadline);
    $within->() if $within;
    WixAuthTest::Client::read_all(\@sent, $deadline);

    my @res = map { $_->{response} } @sent;

    for my $cell (@cells) {
        $cell->{res} = shift @res;
        $cell->{meanwhile} = $res[-1];
    }
    return;
}

# what is left, while the fault lasts
sub look {
    my (@cells) = @_;

    my @talks = map {
        my $cell = $_;
        my $b = $cell->{b};

        if ($cell->{op} eq 'logout') {
            $b = browser(base => $b->{base});
            $b->set_cookie(host => $cell->{host}, name => 'wix_auth',
                           value => $cell->{held});
        }

        my @more;

        if ($cell->{op} eq 'visitor') {
            $cell->{guest} = browser(base => $b->{base});
            @more = [$cell->{guest}, GET => at($cell, '/shop')];

        } elsif ($cell->{op} eq 'refresh') {
            @more = [$b, GET => at($cell, '/off'), program()];
        }

        my $path = $cell->{owner} ? '/' : '/shop';

        map { my $ask = $_; [sub { $ask }] }
            [$b, GET => at($cell, $path), program()], @more;
    } @cells;

    my @res = lockstep(@talks);

    for my $cell (@cells) {
        $cell->{left} = shift @res;
        $cell->{more} = shift @res
            if $cell->{op} =~ /^(?:refresh|visitor)$/;
    }
    return;
}


# Verdicts

sub wanted {
    my ($cell) = @_;
    return $instead{$cell->{op}}{$cell->{fault}}
        // $fault{$cell->{fault}}{want};
}

# at the gate there are but these
sub of_the_gate {
    my ($want) = @_;
    return $want == LATE || $want == BAD_TOKEN ? $want : AWAY;
}

# nobody waits for the call
sub in_background {
    my ($cell) = @_;
    return $cell->{op} eq 'recover'
        || ($cell->{op} eq 'profile' && $cell->{at});
}

sub judge {
    my ($cell, $calls, $log) = @_;

    my ($op, $fault, $res, $left) = @$cell{qw(op fault res left)};
    my $want = wanted($cell);

    is($cell->{meanwhile}->status, 200, 'others are served meanwhile');
    cmp_ok($cell->{meanwhile}{end}, '<', $res->{end}, 'while this one waits')
        if $want == LATE && !in_background($cell);

    called($cell, $calls);
    ok(logged($cell, $log), 'the log tells it')
        or diag(join "\n", grep { / wix_auth: / } split /\n/, $log);

    if ($op eq 'recover') {
        is($res->status, 200, 'status');
        is_deeply($res->json, {state => 'RECOVERY_EMAIL_SENT'},
                  'tells nothing');

    } elsif ($op eq 'logout') {
        is($res->status . ' ' . ($res->location // ''), '303 /bye',
           'to the page of the site');
        is(held($cell), '', 'the cookie is gone');
        is(verdict($left), '401 EXPIRED session_ended',
           'and so is the session');

    } elsif ($op eq 'refresh') {
        $want = of_the_gate($want);
        is(verdict($_), "200 STALE $want->[1]", 'passes in grace')
            for $res, $left;
        is(verdict($cell->{more}), "$want->[0] ERROR $want->[1]",
           'without grace');
        told_when($cell, $cell->{more});
        kept($cell, $left);

    } elsif ($op eq 'token-info') {
        $want = of_the_gate($want);
        is(verdict($res), $want == BAD_TOKEN ? '401 ANONYMOUS invalid_token'
            : "$want->[0] ERROR $want->[1]", 'refused');
        told_when($cell, $res) if $want != BAD_TOKEN;

    } elsif ($op eq 'profile' && $cell->{at}) {
        is(verdict($res), '200 HIT', 'nobody waits for it');
        is($left->header('X-Nick'), undef, 'no name is known');
        kept($cell, $left);

    } elsif ($op eq 'profile' && $want != BLOCKED) {
        is($res->status, 200, 'the login succeeds');
        is(($res->json // {})->{state}, 'SUCCESS', 'and says so');
        isnt(held($cell), $cell->{held}, 'with a session');
        signed_in($cell, $left, 'that is good', $cell->{email});
        is($left->header('X-Nick'), undef, 'and knows no name');

    } else {
        refused($cell, $res, $want == BLOCKED ? DENIED : $want);
        kept($cell, $left);
    }

    if ($op eq 'visitor') {
        is(verdict($cell->{more}), '200 ANONYMOUS visitor_budget',
           'a page comes without a visitor');
        is_deeply([$cell->{more}->headers('Set-Cookie')], [], 'and no cookie');
        is($cell->{more}->header('X-Token'), undef, 'and no token');
    }
    return;
}

sub verdict {
    my ($res) = @_;
    return join ' ', grep { length } $res->status,
        map { $res->header($_) // '' } qw(X-Status X-Reason);
}

sub refused {
    my ($cell, $res, $want) = @_;

    my $json = $res->json // {};

    is($res->status . ' ' . ($json->{error} // ''), "@$want", 'refused')
        or diag($res->{error} // $res->body);
    like($json->{message} // '', qr/^[A-Z].*\.$/, 'a sentence');
    is_deeply([$res->headers('Location')], [], 'no redirect');
    told_when($cell, $res) if $want->[0] =~ /^(?:429|503|504)$/;
    return;
}

sub told_when {
    my ($cell, $res) = @_;

    my $how = $fault{$cell->{fault}}{how};
    my $retry = !ref $how || !$how->{headers} ? qr/[1-9]\d?/
        # what is left of it
        : $cell->{op} eq 'refresh' ? '[1-' . RETRY . ']'
        : RETRY;

    like($res->header('Retry-After') // '', qr/^$retry$/, 'Retry-After');
    return;
}

# whether it was this call that met the fault, and how often it was made
sub called {
    my ($cell, $calls) = @_;

    my ($name) = @{$op{$cell->{op}}};
    my $how = $fault{$cell->{fault}}{how};
    my $n = grep { $_->{op} eq $name && ($cell->{op} eq 'visitor'
                   || lc($_->{email} // '') eq $cell->{email}) } @$calls;

    return is($n, 0, 'Wix has heard nothing') if !ref $how;
    return cmp_ok($n, '>=', 1, 'the call was made') if !$once{$cell->{op}};

    # a token that is refused is replaced, which is no repetition
    my $again = $cell->{fault} eq '401'
        && $cell->{op} =~ /^(?:login|register|verify|recover)$/;
    return is($n, $again ? 2 : 1, 'the call was made once');
}

sub logged {
    my ($cell, $log) = @_;

    my $want = wanted($cell);
    my ($name) = $op{$cell->{op}}[1];
    my %detail = (refused => 'no connection', 'bad TLS' => 'TLS failed');
    my $detail = $detail{$cell->{fault}} // '';
    my $line = $cell->{op} eq 'recover' ? "recovery mail: $want->[1]\$"
        : $want == BAD_TOKEN ? "bearer token \\w+ is refused, $want->[1]"
        : "$name: $want->[1], $detail";

    return $log =~ / wix_auth: $line/m;
}


# The next attempt

sub again {
    my (@cells) = @_;

    # Wix wants to be left alone for a while, and a refresh has a back-off
    push @late, grep { is_late($_) } @cells;
    return once_more(grep { !is_late($_) } @cells);
}

sub once_more {
    my (@cells) = @_;

    my $from = @cells ? length $cells[0]{nginx}->error_log : 0;
    my @last = lockstep(map { next_talk($_) } @cells);
    my @look = lockstep(map {
        my $cell = $_;
        [sub { [$cell->{b}, GET => at($cell, '/')] }];
    } @cells);

    for my $cell (@cells) {
        my ($last, $look) = (shift @last, shift @look);
        tried($cell, 'the next attempt',
              sub { succeeded($cell, $last, $look, $from) });
    }
    return;
}

sub is_late {
    my ($cell) = @_;
    return $cell->{op} eq 'refresh' || ($cell->{fault} eq '429'
        && $cell->{op} =~ /^(?:profile|token-info)$/);
}

# whether Wix has done what was asked for, although nobody heard of it
sub performed {
    my ($cell) = @_;
    my $how = $fault{$cell->{fault}}{how};
    return ref $how
        && ($pass eq 'after' || $how->{type} =~ /^(?:drip|types)$/);
}

sub next_talk {
    my ($cell) = @_;

    my ($op, $b) = @$cell{qw(op b)};
    my $login = passage($cell, email => $cell->{email},
                        password => PASSWORD);

    return [sub { ask($cell) }] if $op eq 'recover';

    if ($op eq 'token-info') {
        # Wix's verdict on a token is kept for a while
        $cell->{token} = $emu->mint(email => $cell->{email})->{access_token}
            if wanted($cell) == BAD_TOKEN;
        return [sub { ask($cell) }];
    }

    return [@$login, sub { ask($cell) }] if $op eq 'logout';
    return passage($cell, ask($cell))
        if ($op eq 'register' || $op eq 'verify') && !performed($cell);
    return $login;
}

sub succeeded {
    my ($cell, $last, $look, $from) = @_;
    my $op = $cell->{op};

    if ($op eq 'recover') {
        is($last->status, 200, 'status');
        ok(wait_for(sub { substr($cell->{nginx}->error_log, $from)
            =~ /recovery mail: sent$/m }), 'the mail is sent');

    } elsif ($op eq 'token-info') {
        is(verdict($last), '200 BEARER', 'accepted');

    } elsif ($op eq 'logout') {
        is($last->status, 303, 'status');
        is(index($last->location // '', $emu->site . '/'), 0, 'to Wix');
        is(held($cell), '', 'and the session has ended');

    } else {
        is($last->status, 303, 'the login succeeds') or diag($last->body);
        isnt(held($cell), $cell->{held}, 'with a new session');
        signed_in($cell, $look, 'that is good', $cell->{email});
        $cell->{owner} = $cell->{email};
        is($look->header('X-Nick'), 'Nick', 'and the profile is there')
            if $op eq 'profile';
    }
    return;
}

sub later {
    my @refresh = grep { $_->{op} eq 'refresh' } @late;
    my %left = map { $_->{name} => $_ } @refresh;
    my %seen;

    wait_for {
        my @cells = values %left;
        my @res = lockstep(map { my $c = $_; [sub { ask($c) }] } @cells);

        for my $cell (@cells) {
            $seen{$cell->{name}} = shift @res;
            delete $left{$cell->{name}}
                if verdict($seen{$cell->{name}}) eq '200 HIT';
        }
        return !keys %left;
    } 10, 'all refreshes';

    for my $cell (@refresh) {
        tried($cell, 'the next attempt', sub {
            my $res = $seen{$cell->{name}};
            is(verdict($res), '200 HIT', 'refreshed');
            cmp_ok($res->header('X-Remain') // 0, '>', 3000, 'for hours');
            kept($cell, $res);
        });
    }

    my @cells = grep { $_->{op} ne 'refresh' } @late;
    @late = ();

    # the pauses are over by now: a refresh has waited for as long
    once_more(@cells);
    return;
}


# Where Wix takes the old refresh token away at once, a lost answer cannot but
# end that session.  It costs nobody else's.

sub strict {
    subtest 'rotation strict: a lost answer ends that session alone' => sub {
        my @cells = map { {%{$cell{'strict here'}}, email => $_,
            b => browser(base => $cell{'strict here'}{b}{base})}
        } 'lost@example.com', 'other@example.com', 'lost@example.com';
        my ($lost, $other, $twin) = @cells;

        $emu->control(POST => '/members', [map {
            {email => $_->{email}, password => PASSWORD} } @cells[0, 1]]);
        $emu->configure(rotate => 'strict');
        short_tokens(@cells);
        expire(@cells);

        $emu->fault('token.refresh_token', {type => 'close'},
                    when => 'after', match => {email => $lost->{email}});

        my $ask = sub { $_[0]{b}->get('/', program()) };
        is(verdict($ask->($lost)), '200 STALE upstream_unavailable',
           'the answer is lost');

        my @seen;
        ok(wait_for(sub {
            push @seen, verdict($ask->($lost));
            return $seen[-1] =~ /EXPIRED/;
        }, 6), 'the session ends');
        is($seen[-1], '401 EXPIRED session_revoked', 'with the next refresh');

        for my $cell ($other, $twin) {
            my $who = $cell == $other ? 'another member'
                : 'another session of this member';

            is(verdict($ask->($cell)), '200 REFRESHED', "$who: refreshed");
            is(verdict($ask->($cell)), '200 HIT', "$who: goes on");
        }

        log_in($lost);
        is(verdict($ask->($lost)), '200 HIT', 'and a new login helps');
        $emu->configure(rotate => 'off');
    };
    return;
}


# After the failure of one, pages go on without a visitor for ten seconds.

sub guests {
    my @cells = grep { $_->{guest} } values %cell;
    my %last;

    wait_for {
        my @ask = grep { !$last{$_->{name}}
            || verdict($last{$_->{name}}) ne '200 VISITOR' } @cells;
        my @res = lockstep(map { my $c = $_;
            [sub { [$c->{guest}, GET => at($c, '/shop')] }] } @ask);

        $last{$_->{name}} = shift @res for @ask;
        return !@ask;
    } 20, 'all visitors';

    for my $cell (@cells) {
        tried($cell, 'the next visitor', sub {
            is(verdict($last{$cell->{name}}), '200 VISITOR', 'an identity');
        });
    }
    return;
}


# Configuration: a host and a zone for each cell

sub port_name { return $fault{$_[0]}{how} eq 'dns' ? 'WELL_PORT' : 'PORT' }

sub shared {
    return <<"END";
wix_auth_api %%API%%;
wix_auth_api_trusted_certificate $certs/ca.pem;
wix_auth_cookie nosecure;
wix_auth_logout_redirect /bye;
wix_auth_refresh_lock_timeout @{[slow(5)]}s;
# no fault must stand in for another
wix_auth_api_breaker off;
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;
add_header X-Email \$wix_auth_email always;
add_header X-Nick \$wix_auth_nickname always;
add_header X-Session \$wix_auth_session_id always;
add_header X-Remain \$wix_auth_token_remain always;
END
}

sub vhost {
    my ($op, $fault, %opt) = @_;

    my $host = $opt{host} // host($op, $fault);
    my $port = $opt{port} // '%%PORT%%';
    my $how = $fault{$fault}{how};
    my $timeout = $fault{$fault}{want} == LATE
        ? slow(PATIENCE) : slow(10);
    my $more = $opt{more} // '';

    $more .= "wix_auth_api https://localhost:%%TLS_API_PORT%%;"
        if $how eq 'tls';
    $more .= 'wix_auth_profile on;' if $op eq 'profile';

    return <<"END";
server {
    listen 127.0.0.1:$port;
    server_name $host;
    wix_auth_zone zone=$host@{[$opt{size} // ':160k']};
    wix_auth_client_id %%CLIENT%%;
    wix_auth_api_timeout ${timeout}s connect=${timeout}s;
    wix_auth required;
    $more
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
    location /off { wix_auth_refresh_use_stale off; try_files /page.txt =404; }
    location /bearer { wix_auth_bearer on; try_files /page.txt =404; }
    location /shop {
        wix_auth optional;
        wix_auth_visitor on;
        add_header X-Token \$wix_auth_access_token always;
        add_header X-Status \$wix_auth_status always;
        add_header X-Reason \$wix_auth_reason always;
        add_header X-Session \$wix_auth_session_id always;
        try_files /page.txt =404;
    }
}
END
}

# Two servers for the same sessions and with the same redirect URI: one that
# needs no name server, where everything is made ready, and one that does.
sub well_and_deaf {
    my ($op, $fault) = @_;
    my $host = host($op, $fault);

    return vhost($op, 'here', host => $host, port => '%%WELL_PORT%%',
        more => 'wix_auth_api https://localhost:%%TLS_API_PORT%%;')
        . vhost($op, $fault, host => $host, port => '%%DEAF_PORT%%',
            size => '', more => <<"END");
        wix_auth_api https://wixapis.test:%%TLS_API_PORT%%;
        wix_auth_base_url http://$host:%%WELL_PORT%%;
END
}

sub page { spew($_[0]->dir . '/html/page.txt', "page\n"); return }
