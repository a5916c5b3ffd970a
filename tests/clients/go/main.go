package main

import vault "github.com/hashicorp/vault/api"

func main() { _, _ = vault.NewClient(vault.DefaultConfig()) }
