/* What the attacks share. Tests/Attacks/Attack.swift makes the machine that these names are of. */
#ifndef ATTACKER_H
#define ATTACKER_H

#define _GNU_SOURCE 1
#include <stddef.h>
#include <sys/types.h>

#define VICTIM "alice"
#define VICTIM_UID 4001
#define HOME "/home/alice"
#define STORAGE "/var/tmp/alice"
/* What a login makes when nobody is in its way, to compare with. */
#define EXPECTED "/etc/expected"

/* An attack: `thing` comes to `place`, and goes again, or `second` comes instead. */
struct attack {
  uid_t uid; /* the attacker's */
  const char *place, *thing, *second;
  const char *scenario; /* what is there when a login begins: fresh, steady or open */
  int is_home;          /* who attacks is the user */
};

/* things.c: moves of the attacker's process. They answer 0, or the errno of the one that was refused. */
int thing_comes(const struct attack *attack, pid_t helper);
int thing_goes(const struct attack *attack, pid_t helper);
/* Everything of the attacker's that is in the way of a first login. */
void things_end(const struct attack *attack);
/* With all that is in it, as far as this process may. Links are not followed. */
void remove_tree(const char *path);

/* tamper.c: what somebody who may do anything to a process could do to it. One bit for each that was not refused. */
enum { TAMPER_SIGNAL = 1, TAMPER_LIMITS = 2, TAMPER_READ = 4, TAMPER_MEMORY = 8, TAMPER_DESCRIPTORS = 16, TAMPER_TRACE = 32 };
unsigned tamper(pid_t process, int trace);

/* hand.c: a process with the attacker's ids, which moves when it is told. */
enum order { ORDER_COME, ORDER_GO, ORDER_TAMPER, ORDER_STOP, ORDER_KILL };
void hand_start(const struct attack *attack);
int hand_move(enum order order, pid_t helper);
void become(uid_t uid);

/* check.c: what must hold, whatever anybody does. */
void scene_set(const char *scenario);
void protect(char **paths, int count);
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern long violations;
void check_protected(void);
void check_home(const char *thing, int was_killed);
struct stat;
int is_kept(const struct stat *thing);
void check_place(const char *report);

/* One subcommand each. */
int step(struct attack *attack, int argc, char **argv);
int race(struct attack *attack);
int press(const char *what, uid_t uid);
int squat(const struct attack *attack, int argc, char **argv);

#endif
