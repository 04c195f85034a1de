package images_test

import (
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/names"
)

func TestParse(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	all := map[string]string{names.ContextAppDigest: digest, names.ContextBatchDigest: digest, names.ContextFluentBitDigest: digest}
	cases := map[string]struct {
		key, value string
		deployable bool
		want       string
	}{
		"three digests can be deployed":        {names.ContextAppDigest, digest, true, ""},
		"a missing one is for review only":     {names.ContextFluentBitDigest, "", false, ""},
		"a tag is refused":                     {names.ContextAppDigest, "latest", false, "context appDigest"},
		"capitals are refused":                 {names.ContextBatchDigest, strings.ToUpper(digest), false, "context batchDigest"},
		"a reference with its name is refused": {names.ContextBatchDigest, "app@" + digest, false, "context batchDigest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			digests, err := images.Parse(func(key string) string {
				if key == c.key {
					return c.value
				}
				return all[key]
			})
			if c.want == "" && (err != nil || digests.Deployable() != c.deployable) {
				t.Errorf("got %v, %v", digests, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
