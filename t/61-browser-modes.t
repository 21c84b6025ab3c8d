#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# How the code comes back, in a real browser that blocks third-party cookies:
# by fragment, by message from a hidden frame, and without the browser.  Wix
# is on 127.0.0.1 and we are on localhost: to the browser two sites.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use WixAuthTest;

BEGIN {
    eval { require WixAuthTest::Browser; 1 }
        or die "no browser can be driven: $@";
    WixAuthTest::Browser::program()
        or die "no Chromium is installed (package chromium)\n";
}

my %ann = (email => 'ann@example.com', password => 'secret-1');
my $emulated = 'Emulator-pass-1';
my %at = map { $_ => 'http://localhost:' . port("${_}_PORT") }
    qw(FRAGMENT WIX FRAME DIRECT);

note_secret(password => $_) for $ann{password}, $emulated;

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { "$_/_wix/callback" } values %at],
);
my $nginx = start_nginx(conf => join '', map { <<"END" }
server {
    listen 127.0.0.1:%%$_->[0]_PORT%%;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth_api %%API%%;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    $_->[1]
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open/ { wix_auth off; }
    location / { }
}
END
    ['FRAGMENT', 'wix_auth_response_mode fragment;'],
    ['WIX', 'wix_auth_response_mode fragment; wix_auth_login wix;'],
    ['FRAME', 'wix_auth_response_mode web_message;'],
    ['DIRECT', 'wix_auth_response_mode direct;']);

mkdir "$nginx->{dir}/html/open";
spew("$nginx->{dir}/html/page.html", '<!DOCTYPE html><html lang="en">'
    . '<title>Members</title><link rel="icon" href="data:,">'
    . '<h2 id="section">Section</h2></html>');
spew("$nginx->{dir}/html/open/spa.html", <<'END');
<!DOCTYPE html><html lang="en"><title>App</title>
<link rel="icon" href="data:,">
<script>
async function logIn(email, password) {
    const response = await fetch('/_wix/login', {
        method: 'POST',
        headers: {'Content-Type': 'application/json'},
        body: JSON.stringify({email, password, return: '/page.html?x=1'})
    });
    const answer = await response.json();
    if (answer.state == 'SUCCESS') location = answer.redirectUrl;
}
</script></html>
END

my $chromium = WixAuthTest::Browser->start(
    dir => temp_dir(), timeout => slow(20),
    third_party_cookies => 0);

# the page waits 15 s for a message; this one is less patient
my $impatient = <<'END';
window.waits = [];
const timeout = window.setTimeout;
window.setTimeout = (call, delay, ...more) => {
    if (delay >= 1000) waits.push(delay);
    return timeout(call, delay >= 1000 ? 100 : delay, ...more);
};
END


subtest 'fragment: the login page of Wix' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{WIX}/page.html?x=1");
    like($tab->js('location.href'), qr/^\Q${\$emu->site}\E/, 'at Wix');

    $tab->fill(%ann);
    $tab->press;
    arrives($tab, "$at{WIX}/page.html?x=1");

    my ($post) = grep { $_->{method} eq 'POST'
        && $_->{url} eq "$at{WIX}/_wix/callback" } $tab->requests;
    ok($post, 'the page has posted what was in the fragment');
    is(scalar(grep { $_->{url} =~ /[?&]code=/ } $tab->requests), 0,
       'no code in any address that a server sees');
    clean($tab);

    $tab->js('history.back()');
    ok($tab->wait_for("location.origin != '$at{WIX}'"
                      . ' || location.pathname != "/page.html"'),
       'the way back leads elsewhere');
    unlike($tab->js('location.href'), qr/code=/, 'and to no code');
};


subtest 'fragment: an app of the site' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{FRAGMENT}/open/spa.html");
    $tab->js("logIn('$ann{email}', '$ann{password}')");
    arrives($tab, "$at{FRAGMENT}/page.html?x=1");
    is(scalar(grep { $_->{url} =~ /[?&]code=/ } $tab->requests), 0,
       'no code in any address that a server sees');
    clean($tab);

    # somebody came without an answer
    my $other = $chromium->tab(context => 1);
    $other->go("$at{FRAGMENT}/_wix/callback#nothing=1");
    ok($other->wait_for('location.pathname == "/_wix/login"'),
       'a fragment that says nothing leads to the login');
    clean($other);
};


subtest 'fragment: our own form' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{FRAGMENT}/page.html#section");
    $tab->fill(%ann);
    $tab->press;
    arrives($tab, "$at{FRAGMENT}/page.html#section");
    clean($tab);
};


subtest 'no mode needs a script' => sub {
    for my $mode (qw(FRAGMENT FRAME DIRECT)) {
        my $tab = $chromium->tab(context => 1)->without_scripts;

        $tab->go("$at{$mode}/page.html?x=1");
        $tab->fill(%ann);
        $tab->send;
        arrives($tab, "$at{$mode}/page.html?x=1");
        clean($tab);
    }
};


subtest 'direct' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{DIRECT}/page.html#section");
    $tab->fill(%ann);
    $tab->press;
    arrives($tab, "$at{DIRECT}/page.html#section");
    is(scalar(grep { $_->{url} !~ /^\Q$at{DIRECT}\E/ } $tab->requests), 0,
       'the browser has asked nobody else');
    clean($tab);
};


subtest 'web_message' => sub {
    my $tab = $chromium->tab(context => 1);

    # Wix remembers the browser, when it is there
    $tab->go($emu->site . '/');
    $tab->js('document.cookie = "seen=1; SameSite=None; Secure"');
    $tab->go($emu->site . '/');
    is(scalar(grep { lc $_ eq 'cookie' }
              @{($emu->log_entries('site-home'))[-1]{headers}}), 1,
       'Wix has a cookie');

    $tab->go("$at{FRAME}/page.html#section");
    $tab->fill(email => $ann{email}, password => 'wrong');
    $tab->press;
    ok($tab->wait_for('document.getElementById("alert").textContent'),
       'a wrong password');
    is($tab->seen('.alert, .problem'),
       'The e-mail address or the password is wrong.', 'is told');
    is($tab->js('document.activeElement.id'), 'password', 'where it is wrong');
    is($tab->js('document.querySelector("[type=submit]").disabled'), 0,
       'and the button works again');
    clean($tab, qr/^network error: .* 401 /);

    my $before = $tab->{loads};
    $tab->forget;
    $emu->clear_log;
    $tab->fill(%ann);
    $tab->press;
    $tab->press;
    arrives($tab, "$at{FRAME}/page.html#section");
    is($tab->{loads}, $before + 1, 'with no page between');

    is($emu->count('login'), 1, 'a second click does nothing');
    my ($frame, @more) = $emu->log_entries('authorize');
    is(scalar(@more), 0, 'Wix was asked once');
    is(scalar(grep { lc $_ eq 'cookie' } @{$frame->{headers}}), 0,
       'in a frame that has no cookie (62-browser-flows.t has the other)');
    is(scalar(grep { $_->{url} eq "$at{FRAME}/_wix/callback"
                     && $_->{method} eq 'POST' } $tab->requests), 1,
       'the code is posted');
    clean($tab);
};


subtest 'web_message: a new account and its verification' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{FRAME}/_wix/register?return=%2Fpage.html#section");
    $tab->fill(email => 'new-ann@wix.test', password => 'x');
    $tab->press;
    ok($tab->wait_for('document.getElementById("password-error").textContent'),
       'a password that is too short');
    is($tab->js('document.activeElement.id'), 'password', 'is told there');
    is($tab->js('document.activeElement.getAttribute("aria-invalid")'),
       'true', 'and to who cannot see it');

    $emu->member(email => 'mail@example.com', state => 'VERIFY',
                 registered => JSON::PP::false());
    $tab->fill(email => 'mail@example.com', password => 'Secret-of-mail-1',
               'profile.firstName' => 'Ann');
    $tab->press;
    ok($tab->wait_for('document.querySelector("h1").textContent'
                      . ' == "Confirm your email"'), 'the code is asked for');
    is($tab->js('document.activeElement.name'), 'code', 'where the focus is');
    is($emu->count('register', email => 'mail@example.com'), 1,
       'by one registration');

    $tab->fill(code => '000000');
    $tab->press;
    ok($tab->wait_for('/wrong/.test(document.getElementById("alert")'
                      . '.textContent)'), 'a wrong code is told');

    $tab->fill(code => $emu->mailed_code('mail@example.com'));
    $tab->press;
    arrives($tab, "$at{FRAME}/page.html#section");
    clean($tab, qr/^network error: .* 400 /);
};


subtest 'web_message: a login that does not end in one' => sub {
    my $tab = $chromium->tab(context => 1);

    $emu->clear_log;
    $tab->go("$at{FRAME}/_wix/login");
    $tab->fill(email => 'approval-state@wix.test', password => $emulated);
    $tab->press;
    ok($tab->wait_for('document.querySelector("h1").textContent'
                      . ' == "Waiting for approval"'), 'a member who waits');
    is($tab->js('document.querySelectorAll("form").length'), 0,
       'has nothing to fill in');
    is($emu->count('login'), 1, 'and was sent once');
    clean($tab);

    $tab->go("$at{FRAME}/_wix/login");
    $tab->fill(email => 'mfa@wix.test', password => $emulated);
    $tab->press;
    ok($tab->wait_for('document.querySelector("#alert a")'),
       'a step that we have no page for');
    clean($tab, qr/^network error: .* 501 /);
    $tab->load(sub { $tab->js('document.querySelector("#alert a").click()') });
    like($tab->js('location.href'), qr/^\Q${\$emu->site}\E/,
         'is taken at Wix');
};


subtest 'web_message: no message comes' => sub {
    my $tab = $chromium->tab(context => 1);
    $tab->before($impatient);

    silence();
    $tab->go("$at{FRAME}/page.html#section");
    $tab->fill(%ann);
    $emu->clear_log;
    $tab->js('addEventListener("pagehide", () => '
             . 'sessionStorage.waits = JSON.stringify(waits))');
    $tab->press;
    arrives($tab, "$at{FRAME}/page.html#section");
    is($tab->js('sessionStorage.waits'), '[15000]', 'after 15 seconds');
    is($emu->count('login'), 2, 'by the form itself');
    clean($tab);

    # what is done once is not done again
    my $new = $chromium->tab(context => 1);
    $new->before($impatient);

    silence();
    $new->go("$at{FRAME}/_wix/register?return=%2Fpage.html");
    $new->fill(email => 'second@example.com', password => 'Secret-of-two-2');
    $emu->clear_log;
    $new->press;
    arrives($new, "$at{FRAME}/page.html");
    is($emu->count('register'), 1, 'an account is made once');
    is($emu->count('login'), 1, 'and logged in to');
    clean($new);
};


# What is not Wix's answer to this login is not heard, and Wix's refusal ends
# the waiting at once.

subtest 'web_message: messages of others' => sub {
    my $tab = $chromium->tab(context => 1);

    frame_says(<<'END');
const state = new URLSearchParams(location.search).get('state');
const say = message => parent.postMessage(message, '*');
say({code: 'other-state', state: 'other'});
say({code: 'no-state'});
say(JSON.stringify({code: 'a-string', state}));
say(null);
say({response: {code: 'other-state', state: 'other'}});
const inner = document.createElement('iframe');
document.body.append(inner);
const script = inner.contentDocument.createElement('script');
script.textContent = 'top.postMessage({code: "other-frame", state: "'
    + state + '"}, "*")';
inner.contentDocument.body.append(script);
addEventListener('message', event =>
    event.data == 'go' && say({state, error: 'access_denied'}));
END

    $tab->go("$at{FRAME}/page.html#section");
    $tab->js(<<'END');
window.heard = [];
addEventListener('message', e => heard.push(e.data && e.data.code));
0
END
    $tab->fill(%ann);
    $tab->press;
    ok($tab->wait_for('window.heard.includes("other-frame")'),
       'messages have come');
    is($tab->js('!!document.querySelector("iframe")'), 1,
       'that are not taken') or return;

    # the page's own window; the policy keeps the frame from becoming one of
    # another origin, so that one is made up
    $tab->js(<<'END');
(() => {
    const frame = document.querySelector('iframe');
    const state = new URL(frame.src).searchParams.get('state');
    for (const origin of ['https://evil.test', location.origin, 'null', ''])
        dispatchEvent(new MessageEvent('message', {
            data: {code: 'other-origin', state}, origin,
            source: frame.contentWindow}));
    window.postMessage({code: 'own-window', state}, '*');
})()
END
    ok($tab->wait_for('heard.includes("own-window")'), 'another one');
    is($tab->js('!!document.querySelector("iframe")'), 1,
       'the page still waits');
    is(scalar(grep { $_->{url} =~ m{/_wix/callback} } $tab->requests), 0,
       'for none of them is an answer');

    $emu->clear_log;
    $tab->js('document.querySelector("iframe").contentWindow'
             . '.postMessage("go", "*")');
    arrives($tab, "$at{FRAME}/page.html#section");
    is($emu->count('token.authorization_code'), 1,
       'the full-page login exchanges the only code');
    clean($tab);
};


subtest 'web_message: Wix asks for a captcha' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->captcha('emulator-captcha-ok');
    $tab->go("$at{FRAME}/_wix/login?return=%2Fpage.html#section");
    $tab->fill(email => 'captcha@wix.test', password => $emulated);
    $tab->load(sub { $tab->press });
    is($tab->js('!!document.querySelector(".g-recaptcha")'), 1,
       'the form comes back with one');
    ok($tab->wait_for('document.querySelector("[name=g-recaptcha-response]")'),
       'which is solved');

    $tab->fill(password => $emulated);
    $tab->press;
    arrives($tab, "$at{FRAME}/page.html#section");
    clean($tab, qr/^network error: .* 403 /);
};

$chromium->stop;
done_testing();


sub arrives {
    my ($tab, $url) = @_;

    ok($tab->wait_for('document.title == "Members"'
                      . ' && document.readyState == "complete"'),
       'a member\'s page')
        or diag($tab->js('location.href + " " + document.body.innerText'));
    is($tab->js('location.href'), $url, 'the one that was wanted');
    return;
}

# the next frame holds no script of Wix
sub silence { return frame_says('') }

sub frame_says {
    my ($script) = @_;

    return $emu->fault(authorize => {
        type => 'body', contentType => 'text/html',
        body => "<!DOCTYPE html><body><script>$script</script>"});
}

# nothing about our pages in the console, and nobody else was asked
sub clean {
    my ($tab, $expected) = @_;

    my @complaints = grep { !$expected || $_ !~ $expected }
        grep { !/^\w+ info: / && !m{ \Q${\$emu->site}\E/} }
        $tab->complaints;
    is(join("\n", @complaints), '', 'no complaint in the console');

    my @foreign = grep {
        $_ !~ m{^http://(?:localhost|127\.0\.0\.1):\d+/|^data:|^about:}
    } map { $_->{url} } $tab->requests;
    is("@foreign", '', 'nobody else was asked') if !$tab->google;

    return;
}
