package page

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// selfContained checks that a page has no scripts, refers to nothing outside itself, and that its elements are closed in order.
func selfContained(t *testing.T, page string) {
	t.Helper()
	for _, bad := range []string{"<script", "<style>*", "onerror=alert(2)>", "<b>note", "<i>b.npz", "javascript:", "ZgotmplZ", "@import", "url(", "<no value>", "NaN\"", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if err := references(page); err != nil {
		t.Error(err)
	}
	if err := balanced(page); err != nil {
		t.Error(err)
	}
}

var attribute = regexp.MustCompile(`(?i)\s(src|href|srcset|data|action|poster|xlink:href|on\w+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)`)

// references returns an error for an attribute that loads, leads or runs anything.
func references(page string) error {
	for _, tag := range regexp.MustCompile(`<[a-zA-Z][^<>]*>`).FindAllString(page, -1) {
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			if !strings.HasPrefix(strings.Trim(m[2], `"'`), "data:") {
				return fmt.Errorf("the page refers to something: %s", tag)
			}
		}
	}
	return nil
}

// balanced returns an error unless all elements are closed in order.
func balanced(page string) error {
	var open []string
	for _, m := range regexp.MustCompile(`<(/?)([a-zA-Z][a-z0-9]*)([^<>]*)>`).FindAllStringSubmatch(page, -1) {
		name := m[2]
		switch {
		case strings.HasSuffix(m[3], "/") || strings.Contains(" meta link img br path ", " "+name+" "):
		case m[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> closes %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("not closed: %v", open)
	}
	return nil
}
