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

unpack_docker

# What docker info names, what is in /srv then, and in which directory of it the records of layers are.
records() { dockerd "$1" '{{.DockerRootDir}}' 'cd "$root/srv"; LC_ALL=C ls; find . -name layerdb | cut -d/ -f2'; }

expect 'without a per cent sign' "$(records /srv/docker)" $'/srv/docker\ndocker\ndocker'
expect 'with one' "$(records /srv/docker-100%)" $'/srv/docker-100%\ndocker-100%\ndocker-100&{%!\ndocker-100&{%!'
finish
