package naming

import "strings"

// Patterns of names: # is the number of a block, $ a number that has no counterpart. At the end * is weight or bias, and ** is
// anything.
const (
	number       = '#'
	chunk        = '$'
	weightOrBias = "*"
	anything     = "**"
)

// pair is a pattern of names in a library and the one of timm's names for the same tensors. No name in timm means that a tensor has no
// effect on the features.
type pair struct {
	from, to string
	how      how
}

// how is how a tensor changes.
type how int

const (
	same       how = iota
	token          // [d] becomes [1, 1, d]
	table          // [N, d] becomes [1, N, d]
	transposed     // [d, n] becomes [n, d]
	query          // the first of three parts
	key            // the second, whose bias may be missing
	value          // the third
	gate           // the first of two parts
	up             // the second
)

// filled is what stands for the placeholders of a pattern.
type filled struct{ number, end string }

// match matches a whole name.
func match(pattern, name string) (found filled, ok bool) {
	for {
		at := strings.IndexAny(pattern, string(number)+string(chunk))
		if at < 0 {
			break
		}
		if !strings.HasPrefix(name, pattern[:at]) {
			return filled{}, false
		}
		name = name[at:]
		digits := name[:len(name)-len(strings.TrimLeft(name, "0123456789"))]
		if digits == "" {
			return filled{}, false
		}
		if pattern[at] == number {
			found.number = digits
		}
		pattern, name = pattern[at+1:], name[len(digits):]
	}
	if start, ok := strings.CutSuffix(pattern, anything); ok {
		found.end, ok = strings.CutPrefix(name, start)
		return found, ok
	}
	if start, ok := strings.CutSuffix(pattern, weightOrBias); ok {
		found.end, ok = strings.CutPrefix(name, start)
		return found, ok && (found.end == "weight" || found.end == "bias")
	}
	return found, pattern == name
}

// fill is the name that a pattern stands for.
func (f filled) fill(pattern string) string {
	start := strings.TrimRight(pattern, weightOrBias)
	if start != pattern {
		start += f.end
	}
	return strings.ReplaceAll(strings.Replace(start, string(number), f.number, 1), string(chunk), "0")
}
