package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// raw calls a method as no client of Vault's would: the request is given in protobuf's text form or as base64 bytes,
// with any number of multiplex ids, to the process of a database. Vault's client checks most requests before it sends them; this reaches the server.
func raw(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		// Method is a full name: dbplugin.v5.Database.NewUser.
		Method       string   `json:"method"`
		Request      string   `json:"request"`
		Bytes        string   `json:"bytes"`
		MultiplexIDs []string `json:"multiplexIds"`
	}
	used, err := h.database(line, &in)
	if err != nil {
		return nil, err
	}
	method, err := findMethod(in.Method)
	if err != nil {
		return nil, err
	}
	sent, err := encode(method, in.Request)
	if in.Bytes != "" {
		sent, err = base64.StdEncoding.DecodeString(in.Bytes)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range in.MultiplexIDs {
		ctx = metadata.AppendToOutgoingContext(ctx, pluginutil.MultiplexingCtxKey, id)
	}
	dot := strings.LastIndex(in.Method, ".")
	var got []byte
	err = used.process.conn.Invoke(ctx, "/"+in.Method[:dot]+"/"+in.Method[dot+1:], &sent, &got, grpc.ForceCodec(bytesCodec{}))
	if err != nil {
		return nil, bareStatus{status.Convert(err)}
	}
	reply := dynamicpb.NewMessage(method.Output())
	if err := proto.Unmarshal(got, reply); err != nil {
		return nil, err
	}
	shown, err := protojson.Marshal(reply)
	return json.RawMessage(shown), err
}

func findMethod(name string) (protoreflect.MethodDescriptor, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	method, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a method", name)
	}
	return method, nil
}

func encode(method protoreflect.MethodDescriptor, text string) ([]byte, error) {
	message := dynamicpb.NewMessage(method.Input())
	if err := prototext.Unmarshal([]byte(text), message); err != nil {
		return nil, err
	}
	return proto.Marshal(message)
}

// A bareStatus is a status whose text is the plugin's alone, without Go's "rpc error: ..." in front.
type bareStatus struct{ status *status.Status }

func (b bareStatus) Error() string              { return b.status.Message() }
func (b bareStatus) GRPCStatus() *status.Status { return b.status }

// The bytesCodec sends and takes messages as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
