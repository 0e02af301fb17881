package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// wholeProgram is the value of childVariable that asks for main as it is.
const wholeProgram = "main"

// child is dtl-tf in a process that can't write files of more bytes than the variable says.
func child(args []string) int {
	variable := os.Getenv(childVariable)
	if variable == wholeProgram {
		main()
	}
	limit, err := strconv.ParseUint(variable, 10, 64)
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // then writing fails with EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	return run(context.Background(), args, os.Stdout, os.Stderr)
}
