import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

// Compresses the files in advance, so that no request waits for it.
const compressed = {
  name: 'compressed',
  apply: 'build',
  closeBundle() {
    const folder = this.environment.config.build.outDir;
    for (const { name, parentPath } of readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())) {
      const file = join(parentPath, name);
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    }
  },
};

export default {
  base: './', // The page is at …/graphql and its files are at …/graphiql/, under any prefix.
  build: {
    assetsDir: 'graphiql',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5_000,
    license: { fileName: 'graphiql/LICENSES.md' },
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  plugins: [compressed],
  worker: { format: 'es' },
};
