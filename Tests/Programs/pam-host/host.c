/* A PAM application for tests: what sshd, login, su, cron and gdm do around a session, without the rest.
 *
 *   pam-host [OPTION…] CONFDIR SERVICE USER
 *   pam-host --load FILE N
 *
 * The second form loads and unloads a module N times and prints the median in nanoseconds. The first
 * opens and closes a session of USER through the stack CONFDIR/SERVICE (pam_start_confdir(3)) and prints, for the last one,
 * "open=CODE close=CODE milliseconds=N". Exit status 0 if every open gave the same code, 1 if something differed, 2 for a fault of
 * its own.
 *
 *   --count N        that many transactions, one after another
 *   --threads N      in each of so many threads
 *   --users N        sessions of USER1 to USERN instead, each in a process of its own, all at once; "children=0" as below
 *   --ignore-sigchld SIGCHLD is ignored: the kernel reaps every child
 *   --reap           a thread reaps every child it can get, as some display managers do
 *   --fork           a thread forks all the time, without exec: its children hold copies of every descriptor for a while
 *   --close-standard runs without descriptors 0, 1 and 2; the result goes to descriptor 9
 *   --caller UID     real uid UID, effective 0: as in su
 *   --state          compares the whole state of the process before and after, and prints every difference
 *   --deny NUMBER    this system call, and the helper's too, answers ENOSYS, as on a kernel that is too old for it
 *   --no-malloc N    no memory of exactly N bytes is to be had while a session opens
 *   --tell           prints what the application is to tell its user as "told TEXT"
 *   --silent         with PAM_SILENT
 *   --log            receives syslog on /dev/log, which must not exist yet (so: in a mount namespace with a /dev of its own), and
 *                    prints every message as "log PRIORITY TEXT" at the end
 *   --time           prints the median of whole transactions, pam_start to pam_end, as "median_us=N", and the longest one
 *   --setenv N=V     after the start, so that only what a session starts can inherit it
 *   --memory         prints "descriptors=N rss_kb=N" before, after the tenth part of the transactions, and at the end; then
 *                    "children=0" if none is left, not even a zombie
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *confdir, *service, *user;
static long count = 1, threads = 1, users;
static int64_t *durations;
static int telling, flags, reap, forking, memory, timing, standard_closed, logging;
static atomic_int conversations, differing, stop, first_code = -1, last_close;
static atomic_long last_milliseconds;

static int converse(int n, const struct pam_message **message, struct pam_response **response, void *data) {
  (void)data;
  atomic_fetch_add(&conversations, 1); /* nothing may be written to the terminal */
  if (telling) {
    for (int i = 0; i < n; i++) printf("told %s\n", message[i]->msg);
    *response = calloc((size_t)n, sizeof **response);
    return PAM_SUCCESS;
  }
  return PAM_CONV_ERR;
}

/* Takes the place of libc's, for libc too (malloc(3), "replacing malloc" in the manual of glibc). */
extern void *__libc_malloc(size_t size);
static size_t denied_size;
static _Thread_local int opening;
void *malloc(size_t size) {
  if (opening && size == denied_size) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_malloc(size);
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static long milliseconds(void) { return (long)(nanoseconds() / 1000000); }

static int compare_durations(const void *left, const void *right) {
  int64_t l = *(const int64_t *)left, r = *(const int64_t *)right;
  return l < r ? -1 : l > r;
}

static int64_t median(int64_t *values, long n) {
  qsort(values, (size_t)n, sizeof *values, compare_durations);
  return values[n / 2];
}

static void transaction(void) {
  const struct pam_conv conversation = {converse, NULL};
  pam_handle_t *handle = NULL;
  if (pam_start_confdir(service, user, &conversation, confdir, &handle) != PAM_SUCCESS) {
    fprintf(stderr, "pam-host: pam_start_confdir failed\n");
    exit(2);
  }
  long before = milliseconds();
  opening = denied_size != 0;
  int opened = pam_open_session(handle, flags);
  opening = 0;
  atomic_store(&last_milliseconds, milliseconds() - before);
  int closed = pam_close_session(handle, 0);
  atomic_store(&last_close, closed);
  pam_end(handle, closed);
  int expected = -1;
  if (!atomic_compare_exchange_strong(&first_code, &expected, opened) && expected != opened) atomic_fetch_add(&differing, 1);
}

static int descriptors(void) {
  int found = 0;
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) return -1;
  while (readdir(directory) != NULL) found++;
  closedir(directory);
  return found - 3; /* ".", ".." and the directory itself */
}

static long resident(void) {
  long pages = 0, all = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL || fscanf(file, "%ld %ld", &all, &pages) != 2) pages = -1;
  if (file != NULL) fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *work(void *unused) {
  (void)unused;
  if (memory) printf("descriptors=%d rss_kb=%ld\n", descriptors(), resident()); /* what measuring itself allocates, once */
  for (long done = 0; done < count; done++) {
    int64_t before = nanoseconds();
    transaction();
    if (timing) durations[done] = nanoseconds() - before;
    if (memory && done == count / 10) printf("descriptors=%d rss_kb=%ld\n", descriptors(), resident());
  }
  if (memory) printf("descriptors=%d rss_kb=%ld\n", descriptors(), resident());
  if (timing) {
    long middle = (long)(median(durations, count) / 1000); /* sorts them */
    printf("median_us=%ld\nlongest_us=%ld\n", middle, (long)(durations[count - 1] / 1000));
  }
  return NULL;
}

static void *reaper(void *unused) {
  (void)unused;
  while (!atomic_load(&stop))
    if (waitpid(-1, NULL, WNOHANG) <= 0) usleep(50);
  return NULL;
}

static void *forker(void *unused) {
  (void)unused;
  while (!atomic_load(&stop)) {
    pid_t child = fork();
    if (child == 0) {
      usleep(300000);
      _exit(0);
    }
    usleep(2000);
  }
  return NULL;
}

/* As sshd's children do. What a session leaves behind becomes this process's own child. */
static void sessions_of_users(void) {
  int gate[2];
  if (pipe(gate) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) exit(2);
  for (long number = 1; number <= users; number++) {
    pid_t child = fork();
    if (child < 0) exit(2);
    if (child > 0) continue;
    char name[256], byte;
    snprintf(name, sizeof name, "%s%ld", user, number);
    user = name;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0) _exit(2);
    close(gate[0]);
    transaction();
    _exit(atomic_load(&first_code));
  }
  close(gate[0]), close(gate[1]); /* now */
  for (long ended = 0; ended < users; ended++) {
    int status, expected = -1;
    if (wait(&status) < 0) exit(2);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (!atomic_compare_exchange_strong(&first_code, &expected, code) && expected != code) atomic_fetch_add(&differing, 1);
  }
}

static int deny(long call) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* struct seccomp_data begins with the number */
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0); /* root may, without no_new_privs */
}

/* ---- The log ------------------------------------------------------------------------------------------------ */

static int log_socket = -1;
static char *log_text;
static size_t log_size;
static FILE *log_stream;

static int log_open(void) {
  struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (log_socket < 0 || bind(log_socket, (struct sockaddr *)&address, sizeof address) != 0) return -1;
  log_stream = open_memstream(&log_text, &log_size);
  return log_stream == NULL ? -1 : 0;
}

/* A message is "<PRI>Nov 22 01:29:16 pam-host: TEXT". */
static void *log_receive(void *unused) {
  (void)unused;
  char message[8192];
  for (;;) {
    int last = atomic_load(&stop); /* before the socket is found empty, else what comes in between is lost */
    ssize_t length = recv(log_socket, message, sizeof message - 1, MSG_DONTWAIT);
    if (length < 0 && last) return NULL;
    if (length < 0) {
      usleep(100);
      continue;
    }
    message[length] = 0;
    char *text = strstr(message, "pam-host: ");
    fprintf(log_stream, "log %ld %s\n", strtol(message + 1, NULL, 10) & 7, text == NULL ? message : text + 10);
  }
}

/* ---- The state of the process, as text --------------------------------------------------------------------- */

static void line(char **text, const char *format, ...) {
  char *more = NULL, *joined = NULL;
  va_list arguments;
  va_start(arguments, format);
  if (vasprintf(&more, format, arguments) < 0) exit(2);
  va_end(arguments);
  if (asprintf(&joined, "%s%s\n", *text, more) < 0) exit(2);
  free(more);
  free(*text);
  *text = joined;
}

static void listing(char **text, const char *path, int links) {
  struct dirent **names;
  int n = scandir(path, &names, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    char full[512], target[512];
    snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
    ssize_t length = links ? readlink(full, target, sizeof target - 1) : 0;
    target[length > 0 ? length : 0] = 0;
    /* The descriptor that lists is gone by now. */
    if (names[i]->d_name[0] != '.' && (!links || length > 0)) line(text, "%s %s", full, target);
    free(names[i]);
  }
  if (n >= 0) free(names);
}

static char *state(void) {
  char *text = strdup("");
  uid_t r, e, s;
  gid_t rg, eg, sg, groups[256];
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  line(&text, "uids %u %u %u gids %u %u %u", r, e, s, rg, eg, sg);
  int n = getgroups(256, groups);
  for (int i = 0; i < n; i++) line(&text, "group %u", groups[i]);
  char *directory = getcwd(NULL, 0);
  line(&text, "cwd %s", directory);
  free(directory);
  mode_t mask = umask(0);
  umask(mask);
  line(&text, "umask %o", mask);
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0) line(&text, "signal %d %p %x", number, (void *)action.sa_handler, action.sa_flags);
  }
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&blocked, number) == 1) line(&text, "blocked %d", number);
  for (char **variable = environ; *variable != NULL; variable++) line(&text, "environment %s", *variable);
  for (int limit = 0; limit < RLIM_NLIMITS; limit++) {
    struct rlimit value;
    if (getrlimit(limit, &value) == 0) line(&text, "limit %d %lu %lu", limit, (unsigned long)value.rlim_cur, (unsigned long)value.rlim_max);
  }
  line(&text, "alarm %u", alarm(0));
  line(&text, "session %d group %d", getsid(0), getpgrp());
  FILE *status = fopen("/proc/self/status", "re");
  char row[512];
  while (status != NULL && fgets(row, sizeof row, status) != NULL)
    if (strncmp(row, "Cap", 3) == 0 || strncmp(row, "NoNewPrivs", 10) == 0 || strncmp(row, "Seccomp", 7) == 0) line(&text, "%s", row);
  if (status != NULL) fclose(status);
  listing(&text, "/proc/self/task", 0);
  listing(&text, "/proc/self/fd", 1);
  int child = waitpid(-1, NULL, WNOHANG);
  line(&text, "children %d errno %d", child, child < 0 ? errno : 0);
  return text;
}

static int differences(char *before, char *after) {
  int found = 0;
  char *b = before, *a = after;
  while (b != NULL || a != NULL) {
    char *left = strsep(&b, "\n"), *right = strsep(&a, "\n");
    if (left == NULL || right == NULL || strcmp(left, right) != 0) {
      printf("before: %s\nafter:  %s\n", left ? left : "(nothing)", right ? right : "(nothing)");
      found++;
    }
  }
  return found;
}

static long number(const char *text) { return text == NULL ? 0 : strtol(text, NULL, 10); }

static int load(const char *path, long times) {
  int64_t *values = calloc((size_t)times, sizeof *values);
  for (long done = 0; values != NULL && done < times; done++) {
    int64_t before = nanoseconds();
    void *module = dlopen(path, RTLD_NOW);
    if (module == NULL) return fprintf(stderr, "pam-host: %s\n", dlerror()), 2;
    dlclose(module);
    values[done] = nanoseconds() - before;
  }
  if (values == NULL || times < 1) return 2;
  printf("%ld\n", (long)median(values, times));
  return 0;
}

int main(int argc, char **argv) {
  int compare = 0, i = 1;
  long caller = -1;
  for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
    if (strcmp(argv[i], "--count") == 0) count = number(argv[++i]);
    else if (strcmp(argv[i], "--threads") == 0) threads = number(argv[++i]);
    else if (strcmp(argv[i], "--users") == 0) users = number(argv[++i]);
    else if (strcmp(argv[i], "--ignore-sigchld") == 0) signal(SIGCHLD, SIG_IGN);
    else if (strcmp(argv[i], "--reap") == 0) reap = 1;
    else if (strcmp(argv[i], "--fork") == 0) forking = 1;
    else if (strcmp(argv[i], "--close-standard") == 0) standard_closed = 1;
    else if (strcmp(argv[i], "--caller") == 0) caller = number(argv[++i]);
    else if (strcmp(argv[i], "--state") == 0) compare = 1;
    else if (strcmp(argv[i], "--deny") == 0 && argv[i + 1] != NULL) {
      if (deny(number(argv[++i])) != 0) return perror("pam-host: seccomp"), 2;
    }
    else if (strcmp(argv[i], "--setenv") == 0 && argv[i + 1] != NULL) putenv(argv[++i]);
    else if (strcmp(argv[i], "--no-malloc") == 0) denied_size = (size_t)number(argv[++i]);
    else if (strcmp(argv[i], "--tell") == 0) telling = 1;
    else if (strcmp(argv[i], "--silent") == 0) flags = PAM_SILENT;
    else if (strcmp(argv[i], "--log") == 0) logging = 1;
    else if (strcmp(argv[i], "--memory") == 0) memory = 1;
    else if (strcmp(argv[i], "--time") == 0) timing = 1;
    else if (strcmp(argv[i], "--load") == 0 && argc - i == 3) return load(argv[i + 1], number(argv[i + 2]));
    else return fprintf(stderr, "pam-host: unknown option %s\n", argv[i]), 2;
  }
  if (timing && (threads != 1 || (durations = calloc((size_t)count, sizeof *durations)) == NULL)) return 2;
  if (argc - i != 3) return fprintf(stderr, "usage: pam-host [OPTION...] CONFDIR SERVICE USER\n"), 2;
  confdir = argv[i], service = argv[i + 1], user = argv[i + 2];

  pthread_t receiver;
  if (logging && (log_open() != 0 || pthread_create(&receiver, NULL, log_receive, NULL) != 0)) return perror("pam-host: /dev/log"), 2;
  /* What libc itself leaves behind at the first message, the log's socket, is not the module's. */
  openlog("pam-host", LOG_NDELAY, LOG_AUTHPRIV);
  if (standard_closed) {
    if (dup2(1, 9) != 9) return 2;
    close(0), close(1), close(2);
  }
  if (caller >= 0 && setresuid((uid_t)caller, 0, 0) != 0) return perror("setresuid"), 2;

  /* What libpam itself leaves behind the first time is not the module's. */
  if (compare) {
    char *ours = NULL;
    if (asprintf(&ours, "%s", service) < 0) return 2;
    service = "other";
    transaction();
    service = ours;
    atomic_store(&first_code, -1);
  }
  char *before = compare ? state() : NULL;
  pthread_t helper, workers[64];
  if (reap) pthread_create(&helper, NULL, reaper, NULL);
  if (forking) pthread_create(&helper, NULL, forker, NULL);
  if (users > 0) {
    sessions_of_users();
  } else if (threads == 1) {
    work(NULL);
  } else {
    if (threads > 64) return 2;
    for (long t = 0; t < threads; t++) pthread_create(&workers[t], NULL, work, NULL);
    for (long t = 0; t < threads; t++) pthread_join(workers[t], NULL);
  }
  int found = compare ? differences(before, state()) : 0;
  if (memory || users > 0) printf("children=%d\n", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1);
  fflush(stdout);
  atomic_store(&stop, 1);
  if (reap || forking) pthread_join(helper, NULL);
  if (logging) {
    pthread_join(receiver, NULL);
    fclose(log_stream);
    if (write(standard_closed ? 9 : 1, log_text, log_size) != (ssize_t)log_size) return 2;
  }

  char result[256];
  int length = snprintf(
      result, sizeof result, "open=%d close=%d milliseconds=%ld conversations=%d differing=%d\n", atomic_load(&first_code),
      atomic_load(&last_close), atomic_load(&last_milliseconds), atomic_load(&conversations), atomic_load(&differing));
  if (write(standard_closed ? 9 : 1, result, (size_t)length) != length) return 2;
  return found > 0 || atomic_load(&differing) > 0 ? 1 : 0;
}
