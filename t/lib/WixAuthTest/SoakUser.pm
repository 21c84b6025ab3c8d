package WixAuthTest::SoakUser;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# One virtual user of t/soak, in a process of its own.  It does what its role
# does until it is told to stop, counts, and tells t/soak by lines of JSON
# what it did not expect: whether a fault explains that is not its business.
#
#     WixAuthTest::SoakUser->new(role => 'member', number => 7, seed => 42,
#         base => url, out => $pipe, ttl => 6)->run;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Select;
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;

# of a revocation at Wix until nobody may still be in: a token's life, the
# longest back-off of a refresh, and some faults on the way
use constant REVOKED_IN => 90;

use constant PASSWORD => 'secret-of-soak-1';

my $json = JSON::PP->new->utf8->canonical;

my %roles = (
    member   => \&member,
    commuter => \&commuter,
    newcomer => \&newcomer,
    outcast  => \&outcast,
    visitor  => \&visitor,
    program  => \&program,
    stranger => \&stranger,
    chatter  => \&chatter,
);

sub new {
    my ($class, %opt) = @_;

    die "no role \"$opt{role}\"\n" if !$roles{$opt{role}};

    return bless {
        %opt,
        email => "$opt{role}-$opt{number}\@soak.example",
        # limits count by address, and people do not share theirs
        address => "127.1.0.$opt{number}",
        count => {}, told => time,
    }, $class;
}

# a login that this role begins with needs the member to be there
sub needs_member { return $_[0] =~ /^(?:member|commuter|outcast|program|chatter)$/ }

sub run {
    my ($self) = @_;

    srand($self->{seed} * 1000 + $self->{number});
    $self->fresh_browser;

    # not all of them come at once
    sleep rand 8;

    # the last count is written even if a step dies
    my $ok = eval {
        while (!$self->stopped) {
            $roles{$self->{role}}->($self);
            $self->think(0.3);
        }
        1;
    };

    $self->tell(kind => 'died', what => "$@") if !$ok;
    $self->report;
    POSIX::_exit(0);
}

my $stop;
$SIG{USR1} = sub { $stop = 1 };

sub stopped { return $stop }

# people think; and no two at the same time
sub think {
    my ($self, $seconds) = @_;

    $self->report if time - $self->{told} > 2;
    sleep rand(2 * ($seconds // 0.4)) if !$stop;
    return;
}

sub chance { return rand() < $_[0] }
sub one_of { return $_[rand @_] }


# what happened

sub seen {
    my ($self, $what, $n) = @_;
    $self->{count}{$what} += $n // 1;
    return;
}

sub report {
    my ($self) = @_;

    $self->{told} = time;

    # the cookies it has got, for the search in the logs
    $self->say(secret => $_)
        for grep { length $_ < 3000 } splice @WixAuthTest::Client::SECRETS;

    return if !%{$self->{count}};

    $self->say(count => $self->{count});
    $self->{count} = {};
    return;
}

# something that only a fault, a kill or a reload explains, or nothing at all
sub tell {
    my ($self, %what) = @_;

    $what{what} = substr $what{what}, 0, 600;
    return $self->say(role => $self->{role}, user => $self->{number}, %what);
}

# a line is written at once, and lines of others do not come between
sub say {
    my ($self, %message) = @_;

    my $line = $json->encode(\%message) . "\n";

    # nobody is left to play for
    defined syswrite $self->{out}, $line or POSIX::_exit(1);
    return;
}

# about an answer: its request is one of the judge's
sub report_answer {
    my ($self, $request, $res, $what) = @_;

    my $status = $res->{status};
    my $reason = $res->header('X-Reason') // '';
    my $kind = $res->{error} ? 'cut' : $status >= 500 ? '5xx'
        : $status == 429 ? 'throttled' : 'answer';

    my $own = $res->json;
    $reason = $own->{error}
        if !length $reason && ref $own eq 'HASH' && !ref($own->{error} // []);

    return $self->tell(
        kind => $kind, request => $request, status => $status,
        reason => $reason, from => $res->{start}, to => $res->{end},
        what => sprintf '%s: %s %s %s%s', $what // $request, $status,
            $res->header('X-Status') // '', $reason,
            $res->{error} ? " ($res->{error})" : '');
}


# requests

sub fresh_browser {
    my ($self) = @_;

    $self->{b} = browser(base => $self->{base}, timeout => slow(25), headers => {
        'X-Soak-Address' => $self->{address}});
    delete @$self{qw(member session)};
    return $self->{b};
}

sub ask {
    my ($self, $method, $path, %opt) = @_;

    my $res = $self->{b}->request($method, $path, %opt);
    $self->seen('requests');
    return $res;
}

# as a script does it; pages are what people load
sub as_fetch {
    return ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty',
            'Sec-Fetch-Site' => 'same-origin', Accept => 'application/json');
}

# A login, registration or verification from its POST to the page at the end.
# True when there is a session.

sub finish_login {
    my ($self, $request, $res, $email) = @_;

    if ($res->{error} || $res->status != 200) {
        $self->seen("$request refused");
        $self->report_answer($request, $res);
        return 0;
    }

    my $next = ($res->json // {})->{redirectUrl};

    if (!defined $next) {
        $self->report_answer($request, $res, "$request without a way on");
        return 0;
    }

    # to Wix and back; the code comes to the callback
    for my $hop (qw(authorize callback)) {
        $res = $self->{b}->get($next,
            headers => {'Sec-Fetch-Site' => 'cross-site'});
        $self->seen('requests');

        if ($res->{error} || $res->status !~ /^30[23]$/) {
            $self->seen("$hop refused");
            $self->report_answer($hop, $res);
            return 0;
        }

        $next = WixAuthTest::Client::resolve($next, $res->location);
    }

    # who one is is only known when it is seen
    my $who = $self->page('first page') or return 0;

    # no answer, which the judge has been told
    return 0 if !defined $who->{session};

    if (($who->{email} // '') ne $email) {
        $self->tell(kind => 'wrong member',
                    what => "$email is told to be $who->{email}");
        return 0;
    }

    @$self{qw(member session)} = @$who{qw(member session)};
    $self->seen('logins');
    return 1;
}

sub log_in {
    my ($self, %opt) = @_;

    my %form = (email => $self->{email}, password => PASSWORD, return => '/');
    my $b = $self->{b};

    delete @$self{qw(member session)};

    if ($opt{json} || chance(0.7)) {
        return $self->finish_login(login => $self->ask(
            POST => '/_wix/login', json => \%form), $self->{email});
    }

    # the same by form, which is a redirect
    my $page = $self->ask(GET => '/_wix/login?return=%2F');
    my ($form) = $page->{error} ? () : $page->forms;

    if (!$form) {
        $self->report_answer('page', $page, 'login page');
        return 0;
    }

    my $res = $self->ask(POST => '/_wix/login', form => {
        %{$form->{fields}}, email => $self->{email}, password => PASSWORD});

    if (!$res->{error} && $res->status == 303) {
        my $next = $res->location;
        # from here on as by JSON
        $res = WixAuthTest::Response->parse("HTTP/1.1 200 OK\r\n\r\n"
            . $json->encode({redirectUrl => $next}), 'GET');
    }
    return $self->finish_login(login => $res, $self->{email});
}

# until there is a session, or the end
sub be_logged_in {
    my ($self) = @_;

    while (!$self->stopped) {
        return 1 if $self->log_in;
        $self->fresh_browser;
        $self->think(1);
    }
    return 0;
}

# A session that has been must be there.  What the site saw of the member is
# in the answer, which is that of the site; {} when an answer is missing for a
# reason that the judge is told; undef when there is no member.

sub page {
    my ($self, $what, %opt) = @_;

    my $path = $opt{path} // '/';
    my $fetch = $opt{fetch} // chance(0.5);
    my $res = $opt{res} // $self->ask($opt{method} // 'GET', $path,
        headers => {$fetch ? as_fetch() : ()},
        (defined $opt{body} ? (body => $opt{body}, type => 'text/plain') : ()));

    my $request = $path =~ m{^/strict/} ? 'strict' : 'page';

    if (!$res->{error} && $res->status == 200) {
        my $site = $res->json // {};
        my $got = $site->{headers} // {};
        my ($member) = @{$got->{'x-wix-auth-member-id'} // []};
        my ($session) = @{$got->{'x-wix-auth-session-id'} // []};
        my ($email) = @{$got->{'x-wix-auth-email'} // []};
        my $status = $res->header('X-Status') // '';

        $self->seen("status $status");

        if ($status !~ /^(?:HIT|REFRESHED|WAITED|STALE)$/ || !length($member // '')) {
            $self->tell(kind => 'intruder',
                        what => "$what: 200 with status \"$status\"");
            return;
        }
        if ($self->{session} && ($self->{session} ne ($session // '')
                                 || $self->{member} ne $member))
        {
            $self->tell(kind => 'wrong member',
                        what => "$what: another member or session");
            return;
        }
        if (defined $opt{body}) {
            my $sum = md5_hex($opt{body});
            if (($site->{body_md5} // '') ne $sum) {
                $self->tell(kind => 'body', what => "$what: the body has"
                    . ' changed: ' . ($site->{length} // '?') . ' of '
                    . length($opt{body}) . ' bytes');
            }
        }
        return {member => $member, session => $session, email => $email};
    }

    if (!$res->{error} && $res->status =~ /^(?:30[1237]|401|403)$/) {
        # the one thing that must not happen
        $self->report_answer('lost', $res, $what);
        $self->seen('sessions lost');
        delete @$self{qw(member session)};
        return;
    }

    $self->report_answer($request, $res, "$what $path");
    return {};
}

sub log_out {
    my ($self) = @_;

    my $res = $self->ask(POST => '/_wix/logout', json => '{}');
    my $was = $self->{session};

    delete @$self{qw(member session)};

    if ($res->{error} || $res->status != 200) {
        $self->report_answer('logout', $res);
        $self->fresh_browser;
        return;
    }

    $self->seen('logouts');

    # the old cookie, as a thief would have it, is worth nothing
    my $url = ($res->json // {})->{redirectUrl};
    if (defined $url && $url =~ /^http/ && chance(0.3)) {
        my $gone = $self->{b}->get($url);
        $self->seen('requests');
    }

    $res = $self->ask(GET => '/', headers => {as_fetch()});

    if (!$res->{error} && $res->status == 200) {
        $self->tell(kind => 'undead', what => "session $was after its logout");
    }
    elsif ($res->{error} || $res->status != 401) {
        $self->report_answer('stranger', $res, 'after a logout');
    }
    return;
}


# roles

# long sessions, every kind of request
sub member {
    my ($self) = @_;

    $self->be_logged_in or return;

    my $end = time + 60 + rand 240;

    while (time < $end && $self->{session} && !$self->stopped) {
        $self->member_step;
        $self->think;

        # now and then somebody is away until the token has expired
        sleep $self->{ttl} + rand $self->{ttl} if chance(0.01) && !$stop;
    }

    return $self->log_out if $self->{session} && chance(0.8);

    # who does not log out leaves a session behind
    $self->fresh_browser;
    return;
}

sub member_step {
    my ($self) = @_;

    my $dice = rand;

    if ($dice < 0.40) {
        return $self->page('a page', path => '/page' . int rand 1000);
    }
    if ($dice < 0.60) {
        my $body = join '', map { chr(32 + rand 90) } 1 .. 1 + rand 3000;
        $body x= 1 + rand 20;
        $self->seen('posts');
        return $self->page('a POST', method => 'POST', path => '/echo',
                           body => $body);
    }
    if ($dice < 0.75) {
        return $self->page('strict', path => '/strict/' . int rand 1000);
    }
    if ($dice < 0.88) {
        # a page loads and fetches what it needs, all at once
        my @res = concurrent(map {
            [$self->{b}, GET => "/part$_", headers => {as_fetch()}]
        } 1 .. 4);
        $self->seen('requests', 4);
        $self->{session} && $self->page('a fetch', res => $_) for @res;
        return;
    }
    if ($dice < 0.96) {
        return $self->session_endpoint;
    }

    # the same browser logs in again: another session takes the place of
    # this one.  Whether that worked is seen at the next step.
    my $old = $self->{b}->clone;
    my $was = $self->{session};

    # (by JSON: the login page sends a member on at once)
    if (!$self->log_in(json => 1)) {
        $self->fresh_browser;
        return;
    }

    my $res = $old->get('/', headers => {as_fetch()});
    $self->seen('requests');
    $self->tell(kind => 'undead', what => "session $was was replaced")
        if !$res->{error} && $res->status == 200;
    return;
}

sub session_endpoint {
    my ($self) = @_;

    my $res = $self->ask(GET => '/_wix/session', headers => {as_fetch()});
    my $got = $res->json // {};

    if ($res->{error} || $res->status != 200) {
        $self->report_answer('page', $res, 'session');
    }
    elsif (!$got->{authenticated}) {
        $self->tell(kind => 'answer', request => 'lost',
                    from => $res->{start}, to => $res->{end},
                    what => 'session: not authenticated');
        $self->seen('sessions lost');
        delete @$self{qw(member session)};
    }
    elsif (($got->{member}{id} // '') ne $self->{member}) {
        $self->tell(kind => 'wrong member', what => 'session');
    }
    return;
}

# in and out all day
sub commuter {
    my ($self) = @_;

    $self->be_logged_in or return;
    $self->page('a page') if $self->{session};
    $self->think;
    $self->log_out if $self->{session};
    return;
}

# registers, half of them with a code from a mail, and leaves again
sub newcomer {
    my ($self) = @_;

    my $email = sprintf 'newcomer-%d-%d@soak.example', $self->{number},
        $self->{registered}++;
    my $verify = chance(0.5);

    $self->fresh_browser;
    emulator()->member(email => $email, registered => JSON::PP::false(),
                       state => 'VERIFY') if $verify;

    my $res = $self->ask(POST => '/_wix/register', json => {
        email => $email, password => PASSWORD, return => '/'});
    my $request = 'register';

    if ($verify && !$res->{error} && $res->status == 200) {
        my $got = $res->json // {};

        if (($got->{state} // '') ne 'REQUIRE_EMAIL_VERIFICATION') {
            return $self->report_answer('register', $res, 'no verification');
        }

        $self->think;
        $request = 'verify';
        $res = $self->ask(POST => '/_wix/verify', json => {
            stateToken => $got->{stateToken}, return => '/',
            code => emulator()->mailed_code($email)});
    }

    if ($self->finish_login($request, $res, $email)) {
        $self->seen('registrations');
        $self->page('a page');
        $self->think;
        $self->log_out if $self->{session};
    }

    eval { emulator()->control(
        DELETE => '/members/' . url_escape($email)) };
    return $self->think(2);
}

# Wix ends the session, and the gate has to notice
sub outcast {
    my ($self) = @_;

    $self->be_logged_in or return;

    for (1 .. 5 + rand 10) {
        return if !$self->{session} || $self->stopped;
        $self->page('a page');
        $self->think;
    }
    return if !$self->{session};

    emulator()->revoke(email => $self->{email});
    $self->seen('revocations');

    my $since = time;
    my $limit = slow(REVOKED_IN);

    while (!$self->stopped) {
        my $res = $self->ask(GET => '/', headers => {as_fetch()});

        if (!$res->{error} && $res->status == 401) {
            my $reason = $res->header('X-Reason') // '';
            $self->tell(kind => 'revoked', what => "out for \"$reason\"")
                if $reason !~ /^session_(?:revoked|ended)$/;
            $self->seen('revoked and out');
            last;
        }

        $self->report_answer('page', $res, 'a revoked session')
            if $res->{error} || $res->status != 200;

        if (time - $since > $limit) {
            $self->tell(kind => 'undead', what => sprintf
                'revoked at Wix, %d s later still in', time - $since);
            last;
        }
        $self->think;
    }

    $self->fresh_browser;
    return;
}

# a browser without a member, which gets a visitor's identity
sub visitor {
    my ($self) = @_;

    my $b = $self->fresh_browser;
    my $end = time + 10 + rand 30;
    my $was;

    while (time < $end && !$self->stopped) {
        my $res = $self->ask(GET => '/shop/' . int rand 100);

        if ($res->{error} || $res->status != 200) {
            $self->report_answer('visitor', $res);
            next;
        }

        my $status = $res->header('X-Status') // '';
        my ($session) = @{($res->json // {})->{headers}
            {'x-wix-auth-session-id'} // []};
        $self->seen("status $status");

        if ($status eq 'VISITOR') {
            if (defined $was && $was ne ($session // '')) {
                $self->report_answer('visitor changed', $res);
            }
            $was = $session;
        }
        elsif ($status ne 'ANONYMOUS') {
            $self->tell(kind => 'intruder',
                        what => "a visitor is told to be $status");
        }
        $self->think;
    }
    return;
}

# an access token in Authorization, as long as it lives
sub program {
    my ($self) = @_;

    my $end = time + $self->{ttl} - 1.5;
    my $token = emulator()->mint(email => $self->{email});

    while (time < $end && !$self->stopped) {
        my $res = $self->ask(GET => '/api/' . int rand 100, headers => {
            as_fetch(), Authorization => "Bearer $token->{access_token}"});

        if ($res->{error} || $res->status != 200) {
            # it may have ended while the request was under way
            $self->report_answer('program', $res)
                if time < $end + 1 || $res->status != 401;
        }
        else {
            my $status = $res->header('X-Status') // '';
            my ($member) = @{($res->json // {})->{headers}
                {'x-wix-auth-member-id'} // []};
            $self->seen("status $status");
            $self->tell(kind => 'wrong member', what => "token: $status")
                if $status ne 'BEARER' || ($member // '') ne $token->{memberId};
        }
        $self->think;
    }
    return;
}

# who has no session gets nothing, whatever is tried
sub stranger {
    my ($self) = @_;

    my $b = $self->fresh_browser;
    my $junk = encode_base64url(join '', map { chr rand 256 } 1 .. 40);
    my %cookie = map { ("wix_auth$_" => substr $junk, 0, 54) } '', '_b', '_r';

    my ($method, $path, %opt) = @{one_of(
        [GET => '/'],
        [GET => '/', headers => {as_fetch()}],
        [POST => '/echo', body => 'x' x 30000],
        [GET => '/strict/', headers => {
            Cookie => join '; ', map { "$_=$cookie{$_}" } sort keys %cookie}],
        [GET => '/', headers => {
            'X-Wix-Auth-Member-Id' => '5d2e8b63-8b1d-4e40-8c2f-3a7a9e1d5f22'}],
        [GET => '/api/', headers => {as_fetch(),
            Authorization => 'Bearer ' . substr $junk, 0, 20}],
        [GET => '/_wix/login?return=%2Fx'],
        [GET => '/_wix/session'],
        [GET => '/_wix/callback?code=x&state=' . substr($junk, 0, 40)],
        [POST => '/_wix/logout', json => '{}'],
        [POST => '/_wix/login', json => '{"email":"x"}'],
    )};

    my $res = $self->ask($method, $path, %opt);

    if (!$res->{error} && $res->status == 200 && $path !~ /^\/_wix/) {
        $self->tell(kind => 'intruder', what => "$method $path");
    }
    elsif ($res->{error} || $res->status >= 500) {
        $self->report_answer('stranger', $res, "$method $path");
    }

    $self->seen('strangers');
    return;
}

# a WebSocket through the gate
sub chatter {
    my ($self) = @_;

    if (!$self->{session}) {
        $self->be_logged_in or return;
    }

    my $start = time;
    my $p = $self->{b}->prepare(GET => '/chat', headers => {as_fetch(),
        Upgrade => 'websocket', Connection => 'Upgrade',
        'Sec-WebSocket-Key' => 'c29ha3NvYWtzb2Frc29haw==',
        'Sec-WebSocket-Version' => 13});
    my $sock = eval { WixAuthTest::Client::connect_to($p->{port}) };

    my $in = '';
    my $read = sub {
        my ($re) = @_;
        my $deadline = time + slow(15);

        while ($in !~ $re && time < $deadline) {
            next if !IO::Select->new($sock)->can_read(0.5);
            sysread($sock, $in, 4096, length $in) or last;
        }
        return $in =~ $re;
    };

    $self->seen('requests');

    if ($sock) {
        syswrite $sock, $p->{bytes};
        $read->(qr/\r\n\r\n/);
    }

    my $res = WixAuthTest::Response->parse($in, 'GET');
    @$res{qw(start end)} = ($start, time);
    $res->{error} = 'no answer' if !$res->status;

    if ($res->{error} || $res->status != 101) {
        my $lost = $res->status =~ /^(?:30.|401|403)$/;
        $self->report_answer($lost ? 'lost' : 'page', $res, 'WebSocket');
        $self->seen('sessions lost') if $lost;
        $self->fresh_browser;
        return;
    }

    $self->seen('WebSockets');

    for my $n (1 .. 1 + rand 8) {
        last if $self->stopped;

        # text in one masked frame, the mask is zero
        my $text = "message $n of $self->{email}";
        syswrite $sock, pack('CC', 0x81, 0x80 | length $text)
            . "\0\0\0\0$text";
        $in = '';

        if (!$read->(qr/\Q$text\E/)) {
            $self->tell(kind => 'cut', request => 'chat', from => $start,
                        to => time, what => 'WebSocket: no echo');
            last;
        }
        $self->think;
    }
    close $sock;

    $self->page('after a WebSocket') if $self->{session};
    $self->log_out if $self->{session} && chance(0.1);
    return;
}

1;
