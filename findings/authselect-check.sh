#!/bin/bash
# authselect check calls a configuration valid that was changed by hand, and says "modified" of one whose content is untouched.
#
# Tried: authselect 1.5.0-1 (trixie), profile local.
#   authselect select local; authselect check                           exit 0
#   a line added to /etc/authselect/system-auth; authselect check       exit 0, "Current configuration is valid."
#   authselect apply-changes                                            exit 0; the line is gone, and in no backup
#   chmod 600 /etc/authselect/system-auth; authselect check             exit 3, "probably modified outside authselect"
#
# Why it surprises: the files begin with a warning that changes are overwritten, and older versions (before 1.4) found such a change
# and refused to go on without --force. Now check looks at kinds, modes and links only, so "valid" says nothing of the one thing that
# decides who can log in, and a fleet that runs it before apply-changes loses what an administrator added.
. "$(dirname "$0")/unpack.bash"

unpack trixie authselect=1.5.0-1 libauthselect3=1.5.0-1 libpopt0=1.19+dfsg-2 libselinux1=3.8.1-1 libpcre2-8-0=10.46-1~deb13u3 \
  libc6=2.41-12+deb13u5 coreutils=9.7-3
root=$work/trixie
file=$root/etc/authselect/system-auth
mkdir -p "$root"/etc/authselect "$root"/var/lib/authselect
status() { inside trixie authselect "$@" 2>&1 && echo 'exit 0' || echo "exit $?"; }

expect 'select' "$(status select local --force --nobackup)" $'Profile "local" was selected.\nexit 0'
echo 'session optional pam_echo.so added by hand' >>"$file"
expect 'check, after a change of the content' "$(status check)" $'Current configuration is valid.\nexit 0'
expect 'apply-changes' "$(status apply-changes)" $'Changes were successfully applied.\nexit 0'
expect '  the change, in the file and in backups' "$(grep -r 'added by hand' "$root/etc" "$root/var" || true)" ''
chmod 600 "$file"
expect 'check, after a change of the mode' "$(status check)" "$(printf '%s\n' \
  '[error] [/etc/authselect/system-auth] has wrong mode [0600], expected [0644]!' \
  'Current configuration is not valid. It was probably modified outside authselect.' 'exit 3')"
finish
