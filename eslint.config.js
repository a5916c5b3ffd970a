// Type-checked lint. A lost promise in a lease server is a live credential, so the promise rules are errors.
import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

const CASTS = [
  {
    selector: 'TSAsExpression[expression.type="TSAsExpression"][expression.typeAnnotation.type="TSUnknownKeyword"]',
    message: 'A cast over unknown says what nobody has looked at: parse the value.',
  },
  {
    selector:
      'TSAsExpression[expression.callee.object.name="JSON"][expression.callee.property.name="parse"]:not([typeAnnotation.typeName.name="JsonValue"])',
    message: 'JSON is a JsonValue, or unknown, until it was parsed.',
  },
  {
    selector: 'TSAsExpression[expression.type="MemberExpression"][expression.computed=true]',
    message: 'A column or a field of JSON is unknown until it was parsed.',
  },
];

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'dist/**', '**/gen/**', '**/*.mjs', 'eslint.config.js'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 16],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    // What comes from a store, a file or another program is read by a declaration, never cast (docs/decisions/0013-stored-values.md).
    files: ['packages/**', 'apps/**'],
    ignores: ['**/*.test.ts', '**/*fixture*', 'packages/testkit/**'],
    rules: { 'no-restricted-syntax': ['error', ...CASTS] },
  },
  {
    // Of the strings that a server gets, each is somebody's attack: no expression may take more than linear time.
    files: ['packages/**', 'apps/**'],
    ignores: ['**/*.test.ts', 'packages/testkit/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: true }],
    },
  },
  {
    files: ['**/*.test.ts', 'tests/**', 'scripts/**'],
    rules: {
      // node:test's describe/it return promises that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          ignoreVoid: false,
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test', 'suite'], package: 'node:test' },
          ],
        },
      ],
      'no-console': 'off',
    },
  },
);
