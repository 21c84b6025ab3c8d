#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The sample site of "make demo": shows what the gate told it.  Prints the
# port it listens on.

use Mojo::Base -strict, -signatures;

use Mojo::IOLoop;
use Mojo::Server::Daemon;
use Mojo::Util qw(xml_escape);
use Mojolicious;

my $app = Mojolicious->new(mode => 'production');
$app->log->level('warn');
$app->secrets(['demo']);

my $template = do { local $/; <DATA> };

$app->routes->any('/*any' => {any => ''})->to(cb => sub ($c) {
    my $headers = $c->req->headers;
    my %told = map { $_ => $headers->header("X-Wix-Auth-$_") // '' }
        qw(Member-Id Email Status Session-Remain Token-Remain);

    return $c->render(text => '', status => 404)
        if $c->req->url->path =~ /favicon/;

    my $rows = join "\n", map {
        my $name = $_;
        map { '<tr><th>' . xml_escape($name) . '</th><td>'
              . xml_escape($_) . '</td></tr>' }
            @{$headers->every_header($name)};
    } sort @{$headers->names};

    my $watching = defined $c->param('watch');

    my %value = (
        who     => $told{Email} || 'member',
        member  => $told{'Member-Id'} || '(none)',
        status  => $told{Status} || '-',
        token   => $told{'Token-Remain'} || 0,
        session => minutes($told{'Session-Remain'} || 0),
        method  => $c->req->method,
        path    => $c->req->url->to_string,
    );

    my $html = $template;
    my %markup = (
        rows  => $rows,
        watch => $watching
            ? '<meta http-equiv="refresh" content="3">' : '',
        link  => $watching
            ? '<a href="/">stop watching</a>'
            : '<a href="/?watch">watch a refresh</a>',
    );

    # in one pass, so that no value is taken for a placeholder
    $html =~ s{\{\{(\w+)\}\}}
        {$markup{$1} // xml_escape($value{$1} // '')}ge;

    $c->res->headers->content_type('text/html; charset=utf-8');
    $c->render(data => $html);
});

sub minutes ($seconds) {
    return $seconds >= 3600
        ? sprintf '%d h %02d min', $seconds / 3600, $seconds % 3600 / 60
        : sprintf '%d min %02d s', $seconds / 60, $seconds % 60;
}

my $daemon = Mojo::Server::Daemon->new(
    app => $app, listen => ['http://127.0.0.1:0'], silent => 1);

$daemon->start;
STDOUT->autoflush(1);
say 'port ', $daemon->ports->[0];

$SIG{TERM} = $SIG{INT} = sub { exit 0 };
Mojo::IOLoop->recurring(0.25 => sub { });
Mojo::IOLoop->start;

__DATA__
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{{watch}}
<title>Sample site</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881;
        --accent: #2563eb; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center;
         justify-content: space-between; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.05rem; }
.cards { display: grid; gap: .75rem; margin-top: 1.75rem;
         grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
.card { padding: .9rem 1rem; border: 1px solid var(--line);
        border-radius: .6rem; background: var(--soft); }
.card small { display: block; opacity: .7; }
.card b { font-size: 1.15rem; overflow-wrap: anywhere; }
.wide { grid-column: 1 / -1; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
th, td { padding: .4rem .5rem; border-bottom: 1px solid var(--line);
         text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { width: 40%; font-weight: 500; }
td { font-family: ui-monospace, monospace; }
button { padding: .5rem 1rem; font: inherit; color: #fff; cursor: pointer;
         background: var(--accent); border: 0; border-radius: .5rem; }
a { color: var(--accent); }
</style>
</head>
<body>
<main>
<header>
<h1>Welcome, {{who}}</h1>
<form method="post" action="/_wix/logout"><button>Log out</button></form>
</header>

<div class="cards">
<div class="card wide"><small>member id</small><b>{{member}}</b></div>
<div class="card"><small>access token has left</small><b><span id="token">{{token}}</span> s</b></div>
<div class="card"><small>session has left</small><b>{{session}}</b></div>
<div class="card"><small>this request was a</small><b>{{status}}</b></div>
</div>

<p>{{link}} &middot; <a href="/_wix/session">the session as JSON</a></p>

<h2>What this site received: {{method}} {{path}}</h2>
<table>
{{rows}}
</table>
</main>
<script>
var left = document.getElementById('token');
setInterval(function () {
    if (+left.textContent > 0) { left.textContent -= 1; }
}, 1000);
</script>
</body>
</html>
