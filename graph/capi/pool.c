// A pool of threads for the kernels, since TensorFlow's own is out of reach of its C interface.
#include <pthread.h>
#include <stdatomic.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "kernel.h"

// Below so many values a thread, waking it costs more than it helps.
enum { VALUES_A_TURN = 32 * 1024 };

static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER; // held by the one caller that the pool works for
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   // of what follows
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, idle = PTHREAD_COND_INITIALIZER;
static int helpers, helping; // threads besides the caller: started, and at work on the job
static int64_t number;       // of the job, to do each once
static int open_to_help;
static struct {
	void (*work)(void *, int64_t, int64_t);
	void *job;
	int64_t n, turn;
	atomic_llong next;
} task;

static void take_turns(void) {
	for (;;) {
		int64_t from = atomic_fetch_add(&task.next, task.turn);
		if (from >= task.n) return;
		int64_t to = from + task.turn;
		task.work(task.job, from, to < task.n ? to : task.n);
	}
}

static void *help(void *unused) {
	(void)unused;
#ifdef __x86_64__
	// As on TensorFlow's threads: numbers below the normal ones are 0. Otherwise it would show which thread did a row.
	_mm_setcsr(_mm_getcsr() | 0x8040);
#endif
	int64_t seen = 0;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!open_to_help || number == seen) pthread_cond_wait(&wake, &lock);
		seen = number;
		helping++;
		pthread_mutex_unlock(&lock);
		take_turns();
		pthread_mutex_lock(&lock);
		if (--helping == 0) pthread_cond_signal(&idle);
	}
	return 0;
}

// start_helpers adds threads up to the given number; those that cannot be had are done without.
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
	int64_t turn = VALUES_A_TURN / (values_each > 0 ? values_each : 1) + 1;
	// A pool that is at work for someone else is not waited for.
	if (n <= turn || helpers == 0 || pthread_mutex_trylock(&in_use) != 0) {
		work(job, 0, n);
		return;
	}
	pthread_mutex_lock(&lock);
	task.work = work, task.job = job, task.n = n, task.turn = turn;
	atomic_store(&task.next, 0);
	number++, open_to_help = 1;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&lock);
	take_turns();
	pthread_mutex_lock(&lock);
	open_to_help = 0; // who has not woken up by now need not
	while (helping > 0) pthread_cond_wait(&idle, &lock);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&in_use);
}
