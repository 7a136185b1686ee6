/* The attacker's process. It has his ids and nothing more, and makes one move when it is told to, while everybody else stands still. */
#include "attacker.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int line = -1;

void become(uid_t uid) {
  if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
    perror("attacker: setresuid");
    exit(2);
  }
}

struct message {
  enum order order;
  pid_t helper;
};

void hand_start(const struct attack *attack) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) exit(2);
  pid_t hand = fork();
  if (hand < 0) exit(2);
  line = ends[0];
  if (hand > 0) {
    close(ends[1]);
    return;
  }
  close(ends[0]);
  become(attack->uid);
  struct message message;
  while (recv(ends[1], &message, sizeof message, 0) == sizeof message) {
    int answer = EINVAL;
    switch (message.order) {
    case ORDER_COME: answer = thing_comes(attack, message.helper); break;
    case ORDER_GO: answer = thing_goes(attack, message.helper); break;
    case ORDER_TAMPER: answer = (int)tamper(message.helper, 0); break;
    case ORDER_STOP: answer = kill(message.helper, SIGSTOP) == 0 ? 0 : errno; break;
    case ORDER_KILL: answer = kill(message.helper, SIGKILL) == 0 ? 0 : errno; break;
    }
    if (send(ends[1], &answer, sizeof answer, 0) < 0) break;
  }
  _exit(0);
}

int hand_move(enum order order, pid_t helper) {
  struct message message = {order, helper};
  int answer;
  if (send(line, &message, sizeof message, 0) < 0 || recv(line, &answer, sizeof answer, 0) != sizeof answer) {
    fprintf(stderr, "attacker: the hand is gone\n");
    exit(2);
  }
  return answer;
}
