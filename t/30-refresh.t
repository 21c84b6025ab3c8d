#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# One refresh of a session at a time: while requests wait for it, in the
# background, and with every way Wix may rotate tokens.
#
# quiet

use strict;
use warnings;

use lib 't/lib';
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant SPREAD => 'many@example.com';

start_emulator(member => [map { "$_:" . PASSWORD } MEMBER, SPREAD]);

my $nginx = start_nginx(workers => 4, conf => gate(
    listen => 'reuseport',
    locations => <<'END'));
    location /late { wix_auth_refresh_before 1s; try_files /page.txt =404; }
    location /long { wix_auth_refresh_before 2h; try_files /page.txt =404; }
    location /optional { wix_auth optional; try_files /page.txt =404; }
    location /wait { wix_auth_refresh_lock_timeout 500ms;
                     try_files /page.txt =404; }
END
page($nginx);

# Sessions whose tokens live 40 s; a process of its own looks at them when
# half of that is over, which is what the rest of this file takes time for.
short_tokens(40);
my @spread = sessions(40, email => SPREAD);
my $watch = watch(@spread);

subtest 'never in the background before half of the life is over' => sub {
    my $before = refreshes();

    short_tokens(6);
    my $half = sessions(1);

    for (1 .. 10) {
        my $res = get($half, '/');
        is(verdict($res), '200 HIT') or last;
    }
    is(refreshes(), $before, 'a refresh_before of 5m against a life of 6s');

    # and a token of hours, with a refresh_before of almost all of it
    short_tokens(3600);
    my $hours = sessions(1);

    is(verdict(get($hours, '/long')), '200 HIT') for 1 .. 3;
    cmp_ok(remain(get($hours, '/long')), '>', 3500, 'a long token');
    is(refreshes(), $before, 'a refresh_before of 2h against a life of 1h');
};

short_tokens(1);
my @old = sessions(13);
expire(@old);

for my $delay (0, 0.1, 1, 3) {
    subtest "200 requests at once, the API takes $delay s" => sub {
        my $session = shift @old;
        my $before = refreshes();
        refresh_fault({type => 'delay', seconds => $delay});

        my @res = concurrent(200, $session->clone, GET => '/',
            headers => {'Sec-Fetch-Mode' => 'cors'});

        my (%verdict, %pid, %member);
        for (@res) {
            $verdict{verdict($_)}++;
            $pid{$_->header('X-Pid') // ''}++;
            $member{$_->header('X-Member') // ''}++;
        }

        is((grep { $_->status == 200 } @res), 200, '200 answers of 200');
        is(refreshes() - $before, 1, 'one call');
        is($verdict{'200 REFRESHED'}, 1, 'one request refreshed');
        is(scalar keys %member, 1, 'all of one member');
        cmp_ok(scalar keys %pid, '>', 1, 'more than one worker took part');

        if ($delay >= 1) {
            is($verdict{'200 WAITED'}, 199, 'all others waited');
            cmp_ok((sort { $a <=> $b } map { $_->{time} } @res)[0], '>=',
                   $delay - 0.1, 'nobody was let through before');
            cmp_ok((sort { $b <=> $a } map { $_->{time} } @res)[0], '<',
                   $delay + slow(1), 'nobody waited much longer');
        }
        else {
            # who came after the answer is a hit
            is(($verdict{'200 WAITED'} // 0) + ($verdict{'200 HIT'} // 0),
               199, 'all others waited, or came later');
        }

        diag explain \%verdict if !Test::More->builder->is_passing;

        is(verdict(get($session)), '200 HIT', 'from then on a hit');
        cmp_ok(remain(get($session)), '>', 14000, 'with the new token');
        is(refreshes() - $before, 1, 'and no further call');
    };
}

subtest 'the time that a request was held' => sub {
    my $b = shift @old;

    refresh_fault({type => 'delay', seconds => 0.4});
    my $res = get($b);

    is(verdict($res), '200 REFRESHED');
    like($res->header('X-Time'), qr/^0\.[4-9]\d\d$/, '$wix_auth_time');
    like(get($b)->header('X-Time'), qr/^0\.000$/, 'a hit was not held');
};

subtest 'optional waits as well, and nobody longer than the limit' => sub {
    my ($one, $two) = splice @old, 0, 2;
    my $before = refreshes();

    is(verdict(get($one, '/optional')), '200 REFRESHED', 'optional waits');

    # the limit of the wait is not the end of the call
    my $id = refresh_fault({type => 'delay', seconds => 1.5});
    my $res = get($two, '/wait');

    is(verdict($res), '200 STALE upstream_timeout', 'the wait is over first');
    cmp_ok($res->{time}, '>=', 0.45, 'not before the limit');
    cmp_ok($res->{time}, '<', 0.5 + slow(0.4), 'but then at once');

    # the call goes on without it, and serves the next
    ok((wait_for { verdict(get($two)) =~ /^200 (?:HIT|WAITED)/ }),
       'the answer was kept');
    is(refreshes() - $before, 2, 'without another call');
};

for my $rotate (qw(off grace strict)) {
    subtest "rotation $rotate" => sub {
        emulator()->configure(rotate => $rotate);

        my $b = shift @old;
        my $before = refreshes();

        # only this one: other sessions are refreshed in the background
        refresh_fault({type => 'patch', set => {expires_in => 1}});
        is(verdict(get($b)), '200 REFRESHED', 'the first token');

        renewed($b, 1);
        expire($b);

        is(verdict(get($b)), '200 REFRESHED', 'the second');
        is(verdict(get($b)), '200 HIT', 'and a hit');
        is(refreshes() - $before, 2, 'one call each');
        is((grep { $_->{status} != 200 } refresh_log()), 0,
           'none was refused');

        emulator()->configure(rotate => 'off');
    };
}

subtest 'an answer without a new refresh token keeps the old one' => sub {
    my @case = (
        ['no refresh_token', {remove => ['refresh_token']}],
        ['refresh_token null', {}, {refresh_token => undef}],
        ['refresh_token empty', {}, {refresh_token => ''}],
    );
    my %b;

    for (@case) {
        my ($what, $change, $set) = @$_;

        $b{$what} = shift @old;
        refresh_fault({type => 'patch', %$change,
                       set => {%{$set // {}}, expires_in => 1}});
        is(verdict(get($b{$what})), '200 REFRESHED', "$what: accepted");
        renewed($b{$what}, 1);
    }

    expire(values %b);

    for my $what (map { $_->[0] } @case) {
        is(verdict(get($b{$what})), '200 REFRESHED', "$what: the next");
        is((refresh_log())[-1]{status}, 200,
           "$what: Wix knows the token that was sent");
    }
};

subtest 'in the background: nobody waits' => sub {
    short_tokens(6);
    my $b = sessions(1);
    my $start = $b->{logged_in};

    my $before = refreshes();
    my $id = refresh_fault({type => 'delay', seconds => 0.5});
    my (@verdicts, $called);

    my $ok = wait_for {
        my $res = get($b);
        push @verdicts, verdict($res);
        cmp_ok($res->{time}, '<', slow(0.3), 'not held')
            if $res->{time} >= slow(0.3);
        $called //= time if refreshes() > $before;
        return remain($res) > 6;
    } 8, 'the token to change';

    ok($ok, 'the token was replaced');
    is_deeply([grep { $_ ne '200 HIT' } @verdicts], [],
              'every request was a hit');
    is(refreshes() - $before, 1, 'by one call');
    cmp_ok($called - $start, '>=', 1.9, 'not before half of the life');
    cmp_ok($called - $start, '<', 5, 'and before the expiry');
    clear_fault($id);
};

subtest 'a refresh_before shorter than half of the life' => sub {
    short_tokens(4);
    my $b = sessions(1);
    my $start = $b->{logged_in};
    my $before = refreshes();
    my $called;

    ok((wait_for {
        my $res = get($b, '/late');
        $called //= time if refreshes() > $before;
        return remain($res) > 4;
    } 6), 'refreshed');

    # seconds of the wall clock are whole ones: one less is in order
    cmp_ok($called - $start, '>=', 1.9, 'not at half of the life');
    is(refreshes() - $before, 1, 'one call');
};

subtest 'a background refresh that finds the end of the session' => sub {
    short_tokens(2);
    my $b = sessions(1);

    refresh_fault({type => 'body', status => 400,
                   body => {error => 'invalid_grant'}});

    my @verdicts;
    ok((wait_for {
        push @verdicts, verdict(get($b));
        return $verdicts[-1] !~ /^200/;
    } 6), 'the session has ended');

    is(pop @verdicts, '401 EXPIRED session_revoked', 'and says why');
    is_deeply([grep { $_ !~ /^200 (?:HIT|WAITED)$/ } @verdicts], [],
              'until then it was served');
};

subtest 'background refreshes are spread' => sub {
    # half of 40 s is 20 s; 10 % of that is 2 s
    my @at = sort { $a <=> $b } split ' ', do { local $/; <$watch> } // '';

    is(shift @at, 0, 'none before half of the life, less a second');
    is(scalar @at, 40, 'every one was refreshed');
    is(emu_count('token.refresh_token', email => SPREAD), 40, 'once');
    cmp_ok($at[-1], '<=', 22.2 + slow(0.5), 'none later than 10 % after');
    cmp_ok($at[-1] - $at[0], '>=', 0.7, 'and not all at once')
        or diag "due: @at";
};

done_testing();


# Writes how many of these sessions were refreshed when they were 18.9 s old,
# then for each the age at which it was.
sub watch {
    my @b = @_;

    my $pid = open(my $out, '-|') // die "fork: $!\n";
    return $out if $pid;

    my $seen = sub { grep { $_->{seen} } @b };
    my ($first) = sort { $a <=> $b } map { $_->{logged_in} } @b;
    my $deadline = $first + 23 + slow(4);

    $| = 1;
    sleep 0.05 while time < $first + 18.8;
    look(@b);
    print scalar $seen->(), "\n";

    while ($seen->() < @b && time < $deadline) {
        look(grep { !$_->{seen} } @b);
        sleep 0.1;
    }

    print "$_\n" for map { $_->{seen} } $seen->();
    close STDOUT;
    POSIX::_exit(0);
}

sub look {
    for my $b (@_) {
        my $res = get($b);
        $b->{seen} = time - $b->{logged_in} if remain($res) > 100;
    }
    return;
}
