package result

// Several is the evaluation of a run whose images have any number of classes: figures from 0 to 1, at the threshold 0.5.
type Several struct {
	Split      string  `json:"split"`
	Images     int     `json:"images"`
	Epoch      int     `json:"epoch"` // after which it was measured, once
	MAP        float64 `json:"map"`   // mean average precision of the classes that have images
	MicroF1    float64 `json:"micro_f1"`
	MacroF1    float64 `json:"macro_f1"`
	ExactMatch float64 `json:"exact_match"`
	Absent     int     `json:"absent_classes,omitempty"` // classes without images, which MAP leaves out
}
