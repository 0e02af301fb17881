// Package runner has what the commands of dtl-tf share: settings, the backbone and method that a user names, errors of wrong
// usage, and notes. The packages in its folder form storeys. A package may import packages of the same storey and of storeys
// higher up in this list:
//
//   - data, feature, train, checkpoint, result, report, tensorboard, machine, fault, and internal except as below: tools and files
//   - runner itself
//   - internal/adapter, internal/class, internal/classify: an adapter with its backbone, classes by name, a score
//   - finetune, infer, export: training, inference, files for other programs
//   - compare, vtab, doctor, cache, prepare: one command each, or a group of commands
package runner
