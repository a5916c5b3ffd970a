package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// loadTimeout ends a load that would take for ever.
const loadTimeout = 10 * time.Minute

// load runs requests of one operation, `clients` at once, and tells how long all took together: what is measured is the
// plugin and the host's own calls, and nothing of who asks for them.
func load(_ context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Operation string            `json:"operation"`
		Clients   int               `json:"clients"`
		Requests  []json.RawMessage `json:"requests"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	run := operations[in.Operation]
	results := make([]any, len(in.Requests))
	errs := make(chan error, in.Clients)
	next := make(chan int, len(in.Requests))
	for i := range in.Requests {
		next <- i
	}
	close(next)
	begin := time.Now()
	var clients sync.WaitGroup
	for range in.Clients {
		clients.Go(func() {
			for i := range next {
				result, err := run(ctx, h, in.Requests[i])
				if err != nil {
					errs <- err
					return
				}
				results[i] = result
			}
		})
	}
	clients.Wait()
	seconds := time.Since(begin).Seconds()
	select {
	case err := <-errs:
		return nil, err
	default:
		return map[string]any{"seconds": seconds, "results": results}, nil
	}
}
