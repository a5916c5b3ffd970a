/** `npm run docs:site`: every page, link and anchor of the site that it builds, as a server of plain files shows it below a path. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { documentationPages } from './documentation.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PREFIX = '/manuals/coffer/';
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html; charset=utf-8', '.css': 'text/css' };

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The tags of a page of ours: what is text has its `<` and `>` escaped, attributes as well. */
function elementsOf(html: string): Element[] {
  return [...html.matchAll(/<([a-z][a-z0-9]*)((?:\s[^<>]*)?)>/g)].map(([, name = '', rest = '']) => {
    const pairs = [...rest.matchAll(/([a-z-]+)="([^"]*)"/g)];
    const attributes = Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, unescaped(value)] as const));
    return { name, attributes };
  });
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function valuesOf(html: string, attribute: string): string[] {
  return elementsOf(html).flatMap(({ attributes }) => attributes[attribute] ?? []);
}

const isElsewhere = (href: string): boolean => /^[a-z][a-z0-9+.-]*:|^\/\//i.test(href);

async function buildSite(output: string): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts', 'site.ts'), output], { cwd: ROOT });
}

function filesOf(site: string): string[] {
  return globSync('**/*', { cwd: site })
    .filter((file) => statSync(join(site, file)).isFile())
    .sort();
}

/** Files and nothing else, with 404.html for what is not there. */
async function serve(site: string): Promise<{ readonly server: Server; readonly home: URL }> {
  const files = new Set(filesOf(site));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : '';
    const found = files.has(file) ? file : '404.html';
    response.writeHead(found === file ? 200 : 404, { 'content-type': TYPES[extname(found)] ?? 'text/plain' });
    response.end(readFileSync(join(site, found)));
  });
  // A page that is asked for after a while must not go over a connection that is just being closed.
  server.keepAliveTimeout = 0;
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { server, home: new URL(`http://127.0.0.1:${port}${PREFIX}index.html`) };
}

describe('the site of the documentation', () => {
  let scratch = '';
  let site = '';
  let server: Server;
  let home: URL;
  const pages = new Map<string, string>();

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'coffer-site-'));
    site = join(scratch, 'site');
    await buildSite(site);
    ({ server, home } = await serve(site));
    for (const file of filesOf(site)) {
      if (file.endsWith('.html')) pages.set(file, await readFile(join(site, file), 'utf8'));
    }
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(scratch, { recursive: true, force: true });
  });

  it('shows every page that people read, and is left by no link to a page that is missing', async () => {
    const seen = new Map<string, number>();
    const waiting = [home.href];
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      if (seen.has(url)) continue;
      const response = await fetch(url);
      const text = await response.text();
      seen.set(url, response.status);
      if (response.headers.get('content-type') !== TYPES['.html']) continue;
      const targets = [...valuesOf(text, 'href'), ...valuesOf(text, 'src')].filter((href) => !isElsewhere(href));
      waiting.push(...targets.map((href) => new URL(href.replace(/#.*/s, ''), url).href));
    }
    const broken = [...seen].filter(([, status]) => status !== 200);
    assert.deepEqual(broken, []);
    const reached = new Set([...seen.keys()].map((url) => new URL(url).pathname.slice(PREFIX.length)));
    const wanted = [...documentationPages(), 'CHANGELOG.md', 'SECURITY.md'].map((page) =>
      page.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html'),
    );
    assert.deepEqual(
      wanted.filter((page) => !reached.has(page)),
      [],
    );
    assert.deepEqual(
      [...pages.keys()].filter((page) => page !== '404.html' && !reached.has(page)),
      [],
      'reached by no link',
    );
  });

  it('has links that hold on a disk: relative, and to files rather than folders', () => {
    for (const [page, html] of pages) {
      for (const href of valuesOf(html, 'href').filter((each) => !isElsewhere(each) && !each.startsWith('#'))) {
        assert.match(href, /^[^/].*[^/]$/, page);
        const file = decodeURIComponent(new URL(href, `file:///${page}`).pathname).slice(1);
        assert.ok(statSync(join(site, file), { throwIfNoEntry: false })?.isFile(), `${page}: ${href}`);
      }
    }
  });

  it('has a heading for every anchor', () => {
    for (const [page, html] of pages) {
      const ids = valuesOf(html, 'id');
      assert.deepEqual(ids, [...new Set(ids)], `${page}: an anchor twice`);
      for (const href of valuesOf(html, 'href').filter((each) => !isElsewhere(each) && each.includes('#'))) {
        const { pathname, hash } = new URL(href, `file:///${page}`);
        const target = pages.get(decodeURIComponent(pathname).slice(1)) ?? '';
        assert.ok(valuesOf(target, 'id').includes(decodeURIComponent(hash.slice(1))), `${page}: ${href}`);
      }
    }
  });

  it('has one title and one main heading on each page', () => {
    for (const [page, html] of pages) {
      const count = (name: string): number => elementsOf(html).filter((element) => element.name === name).length;
      assert.deepEqual([count('title'), count('h1')], [1, 1], page);
      assert.match(html, /<title>[^<]+<\/title>/, page);
      assert.match(html, /<h1[^>]*>[^<]/, page);
    }
  });

  it('fetches nothing from elsewhere, and runs nothing', () => {
    for (const [page, html] of pages) {
      for (const { name, attributes } of elementsOf(html)) {
        assert.ok(!['script', 'iframe', 'object', 'embed', 'base', 'form'].includes(name), `${page}: <${name}>`);
        const outside = Object.values(attributes).filter((value) => /^(?:https?:)?\/\//i.test(value));
        if (name !== 'a') assert.deepEqual(outside, [], `${page}: <${name}>`);
        const scripts = Object.entries(attributes).filter(
          ([key, value]) => /^on/.test(key) || /^javascript:/i.test(value),
        );
        assert.deepEqual(scripts, [], page);
      }
    }
    assert.doesNotMatch(readFileSync(join(site, 'style.css'), 'utf8'), /url\(|@import/);
  });

  it('names other sites by whole https addresses', () => {
    for (const [page, html] of pages) {
      for (const href of valuesOf(html, 'href').filter((each) => isElsewhere(each) && each !== 'data:,')) {
        assert.ok(URL.canParse(href), `${page}: ${href}`);
        assert.match(href, /^(?:https:\/\/[^/]+\.[^/]+|mailto:)/, page);
      }
    }
  });

  it('says at any address that a page is missing, without a link that would hold only at some', async () => {
    const response = await fetch(new URL('docs/no/such/page.html', home));
    const html = await response.text();
    assert.equal(response.status, 404);
    assert.match(html, /Page not found/);
    assert.deepEqual(valuesOf(html, 'href'), ['data:,']);
    assert.match(html, /<style>[^<]+prefers-color-scheme/);
  });

  it('is the same bytes each time', async () => {
    const again = join(scratch, 'again');
    await buildSite(again);
    assert.deepEqual(filesOf(again), filesOf(site));
    for (const file of filesOf(site)) {
      assert.ok((await readFile(join(again, file))).equals(await readFile(join(site, file))), file);
    }
  });

  it('is built into no folder that has something in it', async () => {
    await assert.rejects(buildSite(site), /not empty; give a folder that is empty or not there/);
  });
});
