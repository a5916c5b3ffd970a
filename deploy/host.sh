#!/bin/sh
# Run on each node as root, in a directory with coffer, coffer.hcl, coffer.service, cert.pem, key.pem, ca.pem and yugabytedb-ca.pem.
set -eu
useradd --system --home-dir /var/lib/coffer --shell /usr/sbin/nologin coffer
install -d -o root -g root -m 0755 /usr/local/lib/coffer /usr/local/lib/coffer/plugins
install -d -o root -g coffer -m 0750 /etc/coffer /etc/coffer/tls
install -o root -g root -m 0755 coffer /usr/local/bin/coffer
install -o root -g coffer -m 0640 coffer.hcl /etc/coffer/coffer.hcl
install -o root -g coffer -m 0640 cert.pem key.pem ca.pem yugabytedb-ca.pem /etc/coffer/tls/
install -o root -g root -m 0644 coffer.service /etc/systemd/system/coffer.service
