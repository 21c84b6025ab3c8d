package WixAuthTest::BenchCount;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Instructions of a request, by callgrind: with the same compiler the same
# within some tens, and what t/47-instructions.t keeps small.  Nothing is
# proxied, so that the gate is as large a part of the request as can be.

use strict;
use warnings;

use Exporter qw(import);
use WixAuthTest::Bench;
use WixAuthTest::Instructions;

our @EXPORT = qw(count_instructions);

use constant {FEW => 100, MANY => 20_000};

# who is looked up: some of the few, and some from all over the many
my %who = (FEW, [map { $_ * 11 } 1 .. 5], MANY, [map { $_ * 3_511 } 1 .. 5]);

my $gated = '$wix_auth_member_id $wix_auth_email $wix_auth_status';
my $alike = '$host $request_method $uri';

# a token of the sessions' length
my $token = 'x' x 1000;


sub count_instructions {
    heading('instructions',
        'Of a request that is answered with a picture of 43 bytes on a'
            . ' connection that stays',
        'open, counted by callgrind.  The ungated nginx has not loaded the'
            . ' module.  "used": member',
        'id, e-mail and status in a header of the answer, where the ungated'
            . ' one sends other',
        'variables; "token": the access token as well, or as many bytes.');

    my (%count, %free);

    for ([plain => $alike], [used => $alike], [token => "$alike $token"]) {
        my ($what, $header) = @$_;
        my $nginx = free_site("free_$what", $header);

        $free{$what} = instructions($nginx,
            $what eq 'plain' ? '/plain' : '/used');
        $nginx->stop;
    }

    for my $n (FEW, MANY) {
        my $nginx = counted_site("count_$n", $n, $gated);
        my @who = @{$who{$n}};

        $count{$n} = {map { $_ => instructions($nginx, "/$_", @who) }
                      qw(off used plain)};

        # of the last one
        $count{$n}{find} = inclusive($nginx, 'ngx_http_wix_auth_session_find');
        $nginx->stop;

        $nginx = counted_site("token_$n", $n,
                              "$gated \$wix_auth_access_token");
        $count{$n}{token} = instructions($nginx, '/used', @who);
        $nginx->stop;
    }

    return judge(\%count, \%free);
}

sub judge {
    my ($count, $free) = @_;

    my ($few, $many) = @$count{FEW, MANY};
    my @rows = (
        ['ungated', '-', $free->{plain}, ''],
        ['ungated, used', '-', $free->{used}, ''],
        ['ungated, token', '-', $free->{token}, ''],
    );

    for my $n (FEW, MANY) {
        my $c = $count->{$n};

        push @rows, ['wix_auth off', $n, $c->{off}, $c->{off} - $free->{plain}],
            ['hit', $n, $c->{plain}, $c->{plain} - $free->{plain}],
            map { ["hit, $_", $n, $c->{$_}, $c->{$_} - $free->{$_}] }
                qw(used token);
    }

    table(['', 'sessions', 'a request', 'more than ungated'], @rows);

    say_line(sprintf '   The look-up alone: %s with %d sessions, %s with %d.',
             $few->{find} // 'unknown', FEW, $many->{find} // 'unknown', MANY);
    say_line();

    must('instructions that a used hit adds',
         $few->{used} - $free->{used}, '<=', 2200);
    must('instructions that ' . MANY . ' sessions add to ' . FEW,
         $many->{used} - $few->{used}, '<=', 300);

    return $count;
}

1;
