package main

import (
	"slices"

	vault "github.com/hashicorp/vault/api"
)

// initialize makes the keys of the new server and opens it with two of three shares.
func initialize() (*vault.Client, *vault.InitResponse) {
	nobody := client("")
	expect(!must(nobody.Sys().InitStatus()), "initialized", true)
	expect(!must(nobody.Sys().Health()).Initialized, "health before init", nil)
	keys := must(nobody.Sys().Init(&vault.InitRequest{SecretShares: 3, SecretThreshold: 2}))
	expect(len(keys.Keys) == 3 && len(keys.KeysB64) == 3, "shares", len(keys.Keys))
	root := client(keys.RootToken)
	_, err := root.Sys().ListMounts()
	refused(err, 503, "Vault is sealed")
	unseal(keys.Keys)
	return root, keys
}

func unseal(shares []string) {
	nobody := client("")
	expect(must(nobody.Sys().Unseal(shares[2])).Progress == 1, "progress", nil)
	expect(must(nobody.Sys().ResetUnsealProcess()).Progress == 0, "progress after reset", nil)
	expect(must(nobody.Sys().Unseal(shares[0])).Sealed, "one of two shares", nil)
	expect(!must(nobody.Sys().Unseal(shares[1])).Sealed, "two of two shares", nil)
}

// status decodes into the client's own types what agents and operators ask for first.
func status(root *vault.Client) {
	health := must(root.Sys().Health())
	expect(health.Initialized && !health.Sealed && !health.Standby && health.Version != "", "health", health)
	expect(health.ServerTimeUTC > 0 && health.ClusterID != "" && health.ClusterName != "", "health", health)
	sealStatus := must(root.Sys().SealStatus())
	expect(sealStatus.Type == "shamir" && sealStatus.T == 2 && sealStatus.N == 3, "seal status", sealStatus)
	expect(sealStatus.StorageType == "file" && sealStatus.ClusterID == health.ClusterID, "seal status", sealStatus)
	expect(!must(root.Sys().Leader()).HAEnabled, "leader", nil)

	self := must(root.Auth().Token().LookupSelf())
	expect(must(self.TokenID()) == root.Token() && must(self.TokenAccessor()) != "", "own token", nil)
	expect(slices.Equal(must(self.TokenPolicies()), []string{"root"}), "own policies", self.Data)
	expect(must(self.TokenTTL()) == 0 && !must(self.TokenIsRenewable()), "own TTL", self.Data)
	expect(slices.Equal(must(root.Sys().CapabilitiesSelf("sys/seal")), []string{"root"}), "capabilities", nil)
}

func seal(root, user *vault.Client, mount string, keys *vault.InitResponse) {
	check(root.Sys().Seal())
	expect(must(root.Sys().SealStatus()).Sealed && must(root.Sys().Health()).Sealed, "sealed", nil)
	_, err := user.Logical().Read(mount + "/creds/app")
	refused(err, 503, "Vault is sealed")
	unseal(keys.KeysB64)
}

func rotateKey(root *vault.Client) {
	before := must(root.Sys().KeyStatus())
	check(root.Sys().Rotate())
	after := must(root.Sys().KeyStatus())
	expect(after.Term == before.Term+1 && !after.InstallTime.Before(before.InstallTime), "key status", after)
}
