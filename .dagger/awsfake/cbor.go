package awsfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

// cborProtocol is RPC v2 (Smithy 2.0, "Smithy RPC v2 CBOR protocol"), which
// only services with schemas use.
type cborProtocol struct{}

// operation is the end of the path, "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm".
func (cborProtocol) operation(r *request) string {
	if !strings.HasPrefix(r.URL.Path, "/service/") {
		return ""
	}
	return path.Base(r.URL.Path)
}

func (cborProtocol) decode(r *request, _ string, in any) error {
	sent, err := parseCBOR(r.body)
	if err != nil {
		return err
	}
	return understand(sent, in, func() (any, error) {
		raw, err := cborBytes(in)
		if err != nil {
			return nil, err
		}
		return parseCBOR(raw)
	})
}

func (cborProtocol) encode(w http.ResponseWriter, _ *request, _ string, out any) error {
	raw, err := cborBytes(out)
	if err != nil {
		return err
	}
	writeCBOR(w, http.StatusOK, raw)
	return nil
}

func (cborProtocol) fail(w http.ResponseWriter, _ *request, f failure) {
	members := cbor.Map{}
	if raw, err := cborBytes(f.typed); err == nil {
		if known, err := cbor.Decode(raw); err == nil {
			members, _ = known.(cbor.Map)
		}
	}
	members["__type"], members["message"], members["Message"] = cbor.String(f.shape), cbor.String(f.message), cbor.String(f.message)
	w.Header().Set("X-Amzn-Query-Error", f.code+";"+f.fault())
	writeCBOR(w, f.status, cbor.Encode(members))
}

// cborBytes encodes one of the SDK's structures by its own serializer.
func cborBytes(v any) ([]byte, error) {
	known, ok := v.(smithy.Serializable)
	if !ok {
		return nil, fmt.Errorf("encode %T: the SDK doesn't write it as CBOR", v)
	}
	return serialize(rpcv2.NewCBOR(nothing), known)
}

func parseCBOR(raw []byte) (any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	value, err := cbor.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read CBOR: %w", err)
	}
	return cborTree(value), nil
}

// cborTree is a value's tree.
func cborTree(value cbor.Value) any {
	switch value := value.(type) {
	case cbor.Map:
		members := map[string]any{}
		for name, member := range value {
			members[name] = cborTree(member)
		}
		return members
	case cbor.List:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = cborTree(item)
		}
		return items
	case cbor.String:
		return string(value)
	case cbor.Slice:
		return []byte(value)
	case cbor.Bool:
		return bool(value)
	case *cbor.Tag:
		number, _ := cborTree(value.Value).(json.Number)
		return epoch(number)
	}
	return cborNumber(value)
}

// cborNumber is a number's tree, and nil that of anything else.
func cborNumber(value cbor.Value) any {
	if n, err := cbor.AsInt64(value); err == nil {
		return json.Number(strconv.FormatInt(n, 10))
	}
	if f, err := cbor.AsFloat64(value); err == nil {
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
	}
	return nil
}

func writeCBOR(w http.ResponseWriter, status int, raw []byte) {
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // a caller who has gone needs no answer
}
