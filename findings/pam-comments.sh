#!/bin/bash
# A comment in a file of /etc/pam.d changes what runs.
#
# Tried: libpam0g 1.5.2-6+deb12u2 (bookworm) beside 1.7.0-5 (trixie), each with its own libc and modules, by pamtester 0.1.2-4.
# The input is two valid files:
#   1. A line is continued by a backslash, and a comment follows, as when somebody puts an argument of the line out of use.
#      1.5.2 passes over the comment and goes on: the line behind it becomes arguments of the one before it. Its module does not run.
#      1.7.0 ends the continued line at the comment, and the module runs.
#   2. A comment of more than 1,022 bytes. 1.5.2 reads 1,023 bytes at once: the rest of the comment is a line of its own. A module
#      that is named there runs. To 1.7.0 all of it is a comment.
#
# Output seen, of pam_echo.so, which prints its argument:
#   1.5.2   1: third              2: tail of the comment / line
#   1.7.0   1: second / third     2: line
#
# Why it surprises: pam.conf(5) has it that a comment reaches to the end of its line and that a backslash continues a line, with no
# word of a length. No error, no warning, in neither version; opening the session succeeds. The same file means different stacks on
# two releases, so a tool that edits such files cannot know what the lines beside its own do.
. "$(dirname "$0")/unpack.bash"

unpack bookworm pamtester=0.1.2-4 libpam0g=1.5.2-6+deb12u2 libpam-modules=1.5.2-6+deb12u2 libc6=2.36-9+deb12u14 libaudit1=1:3.0.9-1 \
  libcap-ng0=0.8.3-1+b3 coreutils=9.1-1
unpack trixie pamtester=0.1.2-4 libpam0g=1.7.0-5 libpam-modules=1.7.0-5 libc6=2.41-12+deb13u5 libaudit1=1:4.0.2-2+deb13u1 \
  libcap-ng0=0.8.5-4+b1 coreutils=9.7-3

for suite in bookworm trixie; do
  echo 'session required pam_deny.so' >"$work/$suite/etc/pam.d/other"
  cat >"$work/$suite/etc/pam.d/continued" <<'FILE'
session required pam_permit.so \
# debug
session optional pam_echo.so second
session optional pam_echo.so third
FILE
  printf '#%1022s%s\n%s\n' '' 'session optional pam_echo.so tail of the comment' 'session optional pam_echo.so line' >"$work/$suite/etc/pam.d/long"
done

printed() { inside "$1" pamtester "$2" alice open_session 2>&1; }
opened='pamtester: successfully opened a session'
expect '1.5.2, a comment behind a continued line' "$(printed bookworm continued)" $'third\n'"$opened"
expect '1.7.0, the same' "$(printed trixie continued)" $'second\nthird\n'"$opened"
expect '1.5.2, a long comment' "$(printed bookworm long)" $'tail of the comment\nline\n'"$opened"
expect '1.7.0, the same' "$(printed trixie long)" $'line\n'"$opened"
finish
