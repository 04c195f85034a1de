package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
)

// gateway passes connections on to a system's parts, which are services of
// their own: `up` shows one service.
//
//go:embed gateway.mjs
var gateway string

// Deploy the environment "local" and keep it up: `serve up`.
//
// The app is at http://localhost:3000. PostgreSQL (5432) and the emulated AWS
// (4566) are there too, for `batch-run`. To have
// the app alone: `serve up --ports 3000:3000`.
//
// +cache="never"
func (m *Prooflink) Serve(
	ctx context.Context,
	// The users to import, as CSV; by default batch/samples/users.csv.
	//
	// +optional
	usersCsv *dagger.File,
) (*dagger.Service, error) {
	summary, system, err := m.deploy(ctx, usersCsv, "With `up` it is at http://localhost:3000")
	if err != nil {
		return nil, err
	}
	fmt.Println(summary)
	return system.gateway(), nil
}

// gateway is the whole system as one service.
func (c *containers) gateway() *dagger.Service {
	const app = "app"
	container := dag.Container().
		From(c.NodeImage).
		WithNewFile("/gateway.mjs", gateway).
		WithServiceBinding(app, c.app).
		WithServiceBinding(awsHost, c.emulator).
		WithServiceBinding(c.dbHost, c.database)
	args := []string{"node", "/gateway.mjs"}
	for _, part := range []struct {
		port int
		host string
	}{{c.environment.App.Port, app}, {awsPort, awsHost}, {postgresPort, c.dbHost}} {
		container = container.WithExposedPort(part.port)
		args = append(args, fmt.Sprintf("%d=%s", part.port, part.host))
	}
	return container.AsService(dagger.ContainerAsServiceOpts{Args: args})
}
