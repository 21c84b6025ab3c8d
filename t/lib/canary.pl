#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# canary.pl PORT: the site behind the gate in tests.  Answers every request
# with what it got, as JSON, and remembers it (GET /__canary/log, POST
# /__canary/clear).  A WebSocket is echoed.  A query may ask for:
#
#     __status=404                    another status
#     __header=Name:value             a header of the answer, repeatable
#     __delay=0.5                     seconds before the answer
#     __size=100000                   a body of so many bytes, not JSON

use Mojo::Base -strict, -signatures;

use Digest::MD5 qw(md5_hex);
use Mojo::IOLoop;
use Mojo::JSON qw(encode_json);
use Mojo::Server::Daemon;
use Mojo::Util qw(decode);
use Mojolicious;

my $port = shift // die "usage: canary.pl PORT\n";
my $app = Mojolicious->new(mode => 'production');
my @got;

$app->log->level('warn');
$app->max_request_size(0);
$app->secrets(['canary']);
$app->renderer->compress(0);

$app->routes->websocket('/*any' => {any => ''})->to(cb => sub ($c) {
    remember($c, 'websocket');
    $c->on(message => sub ($c, $message) { $c->send($message) });
});

$app->routes->any('/__canary/log')->to(cb => sub ($c) {
    $c->render(data => encode_json(\@got), format => 'json');
});

$app->routes->post('/__canary/clear')->to(cb => sub ($c) {
    @got = ();
    $c->render(data => '');
});

$app->routes->any('/*any' => {any => ''})->to(cb => sub ($c) {
    my $entry = remember($c, 'http');
    my $query = $c->req->query_params;

    for my $header (@{$query->every_param('__header')}) {
        my ($name, $value) = split /:\s*/, $header, 2;
        $c->res->headers->add($name => $value);
    }

    $c->res->code($query->param('__status') // 200);

    my $answer = sub {
        my $size = $query->param('__size');
        $c->res->headers->content_type('application/json')
            if !$c->res->headers->content_type;
        $c->render(data => defined $size ? 'x' x $size : encode_json($entry),
                   status => $c->res->code);
    };

    if (my $delay = $query->param('__delay')) {
        $c->render_later;
        my $tx = $c->tx;
        Mojo::IOLoop->timer($delay => sub { $tx && $answer->() });
        return;
    }

    $answer->();
});

# names in lower case, every value in order
sub remember ($c, $kind) {
    my $req  = $c->req;
    my $body = $kind eq 'http' ? $req->body : '';
    my %headers;

    for my $name (@{$req->headers->names}) {
        push @{$headers{lc $name}}, @{$req->headers->every_header($name)};
    }

    my $entry = {
        kind     => $kind,
        method   => $req->method,
        uri      => $req->url->to_string,
        headers  => \%headers,
        body_md5 => md5_hex($body),
        length   => length $body,
        body     => decode('UTF-8', substr $body, 0, 4096) // '',
    };

    push @got, $entry;
    shift @got if @got > 10_000;

    return $entry;
}

my $daemon = Mojo::Server::Daemon->new(
    app => $app, listen => ["http://127.0.0.1:$port"], silent => 1,
    keep_alive_timeout => 60,
);

$SIG{TERM} = $SIG{INT} = sub { exit 0 };
$daemon->run;
