// Builds the package golive-client: the module, the scripts that it loads, its types and its notices.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = fileURLToPath(new URL('../', import.meta.url));
const dist = fileURLToPath(new URL('./dist', import.meta.url));
rmSync(dist, { recursive: true, force: true });
const common = { bundle: true, format: 'esm', target: 'es2022', outdir: dist, absWorkingDir: web, logLevel: 'warning', legalComments: 'none' };
await build({ ...common, entryPoints: { golive: 'src/golive/golive.ts' } });
await build({
  ...common,
  minify: true,
  alias: { mediabunny: './src/golive/mediabunny.ts' },
  entryPoints: { 'encoder.worker': 'src/encoder.worker.ts', 'microphone.worklet': 'src/microphone.worklet.ts', aac: 'src/aac.ts' },
});
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'client/tsconfig.json'], { cwd: web, stdio: 'inherit' });
const notices = ['aac-encoder.txt', 'ffmpeg-aac.txt'].map((name) => readFileSync(`${web}/../internal/notices/npm/${name}`, 'utf8'));
writeFileSync(`${dist}/THIRD-PARTY.txt`, notices.join('\n'));
// Declarations name the files next to them without .ts, so that they need no setting of the app.
for (const name of readdirSync(`${dist}/golive`)) {
  const file = `${dist}/golive/${name}`;
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(from '\.\/[a-z]+)\.ts'/g, "$1.js'").replaceAll(/(from "\.\/[a-z]+)\.ts"/g, '$1.js"'));
}
