// Package images has the digests by which templates name their images.
//
// A template never has a tag: the same tag can mean another image tomorrow,
// and a tag that never changes never rolls anything out
// (004_9a2c9db51dc67ef8.txt L750 has `latest`).
package images

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prooflink/prooflink/infra/names"
)

// Placeholder stands for an image that isn't built yet. A template with it is
// for review only.
var Placeholder = "sha256:" + strings.Repeat("0", 64)

// Digests are those of one deploy's images.
type Digests struct {
	// App is the application's.
	App string
	// Batch is that of imports and migrations.
	Batch string
	// FluentBit is the log router's.
	FluentBit string
}

// form is an OCI digest.
var form = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Parse reads the digests from the CDK context through a look-up by key. One
// that isn't given is the Placeholder, one that is malformed is an error.
func Parse(lookup func(key string) string) (Digests, error) {
	var d Digests
	targets := map[string]*string{
		names.ContextAppDigest:       &d.App,
		names.ContextBatchDigest:     &d.Batch,
		names.ContextFluentBitDigest: &d.FluentBit,
	}
	for _, key := range []string{names.ContextAppDigest, names.ContextBatchDigest, names.ContextFluentBitDigest} {
		digest := lookup(key)
		if digest == "" {
			digest = Placeholder
		}
		if !form.MatchString(digest) {
			return Digests{}, fmt.Errorf("context %s: %q is not a digest; give sha256: and 64 hexadecimal digits", key, digest)
		}
		*targets[key] = digest
	}
	return d, nil
}

// Deployable says whether every image is built.
func (d Digests) Deployable() bool {
	return d.App != Placeholder && d.Batch != Placeholder && d.FluentBit != Placeholder
}
