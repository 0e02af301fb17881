// TensorFlow's server listens on all interfaces, whatever host its definition names. This bind takes the place of the C library's for
// the libraries that the program links, and replaces the wildcard address while a server starts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int active, replaced, failed; // failed is the errno of a bind, or 0
static struct in6_addr host;         // an IPv4 address as ::ffff:a.b.c.d

// begin_bind makes the wildcard address stand for host, of 16 bytes.
void begin_bind(const unsigned char *address) {
	pthread_mutex_lock(&lock);
	memcpy(&host, address, sizeof host);
	active = 1, replaced = failed = 0;
	pthread_mutex_unlock(&lock);
}

// end_bind returns how many sockets were bound to host, and the errno of one that could not be.
int end_bind(int *error) {
	pthread_mutex_lock(&lock);
	active = 0;
	*error = failed;
	int n = replaced;
	pthread_mutex_unlock(&lock);
	return n;
}

int bind(int fd, const struct sockaddr *address, socklen_t n) {
	int (*original)(int, const struct sockaddr *, socklen_t) = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
	if (!original) {
		errno = ENOSYS;
		return -1;
	}
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	int change = 0;
	pthread_mutex_lock(&lock);
	if (active && address && address->sa_family == AF_INET && n >= sizeof v4) {
		memcpy(&v4, address, sizeof v4);
		if (v4.sin_addr.s_addr == htonl(INADDR_ANY) && IN6_IS_ADDR_V4MAPPED(&host)) {
			memcpy(&v4.sin_addr, &host.s6_addr[12], 4);
			address = (struct sockaddr *)&v4, n = sizeof v4, change = 1;
		}
	} else if (active && address && address->sa_family == AF_INET6 && n >= sizeof v6) {
		memcpy(&v6, address, sizeof v6);
		if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && !memcmp(&v6.sin6_addr.s6_addr[12], "\0\0\0\0", 4))) {
			v6.sin6_addr = host;
			address = (struct sockaddr *)&v6, n = sizeof v6, change = 1;
		}
	}
	pthread_mutex_unlock(&lock);
	int result = original(fd, address, n);
	int error = errno;
	if (change) {
		pthread_mutex_lock(&lock);
		if (result == 0) replaced++;
		else failed = error;
		pthread_mutex_unlock(&lock);
	}
	errno = error;
	return result;
}
