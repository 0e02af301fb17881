package weight

import (
	"context"
	"runtime"
	"sync"
)

// bufferSize is how many bytes a worker reads at a time: small enough to stay in a core's cache
// between reading and converting, and a multiple of every element size.
const bufferSize = 256 << 10

// parallel calls work for 0 <= i < n on all cores, with one buffer per worker. It returns the error of the
// smallest i that failed, which is the same in every run. When ctx ends it starts no further call and returns ctx's error.
func parallel(ctx context.Context, n int, work func(i int, buf []byte) error) error {
	var (
		mu     sync.Mutex
		next   int
		failed error
		lowest int
		wg     sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		// Indices are handed out in order, so every index below a failed one has been handed out too.
		if next == n || failed != nil || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			buf := make([]byte, bufferSize)
			for i, ok := take(); ok; i, ok = take() {
				if err := work(i, buf); err != nil {
					mu.Lock()
					if failed == nil || i < lowest {
						failed, lowest = err, i
					}
					mu.Unlock()
				}
			}
		}()
	}
	wg.Wait()
	if failed == nil {
		return ctx.Err()
	}
	return failed
}
