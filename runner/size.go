package runner

import (
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the units of ParseSize in bytes, decimal and binary.
var sizeUnits = map[string]float64{
	"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// ParseSize reads a number of bytes with its unit, such as 8GB, 8GiB, 512MB or 1.5GiB. flag names the setting in the UsageError.
func ParseSize(flag, text string) (int64, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(text)
	}
	unit, known := sizeUnits[text[end:]]
	n, err := strconv.ParseFloat(text[:end], 64)
	if err != nil || !known || n*unit < 1 || n*unit >= math.MaxInt64 {
		return 0, Usagef("--%s %q is not a size: give a number and a unit, such as 8GB, 8GiB or 512MB", flag, text)
	}
	return int64(n * unit), nil
}
