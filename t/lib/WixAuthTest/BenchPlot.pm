package WixAuthTest::BenchPlot;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Draws the ratios of the section throughput: a bar to the median of all
# rounds, a line over their range.
#
#     plot($file, 'a title', [words, ratio, ratio, ...], ...);

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);
use WixAuthTest ();
use WixAuthTest::Bench;

our @EXPORT = qw(plot);

use constant {
    WIDTH => 760, LEFT => 260, RIGHT => 70, TOP => 56, ROW => 26, BAR => 14,
    BOTTOM => 34, STEP => 0.2,
};

my $font = 'font-family="sans-serif" font-size="12"';


sub plot {
    my ($file, $title, @rows) = @_;

    # the range of the worst round belongs into the picture, too
    my $most = STEP * (1 + int(max(1, map { high(@$_[1 .. $#$_]) } @rows)
                               / STEP));
    my $height = TOP + @rows * ROW + BOTTOM;
    my $x = sub {
        return LEFT + (WIDTH - LEFT - RIGHT) * $_[0] / $most;
    };

    my @svg = (sprintf('<svg xmlns="http://www.w3.org/2000/svg" width="%d"'
                       . ' height="%d" viewBox="0 0 %d %d">',
                       WIDTH, $height, WIDTH, $height),
               '<rect width="100%" height="100%" fill="#fff"/>',
               text(12, 24, 'start', $title));

    push @svg, axis($x, $most, @rows * ROW);

    for my $i (0 .. $#rows) {
        push @svg, bar($x, TOP + $i * ROW, @{$rows[$i]});
    }

    WixAuthTest::spew($file, join("\n", @svg, '</svg>') . "\n");
    say_line("   drawn: $file");
    return;
}

sub axis {
    my ($x, $most, $down) = @_;

    my @svg;

    for (my $i = 0; $i * STEP <= $most + 1e-9; $i++) {
        my $at = $x->($i * STEP);
        my $one = abs($i * STEP - 1) < 1e-9;

        push @svg, line($at, TOP - 8, $at, TOP + $down,
                        $one ? '#444' : '#ddd', 1),
            text($at, TOP + $down + 18, 'middle', sprintf '%.1f', $i * STEP);
    }
    return @svg;
}

sub bar {
    my ($x, $y, $words, @ratios) = @_;

    my $median = median(@ratios);
    my $mid = $y + BAR / 2;
    my ($from, $to) = ($x->(low(@ratios)), $x->(high(@ratios)));

    return (
        text(LEFT - 8, $mid + 4, 'end', $words),
        sprintf('<rect x="%.1f" y="%.1f" width="%.1f" height="%d"'
                . ' fill="#7aa6d8"/>', LEFT, $y, $x->($median) - LEFT, BAR),
        line($from, $mid, $to, $mid, '#123', 1.5),
        line($from, $mid - 4, $from, $mid + 4, '#123', 1.5),
        line($to, $mid - 4, $to, $mid + 4, '#123', 1.5),
        text(WIDTH - 12, $mid + 4, 'end', sprintf '%.3f', $median),
    );
}

sub line {
    my ($x1, $y1, $x2, $y2, $colour, $wide) = @_;

    return sprintf '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"'
        . ' stroke="%s" stroke-width="%s"/>', $x1, $y1, $x2, $y2, $colour,
        $wide;
}

sub text {
    my ($x, $y, $anchor, $words) = @_;

    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
    $words =~ s/([&<>])/$entity{$1}/g;

    return sprintf '<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>',
        $x, $y, $anchor, $font, $words;
}

1;
