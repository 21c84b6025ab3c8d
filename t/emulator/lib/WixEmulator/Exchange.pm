package WixEmulator::Exchange;

# One request and its answer, on its connection. Knows how to answer properly
# and, for faults, how not to.

use Mojo::Base -base, -signatures;

use Mojo::IOLoop;
use Mojo::JSON        qw(decode_json);
use Mojo::Parameters;
use Mojo::Util        qw(encode);
use Socket            qw(SOL_SOCKET SO_LINGER);
use WixEmulator::Util qw(api_error json_text);

has [qw(tx role req entry)];

sub new ($class, %args) {
    my $self = $class->SUPER::new(%args);
    $self->req($self->_parse);
    return $self;
}

sub _parse ($self) {
    my $in   = $self->tx->req;
    my $url  = $in->url;
    my $type = $in->headers->content_type // '';
    my $body = $in->body;
    my $req  = {
        role         => $self->role->{name},
        method       => $in->method,
        path         => $url->path->to_string,
        query        => $url->query->to_hash,
        query_string => $url->query->to_string,
        headers      => $in->headers,
    };

    # Whoever types a command on the control port need not name the type.
    if ($self->role->{name} eq 'control') {
        $req->{json}     = eval { decode_json($body) };
        $req->{bad_json} = length $body && !defined $req->{json};
    }
    elsif ($type =~ m{\Aapplication/json\s*(?:;|\z)}i) {
        $req->{json} = eval { decode_json($body) };
    }
    elsif ($type =~ m{\Aapplication/x-www-form-urlencoded\s*(?:;|\z)}i) {
        $req->{form} = Mojo::Parameters->new($body)->to_hash;
    }

    return $req;
}

# A bug in the emulator is an answer as well, never a silent connection.
sub perform ($self) {
    my $answer = eval { $self->role->{app}->perform($self->req) };
    return $answer if $answer;

    warn "wix-emulator: $self->{req}{op}: $@";
    return api_error(500, 'EMULATOR_BUG', "$@");
}

sub send ($self, $answer) {
    $self->_finish($answer);
    return unless $self->_stream;

    my $res     = $self->tx->res->code($answer->{status});
    my $headers = $self->_headers($answer);

    $res->headers->header($_ => $headers->{$_}) for sort keys %$headers;

    if ($answer->{chunked}) {
        $res->content->write_chunk(_body_of($answer) =>
            sub ($content, $offset) { $content->write_chunk('') });
    }
    else { $res->body(_body_of($answer)) }

    $self->tx->resume;
    return;
}

sub _finish ($self, $answer) {
    $self->entry->{status} = $answer->{status};
    $self->entry->{error}  = _error_of($answer->{json});
    return;
}

# Codes are no secret, and the log is easier to read with them.
sub _error_of ($json) {
    return undef unless ref $json eq 'HASH';
    return $json->{error} if $json->{error};

    my $details = $json->{details};
    return undef unless ref $details eq 'HASH';
    return $details->{applicationError}{code} if $details->{applicationError};
    return $details->{validationError} ? 'validationError' : undef;
}

sub _body_of ($answer) {
    return exists $answer->{json}
        ? json_text($answer->{json}) : encode('UTF-8', $answer->{body});
}

sub _headers ($self, $answer) {
    my $in     = $self->tx->req->headers;
    my $origin = $in->origin;
    my %out    = (
        'x-wix-request-id' => $self->entry->{requestId},
        (exists $answer->{json} ? ('Content-Type' => 'application/json') : ()),
    );

    if ($self->role->{name} eq 'api') {
        $out{'Access-Control-Allow-Origin'} = $origin // '*';
        $out{'Access-Control-Expose-Headers'} = 'x-wix-request-id';

        if ($self->req->{method} eq 'OPTIONS') {
            $out{'Access-Control-Allow-Methods'} = 'GET, POST, OPTIONS';
            $out{'Access-Control-Allow-Headers'}
                = $in->header('Access-Control-Request-Headers')
                // 'authorization, content-type';
            $out{'Access-Control-Max-Age'} = 600;
        }
    }

    return {%out, %{$answer->{headers} // {}}};
}

# The answer as bytes, for faults that do not send it the usual way.
sub raw ($self, $answer) {
    my $body    = _body_of($answer);
    my $headers = $self->_headers($answer);

    $self->_finish($answer);
    return join "\r\n", "HTTP/1.1 $answer->{status} OK",
        (map {"$_: $headers->{$_}"} sort keys %$headers),
        'Content-Length: ' . length $body, '', $body;
}

sub _stream ($self) { return Mojo::IOLoop->stream($self->tx->connection) }

sub write_raw ($self, $bytes, $then) {
    my $stream = $self->_stream or return;
    $stream->write($bytes => sub { $then->() });
    return;
}

sub close ($self, @) {
    my $stream = $self->_stream or return;
    $stream->close;
    return;
}

# Lingering for no time makes the kernel send RST and drop what was unsent.
# TLS must not say goodbye before that.
sub rst ($self) {
    my $stream = $self->_stream or return;
    my $handle = $stream->steal_handle;

    setsockopt $handle, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $handle->isa('IO::Socket::SSL')
        ? $handle->close(SSL_no_shutdown => 1) : CORE::close($handle);
    $stream->emit('close');
    return;
}

1;
