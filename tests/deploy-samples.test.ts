/** The files of deploy/, which docs/production.md shows: what can be known of them without the programs that read them, and by those that are there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createCertificateAuthority } from '@coffer/testkit';
import { parse as parseYaml } from 'yaml';
import { parseServerConfig } from '../apps/coffer/src/config/server-config.ts';
import { executedBlocks, readPage } from './documentation.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DEPLOY = join(ROOT, 'deploy');
const NODES = ['node1', 'node2', 'node3'];
/** `default_max_request_duration`: who waits less cuts off answers that were about to come. */
const LONGEST_REQUEST_SECONDS = 90;

const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');
const run = promisify(execFile);

/** The program on PATH or where administrators' programs are; skips the test when there is none. */
function program(t: TestContext, name: string): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  const found = places.map((place) => join(place, name)).find((file) => existsSync(file));
  if (found === undefined) t.skip(`no ${name} here: the structure is checked above`);
  return found;
}

/** Lines without comments and indentation. */
function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '');
}

describe('the samples of deploy/', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-deploy-'));
    const authority = await createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({
      commonName: 'coffer.example.com',
      dnsNames: ['coffer.example.com'],
    });
    await writeFile(join(directory, 'cert.pem'), cert);
    await writeFile(join(directory, 'key.pem'), key, { mode: 0o600 });
    await writeFile(join(directory, 'both.pem'), cert + key, { mode: 0o600 });
    await writeFile(join(directory, 'ca.pem'), authority.certificatePem);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('are what the page shows, and each is shown or named', () => {
    const pages = readPage('docs/production.md') + readPage('docs/install.md');
    for (const { kind, text } of executedBlocks('docs/production.md', import.meta.filename)) {
      assert.equal(text, read(kind.split(' deploy/')[1] ?? ''), kind);
    }
    for (const file of globSync('**/*', { cwd: DEPLOY, withFileTypes: true }).filter((entry) => entry.isFile())) {
      const name = join(file.parentPath, file.name).slice(ROOT.length + 1);
      assert.ok(pages.includes(name), `neither docs/production.md nor docs/install.md says anything of ${name}`);
    }
  });

  it('configure servers', () => {
    const node = parseServerConfig(read('coffer.hcl'), 'coffer.hcl');
    assert.deepEqual(node.listeners[0]?.tls, {
      certFile: '/etc/coffer/tls/cert.pem',
      keyFile: '/etc/coffer/tls/key.pem',
    });
    assert.equal(node.storage.type, 'yugabytedb');
    assert.equal(node.apiAddr, 'https://node1.example.com:8200');
    const [, seconds = '', fall = ''] = /check inter (\d+)s fall (\d+) /.exec(read('haproxy.cfg')) ?? [];
    const heardAfter = Number(seconds) * (Number(fall) + 1);
    const [, stop = ''] = /TimeoutStopSec=(\d+)/.exec(read('coffer.service')) ?? [];
    const { shutdownDelay = 0 } = node;
    assert.ok(heardAfter > 0 && shutdownDelay > heardAfter && Number(stop) > shutdownDelay + 30);
    for (const name of NODES) {
      const composed = parseServerConfig(read('compose/coffer.hcl').replaceAll('NODE', name), 'coffer.hcl');
      assert.equal(composed.apiAddr, `https://${name}:8200`);
      assert.equal(composed.shutdownDelay, shutdownDelay);
      assert.equal(composed.listeners[0]?.tls?.certFile, `/etc/coffer/tls/${name}.pem`);
      assert.partialDeepStrictEqual(composed.seal, { current: { url: 'file:///etc/coffer/unseal.key' } });
    }
  });

  it('are scripts that a shell reads', async () => {
    for (const file of ['host.sh', 'certificates.sh']) await run('sh', ['-n', join(DEPLOY, file)]);
  });

  describe('coffer.service', () => {
    const unit = read('coffer.service');

    it('is made of sections and settings, each once', () => {
      const sections = new Map<string, Map<string, string>>();
      let section: Map<string, string> | undefined;
      for (const line of linesOf(unit)) {
        const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
        const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
        if (name !== undefined) sections.set(name, (section = new Map<string, string>()));
        else {
          assert.ok(key !== '' && section !== undefined, `neither a section nor a setting: ${line}`);
          assert.ok(!section.has(key), `${key} is set twice`);
          section.set(key, value);
        }
      }
      assert.deepEqual([...sections.keys()], ['Unit', 'Service', 'Install']);
      const service = sections.get('Service');
      assert.equal(service?.get('ExecStart'), '/usr/local/bin/coffer server -config=/etc/coffer/coffer.hcl');
      assert.equal(service.get('User'), 'coffer');
      // Thirty seconds for requests under way, and what shutdown_delay adds.
      assert.ok(Number(service.get('TimeoutStopSec')) > 30);
      assert.equal(service.get('KillMode'), 'mixed', 'plugins outlive the requests that they serve');
    });

    it('starts what host.sh installs, as the user that it makes', () => {
      const host = read('host.sh');
      for (const [, file = ''] of unit.matchAll(/ExecStart=(\S+) server -config=(\S+)/g))
        assert.ok(host.includes(file));
      for (const installed of ['/etc/coffer/coffer.hcl', '/etc/systemd/system/coffer.service', '/etc/coffer/tls']) {
        assert.ok(host.includes(installed), installed);
      }
      assert.match(host, /^useradd --system .* coffer$/m);
    });

    it('lets it write where the pages have it write', () => {
      const places = { StateDirectory: '/var/lib/', LogsDirectory: '/var/log/', RuntimeDirectory: '/run/' };
      const writable = Object.entries(places).map(([key, parent]) => {
        const [, name = ''] = new RegExp(`^${key}=(\\w+)$`, 'm').exec(unit) ?? [];
        return `${parent}${name}/`;
      });
      const pages = ['production', 'listeners', 'audit', 'logs'].map((page) => readPage(`docs/${page}.md`)).join('');
      const written = [...pages.matchAll(/= "(\/(?:var|run)\/[^"]*)"/g)].map(([, path = '']) => path);
      assert.ok(written.length > 2);
      for (const path of written) {
        assert.ok(
          writable.some((directory) => `${path}/`.startsWith(directory)),
          path,
        );
      }
    });

    it('pleases systemd-analyze', async (t) => {
      const analyze = program(t, 'systemd-analyze');
      if (analyze === undefined) return;
      const file = join(directory, 'coffer.service');
      // It looks for the program, which is not installed here.
      await writeFile(file, unit.replace('/usr/local/bin/coffer', process.execPath));
      const { stdout, stderr } = await run(analyze, ['verify', file]);
      assert.equal(stdout + stderr, '');
    });
  });

  for (const file of ['haproxy.cfg', 'compose/haproxy.cfg']) {
    describe(file, () => {
      const text = read(file);
      const lines = linesOf(text);

      it('asks each node for its health, and waits for its answer', () => {
        assert.ok(lines.includes('option httpchk'));
        assert.ok(lines.some((line) => line.startsWith('http-check send meth GET uri /v1/sys/health ')));
        assert.ok(lines.includes('http-check expect status 200'));
        assert.deepEqual(
          lines.filter((line) => line.startsWith('server ')).map((line) => line.split(' ')[1]),
          NODES,
        );
        const servers = lines.find((line) => line.startsWith('default-server ')) ?? '';
        assert.match(servers, /^default-server check inter \d+s fall \d+ rise \d+ ssl verify required ca-file \S+ /);
        for (const name of ['client', 'server']) {
          const seconds = Number(new RegExp(`^timeout ${name} (\\d+)s$`, 'm').exec(lines.join('\n'))?.[1]);
          assert.ok(seconds > LONGEST_REQUEST_SECONDS, `timeout ${name}`);
        }
        // A request that was sent may have been carried out.
        assert.ok(lines.includes('retry-on conn-failure'));
      });

      it('pleases haproxy', async (t) => {
        const haproxy = program(t, 'haproxy');
        if (haproxy === undefined) return;
        const here = text
          .replace(/ crt \S+/, ` crt ${join(directory, 'both.pem')}`)
          .replace(/ ca-file \S+/, ` ca-file ${join(directory, 'ca.pem')}`)
          .replace(/(server node\d) \S+/g, '$1 127.0.0.1:8200');
        const config = join(directory, 'haproxy.cfg');
        await writeFile(config, here);
        await run(haproxy, ['-c', '-f', config]);
      });
    });
  }

  describe('nginx.conf', () => {
    const text = read('nginx.conf');

    it('is made of directives and blocks', () => {
      let depth = 0;
      for (const line of linesOf(text)) {
        assert.match(line, /^\}$|^[a-z][\w ./:;="$-]*[;{]$/, line);
        depth += line.endsWith('{') ? 1 : line === '}' ? -1 : 0;
        assert.ok(depth >= 0, line);
      }
      assert.equal(depth, 0);
    });

    it('passes over a node that answers 503, and waits for the others', () => {
      const lines = linesOf(text);
      assert.ok(lines.includes('proxy_next_upstream error http_503;'));
      assert.equal(lines.filter((line) => /^server node\d\./.test(line)).length, NODES.length);
      assert.ok(lines.includes('proxy_ssl_verify on;'));
      assert.ok(Number(/^proxy_read_timeout (\d+)s;$/m.exec(lines.join('\n'))?.[1]) > LONGEST_REQUEST_SECONDS);
    });

    it('pleases nginx', async (t) => {
      const nginx = program(t, 'nginx');
      if (nginx === undefined) return;
      // It makes these directories, by default where only an installed one may.
      const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (of) => `${of}_temp_path ${directory}/${of};`,
      );
      const here = text
        .replace('http {', `http { ${own.join(' ')}`)
        .replace('/etc/nginx/tls/cert.pem', join(directory, 'cert.pem'))
        .replace('/etc/nginx/tls/key.pem', join(directory, 'key.pem'))
        .replace('/etc/nginx/tls/ca.pem', join(directory, 'ca.pem'))
        .replace(/node\d\.example\.com/g, '127.0.0.1');
      const config = join(directory, 'nginx.conf');
      await writeFile(config, here);
      await run(nginx, ['-t', '-e', 'stderr', '-p', directory, '-g', `pid ${directory}/nginx.pid;`, '-c', config]);
    });
  });

  describe('compose/compose.yaml', () => {
    interface Service {
      readonly image?: string;
      readonly build?: string;
      readonly hostname?: string;
      readonly command?: readonly string[];
      readonly environment?: Readonly<Record<string, string>>;
      readonly healthcheck?: { readonly test: readonly string[] };
      readonly volumes?: readonly string[];
      readonly ports?: readonly string[];
      readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
    }
    interface Compose {
      readonly services: Readonly<Record<string, Service>>;
      readonly volumes: Readonly<Record<string, unknown>>;
    }
    const compose = parseYaml(read('compose/compose.yaml'), { merge: true, strict: true }) as Compose;
    const services = Object.entries(compose.services);

    it('has three database nodes, three Coffers and one balancer', () => {
      const names = services.map(([name]) => name);
      assert.deepEqual(names, ['yb1', 'yb2', 'yb3', 'store', ...NODES, 'balancer']);
      for (const [name, { image, build }] of services) assert.ok((image === undefined) !== (build === undefined), name);
      const joining = services.filter(([, { command }]) => command?.some((word) => word.startsWith('--join=')));
      assert.deepEqual(
        joining.map(([name]) => name),
        ['yb2', 'yb3'],
      );
    });

    it('names each machine as the other files do', () => {
      for (const name of ['yb1', 'yb2', 'yb3', ...NODES]) assert.equal(compose.services[name]?.hostname, name);
      for (const name of ['yb1', 'yb2', 'yb3']) {
        assert.ok(compose.services[name]?.command?.includes(`--advertise_address=${name}`));
        assert.ok(read('compose/coffer.hcl').includes(`${name}:5433`));
      }
      const servers = linesOf(read('compose/haproxy.cfg')).filter((line) => line.startsWith('server '));
      assert.deepEqual(
        servers,
        NODES.map((name) => `server ${name} ${name}:8200`),
      );
    });

    it('mounts files that are there, or that the page has the reader make', () => {
      const page = readPage('docs/production.md');
      const made = ['./unseal.key', './tls'];
      for (const [name, service] of services) {
        for (const [from = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
          if (!from.startsWith('.')) assert.ok(from in compose.volumes, `${name}: ${from}`);
          else if (made.includes(from)) assert.ok(page.includes(basename(from)), from);
          else assert.ok(existsSync(join(DEPLOY, 'compose', from)), `${name}: ${from}`);
        }
      }
      assert.ok(existsSync(join(DEPLOY, 'compose', dirname(compose.services['node1']?.build ?? ''), 'Dockerfile')));
    });

    it('waits for services that there are', () => {
      for (const [name, { depends_on = [] }] of services) {
        const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
        for (const other of needed) assert.ok(other in compose.services, `${name}: ${other}`);
        for (const [other, { condition }] of Array.isArray(depends_on) ? [] : Object.entries(depends_on)) {
          const healthy = compose.services[other]?.healthcheck !== undefined;
          assert.ok(
            condition === 'service_completed_successfully' || (condition === 'service_healthy' && healthy),
            name,
          );
        }
      }
    });

    it('leaves no variable of the container to the reader’s shell', () => {
      const own = ['YUGABYTE_VERSION', 'OWNER'];
      for (const [, name = ''] of read('compose/compose.yaml').matchAll(/(?<!\$)\$\{?([A-Za-z_]+)/g)) {
        assert.ok(own.includes(name), `$${name}`);
      }
    });
  });
});
