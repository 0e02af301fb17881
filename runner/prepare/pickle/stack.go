package pickle

import (
	"errors"
	"fmt"
	"slices"
)

var errStack = errors.New("it takes more values than it made: the pickle is damaged")

func (d *decoder) push(v any) { d.stack = append(d.stack, v) }

// pop takes the n last values.
func (d *decoder) pop(n int) ([]any, error) {
	if len(d.stack) < n {
		return nil, errStack
	}
	items := slices.Clone(d.stack[len(d.stack)-n:])
	d.stack = d.stack[:len(d.stack)-n]
	return items, nil
}

// popMark takes the values after the last mark, and the mark.
func (d *decoder) popMark() ([]any, error) {
	for i := len(d.stack) - 1; i >= 0; i-- {
		if _, ok := d.stack[i].(mark); ok {
			items := slices.Clone(d.stack[i+1:])
			d.stack = d.stack[:i]
			return items, nil
		}
	}
	return nil, errStack
}

// remember stores the last value under a number, or pushes what is stored there.
func (d *decoder) remember(op byte) error {
	width := 4
	if op == opBinPut || op == opBinGet {
		width = 1
	}
	n, err := d.number(width)
	if err != nil {
		return err
	}
	if op == opBinGet || op == opLongBinGet {
		v, ok := d.memo[n]
		if !ok {
			return fmt.Errorf("it refers to value %d, which was not stored: the pickle is damaged", n)
		}
		d.push(v)
		return nil
	}
	if len(d.stack) == 0 {
		return errStack
	}
	d.memo[n] = d.stack[len(d.stack)-1]
	return nil
}

// add puts the last values into the list or dictionary before them.
func (d *decoder) add(op byte) error {
	var items []any
	var err error
	switch op {
	case opAppend:
		items, err = d.pop(1)
	case opSetItem:
		items, err = d.pop(2)
	default:
		items, err = d.popMark()
	}
	if err != nil {
		return err
	}
	if len(d.stack) == 0 {
		return errStack
	}
	switch to := d.stack[len(d.stack)-1].(type) {
	case *list:
		if op == opAppend || op == opAppends {
			to.items = append(to.items, items...)
			return nil
		}
	case map[string]any:
		if (op == opSetItem || op == opSetItems) && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				key, ok := items[i].(string)
				if !ok {
					return fmt.Errorf("a key of a dictionary is a %T, not a string", items[i])
				}
				to[key] = items[i+1]
			}
			return nil
		}
	}
	return errors.New("it fills something that is neither a list nor a dictionary: the pickle is damaged")
}
