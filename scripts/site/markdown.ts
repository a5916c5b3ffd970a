/** Markdown as the pages of `docs/` are written: anchors as GitHub makes them, and no HTML but comments. */
import GithubSlugger from 'github-slugger';
import MarkdownIt from 'markdown-it';

type CoreState = Parameters<Parameters<MarkdownIt['core']['ruler']['push']>[1]>[0];
type Token = CoreState['tokens'][number];

export interface Heading {
  readonly level: number;
  readonly text: string;
  /** What a link to it has behind its `#`. */
  readonly id: string;
}

/** Where a link leads: to another page or file, or only to a path of the repository that is no part of the site. */
export type Target = { readonly href: string } | { readonly path: string };

/** @param source the page with the link, from the root of the repository @throws Error when it leads nowhere */
export type Resolve = (source: string, href: string) => Target;

/** The environment in which a page is rendered: Eleventy gives the data of the page. */
interface Environment {
  readonly source: string;
}

export function headingsOf(text: string): Heading[] {
  return headings(new MarkdownIt({ html: true }).parse(text, {})).map(({ heading }) => heading);
}

/** The targets of all links and images of a page, as they are written. */
export function linksOf(text: string): string[] {
  const inline = new MarkdownIt({ html: true }).parse(text, {}).flatMap(({ children }) => children ?? []);
  return inline.flatMap((token) => {
    const target = token.attrGet('href') ?? token.attrGet('src');
    return target === null ? [] : [target];
  });
}

export function siteMarkdown(resolve: Resolve): MarkdownIt {
  const markdown = new MarkdownIt({ html: true });
  // Behind all others, since each of them looks at what was read in.
  markdown.core.ruler.push('comments', dropComments);
  markdown.core.ruler.push('links', (state) => resolveLinks(state, resolve));
  markdown.core.ruler.push('anchors', addAnchors);
  // A table scrolls in a box of its own: on a phone the page must not.
  markdown.renderer.rules['table_open'] = () => '<div class="table"><table>\n';
  markdown.renderer.rules['table_close'] = () => '</table></div>\n';
  return markdown;
}

function headings(
  tokens: readonly Token[],
): { readonly heading: Heading; readonly open: Token; readonly inline: Token }[] {
  const slugger = new GithubSlugger();
  return tokens.flatMap((open, index) => {
    const inline = tokens[index + 1];
    if (open.type !== 'heading_open' || inline === undefined) return [];
    const text = (inline.children ?? []).map(({ content }) => content).join('');
    return [{ heading: { level: Number(open.tag.slice(1)), text, id: slugger.slug(text) }, open, inline }];
  });
}

/** Comments say what is generated, to who edits a page. Whatever else is HTML would look different where a page is read as Markdown. */
function dropComments(state: CoreState): void {
  const { source } = state.env as Environment;
  const keep = ({ type, content }: Token): boolean => {
    if (type !== 'html_block' && type !== 'html_inline') return true;
    if (!content.startsWith('<!--')) throw new Error(`${source}: HTML in a page: ${content.trim()}`);
    return false;
  };
  state.tokens = state.tokens.filter(keep);
  for (const token of state.tokens) {
    if (token.children !== null) token.children = token.children.filter(keep);
  }
}

function resolveLinks(state: CoreState, resolve: Resolve): void {
  const { source } = state.env as Environment;
  for (const token of state.tokens.flatMap(({ children }) => children ?? [])) resolveLink(token, source, resolve);
  for (const { children } of state.tokens) nameEnds(children ?? []);
}

function resolveLink(token: Token, source: string, resolve: Resolve): void {
  const name = token.type === 'image' ? 'src' : 'href';
  const written = token.attrGet(name);
  if (written === null) return;
  const target = resolve(source, written);
  if ('href' in target) {
    token.attrSet(name, target.href);
  } else if (token.type === 'image') {
    throw new Error(`${source}: ${written} is no part of the site: put images below docs/`);
  } else {
    token.tag = 'span';
    token.attrs = [['title', target.path]];
  }
}

/** The end of a link that became a `span` is that of a `span`. Links are never in one another. */
function nameEnds(children: readonly Token[]): void {
  let tag = 'a';
  for (const token of children) {
    if (token.type === 'link_open') tag = token.tag;
    if (token.type === 'link_close') token.tag = tag;
  }
}

function addAnchors(state: CoreState): void {
  for (const { heading, open, inline } of headings(state.tokens)) {
    open.attrSet('id', heading.id);
    if (heading.level === 1) continue;
    const anchor = new state.Token('html_inline', '', 0);
    anchor.content = ` <a class="anchor" href="#${heading.id}" aria-label="Link to this section">#</a>`;
    inline.children?.push(anchor);
  }
}
