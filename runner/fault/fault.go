// Package fault marks the points between two changes on the disk. Tests end the process at each of them, as a power cut or kill
// -9 may, and check that the next run copes with what is left.
package fault

// Hook is called at each point with its name. It is nil except in tests.
var Hook func(point string)

// Point marks a point at which the process may die.
func Point(name string) {
	if Hook != nil {
		Hook(name)
	}
}
