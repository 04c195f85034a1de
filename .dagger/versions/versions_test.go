package versions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/.dagger/versions"
)

// Some tools read their versions from files of their own; these must say the same.
func TestOtherFilesNameTheSameVersions(t *testing.T) {
	files := map[string][]string{
		"dagger.json":                     {`"engineVersion": "` + versions.Dagger + `"`},
		".github/workflows/ci.yml":        {`version: "` + strings.TrimPrefix(versions.Dagger, "v") + `"`},
		".github/workflows/deploy.yml":    {`version: "` + strings.TrimPrefix(versions.Dagger, "v") + `"`},
		"README.md":                       {"Dagger " + versions.Dagger},
		".ci/tools/package.json":          {`"aws-cdk": "` + versions.CDK + `"`, `"@cdklabs/cdk-validator-cfnguard": "` + versions.CfnGuard + `"`},
		".ci/tools/requirements.txt":      {"ministack==" + versions.Ministack + "\n"},
		".ci/tools/lint-requirements.txt": {"cfn-lint==" + versions.CfnLint + "\n"},
		"app/Dockerfile":                  {"ARG NODE_IMAGE=" + versions.Node + "\n"},
		"batch/DockerFile":                {"ARG NODE_IMAGE=" + versions.Node + "\n"},
		"fluentbit/Dockerfile":            {"ARG FLUENT_BIT_IMAGE=" + versions.FluentBit + "\n"},
	}
	for file, wanted := range files {
		content, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range wanted {
			if !strings.Contains(string(content), want) {
				t.Errorf("%s does not say %s", file, strings.TrimSpace(want))
			}
		}
	}
}
