package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/prooflink/prooflink/infra/names"
)

// Rendered is a task definition as JSON, with the API's names, as
// `aws ecs register-task-definition --cli-input-json` takes it.
func Rendered(input *ecs.RegisterTaskDefinitionInput) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // commands have < and &
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(render(reflect.ValueOf(input))); err != nil {
		return nil, fmt.Errorf("render task definition %s: %w", aws.ToString(input.Family), err)
	}
	return text.Bytes(), nil
}

// render turns a structure of the SDK into what JSON has; what isn't set is left out.
func render(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer:
		return render(value.Elem())
	case reflect.Struct:
		return renderMembers(value)
	case reflect.Slice:
		list := []any{}
		for i := range value.Len() {
			list = append(list, render(value.Index(i)))
		}
		return list
	default:
		return value.Interface()
	}
}

// renderMembers are a structure's members by the API's names.
func renderMembers(value reflect.Value) map[string]any {
	members := map[string]any{}
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !value.Field(i).IsZero() {
			members[apiName(field.Name)] = render(value.Field(i))
		}
	}
	return members
}

// apiName is how the API writes a member that Go has in capitals: "TaskRoleArn"
// is "taskRoleArn".
func apiName(member string) string {
	runes := []rune(member)
	runes[0] = unicode.ToLower(runes[0])
	return string(runes)
}

// Read reads such JSON. A key that the API doesn't know is an error with its
// place, all of them at once, and so is a family other than the environment's
// two: a file made for one environment doesn't get into another.
func Read(data []byte, n names.Names) (*ecs.RegisterTaskDefinitionInput, error) {
	var input ecs.RegisterTaskDefinitionInput
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("read task definition: it is not valid JSON: %w", err)
	}
	if unknown := unknownKeys("", raw, reflect.TypeOf(input)); len(unknown) > 0 {
		return nil, fmt.Errorf("read task definition: %w", errors.Join(unknown...))
	}
	if err := json.Unmarshal(data, &input); err != nil {
		return nil, fmt.Errorf("read task definition: %w", wrongType(err))
	}
	families := []string{n.TaskFamily(), n.MigrateFamily()}
	if family := aws.ToString(input.Family); !slices.Contains(families, family) {
		return nil, fmt.Errorf("read task definition: family %q is not one of %s's: use %s",
			family, n.Prefix(), strings.Join(families, " or "))
	}
	return &input, nil
}

// wrongType names the key of a value that is of another type by the API's names.
func wrongType(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	var path []string
	for _, member := range strings.Split(wrong.Field, ".") {
		path = append(path, apiName(member))
	}
	return fmt.Errorf("%q is of type %s: it takes %s", strings.Join(path, "."), wrong.Value, kindOf(wrong.Type))
}

// kindOf is how JSON calls what a type takes.
func kindOf(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.Int32, reflect.Int64, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	default:
		return "a text"
	}
}

// unknownKeys finds the keys that a type doesn't have.
func unknownKeys(path string, value any, kind reflect.Type) []error {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch v := value.(type) {
	case map[string]any:
		if kind.Kind() == reflect.Struct {
			return unknownMembers(path, v, kind)
		}
	case []any:
		if kind.Kind() == reflect.Slice {
			var all []error
			for i, item := range v {
				all = append(all, unknownKeys(fmt.Sprintf("%s[%d]", path, i), item, kind.Elem())...)
			}
			return all
		}
	}
	return nil // a wrong type is found when it is decoded
}

// unknownMembers looks at one object.
func unknownMembers(path string, object map[string]any, kind reflect.Type) []error {
	var all []error
	for _, key := range slices.Sorted(maps.Keys(object)) {
		place := strings.TrimPrefix(path+"."+key, ".")
		field, known := kind.FieldByNameFunc(func(name string) bool { return apiName(name) == key })
		switch {
		case known && field.IsExported():
			all = append(all, unknownKeys(place, object[key], field.Type)...)
		case path == "" && slices.ContainsFunc(outputs, func(name string) bool { return apiName(name) == key }):
			all = append(all, fmt.Errorf("%q is what only ECS sets: leave it out", place))
		default:
			all = append(all, fmt.Errorf("unknown key %q", place))
		}
	}
	return all
}
