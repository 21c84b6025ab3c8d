#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# A person with a real browser: what is typed, what is seen, where one ends.
# WIX_AUTH_TEST_PICTURES=dir keeps pictures of the pages.

use strict;
use warnings;

use FindBin;
use List::Util ();
use lib "$FindBin::Bin/lib";
use WixAuthTest;

BEGIN {
    # of the packages that the emulator needs anyway
    eval { require WixAuthTest::Browser; 1 }
        or die "no browser can be driven: $@";
    WixAuthTest::Browser::program()
        or die "no Chromium is installed (package chromium)\n";
}

my %ann = (email => 'ann@example.com', password => 'secret-1');
my $site = 'http://localhost:' . port('PORT');
my $wix_site = 'http://localhost:' . port('WIX_PORT');

note_secret(password => $ann{password});

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { "$_/_wix/callback" } $site, $wix_site],
);
my $nginx = start_nginx(conf => join '', map { <<"END" }
server {
    listen 127.0.0.1:%%$_->[0]%%;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth_api %%API%%;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_logout_redirect /open/bye.html;
    wix_auth required;
    $_->[1]
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open/ { wix_auth off; }
    location / { }
    location /tab/ { try_files /page.html =404; }
}
END
    ['PORT', ''],
    # one host has one jar of cookies, whatever the port
    ['WIX_PORT', 'wix_auth_login wix sso; wix_auth_cookie __Host-wix_other;']);

my $page = '<!DOCTYPE html><html lang="en"><title>%s</title>'
    . '<link rel="icon" href="data:,"><p>Only for members</p>'
    . '<h2 id="section">Section</h2></html>';
mkdir "$nginx->{dir}/html/open";
spew("$nginx->{dir}/html/$_.html", sprintf $page, 'Members')
    for 'page', 'index';
spew("$nginx->{dir}/html/open/bye.html", sprintf $page, 'Bye');

my $chromium = WixAuthTest::Browser->start(
    dir => temp_dir(), timeout => slow(20));


subtest 'a login with the keyboard' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html?a=1&b=%C3%A4");

    like($tab->js('location.href'),
         qr{^\Q$site\E/_wix/login\?return=%2Fpage\.html}, 'the login page');
    # autofocus comes when the browser gets to it
    wait_for { ($tab->js('document.activeElement.id') // '') eq 'email' } 5;
    is($tab->js('document.activeElement.id'), 'email',
       'the e-mail has the focus');

    $tab->type($ann{email});
    $tab->key('Tab');
    is($tab->js('document.activeElement.id'), 'password',
       'then the password');
    $tab->type($ann{password});
    $tab->key('Tab');
    is($tab->js('document.activeElement.textContent.trim()'), 'Log in',
       'then the button');
    $tab->load(sub { $tab->key('Enter') });

    is($tab->js('location.href'), "$site/page.html?a=1&b=%C3%A4",
       'and the page that was wanted');
    is($tab->js('document.title'), 'Members', 'is shown');

    my %cookie = map { $_->{name} => $_ } $tab->cookies($site);
    my $session = $cookie{'__Host-wix_auth'};
    ok($session, 'the browser takes the cookie');
    ok($session->{secure} && $session->{httpOnly}, 'Secure, HttpOnly');
    is($session->{sameSite}, 'Lax', 'SameSite=Lax');
    is($tab->js('document.cookie'), '', 'no script can see a cookie');

    clean($tab);

    # Enter in a field is enough
    my $other = $chromium->tab(context => 1);
    $other->go("$site/page.html");
    $other->type($ann{email})->key('Tab')->type($ann{password});
    $other->load(sub { $other->key('Enter') });
    is($other->js('document.title'), 'Members', 'Enter sends the form');
};


subtest 'a wrong password' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html#section");
    $tab->type($ann{email})->key('Tab')->type('wrong');
    $tab->load(sub { $tab->key('Enter') });

    is($tab->status, 401, 'status');
    is($tab->js('[...document.querySelectorAll(".alert")].filter('
                . 'e => e.checkVisibility ? e.checkVisibility()'
                . ' : e.offsetHeight > 0).map(e => e.textContent.trim())'
                . '.join("|")'),
       'The e-mail address or the password is wrong.', 'one sentence');
    is($tab->js('document.getElementById("email").value'), $ann{email},
       'the e-mail is still there');
    is($tab->js('document.getElementById("password").value'), '',
       'the password is not');
    is($tab->js('document.querySelector("[role=alert]").id'), 'alert',
       'it is announced');
    is($tab->js('document.getElementById("email")'
                . '.getAttribute("aria-describedby")'), 'alert',
       'and belongs to the fields');

    # what the browser says about the status itself is no fault of the page
    clean($tab, qr/^network error: .* 401 /);
    $tab->forget;

    $tab->js('document.getElementById("password").focus()');
    $tab->type($ann{password});
    $tab->load(sub { $tab->key('Enter') });
    is($tab->js('location.href'), "$site/page.html#section",
       'the next try leads to the page, fragment and all');
    clean($tab);
};


subtest 'the fragment of the URL' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html?x=1#section");
    log_in($tab);
    is($tab->js('location.href'), "$site/page.html?x=1#section",
       'is kept over the login');
    is($tab->js('document.querySelector(":target").id'), 'section',
       'and does what it is for');
    clean($tab);
};


subtest 'the login page of Wix' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$wix_site/page.html?x=1");

    like($tab->js('location.href'), qr/^\Q${\$emu->site}\E/,
         'the browser is at Wix');
    log_in_at_wix($tab);

    is($tab->js('location.href'), "$wix_site/page.html?x=1",
       'and comes back to the page that was wanted');
    is($tab->js('document.title'), 'Members', 'as a member');
    is(scalar(grep { $_->{url} =~ /^\Q$site\E/ } $tab->requests), 0,
       'no other site was asked');
};


subtest 'logout' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html");
    log_in($tab);

    $tab->go("$site/_wix/logout");
    is($tab->js('document.querySelector("h1").textContent'), 'Log out?',
       'a page asks');
    is(scalar(grep { $_->{name} eq '__Host-wix_auth' } $tab->cookies($site)),
       1, 'and has done nothing yet');

    # the only thing on the page that can be focused
    $tab->key('Tab');
    is($tab->js('document.activeElement.tagName'), 'BUTTON', 'the button');
    $tab->load(sub { $tab->key('Enter') });

    is($tab->js('location.href'), "$site/open/bye.html",
       'leads over Wix to the site\'s own page');
    ok(scalar(grep { $_->{url} =~ /^\Q${\$emu->site}\E/ } $tab->requests),
       'Wix was told');
    is(scalar(grep { $_->{name} eq '__Host-wix_auth' } $tab->cookies($site)),
       0, 'the cookie is gone');
    clean($tab, qr/^network error: .* 405 /);

    $tab->go("$site/page.html");
    like($tab->js('location.href'), qr{/_wix/login}, 'and so is the session');
};


subtest 'F5 at the callback, and the way back' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html?x=1");
    log_in($tab);

    my ($callback) = map { $_->{url} }
        grep { $_->{url} =~ m{/_wix/callback\?} } $tab->requests;
    ok($callback, 'the browser has been at the callback') or return;

    $tab->reload;
    is($tab->js('location.href'), "$site/page.html?x=1",
       'F5 reloads the page, for that is where one is');

    $tab->go($callback);
    like($tab->js('location.href'), qr{^\Q$site\E/(?:page\.html\?x=1)?$},
         'the callback once more leads on, with a live session');
    isnt($tab->status, 400, 'without an error');

    # a code is for one use: without a session it is one login more
    $tab->delete_cookie($site, '__Host-wix_auth');
    $tab->go($callback);
    like($tab->js('location.href'), qr{/_wix/login\?},
         'without a session it leads to the login');
    is($tab->status, 200, 'without an error');
    log_in($tab);
    is($tab->js('document.title'), 'Members', 'which succeeds');

    $tab->js('history.back()');
    ok($tab->wait_for('document.readyState == "complete"'),
       'the way back ends somewhere');
    unlike($tab->js('document.body.textContent'), qr/went wrong/,
           'that is no error');
};


# All ten are at Wix before the first one comes back.

subtest 'ten tabs at once, in any order' => sub {
    my @tabs = ten_tabs($site);
    my $ready = 'location.pathname == "/_wix/login"'
        . ' && document.readyState == "complete"';

    is(scalar(grep { $_->wait_for($ready) } @tabs), 10, 'ten login pages');

    for my $tab (@tabs) {
        $tab->intercept($emu->site . '/*', sub {
            return {type => 'text/html', body => '<title>Wait</title>'
                . '<link rel="icon" href="data:,">'};
        });
        $tab->js(fill_in());
        $tab->load(sub { $tab->js('send()') });
        is($tab->js('document.title'), 'Wait', 'a tab is at Wix');
    }

    my @order = List::Util::shuffle(0 .. 9);
    note("in the order @order");

    for my $n (@order) {
        $tabs[$n]->call('Fetch.disable');
        $tabs[$n]->go($tabs[$n]->js('location.href'));
        is($tabs[$n]->js('location.pathname + location.hash'),
           "/tab/$n#section", "tab $n ends at its own page");
        is($tabs[$n]->js('document.title'), 'Members', 'as a member');
        clean($tabs[$n]);
    }

    $tabs[$order[0]]->reload;
    is($tabs[$order[0]]->js('document.title'), 'Members',
       'and the first of them still is one');
    $_->close for @tabs;
};


# Answers that cross each other may lose a return URL, but no login.

subtest 'ten tabs at once, all forms together' => sub {
    my @tabs = ten_tabs($site);

    is(scalar(grep { $_->wait_for('!!document.getElementById("password")') }
              @tabs), 10, 'ten login pages');

    $_->js(fill_in()) for @tabs;
    $_->js('setTimeout(send, 200)') for @tabs;

    for my $n (0 .. 9) {
        ok($tabs[$n]->wait_for('document.title == "Members"'),
           "tab $n ends as a member")
            or diag($tabs[$n]->js('location.href'));
        like($tabs[$n]->js('location.pathname'), qr{^/(?:tab/$n)?$},
             'at its own page or the first one');
        clean($tabs[$n]);
    }
    $_->close for @tabs;
};


# What a browser does when it starts with the tabs of yesterday: nobody types,
# Wix knows the member.

subtest 'ten tabs at once, over Wix' => sub {
    my $first = $chromium->tab(context => 1);

    $first->go("$wix_site/page.html");
    log_in_at_wix($first);
    is($first->js('document.title'), 'Members', 'a login at Wix');
    $first->delete_cookie($wix_site, $_->{name})
        for $first->cookies("$wix_site/_wix/");

    my @tabs = ten_tabs($wix_site, $first);

    for my $n (0 .. 9) {
        ok($tabs[$n]->wait_for('document.title == "Members"'),
           "tab $n ends as a member")
            or diag($tabs[$n]->js('location.href'));
        clean($tabs[$n]);
    }
    $_->close for @tabs;
};


subtest 'how it looks' => sub {
    my $pictures = $ENV{WIX_AUTH_TEST_PICTURES};
    my $tab = $chromium->tab(context => 1);

    my %shown = (
        login => sub { $tab->go("$site/page.html") },
        wrong => sub {
            $tab->go("$site/page.html");
            $tab->type('ann.with.a.rather.long.name@example.com');
            $tab->key('Tab')->type('wrong');
            $tab->load(sub { $tab->key('Enter') });
        },
        logout => sub { $tab->go("$site/_wix/logout") },
        error => sub { $tab->go("$site/_wix/nothing") },
    );

    for my $width (320, 1280) {
        for my $scheme ('light', 'dark') {
            $tab->look(width => $width, height => $width < 500 ? 640 : 800,
                       scheme => $scheme);

            for my $name (sort keys %shown) {
                my $what = "$name, $scheme, $width px";
                $shown{$name}->();

                is($tab->js('document.scrollingElement.scrollWidth > '
                            . 'document.documentElement.clientWidth'), 0,
                   "$what: nothing to scroll sideways");

                is($tab->contrasts, '', "$what: can be read");

                $tab->screenshot("$pictures/$name-$scheme-$width.png")
                    if $pictures;
            }
        }
    }

    is($tab->js('document.documentElement.lang'), 'en', 'language');
    clean($tab, qr/^network error: .* (?:401|404|405) /);
};

$chromium->stop;
done_testing();


# fills in the form that has the focus and waits for what comes of it
sub log_in {
    my ($tab) = @_;

    $tab->js('document.getElementById("email").focus()');
    $tab->type($ann{email})->key('Tab')->type($ann{password});
    $tab->load(sub { $tab->key('Enter') });
    return;
}

sub log_in_at_wix {
    my ($tab) = @_;

    $tab->js('document.querySelector("[type=email],[name=email]").focus()');
    $tab->type($ann{email});
    $tab->js('document.querySelector("[type=password]").focus()');
    $tab->type($ann{password});
    $tab->load(sub { $tab->key('Enter') });
    return;
}

sub ten_tabs {
    my ($origin, $first) = @_;

    $first //= $chromium->tab(context => 1);
    my @tabs = map { $chromium->tab(context => $first) } 1 .. 10;

    $tabs[$_]->start("$origin/tab/$_#section") for 0 .. 9;
    return @tabs;
}

sub fill_in {
    return <<"END";
document.getElementById("email").value = "$ann{email}";
document.getElementById("password").value = "$ann{password}";
window.send = () => document.querySelector("form button").click()
END
}

# Nothing in the console, no policy violated, nobody else was asked.
sub clean {
    my ($tab, $expected) = @_;

    my @complaints = grep { !$expected || $_ !~ $expected }
        grep { !/^\w+ info: / } $tab->complaints;
    is(join("\n", @complaints), '', 'no complaint in the console');

    my @foreign = grep {
        $_ !~ m{^http://(?:localhost|127\.0\.0\.1):\d+/|^data:}
    } map { $_->{url} } $tab->requests;
    is("@foreign", '', 'nobody else was asked');

    my @more = grep { ($_->{type} // '') ne 'Document'
        && $_->{url} !~ m{^data:|/favicon\.ico$} } $tab->requests;
    is(join(' ', map { "$_->{type} $_->{url}" } @more), '',
       'and for nothing but the pages');

    return;
}
