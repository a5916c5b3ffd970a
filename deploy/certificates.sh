#!/bin/sh
# Makes a certificate authority, and a certificate for each name: sh certificates.sh DIRECTORY NAME...
# Each certificate is also valid for COMMON, the name that clients use for all nodes, and for localhost.
set -eu
umask 077
directory=$1
shift
common=${COMMON:-coffer.example.com}
mkdir -p "$directory"
cd "$directory"
if [ ! -f ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Coffer CA" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout ca.key -out ca.pem 2>/dev/null
fi
for name in "$@"; do
  printf 'basicConstraints=CA:false\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' \
    "DNS:$name,DNS:$common,DNS:localhost,IP:127.0.0.1" >"$name.ext"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 \
    -extfile "$name.ext" -out "$name.pem" 2>/dev/null
  # HAProxy reads certificate and key from one file.
  cat "$name.pem" "$name.key" >"$name.both.pem"
  rm "$name.csr" "$name.ext"
done
