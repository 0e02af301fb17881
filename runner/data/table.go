package data

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
)

// row is an image in a table.
type row struct {
	line               int
	path, label, split string
	labels             []string // sorted, of a table with several labels for an image
}

// table is the content of a CSV or JSON-lines file.
type table struct {
	file   string
	rows   []row
	splits bool     // there is a column of splits
	folder bool     // labels are the names of class folders, which may have any form
	unused []string // columns without meaning

	several bool // an image may have any number of labels

	lenient bool // collect faults of lines instead of stopping at the first
	faults  []error
}

// fault returns what is wrong with a line, or collects it.
func (t *table) fault(line int, format string, args ...any) error {
	err := fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
	if !t.lenient {
		return err
	}
	t.faults = append(t.faults, err)
	return nil
}

// tableFormats are the readers of tables by the ending of the file.
func tableFormats() map[string]func(t *table, content []byte) error {
	return map[string]func(*table, []byte) error{".csv": readCSV, ".tsv": readCSV, ".jsonl": readJSONLines, ".ndjson": readJSONLines}
}

// IsTable reports whether a name is that of a table, which [Open] reads as a data set.
func IsTable(name string) bool { return tableFormats()[strings.ToLower(filepath.Ext(name))] != nil }

// The columns of a table, and other names under which they are found.
const (
	columnPath  = "path"
	columnLabel = "label"
	columnSplit = "split"
)

func columnOf(name string) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case columnPath, "file", "filename", "file_name", "image":
		return columnPath
	case columnLabel, "labels", "class":
		return columnLabel
	case columnSplit:
		return columnSplit
	}
	return ""
}

// labelSeparator separates the labels of an image in CSV. JSON has lists.
const labelSeparator = "|"

// readTable reads a table. Errors name the file and the line.
func readTable(file string) (*table, error) {
	content, err := limit.ReadFile(file, MaxListBytes)
	if err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	return parseTable(&table{file: file}, content)
}

// parseTable reads the content of a table.
func parseTable(t *table, content []byte) (*table, error) {
	file := t.file
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("%s is in UTF-16: save it in UTF-8", file)
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if err := tableFormats()[strings.ToLower(filepath.Ext(file))](t, content); err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	if len(t.rows)+len(t.faults) == 0 {
		return nil, fmt.Errorf("%s has no images: want a line with path and label for each", file)
	}
	return t, nil
}

// add adds a row.
func (t *table) add(line int, path string, labels []string, split string) error {
	r := row{line: line, path: path, split: strings.TrimSpace(split)}
	for i, label := range labels {
		if !t.folder {
			labels[i] = strings.TrimSpace(label)
		}
	}
	local := filepath.FromSlash(path)
	switch {
	case path == "":
		return errors.New("the path is empty")
	case !filepath.IsLocal(local):
		return fmt.Errorf("path %s leaves the folder of the table: want one relative to it", quoted(path))
	case t.several:
		return t.addSeveral(r, local, labels)
	case len(labels) > 1:
		return fmt.Errorf("%s has %d labels (%s): an image has one label, except with --loss bce", quoted(path), len(labels), quotedFew(labels))
	case len(labels) == 0 || labels[0] == "":
		return fmt.Errorf("%s has no label", quoted(path))
	}
	if err := checkLabel(labels[0]); err != nil {
		return err
	}
	r.label = labels[0]
	return t.place(r, local)
}

func checkLabel(label string) error {
	if !utf8.ValidString(label) {
		return fmt.Errorf("label %s is not UTF-8, which result files can't hold: save the table in UTF-8", quoted(label))
	}
	return nil
}

// place adds a row with the path and split.
func (t *table) place(r row, local string) error {
	r.path = filepath.ToSlash(filepath.Clean(local))
	if t.splits {
		split, err := tableSplit(r.split)
		if err != nil {
			return err
		}
		r.split = split
	}
	t.rows = append(t.rows, r)
	return nil
}

// tableSplit is the split that a cell names.
func tableSplit(name string) (string, error) {
	if split := SplitOf(name); split != "" {
		return split, nil
	}
	return "", fmt.Errorf("split %s is unknown: use train, val or test", quoted(name))
}

// openTable makes a data set of a table. Paths are relative to its folder.
func openTable(file string, classes int) (*Set, error) {
	t, err := readTable(file)
	if err != nil {
		return nil, err
	}
	return t.open(classes)
}

// open makes a data set of the table, with the number of classes unless that is 0.
func (t *table) open(classes int) (*Set, error) {
	file := t.file
	s := &Set{Root: filepath.Dir(file), Layout: LayoutTable, splits: map[string][]Item{}}
	if len(t.unused) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("not used, columns of %s: %d (%s)", file, len(t.unused), spell.Few(t.unused, maxNames)))
	}
	repeated, err := t.unique()
	if err != nil {
		return nil, err
	}
	if len(repeated) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("passed over, lines of %s that repeat an earlier one: %d (%s)", file, len(repeated), spell.Few(repeated, maxNames)))
	}
	s.ClassNames = t.classes()
	s.Classes = len(s.ClassNames)
	switch {
	case s.Classes < 2:
		return nil, fmt.Errorf("%s: all images have the label %s: there is nothing to classify", file, quotedFew(s.ClassNames))
	case s.Classes > maxLabel:
		return nil, fmt.Errorf("%s has %d different labels, more than the limit of %d", file, s.Classes, maxLabel)
	case classes != 0 && classes != s.Classes:
		return nil, fmt.Errorf("%s has %d different labels, %d classes are wanted", file, s.Classes, classes)
	}
	label := map[string]int{}
	for i, name := range s.ClassNames {
		label[name] = i
	}
	all := make([]Item, len(t.rows))
	for i, r := range t.rows {
		all[i] = Item{Path: filepath.Join(s.Root, filepath.FromSlash(r.path)), Name: r.path, Label: label[r.label], line: r.line}
		if t.several {
			all[i].Label = s.labelSet(r.labels, label)
		}
		split := Train
		if t.splits {
			split = r.split
		}
		s.splits[split] = append(s.splits[split], all[i])
	}
	s.splits[TrainVal] = s.splits[Train]
	return s, checkFiles(file, all)
}

// TableFaults returns what is wrong with a table: every bad line, two labels or splits of an image, and images that are not there. It is
// for tables that [Open] refuses.
func TableFaults(file string) []error { return faultsOf(&table{file: file, lenient: true}) }

// faultsOf reads a lenient table.
func faultsOf(t *table) (faults []error) {
	file := t.file
	content, err := limit.ReadFile(file, MaxListBytes)
	if err != nil {
		return []error{err}
	}
	if _, err := parseTable(t, content); err != nil {
		return []error{err}
	}
	if _, err := t.unique(); err != nil {
		t.faults = append(t.faults, err) // not of a lenient table
	}
	for _, fault := range t.faults {
		faults = append(faults, fmt.Errorf("%s %w", file, fault))
	}
	root := filepath.Dir(file)
	for _, r := range t.rows {
		item := Item{Path: filepath.Join(root, filepath.FromSlash(r.path)), Name: r.path, line: r.line}
		if err := checkFile(file, item); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// checkFiles reports the first image that is not there.
func checkFiles(list string, items []Item) error {
	return parallel(len(items), func(i int) error { return checkFile(list, items[i]) })
}

func checkFile(list string, item Item) error {
	info, err := os.Stat(item.Path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", item.Path)
	}
	if err == nil {
		return nil
	}
	hint := ""
	if strings.Contains(item.Name, `\`) && !exists(item.Path) {
		hint = ": the path has backslashes, write slashes"
	}
	return fmt.Errorf("%s line %d: %w%s", list, item.line, err, hint)
}

// unique drops rows that repeat an earlier one and names their lines. An image with two labels or in two splits is an error.
func (t *table) unique() (repeated []string, err error) {
	first := map[string]row{}
	kept := t.rows[:0]
	for _, r := range t.rows {
		earlier, known := first[r.path]
		switch {
		case !known:
			first[r.path] = r
			kept = append(kept, r)
		case !slices.Equal(earlier.labels, r.labels):
			err = t.fault(r.line, "%s has the labels %s here and %s in line %d: remove one of the lines", quoted(r.path), quotedFew(r.labels), quotedFew(earlier.labels), earlier.line)
		case earlier.label != r.label:
			err = t.fault(r.line, "%s has the label %s here and %s in line %d: remove one of them", quoted(r.path), quoted(r.label), quoted(earlier.label), earlier.line)
		case earlier.split != r.split:
			err = t.fault(r.line, "%s is in the split %s here and in %s in line %d: remove one of them", quoted(r.path), r.split, earlier.split, earlier.line)
		default:
			repeated = append(repeated, fmt.Sprintf("line %d", r.line))
		}
		if err != nil {
			return nil, fmt.Errorf("%s %w", t.file, err)
		}
	}
	t.rows = kept
	return repeated, nil
}

// classes lists the different labels: by value if all are whole numbers, else in byte order as class folders are.
func (t *table) classes() []string {
	set, numbers := map[string]bool{}, map[string]int{}
	for _, r := range t.rows {
		labels := r.labels
		if !t.several {
			labels = []string{r.label}
		}
		for _, label := range labels {
			set[label] = true
			if n, err := strconv.Atoi(label); err == nil {
				numbers[label] = n
			}
		}
	}
	names := slices.Sorted(maps.Keys(set))
	if len(numbers) == len(names) {
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
	}
	return names
}
