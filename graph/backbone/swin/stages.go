package swin

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// maxStages is above the four stages of every published Swin.
const maxStages = 6

// Stages holds a number for each stage; those after the last stage are 0. It is an array, so that architectures can be compared
// with ==.
type Stages [maxStages]int

// stagesOf returns a list as Stages.
func stagesOf(list ...int) (s Stages, err error) {
	if len(list) > maxStages {
		return s, fmt.Errorf("%d stages are more than the %d that this version takes", len(list), maxStages)
	}
	copy(s[:], list)
	return s, nil
}

// list returns the numbers up to the last one that is not 0.
func (s Stages) list() []int {
	n := len(s)
	for n > 0 && s[n-1] == 0 {
		n--
	}
	return s[:n]
}

// String is the form in descriptions: "2-2-18-2".
func (s Stages) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(s.list()), "[]"), " ", "-")
}

func parseStages(text string) (Stages, error) {
	var list []int
	for field := range strings.SplitSeq(text, "-") {
		n, err := strconv.Atoi(field)
		if err != nil {
			return Stages{}, fmt.Errorf("%q is not a list of whole numbers like 2-2-18-2", text)
		}
		list = append(list, n)
	}
	return stagesOf(list...)
}

// MarshalJSON implements json.Marshaler: a list.
func (s Stages) MarshalJSON() ([]byte, error) { return json.Marshal(s.list()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Stages) UnmarshalJSON(raw []byte) error {
	var list []int
	err := json.Unmarshal(raw, &list)
	if err == nil {
		*s, err = stagesOf(list...)
	}
	return err
}
