// Program serve serves a scripted AWS over HTTP, for command lines and programs
// that are to run against it:
//
//	go run ./scripted/serve -scenario scenario.yaml -listen 127.0.0.1:4566 -speed 20
//	AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws ecs describe-clusters …
//
// What it was asked is at /_scripted/calls, what goes on at /_scripted/state.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prooflink/prooflink/.dagger/scripted"
)

func main() {
	file := flag.String("scenario", "", "the scenario's `file`")
	listen := flag.String("listen", "127.0.0.1:4566", "the `address` to listen at")
	speed := flag.Float64("speed", 1, "how many times faster the account's clock runs")
	flag.Parse()
	if err := run(*file, *listen, *speed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until it is interrupted.
func run(file, listen string, speed float64) error {
	if file == "" {
		return errors.New("no scenario: name one with -scenario")
	}
	if speed <= 0 {
		return fmt.Errorf("speed %v: it must be above 0", speed)
	}
	scenario, err := scripted.Load(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: listen, Handler: scripted.NewFast(scenario, speed).Handler(), ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close() // what is under way is of no use to anybody any more
	}()
	fmt.Fprintf(os.Stderr, "The account of %s is at http://%s, %v times faster than the clock\n", filepath.Base(file), listen, speed)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen at %s: %w", listen, err)
	}
	return nil
}
