import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';

test('the package can be packed, imported and typed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'golive-client-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [{ filename, files }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: 'client', encoding: 'utf8' }),
  ) as [{ filename: string; files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const name of ['README.md', 'dist/golive.js', 'dist/golive/golive.d.ts', 'dist/encoder.worker.js', 'dist/microphone.worklet.js', 'dist/aac.js', 'dist/THIRD-PARTY.txt', 'example/index.html']) {
    assert.ok(paths.includes(name), name);
  }
  const modules = join(folder, 'node_modules', 'golive-client');
  execFileSync('mkdir', ['-p', modules]);
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', modules, '--strip-components=1']);
  const said = execFileSync(process.execPath, ['--input-type=module', '-e',
    "import { GoLive, GoLiveError } from 'golive-client'; const live = new GoLive({ baseUrl: 'https://live.example/x' }); console.log(live.state, new GoLiveError('network', 'm').code)",
  ], { cwd: folder, encoding: 'utf8' });
  assert.equal(said.trim(), 'idle network');
  writeFileSync(join(folder, 'app.ts'), "import { GoLive, type Broadcast } from 'golive-client';\nexport const go = (s: MediaStream): Promise<Broadcast> => new GoLive().start(s, { preview: true });\n");
  execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', join(folder, 'app.ts')], { cwd: folder, encoding: 'utf8' });
  assert.match(readFileSync(join(modules, 'dist', 'THIRD-PARTY.txt'), 'utf8'), /Mozilla Public License[\s\S]*GNU LESSER GENERAL PUBLIC LICENSE/);
});
