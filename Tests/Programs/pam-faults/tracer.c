/* One run: a PAM host in a process of its own, the session helper that its module starts, and one fault in either.
 *
 * Every process is traced (ptrace(2)) only until the fault has taken place: the host's module must be able to wait for its child as
 * ever, which a tracer would delay. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Registers --------------------------------------------------------------------------------------------------------- */

#if defined __x86_64__
#define RESULT(r) ((r).rax)
static void set_number(pid_t process, struct user_regs_struct *registers, long number) {
  (void)process;
  registers->orig_rax = (unsigned long long)number;
}
static unsigned long long *argument(struct user_regs_struct *r, int which) {
  unsigned long long *const all[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10};
  return all[which];
}
#elif defined __aarch64__
#define RESULT(r) ((r).regs[0])
static void set_number(pid_t process, struct user_regs_struct *registers, long number) {
  (void)registers;
  int value = (int)number;
  struct iovec part = {&value, sizeof value};
  ptrace(PTRACE_SETREGSET, process, NT_ARM_SYSTEM_CALL, &part);
}
static unsigned long long *argument(struct user_regs_struct *r, int which) { return &r->regs[which]; }
#else
#error "the registers of this architecture are not known here"
#endif

static struct user_regs_struct get_registers(pid_t process) {
  struct user_regs_struct registers;
  struct iovec part = {&registers, sizeof registers};
  ptrace(PTRACE_GETREGSET, process, NT_PRSTATUS, &part);
  return registers;
}

static void set_registers(pid_t process, struct user_regs_struct *registers) {
  struct iovec part = {registers, sizeof *registers};
  ptrace(PTRACE_SETREGSET, process, NT_PRSTATUS, &part);
}

/* ---- What a call is about ------------------------------------------------------------------------------------------------ */

static void path_of_descriptor(pid_t process, int descriptor, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/%s%.0d", process, descriptor == AT_FDCWD ? "cwd" : "fd/", descriptor == AT_FDCWD ? 0 : descriptor);
  if (descriptor == 0) snprintf(link, sizeof link, "/proc/%d/fd/0", process);
  ssize_t length = readlink(link, path, size - 1);
  path[length > 0 ? length : 0] = 0;
}

static void describe(pid_t process, const struct __ptrace_syscall_info *info, struct step *step) {
  const long at[] = {SYS_openat, SYS_statx, SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_newfstatat, SYS_renameat2, SYS_renameat};
  const long by_descriptor[] = {SYS_read, SYS_write, SYS_close, SYS_fsync, SYS_fchmod, SYS_getdents64, SYS_lseek, SYS_pread64, SYS_fcntl, SYS_sendto, SYS_fchown, SYS_fgetxattr, SYS_fsetxattr, SYS_fremovexattr};
  step->path[0] = 0;
  for (size_t i = 0; i < sizeof by_descriptor / sizeof *by_descriptor; i++)
    if (by_descriptor[i] == step->number) path_of_descriptor(process, (int)info->entry.args[0], step->path, sizeof step->path);
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    if (at[i] != step->number) continue;
    char name[sizeof step->path] = "", here[sizeof step->path] = "";
    /* linkat(2), renameat(2) and renameat2(2) are named by where they put it. */
    bool is_second = step->number == SYS_linkat || step->number == SYS_renameat2 || step->number == SYS_renameat;
    struct iovec to = {name, sizeof name - 1}, from = {(void *)info->entry.args[is_second ? 3 : 1], sizeof name - 1};
    if (process_vm_readv(process, &to, 1, &from, 1, 0) < 0) {
      /* The text is near the end of its page. */
      from.iov_len = to.iov_len = 4096 - (size_t)(info->entry.args[is_second ? 3 : 1] & 4095);
      if (to.iov_len >= sizeof name) to.iov_len = from.iov_len = sizeof name - 1;
      process_vm_readv(process, &to, 1, &from, 1, 0);
    }
    if (name[0] != '/') path_of_descriptor(process, (int)info->entry.args[is_second ? 2 : 0], here, sizeof here);
    snprintf(step->path, sizeof step->path, "%.60s%s%.30s", here, here[0] && name[0] ? "/" : "", name);
  }
  step->is_creating = step->number == SYS_openat && (info->entry.args[2] & O_CREAT) != 0;
  step->place = strncmp(step->path, "/home/", 6) == 0 ? HOME : strncmp(step->path, "/var/tmp/", 9) == 0 ? STORAGE : ELSEWHERE;
}

/* ---- One process that is traced -------------------------------------------------------------------------------------------- */

struct tracee {
  pid_t process; /* 0: none, or not traced any more */
  bool is_started, is_followed, has_begun, is_over, is_inside;
  unsigned long long saved[4]; /* arguments that were changed */
  bool is_faulty;              /* the call that it is inside of is the one */
  int seen[1024];              /* how often each call was made */
};

static struct session *shared; /* with the host: both transactions */
static struct tracee host, child;
static pid_t child_number;
static const struct fault *fault;
static struct run *run;
static int calls_since;
static bool is_recording, is_done; /* the fault has taken place, as often as it should */
static enum target target;
static unsigned long long end_of_data; /* what brk(2) said last */

static void resume(struct tracee *tracee, int signal) { ptrace(tracee->is_followed ? PTRACE_SYSCALL : PTRACE_CONT, tracee->process, NULL, signal); }

static void detach(struct tracee *tracee, int signal) {
  ptrace(PTRACE_DETACH, tracee->process, NULL, signal);
  tracee->process = 0;
}

/* Invariant 1: only what is certainly the host's child is ever sent a signal, and that is SIGKILL. */
static void watch_signals(const struct __ptrace_syscall_info *info) {
  long number = (long)info->entry.nr, victim = -1, signal = -1;
  if (number == SYS_kill) victim = (pid_t)info->entry.args[0], signal = (long)info->entry.args[1];
  else if (number == SYS_pidfd_send_signal) {
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", host.process, (int)info->entry.args[0]);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) sscanf(line, "Pid: %ld", &victim);
    if (file != NULL) fclose(file);
    signal = (long)info->entry.args[1];
  } else if (number != SYS_tkill && number != SYS_tgkill) return;
  if (victim != child_number || signal != SIGKILL) snprintf(run->murder, sizeof run->murder, "call %ld sends signal %ld to %ld", number, signal, victim);
}

static void stopped(struct tracee *tracee, int status);

/* The child is traced until it is seen to have become the session helper. If the module kills it before, the kernel tells the tracer of
 * its end first, and the module, which waits for a second at most, finds nothing to reap. */
static void let_child_go(void) {
  while (child.process != 0) {
    int status;
    if (waitpid(child.process, &status, __WALL) < 0) return; /* the alarm: the loop that waits for all gives up */
    if (WIFSTOPPED(status)) stopped(&child, status);
    else child.process = 0;
  }
}

static bool is_the_one(const struct tracee *tracee, long number) {
  if (fault->kind == NONE || is_done || number != fault->number) return false;
  if ((tracee == &child && target == MODULE) != fault->is_of_child) return false;
  int now = tracee->seen[number];
  return fault->kind == STORM ? now <= 1000 : now == fault->occurrence;
}

/* The call is about to be made. Returns whether the process is traced still. */
static bool enter(struct tracee *tracee, const struct __ptrace_syscall_info *info) {
  long number = (long)info->entry.nr;
  if (number == SYS_exit_group && tracee == &child) return detach(tracee, 0), false;
  if (target == HELPER && number == SYS_chdir) tracee->has_begun = true;
  /* After the module, libpam itself tells the audit subsystem of the session. */
  if (target == MODULE && tracee == &host && number == SYS_socket && info->entry.args[0] == AF_NETLINK) tracee->is_over = true;
  bool counts = target == HELPER ? tracee->has_begun : shared[0].is_open && !tracee->is_over;
  if (!counts || number < 0 || number >= 1024) return true;
  if (tracee == &host) watch_signals(info);
  tracee->seen[number]++;
  if (is_recording && run->count < (int)(sizeof run->steps / sizeof *run->steps)) {
    struct step *step = &run->steps[run->count++];
    *step = (struct step){.number = number, .occurrence = tracee->seen[number], .is_of_child = target == MODULE && tracee == &child};
    describe(tracee->process, info, step);
  }
  if (is_done && tracee == &child && fault->killed_after > 0 && ++calls_since == fault->killed_after) return detach(tracee, SIGKILL), false;
  if (!is_the_one(tracee, number)) return true;
  if (target == MODULE && tracee == &host) let_child_go();
  run->is_hit = true;
  if (fault->kind == KILL) return is_done = true, detach(tracee, SIGKILL), false;
  if (fault->kind == LOST) return tracee->is_faulty = true;
  struct user_regs_struct registers = get_registers(tracee->process);
  for (int i = 0; i < 4; i++) tracee->saved[i] = *argument(&registers, i);
  unsigned long long count = tracee->saved[2];
  if (fault->kind == SHORT) *argument(&registers, 2) = fault->error == 0 ? count - (count > 1) : fault->error == 1 ? (count + 1) / 2 : count > 0;
  else if (fault->kind == REAPED && number == SYS_waitid) *argument(&registers, 3) &= ~(unsigned long long)(WNOHANG | WNOWAIT);
  else if (fault->kind == REAPED) {
    *argument(&registers, 0) = (unsigned long long)child_number;
    for (int i = 1; i < 4; i++) *argument(&registers, i) = 0;
  }
  set_registers(tracee->process, &registers);
  if (fault->kind == REAPED && number != SYS_waitid) {
    set_number(tracee->process, &registers, SYS_wait4);
    set_registers(tracee->process, &registers);
  } else if (fault->kind == ERROR || fault->kind == END || fault->kind == STORM) {
    set_number(tracee->process, &registers, -1);
    set_registers(tracee->process, &registers);
  }
  return tracee->is_faulty = true;
}

/* The call has been made, or not. */
static bool leave(struct tracee *tracee) {
  if (!tracee->is_faulty) return true;
  tracee->is_faulty = false;
  struct user_regs_struct registers = get_registers(tracee->process);
  if (fault->kind == SHORT || fault->kind == REAPED)
    for (int i = 0; i < 4; i++)
#if defined __aarch64__
      if (i > 0) /* the first argument's register holds the result */
#endif
        *argument(&registers, i) = tracee->saved[i];
  if (fault->kind == END) RESULT(registers) = 0;
  else if (fault->kind != SHORT) RESULT(registers) = (unsigned long long)-(long long)fault->error;
  if (fault->number == SYS_brk) RESULT(registers) = end_of_data;
  set_registers(tracee->process, &registers);
  is_done = fault->kind != STORM || tracee->seen[fault->number] >= 1000;
  if (is_done && tracee == &child && fault->killed_after == 0) return detach(tracee, 0), false;
  return true;
}

/* The child has become the session helper. */
static void look_at_context(void) {
  if (context_of_helper == NULL) return;
  char path[64], context[sizeof run->stranger] = "";
  snprintf(path, sizeof path, "/proc/%d/attr/current", child.process);
  FILE *file = fopen(path, "re");
  if (file == NULL || fgets(context, sizeof context, file) == NULL) context[0] = 0;
  if (file != NULL) fclose(file);
  context[strcspn(context, "\n")] = 0;
  if (strcmp(context, context_of_helper) == 0) run->is_in_domain = true;
  else snprintf(run->stranger, sizeof run->stranger, "%s", context[0] ? context : "unknown");
}

static void stopped(struct tracee *tracee, int status) {
  int signal = WSTOPSIG(status), event = status >> 16;
  if (event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE) return resume(tracee, 0);
  if (event == PTRACE_EVENT_EXEC) {
    if (tracee == &child) look_at_context();
    if (target == MODULE) return detach(tracee, 0);
    tracee->is_followed = true;
    return resume(tracee, 0);
  }
  if (signal == (SIGTRAP | 0x80)) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->process, sizeof info, &info) <= 0) return resume(tracee, 0);
    bool is_traced = true;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      tracee->is_inside = info.entry.nr == SYS_brk;
      is_traced = enter(tracee, &info);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      is_traced = leave(tracee);
      if (is_traced && tracee->is_inside) end_of_data = RESULT(get_registers(tracee->process));
      tracee->is_inside = false;
    }
    if (is_traced) resume(tracee, 0);
    return;
  }
  /* A child that is traced from birth begins with SIGSTOP. */
  if (!tracee->is_started && signal == SIGSTOP) {
    tracee->is_started = true;
    return resume(tracee, 0);
  }
  resume(tracee, signal);
}

static void ring(int unused) { (void)unused; }

static void give_up(void) {
  run->is_hung = true;
  if (child_number > 0) kill(child_number, SIGKILL);
  if (host.process > 0) kill(host.process, SIGKILL);
}

void run_once(const struct scenario *scenario, const struct fault *the_fault, bool recording, struct run *the_run, void (*between)(void)) {
  if (shared == NULL) shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(shared, 0, 2 * sizeof *shared);
  run = the_run, fault = the_fault, is_recording = recording, is_done = false, calls_since = 0, target = scenario->target, child_number = 0, end_of_data = 0;
  memset(run, 0, offsetof(struct run, steps));
  run->count = 0;
  memset(&host, 0, sizeof host);
  memset(&child, 0, sizeof child);
  char stale[8192] = "";
  log_receive(stale, sizeof stale);

  /* Without SA_RESTART: it interrupts the wait. */
  struct sigaction action = {.sa_handler = ring};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval longest = {{1, 0}, {30, 0}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &longest, NULL);
  pid_t process = fork();
  if (process == 0) be_host(scenario, shared);
  host.process = process;
  host.is_followed = target == MODULE;
  bool is_between = false;
  for (;;) {
    int status;
    pid_t who = waitpid(-1, &status, __WALL);
    if (who < 0 && errno == EINTR) {
      give_up();
      continue;
    }
    if (who < 0) break; /* nobody is left */
    if (!is_between) log_receive(run->log, sizeof run->log); /* the socket takes few messages */
    if (who != process && child_number == 0) child_number = child.process = who, child.is_followed = target == MODULE;
    struct tracee *tracee = who == process ? &host : &child;
    if (!WIFSTOPPED(status)) {
      if (who == process) run->is_finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      tracee->process = 0;
      if (who == process) break;
      continue;
    }
    if (tracee == &host && !host.is_started) {
      host.is_started = true;
      ptrace(PTRACE_SETOPTIONS, process, NULL,
             PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
      resume(&host, 0);
    } else if (tracee == &host && status >> 16 == 0 && WSTOPSIG(status) == SIGSTOP) {
      log_receive(run->log, sizeof run->log);
      is_between = true;
      between();
      ptrace(PTRACE_DETACH, process, NULL, 0);
    } else {
      stopped(tracee, status);
    }
  }
  setitimer(ITIMER_REAL, &never, NULL);
  log_receive(is_between ? run->next_log : run->log, sizeof run->log);
  run->first = shared[0], run->next = shared[1];
}
