/* Logins through the real libpam, in each of which the helper is stopped at one of its system calls (ptrace(2)), the attacker makes
 * his move, and perhaps another one at a later call: no window is too small to be met. Only the helper is traced on, and neither it
 * nor the module or the host is any other than on a real machine.
 *
 * The first round is without a move, and says how many calls there are. Then the move comes at each of them and stays; then it comes
 * at each and goes at the next; then both are at random calls. With fewer rounds than calls the moves are spread over them. Every round
 * begins with the same scene, and is checked when the helper is about to end.
 *
 * Prints "violation: …" lines, at most 20, and at last one line "rounds=N …":
 *
 *   rounds     logins; calls: system calls of the first; moves: how often the attacker's move was not refused
 *   seen       rounds whose report differs from the first's: the helper saw it
 *   done tolerated failed unended    how reports ended; errors: error lines in them
 *   created    rounds that ended with the storage directory in place, the user's own
 *   opened     descriptors that were checked as they were opened
 *   host       exit status of the host; log_N: its messages of that priority
 *
 * --undisturbed: what is in the report of a login that nobody attacks.
 * --order tamper: the user tries at every call what tamper.c says. stop, kill: he sends that signal at one call of each round. */
#include "attacker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct attack *attack;
static enum order order = ORDER_COME;
static const char *undisturbed = "end done\n"; /* how a login ends that nobody attacks */
static long rounds = 1000, done_rounds, moves, seen, created, opened, errors, endings[4];
static int calls; /* of the first round, from its chdir(2) on */
static char first_report[65536], report[65536];
static size_t report_length;
static int is_over;    /* nothing more is to be learned */
static pid_t previous; /* the helper of the last round */

static uint32_t next_random(void) {
  static uint32_t state = 2463534242u; /* the same every time */
  state ^= state << 13, state ^= state >> 17, state ^= state << 5;
  return state;
}

static void schedule(int *comes, int *goes) {
  long round = done_rounds - 1;
  *comes = *goes = -1;
  if (round < 0 || calls == 0) return;
  if (rounds <= calls) { /* too few for all: spread, and every second one goes again */
    *comes = (int)(round * calls / rounds);
    if (round % 2 == 1) *goes = *comes + 1 + (int)(next_random() % (unsigned)(calls - *comes));
    return;
  }
  if (round < 2 * calls) {
    *comes = (int)(round % calls);
    if (round >= calls) *goes = *comes + 1;
    return;
  }
  *comes = (int)(next_random() % (unsigned)calls);
  *goes = *comes + 1 + (int)(next_random() % (unsigned)(calls - *comes));
}

/* ---- What the helper does --------------------------------------------------------------------------------------- */

static void hear(pid_t helper, const struct __ptrace_syscall_info *call) {
  size_t length = (size_t)call->entry.args[2];
  if (length > sizeof report - 1 - report_length) length = sizeof report - 1 - report_length;
  struct iovec here = {report + report_length, length}, there = {(void *)(uintptr_t)call->entry.args[1], length};
  ssize_t got = process_vm_readv(helper, &here, 1, &there, 1, 0);
  if (got > 0) report_length += (size_t)got;
  report[report_length] = 0;
}

static int begins(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* Opened, and not only as a place: root's own settings, skeleton and lock, /proc, and what is the user's. Other directories can be listed
 * where the user's own links lead the user there. */
static void check_opened(pid_t helper, int descriptor, int flags) {
  char name[64], path[4096];
  struct stat s;
  snprintf(name, sizeof name, "/proc/%d/fd/%d", helper, descriptor);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0 || stat(name, &s) != 0) return;
  path[length] = 0;
  opened++;
  int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (!writes && (begins(path, "/etc/rootless-storage/") || begins(path, "/proc/") || begins(path, "/sys/")) && s.st_uid == 0) return;
  if (begins(path, "/run/rootless-storage/") && S_ISREG(s.st_mode) && s.st_uid == 0 && (s.st_mode & 07777) == 0600) return;
  if (!writes && S_ISDIR(s.st_mode) && (s.st_uid == VICTIM_UID || (s.st_mode & 04) != 0)) return;
  if (writes && S_ISREG(s.st_mode) && s.st_uid == VICTIM_UID && s.st_nlink == 1 && strstr(path, "/.rootless-storage.") != NULL) return;
  violation("round %ld: opened %s (mode %o, uid %u) with flags %o", done_rounds, path, s.st_mode, s.st_uid, flags);
}

/* The user is not yet all that the process is. */
static int has_reserve(pid_t helper) {
  char name[64], line[256];
  unsigned real = 0, effective = 0, saved = 0;
  snprintf(name, sizeof name, "/proc/%d/status", helper);
  FILE *file = fopen(name, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "Uid: %u %u %u", &real, &effective, &saved) == 3) break;
  if (file != NULL) fclose(file);
  return real == 0 || effective == 0 || saved == 0;
}

static void check_report(void) {
  static const char *ends[] = {"end done\n", "end tolerated\n", "end failed\n"};
  int ending = 3;
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(ends[i]);
    if (report_length >= length && strcmp(report + report_length - length, ends[i]) == 0) ending = i;
  }
  endings[ending]++;
  long lines = 0;
  char text[sizeof report];
  memcpy(text, report, report_length + 1);
  for (char *next = text, *line; (line = strsep(&next, "\n")) != NULL && next != NULL;) {
    if (begins(line, "<3>")) errors++, lines++;
    if (begins(line, "<3>") && strstr(line, STORAGE) == NULL && strstr(line, HOME) == NULL)
      violation("round %ld: an error names nothing: %s", done_rounds, line);
  }
  if ((ending == 1 || ending == 2) && lines == 0) violation("round %ld: refused without a word", done_rounds);
  struct stat s;
  if (lstat(STORAGE, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == VICTIM_UID) created++;
}

/* ---- One round --------------------------------------------------------------------------------------------------- */

static void resume(pid_t process, int request, int signal) {
  if (ptrace((enum __ptrace_request)request, process, 0, signal) != 0 && errno != ESRCH) perror("attacker: ptrace"), exit(2);
}

/* Whatever came of it, the module has reaped one helper before the host goes on. */
static void check_gone(void) {
  if (previous > 0 && kill(previous, 0) == 0) violation("the helper of round %ld is still there", done_rounds - 1);
}

/* The helper stands at its execve(2). */
static void round_of(pid_t helper) {
  check_gone();
  previous = helper;
  scene_set(attack->scenario);
  int comes, goes, call = -1, is_all_root = 0, was_killed = 0, has_come = 0;
  long long flags = -1;
  schedule(&comes, &goes);
  if (order != ORDER_COME) goes = -1;
  struct stat thing = {0}, after;
  report_length = 0;
  report[0] = 0;
  resume(helper, PTRACE_SYSCALL, 0);
  for (;;) {
    int status;
    if (waitpid(helper, &status, __WALL) < 0) perror("attacker: waitpid"), exit(2);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      was_killed = 1;
      if (order == ORDER_COME) violation("round %ld: the helper hung or died: %s", done_rounds, report), is_over = 1;
      break;
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      resume(helper, PTRACE_SYSCALL, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
      continue;
    }
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, helper, sizeof info, &info) <= 0) continue;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (flags >= 0 && !info.exit.is_error && (flags & O_PATH) == 0) check_opened(helper, (int)info.exit.rval, (int)flags);
      flags = -1;
    } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      long number = (long)info.entry.nr;
      if (call < 0 && number != SYS_chdir) {
        flags = -1; /* the dynamic loader's */
        resume(helper, PTRACE_SYSCALL, 0);
        continue;
      }
      call++;
      flags = number == SYS_openat ? (long long)info.entry.args[2] : -1;
      if (number == SYS_write && info.entry.args[0] == 1) hear(helper, &info);
      if (order == ORDER_TAMPER && done_rounds > 0) {
        unsigned done = (unsigned)hand_move(order, helper);
        moves++;
        if (done != 0) seen++;
        /* A host whose real uid is the caller's, like su, starts the helper with it. */
        if (done != 0 && is_all_root && has_reserve(helper)) violation("call %d (%ld): the user could do %u to a helper with root's rights", call, number, done);
        if ((done & ~(unsigned)(TAMPER_SIGNAL | TAMPER_LIMITS)) != 0) violation("call %d (%ld): the user could do %u", call, number, done);
        if (number == SYS_setresuid) is_all_root = 1;
      } else if (call == comes) {
        int reserve = has_reserve(helper), refused = hand_move(order, helper);
        if (refused == 0) moves++;
        if (order == ORDER_COME) {
          has_come = refused == 0 && lstat(attack->place, &thing) == 0;
        } else if (refused == 0) {
          if (reserve) violation("call %d: signal to a helper with root's rights", call);
          was_killed = 1;
          seen++;
          if (order == ORDER_STOP) break;
        }
      } else if (call == goes && has_come) {
        hand_move(ORDER_GO, helper);
      }
      if (number == SYS_exit_group) break;
    }
    resume(helper, PTRACE_SYSCALL, 0);
  }
  if (order == ORDER_COME || !was_killed) check_report();
  if (has_come && goes < 0 && !attack->is_home) {
    /* Where it was, and as it was; or beside it, renamed, which changes the time of change and nothing else. */
    int is_there = lstat(attack->place, &after) == 0 && after.st_ino == thing.st_ino;
    if (is_there ? after.st_ctim.tv_nsec != thing.st_ctim.tv_nsec || after.st_mode != thing.st_mode : !is_kept(&thing))
      violation("round %ld: what the attacker had made is not as it was", done_rounds);
  }
  if (!attack->is_home && !was_killed) check_place(report);
  check_home(attack->thing, was_killed);
  check_protected();
  if (done_rounds == 0) {
    calls = call;
    strcpy(first_report, report);
    if (was_killed || strstr(report, undisturbed) == NULL) violation("without an attack the report is: %s", report);
  } else if (order == ORDER_COME && strcmp(report, first_report) != 0) {
    seen++;
  }
  done_rounds++;
  /* Of the death of a traced child the kernel tells its tracer first: the module cannot have reaped that one in time. */
  if (was_killed && order == ORDER_KILL) previous = 0;
  resume(helper, PTRACE_DETACH, 0);
}

/* ---- The host ---------------------------------------------------------------------------------------------------- */

static pid_t start_host(char **arguments, int output) {
  pid_t host = fork();
  if (host != 0) return host;
  dup2(output, 1);
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  execv(arguments[0], arguments);
  _exit(127);
}

static int is_helper(pid_t process) {
  char name[64], path[512];
  snprintf(name, sizeof name, "/proc/%d/exe", process);
  ssize_t length = readlink(name, path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  return strstr(path, "/session-helper") != NULL;
}

static int summary(FILE *output, int status) {
  char line[8192];
  long log[8] = {0};
  check_gone();
  rewind(output);
  while (fgets(line, sizeof line, output) != NULL) {
    long priority;
    if (sscanf(line, "log %ld ", &priority) == 1 && priority >= 0 && priority < 8) log[priority]++;
    else if (!begins(line, "open=")) printf("host: %s", line);
  }
  printf(
      "rounds=%ld calls=%d moves=%ld seen=%ld done=%ld tolerated=%ld failed=%ld unended=%ld errors=%ld created=%ld opened=%ld host=%d",
      done_rounds, calls, moves, seen, endings[0], endings[1], endings[2], endings[3], errors, created, opened,
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  for (int priority = 3; priority < 8; priority++) printf(" log_%d=%ld", priority, log[priority]);
  printf(" violations=%ld\n", violations);
  return violations == 0 ? 0 : 1;
}

static enum order order_named(const char *name) {
  if (strcmp(name, "tamper") == 0) return ORDER_TAMPER;
  if (strcmp(name, "stop") == 0) return ORDER_STOP;
  return strcmp(name, "kill") == 0 ? ORDER_KILL : ORDER_COME;
}

int step(struct attack *given, int argc, char **argv) {
  attack = given;
  char *paths[32], count[32];
  int protected = 0, i = 0;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    if (strcmp(argv[i], "--rounds") == 0) rounds = strtol(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--protect") == 0 && protected < 32) paths[protected++] = argv[i + 1];
    else if (strcmp(argv[i], "--undisturbed") == 0) undisturbed = argv[i + 1];
    else if (strcmp(argv[i], "--order") == 0) order = order_named(argv[i + 1]);
    else return fprintf(stderr, "attacker: unknown option %s\n", argv[i]), 2;
  }
  if (argc - i < 5) return fprintf(stderr, "attacker: no host\n"), 2;
  char **host_arguments = calloc((size_t)argc + 4, sizeof *host_arguments);
  snprintf(count, sizeof count, "%ld", rounds);
  host_arguments[0] = argv[i + 1];
  host_arguments[1] = "--count", host_arguments[2] = count;
  memcpy(host_arguments + 3, argv + i + 2, (size_t)(argc - i - 2) * sizeof *argv);
  protect(paths, protected);
  hand_start(attack);

  FILE *output = tmpfile();
  int status;
  pid_t host = start_host(host_arguments, fileno(output));
  if (waitpid(host, &status, 0) != host || !WIFSTOPPED(status)) return perror("attacker: host"), 2;
  ptrace(
      PTRACE_SETOPTIONS, host, 0,
      PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  resume(host, PTRACE_CONT, 0);
  for (;;) {
    pid_t process = waitpid(-1, &status, __WALL);
    if (process < 0) return perror("attacker: waitpid"), 2;
    if (!WIFSTOPPED(status)) {
      if (process == host) return summary(output, status);
      continue;
    }
    int signal = WSTOPSIG(status);
    if (process != host && status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8) && is_helper(process)) {
      round_of(process);
      if (is_over || violations > 20) kill(host, SIGKILL);
      continue;
    }
    /* The first stop of a new child, and every stop that is an event, is no signal. */
    resume(process, PTRACE_CONT, signal == SIGTRAP || (process != host && signal == SIGSTOP) ? 0 : signal);
  }
}
