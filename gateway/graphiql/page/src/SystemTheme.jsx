// Switches the editors when the system's theme changes between light and dark; the style sheet switches the rest.

import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

export function SystemTheme() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();

  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(theme);
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, [theme, setTheme]);

  return null;
}
