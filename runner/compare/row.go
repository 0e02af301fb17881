package compare

import "dtl-tf/graph/memory"

// Row is the measurement of a method, or the reason why there is none.
type Row struct {
	Method string `json:"method"`
	*Measurement
	*Failure
	*TaskMeasurement
}

// Measurement is a finished row. Sizes are in bytes, times in seconds.
type Measurement struct {
	Trainable  int `json:"trainable_parameters"`        // without the classifier
	Unused     int `json:"unused_parameters,omitempty"` // of Trainable: nothing depends on them, so they do not train
	Classifier int `json:"classifier_parameters"`
	Frozen     int `json:"frozen_parameters"`

	Weights   int64 `json:"weights_bytes"`   // frozen or not
	Optimizer int64 `json:"optimizer_bytes"` // both moments of AdamW
	Peak      int64 `json:"peak_step_bytes"` // of a step, without weights, optimizer state and images
	AtMost    int64 `json:"peak_step_bytes_upper_bound"`

	// The peak of each kind, each at a different moment, and the bytes of each kind at the moment of Peak.
	Activations       int64 `json:"activations_peak_bytes"`
	Gradients         int64 `json:"gradients_peak_bytes"`
	ActivationsAtPeak int64 `json:"activations_at_step_peak_bytes"`
	GradientsAtPeak   int64 `json:"gradients_at_step_peak_bytes"`
	Total             int64 `json:"training_bytes"` // weights, optimizer state and Peak

	SecondsPerStep float64   `json:"seconds_per_step"` // median
	Spread         Spread    `json:"seconds_per_step_spread"`
	TrainRate      float64   `json:"train_images_per_second"`
	InferRate      float64   `json:"inference_images_per_second"`
	Device         string    `json:"device"`            // "CPU" or "GPU"
	GPU            *GPUBytes `json:"gpu,omitempty"`     // if TensorFlow finds one
	Ratios         *Ratios   `json:"to_full,omitempty"` // to full fine-tuning; not stored

	Options   map[string]string `json:"method_options,omitempty"`
	Breakdown []memory.Group    `json:"breakdown,omitempty"` // the largest groups of buffers at the peak, largest first
}

// GPUBytes has the memory of a GPU, in bytes.
type GPUBytes struct {
	Peak    int64 `json:"peak_step_bytes"`         // as Measurement.Peak
	Process int64 `json:"process_bytes,omitempty"` // of the process, as the driver (NVML) reports it, with memory pools and CUDA
}

// Spread is the range of the timed steps, in seconds.
type Spread struct {
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	Count int     `json:"count"`
}

// Ratios are those to full fine-tuning.
type Ratios struct {
	Time  float64 `json:"seconds_per_step"`
	Peak  float64 `json:"peak_step_bytes"`
	Total float64 `json:"training_bytes"`
}

// Failure is the reason why a row has no measurement.
type Failure struct {
	Error     string `json:"error"`
	Predicted int64  `json:"predicted_bytes,omitempty"` // memory that the row needs, if it was not measured for lack of it
	Available int64  `json:"available_bytes,omitempty"`
}

// setRatios sets the ratios of all finished rows.
func setRatios(rows []Row, full Measurement) {
	for _, r := range rows {
		if m := r.Measurement; m != nil {
			m.Ratios = &Ratios{
				Time:  m.SecondsPerStep / full.SecondsPerStep,
				Peak:  float64(m.Peak) / float64(full.Peak),
				Total: float64(m.Total) / float64(full.Total),
			}
		}
	}
}
