#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoint register: the page, the profile by form and by JSON, what is
# refused by us and by Wix, and the states that it may end in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $secret = 'secret-of-new-1';

my $emu = start_emulator(
    member => ['ann@example.com:secret-of-ann-1'],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT WIX_PORT)],
);
start_upstream();

start_nginx(conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%INVISIBLE_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_captcha invisible;
    wix_auth_response_mode web_message;
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

my $n = 0;
sub fresh { return 'fresh-' . $n++ . '@example.com' }

sub api {
    my ($json, %opt) = @_;
    return browser()->post('/_wix/register', json => $json, %opt);
}

sub profile_of {
    my ($email) = @_;
    return emu_control(GET => '/members/' . url_escape($email))->{profile};
}

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return $got;
}


subtest 'the page' => sub {
    my $b = browser();
    my $res = $b->get('/_wix/register?return=%2Fshop%3Fa%3D1');
    is($res->status, 200, 'GET');
    ok($b->cookie('wix_auth_b'), 'begins an attempt');

    my ($form) = $res->forms;
    is($form->{action}, '/_wix/register', 'a form for register');
    is($form->{fields}{return}, '/shop?a=1', 'with the return URL');
    ok(exists $form->{fields}{$_}, "and $_") for qw(email password);
    like($res->body, qr/autocomplete="new-password"/, 'of a new password');
    like($res->body, qr{href="/_wix/login\?return=%2Fshop%3Fa%3D1"},
         'a link to login keeps the way');
    is(browser()->head('/_wix/register')->status, 200, 'HEAD');

    $res = browser(base => 'http://localhost:' . port('WIX_PORT'))
        ->get('/_wix/register');
    is($res->status, 302, 'where Wix shows the form');
    is($res->query('prompt'), 'login', 'it is Wix\'s');
};


subtest 'a registration by form' => sub {
    my ($b, $email) = (browser(), fresh());
    my $res = $b->submit($b->get('/_wix/register?return=%2Fshop'),
        {email => $email, password => $secret});

    is($res->status, 303, 'a redirect');
    like($res->location, qr{^\Q@{[$emu->site]}\E/_api/oauth2/authorize\?},
         'to Wix');
    my $end = $b->follow($res);
    is(($end->json // {})->{uri}, '/shop', 'and back');
    is($b->get('/_wix/session')->json->{member}{email}, $email, 'as who it is');

    $res = $b->get('/_wix/register?return=%2Fx');
    is($res->status, 303, 'a member has nothing to register');
    is($res->location, '/x', 'but goes on');

    # every shape that a form can spell
    $email = fresh();
    $res = browser()->post('/_wix/register', form => {
        email => $email, password => $secret, return => '/',
        'profile.firstName' => 'Ann', 'profile.lastName' => '',
        'profile.privacyStatus' => 'PRIVATE',
        'profile.birthdate' => '1990-02-28',
        'profile.labels[0]' => 'one', 'profile.labels[1]' => 'two',
        'profile.phonesV2[0].phone' => '5551234',
        'profile.phonesV2[0].countryCode' => 'US',
        'profile.phonesV2[0].tag' => 'MOBILE',
        'profile.addresses[0].address.city' => 'Ulm',
        'profile.addresses[0].tag' => 'HOME',
    });
    is($res->status, 303, 'with a profile');
    is_deeply(profile_of($email), {
        firstName => 'Ann', privacyStatus => 'PRIVATE',
        birthdate => '1990-02-28', labels => ['one', 'two'],
        phonesV2 => [{phone => '5551234', countryCode => 'US',
                      tag => 'MOBILE'}],
        addresses => [{address => {city => 'Ulm'}, tag => 'HOME'}],
    }, 'which Wix has, without what was left empty');
};


subtest 'a registration by JSON' => sub {
    my ($b, $email) = (browser(), fresh());
    my $profile = {
        (map { $_ => "x-$_" } qw(firstName lastName nickname language company
                                 position slug vatId)),
        picture => 'https://example.com/p.png',
        privacyStatus => 'PUBLIC', birthdate => '2000-01-31',
        labels => ['a', 'b'],
        secondaryEmails => [{email => 'two@example.com', tag => 'WORK'}],
        phonesV2 => [{countryCode => 'DE', phone => '731-1', tag => 'FAX'}],
        addresses => [{address => {country => 'DE', city => 'Ulm'},
                       tag => 'BILLING'}],
        customFields => [{name => 'shoe', value => {strValue => '44'}}],
    };
    my $res = $b->post('/_wix/register', json => {
        email => " $email ", password => $secret, profile => $profile,
        return => '/x'});

    is($res->status, 200, 'the page is there');
    is(($res->json // {})->{state}, 'SUCCESS', 'SUCCESS');
    is(join(' ', sort keys %{$res->json // {}}), 'redirectUrl state',
       'and nothing more');
    is_deeply(profile_of($email), $profile, 'the whole profile has arrived');

    my $end = $b->follow($b->get($res->json->{redirectUrl}));
    is(($end->json // {})->{uri}, '/x', 'and back');

    for (undef, {}) {
        is((api({email => fresh(), password => $secret, profile => $_})->json
            // {})->{state}, 'SUCCESS',
           defined $_ ? 'an empty profile' : 'no profile');
    }
};


subtest 'what we refuse, by name, before Wix is called' => sub {
    my $calls = emu_count('*');
    my %good = (email => fresh(), password => $secret);

    # [what is changed, fields that are wrong]
    my @json = (
        [{email => undef}, 'email'],
        [{email => 'no address'}, 'email'],
        [{password => ''}, 'password'],
        [{email => undef, password => undef}, 'email password'],
        [{email => 1}, 'email'],
        [{email => {}, password => []}, 'email password'],
        [{captcha => 'x' x 5001}, 'captcha'],
        [{captcha => "a b"}, 'captcha'],
        [{profile => 'x'}, 'profile'],
        [{profile => {nonsense => 1}}, 'profile.nonsense'],
        [{profile => {privacyStatus => 'MAYBE'}}, 'profile.privacyStatus'],
        [{profile => {birthdate => '31.1.2000'}}, 'profile.birthdate'],
        [{profile => {phonesV2 => [{phone => '1', tag => 'PIGEON'}]}},
         'profile.phonesV2[0].tag'],
        [{profile => {firstName => []}, password => ''},
         'password profile.firstName'],
    );

    for (@json) {
        my ($change, $fields) = @$_;
        my $got = is_error(api({%good, %$change}), 400, 'invalid_request',
                           "JSON, wrong is $fields");
        is(join(' ', sort keys %{$got->{fields} // {}}), $fields, 'named');
        like($_, qr/^[A-Z].*\.$/, 'a sentence: ' . $_)
            for values %{$got->{fields} // {}};
    }

    my @form = (
        [{'profile.nonsense' => 'x'}, 'profile.nonsense'],
        [{'profile.privacyStatus' => 'MAYBE', password => ''},
         'password profile.privacyStatus'],
        [{'g-recaptcha-response' => 'x' x 5001}, 'captcha'],
    );

    for (@form) {
        my ($change, $fields) = @$_;
        my $got = is_error(browser()->post('/_wix/register',
            form => {%good, %$change},
            headers => {Accept => 'application/json'}),
            400, 'invalid_request', "form, wrong is $fields");
        is(join(' ', sort keys %{$got->{fields} // {}}), $fields, 'named');
    }

    # login takes no profile
    my $got = is_error(browser()->post('/_wix/login', json => {
        %good, profile => {firstName => 'x'}}), 400, 'invalid_request',
        'a profile for login');
    is(join(' ', keys %{$got->{fields}}), 'profile', 'is named');

    my $res = browser()->post('/_wix/register', form => {
        email => 'no address', password => $secret, return => '/back'});
    is($res->status, 400, 'as a page');
    my ($form) = $res->forms;
    is($form->{action}, '/_wix/register', 'the form again');
    is($form->{fields}{email}, 'no address', 'with the e-mail');
    is($form->{fields}{return}, '/back', 'and the return URL');
    is($form->{fields}{password}, '', 'but no password');
    like($res->body, qr/This is not an e-mail address\./, 'and what is wrong');

    is(emu_count('*'), $calls, 'Wix has heard of none of it');
};


subtest 'what Wix refuses' => sub {
    my $short = {email => fresh(), password => 'x'};
    my $got = is_error(api($short), 400, 'invalid_request',
                       'a password that is too short');
    is(join(' ', keys %{$got->{fields} // {}}), 'password', 'is named');

    my $res = browser()->post('/_wix/register', form => $short);
    is($res->status, 400, 'as a page');
    like($res->body, qr/\Q$got->{fields}{password}\E/, 'says the same');

    my $email = fresh();
    $emu->member(email => $email, password => $secret, registered => \0,
        register => {status => 400, violations => [
            {field => 'loginId.email', description => 'is too fancy'},
            {field => 'profile.slug', description => 'is taken'}]});

    my %body = (email => $email, password => $secret);
    $got = is_error(api(\%body), 400, 'invalid_request', 'two fields');
    is(join(' ', sort keys %{$got->{fields} // {}}),
       'loginId.email profile.slug', 'with the names of Wix');
    like($got->{fields}{'loginId.email'}, qr/is too fancy/, 'and its words');

    $res = browser()->post('/_wix/register', form => \%body);
    is($res->status, 400, 'as a page');
    like($res->body, qr/is too fancy/, 'which tells it beside the field');
    is(($res->forms)[0]{fields}{email}, $email, 'that is kept');

    $got = is_error(api({email => 'ann@example.com', password => $secret}),
                    409, 'email_exists', 'an address that is taken');
    $res = browser()->post('/_wix/register', form => {
        email => 'ann@example.com', password => $secret});
    is($res->status, 409, 'as a page');
    like($res->body, qr/email_exists/, 'with the reason');
};


subtest 'captcha' => sub {
    my %body = (email => 'new-captcha@wix.test', password => $secret);

    my $got = is_error(api(\%body), 403, 'captcha_required', 'is asked for');
    is($got->{captcha}{mode}, 'visible', 'a visible one');
    like($got->{captcha}{siteKey}, qr/^6L\w{38}$/, 'and its key');
    $got = is_error(api({%body, captcha => 'no-good'}), 403,
                    'captcha_invalid', 'a wrong one');
    is($got->{captcha}{mode}, 'visible', 'the next one');

    my $b = browser();
    my $page = $b->get('/_wix/register');
    unlike($page->header('Content-Security-Policy'), qr/google/,
           'a page without');
    my $res = $b->submit($page, \%body);
    is($res->status, 403, 'by form');
    like($res->header('Content-Security-Policy'), qr/www\.google\.com/,
         'now the page may load it');
    like($res->body, qr/6Ld0J8IcAAAAANyrnxzrRlX1xrrdXsOmsepUYosy/,
         'and does');

    $res = $b->submit($res, {%body, email => 'no address',
        'g-recaptcha-response' => 'emulator-captcha-ok'});
    like($res->header('Content-Security-Policy'), qr/www\.google\.com/,
         'the next page, too, whatever is wrong then');

    $res = $b->submit($res, {%body,
        'g-recaptcha-response' => 'emulator-captcha-ok'});
    is($res->status, 303, 'and by its name for it');

    my $email = fresh();
    $emu->member(email => $email, state => 'CAPTCHA', registered => \0);
    is((api({email => $email, password => $secret,
             captcha => 'emulator-captcha-ok'})->json // {})->{state},
       'SUCCESS', 'by JSON');

    # each kind under its own key
    my $invisible = 'http://localhost:' . port('INVISIBLE_PORT');

    for (['', 'Recaptcha', 'InvisibleRecaptcha'],
         [$invisible, 'InvisibleRecaptcha', 'Recaptcha'])
    {
        my ($base, $right, $wrong) = @$_;
        my $c = browser(length $base ? (base => $base) : ());
        my $sent = {email => 'captcha@wix.test',
                    password => 'Emulator-pass-1',
                    captcha => 'emulator-captcha-ok'};

        $emu->configure(captchaKey => $wrong);
        isnt($c->post('/_wix/login', json => $sent)->status, 200,
             "not under $wrong");
        $emu->configure(captchaKey => $right);
        is($c->post('/_wix/login', json => $sent)->status, 200,
           "but under $right");
    }
    $emu->configure(captchaKey => '');
};


subtest 'states' => sub {
    my $res = api({email => 'new-verify@wix.test', password => $secret});
    is(($res->json // {})->{state}, 'REQUIRE_EMAIL_VERIFICATION',
       'verification');
    like($res->json->{stateToken}, qr/^[A-Za-z0-9_-]{60,}$/, 'with a token');

    $res = api({email => 'new-approval@wix.test', password => $secret});
    is_deeply($res->json, {state => 'REQUIRE_OWNER_APPROVAL'}, 'approval');

    $res = browser()->post('/_wix/register', form => {
        email => 'new-approval-state@wix.test', password => $secret});
    is($res->status, 200, 'as a page');
    like($res->body, qr/approv/i, 'that says so');

    my $got = is_error(api({email => 'new-mfa@wix.test',
        password => $secret, return => '/x'}), 501, 'unsupported_state',
        'a state that is not ours');
    is($got->{loginUrl}, '/_wix/login?wix=1&return=%2Fx', 'and the way out');
};


done_testing();
