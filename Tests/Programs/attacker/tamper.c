/* CVE-2010-3430 and its like: a helper that has only half become the user can be steered by the user while root's rights are in
 * reserve. Signals ask for the same real or saved uid, limits for all three, the rest for that and for a dumpable process
 * (kill(2), prlimit(2), ptrace(2), "Ptrace access mode checking"). */
#include "attacker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned tamper(pid_t process, int trace) {
  unsigned done = 0;
  char path[64], byte;
  if (kill(process, 0) == 0) done |= TAMPER_SIGNAL;
  struct rlimit none = {0, 0};
  if (prlimit(process, RLIMIT_CORE, &none, NULL) == 0) done |= TAMPER_LIMITS;
  struct iovec here = {&byte, 1}, there = {(void *)0x10000, 1};
  /* Who may read, but at a wrong address, is told EFAULT. */
  if (process_vm_readv(process, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) done |= TAMPER_READ;
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int memory = open(path, O_RDWR | O_CLOEXEC);
  if (memory >= 0) done |= TAMPER_MEMORY, close(memory);
  snprintf(path, sizeof path, "/proc/%d/fd/1", process);
  if (readlink(path, &byte, 1) >= 0) done |= TAMPER_DESCRIPTORS;
  if (trace && ptrace(PTRACE_SEIZE, process, 0, 0) == 0) {
    done |= TAMPER_TRACE;
    ptrace(PTRACE_INTERRUPT, process, 0, 0);
    waitpid(process, NULL, __WALL);
    ptrace(PTRACE_DETACH, process, 0, 0);
  }
  return done;
}
