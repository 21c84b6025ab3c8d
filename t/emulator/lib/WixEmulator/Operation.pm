package WixEmulator::Operation;

# What all operations of the API share: who may call, how a refusal looks,
# and a few checks of what was sent.

use Mojo::Base -base, -signatures;

use Exporter          qw(import);
use WixEmulator::Util qw(answer api_error violation);

our @EXPORT_OK = qw(is_email text_of unknown_fields);

has 'store';

# Authorization of everything but tokens. Returns an error, or undef.

sub refuse ($self, $req, $want) {
    my $config = $self->store->config;
    my $kind   = $req->{token_kind} // 'none';

    return $self->_unauthenticated('Authorization carries a scheme')
        if $req->{auth} eq 'bearer' && !$config->{acceptBearer};
    return $self->_unauthenticated("access token is $kind")
        if $kind !~ /\A(?:visitor|member)\z/;

    $self->store->used($req->{token_record});

    return undef if $want eq 'any' || $want eq $kind;
    return undef if $want eq 'visitor' && $config->{acceptMemberForLogin};
    return api_error(403, 'PERMISSION_DENIED', "needs a $want token");
}

sub _unauthenticated ($self, $why) {
    my $code = $self->store->config->{unauthenticatedCode};

    return length $code
        ? api_error(401, $code, $why)
        : answer({message => $why, details => {}}, 401);
}

# Errors with a code of their own. The status of some is not public: both
# the status and the spelling can be changed, for all or for one member.
my %errors = (
    '-19999' => [404, 'Identity not found'],
    '-19976' => [401, 'wrong password'],
    '-19973' => [403, 'password must be reset'],
    '-19995' => [409, 'email is already registered', 'DUPLICATE_EMAIL'],
    '-19971' => [400, 'captcha is missing', 'MISSING_CAPTCHA_TOKEN'],
    '-19970' => [400, 'captcha is invalid', 'INVALID_CAPTCHA_TOKEN'],
    '-19959' => [429, 'too many attempts', 'THROTTLED_FEATURE'],
    '-19958' => [403, 'waiting for approval'],
    '-19956' => [403, 'access denied'],
    '-19980' => [403, 'denied by site owner', 'USER_EMAIL_OFAC_ADDRESS'],
    '-19984' => [400, 'invalid session', 'INVALID_LD_SESSION'],
    '-19901' => [429, 'too many mails sent'],
    VERIFICATION_FAILED   => [400, 'wrong or expired code'],
    RESOURCE_EXHAUSTED    => [429, 'too many attempts'],
    IP_ADDRESS_FILTERED   => [403, 'address is filtered'],
    EMAIL_VERIFICATION_REQUIRED   => [403, 'verify the address first'],
    REENROLLMENT_REQUIRED_BY_ADMIN => [403, 'must enroll again'],
    RECOVERY_TOKEN_DATA_NOT_FOUND => [404, 'reset link used or expired'],
    FAILED_TO_EXTRACT_SESSION     => [400, 'Failed to extract session'],
);

sub fail ($self, $code, $member = undef) {
    my $config = $self->store->config;
    my ($status, $text, $textual) = @{$errors{$code} // [400, $code]};
    my $spelling = $member->{codes} // $config->{codes};
    my $shown    = $spelling eq 'textual' ? $textual // $code : $code;

    $shown  = $config->{codeNames}{$code} // $shown;
    $shown  = $member->{code_text} if defined $member->{code_text};
    $status = $config->{statuses}{$code} // $status;
    $status = $member->{status} if defined $member->{status};

    return api_error($status, $shown, "$text ($shown)");
}

sub unknown_fields ($prefix, $hash, @known) {
    my %known = map { $_ => 1 } @known;

    return map { violation("$prefix$_", 'is not a known field',
        rule => 'UNKNOWN_FIELD') } grep { !$known{$_} } sort keys %$hash;
}

sub is_email ($text) {
    return defined $text && !ref $text && length $text <= 254
        && $text =~ /\A[^\s\@"(),:;<>\[\\\]]+\@[^\s\@.]+(?:\.[^\s\@.]+)+\z/;
}

sub text_of ($value) {
    return defined $value && !ref $value && length $value ? "$value" : undef;
}

1;
