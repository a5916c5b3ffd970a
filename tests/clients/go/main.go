// One flow through HashiCorp's own Go client. Prints one JSON object of what it saw.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	vault "github.com/hashicorp/vault/api"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func expect(ok bool, what string, got any) {
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, got)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func client(token string) *vault.Client {
	c := must(vault.NewClient(vault.DefaultConfig()))
	c.SetToken(token)
	return c
}

func main() {
	root := client(os.Getenv("FLOW_TOKEN"))
	mount := os.Getenv("FLOW_MOUNT")
	var database map[string]any
	check(json.Unmarshal([]byte(os.Getenv("FLOW_DATABASE")), &database))

	health := must(root.Sys().Health())
	expect(health.Initialized && !health.Sealed, "health", health)

	policies(root, mount)
	configure(root, mount, database)
	user := login(root, mount)
	username := issue(root, user, mount)
	wrap(root, user, mount)

	left := must(user.Logical().Read(mount + "/creds/app"))
	check(user.Auth().Token().RevokeSelf(""))
	check(root.Sys().DisableAuth(mount + "-approle"))
	check(root.Sys().DisableAuth(mount + "-userpass"))
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"username":   username,
		"leftBehind": left.Data["username"],
	}))
}

func policies(root *vault.Client, mount string) {
	policy := fmt.Sprintf(`path "%s/creds/app" { capabilities = ["read"] }`, mount)
	check(root.Sys().PutPolicy(mount, policy))
	expect(must(root.Sys().GetPolicy(mount)) == policy, "policy", nil)
	expect(strings.Contains(strings.Join(must(root.Sys().ListPolicies()), " "), mount), "policies", nil)
}

func configure(root *vault.Client, mount string, database map[string]any) {
	check(root.Sys().Mount(mount, &vault.MountInput{
		Type:   "database",
		Config: vault.MountConfigInput{DefaultLeaseTTL: "30m", MaxLeaseTTL: "2h"},
	}))
	expect(must(root.Sys().ListMounts())[mount+"/"] != nil, "mounts", mount)
	database["plugin_name"] = "ysql-plugin"
	database["allowed_roles"] = "app"
	must(root.Logical().Write(mount+"/config/yb", database))
	must(root.Logical().Write(mount+"/roles/app", map[string]any{
		"db_name": "yb", "creation_statements": os.Getenv("FLOW_CREATION"), "default_ttl": "10m", "max_ttl": "1h",
	}))
	expect(len(must(root.Logical().List(mount + "/roles")).Data["keys"].([]any)) == 1, "roles", nil)
}

func login(root *vault.Client, mount string) *vault.Client {
	approle, userpass := mount+"-approle", mount+"-userpass"
	check(root.Sys().EnableAuthWithOptions(approle, &vault.EnableAuthOptions{Type: "approle"}))
	check(root.Sys().EnableAuthWithOptions(userpass, &vault.EnableAuthOptions{Type: "userpass"}))
	expect(must(root.Sys().ListAuth())[approle+"/"].Type == "approle", "auth methods", nil)

	role := "auth/" + approle + "/role/web"
	must(root.Logical().Write(role, map[string]any{"token_policies": mount, "token_ttl": "20m"}))
	roleID := must(root.Logical().Read(role + "/role-id")).Data["role_id"]
	secretID := must(root.Logical().Write(role+"/secret-id", nil)).Data["secret_id"]
	user := client("")
	secret := must(user.Logical().Write("auth/"+approle+"/login", map[string]any{"role_id": roleID, "secret_id": secretID}))
	expect(secret.Auth.LeaseDuration == 1200 && secret.Auth.Renewable, "login", secret.Auth)
	user.SetToken(secret.Auth.ClientToken)

	must(root.Logical().Write("auth/"+userpass+"/users/ana", map[string]any{"password": "pw"}))
	person := client("")
	entered := must(person.Logical().Write("auth/"+userpass+"/login/ana", map[string]any{"password": "pw"}))
	person.SetToken(entered.Auth.ClientToken)
	renewed := must(person.Auth().Token().RenewSelf(300))
	expect(renewed.Auth.LeaseDuration == 300, "renewed login", renewed.Auth)
	_, err := person.Logical().Read(mount + "/creds/app")
	expect(err != nil && strings.Contains(err.Error(), "permission denied"), "without the policy", err)
	return user
}

func issue(root, user *vault.Client, mount string) any {
	secret := must(user.Logical().Read(mount + "/creds/app"))
	expect(secret.LeaseDuration == 600, "lease", secret)
	renewed := must(user.Sys().Renew(secret.LeaseID, 900))
	expect(renewed.LeaseDuration == 900, "renewed lease", renewed)
	expect(must(root.Sys().Lookup(secret.LeaseID)).Data["id"] == secret.LeaseID, "lease lookup", nil)
	check(root.Sys().Revoke(secret.LeaseID))
	return secret.Data["username"]
}

func wrap(root, user *vault.Client, mount string) {
	wrapping := must(user.Clone())
	wrapping.SetToken(user.Token())
	wrapping.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	wrapped := must(wrapping.Logical().Read(mount + "/creds/app"))
	expect(wrapped.WrapInfo != nil && wrapped.WrapInfo.TTL == 300, "wrapped", wrapped)
	// With a token of its own, and then as the wrapping token itself.
	unwrapped := must(root.Logical().Unwrap(wrapped.WrapInfo.Token))
	expect(unwrapped.Data["password"] != nil, "unwrapped", nil)
	_, err := root.Logical().Unwrap(wrapped.WrapInfo.Token)
	expect(err != nil && strings.Contains(err.Error(), "wrapping token is not valid"), "unwrapped twice", err)
	again := must(wrapping.Logical().Read(mount + "/creds/app"))
	bearer := client(again.WrapInfo.Token)
	expect(must(bearer.Logical().Unwrap("")).Data["password"] != nil, "unwrapped as the bearer", nil)
	_, err = bearer.Logical().Unwrap("")
	expect(err != nil && strings.Contains(err.Error(), "wrapping token is not valid"), "unwrapped twice as the bearer", err)
}
