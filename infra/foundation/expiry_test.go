package foundation_test

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"testing"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// expiry is one rule of a repository's lifecycle policy.
type expiry struct {
	RulePriority int
	Selection    struct {
		TagStatus      string
		TagPatternList []string
		CountType      string
		CountNumber    int
		CountUnit      string
	}
	Action struct{ Type string }
}

// expiries are the rules of a repository's policy.
func expiries(t *testing.T, r templates.Resource) []expiry {
	t.Helper()
	var policy struct{ Rules []expiry }
	if err := json.Unmarshal([]byte(r.Text("LifecyclePolicy", "LifecyclePolicyText")), &policy); err != nil {
		t.Fatal(err)
	}
	return policy.Rules
}

// pushed is an image in a repository.
type pushed struct {
	name string
	days int // since it was pushed
	tags []string
}

// selects says whether the rule's tagging requirements match the image: every
// pattern one of its tags.
func (e expiry) selects(image pushed) bool {
	if e.Selection.TagStatus == "untagged" {
		return len(image.tags) == 0
	}
	return len(image.tags) > 0 && !slices.ContainsFunc(e.Selection.TagPatternList, func(pattern string) bool {
		return !slices.ContainsFunc(image.tags, func(tag string) bool {
			ok, err := path.Match(pattern, tag)
			return ok && err == nil
		})
	})
}

// expired are the images that ECR removes, as its user guide describes the
// evaluation of lifecycle policies: a rule counts all that it selects, newest
// push first, and removes none that a rule of higher priority selects, too.
func expired(rules []expiry, images []pushed) []string {
	slices.SortFunc(rules, func(a, b expiry) int { return a.RulePriority - b.RulePriority })
	slices.SortFunc(images, func(a, b pushed) int { return a.days - b.days })
	var gone []string
	for i, rule := range rules {
		selected := 0
		for _, image := range images {
			if !rule.selects(image) {
				continue
			}
			selected++
			old := selected > rule.Selection.CountNumber
			if rule.Selection.CountType == "sinceImagePushed" {
				old = image.days > rule.Selection.CountNumber
			}
			if old && !slices.ContainsFunc(rules[:i], func(above expiry) bool { return above.selects(image) }) {
				gone = append(gone, image.name)
			}
		}
	}
	slices.Sort(gone)
	return gone
}

func TestC41ADeployedImageAndATaggedOneExpireByTheirPlaceAndAnotherByItsAge(t *testing.T) {
	s := synth(t, "dev", func(e *config.Environment) { e.ECR.KeepImages, e.ECR.KeepDeployed = 25, 15 })
	for _, r := range s.Of(repository) {
		var got []string
		for _, rule := range expiries(t, r) {
			got = append(got, fmt.Sprintf("%d %+v %s", rule.RulePriority, rule.Selection, rule.Action.Type))
		}
		infratest.Equal(t, r.Text("RepositoryName"), got, []string{
			"1 {TagStatus:untagged TagPatternList:[] CountType:sinceImagePushed CountNumber:7 CountUnit:days} expire",
			"2 {TagStatus:tagged TagPatternList:[deployed-*] CountType:imageCountMoreThan CountNumber:15 CountUnit:} expire",
			"3 {TagStatus:tagged TagPatternList:[*] CountType:imageCountMoreThan CountNumber:25 CountUnit:} expire",
		})
	}
}

func TestC41ADeployedImageIsThereForARollbackWhateverIsPushedAfterIt(t *testing.T) {
	s := synth(t, "prod", func(e *config.Environment) { e.ECR.KeepImages, e.ECR.KeepDeployed = 3, 2 })
	rules := expiries(t, s.Of(repository)[0])
	deployed := func(name string, days int) pushed {
		return pushed{name, days, []string{name, names.DeployedTagPrefix + name}}
	}
	built := func(name string, days int) pushed { return pushed{name, days, []string{name}} }
	cases := map[string]struct {
		images []pushed
		want   []string
	}{
		"builds that were never deployed push no deployed image out": {
			[]pushed{deployed("a", 300), deployed("b", 200), built("c", 4), built("d", 3), built("e", 2), built("f", 1)}, []string{"c"},
		},
		"only the newest deployed images stay": {
			[]pushed{deployed("a", 4), deployed("b", 3), deployed("c", 2)}, []string{"a"},
		},
		"an image that lost its tag goes after a week, one that was deployed keeps the tag that says so": {
			[]pushed{{"a", 8, nil}, {"b", 6, nil}, {"c", 300, []string{names.DeployedTagPrefix + "c"}}}, []string{"a"},
		},
		"an image that is about to be deployed is among the newest": {
			[]pushed{deployed("a", 9), deployed("b", 8), built("c", 0)}, nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { infratest.Equal(t, "expired", expired(rules, c.images), c.want) })
	}
}
