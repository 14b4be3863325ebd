// Usage: node check.mjs URL FOLDER
//
// Checks the OpenAPI document of the golive at URL, generates a client from it into FOLDER,
// compiles it together with scenario.ts, and runs that. Every answer is compared with its schema in
// the document.
import { createClient } from '@hey-api/openapi-ts';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const [url, folder] = process.argv.slice(2);

function must(ok, what, details) {
  if (!ok) throw new Error(`${what}: ${JSON.stringify(details, null, 2)}`);
}

async function documentAt(path, version) {
  const document = await (await fetch(url + path)).json();
  const validator = new Validator({ strict: true });
  const { valid, errors } = await validator.validate(structuredClone(document));
  must(valid, `${path} is not valid`, errors);
  must(validator.version === version, path, validator.version);
  return document;
}

// The validator leaves schemas alone. Unknown keywords and formats are errors, and examples are
// compared with the schema that has them.
function checkSchemas(schemas) {
  const ajv = addFormats(new Ajv2020({ strict: true, strictRequired: true, allowUnionTypes: true }));
  for (const [name, schema] of Object.entries(schemas)) {
    ajv.addSchema(schema, `#/components/schemas/${name}`);
  }
  for (const [name, schema] of Object.entries(schemas)) {
    must(ajv.getSchema(`#/components/schemas/${name}`), name, 'cannot be compiled');
    for (const [field, { examples = [], ...rest }] of Object.entries(schema.properties ?? {})) {
      for (const example of examples) {
        must(ajv.validate(rest, example), `the example of ${name}.${field}`, ajv.errors);
      }
    }
  }
}

function generate(document) {
  writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  copyFileSync(new URL('scenario.ts', import.meta.url), join(folder, 'scenario.ts'));
  return createClient({
    input: join(folder, 'openapi.json'),
    output: { path: join(folder, 'client'), module: { extension: '.js' } },
    logs: { level: 'error', file: false },
  });
}

// The types of the client have to fit what the scenario does with it.
function compile() {
  const program = ts.createProgram([join(folder, 'scenario.ts')], {
    strict: true, noUncheckedIndexedAccess: true, skipLibCheck: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  const { diagnostics } = program.emit();
  const all = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  must(all.length === 0, 'the client does not compile', ts.formatDiagnostics(all, {
    getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n',
  }));
}

// answers compares values with their schemas in the document.
function answersOf(document) {
  const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
  ajv.addSchema(document, 'document');
  const at = (...names) => names.map((name) => '/' + String(name).replaceAll('~', '~0').replaceAll('/', '~1')).join('');
  const paths = Object.keys(document.paths).map((path) => [path, new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)]);

  function check(path, method, status, type, value) {
    const validate = ajv.getSchema(encodeURI(`document#${at('paths', path, method, 'responses', status, 'content', type, 'schema')}`));
    must(validate, `${method} ${path} ${status} ${type}`, 'is not in the document');
    must(validate(value), `${method} ${path} ${status} ${type}`, [value, validate.errors]);
  }

  // checkedFetch is fetch for the generated client.
  async function checkedFetch(request) {
    const response = await fetch(request);
    const method = request.method.toLowerCase();
    const [path] = paths.find(([, pattern]) => pattern.test(new URL(request.url).pathname)) ?? [];
    const described = document.paths[path]?.[method]?.responses[response.status];
    must(described, `${request.method} ${request.url}`, `${response.status} is not in the document`);
    const type = response.headers.get('Content-Type');
    if (!described.content) {
      must((await response.clone().text()) === '', `${request.method} ${request.url}`, 'has a body');
    } else if (type !== 'text/event-stream') {
      check(path, method, response.status, type, await response.clone().json());
    }
    return response;
  }
  const checkEvent = (data) => check('/v1/broadcasts/{id}/events', 'get', 200, 'text/event-stream', data);
  return { checkedFetch, checkEvent };
}

const document = await documentAt('/v1/openapi.json', '3.1');
await documentAt('/v1/openapi-3.0.json', '3.0');
checkSchemas(document.components.schemas);
await generate(document);
compile();
const { run } = await import(join(folder, 'scenario.js'));
console.log(await run(url, answersOf(document)));
