package main

import (
	"os"

	vault "github.com/hashicorp/vault/api"
)

func configure(root *vault.Client, mount string, database map[string]any) {
	check(root.Sys().Mount(mount, &vault.MountInput{
		Type:   "database",
		Config: vault.MountConfigInput{DefaultLeaseTTL: "30m", MaxLeaseTTL: "1h"},
	}))
	check(root.Sys().Mount(mount+"-spare", &vault.MountInput{Type: "database"}))
	check(root.Sys().TuneMount(mount, vault.MountConfigInput{MaxLeaseTTL: "2h"}))
	tuned := must(root.Sys().MountConfig(mount))
	expect(tuned.DefaultLeaseTTL == 1800 && tuned.MaxLeaseTTL == 7200, "tuned", tuned)
	expect(must(root.Sys().ListMounts())[mount+"/"].Type == "database", "mounts", mount)
	check(root.Sys().Unmount(mount + "-spare"))
	expect(must(root.Sys().ListMounts())[mount+"-spare/"] == nil, "mounts", "-spare")

	fields := map[string]any{"plugin_name": "ysql-plugin", "allowed_roles": "app,svc"}
	for name, value := range database {
		fields[name] = value
	}
	must(root.Logical().Write(mount+"/config/yb", fields))
	shown := must(root.Logical().Read(mount + "/config/yb")).Data["connection_details"].(map[string]any)
	expect(shown["username"] == database["username"] && shown["password"] == nil, "configuration", shown)
	must(root.Logical().Write(mount+"/roles/app", map[string]any{
		"db_name": "yb", "creation_statements": os.Getenv("FLOW_CREATION"), "default_ttl": "10m", "max_ttl": "1h",
	}))
	expect(len(must(root.Logical().List(mount + "/roles")).Data["keys"].([]any)) == 1, "roles", nil)
}

func issue(root, user *vault.Client, mount string) any {
	secret := must(user.Logical().Read(mount + "/creds/app"))
	expect(secret.LeaseDuration == 600 && secret.Renewable, "lease", secret.LeaseID)
	expect(logsIn(secret.Data["username"], secret.Data["password"]), "issued login", nil)
	renewed := must(user.Sys().Renew(secret.LeaseID, 900))
	expect(renewed.LeaseDuration == 900, "renewed lease", renewed)
	expect(watch(user, secret, 1200).LeaseDuration == 1200, "watched lease", nil)
	expect(must(root.Sys().Lookup(secret.LeaseID)).Data["id"] == secret.LeaseID, "lease lookup", nil)
	check(root.Sys().RevokeWithOptions(&vault.RevokeOptions{LeaseID: secret.LeaseID, Sync: true}))
	expect(!logsIn(secret.Data["username"], secret.Data["password"]), "revoked login", nil)
	return secret.Data["username"]
}

// rotateStatic returns the last password of the static role.
func rotateStatic(root *vault.Client, mount, username string) any {
	must(root.Logical().Write(mount+"/static-roles/svc", map[string]any{
		"db_name": "yb", "username": username, "rotation_period": "24h",
	}))
	expect(len(must(root.Logical().List(mount + "/static-roles")).Data["keys"].([]any)) == 1, "static roles", nil)
	before := must(root.Logical().Read(mount + "/static-creds/svc")).Data
	expect(before["username"] == username && logsIn(username, before["password"]), "static login", nil)
	must(root.Logical().Write(mount+"/rotate-role/svc", nil))
	rotated := must(root.Logical().Read(mount + "/static-creds/svc")).Data["password"]
	expect(rotated != before["password"] && logsIn(username, rotated), "rotated login", nil)
	expect(!logsIn(username, before["password"]), "login with the password before", nil)
	return rotated
}

func rotateRoot(root *vault.Client, mount string, username, password any) {
	expect(logsIn(username, password), "login before rotate-root", nil)
	must(root.Logical().Write(mount+"/rotate-root/yb", nil))
	expect(!logsIn(username, password), "login with the root password before", nil)
}
