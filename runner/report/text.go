package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Plural returns a noun, with an s unless n is 1.
func Plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Count returns a number with its noun: "1 cell", "2 cells".
func Count(n int, noun string) string { return fmt.Sprintf("%d %s", n, Plural(n, noun)) }

// Wrap breaks a text into lines of at most width characters, unless a word is longer. The first line begins with head, the
// others with indent.
func Wrap(head, indent, text string, width int) string {
	var lines []string
	line, empty := head, true
	for word := range strings.FieldsSeq(text) {
		switch {
		case empty:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = indent + word
		default:
			line += " " + word
		}
		empty = false
	}
	return strings.Join(append(lines, line), "\n")
}
