/** One flow through node-vault. Prints one JSON object of what it saw; any failure is a stack trace. */
import assert from 'node:assert/strict';
import nodeVault from 'node-vault';

const {
  VAULT_ADDR: endpoint,
  FLOW_TOKEN: token,
  FLOW_MOUNT: mount,
  FLOW_CREATION: creation,
  FLOW_DATABASE,
} = process.env;
const database = JSON.parse(FLOW_DATABASE);
const client = (given) => nodeVault({ endpoint, token: given, apiVersion: 'v1' });
const root = client(token);
const approle = `${mount}-approle`;
const userpass = `${mount}-userpass`;

assert.equal((await root.health()).sealed, false);

const rules = `path "${mount}/creds/app" { capabilities = ["read"] }`;
await root.addPolicy({ name: mount, rules });
assert.equal((await root.getPolicy({ name: mount })).rules, rules);

await root.mount({ mount_point: mount, type: 'database', config: { default_lease_ttl: '30m', max_lease_ttl: '2h' } });
assert.ok((await root.mounts())[`${mount}/`]);
await root.write(`${mount}/config/yb`, { plugin_name: 'ysql-plugin', allowed_roles: 'app', ...database });
await root.write(`${mount}/roles/app`, {
  db_name: 'yb',
  creation_statements: creation,
  default_ttl: '10m',
  max_ttl: '1h',
});
assert.deepEqual((await root.list(`${mount}/roles`)).data.keys, ['app']);

await root.enableAuth({ mount_point: approle, type: 'approle' });
await root.enableAuth({ mount_point: userpass, type: 'userpass' });
assert.equal((await root.auths())[`${approle}/`].type, 'approle');
const role = `auth/${approle}/role/web`;
await root.write(role, { token_policies: mount, token_ttl: '20m' });
const { role_id } = (await root.read(`${role}/role-id`)).data;
const { secret_id } = (await root.write(`${role}/secret-id`, {})).data;
const login = await client('').approleLogin({ mount_point: approle, role_id, secret_id });
assert.equal(login.auth.lease_duration, 1200);
const user = client(login.auth.client_token);
await root.write(`auth/${userpass}/users/ana`, { password: 'pw' });
const entered = await client('').userpassLogin({ mount_point: userpass, username: 'ana', password: 'pw' });
const person = client(entered.auth.client_token);
assert.equal((await person.tokenRenewSelf({ increment: '5m' })).auth.lease_duration, 300);
await assert.rejects(person.read(`${mount}/creds/app`), /permission denied/);

const issued = await user.read(`${mount}/creds/app`);
const renewed = await user.renew({ lease_id: issued.lease_id, increment: 900 });
assert.equal(renewed.lease_duration, 900);
await root.revoke({ lease_id: issued.lease_id });

const wrapped = await user.read(`${mount}/creds/app`, { headers: { 'X-Vault-Wrap-TTL': '5m' } });
assert.equal(wrapped.wrap_info.ttl, 300);
const bearer = client(wrapped.wrap_info.token);
assert.ok((await bearer.unwrap()).data.password);
await assert.rejects(bearer.unwrap(), /wrapping token is not valid or does not exist/);

const left = await user.read(`${mount}/creds/app`);
await user.tokenRevokeSelf();
await root.disableAuth({ mount_point: approle });
await root.disableAuth({ mount_point: userpass });
console.log(JSON.stringify({ username: issued.data.username, leftBehind: left.data.username }));
