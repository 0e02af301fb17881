package data

import (
	"cmp"
	"context"
	"runtime"

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
