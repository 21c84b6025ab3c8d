package WixEmulator;

# Three listeners in one process: the API, the site, and the control port.

use Mojo::Base -base, -signatures;

use Mojo::IOLoop;
use Mojo::JSON;
use Mojo::Server::Daemon;
use Mojo::URL;
use Mojolicious;
use WixEmulator::API;
use WixEmulator::Control;
use WixEmulator::Exchange;
use WixEmulator::Fault;
use WixEmulator::Site;
use WixEmulator::Store;
use WixEmulator::Util qw(guid);

use constant {
    MAX_CONNECTIONS => 100_000,
    MAX_BODY        => 1024 * 1024,
    PRUNE_INTERVAL  => 30,
};

has [qw(store faults)];
has [qw(tls)];
has keep_alive => 300;
has addresses  => sub { {} };
has daemons    => sub { [] };

sub new ($class, %args) {
    my $self = $class->SUPER::new(%args);

    $self->faults(WixEmulator::Fault->new(emulator => $self));

    my $api = WixEmulator::API->new(store => $self->store);
    my %app = (
        api  => $api,
        site => WixEmulator::Site->new(
            store => $self->store, api => $api, tls => !!$self->tls),
        control => WixEmulator::Control->new(
            store => $self->store, faults => $self->faults,
            emulator => $self),
    );

    $self->{roles} = {map { $_ => {name => $_, app => $app{$_}} } keys %app};
    return $self;
}

# Where a role listens, as "host:port"; port 0 picks a free one.
sub listen ($self, $name, $where) {
    my ($host, $port) = $where =~ /\A(.+):(\d+)\z/
        or die "wix-emulator: not an address: $where\n";

    # The name stays in the URL; the socket wants the IPv4 loopback.
    my $bind   = $host eq 'localhost' ? '127.0.0.1' : $host;
    my $tls    = $self->tls && $name ne 'control';
    my $listen = ($tls ? 'https' : 'http') . "://$bind:$port";

    $listen .= '?cert=' . $self->tls . '/server.crt&key=' . $self->tls
        . '/server.key' if $tls;

    my $daemon = $self->_daemon($listen, $self->{roles}{$name});
    push @{$self->daemons}, $daemon;

    $port = $daemon->start->ports->[0];
    $self->addresses->{$name} = ($tls ? 'https' : 'http') . "://$host:$port";
    return $port;
}

# The listener's events are enough: no application, no routing.
sub _daemon ($self, $listen, $role) {
    my $app = Mojolicious->new;
    $app->log->level('fatal');
    $app->max_request_size(MAX_BODY);

    my $daemon = Mojo::Server::Daemon->new(
        app                => $app,
        listen             => [$listen],
        silent             => 1,
        max_clients        => MAX_CONNECTIONS,
        max_requests       => 1_000_000_000,
        inactivity_timeout => 0,
        keep_alive_timeout => $self->keep_alive,
        backlog            => 4096,
    );

    $daemon->unsubscribe('request');
    $daemon->on(request => sub ($daemon, $tx) { $self->_serve($role, $tx) });
    return $daemon;
}

sub _serve ($self, $role, $tx) {
    my $exchange = WixEmulator::Exchange->new(tx => $tx, role => $role);
    my $req      = $exchange->req;

    $role->{app}->identify($req);
    $exchange->entry(_entry($req, $tx));

    return $exchange->send($exchange->perform) if $role->{name} eq 'control';

    my $entry = $self->store->log_entry($exchange->entry);
    my $fault = $self->faults->take($req);

    return $exchange->send($exchange->perform) unless $fault;

    # The client may leave while its request is held.
    $tx->on(finish => sub {
        $entry->{aborted} = Mojo::JSON->true
            if $self->faults->abandoned($entry->{seq});
    });
    $entry->{fault} = $fault->{action}{type};
    $self->faults->apply($fault, $exchange);
    return;
}

# No values of headers, no query: the log is safe to show.
sub _entry ($req, $tx) {
    return {
        role       => $req->{role},
        op         => $req->{op},
        method     => $req->{method},
        path       => $req->{path},
        query      => [sort keys %{$req->{query}}],
        status     => undef,
        fault      => undef,
        client     => $req->{client},
        email      => $req->{email},
        headers    => $req->{headers}->names,
        host       => $req->{headers}->host,
        auth       => $req->{auth},
        token      => $req->{token_kind} // 'none',
        bearer     => ($req->{auth} // '') eq 'bearer'
            ? Mojo::JSON->true : Mojo::JSON->false,
        connection => $tx->connection,
        requestId  => guid(),
    };
}

sub run ($self) {
    my $loop = Mojo::IOLoop->singleton;

    # Signals are only noticed between events, so there is one each moment.
    local $SIG{INT} = local $SIG{TERM} = sub { $loop->stop };
    local $SIG{PIPE} = 'IGNORE';
    $loop->recurring(0.25 => sub { });
    $loop->recurring(PRUNE_INTERVAL, sub { $self->store->prune });
    $loop->start;
    return;
}

1;
