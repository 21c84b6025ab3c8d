package WixEmulator::API;

# The role of www.wixapis.com: tokens, login, registration, verification,
# recovery, redirect sessions, the current member. Strict on purpose: what the
# real service would refuse is refused here, with the same kind of error.

use Mojo::Base -base, -signatures;

use WixEmulator::Accounts;
use WixEmulator::Operation qw(text_of);
use WixEmulator::Redirects;
use WixEmulator::Tokens;
use WixEmulator::Util      qw(answer api_error);

has 'store';
has accounts  => sub ($self) { _part($self, 'Accounts') };
has redirects => sub ($self) { _part($self, 'Redirects') };
has tokens    => sub ($self) { _part($self, 'Tokens') };

sub _part ($self, $name) {
    return "WixEmulator::$name"->new(store => $self->store);
}

# path => op, HTTP method, and the part and method that do the work. The first
# spelling of a path is the canonical one.
my %routes;

sub _route ($op, $method, $part, $call, @paths) {
    $routes{$_} = {op => $op, method => $method, part => $part, call => $call}
        for @paths;
    return;
}

_route('token', POST => tokens => 'token', '/oauth2/token');
_route('token-info', POST => tokens => 'token_info',
    '/oauth2/token-info', '/oauth2/token_info');
_route('register', POST => accounts => 'register',
    _iam('authentication/v2/register'));
_route('login', POST => accounts => 'login', _iam('authentication/v2/login'));
_route('verify', POST => accounts => 'verify',
    _iam('verification/v1/auth/verify'));
_route('recovery', POST => accounts => 'recovery',
    _iam('recovery/v1/send-email'));
_route('recover', POST => accounts => 'recover', _iam('recovery/v1/recover'));
_route(
    'redirect-session', POST => redirects => 'redirect_session',
    '/_api/redirects-api/v1/redirect-session',
    '/redirect-session/v1/redirect-session',
    '/headless/v1/redirect-session',
);
_route('members-my', GET => accounts => 'members_my',
    '/members/v1/members/my', '/_api/members/v1/members/my');

sub _iam ($path) { return ("/_api/iam/$path", "/iam/$path") }


# Names the operation and whom it is about, before anything happens: faults
# and the log need to know even when the operation is never performed.
sub identify ($self, $req) {
    my $route = $routes{$req->{path}};

    $req->{route} = $route;
    $req->{op}    = $route ? $route->{op} : 'unknown';
    $self->_note_authorization($req);
    return unless $route;

    if ($req->{op} eq 'token') { $self->_identify_token($req) }
    elsif ($req->{op} eq 'redirect-session') { $self->_identify_session($req) }
    else { $self->_identify_member($req) }

    $req->{email} //= $req->{token_record}{session}{email}
        if $req->{token_record};
    return;
}

sub _note_authorization ($self, $req) {
    my $value = $req->{headers}->authorization;

    $req->{auth} = 'none';
    return unless defined $value && length $value;

    $req->{auth} = $value =~ s/\ABearer\s+//i ? 'bearer' : 'raw';
    $self->store->secret(authorization => $value);
    $req->{authorization} = $value;
    $req->{token_kind}    = $self->store->access_kind($value);
    $req->{token_record}  = $self->store->access($value);
    return;
}

sub _identify_token ($self, $req) {
    my $p     = $req->{params} = _token_params($req) // {};
    my $store = $self->store;
    my $grant = text_of($p->{grant_type}) // '';

    $req->{op} = 'token.'
        . ($grant =~ /\A(?:anonymous|authorization_code|refresh_token)\z/
            ? $grant : 'unknown');
    $req->{client} = text_of($p->{client_id});

    my $code    = text_of($p->{code});
    my $refresh = text_of($p->{refresh_token});

    $store->secret(code => $code);
    $store->secret(refresh_token => $refresh);
    $store->secret(verifier => text_of($p->{code_verifier}));
    $store->secret(client_secret => text_of($p->{client_secret}));

    my $record
        = defined $code    ? $store->code_record($code)
        : defined $refresh ? $store->refresh_record($refresh)
        :                    undef;

    $req->{email} = $record->{session}{email} if $record;
    return;
}

# JSON or a form; camelCase or snake_case, in either.
sub _token_params ($req) {
    my $given = $req->{json} // $req->{form};
    return undef unless ref $given eq 'HASH';

    return {map { (s/([A-Z])/_\l$1/gr => $given->{$_}) } keys %$given};
}

sub _identify_session ($self, $req) {
    my $body = ref $req->{json} eq 'HASH' ? $req->{json} : {};
    my $auth = ref $body->{auth} eq 'HASH' ? $body->{auth} : {};
    my $ar   = ref $auth->{authRequest} eq 'HASH' ? $auth->{authRequest} : {};
    my $out  = ref $body->{logout} eq 'HASH' ? $body->{logout} : {};
    my ($intent) = grep { exists $body->{$_} } qw(auth logout login);

    $req->{op} .= '.' . ($intent // 'unknown');
    $req->{client} = text_of($ar->{clientId}) // text_of($out->{clientId});

    my $token = text_of($ar->{sessionToken}) // return;
    $self->store->secret(session_token => $token);

    my $record = $self->store->session_token_record($token);
    $req->{email} = $record->{email} if $record;
    return;
}

sub _identify_member ($self, $req) {
    my $body  = ref $req->{json} eq 'HASH' ? $req->{json} : {};
    my $login = ref $body->{loginId} eq 'HASH' ? $body->{loginId} : {};
    my $store = $self->store;

    $store->secret(password => text_of($body->{password}));
    $store->secret(state_token => text_of($body->{stateToken}));
    $store->secret(recovery_token => text_of($body->{recoveryToken}));
    $store->secret(verification_code => text_of($body->{code}));
    $store->secret(access_token => text_of($body->{token}));

    $req->{email} = text_of($login->{email}) // text_of($body->{email});
    $req->{client} = text_of($body->{redirect}{clientId})
        if ref $body->{redirect} eq 'HASH';

    my $record = $store->state_token_record(text_of($body->{stateToken}) // '');
    $req->{email} //= $record->{email} if $record;

    if ($req->{op} eq 'token-info') {
        my $access = $store->access(text_of($body->{token}) // '');
        $req->{email} = $access->{session}{email} if $access;
    }
    return;
}

sub perform ($self, $req) {
    return answer({}, 200) if $req->{method} eq 'OPTIONS';

    my $route = $req->{route}
        or return api_error(404, 'NOT_FOUND', 'no such endpoint');

    return api_error(405, 'METHOD_NOT_ALLOWED', 'method not allowed')
        if $req->{method} ne $route->{method};

    # Grants may come as a form, and have their own error format.
    return api_error(400, 'INVALID_ARGUMENT', 'body is not a JSON object')
        if $route->{method} eq 'POST' && $req->{op} !~ /\Atoken\./
        && ref $req->{json} ne 'HASH';

    my ($part, $call) = @$route{qw(part call)};
    return $self->$part->$call($req);
}

1;
