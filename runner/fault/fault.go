// Package fault marks the places between two changes on the disk. Tests end the process at each of them, as a power
// cut or kill -9 may, and look whether the next run gets along with what is left.
package fault

// Hook is called at each point of the program with its name. It is nil but in tests.
var Hook func(point string)

// Point is a place at which the process may die.
func Point(name string) {
	if Hook != nil {
		Hook(name)
	}
}
