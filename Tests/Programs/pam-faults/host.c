/* What is traced: a PAM host of two transactions, and the log that it writes to. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* ---- The host ------------------------------------------------------------------------------------------------------ */

static int converse(int n, const struct pam_message **message, struct pam_response **response, void *data) {
  (void)n, (void)message, (void)response, (void)data;
  return PAM_CONV_ERR;
}

static int descriptors(void) {
  int found = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (directory != NULL && readdir(directory) != NULL) found++;
  if (directory != NULL) closedir(directory);
  return found;
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void transaction(const char *service, struct session *session) {
  const struct pam_conv conversation = {converse, NULL};
  pam_handle_t *handle = NULL;
  if (pam_start_confdir(service, "alice", &conversation, "/etc/pam.d", &handle) != PAM_SUCCESS) _exit(3);
  session->descriptors_before = descriptors();
  long before = milliseconds();
  session->is_open = true;
  session->code = pam_open_session(handle, 0);
  session->is_open = false;
  session->milliseconds = milliseconds() - before;
  session->descriptors_after = descriptors();
  session->children = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1;
  pam_end(handle, pam_close_session(handle, 0));
}

/* The call answers an error for ever, here and in the helper. */
static bool deny(const struct scenario *scenario) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)scenario->denied, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])), /* its lower half */
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, scenario->denied_flags),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, scenario->denied_flags, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)scenario->denied_error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

const char *context_of_host, *context_of_helper;

/* Not by executing itself: only the programs of the policy may begin in such a domain. */
static bool take_context(void) {
  int file = open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC);
  bool is_taken = file >= 0 && write(file, context_of_host, strlen(context_of_host)) == (ssize_t)strlen(context_of_host);
  if (file >= 0) close(file);
  return is_taken;
}

_Noreturn void be_host(const struct scenario *scenario, struct session *sessions) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  raise(SIGSTOP);
  if (scenario->denied != 0 && !deny(scenario)) _exit(4);
  if (context_of_host != NULL && !take_context()) {
    perror(context_of_host);
    _exit(5);
  }
  /* Here, where the socket is the host's own. */
  openlog("pam-faults", LOG_NDELAY, LOG_AUTHPRIV);
  transaction("tested", &sessions[0]);
  raise(SIGSTOP); /* the tracer looks at what is there now */
  transaction("next", &sessions[1]);
  _exit(0);
}

/* ---- The log --------------------------------------------------------------------------------------------------------- */

static int log_socket = -1;

int log_open(void) {
  struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return log_socket < 0 ? -1 : bind(log_socket, (struct sockaddr *)&address, sizeof address);
}

/* A message is "<PRI>Nov 22 01:29:16 pam-faults: pam_rootless_storage(tested:session): TEXT". */
void log_receive(char *log, size_t size) {
  char message[4096];
  ssize_t length;
  while ((length = recv(log_socket, message, sizeof message - 1, MSG_DONTWAIT)) >= 0) {
    message[length] = 0;
    char *text = strstr(message, ":session): ");
    size_t used = strlen(log);
    snprintf(log + used, size - used, "%ld %s\n", strtol(message + 1, NULL, 10) & 7, text == NULL ? message : text + 11);
  }
}
