package finetune

import (
	"fmt"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/assess/page"
	"dtl-tf/runner/result"
)

// confusionsSaid is the number of confusions that the summary of a run names.
const confusionsSaid = 3

// assess writes the answers of the evaluation, its figures and the report, and returns what the summary says about them. It does so
// before run.json says that the run is finished: a run that is killed meanwhile evaluates again.
func (r *run) assess() (words string, err error) {
	if r.answers == nil && r.several == nil {
		return r.howToUse(), nil
	}
	record := assess.Record{
		Program: r.ui.Version, Time: result.Now(), Adapter: r.folder.Path(result.AdapterFile), Backbone: r.record.Backbone.Path, Method: r.record.Method,
		Data: r.config.Data, Split: r.data.testSplit, Content: r.data.evaluated, Exif: r.data.images.Upright, Skipped: r.record.Data.Skipped,
		Classes: r.data.classes, ClassNames: r.data.classNames,
	}
	var e *assess.Evaluation
	if r.several != nil {
		if e = assess.NewSeveral(record, r.several); !r.config.Report {
			return severalWords(e.Several, e.Split) + r.howToUse(), nil
		}
	} else {
		e = assess.New(record, r.answers)
	}
	if err := e.Write(r.folder.Path("")); err != nil {
		return "", err
	}
	finished := r.record
	finished.Status, finished.Ended = result.Finished, result.Now()
	s := &page.Subject{Evaluation: e, Folder: r.folder.Path(""), Run: &finished}
	if s.Curves, err = page.ReadCurves(s.Folder); err != nil {
		return "", err
	}
	path := r.folder.Path(result.ReportFile)
	if err := s.WriteFile(path, r.ui.Note); err != nil {
		return "", err
	}
	return summary(e) + fmt.Sprintf("Report: %s\n", spell.Line(path)) + r.howToUse(), nil
}

// howToUse is the command that classifies pictures with the run's adapter.
func (r *run) howToUse() string {
	command, backbone := "dtl-tf predict", r.config.BackboneConfig.Path
	if r.record.Method == "full" {
		backbone = r.folder.Path(result.BackboneFile)
	}
	if backbone != "" {
		command += " --backbone " + spell.Shell(backbone)
	}
	return fmt.Sprintf("Use it: %s --adapter %s PICTURE...\n", command, spell.Shell(r.folder.Path(result.AdapterFile)))
}

// summary names the most frequent confusions.
func summary(e *assess.Evaluation) string {
	if e.Several != nil {
		return severalWords(e.Several, e.Split)
	}
	f := e.Figures.Accuracy
	text := fmt.Sprintf("Accuracy %.1f %%, between %.1f and %.1f %% with 95 %% confidence.\n", 100*f.Value, 100*f.Low, 100*f.High)
	var list []string
	for _, c := range assess.Confusions(e.Classes, e.Answers).Worst(confusionsSaid) {
		list = append(list, c.Words(e.Name))
	}
	if list == nil {
		return text + "Every image was classified correctly.\n"
	}
	return text + "Most frequent confusions: " + strings.Join(list, "; ") + "\n"
}
