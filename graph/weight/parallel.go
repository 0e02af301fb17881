package weight

import (
	"context"
	"runtime"
	"sync"
)

// bufferSize is what a worker reads at a time, in bytes: small enough to stay in a core's cache
// between reading and converting, and a multiple of every element size.
const bufferSize = 256 << 10

// parallel calls work for 0 <= i < n on all cores, each with a buffer of its own, and returns the
// error of the smallest i that failed: the same one in every run. When ctx ends it begins no other and returns ctx's error.
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
		// Numbers are given out in order, so all that are smaller than a failed one have been given out.
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
