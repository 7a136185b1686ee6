/* libpam for Swift: the headers, and the one function with variable arguments that the module calls. */
#ifndef CPAM_H
#define CPAM_H

#include <CLinux.h> /* first: it defines _GNU_SOURCE */

#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

/* pam_syslog(3) with a text that is never taken for a format. */
static inline void cpam_syslog(const pam_handle_t *handle, int priority, const char *text) {
  pam_syslog(handle, priority, "%s", text);
}

#endif
