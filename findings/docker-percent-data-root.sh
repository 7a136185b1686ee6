#!/bin/bash
# A per cent sign in data-root, and dockerd keeps the records of its layers beside that directory, under a name that nobody has given.
#
# Tried: docker.io 26.1.5+dfsg1-9+deb13u1+b1, containerd 1.7.24~ds1-6+deb13u1, as root, with data-root on tmpfs.
#   dockerd --data-root /srv/docker       /srv has docker
#   dockerd --data-root /srv/docker-100%  /srv has docker-100% and another directory, "docker-100&{%!", which has layerdb
#
# Why it surprises: dockerd starts, and docker info names the directory that was given. But it takes the whole path for a format, of which
# the one word to fill in is the name of the driver, as with Go's fmt.Sprintf. What follows a per cent sign is then filled in first, with
# what Go prints of the driver's structure, slashes included. Whoever backs up, moves or deletes data-root misses
# layerdb. With some letters behind the sign the name is so long that dockerd ends instead, with "file name too long". Docker 28.5.2 does
# not do this.
. "$(dirname "$0")/unpack.bash"

unpack trixie docker.io=26.1.5+dfsg1-9+deb13u1+b1 docker-cli=26.1.5+dfsg1-9+deb13u1+b1 containerd=1.7.24~ds1-6+deb13u1 \
  coreutils=9.7-3 libacl1=2.3.2-2+b1 libattr1=1:2.5.2-3 libc6=2.41-12+deb13u5 libcap2=1:2.75-10+deb13u1+b3 \
  libpcre2-8-0=10.46-1~deb13u3 runc=1.1.15+ds1-2+b4 libseccomp2=2.6.0-2 libselinux1=3.8.1-1 libsystemd0=257.13-1~deb13u1

# records DATA-ROOT: what docker info says, what is in /srv then, and in which directory of it the records of layers are.
records() {
  timeout 120 unshare --mount --net --pid --fork --kill-child bash -c '
    root=$1 within=(chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin)
    mkdir -p "$root/sys" "$root/var"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    for name in srv run var; do mount -t tmpfs none "$root/$name"; done
    "${within[@]}" dockerd --bridge=none --iptables=false --ip6tables=false --data-root "$2" >"$root/run/log" 2>&1 &
    answer=
    while [[ ! $answer ]] && kill -0 $!; do
      sleep 0.5
      answer=$("${within[@]}" docker info --format "{{.DockerRootDir}}" || true)
    done 2>/dev/null
    echo "${answer:-no answer}"
    cd "$root/srv"
    LC_ALL=C ls
    find . -name layerdb | cut -d/ -f2
  ' bash "$work/trixie" "$1" || true
}

expect 'without a per cent sign' "$(records /srv/docker)" $'/srv/docker\ndocker\ndocker'
expect 'with one' "$(records /srv/docker-100%)" $'/srv/docker-100%\ndocker-100%\ndocker-100&{%!\ndocker-100&{%!'
finish
