package data

import (
	"cmp"
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel calls f for every index below n, in ascending order, on all processors. After an error it starts no further call. It
// returns the error of the lowest index that failed.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	group, failed := errgroup.WithContext(context.Background())
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := 0; i < n && failed.Err() == nil; i++ {
		group.Go(func() error {
			errs[i] = f(i)
			return errs[i]
		})
	}
	_ = group.Wait() // errs has them all
	return cmp.Or(errs...)
}

// Each calls f for every index below n, in ascending order, on all processors. done receives the number of calls that have ended,
// from one goroutine at a time. Each stops early with the error of ctx.
func Each(ctx context.Context, n int, f func(i int), done func(n int)) error {
	var mu sync.Mutex
	ended := 0
	return parallel(n, func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		f(i)
		mu.Lock()
		defer mu.Unlock()
		ended++
		done(ended)
		return ctx.Err()
	})
}
