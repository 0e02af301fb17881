package compare

import (
	"dtl-tf/graph/memory"
)

// Row is what is known about one method: its measurement, or why there is none.
type Row struct {
	Method string `json:"method"`
	*Measurement
	*Failure
}

// Measurement is one finished row. Bytes are bytes, times seconds.
type Measurement struct {
	Trainable  int `json:"trainable_parameters"` // without the classifier
	Classifier int `json:"classifier_parameters"`
	Frozen     int `json:"frozen_parameters"`

	Weights   int64 `json:"weights_bytes"`   // of everything, frozen or not
	Optimizer int64 `json:"optimizer_bytes"` // both moments of AdamW
	Peak      int64 `json:"peak_step_bytes"` // most alive at once in a step, beyond weights, optimizer and images
	AtMost    int64 `json:"peak_step_bytes_upper_bound"`

	// The most of each kind at once, each at a moment of its own, and what each had at the moment of Peak.
	Activations       int64 `json:"activations_peak_bytes"`
	Gradients         int64 `json:"gradients_peak_bytes"`
	ActivationsAtPeak int64 `json:"activations_at_step_peak_bytes"`
	GradientsAtPeak   int64 `json:"gradients_at_step_peak_bytes"`
	Total             int64 `json:"training_bytes"` // weights, optimizer and step peak

	SecondsPerStep float64   `json:"seconds_per_step"` // median
	Spread         Spread    `json:"seconds_per_step_spread"`
	TrainRate      float64   `json:"train_images_per_second"`
	InferRate      float64   `json:"inference_images_per_second"`
	Device         string    `json:"device"`            // "CPU" or "GPU"
	GPU            *GPUBytes `json:"gpu,omitempty"`     // where TensorFlow sees one
	Ratios         *Ratios   `json:"to_full,omitempty"` // to the row of full fine-tuning; not kept

	Options   map[string]string `json:"method_options,omitempty"`
	Breakdown []memory.Group    `json:"breakdown,omitempty"` // what was alive at the step's peak, largest first
}

// GPUBytes are the figures of a GPU.
type GPUBytes struct {
	Peak    int64 `json:"peak_step_bytes"`         // as Measurement.Peak, in the GPU's own memory
	Process int64 `json:"process_bytes,omitempty"` // what the driver (NVML) says the process takes, pools and CUDA included
}

// Spread describes the spread of the timed steps, in seconds.
type Spread struct {
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	Count int     `json:"count"`
}

// Ratios compare with full fine-tuning.
type Ratios struct {
	Time  float64 `json:"seconds_per_step"`
	Peak  float64 `json:"peak_step_bytes"`
	Total float64 `json:"training_bytes"`
}

// Failure says why a row has no figures.
type Failure struct {
	Error     string `json:"error"`
	Predicted int64  `json:"predicted_bytes,omitempty"` // what the row would have needed, if it was not tried
	Available int64  `json:"available_bytes,omitempty"`
}

// ratios puts the comparison with full fine-tuning into every row that is finished.
func ratios(rows []Row, full *Measurement) {
	if full == nil {
		return
	}
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
