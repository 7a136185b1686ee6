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

unpack trixie docker.io=26.1.5+dfsg1-9+deb13u1+b1 docker-cli=26.1.5+dfsg1-9+deb13u1+b1 containerd=1.7.24~ds1-6+deb13u1 \
  coreutils=9.7-3 libacl1=2.3.2-2+b1 libattr1=1:2.5.2-3 libc6=2.41-12+deb13u5 libcap2=1:2.75-10+deb13u1+b3 \
  libpcre2-8-0=10.46-1~deb13u3 runc=1.1.15+ds1-2+b4 libseccomp2=2.6.0-2 libselinux1=3.8.1-1 libsystemd0=257.13-1~deb13u1

# driver DATA-ROOT: what a dockerd with it answers, and what its log says of overlay.
driver() {
  timeout 120 unshare --mount --net --pid --fork --kill-child bash -c '
    root=$1 within=(chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin)
    mkdir -p "$root/sys"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    for name in srv run var; do mount -t tmpfs none "$root/$name"; done
    "${within[@]}" dockerd --bridge=none --iptables=false --ip6tables=false --data-root "$2" >"$root/srv/log" 2>&1 &
    answer=
    while [[ ! $answer ]] && kill -0 $!; do
      sleep 0.5
      answer=$("${within[@]}" docker info --format "{{.Driver}}" || true)
    done 2>/dev/null
    echo "${answer:-no answer}"
    grep -o "failed to mount overlay: [^\"]*" "$root/srv/log"
  ' bash "$work/trixie" "$1" || true
}

expect 'without a colon' "$(driver /srv/a-b)" overlay2
expect 'with a colon' "$(driver /srv/a:b)" $'vfs\nfailed to mount overlay: no such file or directory'
finish
