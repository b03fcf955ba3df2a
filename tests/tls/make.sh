#!/bin/sh
# Makes the certificates of this folder anew, with openssl (their keys are for tests and nothing else). A home-made authority as in most how-tos:
# no key identifiers, which Python 3.13 asks for by default. `authority.pem` signs; every other file is a key and its certificate.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat >"$work/conf" <<CONF
[ca]
default_ca = home
[home]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
certificate = $PWD/authority.pem
private_key = $work/authority.key
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[plain]
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[elsewhere]
subjectAltName = DNS:elsewhere.example
CONF
: >"$work/index"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }
key "$work/authority.key"
openssl req -new -key "$work/authority.key" -subj "/CN=Home CA of a test" -config "$work/conf" -out "$work/csr"
openssl ca -batch -notext -selfsign -keyfile "$work/authority.key" -config "$work/conf" -in "$work/csr" -extensions authority \
    -startdate 20200101000000Z -enddate 21231231000000Z -out authority.pem 2>/dev/null
signed() { # file, extensions, first and last second of its life
    key "$1"
    openssl req -new -key "$1" -subj "/CN=Deployer test" -config "$work/conf" -out "$work/csr"
    openssl ca -batch -notext -config "$work/conf" -in "$work/csr" -extensions "$2" -startdate "$3" -enddate "$4" -out "$work/out" 2>/dev/null
    cat "$work/out" >>"$1"
}
signed server.pem plain 20240101000000Z 21231231000000Z
signed expired.pem plain 20200101000000Z 20210101000000Z
signed future.pem plain 21200101000000Z 21231231000000Z
signed elsewhere.pem elsewhere 20240101000000Z 21231231000000Z
