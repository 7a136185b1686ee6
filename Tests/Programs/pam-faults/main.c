/* Every fault at every system call of a login: of the session helper after its main has begun, and of the module in its host.
 *
 *   pam-faults MODULE SCENARIO [full | every N] [home PATH] [contexts HOST HELPER]
 *                                               MODULE: the built module; SCENARIO: see state.c; HOST, HELPER: see faults.h
 *
 * Runs in a machine of its own (Tests/Support/Machine.swift), where alice's home is on what the settings call a network file system
 * and /dev/log is free. A first run without a fault tells the calls; then one run for every call and every error of it (calls.c), for
 * a lost reply, a short read or write, an early end, and SIGKILL before it; with "full" all these again with SIGKILL soon
 * after them, and with "every N" each N-th of them alone. Every run is a transaction through the real libpam, the
 * fault somewhere in it, then a second transaction in the same process without a fault.
 *
 * Prints each violation, and at the end "faults tried N, violations N: N harmless, N logged". Exit status 0 without violations, 1
 * with, 2 if it could not work. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls between a fault and SIGKILL; the first is none. */
static const int kills[] = {0, 1, 2, 3, 5, 8, 13, 21};
static int killed_after;

enum { MOST_SHOWN = 40, PAM_SESSION_ERR_NUMBER = 14 };

/* Seconds of a login. Where only some are tried the machine is slow, and busy with others. */
static int timeout = 5;
/* Of all faults, each that has such a number is tried. */
static long every = 1, numbered;

static const struct scenario *scenario;
static struct run run;
static struct state state_between;
static bool modes_are_denied, between_was_reached;
static long tried, missed, violations, harmless, logged;

static void look_between(void) {
  between_was_reached = true;
  look(scenario, modes_are_denied, &state_between);
  /* What the first login has logged is not left out of the next one's. */
  unlink("/run/rootless-storage/4001");
}

/* ---- The log of a transaction ----------------------------------------------------------------------------------------- */

/* Whether a line of this priority or a worse one has the text. */
static bool says(const char *log, int priority, const char *text) {
  for (const char *line = log; *line != 0;) {
    const char *end = strchrnul(line, '\n');
    const char *found = strstr(line, text);
    if (line[0] - '0' <= priority && found != NULL && found < end) return true;
    line = *end == 0 ? end : end + 1;
  }
  return false;
}

/* By whatever: a signal, the deadline, or the module, where it cannot listen to it. What the module says of each ends so. */
static bool helper_was_killed(void) { return says(run.log, 3, "was killed"); }

/* ---- One fault ----------------------------------------------------------------------------------------------------------- */

static void describe_fault(const struct fault *fault, const struct step *step, char *text, size_t size) {
  static const char *const kinds[] = {"nothing", "fails", "is done, but its reply lost", "is preceded by SIGKILL", "does less", "ends early", "is interrupted a thousand times", "comes after another thread has reaped"};
  const struct call *call = call_numbered(fault->number);
  bool has_error = fault->kind == ERROR || fault->kind == LOST || fault->kind == REAPED;
  snprintf(text, size, "%s %s %d %s%s%s%s", fault->is_of_child ? "the child's" : "call", call ? call->name : "?", fault->occurrence, step->path[0] ? step->path : "",
           step->path[0] ? " " : "", kinds[fault->kind], "");
  size_t used = strlen(text);
  if (fault->killed_after > 0) used += (size_t)snprintf(text + used, size - used, ", SIGKILL %d calls later", fault->killed_after);
  if (has_error) snprintf(text + used, size - used, ": %s", strerror(fault->error));
}

/* Printed up to a bound. */
static void violation(const struct fault *fault, const struct step *step, const char *what) {
  char text[256];
  if (violations++ >= MOST_SHOWN) return;
  describe_fault(fault, step, text, sizeof text);
  printf("violation: %s: %s: %s; log: %s%s", scenario->name, text, what, run.log[0] ? "" : "(empty)\n", run.log);
}

/* The log names the error, or says in words of its own what it means. */
static bool says_cause(const struct fault *fault) {
  if ((fault->kind == KILL || fault->killed_after > 0) && helper_was_killed()) return true;
  if (fault->kind != ERROR && fault->kind != LOST) return true;
  static const struct { int error; const char *words; } own[] = {
      {ENOENT, "does not exist"}, {ELOOP, "is a symbolic link"}, {ENOTDIR, "is not a directory"}, {ELOOP, "is not a directory"}, {EACCES, "is a FUSE mount"}, {EACCES, "something is mounted in it"},
      {ENOENT, "reinstall the package"}, {EACCES, "reinstall the package"}, {ENOEXEC, "reinstall the package"},
      /* The name was there a moment ago, or is said to be there now. */
      {ENOENT, "it changed while it was being looked at"}, {EEXIST, "it changed while it was being looked at"},
      {ENOENT, "Not a directory"}, {EEXIST, "Not a directory"},
      {EINVAL, "has neither hard links nor RENAME_NOREPLACE"}, {ENOSYS, "has neither hard links nor RENAME_NOREPLACE"},
      /* NFS has no RENAME_NOREPLACE, and these are answers of a file system without hard links. */
      {EMLINK, "has neither hard links nor RENAME_NOREPLACE"}, {EPERM, "has neither hard links nor RENAME_NOREPLACE"},
      {EINVAL, "cannot exchange two names"}, {ENOSYS, "cannot exchange two names"}, {EOPNOTSUPP, "cannot exchange two names"},
      {EINTR, "File exists"}, /* a file that is made, and made again when its reply is lost */
      {EINTR, "No such file or directory"}, /* likewise a rename */
      {0, "had no effect"}, /* a change of the identity that cannot be verified */
      {0, "the account cannot be looked up"}, {0, "the groups cannot be looked up"},
      {0, "ended without a whole report"}, /* the report itself is what failed */
  };
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if ((own[i].error == 0 || own[i].error == fault->error) && says(run.log, 5, own[i].words)) return true;
  return says(run.log, 5, strerror(fault->error));
}

/* What may be different, and why; all of it is here. */
static bool is_about_log(const struct fault *fault) {
  /* The log itself is what fails. */
  return scenario->target == MODULE && (fault->number == SYS_sendto || fault->number == SYS_connect || fault->number == SYS_socket);
}
static bool lets_leftover_stay(const struct fault *fault) {
  /* An old leftover that cannot be removed does not keep the file from being made, and once that is there and whole, nobody
   * looks beside it any more: a warning says so, and rootless-storage finds it. */
  /* A file that was put in its place though that was said to have failed: what was made for another attempt, which a kill ended, is
   * beside a file that is whole. rootless-storage finds it. */
  if (fault->killed_after > 0 && fault->kind == LOST && fault->number == SYS_renameat2) return true;
  if (!scenario->has_leftover) return false;
  bool is_told = says(run.log, 4, "left by an interrupted login, cannot be removed") || (fault->killed_after > 0 && helper_was_killed());
  if (fault->number == SYS_unlinkat && is_told) return true;
  /* Nor one in a directory that its user cannot list, or that is said to be absent. */
  return fault->kind == ERROR && (fault->number == SYS_openat || fault->number == SYS_getdents64 || fault->number == SYS_statx) && (fault->error == EACCES || fault->error == ENOENT);
}

static bool lets_lock_stay(const struct fault *fault) {
  /* A login that finds both lines takes no lock, and so meets none that is stale; whoever edits the files next removes it. */
  bool is_killed = fault->kind == KILL || fault->killed_after > 0;
  return scenario->subuid != NULL && state_between.is_whole && (is_killed || fault->number == SYS_unlinkat);
}

static bool is_waiting(long number) {
  return number == SYS_ppoll || number == SYS_waitid || number == SYS_pidfd_send_signal || number == SYS_read
#ifdef SYS_poll
         || number == SYS_poll
#endif
      ;
}

/* Interrupted by a signal, a call is made again; what libc does in the host is libc's. */
static bool is_interruption(const struct fault *fault, const struct step *step) {
  if (fault->error != EINTR || (fault->kind != ERROR && fault->kind != STORM) || fault->killed_after > 0 || scenario->is_hanging) return false;
  if (scenario->target == HELPER) return true;
  return is_waiting(fault->number) && (fault->number != SYS_read || strncmp(step->path, "pipe:", 5) == 0);
}

static void judge(const struct fault *fault, const struct step *step) {
  if (run.is_hung || !between_was_reached || !run.is_finished) return violation(fault, step, "the host does not come to its end");
  const struct session *first = &run.first, *next = &run.next;
  bool has_error = says(run.log, 3, "");
  if (scenario->is_strict ? first->code != (has_error ? PAM_SESSION_ERR_NUMBER : 0) && !(is_about_log(fault) && first->code == PAM_SESSION_ERR_NUMBER) : first->code != 0)
    violation(fault, step, scenario->is_strict ? "strict, and the answer does not fit the log" : "the login fails");
  /* The timeout, a second for the kernel to end the helper, and what a busy machine adds. */
  if (first->milliseconds > (timeout + 1 + 15) * 1000) violation(fault, step, "too late");
  /* The log's socket is closed by libc when it fails. */
  if (first->descriptors_after > first->descriptors_before || (first->descriptors_after < first->descriptors_before && !is_about_log(fault)))
    violation(fault, step, "the number of descriptors changes");
  if (first->children != 0) violation(fault, step, "a child is left");
  if (run.murder[0] != 0) violation(fault, step, run.murder);
  if (run.stranger[0] != 0) violation(fault, step, run.stranger);

  if (state_between.trouble[0] != 0) violation(fault, step, state_between.trouble);
  /* A helper that was killed leaves at most one, one that only met an error none, unless that it cannot remove it was the error. */
  bool cannot_remove = fault->number == SYS_unlinkat, was_killed = helper_was_killed();
  /* Both, where one comes after the other, and not where the call that removes is the one at which it is killed. */
  int may_leave = fault->killed_after > 0 ? cannot_remove + was_killed : cannot_remove || was_killed;
  int may_prepare = fault->kind == LOST && fault->number == SYS_mkdirat;
  if (fault->killed_after > 0) may_prepare += may_leave; else may_prepare = may_prepare || may_leave;
  /* One that cannot give a capability back ends itself at once: where the exchange is refused, with that directory not in its place yet. */
  if (scenario->denied_flags != 0 && says(run.log, 3, "ended without a whole report")) may_prepare = 1;
  if (state_between.leftovers > scenario->has_leftover + may_leave) violation(fault, step, "a temporary file is left, or more than one");
  if (state_between.prepared > may_prepare) violation(fault, step, "a directory that was prepared is left, or more than one");
  bool is_killed = fault->kind == KILL || fault->killed_after > 0 || helper_was_killed();
  if (state_between.is_half && !is_killed) violation(fault, step, "one of /etc/subuid and /etc/subgid has got its line, and the other not");
  if (state_between.ids_left > 0 && !is_killed && fault->number != SYS_unlinkat) violation(fault, step, state_between.left);
  /* One that is said to be there is not made. */
  bool is_hidden = is_killed || (fault->number == SYS_mkdirat && (fault->kind == LOST || fault->error == EEXIST)) || says(run.log, 3, "ended without a whole report");
  /* The limit wants root's identity, and comes before what is in the directory. */
  if (scenario->has_quota && says(run.log, 3, "nothing is touched without the user's identity")) is_hidden = true;
  if (state_between.lacks_engines && !is_hidden && !says(run.log, 4, "cannot create /var/tmp/alice/") && !says(run.log, 3, "is refused")) violation(fault, step, "an engine's directory is missing, and the log does not say so");
  if (scenario->has_quota && state_between.is_whole && !is_hidden && !says(run.log, 4, "has no limit") && !is_about_log(fault)) violation(fault, step, "there is no limit, and the log does not say so");
  bool is_missing = !state_between.is_whole || scenario->is_refused || scenario->is_blocked || scenario->is_overlapping;
  if (is_missing && !says(run.log, 5, "") && !is_about_log(fault)) violation(fault, step, "something is missing, and the log does not say so");
  else if (!state_between.is_whole && !says_cause(fault) && !is_about_log(fault)) violation(fault, step, "something is missing, and the log does not say why");
  if (is_interruption(fault, step) && (!state_between.is_right || (has_error && !scenario->is_refused && !scenario->is_taken))) violation(fault, step, "an interrupted call is not made again");
  state_between.is_right ? harmless++ : logged++;

  struct state after;
  look(scenario, modes_are_denied, &after);
  if (next->code != 0) violation(fault, step, "the next login fails");
  if (next->descriptors_after != next->descriptors_before || next->children != 0) violation(fault, step, "the next login leaves a descriptor or a child");
  if (after.trouble[0] != 0) violation(fault, step, after.trouble);
  if (!after.is_right && !(lets_leftover_stay(fault) && after.leftovers == 1) && !(lets_lock_stay(fault) && after.is_whole && after.leftovers == 0)) violation(fault, step, "the next login does not complete it");
  /* What the first has not taken, the next one does. */
  bool says_error = says(run.next_log, 3, "") && !(scenario->is_taken && says(run.next_log, 3, "what was there is kept as"));
  if (scenario->is_refused != says_error || scenario->is_blocked != says(run.next_log, 4, "is skipped") || scenario->is_overlapping != says(run.next_log, 4, "no subordinate ids")) violation(fault, step, "the next login says something else");
}

static void try_fault(const struct step *step, struct fault fault) {
  if (numbered++ % every != 0) return;
  fault.killed_after = killed_after;
  fault.number = step->number, fault.occurrence = step->occurrence, fault.is_of_child = step->is_of_child;
  reset(scenario);
  between_was_reached = false;
  /* A file system without modes is taken as it is: the file is whole, and less open than the skeleton's. */
  modes_are_denied = fault.number == SYS_fchmod && (fault.error == EPERM || fault.error == EOPNOTSUPP || fault.error == ENOSYS);
  run_once(scenario, &fault, false, &run, look_between);
  /* How often the host polls and reads depends on how fast the helper is. */
  if (!run.is_hit) {
    missed++;
    return;
  }
  tried++;
  judge(&fault, step);
}

static void try_errors(const struct step *step, enum kind kind, const int *errors) {
  for (; *errors != 0; errors++) try_fault(step, (struct fault){.kind = kind, .error = *errors});
}

static bool has(const int *errors, int error) {
  for (; *errors != 0; errors++)
    if (*errors == error) return true;
  return false;
}

static void try_step(const struct step *step) {
  const struct call *call = call_numbered(step->number);
  bool is_own = scenario->target == HELPER || step->is_of_child;
  if (is_own && killed_after == 0) try_fault(step, (struct fault){.kind = KILL});
  if (call == NULL) {
    if (cannot_fail(step->number)) return;
    if (killed_after > 0) return;
    printf("violation: %s: call number %ld is not in calls.c\n", scenario->name, step->number);
    violations++;
    return;
  }
  for (const int *error = call->here; *error != 0; error++) {
    /* Linux 5.3 has pidfds, but waits for none; for a number, there is nothing to be invalid. */
    if (step->number == SYS_waitid && *error == EINVAL && scenario->denied == SYS_pidfd_open) continue;
    try_fault(step, (struct fault){.kind = ERROR, .error = *error});
  }
  if (step->place != ELSEWHERE) try_errors(step, ERROR, call->nfs);
  if (step->is_creating) try_errors(step, ERROR, call->made);
  bool can_be_done = (step->number != scenario->denied || scenario->denied_flags != 0) && (step->number != SYS_openat || step->is_creating);
  if (can_be_done) try_errors(step, LOST, call->lost);
  if (call->shorts)
    for (int how = 0; how < 3; how++) try_fault(step, (struct fault){.kind = SHORT, .error = how});
  if (step->number == SYS_read) try_fault(step, (struct fault){.kind = END});
  if (step->occurrence == 1 && has(call->here, EINTR)) try_fault(step, (struct fault){.kind = STORM, .error = EINTR});
  if (scenario->target == MODULE && !scenario->is_hanging && !step->is_of_child) {
    if (step->number == SYS_pidfd_open && scenario->denied == 0) try_fault(step, (struct fault){.kind = REAPED, .error = ESRCH});
    if (step->number == SYS_waitid) try_fault(step, (struct fault){.kind = REAPED, .error = ECHILD});
  }
}

/* ---- The whole sweep -------------------------------------------------------------------------------------------------------- */

static int put(const char *path, const char *text, mode_t mode) {
  FILE *file = fopen(path, "we");
  if (file == NULL) return -1;
  fputs(text, file);
  return fclose(file) != 0 || chmod(path, mode) != 0 ? -1 : 0;
}

static int sweep(const char *module, bool is_full) {
  static const struct fault none;
  static struct step steps[sizeof run.steps / sizeof *run.steps];
  char stack[512];
  snprintf(stack, sizeof stack, "session required %s debug timeout=%d%s%s\n", module, scenario->is_hanging ? 1 : timeout, scenario->is_strict ? " strict" : "",
           scenario->is_hanging ? " helper=/etc/hanging" : "");
  if (put("/etc/pam.d/tested", stack, 0644) != 0 || put("/etc/hanging", "#!/bin/sh\nexec sleep 60\n", 0755) != 0) return perror("pam-faults: /etc"), 2;
  snprintf(stack, sizeof stack, "session required %s debug timeout=%d\n", module, timeout);
  if (put("/etc/pam.d/next", stack, 0644) != 0) return perror("pam-faults: /etc"), 2;
  if (log_open() != 0) return perror("pam-faults: /dev/log"), 2;
  learn_expected();

  reset(scenario);
  run_once(scenario, &none, true, &run, look_between);
  if (!between_was_reached || run.count == 0 || !state_between.is_right || state_between.trouble[0] != 0)
    return printf("pam-faults: %s: without a fault: %s\n%s", scenario->name, state_between.trouble, run.log), 2;
  if (context_of_helper != NULL && !run.is_in_domain)
    return printf("pam-faults: %s: the session helper has the context %s\n", scenario->name, run.stranger[0] ? run.stranger : "of nobody: it was not seen"), 2;
  if (!are_ids_in_order(&run)) return printf("pam-faults: %s: /etc/subuid or /etc/subgid is not locked, written, synced and renamed in this order\n", scenario->name), 2;
  int count = run.count;
  memcpy(steps, run.steps, sizeof steps);
  int rounds = is_full && scenario->target == HELPER ? (int)(sizeof kills / sizeof *kills) : 1;
  for (int round = 0; round < rounds; round++) {
    killed_after = kills[round];
    /* A second each in a helper that hangs: only what is done meanwhile. */
    for (int i = 0; i < count; i++)
      if (!scenario->is_hanging || is_waiting(steps[i].number)) try_step(&steps[i]);
  }
  printf("faults tried %ld, violations %ld: %s: %d calls, %ld harmless, %ld logged, %ld not met\n", tried, violations, scenario->name, count, harmless, logged, missed);
  return violations == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  bool is_full = false, is_usage = argc < 3;
  for (int i = 3; i < argc && !is_usage; i++) {
    if (strcmp(argv[i], "full") == 0) is_full = true;
    else if (strcmp(argv[i], "every") == 0 && i + 1 < argc && (every = strtol(argv[++i], NULL, 10)) > 0) timeout = 60;
    else if (strcmp(argv[i], "home") == 0 && i + 1 < argc) home_of_root = argv[++i];
    else if (strcmp(argv[i], "contexts") == 0 && i + 2 < argc) context_of_host = argv[++i], context_of_helper = argv[++i];
    else is_usage = true;
  }
  if (is_usage) return fprintf(stderr, "usage: pam-faults MODULE SCENARIO [full | every N] [home PATH] [contexts HOST HELPER]\n"), 2;
  for (int i = 0; i < scenario_count; i++)
    if (strcmp(argv[2], scenarios[i].name) == 0) scenario = &scenarios[i];
  if (scenario == NULL) return fprintf(stderr, "pam-faults: no scenario %s\n", argv[2]), 2;
  return sweep(argv[1], is_full);
}
