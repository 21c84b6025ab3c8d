package WixEmulator::Util;

# Small things every part of the emulator needs: random names, tokens that
# look like Wix's, and the shapes of answers and errors.

use Mojo::Base -strict, -signatures;

use Digest::SHA  qw(hmac_sha256 sha1_hex sha256);
use Exporter     qw(import);
use MIME::Base64 qw(encode_base64url);
use Mojo::JSON   qw(encode_json);

our @EXPORT_OK = qw(
    random_bytes random_hex guid guid_from code6 challenge_of
    hs256_jws rs256_like_jws
    answer html redirect json_text
    api_error validation_error violation oauth_error
);

# The HS256 key is born with the process and dies with it: like Wix's own, it
# is never published, so no client can verify a token locally.
my $hmac_key = random_bytes(32);

sub random_bytes ($n) {
    state $urandom = do {
        open my $fh, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
        $fh;
    };

    read($urandom, my $bytes, $n) == $n or die "/dev/urandom: short read\n";
    return $bytes;
}

sub random_hex ($chars) {
    return substr unpack('H*', random_bytes(int(($chars + 1) / 2))), 0, $chars;
}

sub guid () { return _guid_text(random_bytes(16)) }

# The same text always gives the same GUID, so that a member keeps its id
# from one run to the next.
sub guid_from ($text) {
    return _guid_text(pack 'H32', substr sha1_hex("wix-emulator:$text"), 0, 32);
}

sub _guid_text ($bytes) {
    my @b = unpack 'C16', $bytes;
    $b[6] = ($b[6] & 0x0f) | 0x40;
    $b[8] = ($b[8] & 0x3f) | 0x80;
    return sprintf '%02x' x 4 . ('-' . '%02x' x 2) x 3 . '-' . '%02x' x 6, @b;
}

sub code6 () {
    return sprintf '%06d', unpack('N', random_bytes(4)) % 1_000_000;
}

sub challenge_of ($verifier) { return encode_base64url(sha256($verifier)) }

sub hs256_jws ($payload) {
    state $head = encode_base64url(
        encode_json({alg => 'HS256', kid => random_hex(8)}));

    my $signed = $head . '.' . encode_base64url(encode_json($payload));
    return $signed . '.' . encode_base64url(hmac_sha256($signed, $hmac_key));
}

# Wix signs session and state tokens with RSA and does not publish the key:
# 256 random bytes are as good for everybody who cannot verify them.
sub rs256_like_jws ($payload) {
    state $head = encode_base64url(
        encode_json({alg => 'RS256', kid => random_hex(8)}));

    return join '.', $head, encode_base64url(encode_json($payload)),
        encode_base64url(random_bytes(256));
}


# Answers are plain hashes, so that faults can change them before they leave.

sub answer ($json, $status = 200) {
    return {status => $status, headers => {}, json => $json};
}

sub html ($text, $status = 200) {
    return {
        status  => $status,
        headers => {
            'Content-Type'  => 'text/html;charset=utf-8',
            'Cache-Control' => 'no-store',
        },
        body => $text,
    };
}

# Wix does not escape slashes, Mojolicious does.
sub json_text ($data) {
    return encode_json($data) =~ s{(\\.)}{$1 eq '\/' ? '/' : $1}ger;
}

sub redirect ($location) {
    return {
        status  => 302,
        headers => {Location => $location, 'Cache-Control' => 'no-store'},
        body    => '',
    };
}

sub oauth_error ($error, $description, $status = 400) {
    return answer({error => $error, error_description => $description},
        $status);
}

sub api_error ($status, $code, $description) {
    return answer(
        {
            message => $description,
            details => {
                applicationError => {
                    code        => "$code",
                    description => $description,
                    data        => {},
                },
            },
        },
        $status,
    );
}

# "data" is always there: the official SDK dereferences it unchecked.
sub violation ($field, $description, %more) {
    return {
        field        => $field,
        description  => $description,
        violatedRule => $more{rule} // 'OTHER',
        ruleName     => $more{name} // '',
        data         => $more{data} // {},
    };
}

sub validation_error (@violations) {
    my $text = join '; ', map {"$_->{field} $_->{description}"} @violations;

    return answer(
        {
            message => $text,
            details => {validationError => {fieldViolations => \@violations}},
        },
        400,
    );
}

1;
