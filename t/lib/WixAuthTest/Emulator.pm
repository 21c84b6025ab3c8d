package WixAuthTest::Emulator;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Starts t/emulator/wix-emulator and speaks to its control interface.

use strict;
use warnings;

use JSON::PP ();
use WixAuthTest::Client;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new {
    my ($class, %opt) = @_;

    return bless {
        kind   => 'emulator',
        client => '0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11',
        member => [],
        args   => [],
        %opt,
    }, $class;
}

sub api    { my ($s) = @_; return $s->{scheme} . "127.0.0.1:$s->{api_port}" }
sub site   { my ($s) = @_; return $s->{scheme} . "127.0.0.1:$s->{site_port}" }
sub client { return $_[0]{client} }

sub start {
    my ($self) = @_;

    my @args = (
        '--api'     => "127.0.0.1:$self->{api_port}",
        '--site'    => "127.0.0.1:$self->{site_port}",
        '--control' => "127.0.0.1:$self->{control_port}",
        '--client'  => $self->{client},
    );

    push @args, '--redirect-uri' => $_ for @{$self->{redirect_uri} // []};
    push @args, '--redirect-domain' => $_
        for @{$self->{redirect_domain} // []};
    push @args, '--member' => $_ for @{$self->{member}};
    push @args, '--access-ttl' => $self->{access_ttl}
        if defined $self->{access_ttl};
    push @args, '--rotate' => $self->{rotate} if defined $self->{rotate};
    push @args, '--tls' => $self->{tls} if defined $self->{tls};

    $self->{scheme} = defined $self->{tls} ? 'https://' : 'http://';
    $self->{pid} = WixAuthTest::spawn(
        $self->{log}, $^X, $self->{script}, @args, @{$self->{args}});

    WixAuthTest::await_port($self, $self->{$_}, 'the emulator')
        for qw(control_port api_port site_port);

    return $self;
}

sub stop { return WixAuthTest::stop_daemon($_[0]) }


# Control.  See t/emulator/README.md for what the paths do.

# control(GET => '/config'), control(POST => '/clock', {advance => 60})
sub control {
    my ($self, $method, $path, $data) = @_;

    $self->{control} //= WixAuthTest::Client->new(
        bare => 1, base => "http://127.0.0.1:$self->{control_port}");

    my $res = $self->{control}->request(
        $method, $path, (defined $data ? (body => $json->encode($data)) : ()));

    die "emulator: $method $path: " . ($res->{error} // $res->body) . "\n"
        if $res->status != 200;

    return $res->json;
}

sub configure { my $self = shift; return $self->control(POST => '/config', {@_}) }
sub advance   { return $_[0]->control(POST => '/clock', {advance => $_[1]}) }
sub reset     { return $_[0]->control(POST => '/reset') }
sub member    { my $self = shift; return $self->control(POST => '/members', {@_}) }
sub mint      { my $self = shift; return $self->control(POST => '/mint', {@_}) }
sub revoke    { my $self = shift; return $self->control(POST => '/revoke', {@_}) }
sub release   { return $_[0]->control(POST => '/release', {op => $_[1] // '*'}) }
sub inflight  { return $_[0]->control(GET => '/inflight') }

# the code of the newest mail to a member
sub mailed_code {
    my ($self, $email) = @_;
    return $self->control(GET => '/members/'
        . WixAuthTest::Client::url_escape($email) . '/code')->{code};
}

# fault('token.refresh_token', {type => 'status', status => 503},
#       count => 1, skip => 0, when => 'before', match => {email => ...})
# count -1 is for ever; gives the fault's number
sub fault {
    my ($self, $op, $action, %opt) = @_;

    my $match = {op => $op, %{delete $opt{match} // {}}};
    $action = {type => $action} if !ref $action;

    return $self->control(POST => '/faults',
        {match => $match, action => $action, %opt})->{id};
}

sub clear_faults {
    my ($self, $id) = @_;
    return $self->control(DELETE => '/faults' . (defined $id ? "/$id" : ''));
}

# requests of an operation: count('token'), count('login', email => ...),
# count('*', after => $seq)
sub count {
    my ($self, $op, %match) = @_;
    return $self->control(GET => '/count?' . WixAuthTest::Client::form_encode(
        {op => $op // '*', %match}))->{count};
}

# what the API and the site were asked, as hashes, oldest first
sub log_entries {
    my ($self, $op, %match) = @_;
    return @{$self->control(GET => '/log?' . WixAuthTest::Client::form_encode(
        {op => $op // '*', %match}))};
}

sub clear_log { return $_[0]->control(DELETE => '/log') }

# a list of {kind, value} of everything that no log may show
sub secrets {
    my ($self) = @_;
    return @{$self->control(GET => '/secrets')};
}

1;
