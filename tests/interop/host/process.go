package main

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/vault/sdk/database/dbplugin/v5"
	"github.com/hashicorp/vault/sdk/logical"
)

// A processView is what a test gets to know of a process.
type processView struct {
	PID          int    `json:"pid"`
	Protocol     int    `json:"protocol"`
	Multiplexing bool   `json:"multiplexing"`
	Socket       string `json:"socket"`
	Version      string `json:"version"`
}

func view(p *process) processView {
	attach := p.client.ReattachConfig()
	return processView{
		PID: attach.Pid, Protocol: p.client.NegotiatedVersion(), Multiplexing: p.multiplexing, Socket: attach.Addr.String(),
	}
}

func register(_ context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Plugin    string `json:"plugin"`
		File      string `json:"file"`
		Protocols []int  `json:"protocols"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	return nil, h.catalog.register(in.Plugin, in.File, in.Protocols)
}

// probe starts a plugin in metadata mode, asks for its version without any database, and ends it, as Vault does when a
// plugin is registered.
func probe(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Plugin   string `json:"plugin"`
		AutoMTLS bool   `json:"autoMTLS"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	found, err := h.catalog.lookup(in.Plugin)
	if err != nil {
		return nil, err
	}
	h.catalog.lock.Lock()
	started, err := h.catalog.start(ctx, found, h.logger.Named(in.Plugin), true, in.AutoMTLS)
	h.catalog.lock.Unlock()
	if err != nil {
		return nil, err
	}
	defer started.client.Kill()
	if err := started.protocol.Ping(); err != nil {
		return nil, err
	}
	reply, err := logical.NewPluginVersionClient(started.conn).Version(ctx, &logical.Empty{})
	if err != nil {
		return nil, err
	}
	shown := view(started)
	shown.Version = reply.PluginVersion
	return shown, nil
}

// open makes a database by the very function that Vault's database engine calls.
func open(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Plugin   string `json:"plugin"`
		Database string `json:"database"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	// One after the other, since the SDK does not tell which process it was given.
	h.opening.Lock()
	defer h.opening.Unlock()
	database, err := dbplugin.PluginFactoryVersion(ctx, in.Plugin, "", h.catalog, h.logger)
	if err != nil {
		return nil, err
	}
	current := h.catalog.current(in.Plugin)
	h.lock.Lock()
	defer h.lock.Unlock()
	h.databases[in.Database] = opened{database, current}
	return view(current), nil
}
