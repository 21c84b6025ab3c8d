#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The site's own login page of docs/custom-login.md, exactly as it is printed
# there, in a real browser: with and without its script.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

BEGIN {
    # of the packages that the emulator needs anyway
    eval { require WixAuthTest::Browser; 1 }
        or die "no browser can be driven: $@";
    WixAuthTest::Browser::program()
        or die "no Chromium is installed (package chromium)\n";
}

my %ann = (email => 'ann@example.com', password => 'secret-of-ann-1');
my $site = 'http://localhost:' . port('PORT');
my $frame_site = 'http://localhost:' . port('FRAME_PORT');

note_secret(password => $ann{password});

my %printed = slurp(top_dir() . '/docs/custom-login.md')
    =~ /^```(nginx|html|js)\n(.*?)^```$/msg;
my ($maps, $inside) = $printed{nginx} =~ /\A(.*)^server \{\n(.*)^\}\n\z/ms;

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { "$_/_wix/callback" } $site, $frame_site],
);
my $nginx = start_nginx(conf => join "\n", $maps, map { <<"END" }
server {
    listen 127.0.0.1:%%$_->[0]%%;
    server_name localhost;
    wix_auth_zone zone=members:1m;
    wix_auth_api %%API%%;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_response_mode $_->[1];
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { }
$inside}
END
    ['PORT', 'query'], ['FRAME_PORT', 'web_message']);

my $html = "$nginx->{dir}/html";

spew("$html/login.html", $printed{html});
spew("$html/login.js", $printed{js});
spew("$html/$_.html", '<!DOCTYPE html><html lang="en"><title>Members</title>'
     . '<link rel="icon" href="data:,"><p>Only for members</p></html>')
    for qw(index page);

my $chromium = WixAuthTest::Browser->start(
    dir => temp_dir(), timeout => slow(20));

my $n = 0;


subtest 'what is printed' => sub {
    cmp_ok(scalar(split /\n/, $printed{js}), '<', 60, 'a short script');
    unlike($printed{html}, qr/<script(?! src)|onclick|style=/,
           'nothing that a strict policy of the page would refuse');
};


subtest 'without a script' => sub {
    my $tab = $chromium->tab(context => 1);
    $tab->call('Emulation.setScriptExecutionDisabled', {value => \1});

    $tab->go("$site/page.html");
    is($tab->js('location.pathname + location.search'),
       '/login.html?return=%2Fpage.html', 'a stranger sees the page');
    is(message($tab), '', 'without a message');
    is(shown($tab), 'login', 'and its form');

    submit($tab, login => {%ann, password => 'wrong'});
    is($tab->js('location.search'), '?error=invalid_credentials&return=%2F',
       'a wrong password');
    is(message($tab), 'The e-mail address or the password is wrong.',
       'is told');

    submit($tab, login => \%ann);
    is($tab->js('location.href'), "$site/", 'a login leads to the site');
    is($tab->js('document.title'), 'Members', 'as a member');

    my $new = someone();
    $tab = $chromium->tab(context => 1);
    $tab->call('Emulation.setScriptExecutionDisabled', {value => \1});

    $tab->go("$site/page.html");
    submit($tab, login => $new);
    is(shown($tab), 'verify', 'an address to be confirmed: the other form');
    is(message($tab), 'We have sent you a code.', 'and what to do');
    unlike($tab->js('location.href'), qr/Token|\@|%40/, 'no secret in the URL');

    submit($tab, verify => {code => 'WRONG1'});
    is(shown($tab), 'verify', 'a wrong code');
    is(message($tab), 'The code is wrong or has expired.', 'is told');

    submit($tab, verify => {code => $emu->mailed_code($new->{email})});
    is($tab->js('document.title'), 'Members', 'the right one logs in');

    # a password that was forgotten
    $tab = $chromium->tab(context => 1);
    $tab->call('Emulation.setScriptExecutionDisabled', {value => \1});
    $tab->go("$site/page.html");
    submit($tab, login => {email => $ann{email}}, '[formaction$=recover]');
    is(message($tab), 'A mail is on its way if you have an account.',
       'recovery');
};


subtest 'query' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$site/page.html?x=1#section");
    press($tab, login => {%ann, password => 'wrong'});
    ok(wait_message($tab, 'The e-mail address or the password is wrong.'),
       'a wrong password is told');
    is($tab->js('location.search'), '?return=%2Fpage.html%3Fx%3D1',
       'on the page that stays');
    ok(!$tab->js('document.querySelector("button").disabled'),
       'and is ready for the next try');

    $tab->load(sub { press($tab, login => \%ann) });
    is($tab->js('location.href'), "$site/page.html?x=1#section",
       'a login leads to the page, fragment and all');
    is($tab->js('document.title'), 'Members', 'as a member');

    verification($site);

    $tab = $chromium->tab(context => 1);
    $tab->go("$site/page.html");
    press($tab, login => {email => 'x@y', password => 'short'},
          '[formaction$=register]');
    ok($tab->wait_for('document.getElementById("message").textContent'),
       'fields that are wrong');
    like(message($tab), qr/\S\. \S/, 'are told one by one');

    # the way out
    is($tab->js('document.getElementById("wix").search'),
       '?wix=1&return=%2Fpage.html', 'Wix\'s page knows where to return');
    $tab->load(sub { $tab->js('document.getElementById("wix").click()') });
    like($tab->js('location.href'), qr/^\Q${\$emu->site}\E/, 'and is there');
};


subtest 'web_message' => sub {
    my $tab = $chromium->tab(context => 1);

    $tab->go("$frame_site/page.html?x=1");
    press($tab, login => {%ann, password => 'wrong'});
    ok(wait_message($tab, 'The e-mail address or the password is wrong.'),
       'a wrong password is told');

    # a message of somebody else, while Wix thinks
    $emu->fault(authorize => {type => 'hang'});
    press($tab, login => \%ann);
    ok($tab->wait_for('!!document.querySelector("iframe")'), 'a frame');
    ok(wait_for(sub { $emu->inflight->{count} }), 'asks Wix');

    my $state = $tab->js('new URL(document.querySelector("iframe").src)'
                         . '.searchParams.get("state")');
    like($state, qr/^[\w-]{40,}$/, 'with a state');
    $tab->js("postMessage({state: '$state', code: 'evil'}, '*')");
    # from Wix's origin and the frame, but of another attempt
    $tab->js('dispatchEvent(new MessageEvent("message", {data: {state: "x",'
             . 'code: "evil"}, origin: new URL(document.querySelector("iframe")'
             . '.src).origin, source: document.querySelector("iframe")'
             . '.contentWindow}))');
    # the frame itself, from another origin
    $tab->js("dispatchEvent(new MessageEvent('message', {data: {state:"
             . "'$state', code: 'evil'}, origin: 'https://evil.test', source:"
             . "document.querySelector('iframe').contentWindow}))");
    # another window of that origin
    $tab->js("dispatchEvent(new MessageEvent('message', {data: {state:"
             . "'$state', code: 'evil'}, origin: new URL(document"
             . ".querySelector('iframe').src).origin, source: window}))");
    $tab->js('new Promise(done => setTimeout(done, 100))');
    is(callbacks($tab), 0, 'other messages are not taken');

    $tab->load(sub { $emu->release('authorize') });
    is($tab->js('location.href'), "$frame_site/page.html?x=1",
       'that of Wix leads to the page');
    is($tab->js('document.title'), 'Members', 'as a member');
    is(callbacks($tab), 1, 'with one answer to nginx');

    verification($frame_site);
};


subtest 'a frame that says nothing' => sub {
    my $tab = $chromium->tab(context => 1);

    # a second for fifteen
    $tab->call('Page.addScriptToEvaluateOnNewDocument', {source => <<'END'});
const slow = setTimeout;
window.times = [];
setTimeout = (call, time) => (times.push(time), slow(call, time / 15));
END
    $emu->fault(authorize => {type => 'body', body => 'hello',
                              contentType => 'text/html'});

    $tab->go("$frame_site/page.html?x=1");
    press($tab, login => \%ann);
    ok($tab->wait_for('times.length'), 'the page waits');
    is($tab->js('times.join()'), 15000, 'fifteen seconds');

    ok($tab->wait_for('document.title == "Members"'), 'and logs in by a form')
        or diag($tab->js('location.href'));
    is($tab->js('location.href'), "$frame_site/page.html?x=1",
       'with the same return URL');
};

$chromium->stop;
done_testing();


# a member who has to confirm the address
sub someone {
    my %new = (email => 'new-' . $n++ . '@example.com',
               password => 'secret-of-new-1');

    $emu->member(%new, state => 'VERIFY');
    note_secret(password => $new{password});
    return \%new;
}

sub message {
    my ($tab) = @_;
    return $tab->js('document.getElementById("message").textContent.trim()');
}

sub wait_message {
    my ($tab, $text) = @_;
    return $tab->wait_for('document.getElementById("message").textContent'
                          . ".trim() == '$text'")
        || do { diag(message($tab)); 0 };
}

# ids of the forms that can be seen
sub shown {
    my ($tab) = @_;
    return $tab->js('[...document.forms].filter(f => f.offsetHeight)'
                    . '.map(f => f.id).join(" ")');
}

# POSTs to the callback
sub callbacks {
    my ($tab) = @_;
    return scalar grep { $_->{method} eq 'POST'
                         && $_->{url} =~ m{/_wix/callback$} } $tab->requests;
}

# types into a form and clicks its button, or another one
sub press {
    my ($tab, $form, $fields, $button) = @_;

    for my $name (sort keys %$fields) {
        $tab->js(qq{(e => { e.value = ""; e.focus() })}
                 . qq{(document.querySelector("#$form [name=$name]"))});
        $tab->type($fields->{$name});
    }
    $button //= 'button';
    $tab->js(qq{document.querySelector("#$form $button").click()});
    return;
}

sub submit {
    my ($tab, @args) = @_;
    return $tab->load(sub { press($tab, @args) });
}

# with the script: a code that is wrong, another mail too soon, the right code
sub verification {
    my ($base) = @_;

    my $new = someone();
    my $tab = $chromium->tab(context => 1);

    $tab->go("$base/page.html?v=1");
    press($tab, login => $new);
    ok(wait_message($tab, 'We have sent you a code.'), 'a code was sent');
    is(shown($tab), 'verify', 'the other form');

    press($tab, verify => {code => 'WRONG1'});
    ok(wait_message($tab, 'The code is wrong or has expired.'),
       'a wrong one is told');
    is(shown($tab), 'verify', 'in the same form');

    my $sent = $emu->count('login', email => $new->{email});
    press($tab, verify => {}, '[form=login]');
    ok(wait_message($tab, 'Too many attempts. Please wait a little.'),
       'another mail has to wait');
    is($emu->count('login', email => $new->{email}), $sent,
       'and Wix was not asked');

    is(shown($tab), 'verify', 'but the first one still serves');
    $tab->load(sub { press($tab, verify => {
        code => $emu->mailed_code($new->{email})}) });
    is($tab->js('location.href'), "$base/page.html?v=1",
       'the right one leads to the page');
    return;
}
