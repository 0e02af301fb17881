# Every target works in a clean clone with Go, a C compiler, make and Python's pip.
#
#   LIBTENSORFLOW=/path   use this libtensorflow (lib/ and include/ inside) and fetch nothing
#   GPU=1                 fetch the CUDA build (Linux x86-64)

.DEFAULT_GOAL := help

ifneq ($(strip $(LIBTENSORFLOW)),)
LIBTF := $(shell cd '$(LIBTENSORFLOW)' 2>/dev/null && pwd)
else
LIBTF := $(CURDIR)/.deps/libtensorflow
endif

# The program finds the library through its run path. The absolute path is for test binaries and for a
# program that was moved, the relative path for a clone that was moved.
ifeq ($(shell uname -s),Darwin)
ORIGIN := @loader_path
else
ORIGIN := $$ORIGIN
endif
RPATH := '-Wl,-rpath,$(LIBTF)/lib'
ifeq ($(strip $(LIBTENSORFLOW)),)
RPATH += '-Wl,-rpath,$(ORIGIN)/../.deps/libtensorflow/lib'
endif

# Use the same flags for all targets; otherwise Go recompiles graft (20 s) for each.
export CGO_ENABLED := 1
export CGO_CFLAGS := -O2 '-I$(LIBTF)/include'
export CGO_LDFLAGS := '-L$(LIBTF)/lib' $(RPATH)
# TensorFlow logs its greetings at levels 0 and 1. The program sets what follows by itself too (graph/capi/process).
export TF_CPP_MIN_LOG_LEVEL ?= 2
ENVIRONMENT := CGO_ENABLED CGO_CFLAGS CGO_LDFLAGS TF_CPP_MIN_LOG_LEVEL
ifeq ($(shell uname -m),x86_64)
export TF_ENABLE_ONEDNN_OPTS ?= 1
ENVIRONMENT += TF_ENABLE_ONEDNN_OPTS
endif

# Linking is half of what the tests cost: each package's test binary takes ld 6 seconds, gold or lld 2.
ifeq ($(shell uname -s),Linux)
LINKER := $(firstword $(foreach l,gold lld,$(if $(shell command -v ld.$(l)),$(l))))
ifneq ($(LINKER),)
export GOFLAGS ?= -ldflags=-extldflags=-fuse-ld=$(LINKER)
ENVIRONMENT += GOFLAGS
endif
endif

# The program's version is a flag of the linker too, and flags on the command line take the place of those in GOFLAGS.
LINK = $(if $(LINKER),-extldflags=-fuse-ld=$(LINKER)) -X main.version=$(VERSION)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEMO_FLAGS ?= --data data/digits --method dtl --epochs 20 --lr 0.01 --out runs/demo --overwrite
TEST_FLAGS ?=

# make bundle: the archive's folder and what of it
#   GPU=1 ARCH=90   the CUDA build, with device code for sm_90 only
#   SPLIT=56M       in pieces
#   CHECK=1         with the tests and tools of scripts/gpu-check.sh
#   XZ=-1           xz's preset
XZ ?= -6

.PHONY: help demo build test test-isa test-race test-heavy fuzz lint bench bench-go bundle bundle-test image manifest-test slurm-test gpu-binaries deps env clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: build ## fine-tune the embedded backbone with DTL on 1,000 handwritten digits and print the result
	@scripts/prepare-digits.sh
	bin/dtl-tf fine-tune $(DEMO_FLAGS)

build: deps ## build bin/dtl-tf
	go build -buildvcs=false -ldflags '$(LINK)' -o bin/dtl-tf ./cmd/dtl-tf

test: deps ## run the tests (TEST_FLAGS='-v -run Name' is passed on)
	go test $(TEST_FLAGS) ./...

test-heavy: deps ## run all tests, the slow ones included
	DTL_HEAVY=1 go test -timeout 3h $(TEST_FLAGS) ./...

# The numerical tests that depend on the processor: TensorFlow's matrix products and our kernels.
NUMBERS = go test $(TEST_FLAGS) ./graph ./graph/capi && \
	go test $(TEST_FLAGS) -run 'Families|Fold|Golden|Logits|Methods|NamingsCompute|Timm' ./graph/backbone/...
STEPS = go test $(TEST_FLAGS) -run 'Golden|Gradient|LossScale|StoredBF16|StartsAtBackbone' -skip 'ViT|Swin' ./dtl
# oneDNN limited to AVX2 has no bfloat16. On such processors TensorFlow uses Eigen for it, as the first line does.
# With AVX2 and nothing newer, make test is the run of the second line already.
test-isa: deps ## run the numerical tests as on older processors: AVX2, and AVX-512 without bfloat16
	export TF_ENABLE_ONEDNN_OPTS=0 DTL_KERNELS=plain; $(NUMBERS)
	@! grep -qwE 'avx512f|avx_vnni' /proc/cpuinfo || { set -x; export ONEDNN_MAX_CPU_ISA=AVX2 DTL_KERNELS=avx2; $(NUMBERS) && $(STEPS); }
	@! grep -qw avx512f /proc/cpuinfo || { set -x; export ONEDNN_MAX_CPU_ISA=AVX512_CORE DTL_KERNELS=avx512f; go test $(TEST_FLAGS) ./graph ./graph/capi; }

# The packages with concurrent code. The race detector makes cmd/dtl-tf and dtl many times slower, so they are left out.
RACE := ./graph ./graph/capi ./runner/data ./runner/feature ./runner/train ./runner/result ./runner/report ./runner/tensorboard ./runner/checkpoint ./runner/hub ./runner/sweep ./runner/serve
test-race: deps ## run the tests of concurrent code under Go's race detector
	go test -race $(TEST_FLAGS) $(RACE)

fuzz: deps ## feed damaged files to every file reader, a minute each (FUZZTIME=60s; FUZZ=name selects some)
	@FUZZTIME='$(FUZZTIME)' scripts/fuzz.sh '$(FUZZ)'

lint: deps ## run gofmt, go vet, staticcheck, and shellcheck if it is installed
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh scripts/bundle/*.sh .ci/run; fi

# Takes about 15 minutes on two idle cores. scripts/bench.py lists the settings.
bench: deps ## measure time and memory of a step against PyTorch (ROUNDS=1 BENCH_ONLY='batch=8 precision=fp32')
	go build -buildvcs=false -o .deps/bench/benchstep ./scripts/benchstep
	@python3 scripts/bench.py

ARCHIVE = dist/dtl-tf-$(VERSION)-linux-x86_64$(if $(filter 1,$(GPU)),-cuda12$(if $(ARCH),-sm$(ARCH))).tar.xz
IMAGE ?= dtl-tf:$(VERSION)
# The programs of a bundle lie in bin/ and check/bin/ and find the library relative to themselves.
bundle gpu-binaries: export CGO_LDFLAGS := '-L$(LIBTF)/lib' '-Wl,-rpath,$(ORIGIN)/../lib' '-Wl,-rpath,$(ORIGIN)/../../lib'
RELEASE := -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
bundle: deps $(if $(CHECK),gpu-binaries) ## pack program, libtensorflow and licences for a machine without a registry (GPU=1 ARCH=90 SPLIT=56M CHECK=1)
	@scripts/prepare-digits.sh
	@$(if $(filter 1,$(GPU)),CUDA=1 scripts/fetch-cuda.sh cuda_runtime)
	go build $(RELEASE) -o .deps/bundle/dtl-tf ./cmd/dtl-tf
	go run ./scripts/bundle -version '$(VERSION)' -program .deps/bundle/dtl-tf -library '$(LIBTF)' -data data/digits -out dist \
		$(if $(ARCH),-arch '$(ARCH)') $(if $(SPLIT),-split '$(SPLIT)') $(if $(CHECK),-check .deps/check) -preset '$(XZ)'

gpu-binaries: deps ## build the tests and tools of scripts/gpu-check.sh into .deps/check
	scripts/gpu-binaries.sh .deps/check $(RELEASE)

bundle-test: bundle ## unpack the bundle into an empty root and run the demo there, on the processor
	scripts/bundle-test.sh '$(ARCHIVE)'

image: bundle ## build an image from the bundle with podman, docker or buildah (GPU=1, IMAGE=name, BASE=image)
	BASE='$(BASE)' scripts/image.sh '$(ARCHIVE)' '$(IMAGE)'

manifest-test: ## check scripts/vtab-kubernetes.yaml against the types of Kubernetes' API
	cd scripts/manifest && CGO_ENABLED=0 go test ./...

slurm-test: build ## run scripts/vtab-slurm.sh on a small Slurm that it sets up here (root; Debian's slurm-wlm)
	scripts/slurm-test.sh

bench-go: deps ## run Go's benchmarks (BENCH=regexp selects some)
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./...

deps: ## fetch libtensorflow into .deps, if it is not there
	@LIBTENSORFLOW='$(LIBTENSORFLOW)' GPU='$(GPU)' scripts/fetch-libtensorflow.sh

env: deps ## print the environment for plain go commands: eval "$(make -s env)"
	@for name in $(ENVIRONMENT); do \
		eval "value=\$$$$name"; printf 'export %s="%s"\n' "$$name" "$$value"; \
	done | sed 's/\$$/\\$$/g'

clean: ## remove everything built, fetched and prepared, but not the results in runs/
	rm -rf bin dist .deps data/digits
