"""One flow through hvac, the client of Vault for Python. Prints one JSON object of what it saw; any failure is a traceback."""

import importlib.metadata
import json
import os
import urllib.request

import hvac
import hvac.exceptions

mount = os.environ["FLOW_MOUNT"]
database = json.loads(os.environ["FLOW_DATABASE"])
static_login = os.environ["FLOW_STATIC_LOGIN"]
APPROLE = mount + "-approle"
USERPASS = mount + "-userpass"


def client(token=None):
    return hvac.Client(url=os.environ["VAULT_ADDR"], token=token)


def logs_in(username, password):
    body = json.dumps({"username": username, "password": password}).encode()
    with urllib.request.urlopen(os.environ["FLOW_LOGINS"], body) as response:
        return json.load(response)["loggedIn"]


def refused(error, text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as raised:
        assert text in str(raised), raised
    else:
        raise AssertionError("not refused: " + text)


def unseal(keys):
    assert client().sys.submit_unseal_key(keys[0])["progress"] == 1
    assert client().sys.submit_unseal_key(keys[1])["sealed"] is False


# A new server: initialized, sealed, opened by two of three shares.
nobody = client()
assert nobody.sys.is_initialized() is False
assert nobody.sys.read_health_status(method="HEAD").status_code == 501
made = nobody.sys.initialize(secret_shares=3, secret_threshold=2)
assert len(made["keys"]) == 3
root = client(made["root_token"])
refused(hvac.exceptions.VaultDown, "Vault is sealed", root.sys.list_mounted_secrets_engines)
unseal(made["keys"])
assert root.sys.is_initialized() and not root.sys.is_sealed()
assert root.sys.read_health_status(method="GET")["sealed"] is False
assert root.sys.read_leader_status()["ha_enabled"] is False
assert root.is_authenticated()
assert root.auth.token.lookup_self()["data"]["policies"] == ["root"]

# Policies.
policy = 'path "%s/creds/app" { capabilities = ["read"] }' % mount
root.sys.create_or_update_acl_policy(name=mount, policy=policy)
assert root.sys.read_acl_policy(name=mount)["data"]["policy"] == policy
assert mount in root.sys.list_acl_policies()["data"]["keys"]
assert root.sys.get_capabilities([mount + "/creds/app"], token=made["root_token"])["capabilities"] == ["root"]

# Mount and configure.
root.sys.enable_secrets_engine("database", path=mount, config={"default_lease_ttl": "30m", "max_lease_ttl": "1h"})
root.sys.enable_secrets_engine("database", path=mount + "-spare")
root.sys.tune_mount_configuration(mount, max_lease_ttl="2h")
tuned = root.sys.read_mount_configuration(mount)["data"]
assert (tuned["default_lease_ttl"], tuned["max_lease_ttl"]) == (1800, 7200), tuned
assert mount + "/" in root.sys.list_mounted_secrets_engines()["data"]
root.sys.disable_secrets_engine(mount + "-spare")
assert mount + "-spare/" not in root.sys.list_mounted_secrets_engines()["data"]
db = root.secrets.database
db.configure(name="yb", plugin_name="ysql-plugin", allowed_roles=["app", "svc"], mount_point=mount, **database)
shown = db.read_connection("yb", mount_point=mount)["data"]
assert shown["connection_details"]["username"] == database["username"]
assert database["password"] not in json.dumps(shown)
assert db.list_connections(mount_point=mount)["data"]["keys"] == ["yb"]
db.reset_connection("yb", mount_point=mount)
db.create_role(
    name="app",
    db_name="yb",
    creation_statements=[os.environ["FLOW_CREATION"]],
    default_ttl="10m",
    max_ttl="1h",
    mount_point=mount,
)
assert db.list_roles(mount_point=mount)["data"]["keys"] == ["app"]
assert db.read_role("app", mount_point=mount)["data"]["default_ttl"] == 600

# Logins.
root.sys.enable_auth_method("approle", path=APPROLE)
root.sys.enable_auth_method("userpass", path=USERPASS)
assert root.sys.list_auth_methods()["data"][APPROLE + "/"]["type"] == "approle"
approle = root.auth.approle
approle.create_or_update_approle("web", token_policies=[mount], token_ttl="20m", mount_point=APPROLE)
role_id = approle.read_role_id("web", mount_point=APPROLE)["data"]["role_id"]
secret_id = approle.generate_secret_id("web", mount_point=APPROLE)["data"]["secret_id"]
assert len(approle.list_secret_id_accessors("web", mount_point=APPROLE)["data"]["keys"]) == 1
user = client()
login = user.auth.approle.login(role_id, secret_id, mount_point=APPROLE)
assert login["auth"]["policies"] == ["default", mount], login
root.auth.userpass.create_or_update_user("ana", password="pw", mount_point=USERPASS)
person = client()
person.auth.userpass.login("ana", "pw", mount_point=USERPASS)
assert person.auth.token.lookup_self()["data"]["display_name"] == USERPASS + "-ana"
assert person.auth.token.renew_self(increment="5m")["auth"]["lease_duration"] == 300
generate = user.secrets.database.generate_credentials
for without in (person, client()):
    refused(
        hvac.exceptions.Forbidden,
        "permission denied",
        without.secrets.database.generate_credentials,
        "app",
        mount_point=mount,
    )
refused(
    hvac.exceptions.Forbidden, "permission denied", user.secrets.database.read_connection, "yb", mount_point=mount
)

# Issue, renew, revoke, with the login's token.
issued = generate("app", mount_point=mount)
assert logs_in(**issued["data"])
assert user.sys.renew_lease(issued["lease_id"], increment=900)["lease_duration"] == 900
assert root.sys.read_lease(issued["lease_id"])["data"]["id"] == issued["lease_id"]
assert len(root.sys.list_leases(mount + "/creds/app")["data"]["keys"]) == 1
root.sys.revoke_lease(issued["lease_id"])

# Wrapping.
wrapped = user.adapter.get("/v1/%s/creds/app" % mount, headers={"X-Vault-Wrap-TTL": "5m"})
wrapped = wrapped if isinstance(wrapped, dict) else wrapped.json()
assert wrapped["wrap_info"]["ttl"] == 300
token = wrapped["wrap_info"]["token"]
assert logs_in(**root.sys.unwrap(token)["data"])
refused(hvac.exceptions.InvalidRequest, "wrapping token is not valid or does not exist", root.sys.unwrap, token)
payload = root.sys.wrap({"answer": "42"}, ttl=60)["wrap_info"]["token"]
assert root.sys.unwrap(payload)["data"] == {"answer": "42"}

# Static roles and their rotation.
db.create_static_role(
    name="svc",
    db_name="yb",
    username=static_login,
    rotation_statements=["ALTER USER \"{{name}}\" WITH PASSWORD '{{password}}';"],
    mount_point=mount,
)
assert db.list_static_roles(mount_point=mount)["data"]["keys"] == ["svc"]
assert db.read_static_role("svc", mount_point=mount)["data"]["rotation_period"] == 86400
before = db.get_static_credentials("svc", mount_point=mount)["data"]
assert before["username"] == static_login and logs_in(static_login, before["password"])
db.rotate_static_role_credentials("svc", mount_point=mount)
rotated = db.get_static_credentials("svc", mount_point=mount)["data"]
assert rotated["password"] != before["password"]
assert logs_in(static_login, rotated["password"])
assert not logs_in(static_login, before["password"])

# Root rotation, and that of the encryption key.
assert logs_in(database["username"], database["password"])
db.rotate_root_credentials("yb", mount_point=mount)
assert not logs_in(database["username"], database["password"])
term = root.sys.get_encryption_key_status()["data"]["term"]
root.sys.rotate_encryption_key()
assert root.sys.get_encryption_key_status()["data"]["term"] == term + 1

# Sealed and opened again.
root.sys.seal()
assert nobody.sys.is_sealed()
assert nobody.sys.read_health_status(method="GET").status_code == 503
refused(hvac.exceptions.VaultDown, "Vault is sealed", generate, "app", mount_point=mount)
unseal(made["keys_base64"][1:])
assert db.get_static_credentials("svc", mount_point=mount)["data"]["password"] == rotated["password"]

# Revoking the login ends what it issued, here with the new root password.
left = generate("app", mount_point=mount)
assert logs_in(**left["data"])
user.auth.token.revoke_self()
refused(hvac.exceptions.Forbidden, "permission denied", user.auth.token.lookup_self)
db.delete_static_role("svc", mount_point=mount)
root.sys.disable_auth_method(APPROLE)
root.sys.disable_auth_method(USERPASS)
root.sys.delete_acl_policy(mount)
print(
    json.dumps(
        {
            "client": "hvac " + importlib.metadata.version("hvac"),
            "username": issued["data"]["username"],
            "leftBehind": left["data"]["username"],
        }
    )
)
