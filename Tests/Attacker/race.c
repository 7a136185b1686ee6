/* The same moves without anybody standing still: as often as they can be made, until SIGTERM. What no stepping can do is here: several
 * helpers at once, and moves inside a system call. */
#include "attacker.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;
static void end(int signal) { (void)signal, is_over = 1; }

int race(struct attack *attack) {
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
