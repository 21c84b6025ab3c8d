#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The security notes name a test for everything that went wrong at other
# gates: each row is there, and each test that it names.  Then those rows that
# the sources themselves prove.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

use constant ROWS => 55;

my $top = abs_path(dirname(__FILE__) . '/..');
my $head = '## What went wrong elsewhere, and what proves that it does not '
    . 'here';


# What is wrong with a section: texts, none when all is well.
sub faults {
    my ($text) = @_;

    my ($section) = $text =~ /^\Q$head\E$(.*?)(?=^## |\z)/ms
        or return 'there is no such section';
    my @rows = grep { /^\|/ } split /\n/, $section;
    my ($next, @bad) = (1);

    # the names of the columns, and the line below them
    shift @rows for 1 .. 2;

    for my $row (@rows) {
        my ($n, $fault, $rule, $proof, @more)
            = map { s/^\s+|\s+$//gr } split /\|/, $row =~ s/^\||\|$//gr;

        if (($n // '') ne $next) {
            push @bad, "row $next is not there, but \"" . ($n // '') . '"';
            last;
        }
        push @bad, map { "row $n: $_" }
            @more ? 'more than four columns'
            : grep({ !length } $fault, $rule, $proof)
            ? 'an empty column' : proofs($proof);
        $next++;
    }

    push @bad, $next - 1 . ' rows of ' . ROWS if $next - 1 != ROWS;
    return @bad;
}

# `file: name`; `file: name`, or why there is none
sub proofs {
    my ($text) = @_;

    return $text =~ /^cannot apply: \w.{20,}/ ? () : 'a reason is no reason'
        if $text =~ /^cannot apply/;

    my @list = $text =~ /`([^`]*)`/g;
    my $rest = $text =~ s/`[^`]*`//gr;

    return 'neither a test nor a reason' if !@list;
    return "beside the tests: $rest" if $rest !~ /^(?:; )*$/
        || split(/; /, $text, -1) != @list;

    return map { named($_) } @list;
}

sub named {
    my ($what) = @_;

    my ($file, $name) = $what =~ m{^(t/[\w./-]+\.(?:t|c)): (.+)$}
        or return "\"$what\" is not \"file: test\"";
    return "there is no $file" if !-f "$top/$file";

    my $found = $file =~ /\.c$/
        ? grep { index($_, $name) == 0 } checks(slurp("$top/$file"))
        : grep { $_ eq $name } subtests(slurp("$top/$file"));

    return $found ? () : "$file has no test \"$name\"";
}

# the names of subtests as they are written, without what is computed
sub subtests {
    my ($code) = @_;

    my $string = qr/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/s;
    my @names;

    while ($code =~ /^\s*subtest\b([^{};]*?$string[^{};]*?)=>\s*sub\b/msg) {
        my $name = join '', map { s/^.|.$//sgr =~ s/\\(['"\\])/$1/gr }
            $1 =~ /$string/g;
        push @names, $name =~ s/^\s+|\s+$//gr;
    }
    return @names;
}

# the formats of ok() in the unit tests
sub checks {
    my ($code) = @_;

    my @names;
    my $string = qr/"(?:[^"\\]|\\.)*"/;

    while ($code =~ /\bok(\((?:[^()"]++|$string|(?1))*\));/g) {
        my ($format) = $1 =~ /((?:$string\s*)+)(?:,[^"]*)?\)\z/ or next;
        push @names, join '', $format =~ /"((?:[^"\\]|\\.)*)"/g;
    }
    return map { s/\\"/"/gr } @names;
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

sub spew {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return;
}


my $text = slurp("$top/docs/security.md");

is(join("\n", faults($text)), '', 'every row has its tests');

# and would be missed
my %broken = (
    'a row'           => sub { s/^\| 17 \|.*\n//m },
    'the last row'    => sub { s/^\| 55 \|.*\n//m },
    'a row twice'     => sub { s/^(\| 3 \|.*\n)/$1$1/m },
    'all rows'        => sub { s/^\| \d+ \|.*\n//mg },
    'the section'     => sub { s/^\Q$head\E$/## Else/m },
    'a file'          => sub { s{`t/74-lessons}{`t/99-lessons} },
    'a test'          => sub { s/: row 9: a decision/: row 9: no decision/ },
    'a part of a name' => sub { s/: malformed request lines`/: malformed`/ },
    'a test in C'     => sub { s/: row 21: no field/: row 21: a field/ },
    'a rule'          => sub { s/^(\| 5 \|[^|]*\|)[^|]*\|/$1 |/m },
    'the proof'       => sub { s/^(\| 5 (?:\|[^|]*){2}\|)[^|]*\|/$1 |/m },
    'words for it'    => sub {
        s/^(\| 5 (?:\|[^|]*){2}\|)[^|]*\|/$1 trust us |/m },
    'a reason'        => sub {
        s/^(\| 5 (?:\|[^|]*){2}\|)[^|]*\|/$1 cannot apply: no |/m },
);

for my $what (sort keys %broken) {
    local $_ = $text;
    $broken{$what}->();
    isnt($_, $text, "without $what");
    isnt(join('', faults($_)), '', "without $what it fails");
}

{
    local $_ = $text;
    my $why = 'cannot apply: here is no such thing at all';
    s/^(\| 5 (?:\|[^|]*){2}\|)[^|]*\|/$1 $why |/m;
    is(join("\n", faults($_)), '', 'a row that cannot apply says why');
}


# What no test from outside can show, the sources do.

# A compiler is told that the configuration is constant: only what reads the
# configuration file may still assign to it.
subtest 'row 1: the configuration is constant when requests come' => sub {
    my ($objs) = grep { -f "$_/ngx_auto_config.h" }
        glob "$top/build/objs-packaged-*";
    my $src = $ENV{WIX_AUTH_NGINX_DEV} || '/usr/share/nginx/src';

    plan skip_all => 'nginx-dev is not built here' if !$objs;

    my $dir = tempdir(CLEANUP => 1);

    my $conf = slurp("$top/ngx_http_wix_auth_module/ngx_http_wix_auth_conf.h");
    my @types = $conf =~ /^\} (ngx_http_wix_auth_\w+_t);$/mg;

    $conf =~ s/^\} ($_);$/} $1_file;\ntypedef const $1_file $1;/m for @types;
    $conf =~ s/^typedef (struct (ngx_http_wix_auth_\w+)_s)/typedef const $1/mg
        and push @types, "$2_t";
    cmp_ok(scalar @types, '>=', 15, 'types of the configuration');

    for my $file (glob "$top/ngx_http_wix_auth_module/*.[ch]") {
        my $text = $file =~ /_conf\.h$/ ? $conf : slurp($file);

        # with a ngx_conf_t in hand the configuration is being read
        $text =~ s/^(\w+\([^)]*\bngx_conf_t \*\w+[^)]*\))\n\{\n.*?^\}/$1
{
}/msg;
        spew("$dir/" . $file =~ s{.*/}{}r, $text);
    }

    my $rules = slurp("$top/t/house-rules");
    my %reads = map { $_ => 1 } qw(module directives check),
        $rules =~ /^    (\w+) +=> '(?:directives|check)',$/mg;

    my @command = ($ENV{CC} || 'gcc', '-std=gnu99', '-fsyntax-only', '-w',
        (map { "-I$src/src/$_" } 'core', 'event', 'event/modules', 'os/unix',
            'http', 'http/modules', 'http/v2'),
        "-I$objs", "-I$dir", '-DNGX_HTTP_WIX_AUTH_PAGES=\'"pages"\'');

    my $assigns = sub {
        return grep { /\berror:/ } split /\n/, `@command @_ 2>&1`;
    };

    # what is below all that knows it is left out
    my @files = grep { !/fetch|json/
                       && !$reads{s/.*ngx_http_wix_auth_(\w+)\.c$/$1/r} }
        glob "$dir/*.c";

    cmp_ok(scalar @files, '>=', 40, 'files that serve requests');

    # all in one, which is much faster
    spew("$dir/all.c", join '', map { qq(#include "$_"\n) } @files);
    is_deeply([$assigns->("$dir/all.c")], [], 'none assigns to it');

    # the control
    spew("$dir/bad.c", qq(#include "ngx_http_wix_auth_conf.h"\n)
        . 'void f(ngx_http_wix_auth_conf_t *c) { c->mode = 1; }' . "\n");
    like(join("\n", $assigns->("$dir/bad.c")), qr/read-only/,
         'one that would is found');
};


subtest 'row 14: one file writes Location, and one function takes a return'
    => sub
{
    my $src = $top . '/ngx_http_wix_auth_module';
    my (@writers, @judges);

    for my $file (glob "$src/*.c") {
        my $text = slurp($file) =~ s{/\*.*?\*/}{}gsr;
        my $name = $file =~ s/.*ngx_http_wix_auth_(\w+)\.c$/$1/r;

        push @writers, $name if $text =~ /"Location"|headers_out\.location\b/;
        push @judges, $name
            if $text =~ /^ngx_http_wix_auth_(?:url_)?return\w*\(/m
            && $text =~ /'\\\\'/;
    }

    is("@writers", 'answer', 'the writer');
    is("@judges", 'url', 'the judge');
};


subtest 'row 22: secrets are compared in constant time' => sub {
    my $src = $top . '/ngx_http_wix_auth_module';
    my (@bad, $n);

    # what is compared byte by byte is not secret: names, texts of a
    # configuration, ids that are keyed hashes or public
    my $secret = qr/mac|tag|secret|\bkey(?!\.len)\b|derived|cookie(?!s\b)|
                    token|\bstate(?:\.|->)data|code|password|binding|verifier|
                    nonce|digest|captcha|sealed/x;
    my $harmless = qr/names?\[|\.name\b|->name\b|value\[\d|\bstate\.data,\s*"
                      |"[\w.=:<!\-]+"|h\[i\]\.key|call->code\b/x;

    for my $file (glob "$src/*.c") {
        my $text = slurp($file) =~ s{/\*.*?\*/}{}gsr;
        my $name = $file =~ s/.*ngx_http_wix_auth_(\w+)\.c$/$1/r;

        while ($text =~ /\b((?:ngx_)?(?:memcmp|strn?(?:case)?cmp)
                         (\((?:[^()]++|(?2))*\)))/gx)
        {
            my $call = $1 =~ s/\s+/ /gr;
            $n++;
            push @bad, "$name: $call"
                if $call =~ $secret && $call !~ $harmless;
        }
    }

    cmp_ok($n, '>', 50, 'comparisons were found');
    is_deeply(\@bad, [], 'none of them is of a secret');
    is(scalar(() = slurp("$src/ngx_http_wix_auth_crypto.c")
              =~ /\bCRYPTO_memcmp\(/g), 1, 'which have one function');
};

done_testing();
