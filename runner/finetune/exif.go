package finetune

import (
	"dtl-tf/runner/data"
	"dtl-tf/runner/result"
)

// upright decides whether images are turned as their EXIF orientation says. A run that is resumed goes on as it began.
func (c Config) upright(set *data.Set) bool {
	choice := c.Exif
	if choice == ExifAuto && c.Resume {
		choice = exifBefore(c.Out)
	}
	if choice == ExifAuto {
		return set.Layout != data.LayoutLists
	}
	return choice == ExifOn
}

func exifSetting(upright bool) string {
	if upright {
		return ExifOn
	}
	return ExifOff
}

// exifBefore returns the setting of the run in a folder, ExifAuto if it is unknown.
func exifBefore(folder string) string {
	old, err := result.ReadRun(folder)
	if err != nil {
		return ExifAuto
	}
	record, err := ReadRecord(old.Config)
	if err != nil {
		return ExifAuto // resume reports it
	}
	return record.Exif
}
