#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_session_key: keys are changed without a logout and without a login
# lost, nodes with the same keys finish each other's attempts, others begin
# anew, a value of one purpose is nothing for another, and key files that
# others can read are told of.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

use constant SECRET => 'secret-of-ann-1';

my $emu = start_emulator(member => ['ann@example.com:' . SECRET]);
my $dir = temp_dir() . '/keys';

mkdir $dir or die "$dir: $!\n";
note_secret(password => SECRET);

# the id of a key that is made of a secret (RFC 5869; one block)
sub key_id {
    my ($secret) = @_;
    my $prk = hmac_sha256($secret, "\0" x 32);
    return ord hmac_sha256("wix_auth key id\1", $prk);
}

my %file;

sub key_file {
    my ($name, $secret) = @_;
    spew($file{$name} = "$dir/$name.key", $secret);
    chmod 0600, $file{$name};
    return;
}

key_file(one => '1' x 48);
key_file(two => '2' x 48);
# of the same id, which one in 256 has
my ($twin) = grep { key_id($_) == key_id('1' x 48) }
    map { sprintf 'twin-%043d', $_ } 1 .. 5000;
key_file(twin => $twin);

# A node of a fleet.  All of them believe to be the host that browsers see.
sub conf {
    my ($port, @names) = @_;
    my $keys = join '', map { "wix_auth_session_key $file{$_};\n" } @names;
    return <<"END";
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
$keys
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;
server {
    listen 127.0.0.1:%%$port%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_base_url http://localhost:%%PORT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
END
}

sub node {
    my ($port, @names) = @_;
    my $nginx = start_nginx(debug => 0, base => 'http://localhost:'
                            . port($port), conf => conf($port, @names));
    spew($nginx->dir . '/html/page.txt', "the page\n");
    return $nginx;
}

sub with_keys {
    my ($nginx, $port, @names) = @_;
    return $nginx->reload(
        conf => WixAuthTest::expand($nginx, conf($port, @names)));
}

# the same address at another node
sub at {
    my ($port, $url) = @_;
    $url = "http://localhost:0$url" if $url =~ m{^/};
    return $url =~ s{^http://localhost:\d+}{'http://localhost:' . port($port)}er;
}

my $n = 0;

sub someone {
    my $email = 'who' . $n++ . '@example.com';
    $emu->member(email => $email, password => SECRET, @_);
    return $email;
}

# a browser that is about to come back from Wix, and the callback's address
sub under_way {
    my ($port, $email) = @_;
    my $b = browser();
    my $res = $b->post(at($port, '/_wix/login'), form => {
        email => $email // someone(), password => SECRET, return => '/deep'});
    $res = $b->follow($res, until => qr{/_wix/callback});
    die "no callback: $res->{head}\n"
        if ($res->location // '') !~ m{/_wix/callback\?};
    return ($b, $res->location);
}

# a browser that waits for a code, and its token
sub waiting {
    my ($port) = @_;
    my $b = browser();
    my $res = $b->post(at($port, '/_wix/login'), json => {
        email => someone(state => 'VERIFY', code => 'AB12C3'),
        password => SECRET});
    return ($b, ($res->json // {})->{stateToken} // die "no token\n");
}

sub verify {
    my ($port, $b, $token) = @_;
    my $got = $b->post(at($port, '/_wix/verify'), json => {
        code => 'AB12C3', stateToken => $token, return => '/deep'})->json // {};
    return $got->{error} // $got->{state};
}

# where a callback leads
sub comes_to {
    my ($port, $b, $url) = @_;
    my $res = $b->get(at($port, $url));
    return $res->status . ' ' . ($res->location // $res->header('X-Reason'));
}

sub status {
    my ($port, $b) = @_;
    my $res = $b->get(at($port, '/'));
    return join ' ', grep { length } $res->status, $res->header('X-Status'),
        $res->header('X-Reason');
}

# an attempt that cannot be finished begins again, and then it goes well
sub begins_again {
    my ($port, $b, $url, $what) = @_;
    is(comes_to($port, $b, $url), '303 /_wix/login?return=%2F',
       "$what: to the login");
    my $page = $b->get(at($port, '/_wix/login?return=%2Fdeep'));
    is($page->status, 200, 'which shows its page');
    my $res = $b->post(at($port, '/_wix/login'), form => {
        email => 'ann@example.com', password => SECRET, return => '/deep'});
    $res = $b->follow($res, until => qr{/_wix/callback});
    is(comes_to($port, $b, $res->location), '303 /deep', 'and works');
    is(status($port, $b), '200 HIT', 'with a session');
    return;
}

my $a = node('PORT', 'one');


subtest 'a new key first, the old one behind it' => sub {
    my ($member, $url) = under_way('PORT');
    is(comes_to('PORT', $member, $url), '303 /deep', 'a member');
    my @old = under_way('PORT');
    my @late = under_way('PORT');
    my @code = waiting('PORT');

    ok(with_keys($a, 'PORT', qw(two one)), 'a reload');
    is(status('PORT', $member), '200 HIT', 'no logout');
    is(comes_to('PORT', @old), '303 /deep', 'a login goes on');
    is(status('PORT', $old[0]), '200 HIT', 'into a session');
    is(verify('PORT', @code), 'SUCCESS', 'so does a verification');

    my @new = under_way('PORT');
    @code = waiting('PORT');

    ok(with_keys($a, 'PORT', 'two'), 'the old key is removed');
    is(status('PORT', $_), '200 HIT', 'no logout') for $member, $old[0];
    is(comes_to('PORT', @new), '303 /deep', 'a login of the new key goes on');
    is(verify('PORT', @code), 'SUCCESS', 'so does a verification');
    begins_again('PORT', @late, 'one of the removed key');

    is($member->post('/_wix/logout', form => {})->status, 303, 'logout');
    is(status('PORT', $member), '302 ANONYMOUS no_session',
       'works as ever');
};


subtest 'the wrong order' => sub {
    ok(with_keys($a, 'PORT', qw(one two)), 'the new key behind the old one');
    my @b = under_way('PORT');
    my @c = under_way('PORT');
    my @code = waiting('PORT');
    is(comes_to('PORT', @c), '303 /deep', 'works');

    ok(with_keys($a, 'PORT', 'two'), 'the old key is removed at once');
    is(status('PORT', $c[0]), '200 HIT', 'no logout');
    is(verify('PORT', @code), 'attempt_expired', 'a verification is over');
    begins_again('PORT', @b, 'a login');
};


subtest 'two keys of one id' => sub {
    is(key_id($twin), key_id('1' x 48), 'there are');
    ok(with_keys($a, 'PORT', 'one'), 'the first');
    my @b = under_way('PORT');
    my @code = waiting('PORT');
    ok(with_keys($a, 'PORT', qw(twin one)), 'and its twin');
    is(comes_to('PORT', @b), '303 /deep', 'a login goes on');
    is(verify('PORT', @code), 'SUCCESS', 'so does a verification');
    @b = under_way('PORT');
    ok(with_keys($a, 'PORT', 'one'), 'the twin is removed');
    begins_again('PORT', @b, 'a login of the twin');
};


my $second = node('NODE_PORT', 'one');

subtest 'nodes with the same keys' => sub {
    my $b = browser();
    my $page = $b->get(at('PORT', '/_wix/login?return=%2Fdeep'));
    my ($form) = $page->forms;
    is($form->{fields}{return}, '/deep', 'the page of one node');

    my $res = $b->post(at('NODE_PORT', '/_wix/login'), form => {
        %{$form->{fields}}, email => 'ann@example.com', password => SECRET});
    is($res->status, 303, 'is posted to the other');
    ok(!$res->set_cookie('wix_auth_b')
       || $b->cookie('wix_auth_b')->{value} eq ($page->set_cookie('wix_auth_b')
           =~ /^wix_auth_b=([^;]+)/)[0], 'which keeps its binding');
    $res = $b->follow($res, until => qr{/_wix/callback});
    is(comes_to('PORT', $b, $res->location), '303 /deep',
       'the first one ends it, and knows the return URL');
    is(status('PORT', $b), '200 HIT', 'with a session there');
    is(status('NODE_PORT', $b), '302 EXPIRED unknown_session',
       'that the other one knows to be genuine, and does not have');

    my @c = under_way('PORT');
    is(comes_to('NODE_PORT', @c), '303 /deep', 'the other way round');

    is(verify('NODE_PORT', waiting('PORT')), 'SUCCESS',
       'a code at another node');
    is(verify('PORT', waiting('NODE_PORT')), 'SUCCESS', 'and back');

    # three tabs, begun at different nodes, in one returns cookie
    my $tabs = browser();
    my @url = map {
        my ($port, $to) = @$_;
        my $r = $tabs->post(at($port, '/_wix/login'), form => {
            email => 'ann@example.com', password => SECRET, return => $to});
        $tabs->follow($r, until => qr{/_wix/callback})->location;
    } ['PORT', '/1'], ['NODE_PORT', '/2'], ['PORT', '/3'];
    is(join(' ', map { comes_to($_->[0], $tabs, $url[$_->[1]]) }
            ['NODE_PORT', 1], ['NODE_PORT', 0], ['PORT', 2]),
       '303 /2 303 /1 303 /3', 'tabs of all nodes');
};


subtest 'a fleet changes its key, node by node' => sub {
    my $both = sub {
        my ($what) = @_;
        is(comes_to('NODE_PORT', under_way('PORT')), '303 /deep', $what);
        is(comes_to('PORT', under_way('NODE_PORT')), '303 /deep', 'and back');
        is(verify('NODE_PORT', waiting('PORT')), 'SUCCESS', 'a verification');
        is(verify('PORT', waiting('NODE_PORT')), 'SUCCESS', 'and back');
    };

    with_keys($a, 'PORT', qw(one two));
    $both->('one node opens the new key, too');
    with_keys($second, 'NODE_PORT', qw(one two));
    with_keys($a, 'PORT', qw(two one));
    $both->('one node seals with it');
    with_keys($second, 'NODE_PORT', qw(two one));
    with_keys($a, 'PORT', 'two');
    $both->('one node has forgotten the old one');
};


subtest 'nodes with different keys' => sub {
    with_keys($a, 'PORT', 'one');
    with_keys($second, 'NODE_PORT', 'two');

    begins_again('NODE_PORT', under_way('PORT'), 'a login of another key');

    my ($b, $token) = waiting('PORT');
    is(verify('NODE_PORT', $b, $token), 'attempt_expired', 'a verification');
    my $res = $b->post(at('NODE_PORT', '/_wix/verify'), form => {
        code => 'AB12C3', stateToken => $token, return => '/deep'});
    is($res->status, 400, 'on the page');
    like($res->body, qr{href="/_wix/login\?return=%2Fdeep"}, 'has a way on');
    is(verify('PORT', $b, $token), 'SUCCESS', 'where it began it works');

    my ($c, $url) = under_way('PORT');
    comes_to('PORT', $c, $url);
    is(status('NODE_PORT', $c), '302 ANONYMOUS no_session',
       'a session cookie of another key is no cookie');
    is(status('PORT', $c), '200 HIT', 'and lives on where it is one');
};


subtest 'without a key file' => sub {
    my ($b) = waiting('PORT');
    my @c = under_way('PORT');
    ok(with_keys($a, 'PORT'), 'the keys of the zone');
    begins_again('PORT', @c, 'a login of the file\'s key');
    @c = under_way('PORT');
    ok(with_keys($a, 'PORT'), 'which outlive a reload');
    is(comes_to('PORT', @c), '303 /deep', 'with the logins under way');
};


subtest 'a value of one purpose is nothing for another' => sub {
    with_keys($a, 'PORT', 'one');

    my ($b, $url) = under_way('PORT');
    my ($c, $token) = waiting('PORT');
    # the same binding for both
    $c->set_cookie(host => 'localhost', name => 'wix_auth_b',
                   value => $b->cookie('wix_auth_b')->{value});
    my $fresh = $b->post('/_wix/login', json => {
        email => someone(state => 'VERIFY', code => 'AB12C3'),
        password => SECRET})->json->{stateToken};
    my $returns = $b->cookie('wix_auth_r')->{value};
    my ($state) = $url =~ /state=([^&]+)/;

    is(verify('PORT', $b, $returns), 'attempt_expired',
       'a returns cookie is no stateToken');

    my $d = $b->clone;
    $d->clear_cookies('wix_auth_r');
    $d->set_cookie(host => 'localhost', name => 'wix_auth_r', path => '/_wix/',
                   value => $fresh);
    is(comes_to('PORT', $d, $url), '303 /',
       'a stateToken is no returns cookie');

    my $member = $d->cookie('wix_auth')->{value};
    my $e = browser();
    for (['a state', $state], ['a returns cookie', $returns],
         ['a stateToken', $fresh], ['a binding', $b->cookie('wix_auth_b')->{value}])
    {
        $e->set_cookie(host => 'localhost', name => 'wix_auth',
                       value => $_->[1]);
        is(status('PORT', $e), '302 ANONYMOUS no_session',
           "$_->[0] is no session");
        # cut to the length that sessions have
        $e->set_cookie(host => 'localhost', name => 'wix_auth',
                       value => substr $_->[1] x 3, 0, length $member);
        is(status('PORT', $e), '302 ANONYMOUS no_session', 'nor cut to size');
    }

    my $calls = $emu->count('token.authorization_code');
    for (['a session', substr $member, 0, length $state],
         ['a stateToken', substr $fresh, 0, length $state],
         ['a returns cookie', substr $returns, 0, length $state])
    {
        my $f = $b->clone;
        like(comes_to('PORT', $f, $url =~ s/\Q$state\E/$_->[1]/r),
             qr{^303 /_wix/login}, "$_->[0] is no state");
    }
    is($emu->count('token.authorization_code'), $calls,
       'and no code was sent to Wix');
    is(verify('PORT', $b, $fresh), 'SUCCESS', '(where it belongs it is good)');
};


subtest 'key files that others can read' => sub {
    my $warn = sub {
        my ($mode) = @_;
        chmod $mode, $file{one} or die "$file{one}: $!\n";
        my ($ok, $out) = nginx_t(conf('FREE_PORT', 'one'));
        ok($ok, sprintf 'mode %04o', $mode) or diag($out);
        return grep { /\[warn\]/ } split /\n/, $out;
    };

    for my $mode (0640, 0604, 0660, 0644, 0620, 0666) {
        my @lines = $warn->($mode);
        is(scalar @lines, 1, 'one warning');
        like($lines[0] // '', qr/key file "\Q$file{one}\E" is open to others .*"chmod 600 \Q$file{one}\E" in \S+:\d+$/,
            'with the remedy and its place');
    }

    for my $mode (0600, 0400, 0700) {
        is(scalar($warn->($mode)), 0, 'is nobody else\'s');
    }

    chmod 0644, $file{two};
    my $nginx = node('OPEN_PORT', qw(two one));
    my @lines = grep { /\[warn\]/ } split /\n/, $nginx->error_log;
    is(scalar @lines, 1, 'at a start as well');
    like($lines[0] // '', qr/two\.key" is open/, 'by name');
    chmod 0600, $file{two};
    $nginx->stop;
};


done_testing();
