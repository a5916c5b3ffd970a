package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/database/dbplugin/v5"
	"github.com/hashicorp/vault/sdk/logical"
)

// database decodes a request into `in` and finds the database that it names.
func (h *host) database(line []byte, in any) (opened, error) {
	var named struct {
		Database string `json:"database"`
	}
	if err := json.Unmarshal(line, &named); err != nil {
		return opened{}, err
	}
	if err := json.Unmarshal(line, in); err != nil {
		return opened{}, err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	found, ok := h.databases[named.Database]
	if !ok {
		return opened{}, fmt.Errorf("database %q is not open", named.Database)
	}
	return found, nil
}

func initialize(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Config map[string]any `json:"config"`
		Verify bool           `json:"verify"`
	}
	database, err := h.database(line, &in)
	if err != nil {
		return nil, err
	}
	made, err := database.Initialize(ctx, dbplugin.InitializeRequest{Config: in.Config, VerifyConnection: in.Verify})
	return made.Config, err
}

func newUser(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		DisplayName        string    `json:"displayName"`
		RoleName           string    `json:"roleName"`
		CredentialType     int       `json:"credentialType"`
		Password           string    `json:"password"`
		PublicKey          string    `json:"publicKey"`
		Expiration         time.Time `json:"expiration"`
		Statements         []string  `json:"statements"`
		RollbackStatements []string  `json:"rollbackStatements"`
	}
	database, err := h.database(line, &in)
	if err != nil {
		return nil, err
	}
	made, err := database.NewUser(ctx, dbplugin.NewUserRequest{
		UsernameConfig:     dbplugin.UsernameMetadata{DisplayName: in.DisplayName, RoleName: in.RoleName},
		CredentialType:     dbplugin.CredentialType(in.CredentialType),
		Password:           in.Password,
		PublicKey:          []byte(in.PublicKey),
		Expiration:         in.Expiration,
		Statements:         dbplugin.Statements{Commands: in.Statements},
		RollbackStatements: dbplugin.Statements{Commands: in.RollbackStatements},
	})
	return made.Username, err
}

func updateUser(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Username            string    `json:"username"`
		Password            string    `json:"password"`
		Statements          []string  `json:"statements"`
		Expiration          time.Time `json:"expiration"`
		SelfManagedPassword string    `json:"selfManagedPassword"`
	}
	database, err := h.database(line, &in)
	if err != nil {
		return nil, err
	}
	statements := dbplugin.Statements{Commands: in.Statements}
	change := dbplugin.UpdateUserRequest{Username: in.Username, SelfManagedPassword: in.SelfManagedPassword}
	if in.Password != "" {
		change.Password = &dbplugin.ChangePassword{NewPassword: in.Password, Statements: statements}
	}
	if !in.Expiration.IsZero() {
		change.Expiration = &dbplugin.ChangeExpiration{NewExpiration: in.Expiration}
	}
	_, err = database.UpdateUser(ctx, change)
	return nil, err
}

func deleteUser(ctx context.Context, h *host, line []byte) (any, error) {
	var in struct {
		Username   string   `json:"username"`
		Statements []string `json:"statements"`
	}
	database, err := h.database(line, &in)
	if err != nil {
		return nil, err
	}
	_, err = database.DeleteUser(ctx, dbplugin.DeleteUserRequest{
		Username: in.Username, Statements: dbplugin.Statements{Commands: in.Statements},
	})
	return nil, err
}

func typeOf(_ context.Context, h *host, line []byte) (any, error) {
	database, err := h.database(line, &struct{}{})
	if err != nil {
		return nil, err
	}
	return database.Type()
}

func version(_ context.Context, h *host, line []byte) (any, error) {
	database, err := h.database(line, &struct{}{})
	if err != nil {
		return nil, err
	}
	versioner, ok := database.Database.(logical.PluginVersioner)
	if !ok {
		return nil, fmt.Errorf("%T has no version", database.Database)
	}
	return versioner.PluginVersion().Version, nil
}

func closeDatabase(_ context.Context, h *host, line []byte) (any, error) {
	database, err := h.database(line, &struct{}{})
	if err != nil {
		return nil, err
	}
	return nil, database.Close()
}
