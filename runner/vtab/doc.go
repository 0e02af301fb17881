// Package vtab is the benchmark VTAB-1k (Zhai et al. 2019, arXiv 1910.04867) as data, on the tasks of package suite: the recipes that
// papers train them with, and the cell, the result of one method on one task with one seed.
//
// Training the cells is in package sweep, tables of them in package summary, the check of data sets in package check.
package vtab
