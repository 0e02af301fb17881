// Package check looks at the data sets of VTAB-1k before days are spent on them: lists against the registry, files,
// labels, every image decoded, and images that are both trained and tested on, found by their content.
package check
