// Package images lists the three images: from which folder and Dockerfile each
// is built, on which base, and into which repository it goes.
package images

import (
	"io/fs"

	"github.com/prooflink/prooflink/.dagger/imageid"
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
	// Repository names the image's repository in an environment.
	Repository func(names.Names) string
}

// The images.
var (
	App       = Source{"app", "app", "Dockerfile", "NODE_IMAGE", names.Names.AppRepository}
	Batch     = Source{"batch", "batch", "DockerFile", "NODE_IMAGE", names.Names.BatchRepository}
	FluentBit = Source{"fluent-bit", "fluentbit", "Dockerfile", "FLUENT_BIT_IMAGE", names.Names.FluentBitRepository}
)

// All are the images in the order in which they are shown.
func All() []Source { return []Source{App, Batch, FluentBit} }

// Tag identifies the image by its inputs: the folder's files and the base image.
func (s Source) Tag(folder fs.FS, base string) (string, error) {
	return imageid.Tag(imageid.Inputs{
		Context:    folder,
		Dockerfile: s.Dockerfile,
		Args:       map[string]string{s.BaseArg: base},
		Platform:   Platform,
	})
}
