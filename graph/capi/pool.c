// A thread pool for the kernels, because TensorFlow's C API gives no access to its own.
#include <pthread.h>
#include <stdatomic.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "kernel.h"

// Waking a thread for fewer values than this costs more than it saves.
enum { VALUES_PER_GRAIN = 32 * 1024 };

static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER; // held by the caller for which the pool works
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   // guards everything below
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, idle = PTHREAD_COND_INITIALIZER;
static int helpers, busy;    // threads besides the caller: started, and working on the task
static int64_t task_number;  // so that each helper joins a task only once
static int accepting;        // whether helpers may still join the task
static struct {
	void (*work)(void *, int64_t, int64_t);
	void *job;
	int64_t n, grain; // items in all and per grain, the range that a thread takes at a time
	atomic_llong next;
} task;

static void take_grains(void) {
	for (;;) {
		int64_t from = atomic_fetch_add(&task.next, task.grain);
		if (from >= task.n) return;
		int64_t to = from + task.grain;
		task.work(task.job, from, to < task.n ? to : task.n);
	}
}

static void *help(void *unused) {
	(void)unused;
#ifdef __x86_64__
	// Flush subnormal numbers to zero, as TensorFlow's threads do. Otherwise a row's result would depend on its thread.
	_mm_setcsr(_mm_getcsr() | 0x8040);
#endif
	int64_t seen = 0;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!accepting || task_number == seen) pthread_cond_wait(&wake, &lock);
		seen = task_number;
		busy++;
		pthread_mutex_unlock(&lock);
		take_grains();
		pthread_mutex_lock(&lock);
		if (--busy == 0) pthread_cond_signal(&idle);
	}
	return 0;
}

// start_helpers adds threads up to the wanted number. If the system refuses one, the pool works with fewer.
void start_helpers(int wanted) {
	pthread_mutex_lock(&lock);
	while (helpers < wanted) {
		pthread_t thread;
		if (pthread_create(&thread, 0, help, 0) != 0) break;
		pthread_detach(thread);
		helpers++;
	}
	pthread_mutex_unlock(&lock);
}

void parallel(void (*work)(void *, int64_t, int64_t), void *job, int64_t n, int64_t values_each) {
	int64_t grain = VALUES_PER_GRAIN / (values_each > 0 ? values_each : 1) + 1;
	// If the pool works for another caller, do not wait for it.
	if (n <= grain || helpers == 0 || pthread_mutex_trylock(&in_use) != 0) {
		work(job, 0, n);
		return;
	}
	pthread_mutex_lock(&lock);
	task.work = work, task.job = job, task.n = n, task.grain = grain;
	atomic_store(&task.next, 0);
	task_number++, accepting = 1;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&lock);
	take_grains();
	pthread_mutex_lock(&lock);
	accepting = 0; // nothing is left for a helper that wakes up later
	while (busy > 0) pthread_cond_wait(&idle, &lock);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&in_use);
}
