package local

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/prooflink/prooflink/.dagger/definition"
	"github.com/prooflink/prooflink/.dagger/emulate"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/infra/names"
)

// sampleKey is where the sample goes in the files bucket
// (004_9a2c9db51dc67ef8.txt, 16-8: INPUT_S3_KEY).
const sampleKey = "imports/users.csv"

func (d *deployment) startAWS(ctx context.Context) (string, error) {
	url, err := d.machine.StartAWS(ctx)
	if err != nil {
		return "", err
	}
	d.aws = connect(url, d.options.Environment.Region)
	return "", nil
}

func (d *deployment) publish(ctx context.Context) (string, error) {
	images, err := d.machine.Publish(ctx)
	if err != nil {
		return "", err
	}
	d.images = images
	return published(images), nil
}

// published says which images were built and which the registry had.
func published(images []images.Published) string {
	var built, found []string
	for _, image := range images {
		if image.Built {
			built = append(built, image.Name)
		} else {
			found = append(found, image.Name)
		}
	}
	var said []string
	if len(built) > 0 {
		said = append(said, "built and pushed "+strings.Join(built, ", "))
	}
	if len(found) > 0 {
		said = append(said, "already there: "+strings.Join(found, ", "))
	}
	return strings.Join(said, "; ")
}

func (d *deployment) synthesize(ctx context.Context) (string, error) {
	assembly, err := d.machine.Synth(ctx, d.images)
	if err != nil {
		return "", err
	}
	d.assembly = assembly
	if d.fitted, err = emulate.Fit(assembly); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d stacks", len(d.fitted.Definitions)), emulate.CheckLosses(d.fitted.Lost)
}

func (d *deployment) deployStacks(ctx context.Context) (string, error) {
	return "", d.machine.DeployStacks(ctx, d.assembly)
}

// startDatabase starts PostgreSQL with the login that the app's task
// definition refers to.
func (d *deployment) startDatabase(ctx context.Context) (string, error) {
	task, err := d.appTask(ctx)
	if err != nil {
		return "", err
	}
	url, err := d.machine.StartDatabase(ctx, databaseOf(task))
	if err != nil {
		return "", err
	}
	d.database = url
	return "", d.withDatabase(ctx, func(*pgx.Conn) error { return nil })
}

func databaseOf(task Task) Database {
	value := func(name string) string {
		if v, ok := task.Env[name]; ok {
			return v
		}
		return task.Secrets[name]
	}
	return Database{Host: value("DB_HOST"), Port: value("DB_PORT"), Name: value("DB_NAME"),
		User: value("DB_USERNAME"), Password: value("DB_PASSWORD")}
}

func (d *deployment) appTask(ctx context.Context) (Task, error) {
	return d.registered(ctx, d.names().TaskFamily(), names.AppContainer)
}

func (d *deployment) registered(ctx context.Context, family, container string) (Task, error) {
	process, err := definition.TaskProcess(ctx, d.aws.ecs, family, container)
	if err != nil {
		return Task{}, err
	}
	return d.task(ctx, process)
}

func (d *deployment) migrate(ctx context.Context) (string, error) {
	task, err := d.registered(ctx, d.names().MigrateFamily(), names.MigrateContainer)
	if err != nil {
		return "", err
	}
	_, err = d.machine.Run(ctx, task)
	return d.names().MigrateFamily(), err
}

func (d *deployment) startApp(ctx context.Context) (string, error) {
	task, err := d.appTask(ctx)
	if err != nil {
		return "", err
	}
	if d.app, err = d.machine.StartApp(ctx, task); err != nil {
		return "", err
	}
	path := d.options.Environment.App.HealthPath
	return path + " answers 200", healthy(ctx, d.app+path)
}

// healthy waits until a URL answers 200, as the load balancer's health check does.
func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := get(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the app is not healthy after one minute: %w", err)
		case <-tick.C:
		}
	}
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %.200s", url, response.Status, body)
	}
	return string(body), nil
}

// importUsers imports the sample.
func (d *deployment) importUsers(ctx context.Context) (string, error) {
	job := Job{Name: userImport, Key: sampleKey, CSV: d.options.UsersCSV, Executor: "local"}
	imported, err := d.run(ctx, job)
	return imported.Input, errors.Join(err, imported.failure())
}

// countRows compares PostgreSQL with the sample.
func (d *deployment) countRows(ctx context.Context) (string, error) {
	users, err := sampleUsers(d.options.UsersCSV)
	if err != nil {
		return "", err
	}
	var rows int
	err = d.withDatabase(ctx, func(db *pgx.Conn) error {
		return db.QueryRow(ctx, "SELECT count(*) FROM users").Scan(&rows)
	})
	if err == nil && rows != len(users) {
		err = fmt.Errorf("table users has %d rows, the sample has %d", rows, len(users))
	}
	return fmt.Sprintf("%d users", rows), err
}

// lookAtPage finds an imported user on the app's page.
func (d *deployment) lookAtPage(ctx context.Context) (string, error) {
	users, err := sampleUsers(d.options.UsersCSV)
	if err != nil {
		return "", err
	}
	page, err := get(ctx, d.app+"/?q="+users[0])
	if err != nil {
		return "", err
	}
	if !strings.Contains(page, users[0]) {
		return "", fmt.Errorf("the page does not show the imported user %s", users[0])
	}
	return users[0] + " is there", nil
}

// sampleUsers returns the e-mail addresses of a users CSV.
func sampleUsers(text []byte) ([]string, error) {
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the users sample: %w", err)
	}
	column := -1
	if len(records) > 1 {
		for i, name := range records[0] {
			if strings.TrimPrefix(name, "\ufeff") == "email" {
				column = i
			}
		}
	}
	if column < 0 {
		return nil, errors.New("the users sample needs a header with a column email and at least one row")
	}
	var users []string
	for _, record := range records[1:] {
		users = append(users, record[column])
	}
	return users, nil
}

// withDatabase connects, waiting while PostgreSQL starts.
func (d *deployment) withDatabase(ctx context.Context, use func(*pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		db, err := pgx.Connect(ctx, d.database)
		if err == nil {
			defer db.Close(context.WithoutCancel(ctx))
			return use(db)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect to PostgreSQL: %w", err)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// ReadSample reads a users CSV and refuses one that could not be imported.
func ReadSample(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the users sample: %w", err)
	}
	_, err = sampleUsers(text)
	return text, err
}
