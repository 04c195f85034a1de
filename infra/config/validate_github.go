package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// checkGitHub checks whose workflows may deploy.
func (d *decoder) checkGitHub(env Environment) {
	github := env.GitHub
	d.checkPair("github.owner", github.Owner, "github.repo", github.Repo)
	d.checkPair("github.ownerId", github.OwnerID, "github.repoId", github.RepoID)
	d.check(github.OwnerID == "" || github.Owner != "", "github.ownerId", "belongs to no owner", `write "", or github.owner`, "github.owner")
	d.check(!github.CreateProvider || github.Owner != "", "github.createProvider", "has no effect: without an owner no workflow deploys",
		"write false, or github.owner", "github.owner")
	d.check(github.Owner == "" || len(github.Branches)+len(github.Environments)+len(github.Subjects) > 0, "github.owner",
		"may not deploy from anywhere", "list branches, environments or subjects", "github.branches", "github.environments", "github.subjects")
	d.check(len(github.Owner) <= 39, "github.owner", "is longer than GitHub allows", "write 39 characters at most")
	for i, branch := range github.Branches {
		d.check(!strings.HasPrefix(branch, "refs/"), fmt.Sprintf("github.branches[%d]", i), "is a reference", "write the branch alone, e.g. main")
	}
	for i, environment := range github.PlanEnvironments {
		d.check(!slices.Contains(github.Environments, environment), fmt.Sprintf("github.planEnvironments[%d]", i),
			"may deploy, too, and nobody approves a plan", "remove it here or from github.environments", "github.environments")
	}
	for i, subject := range github.Subjects {
		d.check(strings.Contains(subject, ":"), fmt.Sprintf("github.subjects[%d]", i), "is not a subject",
			"write e.g. repo:my-company/prooflink:environment:dev")
	}
}

// checkPair checks that two keys are both empty or both not.
func (d *decoder) checkPair(path, value, otherPath, other string) {
	d.check(value != "" || other == "", path, "is needed with "+otherPath, `write it, or "" for both`, otherPath)
	d.check(other != "" || value == "", otherPath, "is needed with "+path, `write it, or "" for both`, path)
}

// mainBranches are names of the branch that has what is released.
var mainBranches = []string{"main", "master", "trunk", "release", "production", "prod"}

// releaseSubject is a token of a main branch or of a protected environment.
var releaseSubject = regexp.MustCompile(`:(environment:[^:]+|ref:refs/heads/(` + strings.Join(mainBranches, "|") + `))$`)

// checkDeployers checks that only what is released comes to prod: its main
// branch and protected environments, neither a branch of work nor a pull request.
func (d *decoder) checkDeployers(github GitHub) {
	d.check(len(github.Branches) <= 1, "github.branches", "are several, prod is deployed from one", "write [main]", "env")
	for i, branch := range github.Branches {
		d.check(slices.Contains(mainBranches, branch), fmt.Sprintf("github.branches[%d]", i), "must not deploy to prod",
			"write one of "+strings.Join(mainBranches, ", ")+", or use environments", "env")
	}
	for i, subject := range github.Subjects {
		d.check(releaseSubject.MatchString(subject), fmt.Sprintf("github.subjects[%d]", i), "must not deploy to prod",
			"end it in :ref:refs/heads/main or :environment:prod", "env")
	}
}
