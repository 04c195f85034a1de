package config

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"
)

//go:embed environments/*.yaml
var embedded embed.FS

// directory is where a problem's file is found from the repository's root.
const directory = "infra/config/environments/"

// environments has the embedded files at its root.
func environments() fs.FS {
	sub, err := fs.Sub(embedded, "environments")
	if err != nil {
		panic(err) // only for an invalid path, which a constant isn't
	}
	return sub
}

// Known lists the environments, sorted.
func Known() []string { return known(environments()) }

// Load returns the environment of that name. Its error is Problems, or
// UnknownError where there is no such environment.
func Load(env string) (Environment, error) { return LoadFS(environments(), env) }

// File is an environment's file as it was compiled in.
func File(env string) ([]byte, error) { return readFile(environments(), env+".yaml") }

// LoadFS is Load from a folder of your own, e.g. os.DirFS("infra/config/environments").
func LoadFS(fsys fs.FS, env string) (Environment, error) {
	file := env + ".yaml"
	data, err := readFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return Environment{}, UnknownError{Env: env, Known: known(fsys)}
	}
	if err != nil {
		return Environment{}, fmt.Errorf("read environment %s: %w", env, err)
	}
	return Decode(directory+file, data)
}

// LoadFile returns the environment of any file, whatever its name is: one that
// is not committed yet, or one to compare with.
func LoadFile(path string) (Environment, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Environment{}, fmt.Errorf("read environment file: %w; name a file like %sdev.yaml", err, directory)
	}
	return newDecoder(path, false).environment(data)
}

// readFile treats a name that no file can have as one that doesn't exist.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		return nil, fs.ErrNotExist
	}
	return fs.ReadFile(fsys, name)
}

// known lists the environments of a folder, sorted.
func known(fsys fs.FS) []string {
	files, _ := fs.Glob(fsys, "*.yaml") // the pattern is well-formed
	list := []string{}
	for _, file := range files {
		list = append(list, strings.TrimSuffix(file, ".yaml"))
	}
	sort.Strings(list)
	return list
}

// UnknownError says that there is no such environment.
type UnknownError struct {
	// Env is what was asked for.
	Env string
	// Known is what there is.
	Known []string
}

// Error lists the known environments.
func (e UnknownError) Error() string {
	return fmt.Sprintf("environment %q is unknown; use one of %s, or add %s%s.yaml",
		e.Env, strings.Join(e.Known, ", "), directory, orName(e.Env))
}

// orName keeps a strange name out of a path.
func orName(env string) string {
	if env == "" || strings.ContainsAny(env, "/\\ \n") {
		return "<name>"
	}
	return env
}
