// Package runner is what the commands of dtl-tf share: what a user names (a backbone, a method with its options), how a wrong
// usage is told from a failure, and where notes go. The packages below its folder form storeys. A package imports only
// packages of its own storey and of those below it:
//
//   - internal, fault, machine, train, data, result, feature, checkpoint, report, tensorboard, suite, published: files, images, the loop
//   - runner itself
//   - adapter, class, classify: an adapter with its backbone, classes by name, a score
//   - finetune, infer, export: a training run, answers, files for others
//   - compare, vtab, doctor, cache, prepare: one command each, or a group of them
package runner
