/* /etc/subuid and /etc/subgid before and after a login that gives subordinate ids: each whole, both or neither. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SETTINGS "/etc/rootless-storage/rootless-storage.conf"
/* 100000 + (4001 - 1000) * 65536, by login.defs(5) and the formula of the scheme uid. */
#define LINE "alice:196773536:65536\n"
#define STALE "4194301" /* the number of a process that is no more */
enum { SHADOW_GROUP = 42 };

/* Another group than root's, which is not lost; under SELinux root's, for there the session helper may give its file to nobody. */
static gid_t group(void) { return context_of_helper == NULL ? SHADOW_GROUP : 0; }

static const char *const names[] = {"subuid", "subgid"};

static void sure(bool is_done, const char *what) {
  if (is_done) return;
  perror(what);
  exit(2);
}

bool is_of_ids(const char *path) {
  return strcmp(path, "/etc/.pwd.lock") == 0 || strncmp(path, "/etc/subuid", 11) == 0 || strncmp(path, "/etc/subgid", 11) == 0;
}

/* user:1:r-- beside what the mode says (acl(5), in the kernel's form). */
static const struct {
  uint32_t version;
  struct { uint16_t tag, permissions; uint32_t id; } entries[5];
} list = {2, {{1, 6, UINT32_MAX}, {2, 4, 1}, {4, 4, UINT32_MAX}, {16, 4, UINT32_MAX}, {32, 0, UINT32_MAX}}};

static void write_file(const char *path, const char *content, size_t length, mode_t mode) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  sure(file >= 0 && write(file, content, length) == (ssize_t)length && fchmod(file, mode) == 0 && close(file) == 0, path);
}

/* Calls the function for each name in /etc that a login with ids makes or changes. */
static void each(void (*function)(const char *name, const char *path)) {
  DIR *directory = opendir("/etc");
  sure(directory != NULL, "/etc");
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    char path[300];
    snprintf(path, sizeof path, "/etc/%s", entry->d_name);
    if (is_of_ids(path)) function(entry->d_name, path);
  }
  closedir(directory);
}

static void remove_one(const char *name, const char *path) { sure(strcmp(name, ".pwd.lock") == 0 || unlink(path) == 0, path); }

static const char *before(const struct scenario *scenario, int which) { return which == 0 ? scenario->subuid : scenario->subgid; }

void prepare_ids(const struct scenario *scenario) {
  static bool are_settings_written;
  if (!are_settings_written) {
    FILE *settings = fopen(SETTINGS, "ae");
    sure(settings != NULL && fputs("subids = allocate\nuid_max = 60000\n", settings) >= 0 && fclose(settings) == 0, SETTINGS);
    are_settings_written = true;
  }
  each(remove_one);
  for (int i = 0; i < 2; i++) {
    char path[64];
    snprintf(path, sizeof path, "/etc/%s", names[i]);
    write_file(path, before(scenario, i), strlen(before(scenario, i)), 0640);
    sure(chown(path, 0, group()) == 0 && (i == 1 || lsetxattr(path, "system.posix_acl_access", &list, sizeof list, 0) == 0), path);
    if (!scenario->has_stale_locks) continue;
    strcat(path, ".lock");
    write_file(path, STALE, strlen(STALE), 0600);
  }
}

/* ---- What a login leaves ------------------------------------------------------------------------------------------ */

static struct state *seen;

static void trouble(const char *what, const char *path) {
  if (seen->trouble[0] == 0) snprintf(seen->trouble, sizeof seen->trouble, "%s: %s", what, path);
}

static bool is_content(const char *path, const char *content) {
  char text[4096];
  int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, sizeof text);
  if (file >= 0) close(file);
  return length == (ssize_t)strlen(content) && memcmp(text, content, (size_t)length) == 0;
}

static void look_at(const char *name, const char *path) {
  const char *end = name + 6;
  bool is_ours = name[0] == '.' || *end == 0 || strcmp(end, "-") == 0;
  if (strcmp(end, ".lock") == 0 && is_content(path, STALE)) seen->ids_stale++;
  else if (!is_ours) seen->ids_left++, snprintf(seen->left, sizeof seen->left, "%s", path);
}

/* The place of the call in the run, counted from 1; 0: it is not made after the one at `after`. */
static int find(const struct run *run, int after, long number, const char *path) {
  for (int i = after; i < run->count; i++)
    if (run->steps[i].number == number && strcmp(run->steps[i].path, path) == 0) return i + 1;
  return 0;
}

bool are_ids_in_order(const struct run *run) {
  bool is_all = true;
  for (int i = 0; i < 2; i++) {
    char path[64], new[64], lock[64];
    snprintf(path, sizeof path, "/etc/%s", names[i]);
    snprintf(new, sizeof new, "%s+", path);
    snprintf(lock, sizeof lock, "%s.lock", path);
    int renamed = find(run, 0, SYS_renameat, path);
    if (renamed == 0) continue;
    int locked = find(run, 0, SYS_linkat, lock), written = find(run, locked, SYS_write, new), synced = find(run, written, SYS_fsync, new);
    is_all = is_all && locked > 0 && written > 0 && synced > 0 && synced < renamed && find(run, renamed, SYS_unlinkat, lock) > 0;
  }
  return is_all;
}

void look_at_ids(const struct scenario *scenario, struct state *state) {
  seen = state;
  bool is_done[2], had_line[2];
  for (int i = 0; i < 2; i++) {
    char path[64], after[4096], acl[sizeof list + 1];
    struct stat s;
    const char *old = before(scenario, i);
    had_line[i] = strstr(old, LINE) != NULL;
    snprintf(after, sizeof after, "%s%s%s", old, old[0] != 0 && old[strlen(old) - 1] != '\n' ? "\n" : "", had_line[i] ? "" : LINE);
    snprintf(path, sizeof path, "/etc/%s-", names[i]);
    if (access(path, F_OK) == 0 && !is_content(path, old)) trouble("not what was before", path);
    path[strlen(path) - 1] = 0;
    is_done[i] = is_content(path, after);
    if (!is_done[i] && !is_content(path, old)) trouble("neither as before nor with its line", path);
    if (is_done[i] && !had_line[i] && scenario->is_overlapping) trouble("somebody else's ids are given", path);
    if (lstat(path, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != 0 || s.st_gid != group() || (s.st_mode & 07777) != 0640) trouble("of another owner, group or mode", path);
    if (i == 0 && (getxattr(path, "system.posix_acl_access", acl, sizeof acl) != sizeof list || memcmp(acl, &list, sizeof list) != 0))
      trouble("without its access control list", path);
  }
  each(look_at);
  state->is_half = (is_done[0] && !had_line[0] && !is_done[1]) || (is_done[1] && !had_line[1] && !is_done[0]);
  if (!scenario->is_overlapping && !(is_done[0] && is_done[1])) state->is_whole = false;
  state->is_right = state->is_right && state->is_whole && state->ids_left == 0 && state->ids_stale == 0;
}
