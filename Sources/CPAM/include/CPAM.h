/* libpam for Swift: the headers, the one function with variable arguments that the module calls, and a session for the command line. */
#ifndef CPAM_H
#define CPAM_H

#include <CLinux.h> /* first: it defines _GNU_SOURCE */

#include <dlfcn.h>
#include <syslog.h>

#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

/* pam_syslog(3) with a text that is never taken for a format. */
static inline void cpam_syslog(const pam_handle_t *handle, int priority, const char *text) {
  pam_syslog(handle, priority, "%s", text);
}

/* pam_info(3): a line for the user through the application's conversation, never taken for a format. */
static inline void cpam_info(pam_handle_t *handle, const char *text) { (void)pam_info(handle, "%s", text); }

/* ---- A session of its own, for the command line: libpam is loaded only for that, since the program has to start without it too -- */

enum cpam_answer { cpam_no_libpam = -1, cpam_no_confdir = -2 };

static inline int cpam_converse(int count, const struct pam_message **message, struct pam_response **response, void *data) {
  (void)count, (void)message, (void)response, (void)data;
  return PAM_CONV_ERR;
}
/* Opens and closes a session of the user through directory/service (pam_start_confdir(3), Linux-PAM 1.4). libpam's answer, or one of
 * the above; `step` names the call that gave it. */
static inline int cpam_session(const char *directory, const char *service, const char *user, const char **step) {
  const struct pam_conv conversation = {cpam_converse, NULL};
  pam_handle_t *handle = NULL;
  void *library = dlopen("libpam.so.0", RTLD_NOW);
  *step = "dlopen";
  if (library == NULL) return cpam_no_libpam;
  int (*start)(const char *, const char *, const struct pam_conv *, const char *, pam_handle_t **);
  int (*act[2])(pam_handle_t *, int), (*end)(pam_handle_t *, int);
  *(void **)&start = dlsym(library, "pam_start_confdir");
  *(void **)&act[0] = dlsym(library, "pam_open_session");
  *(void **)&act[1] = dlsym(library, "pam_close_session");
  *(void **)&end = dlsym(library, "pam_end");
  if (start == NULL || act[0] == NULL || act[1] == NULL || end == NULL) return cpam_no_confdir;
  *step = "pam_start";
  int answer = start(service, user, &conversation, directory, &handle);
  if (answer != PAM_SUCCESS) return answer;
  *step = "pam_open_session";
  answer = act[0](handle, PAM_SILENT);
  if (answer == PAM_SUCCESS) {
    *step = "pam_close_session";
    answer = act[1](handle, PAM_SILENT);
  }
  end(handle, answer);
  return answer;
}

#endif
