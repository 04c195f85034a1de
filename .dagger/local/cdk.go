package local

import (
	"encoding/json"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/infra/names"
)

// SynthContext is the CDK context, as JSON, that selects an environment and
// pins its images; without images the result is for review.
func SynthContext(env string, published []images.Published) (string, error) {
	keys := map[string]string{
		images.App.Name:       names.ContextAppDigest,
		images.Batch.Name:     names.ContextBatchDigest,
		images.FluentBit.Name: names.ContextFluentBitDigest,
	}
	values := map[string]string{names.ContextEnv: env}
	for _, image := range published {
		values[keys[image.Name]] = image.Digest
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// CDKCommands are the CDK's arguments that bootstrap the emulator's account
// and deploy an assembly to it.
func CDKCommands(region, assembly string) [][]string {
	return [][]string{
		{"bootstrap", "--ci", "--no-notices", "aws://" + Account + "/" + region},
		{"deploy", "--all", "--app", assembly, "--require-approval", "never", "--ci", "--no-notices", "--progress", "events"},
	}
}
