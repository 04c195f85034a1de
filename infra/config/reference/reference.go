// Package reference describes the configuration's keys for those who write the
// files: a JSON Schema for editors and a table for readers. Both are made of the
// types, their comments and their rules, so that neither can say anything else.
package reference

import (
	"reflect"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
)

// Key is one key of an environment's file, or a group of them.
type Key struct {
	// Path is e.g. "db.engine"; the file as a whole has none.
	Path string
	// Doc says what the key means.
	Doc string
	// Type is that of the value.
	Type reflect.Type
	// Rule is what the value, or each item of the list, has to be; nil where
	// the type alone says it.
	Rule *config.Rule
	// Keys are a group's.
	Keys []Key
}

// Name is the path's last part.
func (k Key) Name() string { return k.Path[strings.LastIndex(k.Path, ".")+1:] }

// Leaves lists the keys that have a value, at any depth.
func (k Key) Leaves() []Key {
	if k.Type.Kind() != reflect.Struct {
		return []Key{k}
	}
	var all []Key
	for _, key := range k.Keys {
		all = append(all, key.Leaves()...)
	}
	return all
}

// Read returns the file as a whole. The source is that of config.Environment,
// which has the comments.
func Read(source []byte) (Key, error) {
	comments, err := parse(source)
	if err != nil {
		return Key{}, err
	}
	root := reflect.TypeFor[config.Environment]()
	return Key{Type: root, Doc: comments.ofType(root), Keys: comments.keys(root, "")}, nil
}

// keys lists a struct's keys.
func (c comments) keys(group reflect.Type, prefix string) []Key {
	var all []Key
	for i := range group.NumField() {
		field := group.Field(i)
		key := Key{Path: strings.TrimPrefix(prefix+"."+field.Tag.Get("yaml"), "."), Type: field.Type, Doc: c.ofField(group, field.Name)}
		if field.Type.Kind() == reflect.Struct {
			key.Keys = c.keys(field.Type, key.Path)
		}
		if rule, ok := config.RuleOf(key.Path + suffixes[field.Type.Kind()]); ok {
			key.Rule = &rule
		}
		all = append(all, key)
	}
	return all
}

// suffixes are how rules name the values inside a list or a group.
var suffixes = map[reflect.Kind]string{reflect.Slice: "[]", reflect.Map: ".*"}
