// Package runner has what the commands of dtl-tf share: settings, the backbone and method that a user names, errors of wrong
// usage, and notes. The packages in its folder form storeys, which CONTRIBUTING.md lists.
package runner
