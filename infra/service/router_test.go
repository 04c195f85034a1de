package service_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
)

// routerFolder has the router's image.
const routerFolder = "../../fluentbit"

// read reads a file of the router's image.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(routerFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sections are a configuration's, without its comments.
func sections(text string) []string {
	var found []string
	for _, line := range strings.Split(text, "\n") {
		switch line = strings.TrimSpace(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			found = append(found, line)
		default:
			found[len(found)-1] += "\n" + strings.Join(strings.Fields(line), " ")
		}
	}
	return found
}

func TestC47TheImageHasTheConfigurationThatTheTaskNames(t *testing.T) {
	copied := regexp.MustCompile(`(?m)^COPY (.+) /fluent-bit/custom/$`).FindStringSubmatch(read(t, "Dockerfile"))
	if copied == nil {
		t.Fatal("the Dockerfile copies nothing to /fluent-bit/custom/")
	}
	for _, archive := range []bool{true, false} {
		s := synth(t, dev(t, func(e *config.Environment) { e.Logging.ArchiveBucket = archive }))
		path := router(t, s).Text("FirelensConfiguration", "Options", "config-file-value")
		folder, name := filepath.Split(path)
		infratest.Equal(t, "its folder", folder, "/fluent-bit/custom/")
		if !strings.Contains(" "+copied[1]+" ", " "+name+" ") {
			t.Errorf("the Dockerfile copies %s, not %s", copied[1], name)
		}
		if !strings.Contains(read(t, ".dockerignore"), "\n!"+name+"\n") {
			t.Errorf(".dockerignore leaves %s out", name)
		}
		infratest.Equal(t, name+" archives", strings.Contains(read(t, name), "Name            s3"), archive)
	}
}

func TestTheErrorsOnlyConfigurationIsTheOtherWithoutTheArchive(t *testing.T) {
	whole, part := sections(read(t, "prooflink.conf")), sections(read(t, "errors-only.conf"))
	last := len(whole) - 1
	infratest.Equal(t, "the archive", strings.HasPrefix(whole[last], "[OUTPUT]\nName s3\n"), true)
	infratest.Equal(t, "the rest", part, whole[:last])
}

func TestEveryVariableOfTheConfigurationIsSet(t *testing.T) {
	used := regexp.MustCompile(`\$\{(\w+)\}`)
	for name, archive := range map[string]bool{"prooflink.conf": true, "errors-only.conf": false} {
		set := variables(router(t, synth(t, dev(t, func(e *config.Environment) { e.Logging.ArchiveBucket = archive }))))
		for _, match := range used.FindAllStringSubmatch(read(t, name), -1) {
			if set[match[1]] == "" {
				t.Errorf("%s uses %s, which the container doesn't have: %v", name, match[1], set)
			}
		}
	}
}

func TestC52TheHealthChecksPortIsServed(t *testing.T) {
	for _, name := range []string{"prooflink.conf", "errors-only.conf"} {
		infratest.Equal(t, name, sections(read(t, name))[0],
			"[SERVICE]\nFlush 1\nGrace 30\nParsers_File /fluent-bit/parsers/parsers.conf\nHTTP_Server On\nHTTP_Listen 127.0.0.1\nHTTP_Port 2020")
	}
}
