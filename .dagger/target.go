package main

import (
	"context"
	"fmt"
	"net"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/registry"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
)

// target is a registry to publish to.
type target struct {
	// registry is how this function asks it.
	registry registry.Registry
	// address is how the engine pushes to it, like "localhost:5000".
	address string
	// service runs the registry, where it is not a public one.
	service *dagger.Service
	// password logs in to push; nil where no login is needed.
	password *dagger.Secret
}

// target opens the environment's registry: the one that was given, one that
// runs beside the engine for "local" and with an emulator, ECR for the others.
func (m *Prooflink) target(ctx context.Context, environment config.Environment, given *dagger.Service) (target, error) {
	if given == nil && (environment.Env == localEnv || m.Emulator != nil) {
		given = localRegistry()
	}
	if given != nil {
		return serviceTarget(ctx, given)
	}
	return m.ecrTarget(ctx, environment)
}

// localRegistry keeps its images in a cache volume, so that a second run finds
// what the first has pushed.
func localRegistry() *dagger.Service {
	return dag.Container().
		From(versions.Registry).
		WithMountedCache("/var/lib/registry", dag.CacheVolume("prooflink-registry")).
		WithExposedPort(5000).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
}

func serviceTarget(ctx context.Context, service *dagger.Service) (target, error) {
	service, err := service.Start(ctx)
	if err != nil {
		return target{}, fmt.Errorf("start the registry: %w", err)
	}
	endpoint, err := service.Endpoint(ctx)
	if err != nil {
		return target{}, fmt.Errorf("reach the registry: %w", err)
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return target{}, fmt.Errorf("read the registry's address %s: %w", endpoint, err)
	}
	return target{
		registry: registry.Registry{Host: endpoint, Insecure: true},
		// The engine pushes in plain HTTP to "localhost" only; there it is the
		// name of the service, not of the engine's own host.
		address: "localhost:" + port,
		service: service,
	}, nil
}
