package dtl

import (
	"fmt"
	"math"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/memory/estimate"
)

// Forecast is the memory in bytes that training takes in the session, told from the graph.
type Forecast struct {
	// Peak is the peak of a step, as package memory finds it in a trace: what a step allocates, but not what follows. With
	// micro-batches it is that of one that adds to the accumulators, or of the update.
	Peak int64
	At   string // the node that runs at the peak

	Weights      int64 // of the backbone, the method and the classifier, in the precision they are stored in
	Optimizer    int64 // moments, and moving averages
	Accumulators int64 // of gradients, with micro-batches
	Input        int64 // images or stored values of a step, or of a micro-batch
}

// Fixed is what stays allocated between steps.
func (f Forecast) Fixed() int64 { return f.Weights + f.Optimizer + f.Accumulators }

// ForecastImages tells the memory of training on images without a step. It adds the training step to the graph, like a trainer.
// It returns an error on a GPU, and on several devices.
func (m *Model) ForecastImages(t Training, o graph.SessionOptions) (Forecast, error) {
	return m.forecast(t, o, fromImages)
}

// ForecastStored is ForecastImages for training on stored values with elements of the given type.
func (m *Model) ForecastStored(t Training, element graph.Precision, o graph.SessionOptions) (Forecast, error) {
	if len(m.Stored(t)) == 0 {
		return Forecast{}, fmt.Errorf("there is nothing to store with method %s", m.Config.Method.Name())
	}
	return m.forecast(t, o, fromStored(element))
}

func (m *Model) forecast(t Training, o graph.SessionOptions, in func(m *Model) input) (Forecast, error) {
	if err := m.checkForecast(); err != nil {
		return Forecast{}, err
	}
	s, err := m.buildStep(t, in)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{Weights: m.Frozen.Bytes() + m.Trainable.Bytes(), Optimizer: s.optimizerBytes()}
	for _, v := range s.parts[0].inputs {
		f.Input += v.Bytes()
	}
	runs := []stepRun{s.whole()}
	if s.micro != nil {
		f.Accumulators = s.micro.accumulators.Bytes()
		runs = []stepRun{s.part(s.micro.accumulate), s.update()}
	}
	for _, r := range runs {
		report, err := estimate.Peak(m.builder.Graph(), o, r.feeds, r.fetches, r.targets...)
		if err != nil {
			return Forecast{}, err
		}
		if report.Peak > f.Peak {
			f.Peak, f.At = report.Peak, report.Node
		}
	}
	return f, nil
}

// checkForecast returns an error if the graph of a step does not tell its peak: several devices work at the same time, and how far
// each has got when another is at its peak depends on their speeds.
func (m *Model) checkForecast() error {
	if n := len(m.Config.Places); n > 1 {
		return fmt.Errorf("the memory of training on %d devices can't be told without a step: tell that of one device", n)
	}
	return nil
}

// stepRun is a run of the session that is a step or a part of one.
type stepRun struct {
	feeds, fetches []tf.Output
	targets        []*tf.Operation
}

// whole is a step without micro-batches.
func (s *stepNodes) whole() stepRun {
	r := s.part(s.updates)
	r.feeds = append(r.feeds, s.update().feeds...)
	return r
}

// part is the run of a micro-batch.
func (s *stepNodes) part(targets []*tf.Operation) stepRun {
	r := stepRun{fetches: []tf.Output{s.loss.Output}, targets: targets}
	for _, p := range s.parts {
		for _, v := range append([]graph.Value{p.labels, p.weights, p.seed, p.from}, p.inputs...) {
			if v.Defined() {
				r.feeds = append(r.feeds, v.Output)
			}
		}
	}
	return r
}

// update is the run of the optimizer's updates after the micro-batches.
func (s *stepNodes) update() stepRun {
	r := stepRun{targets: s.updates}
	for _, f := range s.optimizer.Feeds(0, 1) {
		r.feeds = append(r.feeds, f.Output)
	}
	return r
}

// ForecastPrediction tells the peak of classifying n images at a time.
func (m *Model) ForecastPrediction(n int, o graph.SessionOptions) (peak int64, err error) {
	defer graph.Catch(&err)
	if err := m.checkForecast(); err != nil {
		return 0, err
	}
	b := m.builder.Apart().Chunk(math.MaxInt32).In("forecast") // a graph for any number of images has no chunks
	images := m.placeholder(b, n)
	logits := m.forward(b, images, m.hooked())
	report, err := estimate.Peak(m.builder.Graph(), o, []tf.Output{images.Output}, []tf.Output{logits.Output})
	return report.Peak, err
}
