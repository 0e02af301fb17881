// Package manifest checks scripts/vtab-kubernetes.yaml against the types of Kubernetes' API. make manifest-test runs it.
package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "vtab-kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decode rejects fields that the API does not know, and fields given twice.
func decode(text []byte) (job batch.Job, err error) {
	return job, yaml.UnmarshalStrict(text, &job)
}

// TestManifest: every field is one of the API's, and the values that must agree do.
func TestManifest(t *testing.T) {
	job, err := decode(read(t))
	if err != nil {
		t.Fatal(err)
	}
	if job.APIVersion != batch.SchemeGroupVersion.String() || job.Kind != "Job" {
		t.Errorf("%s %s", job.APIVersion, job.Kind)
	}
	spec := job.Spec
	if spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion {
		t.Error("JOB_COMPLETION_INDEX is set in Indexed jobs only")
	}
	if spec.Completions == nil || spec.Parallelism == nil || *spec.Completions != *spec.Parallelism {
		t.Fatal("completions and parallelism differ")
	}
	pod := spec.Template.Spec
	if pod.RestartPolicy != core.RestartPolicyNever { // the API's condition for podFailurePolicy
		t.Errorf("restart policy %s", pod.RestartPolicy)
	}
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	c := pod.Containers[0]
	if want := fmt.Sprintf("+ 1))/%d\"", *spec.Completions); !strings.Contains(strings.Join(c.Args, " "), want) {
		t.Errorf("%q has no %s", c.Args, want)
	}
	for _, rule := range spec.PodFailurePolicy.Rules {
		switch rule.Action {
		case batch.PodFailurePolicyActionFailJob, batch.PodFailurePolicyActionIgnore:
		default:
			t.Errorf("action %s", rule.Action)
		}
		if codes := rule.OnExitCodes; codes != nil && codes.Operator != batch.PodFailurePolicyOnExitCodesOpIn {
			t.Errorf("operator %s", codes.Operator)
		}
		for _, p := range rule.OnPodConditions {
			if p.Type != core.DisruptionTarget || (p.Status != "" && p.Status != core.ConditionTrue) {
				t.Errorf("condition %+v", p)
			}
		}
	}
	if gpu := c.Resources.Limits["nvidia.com/gpu"]; gpu.Value() != 1 {
		t.Errorf("%v GPUs", gpu)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	mounts := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = true
		if !volumes[m.Name] {
			t.Errorf("%s is mounted and is no volume", m.Name)
		}
	}
	if !mounts["/tmp"] || !mounts["/shared"] {
		t.Errorf("mounted are %v: the root is read-only, so /tmp and /shared must be volumes", mounts)
	}
}

// TestImage: the pods may do what the Containerfile provides for, and no more.
func TestImage(t *testing.T) {
	job, err := decode(read(t))
	if err != nil {
		t.Fatal(err)
	}
	containerfile, err := os.ReadFile(filepath.Join("..", "..", "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	pod, c := job.Spec.Template.Spec, job.Spec.Template.Spec.Containers[0]
	if !strings.HasPrefix(c.Image[strings.LastIndex(c.Image, "/")+1:], "dtl-tf:") {
		t.Errorf("image %s is not the one of make image", c.Image)
	}
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil ||
		!strings.Contains(string(containerfile), fmt.Sprintf("\nUSER %d:%d\n", *s.RunAsUser, *s.RunAsUser)) {
		t.Error("the pod's user is not the Containerfile's")
	}
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil ||
		*s.AllowPrivilegeEscalation || s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
		t.Error("the container may write to its root or gain rights")
	}
}

// TestDecodeIsStrict: a misspelt field is found.
func TestDecodeIsStrict(t *testing.T) {
	text := strings.Replace(string(read(t)), "backoffLimitPerIndex", "backoffLimitPerIndexes", 1)
	if _, err := decode([]byte(text)); err == nil || !strings.Contains(err.Error(), "backoffLimitPerIndexes") {
		t.Errorf("%v", err)
	}
}
