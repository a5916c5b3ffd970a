// Program plugin is a database plugin made with HashiCorp's SDK, for the tests of our server as a host. Its users live in
// the JSON file that the configuration names, so that a test sees what was done to them. With -single it serves one
// database (protocol 5), else many (protocols 5 and 6).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/database/dbplugin/v5"
	"github.com/hashicorp/vault/sdk/logical"
)

// What the configuration must hold to log in.
const adminPassword = "go-admin-pass"

// As the only statement of a request, refuse makes it fail with the password in the error, as careless plugins do. The
// others end the process: by a panic with the password in its text, and by an error that Go's runtime does not recover from.
const (
	refuse = "REFUSE"
	panics = "PANIC"
	fatal  = "FATAL"
)

type user struct {
	Password   string    `json:"password,omitempty"`
	Expiration time.Time `json:"expiration"`
	Statements []string  `json:"statements"`
	PID        int       `json:"pid"`
}

type fileDatabase struct {
	logger hclog.Logger

	lock sync.Mutex
	file string
	made int
}

var (
	_ dbplugin.Database       = (*fileDatabase)(nil)
	_ logical.PluginVersioner = (*fileDatabase)(nil)
)

func (d *fileDatabase) Initialize(_ context.Context, req dbplugin.InitializeRequest) (dbplugin.InitializeResponse, error) {
	file, ok := req.Config["users_file"].(string)
	if !ok {
		return dbplugin.InitializeResponse{}, errors.New("users_file must be a string")
	}
	if req.VerifyConnection && req.Config["password"] != adminPassword {
		return dbplugin.InitializeResponse{}, fmt.Errorf("error verifying connection: no login with %v", req.Config["password"])
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	d.file = file
	d.logger.Warn("a warning of the Go plugin", "file", file)
	d.logger.Info("a notice of the Go plugin")
	fmt.Println("printed by the Go plugin")
	return dbplugin.InitializeResponse{Config: req.Config}, nil
}

func (d *fileDatabase) NewUser(_ context.Context, req dbplugin.NewUserRequest) (dbplugin.NewUserResponse, error) {
	switch only(req.Statements) {
	case refuse:
		return dbplugin.NewUserResponse{}, fmt.Errorf("no user with password %s", req.Password)
	case panics:
		panic("no user with password " + req.Password)
	case fatal:
		debug.SetMaxStack(1 << 16)
		overflow(0)
	}
	var name string
	err := d.change(func(users map[string]user) error {
		d.made++
		name = fmt.Sprintf("go-%s-%s-%d-%d", req.UsernameConfig.DisplayName, req.UsernameConfig.RoleName, os.Getpid(), d.made)
		users[name] = user{
			Password: req.Password, Expiration: req.Expiration, Statements: req.Statements.Commands, PID: os.Getpid(),
		}
		return nil
	})
	return dbplugin.NewUserResponse{Username: name}, err
}

func (d *fileDatabase) UpdateUser(_ context.Context, req dbplugin.UpdateUserRequest) (dbplugin.UpdateUserResponse, error) {
	err := d.change(func(users map[string]user) error {
		changed, ok := users[req.Username]
		if !ok {
			return fmt.Errorf("no user %q", req.Username)
		}
		if req.Password != nil {
			changed.Password = req.Password.NewPassword
		}
		if req.Expiration != nil {
			changed.Expiration = req.Expiration.NewExpiration
			changed.Statements = req.Expiration.Statements.Commands
		}
		users[req.Username] = changed
		return nil
	})
	return dbplugin.UpdateUserResponse{}, err
}

func (d *fileDatabase) DeleteUser(_ context.Context, req dbplugin.DeleteUserRequest) (dbplugin.DeleteUserResponse, error) {
	if only(req.Statements) == refuse {
		return dbplugin.DeleteUserResponse{}, errors.New("this user stays")
	}
	return dbplugin.DeleteUserResponse{}, d.change(func(users map[string]user) error {
		delete(users, req.Username)
		return nil
	})
}

func (d *fileDatabase) Type() (string, error) { return "file", nil }
func (d *fileDatabase) Close() error          { return nil }

func (d *fileDatabase) PluginVersion() logical.PluginVersion {
	return logical.PluginVersion{Version: "v1.2.3"}
}

// change reads the file, applies a change and writes the file as a whole.
func (d *fileDatabase) change(apply func(users map[string]user) error) error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.file == "" {
		return errors.New("connection has not been initialized")
	}
	users := map[string]user{}
	text, err := os.ReadFile(d.file)
	if err == nil {
		err = json.Unmarshal(text, &users)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := apply(users); err != nil {
		return err
	}
	text, err = json.Marshal(users)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(d.file+".new", d.file)
}

func only(statements dbplugin.Statements) string {
	if len(statements.Commands) != 1 {
		return ""
	}
	return statements.Commands[0]
}

// overflow uses up the stack.
func overflow(depth int) int {
	return overflow(depth+1) + depth
}

func main() {
	single := flag.Bool("single", false, "serve one database, by protocol 5 only")
	flag.Parse()
	// The form in which a host takes over a plugin's log lines.
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, JSONFormat: true, Output: os.Stderr})
	if *single {
		dbplugin.Serve(&fileDatabase{logger: logger})
		return
	}
	dbplugin.ServeMultiplex(func() (any, error) { return &fileDatabase{logger: logger}, nil })
}
