package data

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLabel is the largest label taken from a list; a larger one is rather a damaged line, and the
// classifier would be built for it.
const maxLabel = 99_999

// MaxListBytes is the largest list that is read: some ten million lines.
const MaxListBytes = 1 << 29

// readList reads a list file. Errors name it.
func readList(root, name string, classes int) ([]Item, error) {
	file := filepath.Join(root, name)
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read list: %w", err)
	case !info.Mode().IsRegular(): // reading a pipe would wait for ever
		return nil, fmt.Errorf("list %s is not a regular file", file)
	case info.Size() > MaxListBytes:
		return nil, fmt.Errorf("list %s: %d bytes are more than the limit of %d", file, info.Size(), MaxListBytes)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	return parseList(root, file, content, classes)
}

// parseList reads the content of a VTAB-1k list: lines of a path relative to root, white space, and a label from
// 0. Blank lines, a byte order mark and CRLF are tolerated. It doesn't look for the images. classes, when
// not 0, is the number of classes that labels must stay below.
//
// A list is data from a stranger and names no file outside root: absolute paths and those that leave it by ".." are
// refused. Symbolic links below root are followed wherever they point, because data sets are often made of links
// into a store; whoever can place links there has more ways than this one.
func parseList(root, file string, content []byte, classes int) ([]Item, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var items []Item
	scanner := bufio.NewScanner(bytes.NewReader(content))
	line := 0
	for scanner.Scan() {
		line++
		text := strings.TrimSpace(scanner.Text())
		if text == "" {
			continue
		}
		item, err := parseLine(root, text, classes)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", file, line, err)
		}
		item.line = line
		items = append(items, item)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s line %d: %w", file, line+1, err)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("%s is empty: want lines like \"images/0001.jpg 3\"", file)
	}
	return items, nil
}

func parseLine(root, text string, classes int) (Item, error) {
	cut := strings.LastIndexAny(text, " \t") // a path may hold spaces
	if cut < 0 {
		return Item{}, fmt.Errorf("%s: want a path and a label, separated by a space", quoted(text))
	}
	name, number := strings.TrimSpace(text[:cut]), text[cut+1:]
	label, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return Item{}, fmt.Errorf("label %s is not a whole number", quoted(number))
	case label < 0:
		return Item{}, fmt.Errorf("label %d is negative: labels count from 0", label)
	case classes > 0 && label >= classes:
		return Item{}, fmt.Errorf("label %d is out of range: %d classes have the labels 0 to %d", label, classes, classes-1)
	case label > maxLabel:
		return Item{}, fmt.Errorf("label %d is above %d, the largest that is allowed", label, maxLabel)
	}
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return Item{}, fmt.Errorf("path %s leaves the data set's folder: want one relative to it", quoted(name))
	}
	return Item{Path: filepath.Join(root, local), Name: name, Label: label}, nil
}

// quoted cuts a long text, such as a line of a binary file, so that a message stays readable.
func quoted(text string) string {
	const most = 80
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
