package finetune

import (
	"reflect"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// TestSettings: every field of Config has a setting, apart from those that other flags or callers fill in, names are unique,
// and the defaults are accepted.
func TestSettings(t *testing.T) {
	c := Default()
	expect.NoError(t, c.Check())
	settings := c.Settings()
	elsewhere := []string{"Classes", "Lists", "ClassNames", "Targets", "TrainSplit", "EvalSplit", "Unwatched", "SeveralMethods", "Origin", // set by sweeps
		"Auto", "Fixed", // set by commands from what the user gave
		"Sweep"} // a flag of the command that trains, which the commands that plan and repeat runs do not have
	for _, part := range []reflect.Type{reflect.TypeFor[runner.BackboneConfig](), reflect.TypeFor[runner.MethodConfig]()} {
		for _, f := range reflect.VisibleFields(part) { // flags of many commands
			elsewhere = append(elsewhere, f.Name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.Anonymous || slices.Contains(elsewhere, f.Name) {
			continue
		}
		field := reflect.ValueOf(&c).Elem().FieldByIndex(f.Index).Addr().Pointer()
		if !slices.ContainsFunc(settings, func(s runner.Setting) bool { return reflect.ValueOf(s.Value).Pointer() == field }) {
			t.Errorf("%s has no setting", f.Name)
		}
	}
	names := map[string]bool{}
	for _, s := range settings {
		if names[s.Name] || s.Help == "" || s.Group == "" {
			t.Errorf("%+v", s)
		}
		names[s.Name] = true
	}
}
