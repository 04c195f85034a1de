// Package images lists the three images: from which folder and Dockerfile each
// is built, on which base, and into which repository it goes.
package images

import (
	"io/fs"
	"maps"

	"github.com/prooflink/prooflink/.dagger/imageid"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Platform is what Fargate runs (004_9a2c9db51dc67ef8.txt, 10-3: Linux/X86_64).
const Platform = "linux/amd64"

// Source is how an image is made.
type Source struct {
	// Name is "app", "batch" or "fluent-bit".
	Name string
	// Folder of the repository is the build context.
	Folder string
	// Dockerfile is its name in the folder.
	Dockerfile string
	// BaseArg is the build argument that names the base image.
	BaseArg string
	// Settings are build arguments that an environment decides; nil for none.
	Settings func(config.Environment) map[string]string
	// Repository names the image's repository in an environment.
	Repository func(names.Names) string
}

// The images.
var (
	App = Source{"app", "app", "Dockerfile", "NODE_IMAGE",
		func(env config.Environment) map[string]string { return env.Logging.ClientVariables() },
		names.Names.AppRepository}
	Batch     = Source{"batch", "batch", "DockerFile", "NODE_IMAGE", nil, names.Names.BatchRepository}
	FluentBit = Source{"fluent-bit", "fluentbit", "Dockerfile", "FLUENT_BIT_IMAGE", nil, names.Names.FluentBitRepository}
)

// All are the images in the order in which they are shown.
func All() []Source { return []Source{App, Batch, FluentBit} }

// Args are the build arguments: the base image, and what the environment
// decides. Environments that agree on them share the image's identity.
func (s Source) Args(base string, environment config.Environment) map[string]string {
	args := map[string]string{s.BaseArg: base}
	if s.Settings != nil {
		maps.Copy(args, s.Settings(environment))
	}
	return args
}

// Tag identifies the image by its inputs: the folder's files and the build arguments.
func (s Source) Tag(folder fs.FS, args map[string]string) (string, error) {
	return imageid.Tag(imageid.Inputs{
		Context:    folder,
		Dockerfile: s.Dockerfile,
		Args:       args,
		Platform:   Platform,
	})
}
