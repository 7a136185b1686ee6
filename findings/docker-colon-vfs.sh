#!/bin/bash
# A colon in data-root makes dockerd store with the driver vfs, where the same directory without the colon gets overlay2.
#
# Tried: docker.io 26.1.5+dfsg1-9+deb13u1+b1, containerd 1.7.24~ds1-6+deb13u1, as root, with data-root on tmpfs.
#   dockerd --data-root /srv/a-b    overlay2
#   dockerd --data-root /srv/a:b    vfs; its log has: failed to mount overlay: no such file or directory
#
# Why it surprises: Docker's manual names overlay2 as the driver wherever kernel and file system can do it, and both can here. But in the
# mount options of overlay a colon stands between two directories. The trial mount fails for that, dockerd takes the next driver of its
# list, and starts. Neither vfs nor the colon is in a message of its own, and the one line is about a file that is missing. vfs copies
# the whole image for each of its layers and each container.
. "$(dirname "$0")/unpack.bash"

unpack_docker

driver() { dockerd "$1" '{{.Driver}}' 'grep -o "failed to mount overlay: [^\"]*" "$root/run/log"'; }

expect 'without a colon' "$(driver /srv/a-b)" overlay2
expect 'with a colon' "$(driver /srv/a:b)" $'vfs\nfailed to mount overlay: no such file or directory'
finish
