package awsfake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// jsonProtocol is awsJson 1.0 and 1.1 (Smithy 2.0, "AWS JSON 1.1 protocol").
type jsonProtocol struct{}

// operation is what follows the service in X-Amz-Target, "AmazonSSM.PutParameter".
func (jsonProtocol) operation(r *request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

func (jsonProtocol) decode(r *request, _ string, in any) error {
	sent, err := parseJSON(r.body)
	if err != nil {
		return err
	}
	return understand(sent, in, func() (any, error) { return jsonTree(in, spelling(r.service)) })
}

func (jsonProtocol) encode(w http.ResponseWriter, r *request, _ string, out any) error {
	raw, err := marshal(out, spelling(r.service))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = w.Write(raw) // a caller who has gone needs no answer
	return nil
}

func (jsonProtocol) fail(w http.ResponseWriter, r *request, f failure) {
	tree := f.tree(spelling(r.service))
	tree["__type"] = f.shape
	w.Header().Set("X-Amzn-Query-Error", f.code+";"+f.fault())
	_ = writeJSON(w, r.Header.Get("Content-Type"), f.status, tree)
}

// understand decodes a request's tree into in, and compares it with the tree
// that in has in the SDK's own words.
func understand(sent, in any, again func() (any, error)) error {
	if err := fill("", sent, reflect.ValueOf(in).Elem()); err != nil {
		return err
	}
	tree, err := again()
	if err != nil {
		return err
	}
	return misspelt("", sent, tree)
}

// tree is an error's members.
func (f failure) tree(name func(string) string) map[string]any {
	members := map[string]any{}
	if f.typed != nil {
		if tree, err := jsonTree(f.typed, name); err == nil {
			members, _ = tree.(map[string]any)
		}
	}
	members["message"], members["Message"] = f.message, f.message
	return members
}

// jsonTree is the tree of a pointer to one of the SDK's structures.
func jsonTree(v any, name func(string) string) (any, error) {
	raw, err := marshal(v, name)
	if err != nil {
		return nil, err
	}
	return parseJSON(raw)
}

// marshal writes a pointer to one of the SDK's structures: by the SDK's own
// serializer, or by its Go names where it has no schemas.
func marshal(v any, name func(string) string) ([]byte, error) {
	if known, ok := v.(smithy.Serializable); ok {
		return serialize(awsjson.New11(nothing), known)
	}
	return json.Marshal(plain(reflect.ValueOf(v), name))
}

// nothing is a service's schema, of which only the request's headers depend.
var nothing = smithy.NewServiceSchema(smithy.NewSchema(smithy.ShapeID{}, smithy.ShapeTypeService, 0), "")

// serialize encodes a structure with one of the SDK's protocols, as a request's body.
func serialize(protocol smithyhttp.ClientProtocol, v smithy.Serializable) ([]byte, error) {
	shape := smithy.NewSchema(smithy.ShapeID{}, smithy.ShapeTypeStructure, 0)
	r := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if err := protocol.SerializeRequest(context.Background(), smithy.NewOperationSchema(shape, shape, shape), v, r); err != nil {
		return nil, err
	}
	if r.GetStream() == nil {
		return nil, nil
	}
	return io.ReadAll(r.GetStream())
}

// lowerCase are the services without schemas whose JSON names begin with a
// lower-case letter.
var lowerCase = map[string]bool{"batch": true}

// spelling turns Go's names into those of a service's JSON.
func spelling(service string) func(string) string {
	if lowerCase[service] {
		return lower
	}
	return upper
}

func parseJSON(raw []byte) (any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return tree, nil
}

func writeJSON(w http.ResponseWriter, kind string, status int, tree any) error {
	raw, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(raw) // a caller who has gone needs no answer
	return nil
}
