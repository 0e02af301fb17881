// Package runner does what the commands of dtl-tf promise: it reads backbones, adapters and data,
// runs training and evaluation, and writes results. Its sub-packages each own one idea: data
// (images and batches), train (the loop), result (files of a run), report (tables and
// progress); this package ties them to the models of package dtl.
package runner
