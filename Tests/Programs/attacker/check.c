/* What must hold after every login, and the scene that every login begins with. Runs as root while nobody else moves. */
#include "attacker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

long violations;

void violation(const char *format, ...) {
  if (violations++ >= 20) return; /* the rest says the same */
  va_list arguments;
  va_start(arguments, format);
  printf("violation: ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  fflush(stdout);
}

/* ---- The scene ------------------------------------------------------------------------------------------------ */

static void remove_at(int directory, const char *name) {
  if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) return;
  int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = inner < 0 ? NULL : fdopendir(inner);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove_at(inner, entry->d_name);
  if (list != NULL) closedir(list);
  unlinkat(directory, name, AT_REMOVEDIR);
}

/* Removes what begins with the prefix, but for one entry. */
static void empty(const char *path, const char *prefix, const char *keep) {
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = directory < 0 ? NULL : fdopendir(directory);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, keep) == 0 || strncmp(name, prefix, strlen(prefix)) != 0) continue;
    remove_at(directory, name);
  }
  if (list != NULL) closedir(list);
}

static void own(const char *path, mode_t mode, int directory) {
  if ((directory ? mkdir(path, 0700) : 0) != 0 || lchown(path, VICTIM_UID, VICTIM_UID) != 0 || chmod(path, mode) != 0) {
    fprintf(stderr, "attacker: %s: %s\n", path, strerror(errno));
    exit(2);
  }
}

static size_t read_file(const char *path, char *buffer, size_t size) {
  int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, buffer, size);
  if (file >= 0) close(file);
  return length < 0 ? 0 : (size_t)length;
}

static void copy(const char *name, const char *path) {
  char from[512], content[4096];
  snprintf(from, sizeof from, EXPECTED "/%s", name);
  size_t length = read_file(from, content, sizeof content);
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (length == 0 || write(file, content, length) != (ssize_t)length) exit(2);
  close(file);
  own(path, 0644, 0);
}

void scene_set(const char *scenario) {
  /* Every round is the first login since the boot: what an earlier one has logged would be quiet in it. */
  char memory[64];
  snprintf(memory, sizeof memory, "/run/rootless-storage/%d", VICTIM_UID);
  unlink(memory);
  empty(HOME, "", "precious");
  empty("/var/tmp", VICTIM, "alice.other");
  empty("/var/tmp", "." VICTIM ".", "");
  if (strcmp(scenario, "fresh") == 0) return;
  int is_open = strcmp(scenario, "open") == 0;
  own(STORAGE, is_open ? 0777 : 0700, 1);
  if (is_open) return own(STORAGE "/containers", 0755, 1);
  own(HOME "/.config", 0700, 1);
  own(HOME "/.config/containers", 0700, 1);
  own(HOME "/.config/docker", 0700, 1);
  copy("storage.conf", HOME "/.config/containers/storage.conf");
  copy("daemon.json", HOME "/.config/docker/daemon.json");
}

/* ---- What is not the user's to touch --------------------------------------------------------------------------- */

static char **protected_paths;
static int protected_count;
static char *protected_state;

/* Type, owner, mode, links, size and times of everything below. What others may not read must not be read either, and the time of the
 * first reading tells (mount(8), relatime: it is older than that of the last change). Listing directories is what this does itself. */
static void describe(FILE *out, int directory, const char *name, const char *path) {
  struct stat s;
  if (fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
    fprintf(out, "%s is gone\n", path);
    return;
  }
  long long accessed = S_ISREG(s.st_mode) && (s.st_mode & 044) == 0 ? s.st_atim.tv_sec * 1000000000LL + s.st_atim.tv_nsec : 0;
  fprintf(
      out, "%s %o %u:%u links %lu size %lld modified %lld.%09ld changed %lld.%09ld accessed %lld\n", path, s.st_mode, s.st_uid, s.st_gid,
      (unsigned long)s.st_nlink, (long long)s.st_size, (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long long)s.st_ctim.tv_sec,
      s.st_ctim.tv_nsec, accessed);
  if (!S_ISDIR(s.st_mode) || strcmp(path, "/etc/pam.d") == 0) return;
  int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = inner < 0 ? NULL : fdopendir(inner);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    char deeper[4096];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(deeper, sizeof deeper, "%s/%s", path, entry->d_name);
    describe(out, inner, entry->d_name, deeper);
  }
  if (list != NULL) closedir(list);
}

static char *protected_now(void) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (int i = 0; i < protected_count; i++) describe(out, AT_FDCWD, protected_paths[i], protected_paths[i]);
  fclose(out);
  return text;
}

void protect(char **paths, int count) {
  protected_paths = paths;
  protected_count = count;
  protected_state = protected_now();
  if (count > 0 && strstr(protected_state, "is gone") != NULL) {
    fprintf(stderr, "attacker: nothing to protect: %s", protected_state);
    exit(2);
  }
}

void check_protected(void) {
  char *now = protected_now(), *before = strdup(protected_state), *b = before, *n = now;
  while (strcmp(now, protected_state) != 0 && (b != NULL || n != NULL)) {
    char *left = strsep(&b, "\n"), *right = strsep(&n, "\n");
    if (left == NULL || right == NULL || strcmp(left, right) != 0) {
      violation("not the user's: was %s, is %s", left ? left : "nothing", right ? right : "nothing");
      break;
    }
  }
  free(before);
  free(now);
}

/* ---- What is ---------------------------------------------------------------------------------------------------- */

static const char *names[] = {"storage.conf", "daemon.json"};

static void check_below(int directory, const char *name, const char *path, const char *thing, int was_killed) {
  struct stat s;
  if (fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (s.st_uid != VICTIM_UID && strncmp(path, HOME, strlen(HOME)) == 0) violation("%s in the home is owned by uid %u", path, s.st_uid);
  int is_own = strcmp(thing, "file") == 0 || strcmp(thing, "sparse") == 0 || strncmp(thing, "hardlink:", 9) == 0;
  if (S_ISREG(s.st_mode) && !(is_own && (s.st_size == 0 || s.st_size == INT64_C(1) << 40))) {
    if (strncmp(name, ".rootless-storage.", 18) == 0 && !was_killed) violation("%s is left behind", path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      char expected[4096], found[4096], from[512];
      if (strcmp(name, names[i]) != 0) continue;
      snprintf(from, sizeof from, EXPECTED "/%s", name);
      size_t wanted = read_file(from, expected, sizeof expected), length = read_file(path, found, sizeof found);
      if (wanted == 0 || length != wanted || memcmp(found, expected, wanted) != 0) violation("%s is not whole", path);
      if ((s.st_mode & 07777) != 0644) violation("%s has mode %o", path, s.st_mode);
    }
  }
  if (!S_ISDIR(s.st_mode)) return;
  int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = inner < 0 ? NULL : fdopendir(inner);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    char deeper[4096];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(deeper, sizeof deeper, "%s/%s", path, entry->d_name);
    check_below(inner, entry->d_name, deeper, thing, was_killed);
  }
  if (list != NULL) closedir(list);
}

/* Whether it lies beside the storage directory under a name that a login gives to what was in the place: the same file, with the same
 * owner, mode, size, links and time of modification. */
int is_kept(const struct stat *thing) {
  int directory = open("/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
  DIR *list = directory < 0 ? NULL : fdopendir(directory);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    struct stat s;
    if (strncmp(entry->d_name, "." VICTIM ".replaced-", sizeof VICTIM + 10) != 0) continue;
    if (fstatat(directory, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || s.st_ino != thing->st_ino || s.st_dev != thing->st_dev) continue;
    found = s.st_uid == thing->st_uid && s.st_gid == thing->st_gid && s.st_mode == thing->st_mode && s.st_size == thing->st_size &&
            s.st_nlink == thing->st_nlink && s.st_mtim.tv_sec == thing->st_mtim.tv_sec && s.st_mtim.tv_nsec == thing->st_mtim.tv_nsec;
  }
  if (list != NULL) closedir(list);
  return found;
}

/* After a login the place is the user's, empty, or the log says that it is not. */
void check_place(const char *report) {
  struct stat s;
  if (lstat(STORAGE, &s) != 0 || (s.st_uid == VICTIM_UID && S_ISDIR(s.st_mode)) || strstr(report, "<3>") != NULL) return;
  violation("the storage directory is of uid %u, mode %o, and nothing says so", s.st_uid, s.st_mode);
}

/* Files are whole or not there, nothing temporary stays, and all of it is the user's. */
void check_home(const char *thing, int was_killed) {
  check_below(AT_FDCWD, HOME, HOME, thing, was_killed);
  check_below(AT_FDCWD, STORAGE, STORAGE, thing, was_killed);
  check_below(AT_FDCWD, STORAGE ".aside", STORAGE ".aside", thing, was_killed);
}
