package WixAuthTest::Browser;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# A real browser: headless Chromium, driven over its DevTools protocol.
#
#     my $chromium = WixAuthTest::Browser->start(dir => temp_dir());
#                                         # third_party_cookies => 0 or 1
#     my $tab = $chromium->tab;           # cookies of its own: context => 1
#     $tab->go('http://localhost:8080/');
#     $tab->type('ann@example.com');      # key by key, where the focus is
#     $tab->key('Tab');
#     is($tab->js('location.href'), ...);
#     $tab->requests; $tab->complaints;   # since the tab was opened
#     $tab->intercept('https://x.example/*' => sub { {body => '...'} });
#     $chromium->stop;
#
# It resolves no name but loopback ones, and asks nobody for updates.

use strict;
use warnings;

use File::Path ();
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use POSIX ();
use Time::HiRes qw(sleep time);

my @running;

sub program {
    for my $dir (split /:/, $ENV{PATH} // '') {
        for my $name (qw(chromium chromium-browser google-chrome)) {
            return "$dir/$name" if -x "$dir/$name";
        }
    }
    return;
}


sub start {
    my ($class, %opt) = @_;

    my $self = bless {
        timeout => 20, next => 0, answers => {}, tabs => {}, owner => $$,
        %opt,
    }, $class;

    $self->{profile} = "$self->{dir}/chromium-" . @running;
    my @args = (
        qw(--headless --no-sandbox --disable-gpu --disable-quic
           --no-first-run --no-default-browser-check --no-proxy-server
           --disable-background-networking --disable-component-update
           --disable-sync --disable-extensions --disable-default-apps
           --disable-dev-shm-usage --disable-breakpad --mute-audio
           --disable-domain-reliability --disable-client-side-phishing-detection
           --metrics-recording-only --password-store=basic
           --renderer-process-limit=2 --remote-debugging-port=0),
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, '
            . 'EXCLUDE 127.0.0.1',
        "--user-data-dir=$self->{profile}", 'about:blank',
    );

    $self->write_preferences if defined $self->{third_party_cookies};

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        # a group of its own, which is how its helpers are stopped with it
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/chromium.log";
        open STDERR, '>&', \*STDOUT;
        delete @ENV{grep { /^(?:https?|all|no)_proxy$/i } keys %ENV};
        exec program(), @args or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    push @running, $self;
    $self->connect;

    return $self;
}

# what a distribution has set for third-party cookies differs
sub write_preferences {
    my ($self) = @_;

    my $block = !$self->{third_party_cookies};
    my $file = "$self->{profile}/Default/Preferences";

    File::Path::make_path("$self->{profile}/Default");
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh encode_json({profile => {
        block_third_party_cookies => $block ? \1 : \0,
        cookie_controls_mode => $block ? 1 : 0,
    }});
    close $fh or die "$file: $!\n";
    return;
}

sub connect {
    my ($self) = @_;

    my ($port, $path);
    my $deadline = time + $self->{timeout};

    # written when the port listens
    until ($path) {
        if (open my $fh, '<', "$self->{profile}/DevToolsActivePort") {
            chomp(($port, $path) = <$fh>);
            last if $path;
        }
        die "chromium is gone, see $self->{dir}/chromium.log\n"
            if waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        die "chromium did not start in time\n" if time > $deadline;
        sleep 0.05;
    }

    # our own: the tests have no other event loop
    $self->{ua} = Mojo::UserAgent->new(
        inactivity_timeout => 0, max_response_size => 0);
    $self->{ua}->proxy->http(undef)->https(undef);
    $self->{ua}->ioloop(Mojo::IOLoop->singleton);

    my $error = 'no connection';
    $self->{ua}->websocket("ws://127.0.0.1:$port$path" => sub {
        my (undef, $tx) = @_;

        $error = $tx->is_websocket ? '' : 'no websocket';
        if (!$error) {
            $tx->max_websocket_size(64 * 1024 * 1024);
            $tx->on(text => sub { $self->receive($_[1]) });
            $self->{tx} = $tx;
        }
        Mojo::IOLoop->stop;
    });
    $self->spin(sub { $self->{tx} || $error ne 'no connection' });
    die "chromium: $error\n" if !$self->{tx};

    return;
}

# runs the event loop until the code is true; false when it takes too long
sub spin {
    my ($self, $until, $timeout) = @_;

    my $deadline = time + ($timeout // $self->{timeout});
    my $tick = Mojo::IOLoop->recurring(0.02 => sub { });

    my $value;

    while (!($value = $until->()) && time < $deadline) {
        Mojo::IOLoop->one_tick;
    }
    Mojo::IOLoop->remove($tick);

    return $value;
}

sub receive {
    my ($self, $text) = @_;

    # bytes: what on(text) gives are characters
    utf8::encode($text);
    my $message = decode_json($text);

    if (defined $message->{id}) {
        $self->{answers}{$message->{id}} = $message
            if !delete $self->{unheard}{$message->{id}};
        return;
    }

    my $tab = $self->{tabs}{$message->{sessionId} // ''} or return;
    $tab->event($message->{method}, $message->{params});
    return;
}

sub command {
    my ($self, $method, $params, $session) = @_;

    my $id = ++$self->{next};
    my $text = encode_json({
        id => $id, method => $method, params => $params // {},
        (defined $session ? (sessionId => $session) : ()),
    });
    utf8::decode($text);

    $self->{tx}->send({text => Mojo::Util::encode('UTF-8', $text)});
    return $id;
}

# one command, whatever comes of it; for use inside of an event
sub tell {
    my $self = shift;

    $self->{unheard}{$self->command(@_)} = 1;
    return;
}

# one command and its result
sub call {
    my ($self, $method, $params, $session) = @_;

    my $id = $self->command($method, $params, $session);

    $self->spin(sub { $self->{answers}{$id} })
        or die "chromium: no answer to $method\n";

    my $answer = delete $self->{answers}{$id};
    die "chromium: $method: $answer->{error}{message}\n" if $answer->{error};

    return $answer->{result};
}

# a new tab; context => 1 for cookies of its own, or those of another tab
sub tab {
    my ($self, %opt) = @_;

    my $context = $opt{context};
    $context = ref $context ? $context->{context}
        : $self->call('Target.createBrowserContext')->{browserContextId}
        if $context;

    my $target = $self->call('Target.createTarget', {
        url => 'about:blank', ($context ? (browserContextId => $context) : ()),
    })->{targetId};
    my $session = $self->call('Target.attachToTarget', {
        targetId => $target, flatten => \1,
    })->{sessionId};

    my $tab = bless {
        browser => $self, target => $target, session => $session,
        context => $context, requests => [], complaints => [], loads => 0,
    }, 'WixAuthTest::Browser::Tab';

    $self->{tabs}{$session} = $tab;
    $tab->call("$_.enable") for qw(Page Runtime Network Log);

    # the empty page loads too, and must not be taken for the first that is
    # asked for
    $tab->wait_for('document.readyState == "complete"')
        or die "no empty page came\n";

    return $tab;
}

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    $self->{tx}->finish if $self->{tx};
    delete @{$self}{qw(tx ua tabs)};

    kill TERM => -$pid;
    my $deadline = time + 5;

    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        kill KILL => -$pid if time > $deadline;
        sleep 0.02;
    }
    kill KILL => -$pid;

    return;
}

END {
    my $status = $?;
    $_->stop for grep { $_->{owner} == $$ } @running;
    $? = $status;
}


package WixAuthTest::Browser::Tab;

use strict;
use warnings;

use MIME::Base64 ();
use Time::HiRes ();

my %keys = (
    Enter     => [13, "\r"],
    Tab       => [9],
    Backspace => [8],
    ' '       => [32, ' '],
);

sub call {
    my ($self, $method, $params) = @_;
    return $self->{browser}->call($method, $params, $self->{session});
}

sub event {
    my ($self, $method, $p) = @_;

    if ($method eq 'Network.requestWillBeSent') {
        push @{$self->{requests}}, {
            url => $p->{request}{url}, method => $p->{request}{method},
            type => $p->{type}, initiator => $p->{initiator}{type},
        };

    } elsif ($method eq 'Network.responseReceived') {
        $self->{status} = $p->{response}{status}
            if ($p->{type} // '') eq 'Document';

    } elsif ($method eq 'Log.entryAdded') {
        my $e = $p->{entry};
        push @{$self->{complaints}}, "$e->{source} $e->{level}: $e->{text} "
            . ($e->{url} // '');

    } elsif ($method eq 'Runtime.exceptionThrown') {
        push @{$self->{complaints}},
            'exception: ' . $p->{exceptionDetails}{text};

    } elsif ($method eq 'Runtime.consoleAPICalled') {
        push @{$self->{complaints}}, "console.$p->{type}";

    } elsif ($method eq 'Page.loadEventFired') {
        $self->{loads}++;

    } elsif ($method eq 'Fetch.requestPaused') {
        $self->answer($p);
    }
    return;
}

# code is asked what to answer to requests of the patterns: a hash of status,
# type and body, or nothing, and then the request goes on
sub intercept {
    my ($self, @patterns) = @_;

    $self->{intercept} = pop @patterns;
    $self->call('Fetch.enable', {
        patterns => [map { {urlPattern => $_} } @patterns]});
    return $self;
}

sub answer {
    my ($self, $p) = @_;

    my @to = ($self->{session});
    my $answer = $self->{intercept}->($p->{request})
        or return $self->{browser}->tell(
            'Fetch.continueRequest', {requestId => $p->{requestId}}, @to);

    $self->{browser}->tell('Fetch.fulfillRequest', {
        requestId => $p->{requestId},
        responseCode => $answer->{status} // 200,
        responseHeaders => [
            {name => 'Content-Type',
             value => $answer->{type} // 'text/javascript'},
            {name => 'Access-Control-Allow-Origin', value => '*'},
        ],
        body => MIME::Base64::encode_base64($answer->{body} // '', ''),
    }, @to);
    return;
}

# pages run no scripts of their own; js() still works
sub without_scripts {
    my ($self) = @_;
    $self->call('Emulation.setScriptExecutionDisabled', {value => \1});
    return $self;
}

# runs in every page to come before anything else
sub before {
    my ($self, $code) = @_;
    $self->call('Page.addScriptToEvaluateOnNewDocument', {source => $code});
    return $self;
}

# what moved after it was shown (CLS)
sub shifted {
    my ($self) = @_;

    return $self->js(<<'END');
new Promise(done => {
    let sum = 0;
    new PerformanceObserver(list => {
        for (const e of list.getEntries()) sum += e.value;
    }).observe({type: 'layout-shift', buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(
        () => setTimeout(() => done(sum), 0)));
})
END
}

# texts with less contrast than WCAG's 4.5 to 1 against what is behind them
sub contrasts {
    my ($self) = @_;

    return $self->js(<<'END');
(() => {
    const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
    const lum = c => c.slice(0, 3).map(v => v / 255)
        .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] > 0) return c;
        }
        return [255, 255, 255];
    };
    const low = [];
    for (const e of document.querySelectorAll('body *')) {
        const text = [...e.childNodes].some(n => n.nodeType == 3
            && n.data.trim()) || (e.tagName == 'INPUT' && e.value);
        if (!text || !e.checkVisibility() || e.tagName == 'SCRIPT') continue;
        const [a, b] = [lum(parse(getComputedStyle(e).color)),
                        lum(behind(e))].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < 4.5) low.push(e.tagName + ' ' + ratio.toFixed(2));
    }
    return low.join(', ');
})()
END
}

# fields without a label, references to nothing, ids that are there twice
sub labels {
    my ($self) = @_;

    return $self->js(<<'END');
(() => {
    const wrong = [];
    for (const e of document.querySelectorAll('input:not([type=hidden])')) {
        if (!e.labels.length) wrong.push(e.name + ' has no label');
        for (const id of (e.getAttribute('aria-describedby') || '').split(' '))
            if (id && !document.getElementById(id)) wrong.push('no ' + id);
    }
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    return wrong.concat(ids.filter((id, i) => ids.indexOf(id) < i)).join();
})()
END
}

# fills in fields by their name and sends the form with its button
sub fill {
    my ($self, %value) = @_;

    for my $name (sort keys %value) {
        my ($n, $v) = map { Mojo::JSON::to_json([$_]) } $name, $value{$name};

        $self->js("document.querySelector('[name=' + JSON.stringify($n"
                  . "[0]) + ']').value = $v" . '[0]');
    }
    return $self;
}

sub send {
    my ($self) = @_;
    return $self->load(sub { $self->press });
}

# without waiting
sub press {
    my ($self) = @_;
    $self->js('document.querySelector("form [type=submit]").click()');
    return $self;
}

# the texts that a person can see in what the selector finds
sub seen {
    my ($self, $selector) = @_;

    return $self->js('[...document.querySelectorAll(' . "'$selector'"
        . ')].filter(e => e.checkVisibility())'
        . '.map(e => e.innerText.trim()).join("|")');
}

# Google's script, as far as our pages meet it
sub captcha {
    my ($self, $token) = @_;

    return $self->intercept('https://www.google.com/*',
                            'https://www.gstatic.com/*', sub {
        my ($request) = @_;

        push @{$self->{google}}, $request->{url};
        return {body => ''} if $request->{url} !~ /enterprise\.js/;
        return {body => <<"END"};
window.grecaptcha = {enterprise: {
    reset: () => {},
    execute: (key, options) => {
        (window.executed = window.executed || []).push([key, options.action]);
        sessionStorage.executed = JSON.stringify(window.executed);
        return Promise.resolve('$token');
    }
}};
for (const box of document.querySelectorAll('.g-recaptcha')) {
    const compact = box.dataset.size == 'compact';
    const widget = document.createElement('div');
    const answer = document.createElement('textarea');
    widget.style.width = compact ? '164px' : '304px';
    widget.style.height = compact ? '144px' : '78px';
    answer.name = 'g-recaptcha-response';
    answer.value = '$token';
    answer.style.display = 'none';
    box.append(widget, answer);
}
const more = document.createElement('script');
more.src = 'https://www.gstatic.com/recaptcha/releases/x/recaptcha__en.js';
document.head.append(more);
fetch('https://www.google.com/recaptcha/enterprise/clr', {method: 'POST'});
END
    });
}

sub google { return @{$_[0]{google} // []} }

# every request, redirects included: url, method, type, initiator
sub requests { return @{$_[0]{requests}} }

# console messages, errors, violations of a policy
sub complaints { return @{$_[0]{complaints}} }

# status of the page that is shown
sub status { return $_[0]{status} }

sub close {
    my ($self) = @_;

    $self->{browser}->call('Target.closeTarget',
                           {targetId => $self->{target}});
    delete $self->{browser}{tabs}{$self->{session}};
    return;
}

sub forget {
    my ($self) = @_;
    @{$self->{$_}} = () for qw(requests complaints);
    return;
}

# what an expression is worth, in the page
sub js {
    my ($self, $code) = @_;

    my $result = $self->call('Runtime.evaluate', {
        expression => $code, returnByValue => \1, awaitPromise => \1});

    die "javascript: $code: $result->{exceptionDetails}{text}\n"
        if $result->{exceptionDetails};
    return $result->{result}{value};
}

# does something and waits for the page that comes of it, and for no more
sub load {
    my ($self, $action) = @_;

    my $before = $self->{loads};
    $action->();

    $self->{browser}->spin(sub { $self->{loads} > $before })
        or die "no page came within $self->{browser}{timeout} s\n";
    return $self;
}

sub go {
    my ($self, $url) = @_;
    return $self->load(sub { $self->start($url) });
}

# without waiting
sub start {
    my ($self, $url) = @_;
    $self->call('Page.navigate', {url => $url});
    return $self;
}

sub reload {
    my ($self) = @_;
    return $self->load(sub { $self->call('Page.reload') });
}

# true as soon as the expression is true, across pages
sub wait_for {
    my ($self, $code, $timeout) = @_;

    my $again = 0;

    # a page that is just being replaced has no answer
    return $self->{browser}->spin(sub {
        return 0 if Time::HiRes::time() < $again;
        $again = Time::HiRes::time() + 0.05;
        return eval { $self->js($code) };
    }, $timeout);
}

sub type {
    my ($self, $text) = @_;

    # autofocus comes with a frame, which may be after the load
    $self->wait_for('document.activeElement !== document.body');

    for my $char (split //, $text) {
        $self->call('Input.dispatchKeyEvent',
                    {type => 'keyDown', text => $char, key => $char});
        $self->call('Input.dispatchKeyEvent', {type => 'keyUp', key => $char});
    }
    return $self;
}

sub key {
    my ($self, $key, %opt) = @_;

    my ($code, $text) = @{$keys{$key} // die "no key $key\n"};
    my %event = (
        key => $key, windowsVirtualKeyCode => $code,
        modifiers => $opt{shift} ? 8 : 0,
        ($key =~ /^\w/ ? (code => $key) : ()),
    );

    $self->call('Input.dispatchKeyEvent', {
        %event, type => defined $text ? 'keyDown' : 'rawKeyDown',
        (defined $text ? (text => $text) : ())});
    $self->call('Input.dispatchKeyEvent', {%event, type => 'keyUp'});

    return $self;
}

# [name, value] pairs of the cookies that a page at the address would send
sub cookies {
    my ($self, $url) = @_;
    return @{$self->call('Network.getCookies', {urls => [$url]})->{cookies}};
}

sub delete_cookie {
    my ($self, $url, $name) = @_;
    $self->call('Network.deleteCookies', {url => $url, name => $name});
    return;
}

# how the page is shown: width, height, scheme ("light" or "dark")
sub look {
    my ($self, %opt) = @_;

    $self->call('Emulation.setDeviceMetricsOverride', {
        width => $opt{width}, height => $opt{height}, deviceScaleFactor => 1,
        mobile => $opt{width} < 500 ? \1 : \0}) if $opt{width};
    $self->call('Emulation.setEmulatedMedia', {features => [
        {name => 'prefers-color-scheme', value => $opt{scheme}}]})
        if $opt{scheme};
    return $self;
}

sub screenshot {
    my ($self, $file) = @_;

    my $png = MIME::Base64::decode_base64(
        $self->call('Page.captureScreenshot')->{data});
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $png;
    CORE::close($fh) or die "$file: $!\n";
    return;
}

1;
