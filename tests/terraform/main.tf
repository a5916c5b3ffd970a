# Everything of ours that Terraform can manage. With `changed` each resource that can be updated in place is.

terraform {
  required_providers {
    vault = {
      source = "hashicorp/vault"
    }
  }
}

variable "changed" {
  type    = bool
  default = false
}

variable "database" {
  type = object({ host = string, port = number, name = string, username = string, password = string })
}

variable "static_login" {
  type = string
}

variable "scheduled_login" {
  type = string
}

locals {
  connection_url = "postgres://{{username}}:{{password}}@${var.database.host}:${var.database.port}/${var.database.name}?sslmode=disable"
  creation = [
    "CREATE ROLE \"{{username}}\" WITH PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' NOINHERIT LOGIN",
  ]
}

provider "vault" {}

resource "vault_mount" "database" {
  path                        = "tf-database"
  type                        = "database"
  description                 = var.changed ? "changed" : "made by Terraform"
  default_lease_ttl_seconds   = var.changed ? 1200 : 1800
  max_lease_ttl_seconds       = 7200
  audit_non_hmac_request_keys = var.changed ? ["role"] : []
  passthrough_request_headers = ["x-request-id"]
  allowed_response_headers    = []
  listing_visibility          = var.changed ? "unauth" : "hidden"
}

resource "vault_auth_backend" "approle" {
  path        = "tf-approle"
  type        = "approle"
  description = "for applications"
  tune {
    default_lease_ttl  = var.changed ? "20m" : "30m"
    max_lease_ttl      = "2h"
    listing_visibility = "hidden"
    token_type         = "default-service"
  }
}

resource "vault_auth_backend" "userpass" {
  path = var.changed ? "tf-people" : "tf-userpass"
  type = "userpass"
}

# What is written in capitals is read back in capitals, or the provider ends with an error.
resource "vault_userpass_auth_backend_user" "bo" {
  mount          = vault_auth_backend.userpass.path
  username       = "bo"
  password_wo    = "chosen-for-bo"
  token_policies = var.changed ? ["Readers"] : ["Readers", "app"]
}

resource "vault_mount" "moved" {
  path = var.changed ? "tf-moved" : "tf-spare"
  type = "database"
}

# Of the kind that has a block of its own, by the password that is never stored.
resource "vault_database_secret_backend_connection" "block" {
  backend                  = vault_mount.database.path
  name                     = "block"
  plugin_name              = "postgresql-ysql-plugin"
  allowed_roles            = var.changed ? ["app", "static", "scheduled", "later"] : ["app", "static", "scheduled"]
  root_rotation_statements = ["ALTER ROLE \"{{username}}\" WITH PASSWORD '{{password}}'"]

  postgresql {
    connection_url          = local.connection_url
    username                = var.database.username
    password_wo             = var.database.password
    password_wo_version     = 1
    username_template       = "v-{{.RoleName}}-{{random 20}}"
    max_open_connections    = var.changed ? 4 : 3
    max_idle_connections    = 1
    max_connection_lifetime = 60
  }
}

# And with the password in the state, under the name of Vault's own plugin.
resource "vault_database_secret_backend_connection" "stored" {
  backend           = vault_mount.database.path
  name              = "stored"
  plugin_name       = "postgresql-database-plugin"
  allowed_roles     = var.changed ? ["reports"] : ["*"]
  verify_connection = false

  postgresql {
    connection_url = local.connection_url
    username       = var.database.username
    password       = var.database.password
  }
}

resource "vault_database_secret_backend_role" "app" {
  backend               = vault_mount.database.path
  name                  = "app"
  db_name               = vault_database_secret_backend_connection.block.name
  creation_statements   = local.creation
  renew_statements      = ["ALTER ROLE \"{{username}}\" VALID UNTIL '{{expiration}}'"]
  revocation_statements = var.changed ? ["DROP ROLE IF EXISTS \"{{username}}\""] : []
  default_ttl           = var.changed ? 600 : 900
  max_ttl               = 3600
  credential_type       = "password"
}

resource "vault_database_secret_backend_static_role" "static" {
  backend             = vault_mount.database.path
  name                = "static"
  db_name             = vault_database_secret_backend_connection.block.name
  username            = var.static_login
  rotation_period     = var.changed ? 7200 : 3600
  rotation_statements = ["ALTER USER \"{{name}}\" WITH PASSWORD '{{password}}';"]
}

resource "vault_database_secret_backend_static_role" "scheduled" {
  backend           = vault_mount.database.path
  name              = "scheduled"
  db_name           = vault_database_secret_backend_connection.block.name
  username          = var.scheduled_login
  rotation_schedule = var.changed ? "30 1 * * SAT" : "0 0 * * SAT"
  rotation_window   = 3600
}

resource "vault_policy" "app" {
  name   = "tf-app"
  policy = <<-HCL
    path "tf-database/creds/app" {
      capabilities = [${var.changed ? "\"read\", \"list\"" : "\"read\""}]
    }
  HCL
}

resource "vault_approle_auth_backend_role" "web" {
  backend               = vault_auth_backend.approle.path
  role_name             = "web"
  token_policies        = var.changed ? [vault_policy.app.name, "Default"] : [vault_policy.app.name]
  token_ttl             = 600
  token_max_ttl         = var.changed ? 1800 : 1200
  secret_id_ttl         = 600
  secret_id_num_uses    = 5
  secret_id_bound_cidrs = ["127.0.0.0/8"]
  token_bound_cidrs     = ["127.0.0.1"]
}

resource "vault_approle_auth_backend_role_secret_id" "web" {
  backend   = vault_auth_backend.approle.path
  role_name = vault_approle_auth_backend_role.web.role_name
  metadata  = jsonencode({ machine = "first" })
  cidr_list = ["127.0.0.1/32"]
  # As the role says: the provider takes what it reads for its own, and would make another one.
  num_uses = 5
  ttl      = 600
}

resource "vault_token_auth_backend_role" "jobs" {
  role_name              = "tf-jobs"
  allowed_policies       = var.changed ? [vault_policy.app.name, "default"] : [vault_policy.app.name]
  disallowed_policies    = ["root"]
  orphan                 = true
  renewable              = true
  token_period           = 3600
  token_explicit_max_ttl = 7200
}

resource "vault_token" "job" {
  role_name    = vault_token_auth_backend_role.jobs.role_name
  policies     = [vault_policy.app.name]
  display_name = "job"
  ttl          = "10m"
  metadata     = { job = "nightly" }
}

resource "vault_token" "child" {
  policies          = [vault_policy.app.name]
  no_default_policy = true
  renewable         = true
  ttl               = "1h"
  num_uses          = 0
}

output "secret_id" {
  value     = vault_approle_auth_backend_role_secret_id.web.secret_id
  sensitive = true
}

output "role_id" {
  value = vault_approle_auth_backend_role.web.role_id
}

output "job" {
  value     = vault_token.job.client_token
  sensitive = true
}
