// What the editors have beyond GraphiQL's own settings: colours that are easier to read, and on a phone lines that wrap.

import { editor } from 'monaco-graphql/esm/monaco-editor.js';

// 4.5 : 1 and more on GraphiQL's backgrounds, as WCAG 2.2 asks (1.4.3).
const READABLE = {
  'vs-dark': { rules: [{ token: 'comment', foreground: '#7fae6b' }], colors: { 'editorLineNumber.foreground': '#99a3b5' } },
  vs: { rules: [{ token: 'number', foreground: '#067a50' }], colors: {} },
};

const { defineTheme } = editor;
editor.defineTheme = (name, theme) => {
  const { rules, colors } = READABLE[theme.base];
  defineTheme(name, { ...theme, rules: [...theme.rules, ...rules], colors: { ...theme.colors, ...colors } });
};

editor.onDidCreateEditor((created) => {
  if (matchMedia('(max-width: 40rem)').matches) created.updateOptions({ wordWrap: 'on' });
});
