// Package summary makes the table of VTAB-1k out of the files of finished cells: a row a method, the 19 tasks in three
// groups, the groups' means and both averages in use, over the seeds that there are. Nothing is computed from anything
// but the files, a value that is not there stays empty, and what makes two numbers incomparable is said in a footnote or,
// where it would falsify an average, refused.
package summary
