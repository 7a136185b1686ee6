#!/bin/bash
# usermod --del-subuids deletes nothing of a line that begins with a number, and exits 0.
#
# Tried: passwd and uidmap 1:4.13+dfsg1-1+deb12u2 (bookworm); 1:4.17.4-2 (trixie) does the same.
# A line of /etc/subuid can begin with the user's number: 1000:300000:65536. getsubids(1) gives it to alice, and
#   usermod --add-subuids 300000-365535 alice   exit 0, nothing added: she has them already
#   usermod --del-subuids 300000-365535 alice   exit 0, the line stays, and the ids are still hers
#   userdel alice                               the line stays: whoever gets the number next has the ids
#
# Why it surprises: the option that adds takes the number for alice, the option that deletes does not, and neither has a word of it. What
# the command was to take away is still given, with exit status 0.
. "$(dirname "$0")/unpack.bash"

unpack bookworm passwd=1:4.13+dfsg1-1+deb12u2 uidmap=1:4.13+dfsg1-1+deb12u2 libsubid4=1:4.13+dfsg1-1+deb12u2 coreutils=9.1-1 \
  libc6=2.36-9+deb12u14 libpam0g=1.5.2-6+deb12u2 libaudit1=1:3.0.9-1 libcap-ng0=0.8.3-1+b3 libcrypt1=1:4.4.33-2 libselinux1=3.4-1+b6 \
  libpcre2-8-0=10.42-1 libsemanage2=3.4-1+b5 libsepol2=3.4-2.1 libbz2-1.0=1.0.8-5+b1 libacl1=2.3.1-3 libattr1=1:2.5.1-4
etc=$work/bookworm/etc
line=1000:300000:65536
echo "$line" >"$etc/subuid"
: >"$etc/subgid"
: >"$etc/login.defs"
# status COMMAND...: what it prints, and its exit status.
status() { inside bookworm "$@" 2>&1 && echo 'exit 0' || echo "exit $?"; }

expect 'getsubids alice' "$(status getsubids alice)" $'0: alice 300000 65536\nexit 0'
expect 'usermod --add-subuids' "$(status usermod --add-subuids 300000-365535 alice)" 'exit 0'
expect '  /etc/subuid' "$(<"$etc/subuid")" "$line"
expect 'usermod --del-subuids' "$(status usermod --del-subuids 300000-365535 alice)" 'exit 0'
expect '  /etc/subuid' "$(<"$etc/subuid")" "$line"
expect '  getsubids alice' "$(status getsubids alice)" $'0: alice 300000 65536\nexit 0'
expect 'userdel alice' "$(status userdel alice)" 'exit 0'
expect '  /etc/subuid' "$(<"$etc/subuid")" "$line"
finish
