// Settings of the editors that GraphiQL lacks: colours with more contrast, and wrapped lines on a phone.

import { editor } from 'monaco-graphql/esm/monaco-editor.js';

// A contrast of at least 4.5 : 1 on GraphiQL's backgrounds, as WCAG 2.2 requires (1.4.3).
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

// Tab indents in an editor. After Esc, Tab and Shift-Tab leave it instead, until another key or a click (WCAG 2.1.2).
editor.onDidCreateEditor((created) => {
  const element = created.getContainerDomNode();
  let leaves = false;
  const capture = { capture: true };
  element.addEventListener(
    'keydown',
    (event) => {
      if (event.key === 'Tab' && leaves) event.stopPropagation();
      else if (event.key !== 'Shift') leaves = event.key === 'Escape';
    },
    capture,
  );
  element.addEventListener('pointerdown', () => (leaves = false), capture);
  element.addEventListener('focusout', () => (leaves = false), capture);
});
