package awsfake

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed model.txt
var modelText string

// shape is what can't be seen of an SDK's structure at run time: which members
// its API requires, and how and where they are written other than by default.
type shape struct {
	required []string
	members  map[string]member // by their Go names
	wires    map[string]string // Go name → name on the wire
	names    map[string]string // name on the wire → Go name
}

// member is where and how a structure's member is written.
type member struct {
	where string // uri, query, header, prefix, status, payload; "" in the body
	item  string // what a list's items are called in XML
	flat  bool   // a list whose items stand in the structure itself
	http  bool   // a time as HTTP writes dates, in place of ISO 8601
}

// defaultItem is what lists' items are called where nothing else is said.
const defaultItem = "member"

var plainMember = member{item: defaultItem}

// route is a REST operation's method and path, "/v1/tags/{resourceArn}".
type route struct{ service, operation, method, path string }

// model is what model.txt says, a line each:
//
//	required ssm PutParameterInput Name Value
//	member rds DescribeDBInstancesOutput DBInstances wire=DBInstances item=DBInstance
//	route batch SubmitJob POST /v1/submitjob
//
// It is written from the SDK's sources by this package's test.
var model = sync.OnceValue(readModel)

type tables struct {
	shapes map[string]*shape // by "ssm PutParameterInput"
	routes []route
}

func readModel() tables {
	t := tables{shapes: map[string]*shape{}}
	for line := range strings.Lines(modelText) {
		words := strings.Fields(line)
		key := words[1] + " " + words[2]
		switch words[0] {
		case "route":
			t.routes = append(t.routes, route{words[1], words[2], words[3], words[4]})
		case "required":
			t.shape(key).required = words[3:]
		case "member":
			t.shape(key).add(words[3], words[4:])
		}
	}
	return t
}

func (t tables) shape(key string) *shape {
	if t.shapes[key] == nil {
		t.shapes[key] = &shape{members: map[string]member{}, wires: map[string]string{}, names: map[string]string{}}
	}
	return t.shapes[key]
}

// add reads what a line says of a member.
func (s *shape) add(field string, settings []string) {
	m := plainMember
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "flat":
			m.flat = true
		case "item":
			m.item = value
		case "http":
			m.http = true
		case "in":
			m.where = value
		case "wire":
			s.wires[field], s.names[value] = value, field
		}
	}
	s.members[field] = m
}

// shapeOf is the shape of a structure by its Go name, an empty one where
// everything is as by default.
func shapeOf(service, name string) *shape {
	if s := model().shapes[service+" "+name]; s != nil {
		return s
	}
	return &shape{}
}

func (s *shape) member(field string) member {
	if m, ok := s.members[field]; ok {
		return m
	}
	return plainMember
}

// wire is a member's name on the wire.
func (s *shape) wire(field string) string {
	if name, ok := s.wires[field]; ok {
		return name
	}
	return field
}

// field is the Go name of a member on the wire; a name that stands for another
// member there is none.
func (s *shape) field(wire string) string {
	if name, ok := s.names[wire]; ok {
		return name
	}
	if _, renamed := s.wires[wire]; renamed {
		return ""
	}
	return wire
}
