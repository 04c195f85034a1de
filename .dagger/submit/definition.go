package submit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/release"
)

// definition is the revision of a job definition that is submitted.
type definition struct {
	types.JobDefinition
	// deployed is the batch image's digest that is recorded; empty where nothing is.
	deployed string
	// note says why it is this revision, where that isn't plain.
	note string
}

// id is "prooflink-dev-user-import:7".
func (d definition) id() string {
	return aws.ToString(d.JobDefinitionName) + ":" + strconv.Itoa(int(aws.ToInt32(d.Revision)))
}

// container is what the definition runs; an empty one where it says nothing.
func (d definition) container() types.ContainerProperties {
	if d.ContainerProperties == nil {
		return types.ContainerProperties{}
	}
	return *d.ContainerProperties
}

func (d definition) command() []string { return d.container().Command }
func (d definition) image() string     { return aws.ToString(d.container().Image) }

// digest is the image's, "sha256:…"; empty where it is named by a tag.
func (d definition) digest() string {
	_, digest, _ := strings.Cut(d.image(), "@")
	return digest
}

// size is the definition's, in CPU units and MiB.
func (d definition) size() (units, memory int) {
	for _, requirement := range d.container().ResourceRequirements {
		switch requirement.Type {
		case types.ResourceTypeVcpu:
			units, _ = unitsOf(aws.ToString(requirement.Value))
		case types.ResourceTypeMemory:
			memory, _ = strconv.Atoi(aws.ToString(requirement.Value))
		}
	}
	return units, memory
}

// variable is one of the container's; empty without it.
func variable(environment []types.KeyValuePair, name string) string {
	for _, pair := range environment {
		if aws.ToString(pair.Name) == name {
			return aws.ToString(pair.Value)
		}
	}
	return ""
}

// choose takes the newest active revision that has the deployed image. The
// revision `without` is left out: Batch has just refused it.
func (s *session) choose(ctx context.Context, without string) error {
	job, _ := jobOf(s.request.Job)
	name := job.definition(s.names)
	last, _, err := record.Last(ctx, s.access, s.names)
	if err != nil {
		return err
	}
	revisions, err := release.JobRevisions(ctx, s.batch, name)
	if err != nil {
		return err
	}
	var all []definition
	for _, revision := range revisions {
		if d := (definition{JobDefinition: revision, deployed: last.Images[images.Batch.Name]}); d.id() != without {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return &release.Absent{What: "job definition " + name, Env: s.names.Env}
	}
	s.definition, err = deployedOf(all, s.names.Env)
	if err != nil {
		return err
	}
	return s.fitting()
}

// deployedOf is the newest of the revisions, the newest first, that has the
// recorded image.
func deployedOf(all []definition, env string) (definition, error) {
	newest := all[0]
	if newest.deployed == "" {
		newest.note = "nothing is recorded as deployed: the newest revision is taken"
		return newest, nil
	}
	at := slices.IndexFunc(all, func(d definition) bool { return d.digest() == d.deployed })
	if at < 0 {
		return definition{}, fmt.Errorf("choose a revision of job definition %s: %d are active, and none has the deployed image %s (the newest, %s, has %s): "+
			"make one with `dagger call release --env %s` or `dagger call deploy --env %s`",
			aws.ToString(newest.JobDefinitionName), len(all), newest.deployed, newest.id(), or(newest.digest(), newest.image()), env, env)
	}
	chosen := all[at]
	if at > 0 {
		chosen.note = fmt.Sprintf("the newest revision, %s, has an image that isn't deployed (%s): %s is taken, which has the deployed one",
			newest.id(), or(newest.digest(), newest.image()), chosen.id())
	}
	return chosen, nil
}

// fitting checks the request against the definition, and reads the bucket's name
// from it: what the job will read from is what counts.
func (s *session) fitting() error {
	s.bucket = variable(s.definition.container().Environment, bucketVariable)
	if s.bucket == "" {
		return fmt.Errorf("read job definition %s: it has no variable %s, so its bucket isn't known: register it anew with `dagger call deploy --env %s`",
			s.definition.id(), bucketVariable, s.names.Env)
	}
	var size error
	if s.request.VCPU != "" || s.request.Memory > 0 {
		size = fits(s.request.size(s.definition))
	}
	return errors.Join(size, s.request.checkOverrides(s.definition))
}
