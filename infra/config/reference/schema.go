package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/prooflink/prooflink/infra/config"
)

// schema is a JSON Schema, as far as it is used here.
type schema struct {
	Dialect              string             `json:"$schema,omitempty"`
	Comment              string             `json:"$comment,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Type                 string             `json:"type"`
	Enum                 []any              `json:"enum,omitempty"`
	Minimum              *int               `json:"minimum,omitempty"`
	Maximum              *int               `json:"maximum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	UniqueItems          bool               `json:"uniqueItems,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"`
	Required             []string           `json:"required,omitempty"`
}

// Schema is the JSON Schema of an environment's file.
func Schema(root Key) ([]byte, error) {
	file := schemaOf(root)
	file.Dialect = "https://json-schema.org/draft/2020-12/schema"
	file.Comment = "Made from environment.go by `go test ./infra/config -update`; do not edit."
	file.Title = "Environment"
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return b.Bytes(), nil
}

// schemaOf describes one key and those in it.
func schemaOf(key Key) *schema {
	made := &schema{Description: key.Doc}
	switch key.Type.Kind() {
	case reflect.Struct:
		made.group(key.Keys)
	case reflect.Slice:
		made.Type, made.UniqueItems, made.Items = "array", true, valueOf(key.Type.Elem().Kind(), key.Rule)
	case reflect.Map:
		made.Type, made.AdditionalProperties = "object", valueOf(key.Type.Elem().Kind(), key.Rule)
	default:
		made = valueOf(key.Type.Kind(), key.Rule)
		made.Description = key.Doc
	}
	return made
}

// group describes keys all of which are required.
func (s *schema) group(keys []Key) {
	s.Type, s.AdditionalProperties, s.Properties = "object", false, map[string]*schema{}
	for _, key := range keys {
		s.Properties[key.Name()] = schemaOf(key)
		s.Required = append(s.Required, key.Name())
	}
}

// types are JSON Schema's names of Go's types.
var types = map[reflect.Kind]string{reflect.String: "string", reflect.Int: "integer", reflect.Bool: "boolean"}

// valueOf describes a single value.
func valueOf(kind reflect.Kind, rule *config.Rule) *schema {
	made := &schema{Type: types[kind]}
	if rule == nil {
		return made
	}
	for _, value := range rule.OneOf {
		made.Enum = append(made.Enum, literal(kind, value))
	}
	if rule.Pattern != nil {
		made.Pattern = rule.Pattern.String()
	}
	if rule.Most != 0 {
		made.Minimum, made.Maximum = &rule.Least, &rule.Most
	}
	return made
}

// literal is an accepted value in its own type.
func literal(kind reflect.Kind, text string) any {
	if number, err := strconv.Atoi(text); err == nil && kind == reflect.Int {
		return number
	}
	return text
}
