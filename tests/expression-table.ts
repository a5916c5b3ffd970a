import { readFileSync } from 'node:fs';

/**
 * Every regular expression that runs in the server or in the plugin, by file, each with the text that it takes longest on:
 * what stands in front, and what is repeated behind it. For a new one, add what makes it look at most characters more than
 * once, or let `scripts/expressions.ts` look for it; and see that lint (no-super-linear-backtracking, no-super-linear-move) has
 * nothing to say.
 */
export const EXPRESSIONS = JSON.parse(readFileSync(new URL('expressions.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, readonly (readonly [expression: string, front: string, repeated: string])[]>
>;

/** What `new RegExp` is given, and one that is made by it. None is made of a text that a caller chooses. */
export const BUILT: readonly {
  readonly file: string;
  readonly text: string;
  readonly sample: RegExp;
  readonly worst: readonly [front: string, repeated: string];
}[] = [
  {
    file: 'packages/core/src/policies/acl-parameters.ts',
    text: "new RegExp(`^${GO_SPACE}+`, 'u')",
    sample: /^[\t-\r \u0085\p{Z}]+/u,
    worst: ['', ' '],
  },
  {
    file: 'packages/ysql/src/sql/render.ts',
    text: "new RegExp(`${MARK}(name|username|password|expiration)${MARK}`, 'g')",
    sample: /\ue000(name|username|password|expiration)\ue000/g,
    worst: ['', '\ue000name'],
  },
  ...[
    "'ad 34f 1806 180b-180d 200c-200d 2060 fe00-fe0f feff'), 'gu'",
    "PROHIBITED), 'u'",
    "RIGHT_TO_LEFT), 'u'",
    "LEFT_TO_RIGHT), 'u'",
  ].map((rest) => ({
    file: 'packages/base/src/saslprep.ts',
    text: `new RegExp(classOf(${rest})`,
    sample: /[\u00ad\u1806\ufeff]/gu,
    worst: ['', 'a'] as const,
  })),
  {
    file: 'packages/base/src/saslprep.ts',
    text: "new RegExp(`^${classOf(RIGHT_TO_LEFT)}(?:.*${classOf(RIGHT_TO_LEFT)})?$`, 'su')",
    sample: /^[\u0600-\u06ff](?:.*[\u0600-\u06ff])?$/su,
    worst: ['', '\u0627'],
  },
  ...(
    [
      ["`[eE]${ESCAPED}`, 'y'", /[eE]'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'/y, "e'", "''"],
      ["`[uU]&${PLAIN}`, 'y'", /[uU]&'[^']*(?:''[^']*)*'/y, "u&'", "''"],
      ["`[nNbBxX]?${PLAIN}`, 'y'", /[nNbBxX]?'[^']*(?:''[^']*)*'/y, "'", "''"],
      ["ESCAPED, 'y'", /'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'/y, "'", '\\\\'],
      ["PLAIN, 'y'", /'[^']*(?:''[^']*)*'/y, "'", "''"],
    ] as const
  ).map(([rest, sample, front, repeated]) => ({
    file: 'packages/ysql/src/sql/tokenizer.ts',
    text: `new RegExp(${rest})`,
    sample,
    worst: [front, repeated] as const,
  })),
];
