/* What an attacker puts in the way, with his own rights:
 *
 *   dir dir:MODE          CVE-2024-22365, and squatting in a sticky parent
 *   symlink:TARGET        CVE-2020-10737 (oddjob), CVE-2024-47191 (pam_oath), CVE-2018-6954 (tmpfiles): followed with root's rights
 *   fifo socket device    CVE-2024-22365 (pam_namespace): opened, a FIFO blocks the login. The device is a whiteout (0, 0), the only
 *                         one that users may make (mknod(2))
 *   hardlink:FILE         CVE-2017-18925 (opentmpfiles)
 *   file sparse           CVE-2022-25326 (pam_fscrypt): read to its end; 1 TiB
 *   exchange:PATH         CVE-2025-6020 (pam_namespace): RENAME_EXCHANGE, so that the place is never empty
 *   temporary:TARGET      a symbolic link at the very name that the helper is about to write to; an empty target makes a FIFO
 *   fill                  files in the directory that is the place, until nothing more fits
 *
 * What was there before is moved aside, and comes back when the thing goes. */
#include "attacker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

static int result(int answer) { return answer == 0 ? 0 : errno; }

static const char *after(const char *text, const char *prefix) {
  size_t length = strlen(prefix);
  return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static void aside(char *path, size_t size, const char *place) { snprintf(path, size, "%s.aside", place); }

static void make_parents(const char *place) {
  char path[512];
  for (const char *slash = strchr(place + strlen(HOME) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    snprintf(path, sizeof path, "%.*s", (int)(slash - place), place);
    mkdir(path, 0700);
  }
}

/* The name that the helper with this number gives its first file, as Policy/TemporaryName.swift makes it. */
static int temporary_name(char *path, size_t size, const char *directory, pid_t helper) {
  char name[64], text[1024], *rest;
  unsigned long long start = 0;
  snprintf(name, sizeof name, "/proc/%d/stat", helper);
  FILE *file = fopen(name, "re");
  if (file == NULL || fgets(text, sizeof text, file) == NULL || (rest = strrchr(text, ')')) == NULL) return -1;
  fclose(file);
  for (int field = 2; field < 22 && rest != NULL; field++) rest = strchr(rest + 1, ' ');
  if (rest == NULL || sscanf(rest, " %llu", &start) != 1) return -1;
  struct utsname host;
  uname(&host);
  host.nodename[64] = 0;
  for (char *c = host.nodename; *c != 0; c++)
    if (strspn(c, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.") == 0) *c = '_';
  snprintf(path, size, "%s/.rootless-storage.%d.%llu.1.%s", directory, helper, start, host.nodename);
  return 0;
}

static int fill(const char *directory) {
  char path[512];
  static const char block[4096];
  snprintf(path, sizeof path, "%s/fill", directory);
  int file = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  while (file >= 0 && write(file, block, sizeof block) > 0) {}
  int full = errno;
  if (file >= 0) close(file);
  for (int number = 0; number < 4096; number++) {
    snprintf(path, sizeof path, "%s/fill.%d", directory, number);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) break;
  }
  return full == ENOSPC || errno == ENOSPC || full == EDQUOT || errno == EDQUOT ? 0 : errno;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)type, (void)walk;
  remove(path);
  return 0;
}

void remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void unfill(const char *directory) {
  char path[512];
  snprintf(path, sizeof path, "%s/fill", directory);
  unlink(path);
  for (int number = 0; number < 4096; number++) {
    snprintf(path, sizeof path, "%s/fill.%d", directory, number);
    if (rmdir(path) != 0) break;
  }
}

static int make(const char *thing, const char *place, pid_t helper) {
  const char *rest;
  char path[512];
  if (strcmp(thing, "dir") == 0) return result(mkdir(place, 0700));
  if ((rest = after(thing, "dir:")) != NULL) {
    if (mkdir(place, 0700) != 0) return errno;
    return result(chmod(place, (mode_t)strtoul(rest, NULL, 8)));
  }
  if ((rest = after(thing, "symlink:")) != NULL) return result(symlink(rest, place));
  if (strcmp(thing, "fifo") == 0) return result(mkfifo(place, 0666));
  if (strcmp(thing, "device") == 0) return result(mknod(place, S_IFCHR | 0666, 0));
  if ((rest = after(thing, "hardlink:")) != NULL) return result(link(rest, place));
  if ((rest = after(thing, "exchange:")) != NULL) return result(renameat2(AT_FDCWD, rest, AT_FDCWD, place, RENAME_EXCHANGE));
  if (strcmp(thing, "socket") == 0) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place);
    int bound = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int answer = result(bind(bound, (struct sockaddr *)&address, sizeof address));
    close(bound);
    return answer;
  }
  if (strcmp(thing, "file") == 0 || strcmp(thing, "sparse") == 0) {
    int file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return errno;
    int answer = thing[0] == 's' ? result(ftruncate(file, INT64_C(1) << 40)) : 0;
    close(file);
    return answer;
  }
  if ((rest = after(thing, "temporary:")) != NULL) {
    if (temporary_name(path, sizeof path, place, helper) != 0) return ESRCH;
    mkdir(place, 0700);
    return result(rest[0] != 0 ? symlink(rest, path) : mkfifo(path, 0600));
  }
  if (strcmp(thing, "fill") == 0) return fill(place);
  return EINVAL;
}

/* It takes the place of what is there, and does not come beside it. */
static int takes_place(const char *thing) {
  return after(thing, "exchange:") == NULL && after(thing, "temporary:") == NULL && strcmp(thing, "fill") != 0;
}

int thing_comes(const struct attack *attack, pid_t helper) {
  char before[512];
  if (attack->is_home) make_parents(attack->place);
  if (takes_place(attack->thing)) {
    aside(before, sizeof before, attack->place);
    rename(attack->place, before); /* refused where it is somebody else's: then what is there stays */
  }
  return make(attack->thing, attack->place, helper);
}

int thing_goes(const struct attack *attack, pid_t helper) {
  char before[512];
  const char *place = attack->place;
  if (after(attack->thing, "exchange:") != NULL) return make(attack->thing, place, helper);
  if (strcmp(attack->thing, "fill") == 0) return unfill(place), 0;
  if (after(attack->thing, "temporary:") != NULL) {
    char path[512];
    return temporary_name(path, sizeof path, place, helper) != 0 ? ESRCH : result(unlink(path));
  }
  if (unlink(place) != 0 && (errno != EISDIR || rmdir(place) != 0)) return errno;
  if (attack->second != NULL) return make(attack->second, place, helper);
  aside(before, sizeof before, place);
  return rename(before, place) == 0 || errno == ENOENT ? 0 : errno;
}

void things_end(const struct attack *attack) {
  char before[512];
  aside(before, sizeof before, attack->place);
  if (strcmp(attack->thing, "fill") == 0) return unfill(attack->place);
  remove_tree(before);
  if (takes_place(attack->thing)) remove_tree(attack->place);
  if (!attack->is_home) return;
  remove_tree(HOME "/.config");
  remove_tree(STORAGE);
}
