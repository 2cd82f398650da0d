/*
 * Between User-Mode Linux and ptrace(2), on a CPU whose extended registers are larger than its buffer.
 *
 *     guest's buffer   |x87, SSE, AVX, AVX-512, PKRU|                  2,696 bytes, in Linux 6.1
 *     host's registers |x87, SSE, AVX, AVX-512, PKRU| … AMX tiles |   set as a whole or not at all (EFAULT)
 *
 * The rule: what the guest does not know of stays as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(int request, pid_t process, void *address, void *data);

static long set_all(ptrace_function real, pid_t process, const struct iovec *part) {
  static char registers[65536] __attribute__((aligned(64)));
  struct iovec all = {registers, sizeof registers};
  if (real(PTRACE_GETREGSET, process, (void *)NT_X86_XSTATE, &all) < 0) return -1;
  if (part->iov_len < all.iov_len) memcpy(registers, part->iov_base, part->iov_len);
  else all = *part;
  return real(PTRACE_SETREGSET, process, (void *)NT_X86_XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...) {
  static ptrace_function real;
  va_list arguments;
  va_start(arguments, request);
  pid_t process = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);
  if (!real) real = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
  if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) return set_all(real, process, data);
  return real(request, process, address, data);
}
