#!/bin/sh
# Prints the users of Redis with the passwords of this environment, as hashes: what `aclfile` wants.
#
#   . ./.env && deploy/users.sh > /etc/sweepfleet/users.acl     (after `set -a`; the file readable by Redis alone)
#
# Each role has a password of its own, so that one that leaks opens no more than its role:
#   admin     you: CONFIG, ACL LOG, all keys
#   producer  who submits, follows, cancels: keys below sweepfleet: only, no command of the server
#   worker    a node: the same without SCAN
#   flower    the page: reads the queue, cannot push to it nor delete it
set -eu

users="$(dirname "$0")/users.acl"
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

sed -e "s/ADMIN_SHA256/$(hash "${SWEEPFLEET_ADMIN_PASSWORD:?}")/" \
    -e "s/PRODUCER_SHA256/$(hash "${SWEEPFLEET_PRODUCER_PASSWORD:?}")/" \
    -e "s/WORKER_SHA256/$(hash "${SWEEPFLEET_WORKER_PASSWORD:?}")/" \
    -e "s/FLOWER_SHA256/$(hash "${SWEEPFLEET_FLOWER_PASSWORD:?}")/" \
    "$users"
