package fewshot

import (
	"slices"
	"strings"
)

// Set is a data set of the few-shot experiment.
type Set struct {
	Folder  string   // its name in results, and of its folders of pictures and lists
	Name    string   // as papers write it
	Classes int      // of the data set
	Val     int      // images in val_meta.list
	Test    int      // images in test_meta.list
	Aliases []string // other names, in lower case
}

// Sets returns the five data sets of the experiment in the order of their folders' names. The spelling of standford-cars is the
// official one. Numbers of classes and images are those of the official lists (github ZhangYuanhan-AI/NOAH, few-shot_split).
func Sets() []Set {
	return []Set{
		{Folder: "fgvc-aircraft", Name: "FGVC-Aircraft", Classes: 100, Val: 3333, Test: 3333, Aliases: []string{"aircraft", "fgvc_aircraft", "fgvc"}},
		{Folder: "food101", Name: "Food-101", Classes: 101, Val: 20200, Test: 30300, Aliases: []string{"food-101", "food"}},
		{Folder: "oxford-flowers102", Name: "Flowers-102", Classes: 102, Val: 1633, Test: 2463, Aliases: []string{"flowers", "flowers102", "flowers-102", "oxford_flowers102", "oxford-flowers"}},
		{Folder: "oxford-pets", Name: "Oxford Pets", Classes: 37, Val: 736, Test: 3669, Aliases: []string{"pets", "oxford_pets", "oxford_iiit_pet", "oxford-iiit-pet"}},
		{Folder: "standford-cars", Name: "Stanford Cars", Classes: 196, Val: 1635, Test: 8041, Aliases: []string{"cars", "stanford-cars", "stanford_cars", "standford_cars"}},
	}
}

// Known finds a data set of the experiment by its folder, name or alias, ignoring case.
func Known(name string) (Set, bool) {
	all := Sets()
	i := slices.IndexFunc(all, func(s Set) bool {
		return strings.EqualFold(name, s.Folder) || strings.EqualFold(name, s.Name) || slices.Contains(s.Aliases, strings.ToLower(name))
	})
	if i < 0 {
		return Set{}, false
	}
	return all[i], true
}
