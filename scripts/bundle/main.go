// Command bundle packs the program, libtensorflow and their licences for machines that reach no package registry:
//
//	go run ./scripts/bundle -version V -program FILE -library FOLDER -data FOLDER -out FOLDER [-arch 90] [-split 56M] [-check FOLDER]
//
// It writes OUT/dtl-tf-V-linux-x86_64[-cuda12[-sm90]].tar.xz, whole or in pieces, and beside it NAME.sha256. make bundle calls it.
package main

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

//go:embed README.txt
var readme string

//go:embed link-cuda.sh
var linkCUDA string

// libraries are the files of libtensorflow and the names that the program's linker looked for.
var libraries = map[string]string{"libtensorflow_cc.so.2": "libtensorflow.so", "libtensorflow_framework.so.2": "libtensorflow_framework.so"}

// job is what to pack.
type job struct {
	version, program, library, data, out, check, preset string

	arch  int // 90 is sm_90; 0 keeps the device code of all
	split int64

	cuda bool // the library is a CUDA build
}

func main() {
	var j job
	split := ""
	flag.StringVar(&j.version, "version", "", "the program's version")
	flag.StringVar(&j.program, "program", "", "the program, linked with a run path relative to itself")
	flag.StringVar(&j.library, "library", "", "the folder with lib/ and licences/ of libtensorflow")
	flag.StringVar(&j.data, "data", "", "the demo's data set")
	flag.StringVar(&j.out, "out", "dist", "the folder of the archive")
	flag.StringVar(&j.check, "check", "", "a folder of tests and tools, packed as check/")
	flag.StringVar(&j.preset, "preset", "-6", "of xz: -1 is fast, -9 small")
	flag.IntVar(&j.arch, "arch", 0, "keep the device code of this GPU architecture only, such as 90 for sm_90")
	flag.StringVar(&split, "split", "", "write pieces of at most this many bytes, such as 56M")
	flag.Parse()
	var err error
	if j.split, err = parseSize(split); err == nil {
		err = j.pack()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

// parseSize reads a number of bytes with k, M or G for powers of 1024; "" is 0.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit := text, int64(1)
	if at := strings.IndexByte("kMG", text[len(text)-1]); at >= 0 {
		number, unit = text[:len(text)-1], 1<<(10*(at+1))
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("-split %s: not a size such as 56M", text)
	}
	return n * unit, nil
}

// name returns the name of the archive without its ending, which is also the folder in it.
func (j *job) name() string {
	name := "dtl-tf-" + j.version + "-linux-x86_64"
	if j.cuda {
		name += "-cuda12"
	}
	if j.arch > 0 {
		name += fmt.Sprintf("-sm%d", j.arch)
	}
	return name
}

func (j *job) pack() error {
	if j.version == "" || j.program == "" || j.library == "" || j.data == "" {
		return errors.New("-version, -program, -library and -data are needed")
	}
	var err error
	if j.cuda, err = hasDeviceCode(filepath.Join(j.library, "lib", "libtensorflow_cc.so.2")); err != nil {
		return err
	}
	if j.arch > 0 && !j.cuda {
		return fmt.Errorf("-arch %d: %s is built for processors (make bundle GPU=1 ARCH=%d)", j.arch, j.library, j.arch)
	}
	notices, err := j.notices()
	if err != nil {
		return err
	}
	text, err := j.readme()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(j.out, 0o755); err != nil {
		return err
	}
	out := &pieces{name: filepath.Join(j.out, j.name()+".tar.xz"), limit: j.split}
	if err := out.removeOld(); err != nil {
		return err
	}
	err = compress(out, j.preset, func(w io.Writer) error {
		p := packer{tar.NewWriter(w), j.name()}
		return errors.Join(j.fill(p, text, notices), p.Close())
	})
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, out.removeOld())
	}
	for _, name := range out.made {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %.1f MiB\n", name, float64(info.Size())/(1<<20))
	}
	return nil
}

// fill adds everything to the archive.
func (j *job) fill(p packer, readme string, notices map[string]string) error {
	if err := errors.Join(p.text("README.txt", 0o644, readme), p.file("LICENSE", "LICENSE", nil), p.file("bin/dtl-tf", j.program, nil)); err != nil {
		return err
	}
	for name, text := range sorted(notices) {
		if err := p.text("licences/"+name, 0o644, text); err != nil {
			return err
		}
	}
	for file, link := range sorted(libraries) {
		path := filepath.Join(j.library, "lib", file)
		if err := errors.Join(p.file("lib/"+file, path, j.reduce), p.link("lib/"+link, file)); err != nil {
			return err
		}
	}
	if j.arch > 0 { // runner/doctor reads it
		if err := p.text("lib/gpu-architecture", 0o644, strconv.Itoa(j.arch)+"\n"); err != nil {
			return err
		}
	}
	if j.cuda {
		if err := p.text("link-cuda.sh", 0o755, linkCUDA); err != nil {
			return err
		}
	}
	if j.runtime() != "" {
		if err := p.file(cudaRuntime, j.runtime(), nil); err != nil {
			return err
		}
	}
	if err := p.tree("demo/digits", j.data); err != nil {
		return err
	}
	if j.check != "" {
		return p.tree("check", j.check)
	}
	return nil
}

// cudaRuntime is the one of CUDA's libraries that a bundle has: it is small, NVIDIA's licence lets programs bring it along, and the version of another
// CUDA does not stand in for it.
const cudaRuntime = "nvidia/cuda_runtime/lib/libcudart.so.12"

// runtime returns the path of cudaRuntime, "" if it was not fetched.
func (j *job) runtime() string {
	path := filepath.Join(j.library, filepath.FromSlash(cudaRuntime))
	if _, err := os.Stat(path); err != nil || !j.cuda {
		return ""
	}
	return path
}

// reduce blanks the device code of other architectures.
func (j *job) reduce(f *os.File) (io.Reader, error) {
	if j.arch == 0 {
		return f, nil
	}
	code, err := findDeviceCode(f, j.arch)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %d fat binaries, %d MB of device code for sm_%d (%s) kept, %d MB for others (%s) blanked\n", filepath.Base(f.Name()), code.fatbins,
		size(code.kept)/1e6, j.arch, describe(code.kept), size(code.others)/1e6, describe(code.others))
	return newBlanked(f, code.others), nil
}

// notices returns the licences of what others wrote, by file.
func (j *job) notices() (map[string]string, error) {
	ours, err := thirdParty(j.program)
	if err != nil {
		return nil, err
	}
	all := map[string]string{"THIRD_PARTY_GO.txt": ours}
	files, err := filepath.Glob(filepath.Join(j.library, "licences", "*"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no licences: an older script fetched it, so remove that folder and run make deps; with a libtensorflow of your own, put its licences there", filepath.Join(j.library, "licences"))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all["THIRD_PARTY_"+filepath.Base(file)] = string(text)
	}
	if runtime := j.runtime(); runtime != "" {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(runtime), "..", "License.txt"))
		if err != nil {
			return nil, err
		}
		all["THIRD_PARTY_CUDA_RUNTIME.txt"] = string(text)
	}
	return all, nil
}

func (j *job) readme() (string, error) {
	glibc, err := newestSymbol(j.program)
	if err != nil {
		return "", err
	}
	t, err := template.New("README").Parse(readme)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{"Name": j.name(), "Version": j.version, "CUDA": j.cuda, "Arch": j.arch, "Split": j.split > 0, "Check": j.check != "", "GLIBC": glibc})
	return b.String(), err
}
