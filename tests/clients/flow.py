"""One flow through hvac, the client of Vault for Python. Prints one JSON object of what it saw; any failure is a traceback."""

import json
import os

import hvac
import hvac.exceptions

seen = {}
root = hvac.Client(url=os.environ["VAULT_ADDR"], token=os.environ["FLOW_TOKEN"])
mount = os.environ["FLOW_MOUNT"]
database = json.loads(os.environ["FLOW_DATABASE"])

assert root.is_authenticated()
assert root.sys.is_initialized() and not root.sys.is_sealed()

# Policies.
policy = 'path "%s/creds/app" { capabilities = ["read"] }' % mount
root.sys.create_or_update_acl_policy(name=mount, policy=policy)
assert root.sys.read_acl_policy(name=mount)["data"]["policy"] == policy
assert mount in root.sys.list_acl_policies()["data"]["keys"]

# Mount and configure.
root.sys.enable_secrets_engine("database", path=mount, default_lease_ttl="30m", max_lease_ttl="2h")
assert mount + "/" in root.sys.list_mounted_secrets_engines()["data"]
db = root.secrets.database
db.configure(
    name="yb",
    plugin_name="ysql-plugin",
    allowed_roles=["app"],
    mount_point=mount,
    **database,
)
db.create_role(
    name="app",
    db_name="yb",
    creation_statements=[os.environ["FLOW_CREATION"]],
    default_ttl="10m",
    max_ttl="1h",
    mount_point=mount,
)
assert db.list_roles(mount_point=mount)["data"]["keys"] == ["app"]

# Logins.
root.sys.enable_auth_method("approle", path=mount + "-approle")
root.sys.enable_auth_method("userpass", path=mount + "-userpass")
approle = root.auth.approle
approle.create_or_update_approle("web", token_policies=[mount], token_ttl="20m", mount_point=mount + "-approle")
role_id = approle.read_role_id("web", mount_point=mount + "-approle")["data"]["role_id"]
secret_id = approle.generate_secret_id("web", mount_point=mount + "-approle")["data"]["secret_id"]
assert len(approle.list_secret_id_accessors("web", mount_point=mount + "-approle")["data"]["keys"]) == 1
user = hvac.Client(url=os.environ["VAULT_ADDR"])
login = user.auth.approle.login(role_id, secret_id, mount_point=mount + "-approle")
assert login["auth"]["policies"] == ["default", mount], login
root.auth.userpass.create_or_update_user("ana", password="pw", policies=mount, mount_point=mount + "-userpass")
person = hvac.Client(url=os.environ["VAULT_ADDR"])
person.auth.userpass.login("ana", "pw", mount_point=mount + "-userpass")
assert person.auth.token.lookup_self()["data"]["display_name"] == mount + "-userpass-ana"
person.auth.token.renew_self(increment="5m")

# Issue, renew, revoke, with the login's token.
creds = user.secrets.database.generate_credentials("app", mount_point=mount)
seen["username"] = creds["data"]["username"]
assert user.sys.renew_lease(creds["lease_id"], increment=900)["lease_duration"] == 900
assert root.sys.read_lease(creds["lease_id"])["data"]["id"] == creds["lease_id"]
root.sys.revoke_lease(creds["lease_id"])
wrapped = user.adapter.get("/v1/%s/creds/app" % mount, headers={"X-Vault-Wrap-TTL": "5m"})
wrapped = wrapped if isinstance(wrapped, dict) else wrapped.json()
token = wrapped["wrap_info"]["token"]
assert root.sys.unwrap(token)["data"]["username"] != seen["username"]
try:
    root.sys.unwrap(token)
    raise AssertionError("unwrapped twice")
except hvac.exceptions.InvalidRequest as error:
    assert "wrapping token is not valid or does not exist" in str(error)
other = hvac.Client(url=os.environ["VAULT_ADDR"])
try:
    other.secrets.database.generate_credentials("app", mount_point=mount)
    raise AssertionError("served without a token")
except hvac.exceptions.Forbidden:
    pass

# Revoking the login ends what it issued.
seen["leftBehind"] = user.secrets.database.generate_credentials("app", mount_point=mount)["data"]["username"]
user.auth.token.revoke_self()
root.sys.disable_auth_method(mount + "-approle")
root.sys.disable_auth_method(mount + "-userpass")
print(json.dumps(seen))
