package config

import (
	"fmt"
	"reflect"
	"sort"
)

// walk visits every value and every list of a configuration, in the order of a
// file. The path is the value's own, e.g. "network.azs[1]"; the key is that of
// its rule, e.g. "network.azs[]".
func walk(value reflect.Value, path, key string, visit func(path, key string, value reflect.Value)) {
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			name := value.Type().Field(i).Tag.Get("yaml")
			walk(value.Field(i), join(path, name), join(key, name), visit)
		}
	case reflect.Slice:
		visit(path, key, value)
		for i := range value.Len() {
			walk(value.Index(i), fmt.Sprintf("%s[%d]", path, i), key+"[]", visit)
		}
	case reflect.Map:
		for _, name := range sortedNames(value) {
			walk(value.MapIndex(reflect.ValueOf(name)), join(path, name), key+".*", visit)
		}
	default:
		visit(path, key, value)
	}
}

// sortedNames lists a map's keys.
func sortedNames(value reflect.Value) []string {
	var all []string
	for _, key := range value.MapKeys() {
		all = append(all, key.String())
	}
	sort.Strings(all)
	return all
}
