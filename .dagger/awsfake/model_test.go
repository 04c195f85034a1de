package awsfake_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

var update = flag.Bool("update", false, "write model.txt anew from the SDK's sources")

// operations are those of the services that aren't served whole.
var operations = map[string][]string{
	"s3": {"DeleteObject", "GetBucketEncryption", "GetBucketLocation", "GetObject", "HeadBucket", "HeadObject", "ListObjectsV2", "PutObject"},
}

func TestTheModelIsThatOfTheSDKsSources(t *testing.T) {
	var lines []string
	for _, service := range slices.Sorted(maps.Keys(clients(awsfake.New()))) {
		lines = append(lines, readSource(t, service).lines()...)
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile("model.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("model.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("model.txt (-) isn't what the SDK's sources say (+): go test -run TheModel -update\n%s", diff)
	}
}

// source is what one service's sources say.
type source struct {
	service    string
	operations []string
	structs    map[string][]field
	settings   map[string]map[string][]string // by type and member
	routes     []string
	items      map[string]string // a list shape's items' name, where it isn't "member"
}

type field struct {
	name, of string // of: the struct's name in its type
	required bool
}

func readSource(t *testing.T, service string) *source {
	dir := strings.TrimSpace(run(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service))
	s := &source{service: service, structs: map[string][]field{}, settings: map[string]map[string][]string{}, items: map[string]string{}}
	s.readStructs(t, dir)
	var functions []string
	for _, name := range []string{"serializers.go", "deserializers.go"} {
		text, _ := os.ReadFile(filepath.Join(dir, name)) // services with schemas have none
		functions = append(functions, strings.Split(string(text), "\nfunc ")...)
	}
	for _, function := range functions {
		s.readList(function)
	}
	for _, function := range functions {
		s.readFunction(function)
	}
	return s
}

func run(t *testing.T, command ...string) string {
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// readStructs reads the declarations of inputs, outputs and types.
func (s *source) readStructs(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, filepath.Join(dir, "types", "types.go")) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if op := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "api_op_"), ".go"); op != "types" {
			s.operations = append(s.operations, op)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if structure, ok := spec.Type.(*ast.StructType); ok {
				s.structs[spec.Name.Name] = fieldsOf(structure)
			}
			return false
		})
	}
	if some := operations[s.service]; some != nil {
		s.operations = some
	}
}

func fieldsOf(structure *ast.StructType) []field {
	var found []field
	for _, f := range structure.Fields.List {
		if len(f.Names) == 1 && f.Names[0].IsExported() {
			found = append(found, field{f.Names[0].Name, named(f.Type), strings.Contains(f.Doc.Text(), "This member is required.")})
		}
	}
	return found
}

// named is the name of a type's innermost type.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return named(e.X)
	case *ast.ArrayType:
		return named(e.Elt)
	case *ast.MapType:
		return named(e.Value)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// reachable are the structs in an operation's input or output.
func (s *source) reachable(suffix string) map[string]bool {
	found := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if _, ok := s.structs[name]; !ok || found[name] {
			return
		}
		found[name] = true
		for _, f := range s.structs[name] {
			visit(f.of)
		}
	}
	for _, op := range s.operations {
		visit(op + suffix)
	}
	return found
}

// lines are the service's part of model.txt.
func (s *source) lines() []string {
	var lines []string
	inputs, outputs := s.reachable("Input"), s.reachable("Output")
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		required := ""
		for _, f := range s.structs[name] {
			if f.required {
				required += " " + f.name
			}
		}
		if required != "" {
			lines = append(lines, fmt.Sprintf("required %s %s%s", s.service, name, required))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		if !inputs[name] && !outputs[name] {
			continue
		}
		for _, member := range slices.Sorted(maps.Keys(s.settings[name])) {
			settings := s.settings[name][member]
			slices.Sort(settings)
			lines = append(lines, fmt.Sprintf("member %s %s %s %s", s.service, name, member, strings.Join(slices.Compact(settings), " ")))
		}
	}
	return append(lines, s.routes...)
}

func (s *source) set(name, member string, settings ...string) {
	if s.settings[name] == nil {
		s.settings[name] = map[string][]string{}
	}
	for _, setting := range settings {
		if setting != "" && setting != "wire="+member && setting != "item=member" {
			s.settings[name][member] = append(s.settings[name][member], setting)
		}
	}
}

var (
	listRead  = regexp.MustCompile(`^aws\w+_deserializeDocument(\w+)\(v \*\[\]`)
	listWrite = regexp.MustCompile(`^aws\w+_serializeDocument(\w+)\(v \[\]`)
	itemRead  = regexp.MustCompile(`EqualFold\("([^"]+)", t\.Name\.Local\)`)
	itemWrite = regexp.MustCompile(`Array\("(\w+)"\)|Local: "(\w+)"`)

	structRead  = regexp.MustCompile(`^aws(?:Awsquery|Restxml)_deserialize(?:Op)?Document\w+\(v \*\*(?:types\.)?(\w+), decoder`)
	structWrite = regexp.MustCompile(`^aws(?:Awsquery|Restxml)_serialize(?:Op)?Document\w+\(v \*(?:types\.)?(\w+), value`)
	boundWrite  = regexp.MustCompile(`^aws\w+_serializeOpHttpBindings\w+\(v \*(\w+), encoder`)
	boundRead   = regexp.MustCompile(`^aws\w+_deserializeOpHttpBindings\w+\(v \*(\w+), response`)
	routeWrite  = regexp.MustCompile(`^\(m \*aws\w+_serializeOp(\w+)\) HandleSerialize`)
	outputRead  = regexp.MustCompile(`^\(m \*aws\w+_deserializeOp(\w+)\) HandleDeserialize`)
	streamRead  = regexp.MustCompile(`(?s)^aws\w+_deserializeOpDocument\w+\(v \*(\w+), body io\.ReadCloser.*v\.(\w+) = body`)

	memberRead  = regexp.MustCompile(`^([^"]+)", t\.Name\.Local\):(?s:.*?)sv\.(\w+)`)
	listMember  = regexp.MustCompile(`_deserializeDocument(\w+?)(Unwrapped)?\(&sv\.\w+, nodeDecoder`)
	memberWrite = regexp.MustCompile(`object\.(Flat)?Key\("([^"]+)"\)|Local: "([^"]+)"|_serializeDocument(\w+)\(v\.|(FlattenedElement)`)
	boundWires  = map[string]*regexp.Regexp{
		"header": regexp.MustCompile(`locationName := "([^"]+)"|response\.Header\.Values\("([^"]+)"\)`),
		"uri":    regexp.MustCompile(`encoder\.SetURI\("(\w+)"\)`),
		"query":  regexp.MustCompile(`encoder\.(?:Set|Add)Query\("([^"]+)"\)`),
		"prefix": regexp.MustCompile(`encoder\.Headers\("([^"]+)"\)|len\("([^"]+)"\)`),
	}
	httpDate   = regexp.MustCompile(`HTTPDate|deserializeS3Expires`)
	memberOf   = regexp.MustCompile(`\bv\.(\w+)`)
	block      = regexp.MustCompile(`\n\t(?:if|for|\{)`)
	uri        = regexp.MustCompile(`SplitURI\("([^"]+)"\)(?s:.*?)request\.Method = "(\w+)"`)
	payload    = regexp.MustCompile(`payload := input\.(\w+)`)
	outPayload = regexp.MustCompile(`_deserializeDocument\w+\(&output\.(\w+), decoder`)
)

// readList notes what a list shape's items are called.
func (s *source) readList(function string) {
	if m := listRead.FindStringSubmatch(function); m != nil {
		if item := itemRead.FindStringSubmatch(function); item != nil {
			s.items[m[1]] = item[1]
		}
	}
	if m := listWrite.FindStringSubmatch(function); m != nil {
		if item := itemWrite.FindStringSubmatch(function); item != nil {
			s.items[m[1]] = item[1] + item[2]
		}
	}
}

// readFunction notes what a function says of a structure's members.
func (s *source) readFunction(function string) {
	for pattern, read := range map[*regexp.Regexp]func(name, function string){
		structRead: s.readMembers, structWrite: s.writtenMembers, boundWrite: s.bounds, boundRead: s.bounds,
		routeWrite: s.route, outputRead: s.output,
	} {
		if m := pattern.FindStringSubmatch(function); m != nil {
			read(m[1], function)
		}
	}
	if m := streamRead.FindStringSubmatch(function); m != nil {
		s.set(m[1], m[2], "in=payload")
	}
}

func (s *source) readMembers(name, function string) {
	for _, part := range strings.Split(function, `case strings.EqualFold("`)[1:] {
		m := memberRead.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		s.set(name, m[2], "wire="+m[1])
		if list := listMember.FindStringSubmatch(part); list != nil {
			s.list(name, m[2], list[1], list[2] != "")
		}
	}
}

func (s *source) list(name, member, shape string, flat bool) {
	if flat {
		s.set(name, member, "flat")
		return
	}
	if item := s.items[shape]; item != "" {
		s.set(name, member, "item="+item)
	}
}

// blocks are a function's outermost statements by the member they are for.
func blocks(function string) map[string]string {
	found := map[string]string{}
	for _, text := range block.Split(function, -1)[1:] {
		if member := memberOf.FindStringSubmatch(text); member != nil {
			found[member[1]] += text
		}
	}
	return found
}

func (s *source) writtenMembers(name, function string) {
	for member, text := range blocks(function) {
		flat := false
		for _, m := range memberWrite.FindAllStringSubmatch(text, -1) {
			switch {
			case m[2]+m[3] != "":
				flat = m[1] != ""
				s.set(name, member, "wire="+m[2]+m[3])
			case m[4] != "":
				s.list(name, member, m[4], flat)
			case m[5] != "":
				flat = true
			}
		}
	}
}

func (s *source) bounds(name, function string) {
	if s.service == "s3" && strings.HasSuffix(name, "Input") { // the endpoint's rules put the bucket into the path
		s.set(name, "Bucket", "in=uri")
	}
	for member, text := range blocks(function) {
		for where, pattern := range boundWires {
			m := pattern.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			s.set(name, member, "in="+where, "wire="+strings.Join(m[1:], ""))
			if httpDate.MatchString(text) {
				s.set(name, member, "http")
			}
		}
	}
}

func (s *source) route(name, function string) {
	m := uri.FindStringSubmatch(function)
	if m == nil || !slices.Contains(s.operations, name) {
		return
	}
	path := m[1]
	if s.service == "s3" {
		path = strings.Replace("/{Bucket}"+path, "}/?", "}?", 1)
	}
	s.routes = append(s.routes, fmt.Sprintf("route %s %s %s %s", s.service, name, m[2], strings.TrimSuffix(path, "/")))
	if m := payload.FindStringSubmatch(function); m != nil {
		s.set(name+"Input", m[1], "in=payload")
	}
}

func (s *source) output(name, function string) {
	if m := outPayload.FindStringSubmatch(function); m != nil {
		s.set(name+"Output", m[1], "in=payload")
	}
}
