/* What a user can do to everybody on a host, until SIGTERM:
 *
 *   signals    SIGKILL and SIGSTOP to every other process, again and again
 *   tamper     what tamper.c says, PTRACE_SEIZE included, to every process that he did not start
 *   processes  as many processes as RLIMIT_NPROC lets him have
 *   locks      flock, a lock of each kind and a lease on the skeleton, the settings and his own files, inotify on all that is near */
#include "attacker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static void end(int signal) { (void)signal, is_over = 1; }
static long tried, succeeded, helpers;

static int is_session_helper(pid_t process) {
  char path[64], text[64] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  return length > 0 && strncmp(text, "session-helper", 14) == 0;
}

static void every_process(int (*attempt)(pid_t)) {
  DIR *list = opendir("/proc");
  struct dirent *entry;
  while (list != NULL && !is_over && (entry = readdir(list)) != NULL) {
    pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
    if (process <= 0 || process == getpid()) continue;
    if (is_session_helper(process)) helpers++;
    tried++;
    if (attempt(process)) succeeded++;
  }
  if (list != NULL) closedir(list);
}

static int by_signal(pid_t process) {
  int stopped = kill(process, SIGSTOP) == 0, killed = kill(process, SIGKILL) == 0;
  return stopped || killed;
}
/* What the user may do to a helper that is all the user's by now does not count. */
static int by_tampering(pid_t process) { return (tamper(process, 1) & ~(geteuid() == VICTIM_UID ? TAMPER_SIGNAL | TAMPER_LIMITS : 0u)) != 0; }

static void processes(void) {
  struct rlimit limit = {32, 32};
  setrlimit(RLIMIT_NPROC, &limit);
  while (!is_over) {
    tried++;
    pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (child < 0 && errno == EAGAIN) succeeded++, usleep(1000); /* the table is full: that is the attack */
  }
  signal(SIGHUP, SIG_IGN);
  kill(0, SIGHUP);
  while (wait(NULL) > 0) {}
}

static void locks(void) {
  static const char *paths[] = {
      "/etc/rootless-storage", "/etc/rootless-storage/rootless-storage.conf", "/etc/rootless-storage/skel", "/etc/rootless-storage/skel/.config/containers/storage.conf",
      "/etc/rootless-storage/skel/.config/docker/daemon.json", "/usr/libexec/rootless-storage/session-helper", "/var/tmp", STORAGE, HOME, HOME "/.config",
      HOME "/.config/containers", HOME "/.config/containers/storage.conf", HOME "/.config/docker/daemon.json"};
  int notices = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  char events[4096];
  while (!is_over) {
    int files[sizeof paths / sizeof *paths];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
      files[i] = open(paths[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      if (files[i] < 0) continue;
      tried++;
      struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
      if (flock(files[i], LOCK_EX | LOCK_NB) == 0) succeeded++;
      fcntl(files[i], F_SETLK, &whole);
      fcntl(files[i], F_OFD_SETLK, &whole);
      fcntl(files[i], F_SETLEASE, F_RDLCK);
      inotify_add_watch(notices, paths[i], IN_ALL_EVENTS);
    }
    usleep(3000);
    while (read(notices, events, sizeof events) > 0) helpers++; /* somebody else was here meanwhile */
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
      if (files[i] >= 0) close(files[i]);
  }
}

int press(const char *what, uid_t uid) {
  signal(SIGTERM, end);
  signal(SIGIO, SIG_IGN); /* a lease that is broken */
  if (setpgid(0, 0) != 0) perror("attacker: setpgid");
  become(uid);
  if (strcmp(what, "signals") == 0 || strcmp(what, "tamper") == 0) {
    while (!is_over) every_process(what[0] == 's' ? by_signal : by_tampering), usleep(500); /* leaves the processors to the logins */
  } else if (strcmp(what, "processes") == 0) {
    processes();
  } else if (strcmp(what, "locks") == 0) {
    locks();
  } else {
    return 2;
  }
  printf("tried=%ld succeeded=%ld met=%ld\n", tried, succeeded, helpers);
  return 0;
}
