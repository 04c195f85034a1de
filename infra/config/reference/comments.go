package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// comments are what the source says about types and fields.
type comments struct {
	// types has each type's comment.
	types map[string]string
	// fields has each type's fields' comments.
	fields map[string]map[string]string
	// values has what constants stand for.
	values map[string]string
}

// parse reads the comments and the constants of a source file.
func parse(source []byte) (comments, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "environment.go", source, parser.ParseComments)
	if err != nil {
		return comments{}, fmt.Errorf("read the configuration's comments: %w", err)
	}
	c := comments{types: map[string]string{}, fields: map[string]map[string]string{}, values: map[string]string{}}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GenDecl:
			c.readType(node)
		case *ast.ValueSpec:
			c.readValues(node)
		}
		return true
	})
	return c, nil
}

// readType reads the comments of a struct.
func (c comments) readType(declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		named, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		group, ok := named.Type.(*ast.StructType)
		if !ok {
			continue
		}
		c.types[named.Name.Name] = declaration.Doc.Text()
		fields := map[string]string{}
		for _, field := range group.Fields.List {
			fields[field.Names[0].Name] = field.Doc.Text()
		}
		c.fields[named.Name.Name] = fields
	}
}

// readValues reads constants that are texts.
func (c comments) readValues(spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			return
		}
		literal, ok := spec.Values[i].(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if text, err := strconv.Unquote(literal.Value); err == nil {
			c.values[name.Name] = text
		}
	}
}

// ofType is a type's comment, in the words of a file.
func (c comments) ofType(group reflect.Type) string { return c.inFile(c.types[group.Name()], group) }

// ofField is a field's comment, in the words of a file.
func (c comments) ofField(group reflect.Type, name string) string {
	return c.inFile(c.fields[group.Name()][name], group)
}

// identifier is a word that may be Go's.
var identifier = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*`)

// inFile replaces what only Go's readers know: constants by their values and
// fields by their keys.
func (c comments) inFile(comment string, group reflect.Type) string {
	text := strings.Join(strings.Fields(comment), " ")
	return identifier.ReplaceAllStringFunc(text, func(word string) string {
		if value, ok := c.values[word]; ok {
			return value
		}
		if field, ok := group.FieldByName(word); ok {
			return field.Tag.Get("yaml")
		}
		return word
	})
}
