package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// child is dtl-tf in a process that can't write files of more bytes than the variable says.
func child(args []string) int {
	limit, err := strconv.ParseUint(os.Getenv(childVariable), 10, 64)
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // then writing fails with EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	return run(context.Background(), args, os.Stdout, os.Stderr)
}
