package backbone

import "errors"

func readSavedModel(path string) (*Backbone, error) { return nil, errors.New("later") }
