package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"dtl-tf/runner/fault"
)

// Values of childVariable. A number is also allowed: a limit on the size of files in bytes.
const (
	wholeProgram   = "main"        // main as it is
	diesAt         = "dies at "    // followed by a number: main, killed at that point between two changes on the disk
	namesPoints    = "name points" // main, which prints the names of these points on stderr
	extended       = "extended"    // main with another family of backbones and another method
	anotherVersion = "another"     // main as another version of the program
)

// child is the main function of a test program that was started as dtl-tf. It returns the exit code.
func child(args []string) int {
	variable := os.Getenv(childVariable)
	args = latest(args)
	os.Args = append(os.Args[:1], args...)
	switch {
	case strings.HasPrefix(variable, diesAt):
		n := number(strings.TrimPrefix(variable, diesAt))
		var seen atomic.Uint64
		fault.Hook = func(string) {
			if seen.Add(1) == n {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // the signal may take a moment
			}
		}
		main()
	case variable == namesPoints:
		fault.Hook = func(name string) { os.Stderr.WriteString(pointMark + name + "\n") }
		main()
	case variable == extended:
		extend()
		main()
	case variable == anotherVersion:
		version = "another"
		main()
	case variable == wholeProgram:
		main()
	}
	limit := number(variable)
	signal.Ignore(syscall.SIGXFSZ) // so that writing fails with EFBIG instead
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	return run(context.Background(), args, os.Stdout, os.Stderr)
}

// pointMark precedes the name of a point on stderr.
const pointMark = "point: "

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
