package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
)

var update = flag.Bool("update", false, "write the golden templates anew")

// golden is the folder of the templates that were reviewed.
const golden = "../testdata/golden"

// asset is the hash of an asset's content, which changes with the CDK's version.
var asset = regexp.MustCompile(`[0-9a-f]{64}\.zip`)

func TestTemplatesAreTheReviewedOnes(t *testing.T) {
	for _, env := range config.Known() {
		t.Run(env, func(t *testing.T) { compareAll(t, env) })
	}
}

// compareAll compares every template of an environment, and finds those that
// no longer exist.
func compareAll(t *testing.T, env string) {
	written := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(synth(t, env), "*.template.json"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".template.json") + ".json"
		written[name] = normalize(t, file)
	}
	dir := filepath.Join(golden, env)
	if *update {
		writeAll(t, dir, written)
	}
	reviewed := map[string]string{}
	files, _ = filepath.Glob(filepath.Join(dir, "*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reviewed[filepath.Base(file)] = string(data)
	}
	if diff := cmp.Diff(reviewed, written); diff != "" {
		t.Errorf("-reviewed +synthesized (go test ./infra/app -update accepts):\n%s", diff)
	}
}

// writeAll replaces a folder's golden templates.
func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// normalize orders a template's keys and takes out what varies by itself: the
// bootstrap check and assets' hashes.
func normalize(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var content map[string]any
	if err := json.Unmarshal(asset.ReplaceAll(data, []byte("asset.zip")), &content); err != nil {
		t.Fatal(err)
	}
	delete(content, "Rules")
	delete(content, "Parameters")
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
