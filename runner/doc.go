// Package runner has what the commands of dtl-tf share: settings, the backbone and method that a user names, errors of wrong
// usage, and notes. The packages in its folder form storeys. A package imports only packages of its own storey and of those above
// it in this list:
//
//   - internal, fault, machine, train, data, result, feature, checkpoint, report, tensorboard, suite, published: files, images, the loop
//   - runner itself
//   - adapter, class, classify: an adapter with its backbone, classes by name, a score
//   - finetune, infer, export: training, inference, files for other programs
//   - compare, vtab, doctor, cache, prepare: one command each, or a group of commands
package runner
