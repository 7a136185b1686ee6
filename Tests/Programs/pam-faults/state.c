/* The user's home and storage directory before and after a login, and everything beside them, which no login may touch. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HOME_PATH "/home/alice"
#define STORAGE_PATH "/var/tmp/alice"
#define SKELETON "/etc/rootless-storage/skel"
enum { ALICE = 4001, BOB = 4002 };

const char *home_of_root = HOME_PATH;

static void sure(bool is_done, const char *what) {
  if (is_done) return;
  perror(what);
  exit(2);
}

/* Of the last four. */
static const char *in_home(const char *rest) {
  static char paths[4][512];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", home_of_root, rest);
  return path;
}

/* ---- The skeleton as the home should get it ------------------------------------------------------------------- */

static struct expected {
  const char *path; /* in the home */
  char content[4096];
  size_t length;
  mode_t mode;
} files[] = {{".config/containers/storage.conf", "", 0, 0}, {".config/docker/daemon.json", "", 0, 0}};
enum { FILES = sizeof files / sizeof *files };

static ssize_t slurp(const char *path, char *buffer, size_t size) {
  int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, buffer, size - 1);
  if (file >= 0) close(file);
  if (length >= 0) buffer[length] = 0;
  return length;
}

void learn_expected(void) {
  for (int i = 0; i < FILES; i++) {
    char path[256], text[4096];
    struct stat status;
    snprintf(path, sizeof path, SKELETON "/%s", files[i].path);
    sure(slurp(path, text, sizeof text) > 0 && stat(path, &status) == 0, path);
    files[i].mode = status.st_mode & 0644;
    for (char *from = text; *from != 0;) {
      bool is_placeholder = strncmp(from, "@STORAGE@", 9) == 0;
      const char *piece = is_placeholder ? STORAGE_PATH : (char[]){*from, 0};
      files[i].length += (size_t)snprintf(files[i].content + files[i].length, sizeof files[i].content - files[i].length, "%s", piece);
      from += is_placeholder ? 9 : 1;
    }
  }
}

/* ---- What a scenario begins with -------------------------------------------------------------------------------- */

static void directory(const char *path, mode_t mode, uid_t owner) {
  sure(mkdir(path, 0700) == 0 && chown(path, owner, owner) == 0 && chmod(path, mode) == 0, path);
}

static void file(const char *path, const void *content, size_t length, mode_t mode, uid_t owner) {
  int new = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  sure(new >= 0 && write(new, content, length) == (ssize_t)length && fchown(new, owner, owner) == 0 && fchmod(new, mode) == 0, path);
  close(new);
}

static void storage(mode_t mode) {
  directory(STORAGE_PATH, mode, ALICE);
  file(STORAGE_PATH "/image", "image", 5, 0644, ALICE);
}

static void place(int which) {
  file(in_home(files[which].path), files[which].content, files[which].length, files[which].mode, ALICE);
}

static void directories(void) {
  directory(in_home(".config"), 0700, ALICE);
  directory(in_home(".config/containers"), 0700, ALICE);
  directory(in_home(".config/docker"), 0700, ALICE);
}

/* A temporary file of this host's, of a process that is no more. */
static const char *dead(void) {
  static char path[512];
  struct utsname names;
  uname(&names);
  snprintf(path, sizeof path, "%s/.config/containers/.rootless-storage.4194303.5.1.%.64s", home_of_root, names.nodename);
  for (char *c = strrchr(path, '/') + 1; *c != 0; c++)
    if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *c)) *c = '_';
  return path;
}

static void first(void) {}
static void steady(void) { storage(0700), directories(), place(0), place(1); }
/* Moved there: under SELinux it has the label of whatever a user makes in /var/tmp, and not the one that alice's own is born with. */
static void squatted_directory(void) {
  directory("/var/tmp/bob", 0755, BOB), file("/var/tmp/bob/his", "bob's", 5, 0644, BOB);
  sure(rename("/var/tmp/bob", STORAGE_PATH) == 0, STORAGE_PATH);
}
static void squatted_link(void) { sure(symlink("/etc", STORAGE_PATH) == 0 && lchown(STORAGE_PATH, BOB, BOB) == 0, STORAGE_PATH); }
static void root_link(void) { sure(symlink("/etc", STORAGE_PATH) == 0, STORAGE_PATH); }
static void open_storage(void) {
  directory(STORAGE_PATH, 0770, ALICE), directory(STORAGE_PATH "/containers", 0700, ALICE);
  file(STORAGE_PATH "/containers/image", "image", 5, 0644, ALICE), directories(), place(0), place(1);
}
static void one_file(void) { storage(0700), directory(in_home(".config"), 0700, ALICE), directory(in_home(".config/containers"), 0700, ALICE), place(0); }
static void config_only(void) { storage(0700), directory(in_home(".config"), 0755, ALICE); }
static void blocked(void) { config_only(), file(in_home(".config/docker"), "mine", 4, 0600, ALICE); }
static void leftover(void) { storage(0700), directories(), place(1), file(dead(), "[stor", 5, 0600, ALICE); }
static void two_links(void) { steady(), sure(link(in_home(files[0].path), dead()) == 0, "link"); }

#define BOB_LINE "bob:100000:65536\n"
#define BOB_LINE_SHORT "bob:100000:65536" /* the last line need not end */
#define ALICE_LINE "alice:196773536:65536\n"

const struct scenario scenarios[] = {
    {.name = "first", .prepare = first},
    {.name = "steady", .prepare = steady},
    {.name = "squatted-directory", .prepare = squatted_directory, .is_taken = true},
    {.name = "squatted-link", .prepare = squatted_link, .is_taken = true},
    {.name = "no-exchange", .prepare = squatted_directory, .is_taken = true, .denied = SYS_renameat2, .denied_error = EACCES, .denied_flags = RENAME_EXCHANGE},
    {.name = "root-link", .prepare = root_link, .is_refused = true},
    {.name = "open-storage", .prepare = open_storage},
    {.name = "one-file", .prepare = one_file},
    {.name = "config-only", .prepare = config_only},
    {.name = "blocked", .prepare = blocked, .is_blocked = true},
    {.name = "leftover", .prepare = leftover, .has_leftover = true},
    {.name = "two-links", .prepare = two_links, .has_leftover = true},
    {.name = "no-statmount", .prepare = first, .denied = 457, .denied_error = ENOSYS},
    {.name = "no-links", .prepare = config_only, .denied = SYS_linkat, .denied_error = EOPNOTSUPP},
    {.name = "quota", .prepare = first, .has_quota = true},
    {.name = "subids-first", .prepare = steady, .subuid = BOB_LINE "#\n", .subgid = "carol:300000:65536\n" BOB_LINE_SHORT},
    {.name = "subids-half", .prepare = steady, .subuid = BOB_LINE ALICE_LINE, .subgid = BOB_LINE},
    {.name = "subids-enough", .prepare = steady, .subuid = BOB_LINE ALICE_LINE, .subgid = ALICE_LINE BOB_LINE},
    {.name = "subids-refused", .prepare = steady, .subuid = BOB_LINE, .subgid = "eve:196839071:1\n", .is_overlapping = true},
    {.name = "subids-locked-stale", .prepare = steady, .subuid = BOB_LINE, .subgid = BOB_LINE, .has_stale_locks = true},
    {.name = "module-first", .target = MODULE, .prepare = first},
    {.name = "module-strict", .target = MODULE, .prepare = first, .is_strict = true},
    {.name = "module-steady", .target = MODULE, .prepare = steady},
    {.name = "module-no-pidfd", .target = MODULE, .prepare = steady, .denied = SYS_pidfd_open, .denied_error = ENOSYS},
    {.name = "module-hanging", .target = MODULE, .prepare = steady, .is_hanging = true},
    {.name = "module-hanging-no-pidfd", .target = MODULE, .prepare = steady, .is_hanging = true, .denied = SYS_pidfd_open, .denied_error = ENOSYS},
};
const int scenario_count = sizeof scenarios / sizeof *scenarios;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status, (void)type;
  return place->level == 0 && strcmp(path, home_of_root) == 0 ? 0 : remove(path);
}

static int remove_aside(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status, (void)type, (void)place;
  return strncmp(path, "/var/tmp/.alice.", 16) == 0 ? remove(path) : 0;
}

/* ---- Everything else --------------------------------------------------------------------------------------------- */

/* What a login makes or keeps beside the storage directory. */
#define ASIDE "/var/tmp/.alice."

static uint64_t others_before;
static uint64_t sum;

static void mix(const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) sum = (sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211); /* FNV-1a */
}

static bool leaves_out_alices, leaves_out_ids;

static int mix_entry(const char *path, const struct stat *s, int type, struct FTW *unused) {
  (void)type, (void)unused;
  if (strcmp(path, HOME_PATH) == 0) return FTW_SKIP_SUBTREE;
  if (leaves_out_alices && (strcmp(path, STORAGE_PATH) == 0 || strncmp(path, ASIDE, sizeof ASIDE - 1) == 0)) return FTW_SKIP_SUBTREE;
  if (leaves_out_ids && is_of_ids(path)) return FTW_CONTINUE;
  const uint64_t always[] = {s->st_ino, s->st_mode, s->st_uid, s->st_gid};
  mix(path, strlen(path)), mix(always, sizeof always);
  /* The parent of the storage directory changes when that is made in it. */
  if (strcmp(path, "/var/tmp") == 0 && leaves_out_alices) return FTW_CONTINUE;
  if (strcmp(path, "/etc") == 0 && leaves_out_ids) return FTW_CONTINUE;
  const uint64_t more[] = {(uint64_t)s->st_size, s->st_nlink, (uint64_t)s->st_mtim.tv_sec, (uint64_t)s->st_mtim.tv_nsec, (uint64_t)s->st_ctim.tv_sec, (uint64_t)s->st_ctim.tv_nsec};
  mix(more, sizeof more);
  return FTW_CONTINUE;
}

/* A number that stands for all that is not alice's: where it is the same, nothing was made, written or changed. */
static uint64_t others(const struct scenario *scenario) {
  static const char *const trees[] = {"/etc", "/usr/libexec", "/home", "/var/tmp"};
  sum = UINT64_C(14695981039346656037);
  leaves_out_alices = !scenario->is_refused;
  leaves_out_ids = scenario->subuid != NULL;
  for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
    sure(nftw(trees[i], mix_entry, 16, FTW_PHYS | FTW_ACTIONRETVAL) == 0, trees[i]);
  return sum;
}

static void prepare_quota(void) {
  static bool is_written;
  if (is_written) return;
  FILE *settings = fopen("/etc/rootless-storage/rootless-storage.conf", "ae");
  sure(settings != NULL && fputs("storage_quota = 1G\n", settings) >= 0 && fclose(settings) == 0, "settings");
  is_written = true;
}

void reset(const struct scenario *scenario) {
  struct stat status;
  nftw(home_of_root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (lstat(STORAGE_PATH, &status) == 0) nftw(STORAGE_PATH, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  nftw("/var/tmp", remove_aside, 16, FTW_DEPTH | FTW_PHYS);
  unlink("/run/rootless-storage/takeover.4001"), unlink("/run/rootless-storage/4001"), rmdir("/run/rootless-storage");
  sure(lstat(STORAGE_PATH, &status) != 0, "the storage directory is still there");
  scenario->prepare();
  if (scenario->subuid != NULL) prepare_ids(scenario);
  if (scenario->has_quota) prepare_quota();
  others_before = others(scenario);
}

/* ---- What a login leaves ------------------------------------------------------------------------------------------ */

static struct state *seen;
static int whole;
static const struct scenario *current;
static bool may_lack_modes;

static void trouble(const char *what, const char *path) {
  if (seen->trouble[0] == 0) snprintf(seen->trouble, sizeof seen->trouble, "%s: %s", what, path);
}

static int look_at(const char *path, const struct stat *s, int type, struct FTW *unused) {
  (void)type, (void)unused;
  const char *name = path + strlen(home_of_root);
  if (s->st_uid != ALICE || s->st_gid != ALICE) trouble("not alice's", path);
  if (current->is_blocked && strcmp(name, "/.config/docker") == 0) {
    if (!S_ISREG(s->st_mode) || s->st_size != 4) trouble("alice's own, and changed", path);
    return 0;
  }
  if (*name == 0 || strcmp(name, "/.config") == 0 || strcmp(name, "/.config/containers") == 0 || strcmp(name, "/.config/docker") == 0) {
    if (!S_ISDIR(s->st_mode) || ((s->st_mode & 07777) != 0700 && strcmp(name, "/.config") != 0)) trouble("no directory, or of another mode", path);
    return 0;
  }
  if (!S_ISREG(s->st_mode)) return trouble("nobody wanted it", path), 0;
  const char *last = strrchr(path, '/') + 1;
  if (strncmp(last, ".rootless-storage.", 18) == 0) return seen->leftovers++, 0;
  for (int i = 0; i < FILES; i++) {
    if (strcmp(name + 1, files[i].path) != 0) continue;
    char content[4096];
    ssize_t length = slurp(path, content, sizeof content);
    if (length != (ssize_t)files[i].length || memcmp(content, files[i].content, files[i].length) != 0) return trouble("partial under its final name", path), 0;
    mode_t mode = s->st_mode & 07777;
    if (mode != files[i].mode && !(may_lack_modes && mode == 0600)) return trouble("of another mode", path), 0;
    whole++;
    return 0;
  }
  return trouble("nobody wanted it", path), 0;
}

/* Whether it is bob's object, as he made it. */
static bool is_bobs(const char *path) {
  char name[512], content[16];
  struct stat s;
  if (lstat(path, &s) != 0 || s.st_uid != BOB) return false;
  if (current->prepare == squatted_link) return S_ISLNK(s.st_mode) && readlink(path, name, sizeof name) == 4 && memcmp(name, "/etc", 4) == 0;
  snprintf(name, sizeof name, "%s/his", path);
  return S_ISDIR(s.st_mode) && (s.st_mode & 07777) == 0755 && slurp(name, content, sizeof content) == 5 && memcmp(content, "bob's", 5) == 0;
}

static int bobs;

/* Beside the place: bob's object, and what was prepared for it, which is alice's and empty. */
static int look_aside(const char *path, const struct stat *s, int type, struct FTW *place) {
  (void)type;
  if (place->level == 0) return FTW_CONTINUE;
  if (strncmp(path, ASIDE, sizeof ASIDE - 1) == 0) {
    if (is_bobs(path)) bobs++;
    else if (S_ISDIR(s->st_mode) && s->st_uid == ALICE && s->st_nlink == 2 && strncmp(path, ASIDE "new-", sizeof ASIDE + 3) == 0) seen->prepared++;
    else trouble("nobody wanted it", path);
  }
  return FTW_SKIP_SUBTREE;
}

/* In alice's own directory: what the scenario has put there, and the engines' directories, empty. */
static void look_into_storage(const char *image) {
  int engines = 0;
  DIR *list = opendir(STORAGE_PATH);
  for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
    char path[512];
    struct stat s;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, STORAGE_PATH "/%s", entry->d_name);
    if (image != NULL && strncmp(image, path, strlen(path)) == 0) continue;
    bool is_engine = strcmp(entry->d_name, "containers") == 0 || strcmp(entry->d_name, "docker") == 0;
    if (!is_engine || lstat(path, &s) != 0 || !S_ISDIR(s.st_mode) || (s.st_mode & 07777) != 0700 || s.st_uid != ALICE || s.st_gid != ALICE || s.st_nlink != 2)
      trouble("nobody wanted it", path);
    engines++;
  }
  if (list != NULL) closedir(list);
  seen->lacks_engines = image == NULL && engines < 2;
}

void look(const struct scenario *scenario, bool modes_are_denied, struct state *state) {
  memset(state, 0, sizeof *state);
  seen = state, current = scenario, whole = 0, may_lack_modes = modes_are_denied;
  sure(nftw(home_of_root, look_at, 16, FTW_PHYS) == 0, home_of_root);
  if (others(scenario) != others_before) trouble("something changed that is not alice's", "/etc, /usr/libexec, /home or /var/tmp");
  if (scenario->is_refused) {
    state->is_whole = state->is_right = whole == 0 && state->leftovers == 0 && access(in_home(".config"), F_OK) != 0;
    if (!state->is_right) trouble("made though the storage directory was refused", HOME_PATH);
    return;
  }
  struct stat s, image;
  bool is_there = lstat(STORAGE_PATH, &s) == 0;
  bobs = 0;
  sure(nftw("/var/tmp", look_aside, 16, FTW_PHYS | FTW_ACTIONRETVAL) == 0, "/var/tmp");
  if (scenario->is_taken) {
    if (is_there && is_bobs(STORAGE_PATH)) bobs++, is_there = false;
    if (bobs != 1) trouble("bob's object is lost", STORAGE_PATH);
  } else if (bobs > 0) trouble("of bob's, who has nothing there", STORAGE_PATH);
  bool was_made = scenario->prepare == first || scenario->is_taken;
  if (is_there && (!S_ISDIR(s.st_mode) || s.st_uid != ALICE || s.st_gid != ALICE)) trouble("not alice's directory", STORAGE_PATH);
  /* Only the bits that let others write are taken away. */
  bool was_open = scenario->prepare == open_storage;
  bool is_closed = is_there && (s.st_mode & 07777) == (was_open ? 0750 : 0700);
  if (is_there && !is_closed && !(was_open && (s.st_mode & 07777) == 0770)) trouble("of another mode", STORAGE_PATH);
  const char *path = was_made ? NULL : was_open ? STORAGE_PATH "/containers/image" : STORAGE_PATH "/image";
  if (path != NULL && (lstat(path, &image) != 0 || image.st_size != 5 || image.st_uid != ALICE)) trouble("lost or changed", path);
  if (is_there) look_into_storage(path);
  state->is_whole = is_closed && whole == (scenario->is_blocked ? FILES - 1 : FILES);
  state->is_right = state->is_whole && state->leftovers == 0;
  if (scenario->subuid != NULL) look_at_ids(scenario, state);
}
