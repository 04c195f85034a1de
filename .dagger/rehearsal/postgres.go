package rehearsal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/prooflink/prooflink/.dagger/local"
)

// StartDatabase makes a database cluster for this run only, and starts it.
func (p *Processes) StartDatabase(ctx context.Context, db local.Database) (string, error) {
	if p.database != "" {
		return p.database, nil
	}
	// A folder of its own: root's temporary folders let no other account pass.
	data, err := os.MkdirTemp("", "prooflink-postgres-")
	if err != nil {
		return "", err
	}
	p.stop = append(p.stop, func() { os.RemoveAll(data) })
	owner, err := unprivileged(data)
	if err != nil {
		return "", err
	}
	password := filepath.Join(data, "password")
	if err := writeFor(owner, password, db.Password); err != nil {
		return "", err
	}
	cluster := filepath.Join(data, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(p.tools.Postgres, "initdb"), "--pgdata", cluster,
		"--username", db.User, "--pwfile", password, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8")
	initdb.SysProcAttr, initdb.Dir = owner.attributes(), data
	if err := run(initdb); err != nil {
		return "", err
	}
	server := exec.CommandContext(ctx, filepath.Join(p.tools.Postgres, "postgres"), "-D", cluster,
		"-p", p.dbPort, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	server.SysProcAttr, server.Dir = owner.attributes(), data
	if err := p.background(server); err != nil {
		return "", err
	}
	p.database = databaseURL(db, p.dbPort)
	return p.database, createDatabase(ctx, db, p.dbPort)
}

// createDatabase waits for the server; RDS makes the initial database too.
func createDatabase(ctx context.Context, db local.Database, port string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	maintenance := db
	maintenance.Name = "postgres"
	for {
		connection, err := pgx.Connect(ctx, databaseURL(maintenance, port))
		if err == nil {
			defer connection.Close(context.WithoutCancel(ctx))
			_, err = connection.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{db.Name}.Sanitize())
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// account is who PostgreSQL runs as: it refuses to be root.
type account struct{ uid, gid int }

// unprivileged gives a folder to the account PostgreSQL runs as: the caller,
// or "postgres" where the caller is root.
func unprivileged(folder string) (account, error) {
	if os.Getuid() != 0 {
		return account{os.Getuid(), os.Getgid()}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return account{}, fmt.Errorf("PostgreSQL can't run as root and there is no user postgres: install PostgreSQL's package: %w", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return account{}, err
	}
	return account{uid, gid}, os.Chown(folder, uid, gid)
}

func (a account) attributes() *syscall.SysProcAttr {
	if a.uid == os.Getuid() {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
}

func writeFor(owner account, path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Chown(path, owner.uid, owner.gid)
}
