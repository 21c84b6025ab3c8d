#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# A member's whole life in a real browser: registration, verification,
# recovery, logout; with and without scripts, with a captcha, with pages of
# the site's own.  WIX_AUTH_TEST_PICTURES=dir keeps pictures of the pages.

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
    qw(PLAIN VISIBLE INVISIBLE OWN FRAME);

note_secret(password => $_) for $ann{password}, $emulated;

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { "$_/_wix/callback" } values %at],
);

my $own = temp_dir() . '/own';
mkdir $own;
(my $page = <<'END') =~ s/\n/\r\n/g;
<!DOCTYPE html>
<html lang="de"><title>Anmelden</title>
<!-- <script> in a comment is none -->
<style>
h1 { color: rgb(1, 2, 3); }
</style>
<h1 title="{{ email }}">{{email}}</h1><p id="alert">{{message}}</p>
<form method="post" action="{{action}}">
<input type="hidden" name="return" value="{{return}}">
<input type="email" name="email" value='{{email}}' autocomplete="username">
<input type="password" name="password" autocomplete="current-password">
<button type="submit">Los</button></form>
<p id="fields">{{fields.email}}</p>
<SCRIPT type="text/javascript">
/* two
   lines */
document.documentElement.dataset.ran = "1";
</SCRIPT>
</html>
END
spew("$own/login.html", $page);

# the site behind: a page that says who reads it, and may be kept
my $account = <<'END';
server {
    listen 127.0.0.1:%%ACCOUNT_PORT%%;
    default_type text/html;
    location / {
        add_header Cache-Control max-age=600;
        return 200 '<!DOCTYPE html><html lang="en"><title>Account</title>
<link rel="icon" href="data:,"><p>Account of $http_x_member</p></html>';
    }
}
END

my $nginx = start_nginx(vars => {OWN => $own},
                        conf => join '', (map { <<"END" }
server {
    listen 127.0.0.1:%%$_->[0]_PORT%%;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth_api %%API%%;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_logout_redirect /open/bye.html;
    wix_auth required;
    $_->[1]
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open/ { wix_auth off; }
    location = /account {
        proxy_pass http://127.0.0.1:%%ACCOUNT_PORT%%;
        proxy_set_header X-Member \$wix_auth_email;
    }
    location / { }
}
END
    ['PLAIN', ''],
    ['VISIBLE', 'wix_auth_captcha visible;'],
    ['INVISIBLE', 'wix_auth_captcha invisible;'],
    ['OWN', 'wix_auth_pages %%OWN%%;'],
    ['FRAME', 'wix_auth_response_mode web_message;']), $account);

my $html = '<!DOCTYPE html><html lang="en"><title>%s</title>'
    . '<link rel="icon" href="data:,"><p>%s</p>'
    . '<h2 id="section">Section</h2></html>';
mkdir "$nginx->{dir}/html/open";
spew("$nginx->{dir}/html/$_.html",
     sprintf $html, 'Members', 'Only for members') for 'page', 'index';
spew("$nginx->{dir}/html/open/bye.html", sprintf $html, 'Bye', 'Bye');

my $chromium = WixAuthTest::Browser->start(
    dir => temp_dir(), timeout => slow(20), third_party_cookies => 1);


# autofocus comes when the browser gets to it
sub focused {
    my ($tab, $name) = @_;
    return wait_for {
        ($tab->js('document.activeElement.name') // '') eq $name
    } 5, "the focus on $name";
}


subtest 'a new account, with the code from a mail' => sub {
    my $tab = $chromium->tab(context => 1);
    my %new = (email => 'new@example.com', password => 'Secret-of-new-1');
    note_secret(password => $new{password});

    $emu->member(email => $new{email}, state => 'VERIFY',
                 registered => JSON::PP::false());

    $tab->go("$at{PLAIN}/page.html?x=1#section");
    $tab->load(sub { click($tab, 'Create an account') });
    is($tab->js('location.hash'), '#section',
       'the link to the registration keeps the fragment');
    ok(focused($tab, 'email'), 'the focus');

    # key by key, as a person goes through it
    $tab->type($new{email})->key('Tab')->type('x');
    $tab->key('Tab')->type('Ann')->key('Tab')->type('Example')->key('Tab');
    is($tab->js('document.activeElement.type'), 'submit', 'the button');
    $tab->load(sub { $tab->key('Enter') });

    is($tab->seen('.alert, .problem'), 'This password is too short.',
       'what is wrong is said once');
    is($tab->js('document.activeElement.name'), 'password',
       'the focus is where it is wrong');
    is($tab->js('document.activeElement.getAttribute("aria-describedby")'),
       'password-error alert', 'and described');
    is($tab->js('document.getElementById("email").value'), $new{email},
       'what was right is kept');
    clean($tab, qr/^network error: .* 400 /);
    $tab->forget;

    $tab->fill(%new);
    $tab->send;
    is($tab->seen('h1'), 'Confirm your email', 'a code is asked for');
    ok(focused($tab, 'code'), 'on the code');
    is($tab->js('document.activeElement.autocomplete'), 'one-time-code',
       'and can be filled in by the browser');
    is($tab->js('document.activeElement.inputMode'), 'numeric', 'a number');

    $tab->type('000000');
    $tab->load(sub { $tab->key('Enter') });
    is($tab->seen('.alert'), 'The code is wrong or has expired.',
       'a wrong code');

    $tab->js('document.querySelector("summary").click()');
    is($tab->js('document.getElementById("resend-email").value'),
       $new{email}, 'another mail goes to the same address');

    $tab->fill(code => $emu->mailed_code($new{email}));
    $tab->send;
    is($tab->js('location.href'), "$at{PLAIN}/page.html?x=1#section",
       'and the page that was wanted');
    clean($tab, qr/^network error: .* 400 /);
};


subtest 'a code that did not come' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{PLAIN}/page.html#section");
    $tab->fill(email => 'verify@wix.test', password => $emulated);
    $tab->send;
    is($tab->seen('h1'), 'Confirm your email', 'a code is asked for');
    ok(!$tab->js('document.getElementById("resend-password")'
                 . '.checkVisibility()'), 'the other form is folded');

    $tab->js('document.querySelector("summary").click()');
    $tab->js("document.getElementById('resend-password').value = '$emulated'");
    $tab->load(sub { click($tab, 'Send a new code') });
    is($tab->status, 429, 'another mail at once is refused');
    like($tab->seen('.alert'), qr/\w/, 'with a sentence');
    clean($tab, qr/^network error: .* 429 /);
};


subtest 'an account that waits for approval, and one for more' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{PLAIN}/page.html#section");
    $tab->fill(email => 'approval-state@wix.test', password => $emulated);
    $tab->send;
    is($tab->seen('h1'), 'Waiting for approval', 'is told so');
    $tab->load(sub { click($tab, 'Back to log in') });

    $tab->fill(email => 'mfa@wix.test', password => $emulated);
    $tab->send;
    is($tab->seen('.button'), 'Continue at the Wix login page',
       'a step that we have no page for');
    $tab->load(sub { click($tab, 'Continue at the Wix login page') });
    like($tab->js('location.href'), qr/^\Q${\$emu->site}\E/,
         'is taken at Wix');
    clean($tab, qr{^network error: .* 501 | \Q${\$emu->site}\E/});
};


subtest 'a password that was forgotten' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$at{PLAIN}/page.html#section");
    my %said;

    for my $email ('nobody@example.com', $ann{email}) {
        $tab->load(sub { click($tab, 'Forgot your password?') });
        $tab->fill(email => $email);
        $tab->send;
        is($tab->status, 200, 'status');
        is($tab->js('document.querySelector("form").checkVisibility()'), 0,
           'the form is gone');
        $said{$tab->js('document.body.innerText')}++;
        $tab->load(sub { click($tab, 'Back to log in') });
    }

    is(scalar(keys %said), 1, 'the same for every address');
    like((keys %said)[0],
         qr/If an account exists for this address, a mail is on its way\./,
         'and neutral');
    clean($tab);

    my $url;
    wait_for(sub {
        $url = eval { $emu->control(GET => '/members/'
            . url_escape($ann{email}) . '/recovery')->{url} };
    });
    $tab->go($url);
    my $new = 'Recovered-secret-1';
    note_secret(password => $new);
    $tab->js('for (const e of document.querySelectorAll("[type=password]"))'
             . " e.value = '$new'");
    $tab->load(sub { $tab->press });
    ok($tab->wait_for('location.pathname == "/_wix/login"'),
       'after the new password one is at the login');
    $tab->fill(email => $ann{email}, password => $new);
    $tab->send;
    ok(scalar(grep { $_->{name} eq '__Host-wix_auth' }
              $tab->cookies($at{PLAIN})), 'which takes it');
    clean($tab, qr{ \Q${\$emu->site}\E/});

    $emu->member(email => $ann{email}, password => $ann{password});
};


subtest 'after the logout' => sub {
    my $tab = $chromium->tab(context => 1);
    my $private = qr/Only for members|\Q$ann{email}\E/;

    $tab->go("$at{PLAIN}/page.html");
    $tab->fill(%ann);
    $tab->send;
    is($tab->seen('p'), 'Only for members', 'a member\'s page');
    $tab->go("$at{PLAIN}/account");
    is($tab->seen('p'), "Account of $ann{email}", 'and one with the name');

    # the browser may keep both, alive or in its cache
    $tab->go("$at{PLAIN}/page.html?again");
    $tab->go("$at{PLAIN}/_wix/logout");
    $tab->send;
    is($tab->js('document.title'), 'Bye', 'logged out');

    for my $page ('page.html?again', 'account', 'page.html') {
        my ($entry) = grep { $_->{url} eq "$at{PLAIN}/$page" }
            @{$tab->call('Page.getNavigationHistory')->{entries}};

        ok($entry, "$page is still in the history") or next;
        $tab->js('window.left = 0');
        $tab->call('Page.navigateToHistoryEntry', {entryId => $entry->{id}});
        ok($tab->wait_for('window.left === undefined'
                          . ' && document.readyState == "complete"'),
           'the way back leads somewhere');
        is($tab->js('location.pathname'), '/_wix/login', 'to a login');
        unlike($tab->js('document.documentElement.textContent'), $private,
               'and not to what is a member\'s');
    }
    clean($tab, qr/^network error: .* 405 /);
};


subtest 'without scripts' => sub {
    my $tab = $chromium->tab(context => 1)->without_scripts;

    $tab->go("$at{PLAIN}/page.html?x=1");
    ok(focused($tab, 'email'), 'the focus');
    $tab->type($ann{email})->key('Tab')->type('wrong');
    $tab->load(sub { $tab->key('Enter') });
    is($tab->seen('.alert'), 'The e-mail address or the password is wrong.',
       'a wrong password');

    $tab->load(sub { click($tab, 'Create an account') });
    $tab->fill(email => 'plain@example.com', password => 'x');
    $tab->send;
    is($tab->seen('.alert, .problem'), 'This password is too short.',
       'a registration that is refused');

    $tab->load(sub { click($tab, 'Log in') });
    $tab->load(sub { click($tab, 'Forgot your password?') });
    $tab->fill(email => 'plain@example.com');
    $tab->send;
    like($tab->seen('.after'), qr/a mail is on its way/, 'recovery');
    is($tab->js('document.querySelector("form").checkVisibility()'), 0,
       'without the form');
    $tab->load(sub { click($tab, 'Back to log in') });

    $tab->fill(email => 'verify@wix.test', password => $emulated);
    $tab->send;
    $tab->fill(code => $emu->mailed_code('verify@wix.test'));
    $tab->send;
    is($tab->js('location.href'), "$at{PLAIN}/page.html?x=1",
       'a login with a code');
    clean($tab, qr/^network error: .* 40[01] /);

    # a new account
    my %new = (email => 'paper@example.com', password => 'Secret-of-paper-1');
    note_secret(password => $new{password});
    $emu->member(email => $new{email}, state => 'VERIFY',
                 registered => JSON::PP::false());

    $tab = $chromium->tab(context => 1)->without_scripts;
    $tab->go("$at{PLAIN}/page.html?x=2");
    $tab->load(sub { click($tab, 'Create an account') });
    $tab->fill(%new, 'profile.firstName' => 'Ann');
    $tab->send;
    is($tab->seen('h1'), 'Confirm your email', 'a registration');
    $tab->fill(code => '000000');
    $tab->send;
    is($tab->seen('.alert'), 'The code is wrong or has expired.',
       'a wrong code');
    $tab->fill(code => $emu->mailed_code($new{email}));
    $tab->send;
    is($tab->js('location.href'), "$at{PLAIN}/page.html?x=2", 'the right one');
    is($emu->control(GET => '/members/' . url_escape($new{email}))
           ->{profile}{firstName}, 'Ann', 'with a profile');
    clean($tab, qr/^network error: .* 400 /);

    $tab->go("$at{PLAIN}/_wix/logout");
    $tab->send;
    is($tab->js('document.title'), 'Bye', 'logout');

    $tab->go("$at{VISIBLE}/_wix/register");
    like($tab->seen('.note'), qr/JavaScript/,
         'a captcha is impossible, and the page says so');
    clean($tab, qr/^network error: .* 40[05] /);
};


subtest 'a captcha that is seen' => sub {
    my $tab = $chromium->tab(context => 1)->captcha('emulator-captcha-ok');

    $emu->configure(captcha => 'visible');

    # a slow machine shows the page before all of it is there
    $tab->call('Emulation.setCPUThrottlingRate', {rate => 20});
    $tab->look(width => 1000, height => 800, scheme => 'light');
    $tab->go("$at{VISIBLE}/page.html#section");
    ok($tab->wait_for('document.querySelector("[name=g-recaptcha-response]")'),
       'Google\'s script draws it');
    is($tab->js('document.querySelector(".g-recaptcha").dataset.sitekey'),
       '6Ld0J8IcAAAAANyrnxzrRlX1xrrdXsOmsepUYosy', 'with the key');
    cmp_ok($tab->shifted, '<', .001, 'and nothing moves');
    ok($tab->wait_for('performance.getEntriesByType("resource")'
                      . '.some(e => e.name.includes("/clr"))'),
       'what it loads and asks is allowed');

    $tab->fill(%ann);
    $tab->send;
    is($tab->js('location.href'), "$at{VISIBLE}/page.html#section",
       'Wix takes its answer');
    $emu->configure(captcha => 'off');
    clean($tab);

    my ($login) = $tab->google;
    is($login, 'https://www.google.com/recaptcha/enterprise.js', 'script');

    $tab->delete_cookie($at{VISIBLE}, '__Host-wix_auth');
    $tab->look(width => 360, height => 700, scheme => 'dark');
    $tab->go("$at{VISIBLE}/_wix/register");
    ok($tab->wait_for('document.querySelector("[name=g-recaptcha-response]")'),
       'on a telephone');
    is($tab->js('document.querySelector(".g-recaptcha").dataset.theme'
                . '+ document.querySelector(".g-recaptcha").dataset.size'),
       'darkcompact', 'it is small, and dark');
    cmp_ok($tab->shifted, '<', .001, 'and nothing moves');
    is(wide($tab), 0, 'nothing to scroll sideways');
    clean($tab);
};


subtest 'a captcha that is not seen' => sub {
    my $tab = $chromium->tab(context => 1)->captcha('emulator-captcha-ok');
    my $key = '6LdoPaUfAAAAAJphvHoUoOob7mx0KDlXyXlgrx5v';

    $emu->configure(captcha => 'invisible');
    $tab->go("$at{INVISIBLE}/page.html#section");
    $tab->fill(email => $ann{email}, password => 'wrong');
    $tab->send;
    is($tab->seen('.alert'), 'The e-mail address or the password is wrong.',
       'an error');
    is($tab->js('sessionStorage.executed'), qq([["$key","login"]]),
       'was after the check');

    $tab->fill(%ann);
    $tab->send;
    is($tab->js('location.href'), "$at{INVISIBLE}/page.html#section",
       'each try has an answer of its own');

    $tab->delete_cookie($at{INVISIBLE}, '__Host-wix_auth');
    $tab->go("$at{INVISIBLE}/_wix/register?return=%2Fpage.html");
    $tab->fill(email => 'robot@example.com', password => 'Secret-of-robot-1');
    $tab->send;
    is($tab->js('document.title'), 'Members', 'a registration');
    is($tab->js('sessionStorage.executed'), qq([["$key","register"]]),
       'is another action');
    is(($tab->google)[0],
       "https://www.google.com/recaptcha/enterprise.js?render=$key", 'script');
    $emu->configure(captcha => 'off');
    clean($tab, qr/^network error: .* 401 /);
};


subtest 'a captcha that only Wix wants' => sub {
    my $tab = $chromium->tab(context => 1)->captcha('emulator-captcha-ok');

    $tab->go("$at{PLAIN}/page.html#section");
    $tab->fill(email => 'captcha@wix.test', password => $emulated);
    $tab->send;
    is($tab->status, 403, 'asked for');
    ok($tab->wait_for('document.querySelector("[name=g-recaptcha-response]")'),
       'it is on the next form');

    $tab->fill(password => $emulated);
    $tab->send;
    is($tab->js('location.href'), "$at{PLAIN}/page.html#section",
       'and its answer is taken');
    clean($tab, qr/^network error: .* 403 /);
};


# the other half of what 61-browser-modes.t does in a browser that blocks them

subtest 'a frame with third-party cookies' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go($emu->site . '/');
    $tab->js('document.cookie = "seen=1; SameSite=None; Secure"');

    $tab->go("$at{FRAME}/page.html#section");
    $tab->fill(%ann);
    $emu->clear_log;
    $tab->press;
    ok($tab->wait_for('document.title == "Members"'), 'a login')
        or diag($tab->js('location.href'));
    is($tab->js('location.href'), "$at{FRAME}/page.html#section",
       'ends at the page that was wanted');

    my ($frame, @more) = $emu->log_entries('authorize');
    is(scalar(@more), 0, 'Wix was asked once');
    is(scalar(grep { lc $_ eq 'cookie' } @{$frame->{headers}}), 1,
       'by a frame that has its cookie');
    clean($tab);
};


subtest 'pages of the site' => sub {
    my $tab = $chromium->tab(context => 1);
    my $evil = q{"'><img/src=x/onerror=alert(1)>@x};

    $tab->go("$at{OWN}/page.html");
    is($tab->js('document.title'), 'Anmelden', 'a page of its own');
    is($tab->js('document.documentElement.dataset.ran'), 1,
       'its script runs');
    is($tab->js('getComputedStyle(document.querySelector("h1")).color'),
       'rgb(1, 2, 3)', 'its style is in force');

    $tab->fill(email => $evil, password => 'wrong');
    $tab->js('document.querySelector("form").noValidate = true');
    $tab->send;
    is($tab->js('document.querySelector("h1").textContent'), $evil,
       'a value is text');
    is($tab->js('document.querySelector("h1").title'), $evil,
       'in an attribute');
    is($tab->js('document.querySelector("[name=email]").value'), $evil,
       'in single quotes');
    is($tab->js('document.images.length'), 0, 'and nothing but text');

    $tab->fill(%ann);
    $tab->send;
    is($tab->js('document.title'), 'Members', 'the form works');
    clean($tab, qr/^network error: .* 40[01] /);

    $tab->delete_cookie($at{OWN}, '__Host-wix_auth');
    $tab->go("$at{OWN}/_wix/register");
    is($tab->seen('h1'), 'Create an account', 'a page that is missing is ours');
    clean($tab, qr/^network error: .* 40[01] /);
};


subtest 'how it looks' => sub {
    my $pictures = $ENV{WIX_AUTH_TEST_PICTURES};
    my $tab = $chromium->tab(context => 1);

    $emu->member(email => 'look@example.com', password => $emulated,
                 state => 'VERIFY');

    my %shown = (
        register => sub { $tab->go("$at{PLAIN}/_wix/register") },
        refused => sub {
            $tab->go("$at{PLAIN}/_wix/register");
            $tab->fill(email => 'an.address.that.is.rather.long@example.com',
                       password => 'x');
            $tab->send;
        },
        verify => sub {
            $tab->go("$at{PLAIN}/_wix/login");
            $tab->fill(email => 'look@example.com', password => $emulated);
            $tab->send;
            $tab->js('document.querySelector("details").open = true');
        },
        recover => sub { $tab->go("$at{PLAIN}/_wix/recover") },
        recovered => sub {
            $tab->go("$at{PLAIN}/_wix/recover");
            $tab->fill(email => 'nobody@example.com');
            $tab->send;
        },
        pending => sub {
            $tab->go("$at{PLAIN}/_wix/login");
            $tab->fill(email => 'approval-state@wix.test',
                       password => $emulated);
            $tab->send;
        },
        'signed-out' => sub { $tab->go("$at{PLAIN}/_wix/logout") },
    );

    for ([320, 640, 'light'], [1280, 800, 'dark']) {
        my ($width, $height, $scheme) = @$_;
        $tab->look(width => $width, height => $height, scheme => $scheme);

        for my $name (sort keys %shown) {
            my $what = "$name, $scheme, $width px";
            $shown{$name}->();

            is(wide($tab), 0, "$what: nothing to scroll sideways");
            is($tab->contrasts, '', "$what: can be read");
            is($tab->labels, '', "$what: every field has a name");
            cmp_ok($tab->shifted, '<', .001, "$what: nothing moves")
                if $name ne 'verify';

            $tab->screenshot("$pictures/$name-$scheme-$width.png")
                if $pictures;
        }
    }
    clean($tab, qr/^network error: .* 40[05] /);
};

$chromium->stop;
done_testing();


# what a person would click on
sub click {
    my ($tab, $text) = @_;

    $tab->js('[...document.querySelectorAll("a, button")].find('
             . "e => e.innerText == '$text').click()");
    return;
}

sub wide {
    return $_[0]->js('+(document.scrollingElement.scrollWidth > '
                     . 'document.documentElement.clientWidth)');
}

# nothing in the console, and nobody else was asked
sub clean {
    my ($tab, $expected) = @_;

    my @complaints = grep { !$expected || $_ !~ $expected }
        grep { !/^\w+ info: / } $tab->complaints;
    is(join("\n", @complaints), '', 'no complaint in the console');

    my @foreign = grep {
        $_ !~ m{^http://(?:localhost|127\.0\.0\.1):\d+/|^data:}
    } map { $_->{url} } $tab->requests;
    is("@foreign", '', 'nobody else was asked') if !$tab->google;

    return;
}
