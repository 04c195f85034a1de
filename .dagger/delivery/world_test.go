package delivery_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// story is a scenario, what is run in it, and how that must end.
type story struct {
	About string            `yaml:"about"`
	World scripted.Scenario `yaml:"world"`
	// Before are commands that must succeed first; their images are in the registry.
	Before []runs `yaml:"before"`
	// Hold is who holds the lock for an hour.
	Hold string `yaml:"hold"`
	Run  runs   `yaml:"run"`
	Want wants  `yaml:"want"`
	// Again is how the same command must end that is run once more.
	Again *wants `yaml:"again"`
}

// runs is a command. The checkout's images are those that are named: "new" of a
// name is the digest of "app-new" and so on.
type runs struct {
	Command string `yaml:"command"`
	Images  string `yaml:"images"`
	To      string `yaml:"to"`
	// Variant of the templates; another one than the deployed is an update.
	Variant   string   `yaml:"variant"`
	Stacks    []string `yaml:"stacks"`
	SkipBuild bool     `yaml:"skipBuild"`
	// Refuse fails instead of waiting for what is in progress.
	Refuse bool          `yaml:"refuse"`
	Limit  time.Duration `yaml:"limit"`
}

// wants is how a run ends.
type wants struct {
	// Outcome is "done", "failed" or "rolled back".
	Outcome string `yaml:"outcome"`
	// Cause is in the report's first cause.
	Cause string `yaml:"cause"`
	// Says are in the report or the summary, Shows in the progress.
	Says  []string `yaml:"says"`
	Shows []string `yaml:"shows"`
	// Runs is which images the service has in the end, "new" as above.
	Runs string `yaml:"runs"`
	// Leaves says that the service was never updated.
	Leaves bool `yaml:"leaves"`
}

// stories reads all of them by name.
func stories(t *testing.T) map[string]story {
	t.Helper()
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	all := map[string]story{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var read story
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		if err := decoder.Decode(&read); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = read
	}
	return all
}

// checkout is a delivery.Machine whose containers are the scripted world.
type checkout struct {
	*scripted.World
	environment config.Environment
	digests     map[string]string
	variant     string
	dir         string
	built       []string
}

// digestsOf are the images that a name stands for.
func digestsOf(name string) map[string]string {
	digests := map[string]string{}
	for _, source := range images.All() {
		digests[source.Name] = scripted.Digest(source.Name + "-" + name)
	}
	return digests
}

// has asks the registry for an image.
func (c *checkout) has(ctx context.Context, source images.Source) bool {
	out, err := ecr.NewFromConfig(c.Config()).BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: aws.String(source.Repository(c.environment.Names())),
		ImageIds:       []ecrtypes.ImageIdentifier{{ImageDigest: aws.String(c.digests[source.Name])}},
	})
	return err == nil && len(out.Images) == 1
}

func (c *checkout) Find(ctx context.Context) ([]images.Published, error) {
	var found []images.Published
	for _, source := range images.All() {
		if c.has(ctx, source) {
			found = append(found, c.image(source))
		}
	}
	return found, nil
}

func (c *checkout) Publish(ctx context.Context) ([]images.Published, error) {
	var published []images.Published
	for _, source := range images.All() {
		image, repository := c.image(source), source.Repository(c.environment.Names())
		if !c.has(ctx, source) {
			c.Push(repository, image.Tag, image.Digest)
			c.built = append(c.built, source.Name)
			image.Built = true
		}
		published = append(published, image)
	}
	return published, nil
}

func (c *checkout) image(source images.Source) images.Published {
	digest := c.digests[source.Name]
	return images.Published{Name: source.Name, Digest: digest, Tag: "i-" + digest[len(digest)-8:]}
}

func (c *checkout) Synth(_ context.Context, published []images.Published) (string, error) {
	digests := map[string]string{}
	for _, image := range published {
		digests[image.Name] = image.Digest
	}
	return c.dir, scripted.Assembly(c.dir, c.environment, digests, c.variant)
}

// options are those of a run in a world.
func options(t *testing.T, world *scripted.World, run runs, say *bytes.Buffer) delivery.Options {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	roles := environment.Stacks()
	if len(run.Stacks) > 0 {
		roles = slices.DeleteFunc(slices.Clone(roles), func(role names.StackRole) bool { return !slices.Contains(run.Stacks, string(role)) })
	}
	limit := run.Limit
	if limit == 0 {
		limit = 30 * time.Minute
	}
	return delivery.Options{
		Environment: environment, Access: world.Config(), Registry: scripted.Account + ".dkr.ecr.ap-northeast-1.amazonaws.com",
		Owner: lock.Owner{Who: "jane", Run: "https://github.com/prooflink/prooflink/actions/runs/1"}, Commit: "c0ffee" + run.Images,
		Roles: roles, SkipBuild: run.SkipBuild, Concurrency: 4, Wait: !run.Refuse, Limit: limit, Say: say,
	}
}

// machine is a checkout of these images beside a world.
func machine(t *testing.T, world *scripted.World, run runs) *checkout {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return &checkout{World: world, environment: environment, digests: digestsOf(run.Images), variant: run.Variant, dir: t.TempDir()}
}

// do runs a command.
func do(ctx context.Context, m delivery.Machine, o delivery.Options, run runs) (delivery.Summary, error) {
	switch run.Command {
	case "release":
		return delivery.Release(ctx, m, o)
	case "rollback":
		return delivery.Rollback(run.To)(ctx, m, o)
	case "migrate":
		return delivery.Migrate(ctx, m, o)
	default:
		return delivery.Deploy(ctx, m, o)
	}
}
