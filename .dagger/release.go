package main

import (
	"context"

	"github.com/prooflink/prooflink/.dagger/delivery"
)

// Release the images without CloudFormation: the fast way for a change of code.
//
// It publishes the images that the registry lacks, runs the migrations with the
// new one, registers task and job definitions that differ from the live ones in
// their images alone, and follows the service's deployment like `deploy`. What
// it has released is recorded; the next `deploy` keeps it.
//
// +cache="never"
func (m *Prooflink) Release(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// Say what would be done, and change nothing.
	//
	// +optional
	plan bool,
	// Take the images of the last deployment instead of this checkout's.
	//
	// +optional
	skipBuild bool,
	// Wait for a deployment that somebody else has under way; false fails instead.
	//
	// +default=true
	waitInProgress bool,
	// How many minutes the service's deployment, and the migration, may each take.
	//
	// +default=30
	timeoutMinutes int,
	// The environment again, which "prod" asks for: --confirm prod.
	//
	// +optional
	confirm string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	return m.delivered(ctx, request{env: env, plan: plan, skipBuild: skipBuild, wait: waitInProgress,
		minutes: timeoutMinutes, confirm: confirm, format: format}, delivery.Release, delivery.PlanRelease)
}

// Roll the service and the jobs back to images that were deployed before.
//
// The database stays as it is: a migration must leave the release before it
// running (expand first, contract later). A target that isn't there is an error
// that lists those that are.
//
// +cache="never"
func (m *Prooflink) Rollback(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// What to go back to: a number of steps like "2", a version of the record like
	// "v12", the beginning of a digest or of a commit, or a task definition's
	// revision; by default the deployment before the present one.
	//
	// +optional
	to string,
	// Say what would be done, and change nothing.
	//
	// +optional
	plan bool,
	// Wait for a deployment that somebody else has under way; false fails instead.
	//
	// +default=true
	waitInProgress bool,
	// How many minutes the service's deployment may take.
	//
	// +default=30
	timeoutMinutes int,
	// The environment again, which "prod" asks for: --confirm prod.
	//
	// +optional
	confirm string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	return m.delivered(ctx, request{env: env, plan: plan, wait: waitInProgress,
		minutes: timeoutMinutes, confirm: confirm, format: format}, delivery.Rollback(to), delivery.PlanRollback(to))
}

// Migrate the database: a one-off task of the environment, with this checkout's
// image. Its log is shown, and its exit code decides.
//
// +cache="never"
func (m *Prooflink) Migrate(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// Say what would be done, and change nothing.
	//
	// +optional
	plan bool,
	// Take the image of the last deployment instead of this checkout's.
	//
	// +optional
	skipBuild bool,
	// Wait for a deployment that somebody else has under way; false fails instead.
	//
	// +default=true
	waitInProgress bool,
	// How many minutes it may take.
	//
	// +default=30
	timeoutMinutes int,
	// The environment again, which "prod" asks for: --confirm prod.
	//
	// +optional
	confirm string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	return m.delivered(ctx, request{env: env, plan: plan, skipBuild: skipBuild, wait: waitInProgress,
		minutes: timeoutMinutes, confirm: confirm, format: format}, delivery.Migrate, delivery.PlanMigrate)
}
