package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Thousands formats an integer as 85,798,656.
func Thousands(v any) string { return message.NewPrinter(language.English).Sprint(v) }

// Trainable is a number of trainable parameters. CSV and JSON have Declared alone.
type Trainable struct {
	Declared int
	Unused   int // of Declared: nothing depends on them, so they do not train
}

// String implements fmt.Stringer.
func (t Trainable) String() string { return strconv.Itoa(t.Declared) }

// MarshalJSON implements json.Marshaler.
func (t Trainable) MarshalJSON() ([]byte, error) { return json.Marshal(t.Declared) }

// Used formats a Trainable as 138,112 (128,512 used), or 36,864 if all are.
func Used(v any) string {
	t, _ := v.(Trainable)
	if t.Unused == 0 {
		return Thousands(t.Declared)
	}
	return fmt.Sprintf("%s (%s used)", Thousands(t.Declared), Thousands(t.Declared-t.Unused))
}

// MiB formats a number of bytes, an int64, in MiB. Less than 0.05 MiB is "<0.1".
func MiB(v any) string {
	n, _ := v.(int64)
	switch m := float64(n) / (1 << 20); {
	case n == 0:
		return "0"
	case m < 0.05:
		return "<0.1"
	case m < 10:
		return fmt.Sprintf("%.1f", m)
	default:
		return Thousands(int64(math.Round(m)))
	}
}

// GiB formats a number of bytes as "1.5 GiB".
func GiB(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// Bytes formats a size for people: 9.7 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[0]
}

// Fixed formats a number with a number of digits after the point.
func Fixed(digits int) func(any) string {
	return func(v any) string { return fmt.Sprintf("%.*f", digits, v) }
}

// Significant formats a number with three significant digits, but in full from 100: 0.0123, 1.23, 123, 1234.
func Significant(v any) string {
	f, ok := v.(float64)
	if !ok {
		return plain(v)
	}
	for digits, least := range []float64{99.95, 9.995, 0.9995, 0.09995, 0.009995, 0.0009995} {
		if math.Abs(f) >= least {
			return strconv.FormatFloat(f, 'f', digits, 64)
		}
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
