/* What the parts of pam-faults share; main.c says what it is. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- calls.c: what each system call can answer --------------------------------------------------------------- */

/* Where the file lies that a call is about. */
enum place { ELSEWHERE, STORAGE, HOME };

/* Errors end with 0. */
struct call {
  long number;
  const char *name;
  int here[24]; /* wherever the file lies */
  int nfs[16];  /* also what another host and a file server can do to it: in the home, and where the storage directory lies */
  int made[8];  /* also where the call makes a file (open(2) with O_CREAT) */
  int lost[8];  /* done, but answered so: the reply got lost and the request was repeated, or the close comes too late */
  bool shorts;  /* can do less than was asked for */
};

/* NULL for a call nobody has thought about. */
const struct call *call_numbered(long number);
/* Answers the same whatever happens: ids, clocks, what ends the process. */
bool cannot_fail(long number);

/* ---- host.c: what is traced ------------------------------------------------------------------------------------ */

struct scenario;

/* Shared with the host. */
struct session {
  bool is_open; /* between the entry of pam_open_session and its return */
  int code, descriptors_before, descriptors_after, children;
  long milliseconds;
};

/* Makes the two transactions, in a process of its own, and stops between them. */
/* Under SELinux the context that the host takes, as a program would have it that people log in by, and the one that the session helper
 * has to get then; NULL: nothing of this. */
extern const char *context_of_host, *context_of_helper;

_Noreturn void be_host(const struct scenario *scenario, struct session *sessions);

int log_open(void);
/* Appends what has come: "PRIORITY TEXT\n" each. */
void log_receive(char *log, size_t size);

/* ---- tracer.c: one run ---------------------------------------------------------------------------------------- */

enum target { HELPER, MODULE };

enum kind {
  NONE,
  ERROR,   /* not done, and answered with the error */
  LOST,    /* done, and answered with the error */
  KILL,    /* SIGKILL before the call is made */
  SHORT,   /* asked for less: one byte less, half, or one byte, as `error` says 0, 1, 2 */
  END,     /* read answers 0 though there is more */
  STORM,   /* EINTR a thousand times */
  REAPED,  /* another thread of the host takes the exit status away before the call, which is then answered with the error */
};

struct fault {
  enum kind kind;
  long number;      /* of the system call */
  int occurrence;   /* the first is 1 */
  bool is_of_child; /* of the host's child before it has become the helper */
  int error;
  int killed_after; /* and SIGKILL so many calls later; 0: none */
};

/* One call of a run without a fault. */
struct step {
  long number;
  int occurrence;
  enum place place;
  bool is_creating, is_of_child;
  char path[96];
};

struct run {
  struct session first, next;
  bool is_hit;    /* the fault took place */
  bool is_hung;   /* and nothing came to an end after it */
  bool is_finished; /* the host came to its end */
  bool is_in_domain; /* the session helper has got context_of_helper */
  char stranger[160]; /* the context of one that has another */
  char murder[96]; /* a signal to somebody who is not the host's child */
  char log[8192];  /* of the first transaction, "PRIORITY TEXT\n" each */
  char next_log[8192];
  struct step steps[2048];
  int count;
};

/* Runs two transactions in one new host, the fault in the first; `between` is called when that is over. */
void run_once(const struct scenario *scenario, const struct fault *fault, bool is_recording, struct run *run, void (*between)(void));

/* ---- state.c: what was there, and what is there ----------------------------------------------------------------- */

struct scenario {
  const char *name;
  enum target target;
  void (*prepare)(void);
  bool is_refused;    /* only root can have put it there: nothing may change */
  bool is_taken;      /* bob's: alice's own directory takes its place, and his object is kept as it is */
  bool is_blocked;    /* a file of the user's stands where a directory should, and one of the two files is skipped */
  bool is_hanging;    /* the helper of the first transaction never ends */
  bool is_strict;
  bool has_quota;     /* storage_quota is set, and no file system here has any: nothing but a warning comes of it */
  bool has_leftover;  /* a killed helper's temporary file is there from the beginning */
  long denied;        /* this system call never works here, 0: none */
  int denied_error;
  unsigned denied_flags;       /* only with these in its fifth argument; 0: with whatever is there */
  const char *subuid, *subgid; /* subids = allocate, and what the two files hold before */
  bool has_stale_locks;        /* of theirs */
  bool is_overlapping;         /* the ids are somebody else's: none are to be had */
};

extern const struct scenario scenarios[];
extern const int scenario_count;

struct state {
  bool is_whole;     /* nothing is missing */
  bool is_right;     /* and no temporary file is left: all is as a login without a fault leaves it */
  int leftovers;     /* temporary files in the home */
  int prepared;      /* directories beside the place that were made to take it */
  bool lacks_engines; /* alice's new directory is without one of the engines' */
  int ids_left;      /* locks and the like beside /etc/subuid and /etc/subgid */
  int ids_stale;     /* locks that were there before, and are there still */
  bool is_half;      /* one of these has got its line, and the other not */
  char left[64];     /* the last of ids_left */
  char trouble[256]; /* what may never be; empty if nothing */
};

/* Where root finds alice's home: on a file server that trusts no client's root, that is beside the mount. */
extern const char *home_of_root;

void learn_expected(void);
/* Empties the home and the storage directory, and makes what the scenario begins with. */
void reset(const struct scenario *scenario);
void look(const struct scenario *scenario, bool modes_are_denied, struct state *state);

/* ---- subids.c: the same for subordinate ids ---------------------------------------------------------------------- */

bool is_of_ids(const char *path);
void prepare_ids(const struct scenario *scenario);
/* Whether each file that is renamed into place was locked, written and synced before, and unlocked after it. */
bool are_ids_in_order(const struct run *run);
void look_at_ids(const struct scenario *scenario, struct state *state);

#endif
