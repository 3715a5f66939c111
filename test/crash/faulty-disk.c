/* Loaded before libc into a process, it makes the disk fail while the file that HOLDFAST_FAULTY_DISK names says so: "sync EIO",
 * "write EIO", "write ENOSPC". Only what concerns regular files fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fault_of(const char *what, int fd) {
  const char *control = getenv("HOLDFAST_FAULTY_DISK");
  struct stat status;
  if (control == NULL || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  int file = open(control, O_RDONLY);
  if (file < 0) return 0;
  char said[32] = {0};
  ssize_t length = read(file, said, sizeof said - 1);
  close(file);
  if (length <= 0 || strncmp(said, what, strlen(what)) != 0) return 0;
  return strstr(said, "ENOSPC") != NULL ? ENOSPC : EIO;
}

#define FAIL_IF(what, fd)               \
  do {                                  \
    int fault = fault_of(what, fd);     \
    if (fault != 0) {                   \
      errno = fault;                    \
      return -1;                        \
    }                                   \
  } while (0)

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
  FAIL_IF("sync", fd);
  return REAL(fsync)(fd);
}

int fdatasync(int fd) {
  FAIL_IF("sync", fd);
  return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  FAIL_IF("write", fd);
  return REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  FAIL_IF("write", fd);
  return REAL(pwrite)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  FAIL_IF("write", fd);
  return REAL(pwrite64)(fd, bytes, count, offset);
}
