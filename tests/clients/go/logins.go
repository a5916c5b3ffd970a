package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
	"github.com/hashicorp/vault/api/auth/userpass"
)

func policies(root *vault.Client, mount string) {
	policy := fmt.Sprintf(`path "%s/creds/app" { capabilities = ["read"] }`, mount)
	check(root.Sys().PutPolicy(mount, policy))
	expect(must(root.Sys().GetPolicy(mount)) == policy, "policy", nil)
	expect(slices.Contains(must(root.Sys().ListPolicies()), mount), "policies", nil)
}

// login returns the client of a login by approle, whose secret ID was handed over wrapped.
func login(root *vault.Client, mount string) *vault.Client {
	appRoles, people := mount+"-approle", mount+"-userpass"
	check(root.Sys().EnableAuthWithOptions(appRoles, &vault.EnableAuthOptions{Type: "approle"}))
	check(root.Sys().EnableAuthWithOptions(people, &vault.EnableAuthOptions{Type: "userpass"}))
	expect(must(root.Sys().ListAuth())[appRoles+"/"].Type == "approle", "auth methods", nil)

	role := "auth/" + appRoles + "/role/web"
	must(root.Logical().Write(role, map[string]any{"token_policies": mount, "token_ttl": "20m"}))
	roleID := must(root.Logical().Read(role + "/role-id")).Data["role_id"].(string)
	wrapping := wrapped(root, "2m")
	file := filepath.Join(must(os.MkdirTemp("", "coffer-secret-id-")), "wrapped")
	defer os.RemoveAll(filepath.Dir(file))
	check(os.WriteFile(file, []byte(must(wrapping.Logical().Write(role+"/secret-id", nil)).WrapInfo.Token), 0o600))

	user := client("")
	method := must(approle.NewAppRoleAuth(roleID, &approle.SecretID{FromFile: file},
		approle.WithMountPath(appRoles), approle.WithWrappingToken()))
	secret := must(user.Auth().Login(context.Background(), method))
	expect(secret.Auth.LeaseDuration == 1200 && secret.Auth.Renewable, "login", secret.Auth)
	expect(slices.Equal(must(secret.TokenPolicies()), []string{"default", mount}), "policies of the login", secret.Auth)
	expect(secret.Auth.Metadata["role_name"] == "web", "metadata of the login", secret.Auth)
	self := must(user.Auth().Token().LookupSelf())
	expect(must(self.TokenTTL()) > 0 && must(self.TokenIsRenewable()), "own TTL", self.Data)
	expect(watch(user, secret, 600).Auth.LeaseDuration == 600, "watched login", nil)

	must(root.Logical().Write("auth/"+people+"/users/ana", map[string]any{"password": "pw"}))
	person := client("")
	must(person.Auth().Login(context.Background(),
		must(userpass.NewUserpassAuth("ana", &userpass.Password{FromString: "pw"}, userpass.WithMountPath(people)))))
	renewed := must(person.Auth().Token().RenewSelf(300))
	expect(renewed.Auth.LeaseDuration == 300, "renewed login", renewed.Auth)
	_, err := person.Logical().Read(mount + "/creds/app")
	refused(err, 403, "permission denied")
	_, err = user.Logical().Read(mount + "/config/yb")
	refused(err, 403, "permission denied")
	expect(slices.Equal(must(person.Sys().CapabilitiesSelf(mount+"/creds/app")), []string{"deny"}), "capabilities", nil)
	return user
}

// watch returns the first renewal of the watcher that keeps logins and leases alive in programs.
func watch(c *vault.Client, secret *vault.Secret, increment int) *vault.Secret {
	watcher := must(c.NewLifetimeWatcher(&vault.LifetimeWatcherInput{
		Secret: secret, Increment: increment, RenewBehavior: vault.RenewBehaviorErrorOnErrors,
	}))
	go watcher.Start()
	defer watcher.Stop()
	select {
	case renewal := <-watcher.RenewCh():
		return renewal.Secret
	case err := <-watcher.DoneCh():
		check(fmt.Errorf("the watcher ended: %w", err))
	case <-time.After(time.Minute):
		check(fmt.Errorf("the watcher renewed nothing"))
	}
	return nil
}

// wrapped is a client of the same token whose answers come wrapped.
func wrapped(c *vault.Client, ttl string) *vault.Client {
	wrapping := must(c.Clone())
	wrapping.SetToken(c.Token())
	wrapping.SetWrappingLookupFunc(func(_, path string) string {
		if strings.HasPrefix(path, "sys/") {
			return ""
		}
		return ttl
	})
	return wrapping
}

func wrap(root, user *vault.Client, mount string) {
	wrapping := wrapped(user, "5m")
	answer := must(wrapping.Logical().Read(mount + "/creds/app"))
	expect(answer.WrapInfo != nil && answer.WrapInfo.TTL == 300, "wrapped", answer)
	// With a token of its own, and then as the wrapping token itself.
	unwrapped := must(root.Logical().Unwrap(answer.WrapInfo.Token))
	expect(logsIn(unwrapped.Data["username"], unwrapped.Data["password"]), "login of what was wrapped", nil)
	_, err := root.Logical().Unwrap(answer.WrapInfo.Token)
	refused(err, 400, "wrapping token is not valid or does not exist")
	again := must(wrapping.Logical().Read(mount + "/creds/app"))
	bearer := client(again.WrapInfo.Token)
	expect(must(bearer.Logical().Unwrap("")).Data["password"] != nil, "unwrapped as the bearer", nil)
	_, err = bearer.Logical().Unwrap("")
	refused(err, 400, "wrapping token is not valid or does not exist")
}
