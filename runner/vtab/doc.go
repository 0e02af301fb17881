// Package vtab has the recipes that papers publish for the benchmark VTAB-1k (Zhai et al. 2019, arXiv 1910.04867), and the files of its
// cells, the results of one method on one task with one seed. The tasks are in package suite.
//
// Package sweep trains cells, package summary makes tables of them, and package check checks the data sets.
package vtab
