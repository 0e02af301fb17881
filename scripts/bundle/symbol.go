package main

import (
	"debug/elf"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// newestSymbol returns the version of the C library that a program needs, such as "2.34".
func newestSymbol(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	newest := []int{0}
	for _, s := range symbols {
		version, ok := strings.CutPrefix(s.Version, "GLIBC_")
		if !ok {
			continue
		}
		var numbers []int
		for part := range strings.SplitSeq(version, ".") {
			n, err := strconv.Atoi(part)
			if err != nil { // GLIBC_PRIVATE
				break
			}
			numbers = append(numbers, n)
		}
		if slices.Compare(numbers, newest) > 0 {
			newest = numbers
		}
	}
	if len(newest) < 2 {
		return "", fmt.Errorf("%s needs no version of the C library: it is not a program that is linked dynamically", program)
	}
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(newest)), "."), "[]"), nil
}

// sorted iterates over a map in the order of its keys.
func sorted(m map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
