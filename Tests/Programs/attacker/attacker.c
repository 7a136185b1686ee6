/* Attacks on logins, for tests. Every subcommand is one way to attack; what it tries is said in its file.
 *
 *   attacker step OPTION… [--rounds N] [--order come|tamper|stop|kill] [--undisturbed TEXT] [--protect PATH]…
 *            -- HOST ARGUMENT…                                                                       step.c
 *   attacker race OPTION…                                                                              race.c
 *   attacker press --uid N WHAT                                                                        press.c
 *   attacker squat --uid N --place PATH [--rounds N] -- HELPER ARGUMENT…                               squat.c
 *
 * The options say what comes to which place:
 *
 *   --uid N          the attacker: the user (4001), or another one
 *   --place PATH     the storage directory, or something in the home
 *   --thing THING    what comes to it, see things.c
 *   --second THING   what comes in its stead later; without it, what was there before
 *   --scenario S     fresh: nothing is there; steady: all is in place; open: the storage directory is there, and writable by all
 */
#include "attacker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  struct attack attack = {VICTIM_UID, STORAGE, "dir", NULL, "fresh", 1};
  sigset_t none; /* threads of the tests' program block signals, and what they start inherits that */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (argc < 2) return fprintf(stderr, "attacker: what?\n"), 2;
  int i = 2;
  for (; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--uid") == 0) attack.uid = (uid_t)strtoul(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--place") == 0) attack.place = argv[i + 1];
    else if (strcmp(argv[i], "--thing") == 0) attack.thing = argv[i + 1];
    else if (strcmp(argv[i], "--second") == 0) attack.second = argv[i + 1];
    else if (strcmp(argv[i], "--scenario") == 0) attack.scenario = argv[i + 1];
    else break;
  }
  attack.is_home = attack.uid == VICTIM_UID;
  if (strcmp(argv[1], "step") == 0) return step(&attack, argc - i, argv + i);
  if (strcmp(argv[1], "race") == 0 && i == argc) return race(&attack);
  if (strcmp(argv[1], "squat") == 0) return squat(&attack, argc - i, argv + i);
  if (strcmp(argv[1], "press") == 0 && i == argc - 1) return press(argv[i], attack.uid);
  return fprintf(stderr, "attacker: wrong arguments\n"), 2;
}
