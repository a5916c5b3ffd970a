/** One flow through node-vault. Prints one JSON object of what it saw; any failure is a stack trace. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import nodeVault from 'node-vault';

const { VAULT_ADDR: endpoint, FLOW_MOUNT: mount, FLOW_CREATION: creation, FLOW_LOGINS: logins } = process.env;
const { username: admin, password: adminPassword, ...place } = JSON.parse(process.env.FLOW_DATABASE);
const staticLogin = process.env.FLOW_STATIC_LOGIN;
const client = (given) => nodeVault({ endpoint, token: given, apiVersion: 'v1' });
const nobody = () => client('');
const approle = `${mount}-approle`;
const userpass = `${mount}-userpass`;

async function logsIn(username, password) {
  const response = await fetch(logins, { method: 'POST', body: JSON.stringify({ username, password }) });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).loggedIn;
}

// A new server: initialized, sealed, opened by two of three shares.
assert.equal((await nobody().initialized()).initialized, false);
assert.equal((await nobody().health()).initialized, false);
const { keys, keys_base64, root_token } = await nobody().init({ secret_shares: 3, secret_threshold: 2 });
assert.equal(keys.length, 3);
const root = client(root_token);
await assert.rejects(root.mounts(), /Vault is sealed/);
const unseal = async (shares) => {
  assert.equal((await nobody().unseal({ key: shares[0] })).progress, 1);
  assert.equal((await nobody().unseal({ key: shares[1] })).sealed, false);
};
await unseal(keys);
assert.equal((await root.health()).sealed, false);
assert.equal((await root.tokenLookupSelf()).data.policies[0], 'root');

const rules = `path "${mount}/creds/app" { capabilities = ["read"] }`;
await root.addPolicy({ name: mount, rules });
assert.equal((await root.getPolicy({ name: mount })).rules, rules);
assert.ok((await root.policies()).policies.includes(mount));

const lease = { default_lease_ttl: '30m', max_lease_ttl: '2h' };
await root.mount({ mount_point: mount, type: 'database', config: lease });
await root.mount({ mount_point: `${mount}-spare`, type: 'database' });
assert.equal((await root.mounts())[`${mount}/`].config.max_lease_ttl, 7200);
await root.unmount({ mount_point: `${mount}-spare` });
assert.equal((await root.mounts())[`${mount}-spare/`], undefined);
await root.write(`${mount}/config/yb`, {
  plugin_name: 'ysql-plugin',
  allowed_roles: 'app,svc',
  username: admin,
  password: adminPassword,
  ...place,
});
assert.equal((await root.read(`${mount}/config/yb`)).data.connection_details.username, admin);
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
const web = { mount_point: approle, role_name: 'web' };
await root.addApproleRole({ ...web, policies: mount, token_ttl: 1200 });
const { role_id } = (await root.getApproleRoleId(web)).data;
const { secret_id } = (await root.getApproleRoleSecret(web)).data;
const login = await nobody().approleLogin({ mount_point: approle, role_id, secret_id });
assert.equal(login.auth.lease_duration, 1200);
const user = client(login.auth.client_token);
await root.write(`auth/${userpass}/users/ana`, { password: 'pw' });
const entered = await nobody().userpassLogin({ mount_point: userpass, username: 'ana', password: 'pw' });
const person = client(entered.auth.client_token);
assert.equal((await person.tokenRenewSelf({ increment: '5m' })).auth.lease_duration, 300);
await assert.rejects(person.read(`${mount}/creds/app`), /permission denied/);
await assert.rejects(user.read(`${mount}/config/yb`), /permission denied/);

const issue = (by) => by.generateDatabaseCredentials({ databasePath: mount, name: 'app' });
const issued = await issue(user);
assert.ok(await logsIn(issued.data.username, issued.data.password));
const renewed = await user.renew({ lease_id: issued.lease_id, increment: 900 });
assert.equal(renewed.lease_duration, 900);
await root.revoke({ lease_id: issued.lease_id });

const wrapped = await user.read(`${mount}/creds/app`, { headers: { 'X-Vault-Wrap-TTL': '5m' } });
assert.equal(wrapped.wrap_info.ttl, 300);
const bearer = client(wrapped.wrap_info.token);
const { data: unwrapped } = await bearer.unwrap();
assert.ok(await logsIn(unwrapped.username, unwrapped.password));
await assert.rejects(bearer.unwrap(), /wrapping token is not valid or does not exist/);

await root.write(`${mount}/static-roles/svc`, { db_name: 'yb', username: staticLogin, rotation_period: '24h' });
assert.deepEqual((await root.list(`${mount}/static-roles`)).data.keys, ['svc']);
const before = (await root.read(`${mount}/static-creds/svc`)).data;
assert.equal(before.username, staticLogin);
assert.ok(await logsIn(staticLogin, before.password));
await root.write(`${mount}/rotate-role/svc`);
const rotated = (await root.read(`${mount}/static-creds/svc`)).data;
assert.notEqual(rotated.password, before.password);
assert.ok(await logsIn(staticLogin, rotated.password));
assert.equal(await logsIn(staticLogin, before.password), false);

assert.ok(await logsIn(admin, adminPassword));
await root.write(`${mount}/rotate-root/yb`);
assert.equal(await logsIn(admin, adminPassword), false);
const { term } = (await root.read('sys/key-status')).data;
await root.rotate();
assert.equal((await root.read('sys/key-status')).data.term, term + 1);

await root.seal();
assert.equal((await nobody().status()).sealed, true);
assert.equal((await nobody().health()).sealed, true);
await assert.rejects(issue(user), (error) => {
  assert.equal(error.response.statusCode, 503);
  assert.deepEqual(error.response.body.errors, ['Vault is sealed']);
  return true;
});
await unseal(keys_base64.slice(1));
assert.equal((await root.read(`${mount}/static-creds/svc`)).data.password, rotated.password);

// With the new root password, from before the seal and after it.
const left = await issue(user);
assert.ok(await logsIn(left.data.username, left.data.password));
await user.tokenRevokeSelf();
await assert.rejects(user.tokenLookupSelf(), /permission denied/);
await root.delete(`${mount}/static-roles/svc`);
await root.disableAuth({ mount_point: approle });
await root.disableAuth({ mount_point: userpass });
await root.removePolicy({ name: mount });
const { version } = createRequire(import.meta.url)('node-vault/package.json');
console.log(
  JSON.stringify({
    client: `node-vault ${version}`,
    username: issued.data.username,
    leftBehind: left.data.username,
  }),
);
