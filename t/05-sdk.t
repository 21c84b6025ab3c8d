#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The emulator from the other side: @wix/sdk as it comes from npm, with its
# calls diverted, gets through every flow.  Where the SDK, which works with
# Wix, fails here, the emulator is wrong.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use FindBin;
use JSON::PP qw(decode_json);
use lib "$FindBin::Bin/lib";

# no nginx takes part, so this runs once, and t/run tells by the line that
# begins with "use"
BEGIN { require WixAuthTest; WixAuthTest->import }

my $top = top_dir();
my $sources = "$top/t/sdk";
my $build = "$top/build/sdk";

for my $program (qw(node npm)) {
    grep { -x "$_/$program" } split /:/, $ENV{PATH}
        or die "$program is not installed: t/install-packages test\n";
}
`node --version` =~ /^v(\d+)/ && $1 >= 18
    or die "node is older than 18\n";

install();

my $lock = slurp("$sources/package-lock.json");

# whoever installs has a registry of his own
unlike($lock, qr/"resolved"/, 'the lock names no registry');
my %packages = %{decode_json($lock)->{packages}};
is(join(' ', grep { length && !$packages{$_}{integrity} } sort keys %packages),
   '', 'and what each package has to be');

my $callback = 'http://localhost:' . port('PORT') . '/_wix/callback';
my $emu = start_emulator(redirect_uri => [$callback]);

my @got = run();
my @flows = do { my %seen; grep { !$seen{$_}++ } map { $_->{flow} } @got };

for my $flow (@flows) {
    subtest $flow => sub {
        for my $check (grep { $_->{flow} eq $flow } @got) {
            ok($check->{ok}, $check->{what})
                or diag(explain({map { $_ => $check->{$_} } qw(got want)}));
        }
    };
}


subtest 'what the emulator saw' => sub {
    my @log = $emu->log_entries('*');
    my %op = map { $_->{op} => 1 } @log;

    for my $op (qw(token.anonymous token.authorization_code
                   token.refresh_token token-info register login verify
                   recovery redirect-session.auth redirect-session.logout
                   members-my authorize site-login reset-password logout))
    {
        ok($op{$op}, $op);
    }

    # who asks for what, as long as it is answered
    my %kind;
    $kind{$_->{op}}{"$_->{auth} $_->{token}"} = 1
        for grep { $_->{role} eq 'api' && ($_->{status} // 0) == 200 } @log;

    my %want = (
        (map { $_ => 'none none' } qw(token.anonymous token.refresh_token
             token.authorization_code token-info)),
        (map { $_ => 'raw visitor' } qw(register login verify recovery
             redirect-session.auth)),
        (map { $_ => 'raw member' } qw(redirect-session.logout members-my)),
    );

    is_deeply({map { $_ => join(', ', sort keys %{$kind{$_}}) } keys %kind},
              \%want, 'with these tokens, and no others');

    is(join(' ', grep { /unknown/ } sort keys %op), '',
       'every path is one that it knows');
    is(join(' ', map { $_->{op} }
            grep { !$_->{fault} && ($_->{status} // 0) >= 500 } @log), '',
       'and none has made it stumble');
};

done_testing();


# npm works beside a copy of what is in t/sdk, and only when that has changed
sub install {
    my @files = ('.npmrc', 'package.json', 'package-lock.json',
                 map { s{.*/}{}r } glob "$sources/*.mjs");
    my $stamp = sha256_hex(map { slurp("$sources/$_") } @files[0 .. 2]);

    make_path($build);
    copy("$sources/$_", "$build/$_") or die "$build/$_: $!\n" for @files;

    my $done = "$build/node_modules/.complete";
    return if -f $done && slurp($done) eq $stamp;

    remove_tree("$build/node_modules");

    my $out = `cd \Q$build\E && npm ci --include=dev 2>&1`;

    if ($?) {
        die "npm ci (this test needs a registry of npm):\n$out";
    }
    spew($done, $stamp);
    return;
}

sub run {
    local %ENV = (
        %ENV,
        WIX_CLIENT_ID        => $emu->client,
        WIX_REDIRECT_URI     => $callback,
        WIX_EMULATOR_API     => $emu->api,
        WIX_EMULATOR_CONTROL => "http://127.0.0.1:$emu->{control_port}",
    );
    my $file = temp_dir() . '/node.log';
    my $status = system("node \Q$build\E/flows.mjs > \Q$file\E 2>&1");
    my @lines = map { /^\{/ ? decode_json($_) : () } split /\n/, slurp($file);
    my $end = pop @lines;

    is($status, 0, 'node ends well') or diag(slurp($file));
    is($end->{end}, scalar @lines, 'and has got to the end')
        or diag(slurp($file));
    return grep { defined $_->{flow} } @lines;
}
