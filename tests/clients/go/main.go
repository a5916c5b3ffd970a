// One flow through HashiCorp's own Go client. Prints one JSON object of what it saw.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strings"

	vault "github.com/hashicorp/vault/api"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintln(os.Stderr, string(debug.Stack()))
		os.Exit(1)
	}
}

func expect(ok bool, what string, got any) {
	if !ok {
		check(fmt.Errorf("%s: %v", what, got))
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// refused expects the server's refusal with this status and text.
func refused(err error, status int, text string) {
	var answer *vault.ResponseError
	expect(errors.As(err, &answer) && answer.StatusCode == status && strings.Contains(err.Error(), text), text, err)
}

// client takes VAULT_ADDR from the environment, as an agent does. It asks once: a sealed server stays sealed.
func client(token string) *vault.Client {
	c := must(vault.NewClient(vault.DefaultConfig()))
	c.SetMaxRetries(0)
	c.SetToken(token)
	return c
}

// logsIn asks the test whether the database takes the password.
func logsIn(username, password any) bool {
	body := must(json.Marshal(map[string]any{"username": username, "password": password}))
	response := must(http.Post(os.Getenv("FLOW_LOGINS"), "application/json", bytes.NewReader(body)))
	defer response.Body.Close()
	expect(response.StatusCode == 200, "login check", response.Status)
	var answer struct{ LoggedIn bool }
	check(json.NewDecoder(response.Body).Decode(&answer))
	return answer.LoggedIn
}

func clientVersion() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/hashicorp/vault/api" {
			return "vault/api " + module.Version
		}
	}
	return "vault/api"
}

func main() {
	mount := os.Getenv("FLOW_MOUNT")
	var database map[string]any
	check(json.Unmarshal([]byte(os.Getenv("FLOW_DATABASE")), &database))
	admin, adminPassword := database["username"], database["password"]

	root, keys := initialize()
	status(root)
	policies(root, mount)
	configure(root, mount, database)
	user := login(root, mount)
	username := issue(root, user, mount)
	wrap(root, user, mount)
	static := rotateStatic(root, mount, os.Getenv("FLOW_STATIC_LOGIN"))
	rotateRoot(root, mount, admin, adminPassword)
	rotateKey(root)
	seal(root, user, mount, keys)
	kept := must(root.Logical().Read(mount + "/static-creds/svc"))
	expect(kept.Data["password"] == static, "static password after the seal", nil)

	// With the new root password, from before the seal and after it.
	left := must(user.Logical().Read(mount + "/creds/app"))
	expect(logsIn(left.Data["username"], left.Data["password"]), "login after the seal", nil)
	check(user.Auth().Token().RevokeSelf(""))
	_, err := user.Auth().Token().LookupSelf()
	refused(err, 403, "permission denied")
	must(root.Logical().Delete(mount + "/static-roles/svc"))
	check(root.Sys().DisableAuth(mount + "-approle"))
	check(root.Sys().DisableAuth(mount + "-userpass"))
	check(root.Sys().DeletePolicy(mount))
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"client":     clientVersion(),
		"username":   username,
		"leftBehind": left.Data["username"],
	}))
}
