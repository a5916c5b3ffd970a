package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-secure-stdlib/base62"
	"github.com/hashicorp/vault/sdk/database/dbplugin/v5"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/helper/wrapping"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// A process is one running plugin, shared by every database in it when it is multiplexed.
type process struct {
	client       *plugin.Client
	protocol     plugin.ClientProtocol
	conn         *grpc.ClientConn
	multiplexing bool
	users        int
}

// An entry is a registered plugin, with the protocol versions that this host offers to it.
type entry struct {
	runner    pluginutil.PluginRunner
	protocols []int
}

// The catalog does what Vault's does (hashicorp/vault:vault/plugin_catalog.go): it starts a process for each plugin, or
// for each database where the plugin is not multiplexed, gives every database its own multiplex id, and ends a process
// with its last database.
type catalog struct {
	logger hclog.Logger

	lock      sync.Mutex
	entries   map[string]entry
	processes map[string]*process
	all       []*process
}

var _ pluginutil.LookRunnerUtil = (*catalog)(nil)

func newCatalog(logger hclog.Logger) *catalog {
	return &catalog{logger: logger, entries: map[string]entry{}, processes: map[string]*process{}}
}

func (c *catalog) register(name, file string, protocols []int) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, opened); err != nil {
		return err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	runner := pluginutil.PluginRunner{
		Name: name, Type: consts.PluginTypeDatabase, Command: file, Sha256: hash.Sum(nil),
	}
	c.entries[name] = entry{runner: runner, protocols: protocols}
	return nil
}

func (c *catalog) lookup(name string) (entry, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	found, ok := c.entries[name]
	if !ok {
		return entry{}, fmt.Errorf("plugin %q is not registered", name)
	}
	return found, nil
}

// start launches a process and connects to it.
func (c *catalog) start(ctx context.Context, e entry, logger hclog.Logger, metadataMode, autoMTLS bool) (*process, error) {
	sets := map[int]plugin.PluginSet{}
	for _, version := range e.protocols {
		sets[version] = dbplugin.PluginSets[version]
	}
	client, err := e.runner.RunConfig(ctx,
		pluginutil.Runner(c),
		pluginutil.PluginSets(sets),
		pluginutil.HandshakeConfig(dbplugin.HandshakeConfig),
		pluginutil.Logger(logger),
		pluginutil.MetadataMode(metadataMode),
		pluginutil.AutoMTLS(autoMTLS),
	)
	if err != nil {
		return nil, err
	}
	protocol, err := client.Client()
	if err != nil {
		client.Kill()
		return nil, err
	}
	conn := protocol.(*plugin.GRPCClient).Conn
	multiplexing, err := pluginutil.MultiplexingSupported(ctx, conn, e.runner.Name)
	if err != nil {
		client.Kill()
		return nil, err
	}
	started := &process{client: client, protocol: protocol, conn: conn, multiplexing: multiplexing}
	c.all = append(c.all, started)
	return started, nil
}

// NewPluginClient is how dbplugin asks for a plugin: one more database in a running process, or a new process.
func (c *catalog) NewPluginClient(ctx context.Context, config pluginutil.PluginClientConfig) (pluginutil.PluginClient, error) {
	e, err := c.lookup(config.Name)
	if err != nil {
		return nil, err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	used := c.processes[config.Name]
	if used == nil || !used.multiplexing || used.client.Exited() {
		used, err = c.start(ctx, e, config.Logger, config.IsMetadataMode, config.AutoMTLS)
		if err != nil {
			return nil, err
		}
		c.processes[config.Name] = used
	}
	used.users++
	made := &pluginClient{ClientProtocol: used.protocol, process: used, catalog: c, conn: used.conn}
	if used.multiplexing {
		id, err := base62.Random(10)
		if err != nil {
			return nil, err
		}
		made.conn = &multiplexedConn{ClientConn: used.conn, id: id}
	}
	return made, nil
}

// current is the process that a plugin's last database was given.
func (c *catalog) current(name string) *process {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.processes[name]
}

func (c *catalog) release(p *process) {
	c.lock.Lock()
	p.users--
	last := p.users == 0
	c.lock.Unlock()
	if last {
		p.client.Kill()
	}
}

func (c *catalog) killAll() {
	c.lock.Lock()
	all := append([]*process(nil), c.all...)
	c.lock.Unlock()
	var ending sync.WaitGroup
	for _, each := range all {
		ending.Go(each.client.Kill)
	}
	ending.Wait()
}

func (c *catalog) LookupPlugin(ctx context.Context, name string, t consts.PluginType) (*pluginutil.PluginRunner, error) {
	return c.LookupPluginVersion(ctx, name, t, "")
}

func (c *catalog) LookupPluginVersion(_ context.Context, name string, _ consts.PluginType, _ string) (*pluginutil.PluginRunner, error) {
	e, err := c.lookup(name)
	if err != nil {
		return nil, err
	}
	return &e.runner, nil
}

func (c *catalog) VaultVersion(context.Context) (string, error) { return "1.21.4", nil }
func (c *catalog) ClusterID(context.Context) (string, error)    { return "interop", nil }
func (c *catalog) MlockEnabled() bool                           { return false }

func (c *catalog) ResponseWrapData(context.Context, map[string]any, time.Duration, bool) (*wrapping.ResponseWrapInfo, error) {
	return nil, errors.New("plugins without AutoMTLS would need a running Vault")
}

func (c *catalog) DownloadExtractVerifyPlugin(context.Context, *pluginutil.PluginRunner) error {
	return errors.New("this host downloads nothing")
}

// A pluginClient is one database's share of a process.
type pluginClient struct {
	plugin.ClientProtocol
	process *process
	catalog *catalog
	conn    grpc.ClientConnInterface
	closed  sync.Once
}

func (p *pluginClient) Conn() grpc.ClientConnInterface { return p.conn }
func (p *pluginClient) Reload() error                  { return errors.New("this host does not reload") }

func (p *pluginClient) Close() error {
	p.closed.Do(func() { p.catalog.release(p.process) })
	return nil
}

// A multiplexedConn names its database in every call.
type multiplexedConn struct {
	*grpc.ClientConn
	id string
}

func (c *multiplexedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx = metadata.AppendToOutgoingContext(ctx, pluginutil.MultiplexingCtxKey, c.id)
	return c.ClientConn.Invoke(ctx, method, args, reply, opts...)
}
