#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoint recover: the same answer for every address, at once, and the mail
# that follows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(time);
use WixAuthTest;

my $ann    = 'ann@example.com';
my $secret = 'secret-of-ann-1';

my $emu = start_emulator(
    member => ["$ann:$secret"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT URI_PORT WIX_PORT)],
);
start_upstream();

# a server a subtest: each address may ask ten times in all
start_nginx(conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-From;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%URI_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login /welcome;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login wix;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

my $from = 0;

# somebody at an address of its own
sub peer {
    $from++;
    return browser(headers => {'X-Test-From' => "192.0.2.$from"});
}

sub recoveries { return emu_count('recovery', @_) }

# status, headers and body, but for what tells the time
sub whole {
    my ($res) = @_;
    return ($res->{head} =~ s/^Date:[^\n]*\n//mir) . "\n\n" . $res->body;
}


subtest 'the page' => sub {
    my $res = browser()->get('/_wix/recover?return=%2Fx');
    is($res->status, 200, 'GET');
    my ($form) = $res->forms;
    is($form->{action}, '/_wix/recover', 'a form');
    ok(exists $form->{fields}{email}, 'that asks for the address');
    ok(!exists $form->{fields}{password}, 'and no password');

    is(browser(base => 'http://localhost:' . port('WIX_PORT'))
        ->get('/_wix/recover')->status, 302, 'Wix has its own');
};


subtest 'by form and by JSON' => sub {
    my $res = peer()->post('/_wix/recover', json => {email => " $ann "});
    is($res->status, 200, 'JSON');
    is_deeply($res->json, {state => 'RECOVERY_EMAIL_SENT'}, 'the state');
    ok(wait_for { recoveries(email => $ann) == 1 }, 'Wix is asked');

    my $b = peer();
    $res = $b->submit($b->get('/_wix/recover?return=%2Fx'), {email => $ann});
    is($res->status, 200, 'a page');
    unlike($res->body, qr/\Q$ann\E/, 'that names nobody');
    like($res->body, qr/href="[^"]*\/login/, 'with a way to log in');
    ok(wait_for { recoveries(email => $ann) == 2 }, 'Wix is asked');

    # the mail's way: a page at Wix, and back to where the login is
    my $url = emu_control(GET => '/members/' . url_escape($ann)
                               . '/recovery')->{url};
    $b = browser();
    my $end = $b->submit($b->get($url), {password => 'new-secret-1'});
    like($end->location, qr{^http://localhost:\d+/_wix/callback$},
         'back to the redirect URI');
    $end = $b->follow($end);
    is($end->status, 200, 'where the login is');
    is(($b->submit($end, {email => $ann, password => 'new-secret-1'}))
        ->status, 303, 'with the new password');
};


subtest 'the same answer for everybody' => sub {
    emu_control(POST => '/config', {recoveryUnknown => '404'});

    my %address = (
        member => $ann, stranger => 'nobody@example.com',
        blocked => 'blocked@wix.test', limited => 'mail-limit@wix.test',
    );

    for my $type ('json', 'form') {
        my $want;

        for my $who (sort keys %address) {
            my $before = recoveries();
            my $res = peer()->post('/_wix/recover',
                                   $type => {email => $address{$who}});
            $want //= whole($res);
            is($res->status, 200, "$type: $who");
            is(whole($res), $want, 'not a byte of difference');
            ok(wait_for { recoveries() == $before + 1 }, 'Wix was asked');
        }
    }

    # Wix is away
    my $asked = recoveries();
    my $want = whole(peer()->post('/_wix/recover', json => {email => $ann}));
    emu_fault('recovery', {type => 'status', status => 503});
    is(whole(peer()->post('/_wix/recover', json => {email => $ann})), $want,
       'whatever Wix says');

    # at once
    emu_fault('recovery', 'hang');
    my $start = time;
    is(whole(peer()->post('/_wix/recover', json => {email => $ann})), $want,
       'and before it says anything');
    ok(time - $start < slow(2), 'at once');

    # these calls are in nobody's way later
    wait_for { recoveries() == $asked + 3 } 10, 'all three calls';
    $emu->release;
};


subtest 'what is no address' => sub {
    my $calls = recoveries();

    for my $email ('', '  ', 'nobody', "a\tb\@c.test", 'x' x 300 . '@c.test')
    {
        my $res = peer()->post('/_wix/recover', json => {email => $email});
        is($res->status, 400, 'refused');
        is(join(' ', keys %{($res->json // {})->{fields} // {}}), 'email',
           'by name');
    }

    my $res = peer()->post('/_wix/recover', form => {email => 'nobody'});
    is($res->status, 400, 'as a page');
    like($res->body, qr/This is not an e-mail address\./, 'that says so');
    is(recoveries(), $calls, 'Wix has not been asked');
};


subtest 'not too often from one place' => sub {
    my $b = peer();

    is($b->post('/_wix/recover', json => {email => "who$_\@example.com"})
        ->status, 200, "number $_") for 1 .. 10;

    for my $email ($ann, 'nobody@example.com') {
        my $res = $b->post('/_wix/recover', json => {email => $email});
        is($res->status . ' ' . (($res->json // {})->{error} // ''),
           '429 too_many_attempts', 'the next');
        ok($res->header('Retry-After') > 0, 'with Retry-After');
    }

    is($b->post('/_wix/recover', form => {email => $ann})->status, 429,
       'nor by form');
    is(peer()->post('/_wix/recover', json => {email => $ann})->status, 200,
       'somebody else may');
};


subtest 'the site\'s own page' => sub {
    my $b = browser(base => 'http://localhost:' . port('URI_PORT'));
    my $res = $b->post('/_wix/recover', form => {email => $ann,
                                                 return => '/shop'});
    is($res->status, 303, 'a redirect');
    is($res->location, '/welcome?state=RECOVERY_EMAIL_SENT&return=%2Fshop',
       'to the page');
    is($b->post('/_wix/recover', form => {email => 'x'})->location,
       '/welcome?error=invalid_request&return=%2F', 'errors, too');
    is_deeply($b->post('/_wix/recover', json => {email => $ann})->json,
              {state => 'RECOVERY_EMAIL_SENT'}, 'JSON as ever');
    is($b->get('/_wix/recover')->status, 200, 'GET shows the built-in page');
};


done_testing();
