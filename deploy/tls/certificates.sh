#!/bin/sh
# Makes what Redis with TLS needs: an authority of your own, a certificate for the server, one for each client.
#
#   deploy/tls/certificates.sh FOLDER HOST [CLIENT...]
#   deploy/tls/certificates.sh /etc/sweepfleet/tls redis.example worker producer flower
#
# HOST is the name or the address by which clients reach the server: they refuse one that does not bear it. Run it
# again to add clients; what is there stays. ca.key signs whoever may connect: keep it away from the fleet.
set -eu
umask 077

folder=$1 host=$2
shift 2
days=825
mkdir -p "$folder"
cd "$folder"

case $host in
    *[!0-9.:a-f]*) names="DNS:$host" ;;
    *[.:]*) names="IP:$host" ;;
    *) names="DNS:$host" ;;
esac

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -f ca.key ]; then
    key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=sweepfleet authority" -out ca.pem \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

certificate() { # name, extended key usage, further extensions
    [ -f "$1.pem" ] && return
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s\n' "$2" "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days "$days" \
        -extfile "$1.ext" -out "$1.pem" 2> "$1.log" || { cat "$1.log" >&2; exit 1; }
    rm "$1.csr" "$1.ext" "$1.log"
}

certificate redis serverAuth "subjectAltName=$names"
for client in "$@"; do
    certificate "$client" clientAuth ""
done
