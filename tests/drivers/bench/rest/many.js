// Lists of many practices, whose keys stand in FILE: writes the paths to FILE.paths, asks each once and prints how many a second
// that were.
// node many.js ADDRESS FILE
const { readFileSync, writeFileSync } = require('node:fs');
const { ask, since, where, listPath, finish } = require('./api.js');

const [address, file] = process.argv.slice(2);
const PATH = listPath(where('cf_segment', 'eq', 'seg03'), '-fields.cf_fee');

// Sixteen at a time.
async function all(things, work) {
  let next = 0;
  const worker = async () => {
    while (next < things.length) await work(things[next++]);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

(async () => {
  const keys = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line).key);
  writeFileSync(`${file}.paths`, keys.map(key => `${PATH}\t${key}\n`).join(''));
  const began = process.hrtime.bigint();
  await all(keys, async key => {
    const page = await ask('GET', address + PATH, key);
    if (!page.items.length || page.items.length !== Math.min(page.total, 50)) throw new Error(`${page.items.length} rows of ${page.total}`);
  });
  console.log((keys.length / since(began)).toFixed(0));
  finish();
})().catch(error => { console.error(error); process.exit(1); });
