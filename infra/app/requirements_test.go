package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/templates"
)

// demands is how many numbered demands the source documents have.
const demands = 285

// demand is how one demand is met: by the templates, by a file of the
// repository, or on purpose otherwise, as infra/README.md says.
type demand struct {
	// At is "<Stack> <Type>[<part of its properties>] <path>"; what is found there
	// must be Dev, Prod or Both. "~x" means that x is in it, "!x" that it isn't.
	At              string
	Dev, Prod, Both expectations
	// With is a variation of the environment, see variations.
	With string
	// File has, from the repository's root, the text Has.
	File, Has string
	// Differs is the number of a row in infra/README.md's list of differences.
	Differs int
}

// expectations is one text or several.
type expectations []string

// UnmarshalYAML takes a text or a list.
func (e *expectations) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*e = expectations{node.Value}
		return nil
	}
	return node.Decode((*[]string)(e))
}

// variations are choices that neither dev nor prod makes by default.
var variations = map[string]func(*config.Environment){
	"": func(*config.Environment) {},
	"aurora": func(e *config.Environment) {
		e.DB.Engine, e.DB.InstanceClass, e.DB.Readers, e.DB.MultiAZ = config.EngineAurora, "t4g.medium", 1, false
		if e.Env == "prod" {
			e.DB.InstanceClass = "r6g.large"
		}
		e.DB.BackupRetentionDays = max(e.DB.BackupRetentionDays, 1)
		e.Monitoring.Alarms = config.AlarmsFull
	},
	"no NAT":  func(e *config.Environment) { e.Network.NatGateways = 0 },
	"alarms":  func(e *config.Environment) { e.Monitoring.Alarms = config.AlarmsFull },
	"managed": func(e *config.Environment) { e.WAF.Mode = config.WAFManaged },
	"awslogs": func(e *config.Environment) {
		e.Logging.Driver, e.Logging.ArchiveBucket, e.Logging.DirectToCloudWatch = config.DriverAWSLogs, false, false
	},
	"custom batch role": func(e *config.Environment) { e.Batch.ServiceRole = config.RoleCustom },
	"zone": func(e *config.Environment) {
		e.DNS = config.DNS{ZoneName: "example.com", ZoneID: "Z0123456789ABC", RecordName: "prooflink.example.com"}
		e.ALB.TLS = config.TLS{Enabled: true}
	},
	"literal": func(e *config.Environment) { e.Naming.Scheme = config.SchemeLiteral },
	"url":     func(e *config.Environment) { e.DB.URLMode = config.URLSecret },
	"github": func(e *config.Environment) {
		e.GitHub.Owner, e.GitHub.Repo, e.GitHub.CreateProvider = "organization", "repository", true
	},
	"optional": func(e *config.Environment) {
		e.GitHub.Owner, e.GitHub.Repo = "organization", "repository"
		e.Optional = config.Optional{Athena: true, Orchestration: true, Amplify: true}
	},
	"audit": func(e *config.Environment) {
		e.Security = config.Security{GuardDuty: true, Config: true, CloudTrail: true}
	},
	"slack": func(e *config.Environment) {
		e.Monitoring.Alarms, e.Monitoring.SlackWebhookSecret = config.AlarmsFull, "prooflink/slack"
	},
}

func TestEveryDemandIsMet(t *testing.T) {
	seen := map[int]string{}
	files, _ := filepath.Glob("testdata/requirements/*.yaml")
	for _, file := range files {
		section := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(section, func(t *testing.T) {
			for number, ways := range readDemands(t, file) {
				if before := seen[number]; before != "" {
					t.Errorf("%d is in %s and %s", number, before, section)
				}
				seen[number] = section
				t.Run(strconv.Itoa(number), func(t *testing.T) { checkDemand(t, ways) })
			}
		})
	}
	for number := 1; number <= demands; number++ {
		if seen[number] == "" {
			t.Errorf("demand %d has no row", number)
		}
	}
	if len(seen) > demands {
		t.Errorf("%d rows", len(seen))
	}
}

// listed is a row of infra/README.md's differences: its number and the demands.
var listed = regexp.MustCompile(`(?m)^\| (\d+) \| [^|]*\[([\d, ]+)\]`)

func TestTheListOfDifferencesNamesTheDemandsThatCiteIt(t *testing.T) {
	cited := map[int][]int{}
	files, _ := filepath.Glob("testdata/requirements/*.yaml")
	for _, file := range files {
		for number, ways := range readDemands(t, file) {
			for _, way := range ways {
				if way.Differs > 0 {
					cited[way.Differs] = append(cited[way.Differs], number)
				}
			}
		}
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := listed.FindAllStringSubmatch(string(readme), -1)
	for i, row := range rows {
		infratest.Equal(t, "the number of a row", row[1], strconv.Itoa(i+1))
		slices.Sort(cited[i+1])
		infratest.Equal(t, "the demands of row "+row[1], row[2], strings.Trim(strings.ReplaceAll(fmt.Sprint(cited[i+1]), " ", ", "), "[]"))
	}
	infratest.Equal(t, "rows", len(rows), len(cited))
}

// readDemands reads one section.
func readDemands(t *testing.T, file string) map[int][]demand {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows map[int][]demand
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rows); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return rows
}

// checkDemand checks every way in which a demand is met.
func checkDemand(t *testing.T, ways []demand) {
	t.Helper()
	if len(ways) == 0 {
		t.Error("says nothing")
	}
	for _, way := range ways {
		switch {
		case way.Differs > 0:
			inFile(t, "infra/README.md", fmt.Sprintf("\n| %d | ", way.Differs))
		case way.File != "":
			inFile(t, way.File, way.Has)
		case way.At != "" && len(way.Dev)+len(way.Prod)+len(way.Both) > 0:
			inTemplate(t, "dev", way, append(way.Dev, way.Both...))
			inTemplate(t, "prod", way, append(way.Prod, way.Both...))
		default:
			t.Errorf("is not a way to meet a demand: %+v", way)
		}
	}
}

// inFile asserts that a file of the repository has a text.
func inFile(t *testing.T, path, text string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Error(err)
	} else if !strings.Contains(string(data), text) || text == "" {
		t.Errorf("%s lacks %q", path, text)
	}
}

// inTemplate asserts what is found at a place in an environment's template.
func inTemplate(t *testing.T, env string, way demand, wants []string) {
	t.Helper()
	for _, want := range wants {
		got := lookUp(t, env, way.With, way.At)
		ok := got == want
		switch {
		case strings.HasPrefix(want, "~"):
			ok = strings.Contains(got, want[1:])
		case strings.HasPrefix(want, "!"):
			ok = !strings.Contains(got, want[1:]) && got != templates.Nothing
		}
		if !ok {
			t.Errorf("%s: %s\n got: %s\nwant: %s", env, way.At, got, want)
		}
	}
}

// place is the three parts of a demand's At.
var place = regexp.MustCompile(`^(\w+) ([\w:]+)(?:\[(.+?)\])?(?: (\S.*))?$`)

// lookUp returns what is at a place, " | " between several resources' values.
func lookUp(t *testing.T, env, with, at string) string {
	t.Helper()
	match := place.FindStringSubmatch(at)
	if match == nil {
		t.Fatalf("%q is not a place", at)
	}
	stacks := variation(t, env, with)
	i := slices.IndexFunc(stacks, func(s templates.Stack) bool { return s.Name == match[1]+"Stack-"+env })
	if i < 0 {
		return templates.Nothing
	}
	var found []string
	for _, r := range stacks[i].Of(match[2]) {
		if strings.Contains(templates.Text(r.Properties), match[3]) {
			found = append(found, follow(r, match[4]))
		}
	}
	switch {
	case match[4] == "count":
		return strconv.Itoa(len(found))
	case len(found) == 0:
		return templates.Nothing
	}
	slices.Sort(found)
	return strings.Join(found, " | ")
}

// varied has every variation's templates, synthesized once.
var varied = map[string][]templates.Stack{}

// variation returns the templates of a varied environment.
func variation(t *testing.T, env, with string) []templates.Stack {
	t.Helper()
	change, ok := variations[with]
	if !ok {
		t.Fatalf("no variation %q", with)
	}
	key := env + " " + with
	if varied[key] == nil {
		dir := synth(t, env)
		if with != "" {
			dir = synthVaried(t, infratest.Env(t, env, change))
		}
		stacks, err := templates.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		varied[key] = stacks
	}
	return varied[key]
}

// step is a key of a path, with the name of a list's item in brackets.
var step = regexp.MustCompile(`([\w:]+)(?:\[([^\]]+)\])?\.?`)

// follow reads a path such as "ContainerDefinitions[prooflink-app].Environment[PORT].Value".
func follow(r templates.Resource, path string) string {
	switch path {
	case "", "count":
		return templates.Text(r.Properties)
	case "Name tag":
		return infratest.Name(r)
	case "DeletionPolicy":
		return r.DeletionPolicy
	}
	var value any = r.Properties
	for _, match := range step.FindAllStringSubmatch(path, -1) {
		group, _ := value.(map[string]any)
		value = group[match[1]]
		if match[2] != "" {
			value = item(value, match[2])
		}
	}
	return templates.Text(value)
}

// item finds a list's item by its index or by the value of one of its keys.
func item(list any, name string) any {
	items, _ := list.([]any)
	if i, err := strconv.Atoi(name); err == nil && i < len(items) {
		return items[i]
	}
	for _, each := range items {
		group, _ := each.(map[string]any)
		for _, value := range group {
			if templates.Text(value) == name {
				return each
			}
		}
	}
	return nil
}
