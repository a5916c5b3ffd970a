// Program host launches database plugins as Vault does, with Vault's own code: the plugin runner, dbplugin v5 and
// go-plugin. It takes one JSON request a line on stdin and answers one JSON line each on stdout, in the order in which
// they finish. Its log, with the plugins' log lines in it, goes to stderr as hclog JSON. It ends with stdin.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/database/dbplugin/v5"
	"google.golang.org/grpc/status"
)

// requestTimeout ends a call that would keep a test waiting for ever.
const requestTimeout = 60 * time.Second

// A request line; everything but these two is read by the operation itself.
type request struct {
	ID        int    `json:"id"`
	Operation string `json:"op"`
}

// An answer line. Code is the gRPC status that the error carries, if any.
type answer struct {
	ID       int    `json:"id"`
	Result   any    `json:"result,omitempty"`
	Error    string `json:"error,omitempty"`
	Code     string `json:"code,omitempty"`
	Shutdown bool   `json:"shutdown,omitempty"`
}

type operation func(ctx context.Context, h *host, line []byte) (any, error)

// Filled in by init, since load runs the others.
var operations map[string]operation

func init() {
	operations = map[string]operation{
		"register":   register,
		"probe":      probe,
		"open":       open,
		"intrude":    intrude,
		"initialize": initialize,
		"newUser":    newUser,
		"updateUser": updateUser,
		"deleteUser": deleteUser,
		"type":       typeOf,
		"version":    version,
		"close":      closeDatabase,
		"raw":        raw,
		"load":       load,
	}
}

type host struct {
	catalog *catalog
	logger  hclog.Logger

	opening   sync.Mutex
	lock      sync.Mutex
	databases map[string]opened
}

// opened is a database with the process that it is in.
type opened struct {
	dbplugin.Database
	process *process
}

func main() {
	logger := hclog.New(&hclog.LoggerOptions{Name: "host", Level: logLevel(), JSONFormat: true, Output: os.Stderr})
	h := &host{catalog: newCatalog(logger), logger: logger, databases: map[string]opened{}}
	var output sync.Mutex
	var running sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := append([]byte(nil), lines.Bytes()...)
		running.Go(func() {
			answered, err := json.Marshal(h.serve(line))
			if err != nil {
				logger.Error("an answer cannot be encoded", "error", err)
				return
			}
			output.Lock()
			defer output.Unlock()
			fmt.Printf("%s\n", answered)
		})
	}
	running.Wait()
	h.catalog.killAll()
	if err := lines.Err(); err != nil {
		logger.Error("reading requests", "error", err)
		os.Exit(1)
	}
}

// logLevel is HOST_LOG_LEVEL, or all that there is.
func logLevel() hclog.Level {
	if level := hclog.LevelFromString(os.Getenv("HOST_LOG_LEVEL")); level != hclog.NoLevel {
		return level
	}
	return hclog.Trace
}

func (h *host) serve(line []byte) answer {
	var req request
	if err := json.Unmarshal(line, &req); err != nil {
		return answer{Error: err.Error()}
	}
	run, known := operations[req.Operation]
	if !known {
		return answer{ID: req.ID, Error: "unknown operation " + req.Operation}
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	result, err := run(ctx, h, line)
	if err != nil {
		return failure(req.ID, err)
	}
	return answer{ID: req.ID, Result: result}
}

func failure(id int, err error) answer {
	failed := answer{ID: id, Error: err.Error(), Shutdown: errors.Is(err, dbplugin.ErrPluginShutdown)}
	if st, ok := status.FromError(err); ok {
		failed.Code = st.Code().String()
	}
	return failed
}
